//! The files of the receipts chain: found, read line by line on every core, and checked link by link.
//!
//! The active file is opened before the sealed ones are listed, so that a daemon that seals it meanwhile hides nothing:
//! what was read under one name and lies under the other is one file.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::finding::Finding;
use super::read::read_at;
use crate::domain::schema::published::Published as _;
use crate::domain::schema::receipt::{Receipt, ReceiptKind};
use crate::domain::schema::scalars::Sha256Hex;

/// The folder of the receipts, below the output folder.
const FOLDER: &str = "receipts";
/// No commit has counts or offsets beyond this; sums of such numbers cannot overflow.
const COUNT_MAX: u64 = 1 << 40;
const OFFSET_MAX: u64 = 1 << 53;

/// One file of receipts.
#[derive(Debug)]
pub(in crate::pipeline) struct ReceiptsFile {
    /// Its path below the output folder.
    pub(in crate::pipeline) name: String,
    file: File,
    len: u64,
    /// The number in its name; the active file has none.
    first_seq: Option<u64>,
}

/// One line of a receipts file.
#[derive(Debug)]
pub(in crate::pipeline) struct ReceiptLine {
    /// Where it starts.
    pub(in crate::pipeline) byte: u64,
    /// SHA-256 of it, newline included.
    pub(in crate::pipeline) sha256: Sha256Hex,
    /// The receipt, or why it is none.
    pub(in crate::pipeline) receipt: Result<Box<Receipt>, String>,
    /// Whether it is the last line and has no newline.
    pub(in crate::pipeline) torn: bool,
}

/// The receipts files of an output folder, oldest first, and names among them that are none.
#[derive(Debug)]
pub(in crate::pipeline) struct ReceiptsFiles {
    /// Sealed files, then the active one.
    pub(in crate::pipeline) files: Vec<ReceiptsFile>,
    /// Other files in the folder.
    pub(in crate::pipeline) strangers: Vec<String>,
}

impl ReceiptsFiles {
    /// Finds them. The lengths are those of now: what is appended later is not looked at.
    pub(in crate::pipeline) fn find(output: &Path) -> io::Result<Self> {
        let dir = output.join(FOLDER);
        let open = |name: &str| -> io::Result<Option<(File, u64, u64)>> {
            match File::open(dir.join(name)) {
                Ok(file) => {
                    let metadata = file.metadata()?;
                    Ok(Some((file, metadata.len(), metadata.ino())))
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(e),
            }
        };
        // Between the two renames of a sealing the next file is the active one under another name.
        let active = match open("receipts.jsonl")? {
            Some(active) => Some(active),
            None => open("receipts.jsonl.next")?,
        };
        let active_inode = active.as_ref().map(|(_, _, inode)| *inode);
        let (mut files, mut strangers) = (Vec::new(), Vec::new());
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self { files, strangers }),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("receipts-").and_then(|rest| rest.strip_suffix(".jsonl"));
            // Only the number as it is written counts: `receipts-007.jsonl` is none of ours.
            let number = number.and_then(|n| n.parse::<u64>().ok().filter(|value| value.to_string() == n));
            match number {
                Some(first_seq) => {
                    if let Some((file, len, inode)) = open(&name)?
                        && Some(inode) != active_inode
                    {
                        let name = format!("{FOLDER}/{name}");
                        files.push(ReceiptsFile { name, file, len, first_seq: Some(first_seq) });
                    }
                }
                None if name == "receipts.jsonl" || name == "receipts.jsonl.next" => {}
                None => strangers.push(format!("{FOLDER}/{name}")),
            }
        }
        files.sort_by_key(|file| file.first_seq);
        if let Some((file, len, _)) = active {
            files.push(ReceiptsFile { name: format!("{FOLDER}/receipts.jsonl"), file, len, first_seq: None });
        }
        strangers.sort_unstable();
        Ok(Self { files, strangers })
    }

    /// The numbers that sealed files begin with, oldest first.
    pub(in crate::pipeline) fn first_seqs(&self) -> Vec<u64> {
        self.files.iter().filter_map(|file| file.first_seq).collect()
    }

    /// Leaves out the files that end before a receipt; gives the hash of the last line left out.
    pub(in crate::pipeline) fn skip_to(&mut self, seq: u64) -> io::Result<Option<Sha256Hex>> {
        let starts_late = |file: &ReceiptsFile| file.first_seq.is_none_or(|first| first > seq);
        let first = self.files.iter().position(starts_late).unwrap_or(self.files.len());
        // The file before the first that starts late holds the receipt, and opens with a checkpoint.
        let mut skipped = self.files.drain(..first.saturating_sub(1));
        skipped.next_back().map(|file| file.last_line_hash()).transpose()
    }
}

