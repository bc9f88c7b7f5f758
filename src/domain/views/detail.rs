//! What ledger and playbooks want of a row beside its model and score, packed into a few bytes: files, commands, checks,
//! what was retrieved, provider, attempt and cost.
//!
//! ```text
//! detail = item*   item = tag:1 number*   number = six bits a byte, the lowest first, and 0x40 in all but the last
//! ```
//! All of it is ASCII, so that it is a text. Texts in it are numbers of [`Names`]. Equal details are held once
//! (`details.rs`), as the gates of a thousand reviews are.

use super::member::Member;
use super::names::{Name, Names};
use crate::domain::skim;

/// One thing that a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A file it is about.
    File(Name),
    /// A command that was run, and its exit code.
    Command(Name, Option<i64>),
    /// A check that was made.
    Check(Check),
    /// A corpus or document that was retrieved.
    Context(Name),
    /// Who serves the model.
    Provider(Name),
    /// Which attempt it was, from 1.
    Attempt(u32),
    /// What the call cost, in billionths of a US dollar: whole, so that sums do not depend on their order.
    Cost(u64),
}

/// A check that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Check {
    /// Its name.
    pub(super) name: Name,
    /// Whether it passed.
    pub(super) passed: bool,
    /// How grave a failure is, in the producer's word.
    pub(super) severity: Option<Name>,
    /// Whether a program made it.
    pub(super) deterministic: bool,
}

const FILE: u8 = 0;
const COMMAND: u8 = 1;
const COMMAND_EXIT: u8 = 2;
const CONTEXT: u8 = 3;
const PROVIDER: u8 = 4;
const ATTEMPT: u8 = 5;
const COST: u8 = 6;
/// And three bits: passed, deterministic, with a severity.
const CHECK: u8 = 8;

/// A detail in the making.
#[derive(Debug, Default)]
pub(super) struct Packer(String);

impl Packer {
    /// Starts over.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The text.
    pub(super) fn packed(&self) -> &str {
        &self.0
    }

    /// Adds items that were packed before.
    pub(super) fn append(&mut self, packed: &str) {
        self.0.push_str(packed);
    }

    /// Adds an item.
    pub(super) fn put(&mut self, item: Item) {
        let (tag, first, second) = match item {
            Item::File(name) => (FILE, name.into(), None),
            Item::Command(name, None) => (COMMAND, name.into(), None),
            // An exit code's bits, turned so that small ones of either sign are short.
            Item::Command(name, Some(exit)) => {
                (COMMAND_EXIT, name.into(), Some((exit.cast_unsigned() << 1) ^ (exit >> 63).cast_unsigned()))
            }
            Item::Check(check) => {
                let flags = u8::from(check.passed)
                    | u8::from(check.deterministic) << 1
                    | u8::from(check.severity.is_some()) << 2;
                (CHECK | flags, check.name.into(), check.severity.map(u64::from))
            }
            Item::Context(name) => (CONTEXT, name.into(), None),
            Item::Provider(name) => (PROVIDER, name.into(), None),
            Item::Attempt(attempt) => (ATTEMPT, attempt.into(), None),
            Item::Cost(nanos) => (COST, nanos, None),
        };
        self.0.push(char::from(tag));
        self.number(first);
        if let Some(second) = second {
            self.number(second);
        }
    }

    fn number(&mut self, mut number: u64) {
        while number > 0x3f {
            self.0.push(char::from(number as u8 & 0x3f | 0x40));
            number >>= 6;
        }
        self.0.push(char::from(number as u8));
    }

