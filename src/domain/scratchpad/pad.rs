//! Where everything that is found comes together: each thing once, lists of bounded length.

use std::borrow::Cow;

use super::checks::Checks;
use super::command::{self, Expect};
use super::cue::Cue;
use super::opening;
use super::outcome::{self, outcome};
use super::paths;
use super::status::Status;
use super::{ITEM_BYTES_MAX, ITEMS_MAX, Scratchpad, ValidationStatus};

/// A scratchpad in the making.
#[derive(Debug, Default)]
pub(super) struct Pad<'t> {
    objective: Option<Cow<'t, str>>,
    steps: Vec<(Status, Cow<'t, str>)>,
    paths: Vec<Cow<'t, str>>,
    decisions: Vec<Cow<'t, str>>,
    questions: Vec<Cow<'t, str>>,
    next: Option<Cow<'t, str>>,
    pub(super) checks: Checks<'t>,
}

impl<'t> Pad<'t> {
    /// Takes what stands behind a cue.
    pub(super) fn take(&mut self, cue: Cue, value: Cow<'t, str>) {
        let Some(value) = item_of(value, cue) else { return };
        match cue {
            Cue::Wanted => {}
            // The first one: parts of a split review say what the part is for.
            Cue::Objective => self.objective = self.objective.take().or(Some(value)),
            Cue::Step(status) => self.step(status, value),
            Cue::Decision => add(&mut self.decisions, value),
            Cue::Question => add(&mut self.questions, value),
            Cue::Paths => {
                if let Some(path) = map(&value, paths::of_item) {
                    self.path(path);
                }
            }
            Cue::Next | Cue::Command => {
                let expect = if cue == Cue::Command { Expect::Command } else { Expect::CommandOrStep };
                // The last one: notes grow downwards.
                let command = map(&value, |value| command::next(value, expect).command);
                self.next = command.or(self.next.take());
                if let Some(step) = map(&value, |value| command::next(value, expect).step) {
                    self.step(Status::Open, step);
                }
            }
            Cue::Validation => {
                if let Some(status) = outcome(&value) {
                    self.checks.add_overall(status);
                }
            }
            Cue::Check => {
                if let Some(status) = outcome(&value) {
                    self.checks.add_single(status);
                }
            }
        }
    }

    /// Takes a step. What is said of the same step later counts.
    pub(super) fn step(&mut self, status: Status, value: Cow<'t, str>) {
        let Some(step) = item_of(value, Cue::Step(status)) else { return };
        if is_check(&step) {
            let outcome = match status {
                Status::Failed => Some(ValidationStatus::Failed),
                // That a check was run does not say that it passed: its own words do, or that it did not.
                Status::Done => outcome::own(&step),
                _ => None,
            };
            if let Some(outcome) = outcome {
                self.checks.add_single(outcome);
            }
        }
        self.keep(status, step);
    }

    /// Takes a step that is a check, of which it is known what it came to.
    pub(super) fn checked_step(&mut self, status: Status, value: Cow<'t, str>) {
        if let Some(step) = item_of(value, Cue::Step(status)) {
            self.keep(status, step);
        }
    }

    fn keep(&mut self, status: Status, step: Cow<'t, str>) {
        let bare = |text: &str| text.trim_end_matches('.').len();
        let same = |known: &str| {
            let (a, b) = (bare(known), bare(&step));
            a == b
                && known
                    .as_bytes()
                    .get(..a)
                    .zip(step.as_bytes().get(..b))
                    .is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        if let Some(known) = self.steps.iter_mut().find(|(_, known)| same(known)) {
            known.0 = status;
        } else if self.steps.len() < 3 * ITEMS_MAX {
            self.steps.push((status, step));
        }
    }

    /// Takes a path.
    pub(super) fn path(&mut self, path: Cow<'t, str>) {
        add(&mut self.paths, path);
    }

    /// Takes a command that is certain.
    pub(super) fn command(&mut self, command: &'t str) {
        self.next = item_of(Cow::Borrowed(command), Cue::Command).or(self.next.take());
    }

    /// What was found.
    pub(super) fn finish(self) -> Scratchpad<'t> {
        let (mut completed, mut failed, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        for (status, step) in self.steps {
            let list = match status {
                Status::Done => &mut completed,
                Status::Failed => &mut failed,
                Status::Open => &mut pending,
                Status::Dropped => continue,
            };
            if list.len() < ITEMS_MAX {
                list.push(step);
            }
        }
        Scratchpad {
            current_objective: self.objective,
            completed_steps: completed,
            failed_steps: failed,
            pending_steps: pending,
            important_paths: self.paths,
            decisions: self.decisions,
            unresolved_questions: self.questions,
            validation_status: self.checks.outcome(),
            next_command: self.next,
        }
    }
}

/// Whether a step is a check: it opens with a command that is one.
fn is_check(step: &str) -> bool {
    step.strip_prefix('`').and_then(|rest| rest.split('`').next()).is_some_and(command::is_check)
}

fn add<'t>(list: &mut Vec<Cow<'t, str>>, item: Cow<'t, str>) {
    if list.len() < ITEMS_MAX && !list.contains(&item) {
        list.push(item);
    }
}

/// A part of a text, borrowed where the text is.
pub(super) fn map<'t>(
    text: &Cow<'t, str>,
    part: impl for<'a> Fn(&'a str) -> Option<&'a str>,
) -> Option<Cow<'t, str>> {
    match text {
        Cow::Borrowed(text) => part(text).map(Cow::Borrowed),
        Cow::Owned(text) => part(text).map(|part| Cow::Owned(part.to_owned())),
    }
}

/// An item as it is kept: without white space and emphasis around it, and not too long. `None` when it says nothing.
fn item_of(text: Cow<'_, str>, cue: Cue) -> Option<Cow<'_, str>> {
    match map(&text, |text| kept_part(text, cue))? {
        kept if kept.len() == text.len() => Some(text),
        kept => Some(kept),
    }
}

fn kept_part(text: &str, cue: Cue) -> Option<&str> {
    let text = without_emphasis(text.trim());
    let struck = text.starts_with("~~") && text.ends_with("~~");
    let cut = cut(text);
    (!struck && !opening::is_nothing(cut, cue)).then_some(cut)
}

fn without_emphasis(text: &str) -> &str {
    for mark in ["**", "__"] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            return inner.trim();
        }
    }
    text
}

fn cut(text: &str) -> &str {
    if text.len() <= ITEM_BYTES_MAX {
        return text;
    }
    let start = text.get(..text.floor_char_boundary(ITEM_BYTES_MAX)).unwrap_or_default();
    let end = start.rfind(char::is_whitespace).unwrap_or(start.len());
    start.get(..end).unwrap_or(start).trim_end()
}
