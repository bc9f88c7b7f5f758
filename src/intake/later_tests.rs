//! What is later than what was read: compressed files, copies, names.

use super::Step;
use super::desk::{Desk, LIMITS};

/// Gives every rotated file the next number, compressed or not, as log rotation does.
fn rotate(desk: &Desk, rotated: usize) {
    for number in (1..=rotated).rev() {
        for end in ["", ".gz"] {
            let name = |number: usize| format!("s.jsonl.{number}{end}");
            if desk.path(&name(number)).exists() {
                desk.rename(&name(number), &name(number + 1));
            }
        }
    }
    desk.rename("s.jsonl", "s.jsonl.1");
}

#[test]
fn what_was_read_and_compressed_is_no_gap_at_the_next_rotation() {
    // At each rotation the file of the one before was named as a gap: compressed right after the current one was born, it was
    // younger than it.
    for restart in [false, true] {
        let mut desk = Desk::new();
        for number in 0..4 {
            if number > 0 {
                rotate(&desk, number);
                desk.append("s.jsonl", &format!("row {number}\n"));
                desk.compress("s.jsonl.1");
            } else {
                desk.append("s.jsonl", "row 0\n");
            }
            if restart {
                desk.restart();
            }
            let mut expected = vec![format!("{number}:0 row {number}")];
            if restart && number > 0 {
                // Whether all of it was read nobody can tell.
                expected.insert(0, format!("[Some({}) 6..6 then Some({number})]", number - 1));
            }
            assert_eq!(desk.read(), expected, "restart {restart}");
        }
    }
}

/// A stream whose first file was read, and that was rotated twice since: `s.jsonl.1` is a file that nobody has looked at.
fn rotated_twice(restart: bool) -> Desk {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    rotate(&desk, 0);
    desk.append("s.jsonl", "b\n");
    rotate(&desk, 1);
    desk.append("s.jsonl", "c\n");
    if restart {
        desk.restart();
    }
    desk
}

#[test]
fn a_file_that_was_compressed_before_anybody_looked_is_a_gap_that_is_named() {
    for restart in [false, true] {
        let mut desk = rotated_twice(restart);
        desk.compress("s.jsonl.1");
        assert_eq!(desk.read(), ["[None 0..0 then Some(1)]", "1:0 c"], "restart {restart}");
        assert!(desk.gaps[0].contains("s.jsonl.1.gz is compressed"), "{:?}", desk.gaps);
    }
}

#[test]
fn a_file_that_is_younger_than_its_successor_is_read_before_it() {
    // Brought back from a copy, it was born after the current file, and was left out without a word.
    for restart in [false, true] {
        for read_is_there in [true, false] {
            let mut desk = rotated_twice(restart);
            desk.copy("s.jsonl.1", "s.jsonl.1");
            let mut expected = vec!["1:0 b", "2:0 c"];
            if !read_is_there {
                std::fs::remove_file(desk.path("s.jsonl.2")).unwrap();
                if restart {
                    expected.insert(0, "[Some(0) 2..2 then Some(1)]");
                }
            }
            assert_eq!(desk.read(), expected, "restart {restart}, there {read_is_there}");
            // And not a second time at the next rotation.
            rotate(&desk, 2);
            desk.append("s.jsonl", "d\n");
            assert_eq!(desk.read(), ["3:0 d"]);
        }
    }
}

#[test]
fn a_copy_of_what_was_read_is_no_generation() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    // By hand, with a name that tells nothing.
    desk.copy("s.jsonl", "s.jsonl-20260101");
    std::fs::OpenOptions::new()
        .write(true)
        .open(desk.path("s.jsonl-20260101"))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    rotate(&desk, 0);
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["1:0 b"]);
}

#[test]
fn rows_that_come_to_a_file_that_was_left_are_a_gap() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    rotate(&desk, 0);
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["1:0 b"]);
    desk.append("s.jsonl.1", "late\n");
    assert_eq!(desk.read(), ["[Some(0) 2..7 then None]"]);
    // Once a minute is enough.
    desk.append("s.jsonl.1", "later\n");
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn files_that_wait_for_their_turn_are_read_whatever_becomes_of_their_names() {
    // They waited by name: after a rotation the name was another file's, and a whole file was left out without a word.
    for fate in ["rotated", "compressed", "removed"] {
        let mut desk = Desk::new();
        for (name, row) in [("s.jsonl.2", "a"), ("s.jsonl.1", "b"), ("s.jsonl", "c")] {
            std::thread::sleep(std::time::Duration::from_millis(20));
            desk.append(name, &format!("{row}\n"));
        }
        // One step reads the first file; the others wait.
        let step = desk.tail.step(LIMITS, &mut Vec::new()).unwrap();
        assert!(matches!(step, Step::Chunk(_)));
        match fate {
            "rotated" => {
                rotate(&desk, 2);
                desk.append("s.jsonl", "d\n");
            }
            "compressed" => desk.compress("s.jsonl.1"),
            _ => std::fs::remove_file(desk.path("s.jsonl.1")).unwrap(),
        }
        let mut expected = vec!["1:0 b", "2:0 c"];
        if fate == "rotated" {
            expected.push("3:0 d");
        }
        assert_eq!(desk.read(), expected, "{fate}");
    }
}

#[test]
fn files_that_were_rotated_with_no_other_in_their_place_are_read() {
    for restart in [false, true] {
        let mut desk = Desk::new();
        desk.append("s.jsonl", "a\n");
        desk.read();
        rotate(&desk, 0);
        desk.append("s.jsonl", "b\n");
        rotate(&desk, 1);
        if restart {
            desk.restart();
        }
        assert_eq!(desk.read(), ["1:0 b"], "restart {restart}");
    }
}

#[test]
fn a_compressed_file_between_two_others_is_named_once() {
    let mut desk = Desk::new();
    for (name, row) in [("s.jsonl.3", "a"), ("s.jsonl.2.gz", "zipped"), ("s.jsonl", "c")] {
        std::thread::sleep(std::time::Duration::from_millis(20));
        desk.append(name, &format!("{row}\n"));
    }
    assert_eq!(desk.read(), ["[None 0..0 then Some(0)]", "0:0 a", "1:0 c"]);
}
