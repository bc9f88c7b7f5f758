//! Episodes: attempts at one task, in order, up to and including the one that was accepted.
//!
//! What failed before an accepted attempt is what it solved. Attempts after the last accepted one are an open episode.

use super::facts::At;
use super::is_failure;
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;

/// Something that was tried, and how it came out.
pub(super) trait Attempt {
    /// What became of it.
    fn category(&self) -> Category;
    /// Every signal that reached it.
    fn signals(&self) -> SignalSet;
    /// When it was made: time, then canonical order.
    fn at(&self) -> At;

    /// Whether it is known to have gone wrong: rejected, or waiting for a person with something said against it.
    fn failed(&self) -> bool {
        match self.category() {
            Category::Rejected => true,
            Category::NeedsHumanReview => self.signals().iter().any(is_failure),
            Category::Accepted | Category::PartiallyAccepted => false,
        }
    }

    /// Whether anything is known of how it came out.
    fn decided(&self) -> bool {
        self.category() != Category::NeedsHumanReview || self.failed()
    }
}

/// The episodes of one task. Attempts that wait for a signal belong to none.
pub(super) fn episodes<A: Attempt>(mut attempts: Vec<A>) -> Vec<Vec<A>> {
    attempts.retain(Attempt::decided);
    attempts.sort_by_key(Attempt::at);
    let mut episodes = Vec::new();
    let mut episode = Vec::new();
    for attempt in attempts {
        let ends = attempt.category() == Category::Accepted;
        episode.push(attempt);
        if ends {
            episodes.push(std::mem::take(&mut episode));
        }
    }
    if !episode.is_empty() {
        episodes.push(episode);
    }
    episodes
}
