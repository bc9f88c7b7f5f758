//! What happens hours after a story was told: reverts, and what people say.
//!
//! It waits here so that every stream stays nearly in event time.

use super::desk::Desk;
use super::story::{Review, Story};
use super::time::Millis;

/// More than this many never wait at once; with a busy project it is about sixty.
const WAITING_MAX: usize = 512;

/// Something to be told when its time has come.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) due: Millis,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The commit that an apply made is taken back.
    Revert {
        file: String,
        commit: String,
    },
    Override(Target),
}

/// What a human's word is about.
#[derive(Debug)]
pub(crate) enum Target {
    Run(String),
    Push { pr_number: u64, head_sha: String },
    File(String),
}

impl Target {
    /// Something of a story: mostly one run, else the whole push or a reviewed file.
    pub(crate) fn draw(desk: &mut Desk, story: &Story, review: &Review) -> Self {
        let dice = &mut desk.pen.dice;
        match dice.below(10) {
            0..5 => Self::Run(review.run_id.clone().unwrap_or_else(|| story.any_run(dice).id.clone())),
            5..7 => Self::Push { pr_number: story.pr_number, head_sha: story.head_sha.clone() },
            _ => Self::File(review.file.clone()),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Later {
    waiting: Vec<Event>,
}

impl Later {
    pub(crate) fn add(&mut self, event: Event) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(event);
        }
    }

    /// The earliest event due at `now`.
    pub(crate) fn next(&mut self, now: Millis) -> Option<Event> {
        let (index, event) = self.waiting.iter().enumerate().min_by_key(|(_, event)| event.due)?;
        (event.due <= now).then_some(index).map(|index| self.waiting.swap_remove(index))
    }

    /// The revert that waits longest, due or not.
    pub(crate) fn first_revert(&mut self) -> Option<Event> {
        let index = self.waiting.iter().position(|event| matches!(event.what, What::Revert { .. }))?;
        Some(self.waiting.remove(index))
    }
}
