//! The copy of the known rows in `state/rows`: blocks with a checksum each, appended after the receipt and never synced.
//!
//! A block is its length, how far the superseding scores were committed, and then rows and settled scores, each behind a
//! mark. The first block that is not whole ends the cache.

use std::path::{Path, PathBuf};

use super::known_rows::Incoming;
use crate::domain::link::facts::{PARTS, TextFacts};
use crate::domain::link::{Facts, Judged, Place};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::score::Category;
use crate::domain::signal::SignalSet;
use crate::store::StoreError;
use crate::store::disk::Disk;

/// A score that took the place of another.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// The row.
    pub place: Place,
    /// Every signal that counts.
    pub current: SignalSet,
    /// The category.
    pub category: Category,
    /// How many scores came before.
    pub score_seq: u32,
}

/// The cache file.
#[derive(Debug)]
pub struct RowCache {
    path: PathBuf,
    header: Vec<u8>,
    /// Bytes of the file that are good.
    len: u64,
    /// Rows for the next block.
    pending: Vec<u8>,
}

const MAGIC: &[u8; 8] = b"distrow4";
const ROW: u8 = 1;
const SETTLED: u8 = 2;
const READ_BYTES: u64 = 4 << 20;

impl RowCache {
    /// The cache at a path; good for what `header` names.
    pub fn new(path: &Path, header: Sha256Hex) -> Self {
        let header = [&MAGIC[..], &header.0].concat();
        Self { path: path.to_owned(), header, len: 0, pending: Vec::new() }
    }

    /// Hands over rows and settled scores of all good blocks; gives how far the superseding scores are in them.
    pub fn read(&mut self, disk: &dyn Disk, take: &mut dyn FnMut(Result<Incoming, Settled>)) -> u64 {
        let header_len = self.header.len() as u64;
        let Ok(Some(len)) = disk.len(&self.path) else { return 0 };
        if disk.read(&self.path, 0, header_len).ok().as_ref() != Some(&self.header) {
            return 0;
        }
        self.len = header_len;
        let mut rescored_to = 0;
        let (mut window, mut used) = (Vec::new(), 0);
        loop {
            let rest = window.get(used..).unwrap_or_default();
            let Some(block_len) = block_len(rest).filter(|block_len| *block_len <= rest.len()) else {
                let wanted = block_len(rest).unwrap_or(0) as u64;
                let at = self.len + rest.len() as u64;
                // The block that the window cuts is read again, from its start: that is less than to move it.
                let to = self.len + READ_BYTES.max(wanted);
                if at >= len
                    || self.len + wanted > len
                    || disk.read_over(&self.path, self.len, to, &mut window).is_err()
                {
                    return rescored_to;
                }
                used = 0;
                continue;
            };
            let Some(to) = rest.get(..block_len).and_then(|block| read_block(block, take)) else {
                return rescored_to;
            };
            rescored_to = to;
            self.len += block_len as u64;
            used += block_len;
        }
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        self.len = 0;
    }

    /// Makes the file ready to be appended to, behind the rows that were read.
    pub fn start_at(&mut self, disk: &dyn Disk, rows: usize) {
        let fresh = self.len == 0 || rows == 0;
        let done = if fresh {
            self.len = self.header.len() as u64;
            disk.remove(&self.path).and_then(|()| disk.write(&self.path, 0, &self.header))
        } else {
            disk.cut(&self.path, self.len)
        };
        if let Err(e) = done {
            tracing::warn!(error = %e, "the row cache cannot be written");
        }
    }

    /// Notes a row for the next block.
    pub fn note(&mut self, row: &Incoming) {
        self.pending.push(ROW);
        encode(row, &mut self.pending);
    }

    /// Appends a block with the rows noted and these scores.
    pub fn append(
        &mut self,
        disk: &dyn Disk,
        rescored_to: u64,
        settled: &[Settled],
    ) -> Result<(), StoreError> {
        if self.pending.is_empty() && settled.is_empty() {
            return Ok(());
        }
        for score in settled {
            self.pending.push(SETTLED);
            self.pending.extend_from_slice(&score.place.to_le_bytes());
            self.pending.extend_from_slice(&score.current.bits().to_le_bytes());
            self.pending.push(score.category as u8);
            self.pending.extend_from_slice(&score.score_seq.to_le_bytes());
        }
        let mut block = Vec::with_capacity(self.pending.len() + 16);
        block.extend_from_slice(&(self.pending.len() as u32).to_le_bytes());
        block.extend_from_slice(&rescored_to.to_le_bytes());
        block.append(&mut self.pending);
        block.extend_from_slice(&crc32fast::hash(&block).to_le_bytes());
        disk.write(&self.path, self.len, &block)?;
        self.len += block.len() as u64;
        Ok(())
    }
}

/// The length of the block that starts here, checksum included.
fn block_len(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk::<4>().map(|len| 4 + 8 + u32::from_le_bytes(*len) as usize + 4)
}

fn read_block(block: &[u8], take: &mut dyn FnMut(Result<Incoming, Settled>)) -> Option<u64> {
    let (body, checksum) = block.split_last_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut reader = Reader(body.get(4..)?);
    let rescored_to = reader.u64()?;
    while !reader.0.is_empty() {
        match reader.u8()? {
            ROW => take(Ok(decode(&mut reader)?)),
            SETTLED => take(Err(Settled {
                place: reader.u32()?,
                current: SignalSet::from_bits(reader.u64()?),
                category: reader.category()?,
                score_seq: reader.u32()?,
            })),
            _ => return None,
        }
    }
    Some(rescored_to)
}

