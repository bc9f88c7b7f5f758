//! `observer_reviews`: an observer's verdict on a review. Its shape is not documented.

use super::target::Target;
use super::{Draft, Stream, observer_signal};
use crate::domain::reject::Reject;
use crate::domain::row::Row;
use crate::domain::schema::record::{Kind, ModelRole};

/// The stream `observer_reviews`.
pub(super) struct ObserverReviews;

impl Stream for ObserverReviews {
    fn name(&self) -> &'static str {
        "observer_reviews"
    }

    fn fields(&self) -> &'static [&'static str] {
        &["ts", "file", "run_id", "attempt", "verdict", "conf", "notes", "model", "src"]
    }

    fn role(&self) -> ModelRole {
        ModelRole::Observer
    }

    fn kind(&self) -> Kind {
        Kind::Support
    }

    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
        draft.time = Some(row.time("ts")?);
        Target::read(row).apply(row, "observer", draft);
        draft.record.attempt = row.opt_int("attempt", 1);
        draft.record.model_name = row.opt_text("model");
        draft.record.source_service = row.opt_text("src");
        draft.record.text = row.opt_text("notes");
        draft.record.observer_verdict = row.opt_text("verdict");
        let confidence = row.opt_number("conf", 0.0, 1.0);
        draft.record.observer_confidence = confidence.map(|(_, digits)| digits);
        let signal = observer_signal(row, "verdict", confidence.map(|(c, _)| c), row.rules());
        draft.says.extend(signal);
        draft.mark_unknown_shape(
            row,
            &["file", "run_id", "attempt", "verdict", "conf", "notes", "model", "src"],
        );
        Ok(())
    }
}
