//! What the tests of the streams share: one row in, everything it says out, compared with what is expected of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Draft, STREAMS, Stream, source_file};
use crate::domain::canonical::Parser;
use crate::domain::distil::{Distiller, Lines, Place, StreamContext};
use crate::domain::row::{Row, Warnings};
use crate::domain::rules::{Rules, StreamSettings};
use crate::domain::schema::provenance::Provenance;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::signal::{Code, SignalSet};

/// A commit to put into rows.
pub(super) const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn built_in(name: &str) -> &'static dyn Stream {
    *STREAMS.iter().find(|stream| stream.name() == name).unwrap()
}

/// Everything a row says: the members of its evidence and its score, `own` and `says` as lists of codes, `warnings` as
/// an object, or `refused` with the reason.
pub(super) fn seen(
    stream: &dyn Stream,
    settings: Option<&StreamSettings>,
    row: &Value,
) -> Map<String, Value> {
    let rules = Rules::default();
    let file = source_file(stream.name());
    let context = StreamContext { stream, source_file: &file, settings };
    let place = Place { generation: 0, line_offset: 0, byte_offset: 0 };
    let (mut lines, mut warnings) = (Lines::default(), Warnings::new());
    let bytes = row.to_string();
    Distiller::new(&rules)
        .row(context, place, bytes.as_bytes(), None, false, &mut lines, &mut warnings)
        .unwrap();
    if !lines.quarantine.is_empty() {
        let line: Value = serde_json::from_str(&lines.quarantine).unwrap();
        return [("refused".to_owned(), line["reason"].clone())].into_iter().collect();
    }
    let score: Map<String, Value> = serde_json::from_str(&lines.scored).unwrap();
    let mut seen: Map<String, Value> = serde_json::from_str(&lines.evidence).unwrap();
    // An evidence's own member `category` is the row's; the score's is told apart.
    for key in ["reasons", "anchor_grounding"] {
        seen.extend(score.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    seen.insert("scored".to_owned(), score["category"].clone());
    let prefix = format!("{}:", stream.name());
    let warnings: BTreeMap<_, _> =
        warnings.iter().map(|(code, count)| (code.strip_prefix(&prefix).unwrap(), count)).collect();
    seen.insert("warnings".to_owned(), json!(warnings));
    let (own, says) = signals(stream, settings, &bytes);
    let names = |set: SignalSet| set.iter().map(Code::name).collect::<Vec<_>>();
    seen.insert("own".to_owned(), json!(names(own)));
    seen.insert("says".to_owned(), json!(names(says)));
    seen
}

fn signals(stream: &dyn Stream, settings: Option<&StreamSettings>, bytes: &str) -> (SignalSet, SignalSet) {
    let rules = Rules::default();
    let mut parser = Parser::default();
    let doc = parser.parse(bytes.as_bytes()).unwrap();
    let sig_hash = Sha256Hex(doc.hash());
    let provenance = Provenance {
        source_file: "".into(),
        generation: 0,
        line_offset: 0,
        byte_offset: 0,
        sig_hash,
        recorded_at: EventTime::EPOCH,
    };
    let mut warnings = Warnings::new();
    let mut draft = Draft::new(stream, provenance);
    stream.read(&mut Row::new(doc.root(), sig_hash, settings, &rules, &mut warnings), &mut draft).unwrap();
    (draft.own, draft.says)
}

/// Fails unless the row says what is expected. Only the members named are looked at; `null` stands for an absent one,
/// and `{sig16}` for the first 16 digits of the row's hash.
#[track_caller]
pub(super) fn check(stream: &str, row: &Value, expected: &Value) {
    check_seen(&seen(built_in(stream), None, row), expected);
}

/// As [`check`], for a stream that is not built in.
#[track_caller]
pub(super) fn check_custom(stream: &dyn Stream, row: &Value, expected: &Value) {
    check_seen(&seen(stream, None, row), expected);
}

#[track_caller]
fn check_seen(seen: &Map<String, Value>, expected: &Value) {
    let sig16 = seen.get("provenance").and_then(|p| p["sig_hash"].as_str()).unwrap_or_default();
    let sig16 = sig16.get(..16).unwrap_or_default();
    for (key, value) in expected.as_object().unwrap() {
        let value = match value {
            Value::String(text) => Value::String(text.replace("{sig16}", sig16)),
            other => other.clone(),
        };
        let there = seen.get(key).cloned().unwrap_or(Value::Null);
        assert_eq!(there, value, "{key} of {}", Value::Object(seen.clone()));
    }
}

/// The row with further members, or other ones.
pub(super) fn with(row: &Value, more: Value) -> Value {
    let (Value::Object(mut row), Value::Object(more)) = (row.clone(), more) else {
        panic!("rows are objects")
    };
    row.extend(more);
    Value::Object(row)
}

fn without(row: &Value, field: &str) -> Value {
    let mut row = row.clone();
    row.as_object_mut().unwrap().remove(field).unwrap();
    row
}

/// Fails unless `row` wants exactly these fields, and takes each under a producer's other name too.
#[track_caller]
pub(super) fn check_required(stream: &str, row: &Value, required: &[&str]) {
    check(stream, row, &json!({"refused": null, "warnings": {}}));
    let fields: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
    for field in &fields {
        let is_required = required.contains(&field.as_str());
        let refused = |reason: &str| is_required.then(|| format!("{reason}:{field}"));
        check(stream, &without(row, field), &json!({"refused": refused("missing_field")}));
        check(
            stream,
            &with(row, json!({field: {"an": "object"}})),
            &json!({"refused": refused("wrong_type")}),
        );
        check(stream, &with(row, json!({field: null})), &json!({"refused": refused("wrong_type")}));
    }
    assert!(required.iter().all(|field| fields.iter().any(|there| there == field)), "{fields:?}");
    let settings = StreamSettings {
        schema_version: None,
        alias: fields.iter().map(|field| (field.clone(), vec![format!("their_{field}")])).collect(),
    };
    let renamed: Value =
        row.as_object().unwrap().iter().map(|(key, value)| (format!("their_{key}"), value.clone())).collect();
    let stream = built_in(stream);
    assert_eq!(comparable(seen(stream, Some(&settings), &renamed)), comparable(seen(stream, None, row)));
}

/// Fails unless each of these members is as good as absent, and counted.
#[track_caller]
pub(super) fn check_ignored(stream: &str, row: &Value, bad: &Value) {
    for (field, value) in bad.as_object().unwrap() {
        let bad_row = with(row, json!({field: value}));
        let mut absent = row.clone();
        absent.as_object_mut().unwrap().remove(field);
        let mut seen_bad = seen(built_in(stream), None, &bad_row);
        assert_eq!(
            seen_bad.insert("warnings".to_owned(), json!({})),
            Some(json!({format!("wrong_type:{field}"): 1})),
            "{field} = {value}"
        );
        assert_eq!(
            comparable(seen_bad),
            comparable(seen(built_in(stream), None, &absent)),
            "{field} = {value}"
        );
    }
}

/// Without what depends on the row's hash.
fn comparable(mut seen: Map<String, Value>) -> Map<String, Value> {
    let sig16 = seen["provenance"]["sig_hash"].as_str().unwrap()[..16].to_owned();
    seen.remove("provenance");
    serde_json::from_str(&Value::Object(seen).to_string().replace(&sig16, "{sig16}")).unwrap()
}

#[test]
fn every_stream_wants_what_the_specification_prints_bold() {
    let wants = [
        ("audits", "pr_number head_sha audited_at"),
        ("audit_facts", "pr_number head_sha extracted_at extractor"),
        ("audit_lessons", "pr_number head_sha extracted_at extractor"),
        ("audit_discrepancies", "pr_number head_sha claim_idx votes resolution"),
        ("scrum_reviews", "file reviewed_at accepted_model"),
        ("auto_apply", "file ts action"),
        ("mode_experiments", "ts task_class mode model"),
        ("observer_escalations", "ts sig_hash"),
        ("observer_reviews", "ts"),
        ("model_trust", "run_id task_type accepted_model"),
        ("outcomes", "run_id created_at total_events ok_events"),
        ("human_overrides", "ts action"),
        ("overseer_corrections", "ts"),
        ("phase_sweep_findings", "phase status discovered_at"),
        ("doc_drift_corrections", "ts"),
        ("pathway_recommendations", "run_id"),
        ("signatures", ""),
        ("classifications", ""),
        ("contract_analyses", "ts ok"),
        ("distilled_facts", "run_id created_at text"),
        ("distilled_procedures", "run_id created_at text"),
        ("distilled_config_hints", "run_id created_at text"),
        ("observer_ops", "ts"),
    ];
    assert_eq!(wants.len(), STREAMS.len());
    for ((name, fields), stream) in wants.iter().zip(STREAMS) {
        assert_eq!(*name, stream.name());
        let required = stream.fields().iter().filter(|field| field.required).map(|field| field.name);
        assert_eq!(required.collect::<Vec<_>>().join(" "), *fields, "{name}");
        let mut row = Map::new();
        for field in fields.split_whitespace() {
            let reason = format!("missing_field:{field}");
            check(name, &Value::Object(row.clone()), &json!({"refused": reason}));
            let value = match field {
                "pr_number" | "claim_idx" | "total_events" | "ok_events" => json!(7),
                "head_sha" => json!(SHA),
                "votes" => json!([]),
                "ok" => json!(true),
                "ts" => json!("2026-04-26T14:03:11.482Z"),
                at if at.ends_with("_at") => json!("2026-04-26T14:03:11.482Z"),
                "action" => json!("review"),
                _ => json!("x"),
            };
            row.insert(field.to_owned(), value);
        }
        check(name, &Value::Object(row), &json!({"refused": null, "source_stream": name, "warnings": {}}));
    }
}

#[test]
fn a_required_text_is_not_empty_and_a_time_is_rfc_3339() {
    let row = json!({"ts": "2026-04-26T14:03:11.4829+02:00", "sig_hash": "s"});
    check(
        "observer_escalations",
        &row,
        &json!({"timestamp": "2026-04-26T12:03:11.482Z", "timestamp_origin": "row"}),
    );
    check(
        "observer_escalations",
        &with(&row, json!({"sig_hash": ""})),
        &json!({"refused": "missing_field:sig_hash"}),
    );
    check(
        "observer_escalations",
        &with(&row, json!({"ts": "yesterday"})),
        &json!({"refused": "bad_time:ts"}),
    );
    check(
        "observer_escalations",
        &with(&row, json!({"ts": 1_777_212_191})),
        &json!({"refused": "wrong_type:ts"}),
    );
    let no_zone = json!({"timestamp": "2026-04-26T14:03:11.000Z", "warnings": {"no_zone:ts": 1}});
    check("observer_escalations", &with(&row, json!({"ts": "2026-04-26T14:03:11"})), &no_zone);
}

#[test]
fn a_schema_version_is_the_expected_one_or_not_there() {
    let row = json!({"nothing": "else"});
    let refused = json!({"refused": "schema_version"});
    for version in [json!(2), json!("1"), json!(1.5), json!([1])] {
        check("audits", &with(&row, json!({"schema_version": version})), &refused);
    }
    // It is looked at before the fields.
    for version in [json!(1), json!(null), json!(1.0)] {
        check(
            "audits",
            &with(&row, json!({"schema_version": version})),
            &json!({"refused": "missing_field:pr_number"}),
        );
    }
    let settings = StreamSettings { schema_version: Some(3), ..StreamSettings::default() };
    let signature = json!({"run_id": "r", "schema_version": 3});
    assert!(!seen(built_in("signatures"), Some(&settings), &signature).contains_key("refused"));
    let other = with(&signature, json!({"schema_version": 1}));
    assert_eq!(seen(built_in("signatures"), Some(&settings), &other)["refused"], "schema_version");
}

#[test]
fn roles_and_kinds_are_those_of_the_specification() {
    let expected = "auditor work, extractor work, extractor work, auditor work, reviewer work, applier work, executor work, \
        observer work, observer support, router support, executor work, human support, overseer support, auditor support, \
        overseer support, router support, deterministic support, categorizer support, executor work, extractor work, \
        extractor work, extractor work, observer support";
    let found: Vec<_> =
        STREAMS.iter().map(|stream| format!("{} {}", stream.role().name(), stream.kind().name())).collect();
    assert_eq!(found.join(", "), expected);
}