    /// Takes a member of the evidence of a piece of work, if it is one of these.
    pub(super) fn take(&mut self, names: &mut Names, member: Member, value: &str) {
        match member {
            Member::SourceFiles => self.texts(names, value, Item::File),
            Member::ModelProvider => self.text(names, value, Item::Provider),
            Member::Attempt => value.parse().into_iter().for_each(|attempt| self.put(Item::Attempt(attempt))),
            Member::CostUsd => scaled(value, 1e9).into_iter().for_each(|nanos| self.put(Item::Cost(nanos))),
            Member::CommandsRun => {
                for command in skim::items(value) {
                    let (mut line, mut exit_code) = (None, None);
                    for (key, value) in skim::members(command) {
                        match key {
                            "cmd" => line = name_of(names, value),
                            "exit_code" => exit_code = value.parse().ok(),
                            _ => {}
                        }
                    }
                    if let Some(line) = line {
                        self.put(Item::Command(line, exit_code));
                    }
                }
            }
            Member::ValidationResults => {
                skim::items(value)
                    .filter_map(|item| check(names, item))
                    .for_each(|check| self.put(Item::Check(check)));
            }
            Member::RetrievedContext => {
                for (key, value) in skim::members(value) {
                    match key {
                        "corpora" => self.texts(names, value, Item::Context),
                        "documents" => {
                            for document in skim::items(value) {
                                skim::members(document)
                                    .filter(|(key, _)| matches!(*key, "id" | "corpus"))
                                    .for_each(|(_, text)| self.text(names, text, Item::Context));
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, names: &mut Names, json: &str, item: fn(Name) -> Item) {
        if let Some(name) = name_of(names, json) {
            self.put(item(name));
        }
    }

    fn texts(&mut self, names: &mut Names, array: &str, item: fn(Name) -> Item) {
        skim::items(array).for_each(|text| self.text(names, text, item));
    }
}

/// The number of a JSON string's text; `None` when it is no string.
pub(super) fn name_of(names: &mut Names, json: &str) -> Option<Name> {
    Some(names.of(&skim::text(json)?.plain()))
}

/// An amount as a whole number of a smaller unit; what does not fit is left out.
pub(super) fn scaled(number: &str, units: f64) -> Option<u64> {
    let amount = number.parse::<f64>().ok()? * units;
    (0.0..9e18).contains(&amount).then(|| amount.round() as u64)
}

fn check(names: &mut Names, json: &str) -> Option<Check> {
    let (mut name, mut passed, mut severity, mut deterministic) = (None, false, None, false);
    for (key, value) in skim::members(json) {
        match key {
            "name" => name = name_of(names, value),
            "passed" => passed = value == "true",
            "severity" => severity = name_of(names, value),
            "deterministic" => deterministic = value == "true",
            _ => {}
        }
    }
    Some(Check { name: name?, passed, severity, deterministic })
}

/// The items of a detail.
#[derive(Debug, Clone)]
pub(super) struct Items<'d> {
    rest: &'d [u8],
    then: &'d [u8],
}

impl<'d> Items<'d> {
    /// Those of two details, one after the other.
    pub(super) fn new([first, then]: [&'d str; 2]) -> Self {
        Self { rest: first.as_bytes(), then: then.as_bytes() }
    }

    fn byte(&mut self) -> Option<u8> {
        if self.rest.is_empty() {
            self.rest = std::mem::take(&mut self.then);
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x3f) << shift;
            if byte & 0x40 == 0 {
                return Some(number);
            }
            shift += 6;
        }
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let tag = self.byte()?;
        let first = self.number()?;
        let name = first as Name;
        Some(match tag {
            FILE => Item::File(name),
            COMMAND => Item::Command(name, None),
            COMMAND_EXIT => {
                let turned = self.number()?;
                Item::Command(name, Some((turned >> 1).cast_signed() ^ -(turned & 1).cast_signed()))
            }
            CONTEXT => Item::Context(name),
            PROVIDER => Item::Provider(name),
            ATTEMPT => Item::Attempt(name),
            COST => Item::Cost(first),
            flags => Item::Check(Check {
                name,
                passed: flags & 1 != 0,
                deterministic: flags & 2 != 0,
                severity: if flags & 4 == 0 { None } else { Some(self.number()? as Name) },
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_again() {
        let check = |passed, severity, deterministic| {
            Item::Check(Check { name: 300, passed, severity, deterministic })
        };
        let items = [
            Item::File(7),
            Item::Command(128, None),
            Item::Command(129, Some(-1)),
            Item::Command(129, Some(i64::MAX)),
            Item::Command(129, Some(i64::MIN)),
            check(true, None, true),
            check(false, Some(5), false),
            check(false, Some(u32::MAX), true),
            Item::Context(0),
            Item::Provider(u32::MAX),
            Item::Attempt(3),
            Item::Cost(u64::MAX),
        ];
        let mut packer = Packer::default();
        for item in items {
            packer.put(item);
        }
        assert_eq!(Items::new([packer.packed(), ""]).collect::<Vec<_>>(), items);
    }

    #[test]
    fn members_of_the_evidence_are_taken() {
        let (mut names, mut packer) = (Names::default(), Packer::default());
        for (member, value) in [
            (Member::SourceFiles, r#"["src/a.rs","src/b.rs"]"#),
            (Member::CommandsRun, r#"[{"cmd":"just test","exit_code":2},{"cmd":"ls"}]"#),
            (
                Member::ValidationResults,
                r#"[{"name":"g1","passed":true,"severity":"warn","deterministic":true}]"#,
            ),
            (
                Member::RetrievedContext,
                r#"{"corpora":["c"],"documents":[{"id":"d","corpus":"c","score":1}]}"#,
            ),
            (Member::CostUsd, "0.25"),
            (Member::Attempt, "2"),
            (Member::Text, r#""nothing of it""#),
        ] {
            packer.take(&mut names, member, value);
        }
        let mut name = |text: &str| names.of(text);
        let expected = [
            Item::File(name("src/a.rs")),
            Item::File(name("src/b.rs")),
            Item::Command(name("just test"), Some(2)),
            Item::Command(name("ls"), None),
            Item::Check(Check {
                name: name("g1"),
                passed: true,
                severity: Some(name("warn")),
                deterministic: true,
            }),
            Item::Context(name("c")),
            Item::Context(name("d")),
            Item::Context(name("c")),
            Item::Cost(250_000_000),
            Item::Attempt(2),
        ];
        assert_eq!(Items::new([packer.packed(), ""]).collect::<Vec<_>>(), expected);
    }
}
