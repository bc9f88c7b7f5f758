//! A tail on real files: what logrotate, editors and crashed producers do to them.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::desk::{Desk, LIMITS};
use super::*;

#[test]
fn a_file_that_is_not_there_yet_is_waited_for() {
    let mut desk = Desk::new();
    assert_eq!(desk.read(), [""; 0]);
    desk.append("s.jsonl", "a\n");
    assert_eq!(desk.read(), ["0:0 a"]);
    fs::remove_file(desk.path("s.jsonl")).unwrap();
    assert_eq!(desk.read(), [""; 0]);
    desk.restart();
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn a_half_line_waits_for_its_newline_also_over_a_restart() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\nb");
    assert_eq!(desk.read(), ["0:0 a"]);
    desk.restart();
    assert_eq!(desk.read(), [""; 0]);
    desk.append("s.jsonl", "c\n");
    assert_eq!(desk.read(), ["0:1 bc"]);
}

#[test]
fn a_file_rotated_while_it_is_tailed_is_read_to_its_end_first() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    assert_eq!(desk.read(), ["0:0 a"]);
    desk.append("s.jsonl", "b\n");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl.1", "c\n");
    desk.append("s.jsonl", "d\n");
    assert_eq!(desk.read(), ["0:1 b", "0:2 c", "1:0 d"]);
}

#[test]
fn a_file_rotated_away_with_no_other_in_its_place_is_still_followed() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl.1", "b\n");
    assert_eq!(desk.read(), ["0:1 b"]);
    desk.restart();
    desk.append("s.jsonl.1", "c\n");
    assert_eq!(desk.read(), ["0:2 c"]);
    desk.append("s.jsonl", "d\n");
    assert_eq!(desk.read(), ["1:0 d"]);
}

#[test]
fn a_late_write_to_a_rotated_file_is_waited_for() {
    let mut desk = Desk::new();
    desk.tail = Tail::new(desk.path("s.jsonl"), None, Duration::from_millis(200));
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "c\n");
    assert_eq!(desk.read(), [""; 0]);
    assert!(desk.tail.is_waiting());
    desk.append("s.jsonl.1", "b\n");
    assert_eq!(desk.read(), ["0:1 b"]);
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(desk.read(), ["1:0 c"]);
    assert!(!desk.tail.is_waiting());
}

#[test]
fn a_file_rotated_while_nobody_looked_is_read_to_its_end_first() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.append("s.jsonl", "b\n");
    desk.rename("s.jsonl", "s.jsonl-20260426");
    desk.append("s.jsonl", "c\n");
    desk.restart();
    assert_eq!(desk.read(), ["0:1 b", "1:0 c"]);
}

#[test]
fn a_file_rotated_twice_while_nobody_looked_gives_every_generation_in_order() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.append("s.jsonl", "b\n");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "c\n");
    desk.rename("s.jsonl.1", "s.jsonl.2");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "d\n");
    desk.restart();
    assert_eq!(desk.read(), ["0:1 b", "1:0 c", "2:0 d"]);
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn a_file_rotated_away_without_a_row_takes_no_number() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "one\n");
    assert_eq!(desk.read(), ["0:0 one"]);
    desk.rename("s.jsonl", "s.jsonl.2");
    desk.append("s.jsonl", "");
    assert_eq!(desk.read(), [""; 0]);
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "two\n");
    assert_eq!(desk.read(), ["1:0 two"]);
    // The same from the start, and whether the empty file is still there or not.
    desk.position = None;
    desk.restart();
    assert_eq!(desk.read(), ["0:0 one", "1:0 two"]);
    fs::remove_file(desk.path("s.jsonl.1")).unwrap();
    desk.position = None;
    desk.restart();
    assert_eq!(desk.read(), ["0:0 one", "1:0 two"]);
}

#[test]
fn a_file_rotated_twice_between_two_looks_gives_every_generation_in_order() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "b\n");
    desk.rename("s.jsonl.1", "s.jsonl.2");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "c\n");
    assert_eq!(desk.read(), ["1:0 b", "2:0 c"]);
}

