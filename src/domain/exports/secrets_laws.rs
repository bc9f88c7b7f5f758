//! What holds for every text: hashes and prose are no secrets, a secret is found wherever it stands, and the inside of a
//! JSON string gets the same answer as the text behind it.

use proptest::prelude::*;

use super::tests::{both, positives, random, uuid};
use super::{find_escaped, may_hold};
use crate::domain::canonical::Parser;
use crate::domain::row::{as_text, item_text, join_lines};

/// Words and signs, as people and programs write them.
fn prose() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => "[a-z]{1,9}",
        2 => "[A-Z][a-z]{2,9}",
        1 => "[a-z]{3,6}_[a-z]{3,8}",
        1 => "[0-9]{1,6}",
        1 => r#"[.,;:!?(){}\[\]"'`=/<>@#$%&*+|~^\\-]{1,3}"#,
        1 => Just("\n".to_owned()),
        1 => Just("é漢🙂".to_owned()),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

/// Pieces from which texts are made that come close to secrets, and to escapes.
fn fragment() -> impl Strategy<Value = String> {
    let triggers = super::prefilter::GROUPS.concat().into_iter().chain(super::prefilter::ALONE);
    let triggers: Vec<String> = triggers.map(str::to_owned).collect();
    let whole: Vec<String> = positives(3).into_iter().map(|(_, secret)| secret).collect();
    let seams = [
        "\\",
        "\\\\",
        "\"",
        "\n",
        "\\n",
        "\\\\n",
        "\t",
        "\u{b}",
        "\u{1d}",
        "\u{e}",
        "\u{1f}",
        "\\u000a",
        "\\u00",
        "u",
        "n",
        "b",
        "[32m",
        "%3D",
        "-----",
        " ",
        "_",
        "secret",
        "Secre",
        "Shared",
        "hooks",
        "discord.com/api/",
        "github",
        "dckr",
        "iscord.com/api/",
        "ckr",
        "earer ",
        "pm_",
        "-----BEGIN ",
        "@host",
        ":",
        "=",
        "e",
        "0",
        "d",
    ];
    let seams: Vec<String> = seams.map(str::to_owned).to_vec();
    let halves = whole.clone();
    prop_oneof![
        3 => prop::sample::select(seams),
        2 => prop::sample::select(triggers),
        2 => prop::sample::select(whole),
        1 => (prop::sample::select(halves), 0..200_usize).prop_map(|(secret, at)| {
            // Secrets are ASCII.
            secret[at.min(secret.len())..].to_owned()
        }),
        1 => "[A-Za-z0-9+/]{1,70}",
        1 => "[\\PC\\x00-\\x1f]{0,5}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn hashes_and_ids_are_never_secrets(seed: u64, before in prose(), after in prose()) {
        for id in [random(seed, "0123456789abcdef", 40), random(seed, "0123456789abcdef", 64), uuid(seed)] {
            prop_assert_eq!(both(&format!("{before} {id} {after}")), None);
        }
    }

    #[test]
    fn a_secret_is_found_anywhere_in_prose(seed: u64, pick: prop::sample::Index, before in prose(), after in prose()) {
        let all = positives(seed % 1_000_000);
        let (kind, secret) = pick.get(&all);
        prop_assert_eq!(both(&format!("{before} {secret} {after}")), Some(*kind));
    }

    #[test]
    fn plain_and_escaped_agree(parts in prop::collection::vec(fragment(), 0..12)) {
        both(&parts.concat());
    }

    #[test]
    fn a_row_without_a_trace_of_a_secret_holds_none(
        a in prop::collection::vec(fragment(), 0..4),
        b in prop::collection::vec(fragment(), 0..4),
    ) {
        let row = serde_json::json!({ "a": a.concat(), "list": [{ "b": b.concat() }] }).to_string();
        let mut parser = Parser::default();
        let root = parser.parse(row.as_bytes()).unwrap().root();
        if !may_hold(root.text()) {
            let of = |key: &str| root.get(key).and_then(as_text);
            let (a, list) = (of("a").unwrap(), root.get("list").unwrap().items().next().unwrap());
            let lines = join_lines(vec![a.clone(), item_text(list).unwrap(), a.clone()]).unwrap();
            for text in [a, lines] {
                prop_assert_eq!(find_escaped(text.escaped()), None);
            }
        }
    }
}
