//! Where stories are written: the pen, the files, and what one story leaves for the next.

use std::path::Path;

use super::dice::Dice;
use super::later::Later;
use super::out::Out;
use super::pen::Pen;
use super::story::Signature;
use super::stream::Stream;
use super::time::{self, Millis};
use super::{CorpusError, Summary};

/// One row in this many is delivered twice by the streams that do so, beside the wait between the two.
const ROWS_A_REPEAT: u64 = 170;
const REPEAT_WITHIN_ROWS: u64 = 60;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) pen: Pen,
    out: Out,
    /// Whether rows may be repeated by chance; an even story repeats on purpose only.
    pub(crate) careless: bool,
    /// When the next story begins.
    pub(crate) clock: Millis,
    pub(crate) pr_number: u64,
    pub(crate) later: Later,
    /// Signatures of late, to be met again. Bounded by [`Desk::remember`].
    pub(crate) signatures: Vec<Signature>,
}

impl Desk {
    pub(crate) fn open(seed: u64, rows: u64, kb: &Path) -> Result<Self, CorpusError> {
        let out = Out::create(rows, kb)?;
        Ok(Self {
            pen: Pen::new(seed),
            out,
            careless: false,
            clock: time::FIRST,
            pr_number: 40,
            later: Later::default(),
            signatures: Vec::new(),
        })
    }

    pub(crate) fn rows_left(&self) -> u64 {
        self.out.rows_left()
    }

    pub(crate) fn dice(&mut self) -> &mut Dice {
        &mut self.pen.dice
    }

    /// Writes one row made by `members`, which adds the object's members.
    pub(crate) fn write(
        &mut self,
        stream: Stream,
        members: impl FnOnce(&mut Pen),
    ) -> Result<(), CorpusError> {
        if self.out.rows_left() == 0 {
            return Ok(());
        }
        self.pen.begin(stream.spelling());
        members(&mut self.pen);
        self.pen.end();
        self.out.append(stream, self.pen.row())?;
        if self.careless && stream.repeats() {
            if self.pen.dice.below(ROWS_A_REPEAT) == 0 {
                let rows_between = self.pen.dice.below(REPEAT_WITHIN_ROWS);
                self.out.keep(stream, self.pen.row(), rows_between);
            } else {
                self.out.repeat(stream, &mut self.pen.dice)?;
            }
        }
        Ok(())
    }

    /// Keeps the row just written for [`Desk::deliver_again`].
    pub(crate) fn keep_last(&mut self, stream: Stream) {
        self.out.keep(stream, self.pen.row(), 0);
    }

    /// Writes the kept row of `stream` once more.
    pub(crate) fn deliver_again(&mut self, stream: Stream) -> Result<(), CorpusError> {
        self.out.repeat(stream, &mut self.pen.dice)
    }

    /// Keeps a signature in mind, in place of the oldest when there are many.
    pub(crate) fn remember(&mut self, signature: Signature) {
        if self.signatures.len() >= 32 {
            self.signatures.remove(0);
        }
        self.signatures.push(signature);
    }

    pub(crate) fn close(self) -> Result<Summary, CorpusError> {
        self.out.close()
    }
}
