//! Lines of an output that hold one of a few texts, at the speed of reading.

use aho_corasick::AhoCorasick;
use memchr::{memchr, memrchr};

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
        while let Some(hit) = needles.find(block.get(searched..).unwrap_or_default()) {
            let hit = searched + hit.start();
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
