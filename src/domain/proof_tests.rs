//! Proofs as texts: what holds, and that nothing else does.

use super::*;
use crate::domain::checkpoint::origin;
use crate::domain::merkle::Tree;
use crate::domain::note::PrivateKey;

fn key() -> PrivateKey {
    PrivateKey::from_seed("example.com/kb", &[9; 32]).unwrap()
}

fn leaf(number: u64) -> Leaf<'static> {
    Leaf {
        generation: 0,
        line_offset: number,
        rules_version: "1.0.0+0123456789ab".into(),
        sig_hash: Sha256Hex::of(&number.to_be_bytes()),
        source_file: "data/_kb/audits.jsonl".into(),
    }
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::default();
    for number in 0..size {
        tree.keep_next();
        tree.push(leaf(number).hash());
    }
    tree
}

fn head(tree: &Tree, key: &PrivateKey) -> String {
    let origin = origin(key.public().name(), "audits", "1.0.0+0123456789ab");
    key.sign(&Checkpoint { origin, size: tree.size(), root: tree.root() }.to_text())
}

fn row_proof(size: u64, index: u64) -> RowProof {
    let tree = tree(size);
    RowProof { leaf: leaf(index), index, path: tree.inclusion(index).unwrap(), head: head(&tree, &key()) }
}

fn check(text: &str) -> Result<Checkpoint, ProofError> {
    RowProof::parse(text)?.check(key().public())
}

#[test]
fn a_row_is_proven_by_its_text_alone() {
    for (size, index) in [(1, 0), (7, 6), (300, 5), (300, 299)] {
        let text = row_proof(size, index).to_text();
        assert_eq!(RowProof::parse(&text).unwrap().leaf, leaf(index));
        assert_eq!(check(&text).map(|head| head.size), Ok(size));
    }
}

#[test]
fn a_leaf_is_written_as_rfc_8785_says() {
    let mut leaf = leaf(3);
    leaf.source_file = "a\"\u{1}\n\u{e9}/\u{7f}".into();
    let entry = leaf.to_entry();
    let mut parser = crate::domain::canonical::Parser::default();
    let canonical = parser.parse(entry.as_bytes()).unwrap();
    assert_eq!(canonical.root().text(), entry);
    assert_eq!(Leaf::parse(entry.as_bytes()), Some(leaf));
    assert_eq!(Leaf::parse(entry.replace("\":", "\": ").as_bytes()), None);
}

#[test]
fn no_byte_of_a_proof_can_be_changed_left_out_or_doubled() {
    let text = row_proof(11, 4).to_text();
    assert!(check(&text).is_ok());
    let bytes = text.as_bytes();
    let refused = |changed: &[u8], what: &str| {
        let accepted = std::str::from_utf8(changed).is_ok_and(|text| check(text).is_ok());
        assert!(!accepted, "{what}: {}", String::from_utf8_lossy(changed));
    };
    for at in 0..bytes.len() {
        for change in [1, 2, 0x20] {
            let mut changed = bytes.to_vec();
            changed[at] ^= change;
            refused(&changed, "changed");
        }
        refused(&[&bytes[..at], &bytes[at + 1..]].concat(), "left out");
        refused(&[&bytes[..=at], &bytes[at..]].concat(), "doubled");
        refused(&bytes[..at], "cut");
    }
}

#[test]
fn no_line_of_a_proof_can_be_taken_from_another() {
    let text = row_proof(11, 4).to_text();
    for other in [row_proof(11, 5), row_proof(12, 4), row_proof(20, 13)] {
        let (lines, others): (Vec<_>, Vec<_>) = (
            text.split_inclusive('\n').collect(),
            other.to_text().lines().map(|l| format!("{l}\n")).collect(),
        );
        for (at, line) in others.iter().enumerate().take(lines.len()) {
            if lines[at] == line {
                continue;
            }
            let mut mixed: Vec<&str> = lines.clone();
            mixed[at] = line;
            assert!(check(&mixed.concat()).is_err(), "line {at}");
        }
    }
}

#[test]
fn a_head_of_another_key_or_another_log_proves_nothing() {
    let mut proof = row_proof(11, 4);
    let stranger = PrivateKey::from_seed("example.com/kb", &[8; 32]).unwrap();
    assert_eq!(proof.check(stranger.public()), Err(ProofError::Head(NoteError::NotSigned)));
    let checkpoint = proof.check(key().public()).unwrap();
    for origin in ["example.com/kb", "example.com/kbx/audits/1", "another"] {
        proof.head = key().sign(&Checkpoint { origin: origin.to_owned(), ..checkpoint.clone() }.to_text());
        assert_eq!(proof.check(key().public()), Err(ProofError::Origin(origin.to_owned())));
    }
}

#[test]
fn several_proofs_stand_in_one_text() {
    let texts: Vec<_> = [0, 3, 10].map(|index| row_proof(11, index).to_text()).into();
    let text = texts.concat();
    assert_eq!(split_proofs(&text).collect::<Vec<_>>(), texts);
    assert_eq!(split_proofs("").count(), 0);
}

#[test]
fn a_head_is_shown_to_go_on_where_an_older_one_ended() {
    let (new, key) = (tree(700), key());
    for old_size in [0, 1, 2, 255, 256, 300, 699, 700] {
        let old = head(&tree(old_size), &key);
        let path = new.consistency(old_size).unwrap();
        let proof = GrowthProof { old_size, path, head: head(&new, &key) };
        let read = GrowthProof::parse(&proof.to_text()).unwrap();
        assert_eq!(read, proof);
        assert!(read.check(&old, key.public()).is_ok(), "{old_size}");
        // Another history of the same length.
        let mut other = Tree::default();
        (0..old_size).for_each(|number| other.push(leaf(number + 1).hash()));
        if old_size > 0 {
            let other = head(&other, &key);
            assert_eq!(read.check(&other, key.public()), Err(ProofError::Inconsistent), "{old_size}");
        }
    }
}

#[test]
fn the_longest_names_and_a_hundred_thousand_rows_leave_a_proof_below_one_and_a_half_kilobytes() {
    let key = PrivateKey::from_seed(&"k".repeat(64), &[9; 32]).unwrap();
    let mut leaf = leaf(99_999);
    leaf.source_file = "data/_kb/distilled_config_hints.jsonl".into();
    let origin = origin(key.public().name(), "distilled_config_hints", &leaf.rules_version);
    let head = key.sign(&Checkpoint { origin, size: 1 << 17, root: [0; 32] }.to_text());
    let proof = RowProof { leaf, index: 99_999, path: vec![[0; 32]; 17], head };
    assert!(proof.to_text().len() <= 1500, "{}", proof.to_text().len());
}