/// Optional members, a bit each.
const HAS_SIGNATURE: u16 = 1;
const HAS_PULL: u16 = 2;
const HAS_COMMIT: u16 = 4;
const HAS_FILE: u16 = 8;
const HAS_ATTEMPT: u16 = 16;
const HAS_TEXT: u16 = 32;
const HAS_ANCHOR: u16 = 64;
const IS_WORK: u16 = 128;
const HAS_TASK: u16 = 256;
const IS_SECRET: u16 = 512;
const MAKES_PAIR: u16 = 1024;
const SECRET_IN_PAIR: u16 = 2048;

fn encode(row: &Incoming, out: &mut Vec<u8>) {
    let facts = &row.facts;
    let flag = |set: bool, flag: u16| if set { flag } else { 0 };
    let flags = flag(facts.signature.is_some(), HAS_SIGNATURE)
        | flag(facts.pull.is_some(), HAS_PULL)
        | flag(facts.commit.is_some(), HAS_COMMIT)
        | flag(facts.file.is_some(), HAS_FILE)
        | flag(facts.attempt.is_some(), HAS_ATTEMPT)
        | flag(facts.text.is_some(), HAS_TEXT)
        | flag(facts.anchor_grounding.is_some(), HAS_ANCHOR)
        | flag(facts.work, IS_WORK)
        | flag(facts.task.is_some(), HAS_TASK)
        | flag(facts.secret, IS_SECRET)
        | flag(facts.makes_pair, MAKES_PAIR)
        | flag(facts.secret_in_pair, SECRET_IN_PAIR);
    let judged = match facts.judged {
        Judged::Nothing => (0, 0, 0),
        Judged::Run(run) => (1, run, 0),
        Judged::Signature(signature) => (2, signature, 0),
        Judged::Pull(pull, None) => (3, pull.cast_unsigned(), 0),
        Judged::Pull(pull, Some(commit)) => (4, pull.cast_unsigned(), commit),
        Judged::File(file) => (5, file, 0),
    };
    out.extend_from_slice(&row.sig);
    out.extend_from_slice(&row.evidence_len.to_le_bytes());
    out.extend_from_slice(&row.stream.to_le_bytes());
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&[row.category as u8, facts.part as u8, judged.0]);
    let mut put = |number: u64| out.extend_from_slice(&number.to_le_bytes());
    [row.evidence_at, facts.time.millis().cast_unsigned(), facts.run, facts.own.bits(), facts.says.bits()]
        .into_iter()
        .for_each(&mut put);
    let optional = [facts.signature, facts.pull.map(i64::cast_unsigned), facts.commit, facts.file];
    optional.into_iter().flatten().for_each(&mut put);
    facts.attempt.map(i64::cast_unsigned).into_iter().for_each(&mut put);
    if let Some(text) = facts.text {
        [text.text, text.instruction, text.input].into_iter().for_each(&mut put);
    }
    facts.anchor_grounding.map(f64::to_bits).into_iter().chain(facts.task).for_each(&mut put);
    if judged.0 > 0 {
        put(judged.1);
        put(judged.2);
    }
}

fn decode(reader: &mut Reader<'_>) -> Option<Incoming> {
    let (sig, evidence_len) = (reader.take()?, reader.u32()?);
    let (stream, flags) = (u16::from_le_bytes(reader.take()?), u16::from_le_bytes(reader.take()?));
    let (category, part, judged) = (reader.category()?, *PARTS.get(usize::from(reader.u8()?))?, reader.u8()?);
    let has = |flag: u16| flags & flag != 0;
    let optional =
        |reader: &mut Reader<'_>, flag: u16| if has(flag) { reader.u64().map(Some) } else { Some(None) };
    let evidence_at = reader.u64()?;
    let time = EventTime::from_millis(reader.u64()?.cast_signed());
    let (run, own, says) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let signature = optional(reader, HAS_SIGNATURE)?;
    let pull = optional(reader, HAS_PULL)?.map(u64::cast_signed);
    let commit = optional(reader, HAS_COMMIT)?;
    let file = optional(reader, HAS_FILE)?;
    let attempt = optional(reader, HAS_ATTEMPT)?.map(u64::cast_signed);
    let text = if has(HAS_TEXT) {
        Some(TextFacts { text: reader.u64()?, instruction: reader.u64()?, input: reader.u64()? })
    } else {
        None
    };
    let anchor_grounding = optional(reader, HAS_ANCHOR)?.map(f64::from_bits);
    let task = optional(reader, HAS_TASK)?;
    let (first, second) = if judged > 0 { (reader.u64()?, reader.u64()?) } else { (0, 0) };
    let judged = match judged {
        0 => Judged::Nothing,
        1 => Judged::Run(first),
        2 => Judged::Signature(first),
        3 => Judged::Pull(first.cast_signed(), None),
        4 => Judged::Pull(first.cast_signed(), Some(second)),
        5 => Judged::File(first),
        _ => return None,
    };
    let facts = Facts {
        part,
        work: has(IS_WORK),
        time,
        run,
        judged,
        signature,
        pull,
        commit,
        file,
        attempt,
        own: SignalSet::from_bits(own),
        says: SignalSet::from_bits(says),
        task,
        text,
        secret: has(IS_SECRET),
        makes_pair: has(MAKES_PAIR),
        secret_in_pair: has(SECRET_IN_PAIR),
        anchor_grounding,
    };
    Some(Incoming { sig, stream, evidence_at, evidence_len, category, facts })
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn category(&mut self) -> Option<Category> {
        Category::ALL.get(usize::from(self.u8()?)).copied()
    }
}
