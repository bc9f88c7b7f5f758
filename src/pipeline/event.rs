//! Everything that can happen to the committer.

use super::exports::Sampled;
use super::views::{Made, ViewError, Views};
use super::worker::Worked;
use crate::domain::distil::BadRecord;
use crate::intake::chunk::{Finished, GapFound};

/// The ticket of a chunk or gap: its place in its stream's order, from 0 at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The stream's number.
    pub stream: usize,
    /// The place.
    pub place: u64,
}

/// What a person or the system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Come to a clean end.
    Stop,
    /// Read the config again.
    Reload,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// A chunk was distilled.
    Worked(Box<Worked>),
    /// The samples of a range of evidence were made.
    Sampled(Sampled),
    /// The views were made.
    Viewed(Result<Box<Made>, ViewError>),
    /// The views have read what was committed.
    Followed(Result<Box<Views>, ViewError>),
    /// A record broke a rule of its own shape.
    BadRecord(BadRecord),
    /// Bytes of a stream were gone before they could be read.
    Gap(Ticket, GapFound),
    /// A generation of a stream came to its end.
    Finished(Ticket, Finished),
    /// A thread of the pipeline panicked.
    Died,
    /// The source has come to its end.
    SourceEnded,
    /// Somebody asks for something.
    Request(Request),
}
