//! What the streams of extracted knowledge share: extractor, verifier, and what their agreement is worth.

use super::Draft;
use super::field::{Field, FieldShape, optional, required};
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
pub(super) const DISTILLED_FIELDS: &[Field] = &[
    required("run_id", FieldShape::Text, "The run."),
    required("created_at", FieldShape::Time, "When it was distilled."),
    required("text", FieldShape::Text, "The text."),
    optional("sig_hash", FieldShape::Text, "The signature of the run."),
    optional("extractor", FieldShape::Text, "The model that extracted."),
    optional("verifier", FieldShape::Text, "The model that verified."),
    optional("categorizer", FieldShape::Text, "The model that categorised."),
    optional("category", FieldShape::Text, "The category."),
    optional("embedding", FieldShape::Array, "The embedding of the text; it stays out of evidence.").unread(),
    optional("embed_dim", FieldShape::COUNT, "How many numbers the embedding has.").unread(),
    optional("schema_version", FieldShape::Version, "The version of the row's shape."),
    optional("source_label", FieldShape::Text, "Where the text is from."),
    optional("source_service", FieldShape::Text, "The service that distilled."),
    optional("verified", FieldShape::Flag, "What the verifier says."),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::domain::streams::check::{check, check_ignored, check_required, with};

    const STREAMS: [&str; 3] = ["distilled_facts", "distilled_procedures", "distilled_config_hints"];

    fn row() -> Value {
        json!({
            "run_id": "run_1", "created_at": "2026-04-26T14:03:11.482Z", "text": "t", "sig_hash": "s", "extractor": "qwen3",
            "verifier": "kimi-k2:1t", "categorizer": "deepseek-v3.1", "category": "fact", "embedding": [0.1, 0.2],
            "embed_dim": 2, "schema_version": 1, "source_label": "l", "source_service": "svc", "verified": true,
        })
    }

    #[test]
    fn distilled_knowledge_is_work_of_its_run() {
        for stream in STREAMS {
            check(
                stream,
                &row(),
                &json!({
                    "run_id": "run_1", "task_id": "run:run_1", "text": "t", "run_signature": "s", "extractor": "qwen3",
                    "verifier": "kimi-k2:1t", "categorizer": "deepseek-v3.1", "category": "fact", "source_label": "l",
                    "source_service": "svc", "model_name": "qwen3", "embedding": null, "own": ["extract.verified"], "says": [],
                    "scored": "partially_accepted", "kind": "work",
                }),
            );
            let unversioned = with(&row(), json!({"schema_version": null}));
            let fields = ["run_id", "created_at", "text"];
            let mut required = unversioned.clone();
            required.as_object_mut().unwrap().remove("schema_version");
            check_required(stream, &required, &fields);
            check_ignored(
                stream,
                &row(),
                &json!({
                    "sig_hash": 1, "extractor": 1, "verifier": 1, "categorizer": 1, "category": 1, "source_label": 1,
                    "source_service": 1, "verified": 1,
                }),
            );
            check(stream, &with(&row(), json!({"text": ""})), &json!({"refused": "missing_field:text"}));
            check(stream, &with(&row(), json!({"schema_version": 2})), &json!({"refused": "schema_version"}));
        }
    }

    #[test]
    fn a_verdict_needs_a_verifier_of_another_family() {
        let own = |more: Value, own: &[&str]| {
            for stream in STREAMS {
                check(stream, &with(&row(), more.clone()), &json!({"own": own}));
            }
        };
        own(json!({"verified": null}), &["extract.verified"]);
        own(json!({"verified": false}), &["extract.refuted"]);
        own(json!({"verifier": null}), &[]);
        own(json!({"verifier": "Qwen2.5-coder"}), &[]);
        own(json!({"extractor": null}), &[]);
        check(
            STREAMS[0],
            &with(&row(), json!({"verifier": "QWEN"})),
            &json!({"failure_markers": ["self_judged"]}),
        );
    }
}
