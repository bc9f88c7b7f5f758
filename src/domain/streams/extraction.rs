//! What the streams of extracted knowledge share: extractor, verifier, and what their agreement is worth.

use super::Draft;
use crate::domain::reject::Reject;
use crate::domain::row::{Row, model_family};
use crate::domain::signal::Code;

/// Reads extractor and verifier, and their verdict on the text. Sets `extractor` as the model.
pub(super) fn read_verified<'a>(row: &mut Row<'a, '_>, draft: &mut Draft<'a>) {
    draft.record.extractor = row.opt_text("extractor");
    draft.record.verifier = row.opt_text("verifier");
    draft.record.model_name.clone_from(&draft.record.extractor);
    let verified = row.opt_flag("verified");
    if draft.record.text.is_none() {
        draft.own.insert(Code::ExtractFailed);
        return;
    }
    let family = |name: &Option<_>| name.as_ref().map(|n: &super::Escaped<'_>| model_family(&n.plain()));
    let (extractor, verifier) = (family(&draft.record.extractor), family(&draft.record.verifier));
    if verifier.is_some() && verifier == extractor {
        draft.mark_failure("self_judged");
        return;
    }
    match (verifier, verified) {
        (_, Some(false)) => draft.own.insert(Code::ExtractRefuted),
        // A verifier beside an extractor nobody names may well be the same model.
        (Some(_), _) if extractor.is_some() => draft.own.insert(Code::ExtractVerified),
        _ => {}
    }
}

/// The documented fields of the `distilled_*` streams.
pub(super) const DISTILLED_FIELDS: &[&str] = &[
    "run_id",
    "created_at",
    "text",
    "sig_hash",
    "extractor",
    "verifier",
    "categorizer",
    "category",
    "embedding",
    "embed_dim",
    "schema_version",
    "source_label",
    "source_service",
    "verified",
];

/// Reads a row of a `distilled_*` stream. The embedding stays behind: the search index takes it from the row.
pub(super) fn read_distilled<'a>(row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject> {
    let run = row.text("run_id")?;
    draft.run_and_task(run.clone(), "run:", Some(&run));
    draft.time = Some(row.time("created_at")?);
    draft.record.text = Some(row.text("text")?);
    draft.record.run_signature = row.opt_text("sig_hash");
    draft.record.categorizer = row.opt_text("categorizer");
    draft.record.category = row.opt_text("category");
    draft.record.source_label = row.opt_text("source_label");
    draft.record.source_service = row.opt_text("source_service");
    read_verified(row, draft);
    Ok(())
}
