//! Lines of an output that hold one of a few texts, at the speed of reading.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use memchr::{memchr, memmem, memrchr};

use crate::domain::schema::scalars::Sha256Hex;
use crate::pipeline::outputs::Outputs;
use crate::store::StoreError;

const BLOCK_BYTES: u64 = 2 << 20;

/// The committed lines from a byte of an output on that hold any of the needles: where each starts, and the line.
pub(super) fn lines_with(
    outputs: &Outputs,
    path: &str,
    from: u64,
    needles: &AhoCorasick,
) -> Result<Vec<(u64, String)>, StoreError> {
    lines_where(outputs, path, from, |bytes| needles.find(bytes).map(|hit| hit.start()))
}

/// The hashes of a few rows. One is looked for as a whole. Of several only the name of the member is, which stands once or
/// twice in a line: to look for all of them, which begin alike and with a quote, took twice as long.
pub(super) struct Hashes {
    needle: memmem::Finder<'static>,
    /// What may follow the needle; nothing when that is a whole hash.
    digits: BTreeSet<[u8; 64]>,
}

impl Hashes {
    /// Of rows with these hashes.
    pub(super) fn new(hashes: &[Sha256Hex]) -> Self {
        let member = "\"sig_hash\":\"";
        if let [one] = hashes {
            let needle = memmem::Finder::new(&format!("{member}{one}\"")).into_owned();
            return Self { needle, digits: BTreeSet::new() };
        }
        let digits = |hash: &Sha256Hex| hash.to_string().as_bytes().first_chunk().copied();
        Self { needle: memmem::Finder::new(member), digits: hashes.iter().filter_map(digits).collect() }
    }

    /// The committed lines from a byte of an output on that name any of the rows: where each starts, and the line.
    pub(super) fn lines(
        &self,
        outputs: &Outputs,
        path: &str,
        from: u64,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        if self.digits.is_empty() {
            return lines_where(outputs, path, from, |bytes| self.needle.find(bytes));
        }
        let len = self.needle.needle().len();
        lines_where(outputs, path, from, |bytes| {
            self.needle.find_iter(bytes).find(|at| {
                let digits = bytes.get(at + len..).and_then(|rest| rest.first_chunk());
                digits.is_some_and(|digits| self.digits.contains(digits))
            })
        })
    }
}

/// The committed lines from a byte of an output on in which `find` finds something.
fn lines_where(
    outputs: &Outputs,
    path: &str,
    from: u64,
    find: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Vec<(u64, String)>, StoreError> {
    let to = outputs.state.output_len(path);
    let (mut at, mut block_bytes) = (from, BLOCK_BYTES);
    let (mut found, mut block) = (Vec::new(), Vec::new());
    while at < to {
        outputs.read_over(path, at, (at + block_bytes).min(to), &mut block)?;
        // A block ends with a line; a line that is longer than the block wants a longer one.
        let Some(end) = memrchr(b'\n', &block).map(|newline| newline + 1) else {
            if at + block_bytes >= to {
                break;
            }
            block_bytes *= 2;
            continue;
        };
        let block = block.get(..end).unwrap_or_default();
        let mut searched = 0;
        while let Some(hit) = find(block.get(searched..).unwrap_or_default()) {
            let hit = searched + hit;
            let start = memrchr(b'\n', block.get(..hit).unwrap_or_default()).map_or(0, |newline| newline + 1);
            let stop = memchr(b'\n', block.get(hit..).unwrap_or_default()).map_or(end, |len| hit + len);
            let line = block.get(start..stop).unwrap_or_default();
            found.push((at + start as u64, String::from_utf8_lossy(line).into_owned()));
            searched = stop;
        }
        at += end as u64;
        block_bytes = BLOCK_BYTES;
    }
    Ok(found)
}

/// A searcher for some texts; nothing when there is none.
pub(super) fn needles<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Option<AhoCorasick> {
    AhoCorasick::new(texts).ok().filter(|needles| needles.patterns_len() > 0)
}