#[test]
fn a_restart_in_the_middle_of_several_generations_goes_on_in_order() {
    let mut desk = Desk::new();
    for (text, rotated) in [("a\n", "s.jsonl.3"), ("b\n", "s.jsonl.2"), ("c\n", "s.jsonl.1")] {
        desk.append("s.jsonl", text);
        desk.rename("s.jsonl", rotated);
    }
    desk.append("s.jsonl", "d\n");
    let expected = ["0:0 a", "1:0 b", "2:0 c", "3:0 d"];
    let mut buffer = Vec::new();
    for (generation, line) in expected.iter().enumerate() {
        // One chunk of each life only.
        let chunk = loop {
            match desk.tail.step(LIMITS, &mut buffer).unwrap() {
                Step::Finished(_) => {}
                Step::Chunk(chunk) => break chunk,
                other => panic!("no chunk but {other:?}"),
            }
        };
        assert_eq!(chunk.source.generation as usize, generation);
        assert_eq!(format!("{generation}:0 {}", String::from_utf8_lossy(&buffer).trim()), *line);
        desk.position = Some(Position {
            generation: chunk.source.generation,
            identity: chunk.source.identity,
            offset: chunk.to,
            line: chunk.lines,
            anchor: chunk.anchor,
        });
        desk.restart();
    }
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn an_unlinked_file_is_told_from_a_new_one_of_the_same_name() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "same\n");
    desk.read();
    // The inode is free at once, and mostly taken again.
    std::thread::sleep(Duration::from_millis(20));
    desk.restart();
    fs::remove_file(desk.path("s.jsonl")).unwrap();
    desk.append("s.jsonl", "same\nmore\n");
    assert_eq!(desk.read(), ["[Some(0) 5..5 then Some(1)]", "1:0 same", "1:1 more"]);
}

#[test]
fn an_unlinked_file_is_read_to_its_end_before_the_new_one() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.append("s.jsonl", "b\n");
    fs::remove_file(desk.path("s.jsonl")).unwrap();
    desk.append("s.jsonl", "c\n");
    assert_eq!(desk.read(), ["0:1 b", "1:0 c"]);
}

#[test]
fn a_truncated_file_starts_over_with_a_gap() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\nb\n");
    desk.read();
    desk.truncate("s.jsonl");
    desk.append("s.jsonl", "c\n");
    assert_eq!(desk.read(), ["[Some(0) 4..4 then Some(1)]", "1:0 c"]);
}

#[test]
fn what_was_seen_and_not_read_before_a_truncation_is_in_the_gap() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\nhalf a line");
    assert_eq!(desk.read(), ["0:0 a"]);
    desk.truncate("s.jsonl");
    assert_eq!(desk.read(), ["[Some(0) 2..13 then Some(1)]"]);
}

#[test]
fn a_file_truncated_and_regrown_past_the_cursor_is_caught_by_its_anchor() {
    for restart in [false, true] {
        let mut desk = Desk::new();
        desk.append("s.jsonl", "a\nb\n");
        desk.read();
        desk.truncate("s.jsonl");
        desk.append("s.jsonl", "c\nd\ne\n");
        if restart {
            desk.restart();
        }
        let read = desk.read();
        assert_eq!(read, ["[Some(0) 4..4 then Some(1)]", "1:0 c", "1:1 d", "1:2 e"], "restart {restart}");
    }
}

#[test]
fn a_file_truncated_and_regrown_to_the_very_cursor_is_caught_too() {
    // Rows of one length each, and as many as before: the size says nothing, and the rows were never read.
    for restart in [false, true] {
        let mut desk = Desk::new();
        desk.append("s.jsonl", "a\nb\n");
        desk.read();
        std::thread::sleep(Duration::from_millis(20));
        desk.truncate("s.jsonl");
        desk.append("s.jsonl", "c\nd\n");
        if restart {
            desk.restart();
        }
        assert_eq!(desk.read(), ["[Some(0) 4..4 then Some(1)]", "1:0 c", "1:1 d"], "restart {restart}");
        assert_eq!(desk.read(), [""; 0]);
    }
}

#[test]
fn two_files_that_begin_alike_are_two() {
    let mut desk = Desk::new();
    let start = "x".repeat(5000) + "\n";
    desk.append("s.jsonl", &start);
    assert_eq!(desk.read().len(), 1);
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", &start);
    assert_eq!(desk.read(), [format!("1:0 {}", start.trim())]);
}

#[test]
fn rotated_files_found_at_the_first_start_are_earlier_generations_by_birth() {
    let mut desk = Desk::new();
    // The names lie: `.1` is older than `-20260101`.
    desk.append("s.jsonl.1", "a\n");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("s.jsonl-20260101", "b\n");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("s-2026-01-02.jsonl", "c\n");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("s.jsonl", "d\n");
    desk.append("s.jsonl.bak", "stranger\n");
    assert_eq!(desk.read(), ["0:0 a", "1:0 b", "2:0 c", "3:0 d"]);
}

