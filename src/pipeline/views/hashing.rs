//! SHA-256 of a file as it is written: of a long one on a thread of its own, which halves the time that the file takes.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use sha2::{Digest, Sha256};

use super::ViewError;
use super::state::died;
use crate::domain::schema::scalars::Sha256Hex;

/// From a block of this size on a thread is worth it.
const LONG_BYTES: usize = 1 << 20;
/// Blocks that wait to be hashed.
const BLOCKS_MAX: usize = 2;

/// A hash in the making.
#[derive(Debug)]
pub(super) struct Hashing {
    here: Sha256,
    beside: Option<Beside>,
}

#[derive(Debug)]
struct Beside {
    blocks: Sender<Vec<u8>>,
    /// Blocks that were hashed, to be filled again.
    spare: Receiver<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self { here: Sha256::new(), beside: None }
    }

    /// Takes bytes, and gives room for others.
    pub(super) fn take(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, ViewError> {
        if self.beside.is_none() && bytes.len() >= LONG_BYTES {
            self.beside = Beside::start(self.here.clone());
        }
        let Some(beside) = &self.beside else {
            self.here.update(&bytes);
            bytes.clear();
            return Ok(bytes);
        };
        beside.blocks.send(bytes).map_err(died)?;
        let mut room = beside.spare.try_recv().unwrap_or_default();
        room.clear();
        Ok(room)
    }

    pub(super) fn finish(self) -> Result<Sha256Hex, ViewError> {
        let hash = match self.beside {
            None => self.here,
            Some(Beside { blocks, thread, .. }) => {
                drop(blocks);
                thread.join().map_err(died)?
            }
        };
        Ok(Sha256Hex(hash.finalize().into()))
    }
}

impl Beside {
    /// Goes on from a hash; `None` when there is no thread to be had.
    fn start(mut hash: Sha256) -> Option<Self> {
        let (blocks, work) = bounded::<Vec<u8>>(BLOCKS_MAX);
        let (done, spare) = bounded(BLOCKS_MAX);
        let work = move || {
            for block in work {
                hash.update(&block);
                // What nobody has room for is dropped.
                let _ = done.try_send(block);
            }
            hash
        };
        let thread = thread::Builder::new().name("views hash".to_owned()).spawn(work).ok()?;
        Some(Self { blocks, spare, thread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_all_bytes_wherever_they_are_hashed() {
        for lens in [vec![], vec![3, 5], vec![7, LONG_BYTES, 1, LONG_BYTES + 9, LONG_BYTES, LONG_BYTES, 2]] {
            let (mut hashing, mut all) = (Hashing::new(), Vec::new());
            for len in lens {
                let block = vec![len as u8; len];
                all.extend_from_slice(&block);
                assert!(hashing.take(block).unwrap().is_empty());
            }
            assert_eq!(hashing.finish().unwrap(), Sha256Hex::of(&all));
        }
    }
}
