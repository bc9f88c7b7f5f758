//! What checks came to, and what they come to together.

use std::borrow::Cow;

use super::{ITEMS_MAX, ValidationStatus};

/// What the text says of checks.
#[derive(Debug, Default)]
pub(super) struct Checks<'t> {
    /// What is said of validation on the whole, in the parts before this one.
    overall: Tally,
    /// And in this part, where the last word counts.
    overall_here: Option<ValidationStatus>,
    /// What is said of single checks; heard when nothing is said on the whole.
    single: Tally,
    /// The same of checks with a name, of which the last word counts.
    named: Vec<(Cow<'t, str>, ValidationStatus)>,
}

/// Which outcomes were seen: passed, failed, partial, not run.
#[derive(Debug, Default)]
pub(super) struct Tally([bool; 4]);

impl Tally {
    pub(super) fn add(&mut self, status: ValidationStatus) {
        let [passed, failed, partial, not_run] = &mut self.0;
        *match status {
            ValidationStatus::Passed => passed,
            ValidationStatus::Failed => failed,
            ValidationStatus::Partial => partial,
            ValidationStatus::NotRun => not_run,
        } = true;
    }

    pub(super) fn outcome(&self) -> Option<ValidationStatus> {
        match self.0 {
            [_, true, ..] => Some(ValidationStatus::Failed),
            [_, _, true, _] | [true, _, _, true] => Some(ValidationStatus::Partial),
            [true, ..] => Some(ValidationStatus::Passed),
            [.., true] => Some(ValidationStatus::NotRun),
            [false, false, false, false] => None,
        }
    }
}

impl<'t> Checks<'t> {
    pub(super) fn add_overall(&mut self, status: ValidationStatus) {
        self.overall_here = Some(status);
    }

    pub(super) fn add_single(&mut self, status: ValidationStatus) {
        self.single.add(status);
    }

    /// Takes what a check with a name came to.
    pub(super) fn add_named(&mut self, name: Cow<'t, str>, status: ValidationStatus) {
        if let Some(known) = self.named.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            known.1 = status;
        } else if self.named.len() < ITEMS_MAX {
            self.named.push((name, status));
        } else {
            self.single.add(status);
        }
    }

    /// The next part of notes that were split begins: what was said of this one stands.
    pub(super) fn next_part(&mut self) {
        if let Some(status) = self.overall_here.take() {
            self.overall.add(status);
        }
    }

    pub(super) fn outcome(mut self) -> ValidationStatus {
        self.next_part();
        for (_, status) in &self.named {
            self.single.add(*status);
        }
        self.overall.outcome().or_else(|| self.single.outcome()).unwrap_or(ValidationStatus::NotRun)
    }
}
