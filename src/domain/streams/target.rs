//! What the streams that judge others share: the key by which a row names the work it is about.

use super::{Draft, digits};
use crate::domain::canonical::{Kind as JsonKind, Value};
use crate::domain::row::{Row, as_int, as_sha40, as_text};
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
    /// Reads run and file from the row: the keys of those who judge a review.
    pub(super) fn read(row: &mut Row<'a, '_>) -> Self {
        Self { run_id: row.opt_text("run_id"), file: row.opt_text("file"), ..Self::default() }
    }

    /// Reads every key from the row, or from its object `target`: a person may name work of any stream.
    pub(super) fn read_any(row: &mut Row<'a, '_>) -> Self {
        let Self { run_id, file, .. } = Self::read(row);
        let pr_number = row.opt_int("pr_number", i64::MIN);
        let head_sha = row.opt_sha40("head_sha");
        let Some(target) = row.opt_object("target") else {
            return Self { run_id, pr_number, head_sha, file };
        };
        let text = |value| as_text(value).filter(|text| !text.is_empty());
        Self {
            run_id: run_id.or_else(|| inside(row, target, "run_id", text)),
            pr_number: pr_number.or_else(|| inside(row, target, "pr_number", as_int)),
            head_sha: head_sha.or_else(|| inside(row, target, "head_sha", as_sha40)),
            file: file.or_else(|| inside(row, target, "file", text)),
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

/// A member of `target`; one of a wrong type is absent, and counted.
fn inside<'a, T>(
    row: &mut Row<'a, '_>,
    target: Value<'a>,
    key: &str,
    read: impl FnOnce(Value<'a>) -> Option<T>,
) -> Option<T> {
    let value = target.get(key).filter(|value| value.kind() != JsonKind::Null)?;
    let read = read(value);
    if read.is_none() {
        row.warn("wrong_type", &format!("target.{key}"));
    }
    read
}
