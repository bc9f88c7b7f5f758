//! What a scratchpad says of the state of the work, read from the text of reviews and audits by a small grammar of cues.
//!
//! The grammar is in docs/scratchpads.md. It takes words from the text and makes none up: every item stands in the
//! text, and what no cue tells stays empty. Work is bounded by [`TEXT_BYTES_MAX`] and by [`ITEMS_MAX`] a list.

mod checks;
mod command;
mod cue;
mod json;
mod line;
mod opening;
mod outcome;
mod pad;
mod paths;
mod render;
mod status;
mod table;
mod text;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use super::schema::scratchpad::ValidationStatus;
pub use render::Source;

/// The version of the grammar: goes up when a text gives another summary.
pub const GRAMMAR_SEMVER: &str = "1.3.0";
/// The streams whose rows have such texts.
pub const STREAMS: [&str; 2] = ["audits", "scrum_reviews"];
/// How much of a text is read, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// How many items a list may have; what comes later is left out.
pub const ITEMS_MAX: usize = 64;
/// How long an item may be, in bytes; a longer one is cut between two words.
pub const ITEM_BYTES_MAX: usize = 1 << 10;

/// What a text says of the state of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratchpad<'t> {
    /// What the work is to reach.
    pub current_objective: Option<Cow<'t, str>>,
    /// Steps that are done.
    pub completed_steps: Vec<Cow<'t, str>>,
    /// Steps that failed.
    pub failed_steps: Vec<Cow<'t, str>>,
    /// Steps still to be done.
    pub pending_steps: Vec<Cow<'t, str>>,
    /// Files that are named.
    pub important_paths: Vec<Cow<'t, str>>,
    /// What was decided.
    pub decisions: Vec<Cow<'t, str>>,
    /// What is still to be found out.
    pub unresolved_questions: Vec<Cow<'t, str>>,
    /// Whether the work was validated.
    pub validation_status: ValidationStatus,
    /// The command to go on with.
    pub next_command: Option<Cow<'t, str>>,
}

impl Scratchpad<'_> {
    /// Whether the text said nothing: such a text is for a person to look at.
    pub fn is_empty(&self) -> bool {
        let lists = [
            &self.completed_steps,
            &self.failed_steps,
            &self.pending_steps,
            &self.important_paths,
            &self.decisions,
            &self.unresolved_questions,
        ];
        lists.iter().all(|list| list.is_empty())
            && self.current_objective.is_none()
            && self.next_command.is_none()
            && self.validation_status == ValidationStatus::NotRun
    }
}

/// Reads a text. The same text always gives the same summary.
pub fn summarise(text: &str) -> Scratchpad<'_> {
    let text = start_of(text, TEXT_BYTES_MAX);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    json::read(text).unwrap_or_else(|| text::read(text)).finish()
}

/// The first bytes of a text, to the end of the last whole line (or character) that fits.
fn start_of(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let start = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default();
    start.rfind('\n').and_then(|end| start.get(..end)).unwrap_or(start)
}
