//! The declared fields of a stream's rows, their published schema and the code that reads them say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use distilld::domain::canonical::Parser;
use distilld::domain::distil::{Distiller, Lines, Place, StreamContext};
use distilld::domain::row::Warnings;
use distilld::domain::rules::Rules;
use distilld::domain::streams::{Field, STREAMS, Stream, judge_row, row_schema};
use regex::Regex;
use serde_json::{Map, Value, json};

/// Every keyword that a row's schema may use; `judged` interprets those that assert.
const KEYWORDS: [&str; 19] = [
    "$schema",
    "$id",
    "title",
    "description",
    "examples",
    "type",
    "const",
    "pattern",
    "minLength",
    "minimum",
    "maximum",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "x-rules",
    "x-unit",
    "enum",
];

fn rows_of(stream: &str, path: &str) -> Vec<Map<String, Value>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    let text = fs::read(&file).unwrap_or_else(|e| panic!("{stream}: {}: {e}", file.display()));
    let rows = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    rows.take(6).collect()
}

/// Rows written by hand, good and bad, and rows of the shipped fixtures.
fn rows(stream: &str) -> Vec<Map<String, Value>> {
    let shipped = if stream == "observer_ops" {
        "_observer/ops.jsonl".to_owned()
    } else {
        format!("kb/{stream}.jsonl")
    };
    let mut rows = rows_of(stream, &format!("golden/{stream}/in.jsonl"));
    rows.extend(rows_of(stream, &shipped));
    assert!(rows.len() >= 8, "{stream}");
    rows
}

/// What a field is given instead of what it has.
fn values() -> Vec<Value> {
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(1.0),
        json!(0.5),
        json!(1.5),
        json!(100.5),
        json!(1e20),
        json!(-1e300),
        json!((1_i64 << 53) - 1),
        json!(1_i64 << 53),
        json!(1 - (1_i64 << 53)),
        json!(-(1_i64 << 53)),
        json!(9_007_199_254_740_994.0),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!(["x", 1, null]),
        json!([{"check": "static"}]),
        json!([{"check": "static"}, {"check": 1}]),
        json!({"g1": true, "g2": false}),
        json!({"g1": true, "g2": "yes"}),
    ];
    let texts = [
        "",
        " ",
        "x",
        "7",
        "Accept",
        " blocked ",
        "splendid",
        sha,
        &sha[1..],
        &sha.to_uppercase(),
        &format!("{sha}0"),
        &format!("{}g", &sha[1..]),
        &"aB".repeat(32),
        &"é".repeat(40),
    ];
    values.extend(texts.map(Value::from));
    values.extend(TIMES.map(|(text, _)| json!(text)));
    values
}

/// Times, and whether they are ones.
const TIMES: [(&str, bool); 39] = [
    ("2026-04-26T14:03:11.482Z", true),
    ("2026-04-26t14:03:11z", true),
    ("2026-04-26 14:03:11.1234567890", true),
    ("2026-04-26T14:03:11", true),
    ("2026-04-26T14:03:11-23:59", true),
    ("2016-12-31T23:59:60Z", true),
    ("2024-02-29T00:00:00Z", true),
    ("2000-02-29T00:00:00Z", true),
    ("0400-02-29T00:00:00Z", true),
    ("0001-01-01T00:00:00+23:59", true),
    ("0004-02-29T00:00:00Z", true),
    ("9998-12-31T23:59:59-23:59", true),
    ("2026-01-31T00:00:00Z", true),
    ("2026-11-30T00:00:00Z", true),
    ("2026-02-28T00:00:00Z", true),
    ("2026-02-29T00:00:00Z", false),
    ("2026-02-30T00:00:00Z", false),
    ("1900-02-29T00:00:00Z", false),
    ("0100-02-29T00:00:00Z", false),
    ("2026-04-31T00:00:00Z", false),
    ("2026-11-31T00:00:00Z", false),
    ("2026-12-32T00:00:00Z", false),
    ("2026-00-01T00:00:00Z", false),
    ("2026-13-01T00:00:00Z", false),
    ("2026-01-00T00:00:00Z", false),
    ("0000-01-01T00:00:00Z", false),
    ("9999-01-01T00:00:00Z", false),
    ("2026-04-26T24:00:00Z", false),
    ("2026-04-26T14:60:00Z", false),
    ("2026-04-26T14:03:61Z", false),
    ("2026-04-26T14:03:11.Z", false),
    ("2026-04-26T14:03:11,5Z", false),
    ("2026-04-26T14:03:11+0200", false),
    ("2026-04-26T14:03:11+24:00", false),
    ("2026-04-26T14:03:11Z ", false),
    ("2026-04-26T14:03:11Z\n", false),
    ("2026-04-26", false),
    ("2026-4-26T14:03:11Z", false),
    ("２026-04-26T14:03:11Z", false),
];

#[derive(Default)]
struct Judge {
    patterns: BTreeMap<String, Regex>,
}

