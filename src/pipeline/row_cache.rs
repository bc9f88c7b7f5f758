//! The copy of the known rows in `state/rows`: blocks with a checksum each, appended after the receipt and never synced.
//!
//! A block is its length, how far the superseding scores were committed, and then rows and settled scores ([`row_code`]). Its
//! checksum goes on from that of the block before, so that a block holds for what stands before it and nothing else. The
//! first block that is not whole ends the cache.
//!
//! [`row_code`]: super::row_code

use std::path::{Path, PathBuf};

use super::known_rows::Incoming;
use super::row_code::{Entry, Settled, decode, encode, encode_settled};
use super::row_ends::Ends;
use crate::domain::schema::scalars::Sha256Hex;
use crate::store::StoreError;
use crate::store::disk::Disk;

/// The cache file.
#[derive(Debug)]
pub struct RowCache {
    path: PathBuf,
    header: Vec<u8>,
    /// Bytes of the file that are good.
    len: u64,
    /// The checksum of all of them, one behind the other.
    checksum: u32,
    /// Rows for the next block.
    pending: Vec<u8>,
}

/// Whole blocks, as they were read and found good.
#[derive(Debug)]
pub struct Blocks {
    bytes: Vec<u8>,
    len: usize,
}

const MAGIC: &[u8; 8] = b"distrow5";
/// What is read at a time: little enough to be in the cache still when it is decoded.
const READ_BYTES: u64 = 1 << 20;
/// Length and how far the superseding scores are; the checksum.
const HEAD_BYTES: usize = 4 + 8;
const CHECKSUM_BYTES: usize = 4;

impl RowCache {
    /// The cache at a path; good for what `header` names.
    pub fn new(path: &Path, header: Sha256Hex) -> Self {
        let header = [&MAGIC[..], &header.0].concat();
        Self { path: path.to_owned(), header, len: 0, checksum: 0, pending: Vec::new() }
    }

    /// Hands over rows and settled scores of all good blocks; gives how far the superseding scores are in them.
    pub fn read(&mut self, disk: &dyn Disk, take: &mut dyn FnMut(Entry<'_>)) -> u64 {
        let (mut rescored_to, mut ends) = (0, Ends::default());
        self.read_blocks(disk, &mut |blocks| {
            rescored_to = blocks.each(&mut ends, &mut *take)?;
            Some(blocks.into_buffer())
        });
        rescored_to
    }

    /// Hands over all good blocks, some at a time; takes a buffer for the next ones in exchange, or ends.
    pub fn read_blocks(&mut self, disk: &dyn Disk, take: &mut dyn FnMut(Blocks) -> Option<Vec<u8>>) {
        let header_len = self.header.len() as u64;
        let Ok(Some(len)) = disk.len(&self.path) else { return };
        if disk.read(&self.path, 0, header_len).ok().as_ref() != Some(&self.header) {
            return;
        }
        (self.len, self.checksum) = (header_len, crc32fast::hash(&self.header));
        let (mut buffer, mut wanted) = (Vec::new(), READ_BYTES);
        while self.len < len
            && disk.read_over(&self.path, self.len, len.min(self.len + wanted), &mut buffer).is_ok()
        {
            let mut blocks = Blocks { bytes: buffer, len: 0 };
            while let Some(block) = blocks.rest() {
                let Some(checksum) = checked(block, self.checksum) else { break };
                self.checksum = checksum;
                self.len += block.len() as u64;
                blocks.len += block.len();
            }
            if blocks.len > 0 {
                let Some(next) = take(blocks) else { return };
                (buffer, wanted) = (next, READ_BYTES);
                continue;
            }
            // A block longer than what was read, or a bad one.
            let longer = block_len(&blocks.bytes).map(|block_len| block_len as u64);
            let Some(block_len) = longer.filter(|longer| *longer > wanted && self.len + longer <= len) else {
                return;
            };
            (buffer, wanted) = (blocks.bytes, block_len);
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
            (self.len, self.checksum) = (self.header.len() as u64, crc32fast::hash(&self.header));
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
            encode_settled(score, &mut self.pending);
        }
        let mut block = Vec::with_capacity(HEAD_BYTES + self.pending.len() + CHECKSUM_BYTES);
        block.extend_from_slice(&(self.pending.len() as u32).to_le_bytes());
        block.extend_from_slice(&rescored_to.to_le_bytes());
        block.append(&mut self.pending);
        let checksum = go_on(self.checksum, &block);
        block.extend_from_slice(&checksum.to_le_bytes());
        disk.write(&self.path, self.len, &block)?;
        self.len += block.len() as u64;
        self.checksum = checksum;
        Ok(())
    }
}

impl Blocks {
    /// The next block that was not found good yet, if there is a whole one.
    fn rest(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.len..)?;
        rest.get(..block_len(rest)?)
    }

    /// Takes rows and settled scores out, in order; gives how far the superseding scores are in them, and nothing when they are not
    /// what was ever written. `ends` is where the rows before them end.
    pub fn each(&self, ends: &mut Ends, mut take: impl FnMut(Entry<'_>)) -> Option<u64> {
        let (mut bytes, mut rescored_to) = (self.bytes.get(..self.len)?, 0);
        while !bytes.is_empty() {
            let (block, rest) = bytes.split_at_checked(block_len(bytes)?)?;
            bytes = rest;
            let (head, body) = block.split_first_chunk::<HEAD_BYTES>()?;
            rescored_to = head.last_chunk::<8>().map(|to| u64::from_le_bytes(*to))?;
            let mut body = body.split_last_chunk::<CHECKSUM_BYTES>()?.0;
            while !body.is_empty() {
                decode(&mut body, ends, &mut take)?;
            }
        }
        Some(rescored_to)
    }

    /// Gives the buffer back.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

/// The length of the block that starts here, checksum included.
fn block_len(bytes: &[u8]) -> Option<usize> {
    let body = bytes.first_chunk::<4>().map(|len| u32::from_le_bytes(*len) as usize)?;
    Some(HEAD_BYTES + body + CHECKSUM_BYTES)
}

/// The checksum of a block behind blocks of that checksum, if it is the one that stands there.
fn checked(block: &[u8], before: u32) -> Option<u32> {
    let (body, checksum) = block.split_last_chunk::<CHECKSUM_BYTES>()?;
    let checksum = u32::from_le_bytes(*checksum);
    (go_on(before, body) == checksum).then_some(checksum)
}

fn go_on(checksum: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(checksum);
    hasher.update(bytes);
    hasher.finalize()
}
