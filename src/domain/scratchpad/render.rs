//! A summary as a line of `scratchpads/<stream>.jsonl`.

use std::borrow::Cow;

use super::{Scratchpad, ValidationStatus};
use crate::domain::canonical::push_escaped;
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};

/// Where a text comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The run of its row.
    pub run_id: &'a Escaped<'a>,
    /// SHA-256 of the whole text.
    pub text_hash: Sha256Hex,
    /// The provenance of its row, as JSON.
    pub provenance: &'a str,
}

impl Scratchpad<'_> {
    /// Appends the summary as one line of JSON with its newline. What the text does not say is left out.
    pub fn render(&self, source: Source<'_>, out: &mut String) {
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.text("run_id", source.run_id);
        one(&mut o, "current_objective", self.current_objective.as_ref());
        list(&mut o, "completed_steps", &self.completed_steps);
        list(&mut o, "failed_steps", &self.failed_steps);
        list(&mut o, "pending_steps", &self.pending_steps);
        list(&mut o, "important_paths", &self.important_paths);
        list(&mut o, "decisions", &self.decisions);
        list(&mut o, "unresolved_questions", &self.unresolved_questions);
        o.plain("validation_status", self.validation_status.name());
        one(&mut o, "next_command", self.next_command.as_ref());
        o.hash("source_scratchpad_hash", &source.text_hash);
        o.array("provenance", [source.provenance], String::push_str);
        o.end();
        out.push('\n');
    }
}

fn one(o: &mut Object<'_>, key: &str, value: Option<&Cow<'_, str>>) {
    if let Some(value) = value {
        o.plain(key, value);
    }
}

fn list(o: &mut Object<'_>, key: &str, values: &[Cow<'_, str>]) {
    if values.is_empty() {
        return;
    }
    o.array(key, values, |out, value| {
        out.push('"');
        push_escaped(out, value);
        out.push('"');
    });
}

impl ValidationStatus {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::NotRun => "not_run",
        }
    }
}