impl Judge {
    /// JSON Schema, as far as rows need it.
    fn accepts(&mut self, schema: &Value, value: &Value) -> bool {
        let schema = schema.as_object().unwrap();
        schema.iter().all(|(keyword, says)| match keyword.as_str() {
            "type" => match says.as_str().unwrap() {
                "integer" => {
                    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
                }
                "number" => value.is_number(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                "array" => value.is_array(),
                "null" => value.is_null(),
                other => panic!("{other}"),
            },
            "const" => value == says || value.as_f64().is_some_and(|n| Some(n) == says.as_f64()),
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= says.as_u64().unwrap())
            }
            "pattern" => value.as_str().is_none_or(|text| {
                let says = says.as_str().unwrap();
                self.patterns
                    .entry(says.to_owned())
                    .or_insert_with(|| Regex::new(says).unwrap())
                    .is_match(text)
            }),
            "minimum" => value.as_f64().is_none_or(|number| number >= says.as_f64().unwrap()),
            "maximum" => match (value.as_i64(), says.as_i64()) {
                (Some(number), Some(most)) => number <= most,
                _ => value.as_f64().is_none_or(|number| number <= says.as_f64().unwrap()),
            },
            "anyOf" => says.as_array().unwrap().iter().any(|branch| self.accepts(branch, value)),
            "items" => value.as_array().is_none_or(|items| items.iter().all(|item| self.accepts(says, item))),
            "additionalProperties" => value
                .as_object()
                .is_none_or(|members| members.values().all(|value| self.accepts(says, value))),
            "required" => value.as_object().is_none_or(|members| {
                says.as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap()))
            }),
            "properties" => value.as_object().is_none_or(|members| {
                let says = says.as_object().unwrap();
                members
                    .iter()
                    .all(|(name, value)| says.get(name).is_none_or(|says| self.accepts(says, value)))
            }),
            "x-rules" => says.as_array().unwrap().iter().all(|rule| {
                let number = |place: usize| {
                    value.pointer(rule["at_most"][place].as_str().unwrap()).and_then(Value::as_f64)
                };
                number(0).zip(number(1)).is_none_or(|(less, more)| less <= more)
            }),
            _ => true,
        })
    }
}

/// Every way to change one field of a row.
fn mutations(stream: &dyn Stream, row: &Map<String, Value>) -> Vec<(String, Map<String, Value>)> {
    let names = stream.fields().iter().map(|field| field.name).chain(["schema_version", "no_such_field"]);
    let mut mutations = Vec::new();
    for name in names.collect::<BTreeSet<_>>() {
        let mut dropped = row.clone();
        dropped.remove(name);
        mutations.push((name.to_owned(), dropped));
        for value in values() {
            let mut changed = row.clone();
            changed.insert(name.to_owned(), value);
            mutations.push((name.to_owned(), changed));
        }
    }
    mutations
}

#[test]
fn the_schema_of_a_row_refuses_what_the_daemon_refuses() {
    let mut judge = Judge::default();
    let (mut accepted, mut refused) = (0, 0);
    for stream in STREAMS {
        let schema = row_schema(stream);
        for row in rows(stream.name()) {
            let row_is_good = judge_row(stream, &Value::Object(row.clone()).to_string()).is_ok();
            for (field, changed) in mutations(stream, &row) {
                let changed = Value::Object(changed);
                let daemon = judge_row(stream, &changed.to_string());
                let what = format!("{} {field}: {daemon:?} for {changed}", stream.name());
                assert_eq!(judge.accepts(&schema, &changed), daemon.is_ok(), "{what}");
                match daemon {
                    Ok(()) => accepted += 1,
                    Err(refusal) => {
                        refused += 1;
                        // Fewer events than good ones are laid at the door of the good ones.
                        let blamed = refusal.path == format!("/{field}") || field == "total_events";
                        assert!(!row_is_good || blamed, "{what}");
                    }
                }
            }
        }
    }
    println!("{accepted} rows accepted and {refused} refused by schema and daemon alike");
    assert!(accepted > 20_000 && refused > 20_000, "{accepted} {refused}");
}

/// The documented fields that a row is warned of, but for times without a zone.
fn warned(stream: &dyn Stream, row: &str) -> Option<BTreeSet<String>> {
    let rules = Rules::default();
    let (mut lines, mut warnings) = (Lines::default(), Warnings::new());
    let context = StreamContext { stream, source_file: "data/_kb/x.jsonl", settings: None };
    let place = Place { generation: 0, line_offset: 0, byte_offset: 0 };
    Distiller::new(&rules)
        .row(context, place, row.as_bytes(), None, false, &mut lines, &mut warnings)
        .unwrap();
    let names =
        warnings.keys().filter(|key| !key.contains(":no_zone:")).map(|key| key.rsplit(':').next().unwrap());
    lines.quarantine.is_empty().then(|| names.map(str::to_owned).collect())
}

