//! What the lines of a text say of validation.

use super::super::ValidationStatus;
use super::super::cue::Cue;
use super::super::line::Line;
use super::super::outcome::{outcome, own, sentence};
use super::super::status::{self, Status};
use super::Reader;

impl<'t> Reader<'t> {
    /// A line below a heading for validation tells an outcome, whatever else it looks like.
    pub(super) fn validation_line(&mut self, line: &Line<'t>) -> bool {
        if let Some((status, check)) = status::leading_mark(line.body) {
            let outcome = match status {
                Status::Done => own(check).unwrap_or(ValidationStatus::Passed),
                Status::Failed => ValidationStatus::Failed,
                Status::Open => ValidationStatus::NotRun,
                Status::Dropped => return true,
            };
            self.note_item(line);
            self.pad.checks.add_single(outcome);
            return true;
        }
        if let Some((Cue::Validation | Cue::Check, _)) = line.cue() {
            return false;
        }
        let is_step_cue =
            matches!(line.cue(), Some((Cue::Step(Status::Done | Status::Failed | Status::Open), _)));
        let by_heading = self.section.as_ref().is_some_and(|section| section.by_heading);
        if line.cue().is_some() && !(is_step_cue && by_heading) {
            return false;
        }
        if !line.is_item && !by_heading && self.after_blank {
            return false;
        }
        let told = line.body.rsplit_once(": ").and_then(|(_, value)| outcome(value));
        let Some(outcome) = told.or_else(|| outcome(line.body)) else { return false };
        if line.is_item || self.cue() == Some(Cue::Check) {
            self.note_item(line);
            self.pad.checks.add_single(outcome);
        } else {
            self.pad.checks.add_overall(outcome);
        }
        true
    }

    /// An outcome told in a sentence.
    pub(super) fn said_of_status(&mut self, text: &str) {
        let text = text.strip_prefix("Status:").unwrap_or(text).trim_start();
        if let Some(outcome) = sentence(text) {
            self.pad.checks.add_single(outcome);
        }
    }
}
