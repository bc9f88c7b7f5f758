//! What needs a person, and in which order: conflicts first, then what cannot be told, then what is held back.

use super::exports::{Withheld, holds_secret, rejected_text};
use super::link::facts::has_words;
use super::render::Object;
use super::schema::SCHEMA_VERSION;
use super::schema::scalars::Escaped;
use super::score::Category;
use super::signal::Code;
use super::skim;
use super::views::told::Told;

/// Why a row is in the queue; the order is that of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Deterministic checks say both.
    Conflict,
    /// The same content is allowed in one run and rejected in another.
    ConflictContent,
    /// A person asked for a look, or a check failed after a person's word.
    Human,
    /// Nobody can tell which of several reviews was meant.
    LinkAmbiguous,
    /// A secret holds a sample back.
    Secret,
    /// What was extracted holds no text.
    ExtractFailed,
    /// An opinion speaks against what a check speaks for.
    Disputed,
    /// An opinion speaks against it, and nothing for it.
    Opposed,
    /// A person's word reaches nothing.
    LinkNone,
}

impl Why {
    /// The code in the queue.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "rule.conflict",
            Self::ConflictContent => "conflict.content",
            Self::Human => "rule.human",
            Self::LinkAmbiguous => "link.ambiguous",
            Self::Secret => "secret",
            Self::ExtractFailed => "extract.failed",
            Self::Disputed => "rule.disputed",
            Self::Opposed => "rule.opposed",
            Self::LinkNone => "link.none",
        }
    }

    /// Why work with these reasons needs a person; `None` when it merely waits for a signal.
    pub fn of_reasons(reasons: &[&str]) -> Option<Self> {
        let has = |code: &str| reasons.contains(&code);
        if has("rule.conflict") {
            Some(Self::Conflict)
        } else if has("rule.human") {
            Some(Self::Human)
        } else if has("rule.unclear") {
            Some(if has("link.ambiguous") { Self::LinkAmbiguous } else { Self::ExtractFailed })
        } else if has("rule.disputed") {
            Some(Self::Disputed)
        } else {
            has("rule.opposed").then_some(Self::Opposed)
        }
    }
}

impl Why {
    /// The same from what is kept of a score.
    pub fn of_told(told: Told) -> Option<Self> {
        if told.category() != Category::NeedsHumanReview {
            return None;
        }
        Self::of_reasons(&[
            told.rule()?,
            if told.signals().contains(Code::LinkAmbiguous) { "link.ambiguous" } else { "" },
        ])
    }
}

impl From<Withheld> for Why {
    fn from(withheld: Withheld) -> Self {
        match withheld {
            Withheld::Conflict => Self::ConflictContent,
            Withheld::Secret => Self::Secret,
        }
    }
}

/// The rule among the reasons of a score: what work that waits is counted under.
pub fn rule_of<'r>(reasons: &[&'r str]) -> &'r str {
    reasons.iter().find(|reason| reason.starts_with("rule.")).copied().unwrap_or("rule.none")
}

/// The reasons of a score line.
pub fn reasons_of(score: &str) -> Vec<&str> {
    let reasons = skim::members(score).find(|(key, _)| *key == "reasons").map(|(_, value)| value);
    skim::items(reasons.unwrap_or_default()).map(|reason| reason.trim_matches('"')).collect()
}

/// One item of the queue, from a row's evidence and its current score.
pub fn item(why: Why, evidence: &str, score: &str) -> String {
    let [run_id, task_id, source_stream, timestamp, provenance, text, results] = values(
        evidence,
        ["run_id", "task_id", "source_stream", "timestamp", "provenance", "text", "validation_results"],
    );
    let [category, reasons, score_seq, caused_by] =
        values(score, ["category", "reasons", "score_seq", "caused_by"]);
    // What holds a secret is not shown once more, whatever else the row waits for.
    let may_be_shown = |text: &Escaped<'_>| why != Why::Secret && has_words(text) && !holds_secret(text);
    let text = text.and_then(skim::text).filter(may_be_shown);
    let rejected = text.as_ref().and_then(|_| rejected_text(results?)).filter(may_be_shown);
    let nothing = Escaped::from_escaped("");
    let mut line = String::new();
    let mut o = Object::new(&mut line);
    let raw = |o: &mut Object<'_>, name, value: Option<&str>| o.raw(name, value.unwrap_or("null"));
    o.int("schema_version", SCHEMA_VERSION);
    o.plain("why", why.code());
    raw(&mut o, "run_id", run_id);
    raw(&mut o, "task_id", task_id);
    raw(&mut o, "source_stream", source_stream);
    raw(&mut o, "timestamp", timestamp);
    raw(&mut o, "category", category);
    raw(&mut o, "reasons", reasons);
    raw(&mut o, "score_seq", score_seq);
    o.text("text", text.as_ref().unwrap_or(&nothing));
    o.text("rejected_text", rejected.as_ref().unwrap_or(&nothing));
    raw(&mut o, "caused_by", caused_by);
    raw(&mut o, "provenance", provenance);
    o.end();
    line
}

/// The first values of some members.
fn values<'l, const N: usize>(line: &'l str, names: [&str; N]) -> [Option<&'l str>; N] {
    let mut values = [None; N];
    for (key, value) in skim::members(line) {
        if let Some((found, _)) = values.iter_mut().zip(names).find(|(_, name)| *name == key) {
            *found = found.or(Some(value));
        }
    }
    values
}
