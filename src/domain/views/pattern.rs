//! The pattern of a problem: what went wrong, without the names and numbers that differ from case to case.

use std::collections::{BTreeMap, BTreeSet};

use super::detail::Item;
use super::facts::{Facts, Row};
use super::failures;
use crate::domain::signal::Code;

/// The pattern of work at which nothing went wrong.
pub(super) const NO_TROUBLE: &str = "no known trouble";
/// More features do not make a pattern clearer.
const FEATURES_MAX: usize = 8;
/// So many words of a command tell what it does.
const COMMAND_WORDS: usize = 3;

/// What went wrong in some work: failing signals and gates, the gravest finding of each check, failed commands; sorted
/// and joined.
pub(super) fn pattern<'f>(facts: &Facts, rows: impl Iterator<Item = &'f Row>) -> String {
    let mut features = BTreeSet::new();
    let mut findings: BTreeMap<&str, &str> = BTreeMap::new();
    for row in rows {
        let told_by_name = |code: &Code| *code != Code::GateFailedOther;
        features
            .extend(failures(row.told().signals()).filter(told_by_name).map(|code| code.name().to_owned()));
        for item in facts.items(row) {
            match item {
                Item::Check(check) => {
                    let name = facts.names.text(check.name);
                    match check.severity.map(|severity| facts.names.text(severity)) {
                        Some(severity @ ("block" | "warn")) => {
                            // "block" is before "warn" by name, and graver.
                            let gravest = findings.entry(name).or_insert(severity);
                            *gravest = (*gravest).min(severity);
                        }
                        None if !check.passed && !is_numbered_gate(name) => {
                            features.insert(format!("check:{}", folded(name, COMMAND_WORDS)));
                        }
                        Some(_) | None => {}
                    }
                }
                Item::Command(line, Some(exit_code)) if exit_code != 0 => {
                    features.insert(format!("command:{}", folded(facts.names.text(line), COMMAND_WORDS)));
                }
                _ => {}
            }
        }
    }
    features
        .extend(findings.iter().map(|(check, severity)| format!("finding:{}:{severity}", folded(check, 1))));
    if features.is_empty() {
        return NO_TROUBLE.to_owned();
    }
    features.into_iter().take(FEATURES_MAX).collect::<Vec<_>>().join(" + ")
}

/// Whether the check is a gate that has a signal of its own.
fn is_numbered_gate(check: &str) -> bool {
    Code::gate_failed(check) != Code::GateFailedOther
}

/// The first words of a text in lower case; one with a digit, path or quote in it is `*`, and several of those are one.
pub(super) fn folded(text: &str, words: usize) -> String {
    let particular =
        |c: char| c.is_numeric() || matches!(c, '/' | '\\' | '.' | '"' | '\'' | '`' | '=' | ':' | '+');
    let mut kept: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = if word.contains(particular) { "*".to_owned() } else { word.to_lowercase() };
        if kept.last().is_none_or(|last| *last != word) {
            if kept.len() == words {
                break;
            }
            kept.push(word);
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_do_not_make_another_pattern() {
        assert_eq!(folded("cargo test -p queryd --jobs 4", 3), "cargo test -p");
        assert_eq!(folded("pytest tests/a.py tests/b.py -q", 3), "pytest * -q");
        assert_eq!(folded("Go  vet ./... 17", 3), "go vet *");
        assert_eq!(folded("", 3), "");
    }
}
