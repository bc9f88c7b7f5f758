//! The files of an output folder: opened once, held to their committed lengths, and told from strangers.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::finding::{Finding, Findings};
use super::ledger::Ledger;

/// The folders that hold nothing but what distilld wrote.
const FOLDERS: [&str; 6] = ["evidence", "scored-runs", "quarantine", "scratchpads", "exports", "views"];

/// The committed files, as they were when they were opened.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Files(BTreeMap<String, File>);

impl Files {
    /// Opens every file that the receipts name and holds it to its committed length.
    pub(in crate::pipeline) fn open(
        output: &Path,
        ledger: &Ledger,
        wanted: impl Fn(&str) -> bool,
        findings: &Findings,
    ) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut writer = None;
        for (path, committed) in ledger.state.outputs.iter().filter(|(path, _)| wanted(path)) {
            let file = match File::open(output.join(path)) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    if committed.len > 0 {
                        let found = "no file";
                        let expected = format!("{} bytes", committed.len);
                        findings.add(Finding::of_file(path, "the file is missing").but(expected, found));
                    }
                    continue;
                }
                Err(e) => return Err(e),
            };
            let len = file.metadata()?.len();
            let sizes =
                |finding: Finding| finding.but(format!("{} bytes", committed.len), format!("{len} bytes"));
            if len < committed.len {
                findings.add(sizes(Finding::of_file(path, "the file is shorter than its receipts say")));
            } else if len > committed.len && !*writer.get_or_insert_with(|| is_writer_at_work(output)) {
                let what = "bytes that no receipt covers; the next `distilld run` cuts them off";
                findings.add(sizes(Finding::of_line(path, committed.rows, committed.len, what)));
            }
            files.insert(path.clone(), file);
        }
        Ok(Self(files))
    }

    /// The file of that path below the output folder, if it is there.
    pub(in crate::pipeline) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }
}

/// Names every file in the folders of the outputs that no receipt knows of.
pub(in crate::pipeline) fn find_strangers(
    output: &Path,
    ledger: &Ledger,
    wanted: impl Fn(&str) -> bool,
    findings: &Findings,
) -> io::Result<()> {
    let mut strangers = Vec::new();
    for folder in FOLDERS {
        list(output, folder, &mut strangers)?;
    }
    strangers.retain(|path| wanted(path) && !ledger.state.outputs.contains_key(path));
    // What a daemon is about to commit lies there already.
    if strangers.is_empty() || is_writer_at_work(output) {
        return Ok(());
    }
    for path in strangers {
        findings.add(Finding::of_file(path, "a file that no receipt names"));
    }
    Ok(())
}

fn list(output: &Path, folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(output.join(folder)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(output, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// Whether another distilld holds the receipts, so that bytes beyond the committed ones are its work. Only asked when
/// there are such bytes: the shared lock that asks is let go at once.
pub(in crate::pipeline) fn is_writer_at_work(output: &Path) -> bool {
    File::open(output.join("receipts"))
        .is_ok_and(|receipts| matches!(receipts.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
