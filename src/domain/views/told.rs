//! What the current score of a row tells the views, in one word.

use super::few::Few;
use super::names::Names;
use crate::domain::score::{Category, Verdict, rule_codes};
use crate::domain::signal::{Code, SignalSet};
use crate::domain::skim;

/// Category, signals and rule of a score: 48 bits of signals, the rule's place in the table from 1, the category; and of the row
/// whether it is work, was taken out of other work, and is about nothing but its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told(u64);

const SIGNALS: u64 = (1 << 48) - 1;
const RULE_SHIFT: u32 = 48;
const CATEGORY_SHIFT: u32 = 56;
const WORK: u64 = 1 << 58;
const EXTRACTION: u64 = 1 << 59;
const OWN_TASK: u64 = 1 << 60;
/// What is told of the row, whatever its score.
const OF_ROW: u64 = WORK | EXTRACTION | OWN_TASK;

const _: () = assert!(Code::ALL.len() <= RULE_SHIFT as usize);

impl Told {
    /// What a verdict tells of a row that these signals reached.
    pub(super) fn of(verdict: Verdict, signals: SignalSet) -> Self {
        let rule = rule_codes().position(|code| code == verdict.rule).map_or(0, |at| at as u64 + 1);
        Self(signals.bits() | rule << RULE_SHIFT | (verdict.category as u64) << CATEGORY_SHIFT)
    }

    /// The same of a row that is work, or was taken out of other work.
    pub(super) fn of_kind(self, is_work: bool, is_extraction: bool) -> Self {
        Self(self.0 | if is_work { WORK } else { 0 } | if is_extraction { EXTRACTION } else { 0 })
    }

    /// The same of a row whose task is its run.
    pub(super) fn of_own_task(self) -> Self {
        Self(self.0 | OWN_TASK)
    }

    /// What another score tells of the same row.
    pub(super) fn rescored(self, now: Self) -> Self {
        Self(now.0 & !OF_ROW | self.0 & OF_ROW)
    }

    /// The category that counts now.
    pub fn category(self) -> Category {
        let number = (self.0 >> CATEGORY_SHIFT & 3) as usize;
        Category::ALL.get(number).copied().unwrap_or(Category::NeedsHumanReview)
    }

    /// The signals that reached the row.
    pub fn signals(self) -> SignalSet {
        SignalSet::from_bits(self.0 & SIGNALS)
    }

    /// The rule that decided.
    pub fn rule(self) -> Option<&'static str> {
        rule_codes().nth((self.0 >> RULE_SHIFT & 0xff).checked_sub(1)? as usize)
    }

    /// Whether the row is work rather than support.
    pub fn is_work(self) -> bool {
        self.0 & WORK != 0
    }

    /// Whether its task is its run, and nothing else.
    pub fn is_own_task(self) -> bool {
        self.0 & OWN_TASK != 0
    }

    /// Whether it was taken out of other work.
    pub fn is_extraction(self) -> bool {
        self.0 & EXTRACTION != 0
    }
}

/// The reasons of scores, each once, in the order in which scores have them.
pub(super) fn reasons(told: impl Iterator<Item = Told>) -> Few<&'static str> {
    let (mut signals, mut reasons) = (SignalSet::EMPTY, Few::Many(Vec::new()));
    for told in told {
        signals = signals.union(told.signals());
        told.rule().into_iter().for_each(|rule| reasons.push(rule));
    }
    signals.iter().for_each(|code| reasons.push(code.name()));
    reasons.distinct()
}

/// What the reasons of scores tell, each list read once: there are few, and many rows have each of them.
#[derive(Debug, Default)]
pub(super) struct Tolds {
    reasons: Names,
    told: Vec<u64>,
}

impl Tolds {
    /// Reads a score line; `None` when it is none that distilld wrote.
    pub(super) fn read(&mut self, score: &str) -> Option<Told> {
        let mut category = None;
        for (key, value) in skim::members(score) {
            match key {
                "category" => category = Category::from_name(value.trim_matches('"')),
                // The category stands before them, and nothing that is told behind.
                "reasons" => {
                    return Some(Told(self.of_reasons(value) | (category? as u64) << CATEGORY_SHIFT));
                }
                _ => {}
            }
        }
        None
    }

    fn of_reasons(&mut self, reasons: &str) -> u64 {
        let number = self.reasons.of(reasons) as usize;
        if number == self.told.len() {
            self.told.push(of_reasons(reasons));
        }
        self.told.get(number).copied().unwrap_or_default()
    }

    /// Memory that they take, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.reasons.memory() + self.told.capacity() * size_of::<u64>()
    }
}

fn of_reasons(reasons: &str) -> u64 {
    let (mut signals, mut rule) = (SignalSet::EMPTY, 0);
    for reason in skim::items(reasons).map(|item| item.trim_matches('"')) {
        if reason.starts_with("rule.") {
            rule = rule_codes().position(|code| code == reason).map_or(rule, |at| at as u64 + 1);
        } else if let Some(code) = Code::ALL.iter().find(|code| code.name() == reason) {
            signals.insert(*code);
        }
    }
    signals.bits() | rule << RULE_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_signal_and_rule_is_told() {
        let mut tolds = Tolds::default();
        for category in Category::ALL {
            for rule in rule_codes() {
                for code in Code::ALL {
                    let score = format!(
                        r#"{{"category":"{category}","reasons":["{code}","human.accept","{rule}"],"score_seq":3}}"#
                    );
                    let told = tolds.read(&score).unwrap().of_kind(true, false);
                    assert_eq!((told.category(), told.rule()), (category, Some(rule)));
                    assert_eq!(told.signals(), SignalSet::of(*code).union(SignalSet::of(Code::HumanAccept)));
                    assert!(told.is_work() && !told.is_extraction());
                }
            }
        }
        assert_eq!(tolds.read(r#"{"reasons":[],"score_seq":0}"#), None);
    }
}
