//! What `records.ts` is made of; that it judges as it should is held by `tests/it/judges.rs`.

use serde_json::{Value, json};

use super::{RUNTIME, keywords, records_ts};

fn made_of(schema: Value) -> String {
    records_ts(&[("Thing".to_owned(), schema)]).unwrap()
}

fn refused(schema: Value) -> String {
    records_ts(&[("Thing".to_owned(), schema)]).unwrap_err().to_string()
}

#[test]
fn an_object_becomes_an_interface_with_comments_units_and_examples() {
    let text = made_of(json!({
        "type": "object",
        "description": "A thing.",
        "properties": {
            "hash": { "$ref": "#/$defs/Hash", "description": "Of all of it */ and more." },
            "latency-ms": { "type": "number", "x-unit": "ms", "examples": [12.5, 3] },
            "parts": { "type": "array", "items": { "type": ["string", "integer"] }, "minItems": 1 },
            "way": { "enum": ["in", "out"] },
        },
        "required": ["hash", "parts"],
        "additionalProperties": false,
        "$defs": {
            "Hash": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "A hash.\n\n`a`: the first.\n\n`b`: the second.",
                "examples": ["0a"],
            },
        },
    }));
    let expected = r#"
/** A thing. */
export interface Thing {
  /** Of all of it *\/ and more. */
  hash: Hash;
  /** Unit: ms. Example: `12.5`. */
  "latency-ms"?: number;
  parts: [string | number, ...(string | number)[]];
  way?: "in" | "out";
}

/** Judges a value by Thing; no refusal means that it is one. */
export function validateThing(value: unknown): Refusal[] {
  return validate("Thing", value);
}

/** Whether a value is a valid Thing. */
export function isThing(value: unknown): value is Thing {
  return validate("Thing", value).length === 0;
}

// What records and rows are made of.

/**
 * A hash. Example: `"0a"`.
 * `a`: the first.
 * `b`: the second.
 */
export type Hash = string;
"#;
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("\nexport interface RecordTypes {\n  \"Thing\": Thing;\n}\n"), "{text}");
}

#[test]
fn a_row_is_open_and_says_what_is_expected_where_anything_is_let_through() {
    let row = json!({
        "type": "object",
        "properties": { "cost": { "anyOf": [
            { "type": "number" },
            { "description": "anything else counts as absent" },
        ] } },
    });
    let text = records_ts(&[("audit_facts".to_owned(), row)]).unwrap();
    let expected = "export interface AuditFactsRow {\n  \
        /** Expected: `number`; anything else counts as absent. */\n  cost?: unknown;\n  [name: string]: unknown;\n}\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("isAuditFactsRow(value: unknown): value is AuditFactsRow"), "{text}");
}

#[test]
fn a_keyword_that_the_interpreter_does_not_know_is_refused_with_its_place() {
    let schema = json!({ "type": "object", "properties": { "a": { "anyOf": [{ "multipleOf": 2 }] } } });
    assert_eq!(
        refused(schema),
        "schema Thing: /properties/a/anyOf/0/multipleOf is a keyword that records.ts does not know"
    );
}

#[test]
fn a_keyword_whose_value_makes_no_sense_is_refused() {
    for schema in [
        json!({ "type": "text" }),
        json!({ "type": [] }),
        json!({ "minItems": -1 }),
        json!({ "minimum": "0" }),
        json!({ "required": [1] }),
        json!({ "items": [{}] }),
        json!({ "anyOf": [] }),
        json!({ "enum": [] }),
        json!({ "$ref": "#/$defs/Missing", "$defs": {} }),
        json!({ "$ref": "https://example.org/other" }),
        json!({ "x-rules": [{ "differs": ["/a", "/b"] }] }),
        json!({ "x-rules": [{ "differ": ["/a", "/b"], "case": true }] }),
        json!({ "x-rules": [{ "equal": ["/a", "b"] }] }),
        json!({ "x-rules": [{ "equal": ["/a", "/b"], "folded": true }] }),
        json!({ "x-rules": [{ "equal": ["/a", "/b"], "sorted": "/c" }] }),
        json!({ "x-rules": [{ "sum": ["/a", []] }] }),
        json!({ "x-rules": [{}] }),
        json!("object"),
    ] {
        assert!(refused(schema.clone()).starts_with("schema Thing: "), "{schema}");
    }
}

#[test]
fn a_member_may_be_called_like_a_keyword() {
    let schema = json!({
        "type": "object",
        "title": "for readers",
        "properties": { "title": { "type": "string", "description": "for readers" }, "multipleOf": {} },
    });
    let kept = keywords::constraints("Thing", &schema).unwrap();
    let expected =
        json!({ "type": "object", "properties": { "title": { "type": "string" }, "multipleOf": {} } });
    assert_eq!(kept, expected);
}

#[test]
fn one_name_has_one_meaning() {
    let with = |definition: Value| json!({ "$defs": { "Id": definition }, "$ref": "#/$defs/Id" });
    let text = json!({ "type": "string" });
    let of = |a: (&str, Value), b: (&str, Value)| records_ts(&[(a.0.to_owned(), a.1), (b.0.to_owned(), b.1)]);
    let both = of(("A", with(text.clone())), ("B", with(text.clone()))).unwrap();
    assert_eq!(both.matches("export type Id = string;").count(), 1);
    for twice in [
        of(("A", with(text.clone())), ("B", with(json!({ "type": "integer" })))),
        of(("Id", text.clone()), ("B", with(text.clone()))),
        of(("A", text.clone()), ("A", text.clone())),
        of(("audits", text.clone()), ("AuditsRow", text.clone())),
        of(("Refusal", text.clone()), ("A", text.clone())),
        of(("no-identifier", text.clone()), ("A", text)),
    ] {
        assert!(twice.is_err(), "{twice:?}");
    }
}

#[test]
fn the_interpreter_looks_at_every_keyword_that_the_generator_lets_through() {
    for keyword in keywords::constraining() {
        let looked_at = RUNTIME.contains(&format!("schema.{keyword}"))
            || RUNTIME.contains(&format!("schema[\"{keyword}\"]"))
            || RUNTIME.contains(&format!("root.{keyword}"));
        assert!(looked_at, "the interpreter never looks at {keyword}");
    }
}
