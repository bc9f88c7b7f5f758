//! What the streams that judge others share: the key by which a row names the work it is about.

use super::{Draft, digits};
use crate::domain::canonical::{Kind as JsonKind, Value};
use crate::domain::row::{Row, as_int, as_text};
use crate::domain::schema::scalars::Escaped;

/// The work a row is about, by the first key that it carries.
#[derive(Debug, Default)]
pub(super) struct Target<'a> {
    pub(super) run_id: Option<Escaped<'a>>,
    pub(super) pr_number: Option<i64>,
    pub(super) head_sha: Option<Escaped<'a>>,
    pub(super) file: Option<Escaped<'a>>,
}

impl<'a> Target<'a> {
    /// Reads the keys from the row, or from its object `target`.
    pub(super) fn read(row: &mut Row<'a, '_>) -> Self {
        let target = row.opt("target").filter(|value| value.kind() == JsonKind::Object);
        let inside = |key: &str| target.and_then(|t| t.get(key));
        let text = |value: Option<Value<'a>>| value.and_then(as_text).filter(|text| !text.is_empty());
        Self {
            run_id: row.opt_text("run_id").or_else(|| text(inside("run_id"))),
            pr_number: row.opt_int("pr_number", i64::MIN).or_else(|| inside("pr_number").and_then(as_int)),
            head_sha: row.opt_sha40("head_sha").or_else(|| text(inside("head_sha"))),
            file: row.opt_text("file").or_else(|| text(inside("file"))),
        }
    }

    /// Gives the draft its run and the target's task, and keeps the keys in the record.
    pub(super) fn apply(self, row: &Row<'a, '_>, prefix: &str, draft: &mut Draft<'a>) {
        let run = row.sig_run(prefix);
        match (&self.run_id, self.pr_number, &self.file) {
            (Some(target), _, _) => draft.run_and_task(run, "run:", Some(target)),
            (None, Some(pr), _) => draft.run_and_task(run, "pr:", Some(&digits(pr))),
            (None, None, file) => draft.run_and_task(run, "file:", file.as_ref()),
        }
        draft.record.pr_number = self.pr_number;
        draft.record.head_sha = self.head_sha;
        draft.record.source_files.extend(self.file);
    }
}