impl ReceiptsFile {
    /// Reads and parses every line.
    pub(in crate::pipeline) fn lines(&self) -> io::Result<Vec<ReceiptLine>> {
        let mut bytes = Vec::new();
        read_at(&self.file, 0, usize::try_from(self.len).unwrap_or(usize::MAX), &mut bytes)?;
        let mut at = 0;
        let line = |line: &[u8]| {
            let byte = at;
            at += line.len() as u64;
            let receipt = parse(line).map(Box::new);
            ReceiptLine { byte, sha256: Sha256Hex::of(line), receipt, torn: !line.ends_with(b"\n") }
        };
        Ok(bytes.split_inclusive(|byte| *byte == b'\n').map(line).collect())
    }

    fn last_line_hash(&self) -> io::Result<Sha256Hex> {
        let mut bytes = Vec::new();
        read_at(&self.file, 0, usize::try_from(self.len).unwrap_or(usize::MAX), &mut bytes)?;
        let last = bytes.split_inclusive(|byte| *byte == b'\n').next_back();
        Ok(Sha256Hex::of(last.unwrap_or_default()))
    }

    /// What is wrong with the first receipt of this file, given its place among the files.
    pub(in crate::pipeline) fn check_opening(&self, receipt: &Receipt, is_oldest: bool) -> Option<Finding> {
        let wrong = |what: &str| Finding::of_line(&self.name, 0, 0, what);
        if let Some(first_seq) = self.first_seq.filter(|first| *first != receipt.seq) {
            return Some(
                wrong("the first receipt is not the one in the file's name").but(first_seq, receipt.seq),
            );
        }
        match receipt.kind {
            ReceiptKind::Genesis if is_oldest => None,
            ReceiptKind::Checkpoint if !is_oldest => None,
            _ if is_oldest => {
                let what = "the receipts do not begin with the first one: older files are gone";
                Some(wrong(what).but("genesis", format!("receipt {}", receipt.seq)))
            }
            _ => Some(wrong("a file after a sealed one does not open with a checkpoint")),
        }
    }
}

/// Reads one line: whole, with its own hash, and keeping the rules of its shape.
fn parse(line: &[u8]) -> Result<Receipt, String> {
    let text = line.strip_suffix(b"\n").ok_or("a line without its end")?;
    let text = std::str::from_utf8(text).map_err(|_| "a line that is not text")?;
    let receipt =
        Receipt::from_line(text).ok_or("a line that is not a whole receipt: `check` does not fit")?;
    receipt
        .check()
        .map_err(|invalid| format!("{} breaks the rule that it {}", invalid.field, invalid.rule))?;
    sane(&receipt)?;
    Ok(receipt)
}

/// Refuses numbers that no commit can have, so that nothing overflows later.
fn sane(receipt: &Receipt) -> Result<(), String> {
    let c = &receipt.record_counts;
    let mut counts = vec![c.rows_in, c.out, c.evidence, c.quarantined, c.duplicate, c.blank];
    counts.extend([c.rescored, c.exported, c.retracted, c.withheld]);
    for input in &receipt.input_files {
        counts.extend([input.rows, input.evidence, input.quarantined, input.duplicate, input.blank]);
    }
    counts.extend(receipt.output_files.iter().map(|output| output.rows));
    let inputs = receipt.input_files.iter().map(|input| (input.from, input.to));
    let mut ranges = inputs.chain(receipt.output_files.iter().map(|output| (output.from, output.to)));
    if counts.iter().any(|count| *count > COUNT_MAX) || receipt.seq > COUNT_MAX {
        return Err("a count that no commit can have".to_owned());
    }
    if ranges.any(|(from, to)| from > to || to > OFFSET_MAX) {
        return Err("a range that ends before it starts, or nowhere".to_owned());
    }
    Ok(())
}