#[test]
fn an_optional_field_is_warned_of_when_it_is_not_of_its_shape_and_only_then() {
    let mut misfits = BTreeMap::<_, u32>::new();
    for stream in STREAMS {
        let optional: Vec<Field> = stream.fields().iter().copied().filter(|field| !field.required).collect();
        let good = rows(stream.name())
            .into_iter()
            .filter(|row| judge_row(stream, &Value::Object(row.clone()).to_string()).is_ok());
        for row in good.take(3) {
            for (name, changed) in mutations(stream, &row) {
                let Some(field) = optional.iter().find(|field| field.name == name) else { continue };
                let row = Value::Object(changed).to_string();
                let Some(warned) = warned(stream, &row) else {
                    assert_eq!(field.name, "schema_version", "{row}");
                    continue;
                };
                let mut parser = Parser::default();
                let value = parser.parse(row.as_bytes()).unwrap().root().get(field.name);
                let fits = value.is_none_or(|value| value.text() == "null" || field.shape.fits(value));
                assert_eq!(warned.contains(field.name), !fits, "{} {}: {row}", stream.name(), field.name);
                *misfits.entry((stream.name(), field.name)).or_default() += u32::from(!fits);
            }
        }
        for field in optional.iter().filter(|field| !["error", "schema_version"].contains(&field.name)) {
            assert!(misfits[&(stream.name(), field.name)] > 10, "{} {}", stream.name(), field.name);
        }
    }
}

#[test]
fn a_time_is_one_for_the_schema_and_for_the_daemon() {
    let stream = STREAMS.into_iter().find(|stream| stream.name() == "overseer_corrections").unwrap();
    let (schema, mut judge) = (row_schema(stream), Judge::default());
    let mut alike = |text: &str| {
        let row = json!({"ts": text});
        let is_time = judge_row(stream, &row.to_string()).is_ok();
        assert_eq!(judge.accepts(&schema, &row), is_time, "{text}");
        is_time
    };
    for (text, is_time) in TIMES {
        assert_eq!(alike(text), is_time, "{text}");
    }
    let leap_years = (0..=9999).filter(|year| alike(&format!("{year:04}-02-29T00:00:00Z"))).count();
    assert_eq!(leap_years, 9998 / 4 - 9998 / 100 + 9998 / 400);
    let dates = (0..=13).flat_map(|month| (0..=32).map(move |day| (month, day)));
    let days = dates.filter(|(m, d)| alike(&format!("2025-{m:02}-{d:02}T00:00:00Z"))).count();
    assert_eq!(days, 365);
    for n in 0..=99 {
        for part in ["T{}:00:00Z", "T00:{}:00Z", "T00:00:{}Z", "T00:00:00+{}:00", "T00:00:00-00:{}"] {
            alike(&format!("2025-01-01{}", part.replace("{}", &format!("{n:02}"))));
        }
    }
}

#[test]
fn every_row_schema_says_what_its_fields_are() {
    for stream in STREAMS {
        let schema = row_schema(stream);
        let mut keywords = BTreeSet::new();
        collect_keywords(&schema, &mut keywords);
        let foreign: Vec<_> =
            keywords.iter().filter(|keyword| !KEYWORDS.contains(&keyword.as_str())).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", stream.name());
        assert!(schema["description"].as_str().unwrap().ends_with('.'), "{}", stream.name());
        for field in stream.fields() {
            let about = schema["properties"][field.name]["description"].as_str();
            assert!(about.is_some_and(|about| about.ends_with('.')), "{} {}", stream.name(), field.name);
        }
    }
}

fn collect_keywords(schema: &Value, keywords: &mut BTreeSet<String>) {
    for (keyword, says) in schema.as_object().unwrap() {
        keywords.insert(keyword.clone());
        match keyword.as_str() {
            "properties" => {
                says.as_object().unwrap().values().for_each(|says| collect_keywords(says, keywords))
            }
            "items" | "additionalProperties" => collect_keywords(says, keywords),
            "anyOf" => says.as_array().unwrap().iter().for_each(|says| collect_keywords(says, keywords)),
            _ => {}
        }
    }
}

#[test]
fn a_row_is_refused_with_its_path_and_reason() {
    let audits = STREAMS.into_iter().find(|stream| stream.name() == "audits").unwrap();
    for (row, path, reason) in [
        ("", "", ""),
        ("[]", "", "the row is JSON, but not an object"),
        ("{\"a\":1,\"a\":1}", "", "byte 0: an object that has a key twice starts here"),
        ("{}", "/pr_number", "the required field pr_number is missing or empty"),
        ("{\"schema_version\":2}", "/schema_version", "schema_version is not 1"),
        ("{\"pr_number\":\"7\"}", "/pr_number", "the required field pr_number is not a whole number"),
    ] {
        let refusal = judge_row(audits, row).err();
        let said =
            refusal.as_ref().map_or(("", ""), |refusal| (refusal.path.as_str(), refusal.reason.as_str()));
        assert_eq!(said, (path, reason), "{row}");
    }
}
