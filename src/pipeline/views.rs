//! The derived views of what is committed: the rows for them, and the files that hold them.

use super::outputs::Outputs;
use crate::domain::schema::published::{Published, Refusal};
use crate::domain::views::drift::drift;
use crate::domain::views::in_canonical_order;
use crate::domain::views::model_ledger::ledger;
use crate::domain::views::names::Names;
use crate::domain::views::playbooks::{Wanted, playbooks};
use crate::domain::views::row::ViewRow;
use crate::domain::views::run_lines::run_lines;
use crate::domain::views::runs::runs;
use crate::store::StoreError;

/// The files of the views, below the output folder.
pub const VIEW_PATHS: [&str; 4] =
    ["views/runs.jsonl", "views/playbooks.jsonl", "views/model_ledger.jsonl", "views/drift.jsonl"];

/// One view as a file, to be replaced whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFile {
    /// Its path below the output folder.
    pub path: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// How many lines.
    pub rows: u64,
}

/// Why there are no views.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The outputs cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item is not of its published shape: a fault of ours.
    #[error("an item of {view} is refused at {path:?}: {reason}; nothing was written")]
    Refused {
        /// The view.
        view: &'static str,
        /// Where in the item.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Every committed row with the score that counts now, in canonical order. A line that somebody changed is left out, which
/// `verify` tells.
pub fn committed_rows(outputs: &Outputs) -> Result<Vec<ViewRow>, StoreError> {
    let (mut names, mut rows) = (Names::default(), Vec::new());
    let rescored = outputs.rescored()?;
    for path in outputs.state.outputs.keys() {
        let stream = path.strip_prefix("evidence/").and_then(|name| name.strip_suffix(".jsonl"));
        if let Some(stream) = stream {
            outputs.each_row(stream, &rescored, |row| {
                rows.extend(ViewRow::read(&mut names, row.evidence, row.score));
            })?;
        }
    }
    Ok(in_canonical_order(rows))
}

/// All views of what is committed, each ready to be written.
pub fn render_all(outputs: &Outputs) -> Result<Vec<ViewFile>, ViewError> {
    render(&committed_rows(outputs)?)
}

/// All views of rows in canonical order.
pub fn render(rows: &[ViewRow]) -> Result<Vec<ViewFile>, ViewError> {
    let gathered = runs(rows);
    let [runs_path, playbooks_path, ledger_path, drift_path] = VIEW_PATHS;
    Ok(vec![
        file(runs_path, run_lines(&gathered), plain_line)?,
        file(playbooks_path, playbooks(&gathered, &Wanted::default()), Published::to_line)?,
        file(ledger_path, ledger(&gathered, None).entries, Published::to_line)?,
        file(drift_path, drift(rows), Published::to_line)?,
    ])
}

fn file<T>(
    path: &'static str,
    items: impl IntoIterator<Item = T>,
    line: impl Fn(&T) -> Result<String, Refusal>,
) -> Result<ViewFile, ViewError> {
    let (mut bytes, mut rows) = (Vec::new(), 0);
    for item in items {
        let refused =
            |refusal: Refusal| ViewError::Refused { view: path, path: refusal.path, reason: refusal.reason };
        bytes.extend_from_slice(line(&item).map_err(refused)?.as_bytes());
        rows += 1;
    }
    Ok(ViewFile { path, bytes, rows })
}

fn plain_line(item: &impl serde::Serialize) -> Result<String, Refusal> {
    let json = serde_json::to_string(item);
    json.map(|line| line + "\n").map_err(|e| Refusal { path: String::new(), reason: e.to_string() })
}