#[test]
fn a_compressed_file_is_a_gap_that_is_named_once() {
    let mut desk = Desk::new();
    desk.append("s.jsonl.2.gz", "zipped");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("s.jsonl.1", "a\n");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["[None 0..0 then Some(0)]", "0:0 a", "1:0 b"]);
    assert_eq!(desk.read(), [""; 0]);
    desk.restart();
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn a_compressed_file_beside_one_that_cannot_be_opened_is_named_once() {
    let mut desk = Desk::new();
    desk.append("s.jsonl.1.gz", "zipped");
    fs::create_dir(desk.path("s.jsonl")).unwrap();
    for _ in 0..5 {
        assert!(desk.tail.step(LIMITS, &mut Vec::new()).is_err());
    }
    fs::remove_dir(desk.path("s.jsonl")).unwrap();
    desk.append("s.jsonl", "");
    assert_eq!(desk.read(), ["[None 0..0 then Some(0)]"]);
    // The gap opened the generation, so that it is not found again.
    desk.restart();
    assert_eq!(desk.read(), [""; 0]);
}

#[test]
fn a_half_line_at_the_end_of_a_finished_generation_is_a_row_without_its_end() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\nhalf");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["0:0 a", "0:1 half…", "1:0 b"]);
}

#[test]
fn nuls_at_the_end_of_a_finished_generation_are_no_row() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n\0\0\0\0");
    desk.rename("s.jsonl", "s.jsonl.1");
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["0:0 a", "1:0 b"]);
}

#[test]
fn a_generation_that_is_gone_is_a_gap() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    desk.read();
    desk.rename("s.jsonl", "elsewhere");
    desk.append("s.jsonl", "b\n");
    desk.restart();
    assert_eq!(desk.read(), ["[Some(0) 2..2 then Some(1)]", "1:0 b"]);
}

#[test]
fn lines_written_to_a_rotated_file_while_it_is_finished_are_lines() {
    // A writer that keeps writing to the rotated file: what came between the last read and the look at the rest was
    // taken for one line without its end, and the counts of the commit did not hold.
    for _ in 0..100 {
        let mut desk = Desk::new();
        desk.append("s.jsonl.1", "a\n");
        desk.append("s.jsonl", "b\n");
        let path = desk.path("s.jsonl.1");
        let writer = std::thread::spawn(move || {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            for _ in 0..200 {
                file.write_all(b"x\ny\n").unwrap();
            }
        });
        let mut seen = Vec::new();
        while !writer.is_finished() {
            seen.extend(desk.read());
        }
        writer.join().unwrap();
        let unterminated: Vec<_> = seen.iter().filter(|line| line.contains('…')).collect();
        assert!(unterminated.is_empty(), "{unterminated:?}");
    }
}

#[test]
fn a_symlink_that_is_swapped_is_followed_to_the_new_file() {
    let mut desk = Desk::new();
    let swap = |desk: &Desk, to: &str| {
        let new = desk.path("new-link");
        std::os::unix::fs::symlink(desk.path(to), &new).unwrap();
        fs::rename(new, desk.path("s.jsonl")).unwrap();
    };
    desk.append("one", "a\n");
    swap(&desk, "one");
    let read = desk.tail.step(LIMITS, &mut Vec::new());
    assert!(matches!(read, Ok(Step::Chunk(_))));
    desk.append("one", "b\n");
    std::thread::sleep(Duration::from_millis(20));
    desk.append("two", "c\n");
    swap(&desk, "two");
    assert_eq!(desk.read(), ["0:1 b", "1:0 c"]);
}

/// Opening a pipe waits for its writer: a `run --once` once stood still for ever, and could not be stopped either.
#[test]
fn a_pipe_under_the_name_of_a_stream_is_refused_and_not_waited_for() {
    let mut desk = Desk::new();
    let made = std::process::Command::new("mkfifo").arg(desk.path("s.jsonl")).status().unwrap();
    assert!(made.success());
    assert!(desk.tail.step(LIMITS, &mut Vec::new()).is_err());
    fs::remove_file(desk.path("s.jsonl")).unwrap();
    desk.append("s.jsonl", "a\n");
    assert_eq!(desk.read(), ["0:0 a"]);
}

/// The cursor was dropped by the first look that failed: the file was then read again, as another generation.
#[test]
fn a_file_that_cannot_be_opened_at_a_start_keeps_its_place() {
    let mut desk = Desk::new();
    desk.append("s.jsonl", "a\n");
    assert_eq!(desk.read(), ["0:0 a"]);
    desk.restart();
    fs::rename(desk.path("s.jsonl"), desk.path("away")).unwrap();
    fs::create_dir(desk.path("s.jsonl")).unwrap();
    assert!(desk.tail.step(LIMITS, &mut Vec::new()).is_err());
    fs::remove_dir(desk.path("s.jsonl")).unwrap();
    fs::rename(desk.path("away"), desk.path("s.jsonl")).unwrap();
    desk.append("s.jsonl", "b\n");
    assert_eq!(desk.read(), ["0:1 b"]);
}
