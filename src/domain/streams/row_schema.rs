//! The published shape of a stream's rows, and the judge of one row: the daemon's own code.

use serde_json::{Map, Value as Json, json};

use super::Stream;
use super::field::{Field, FieldShape};
use crate::domain::distil::judge;
use crate::domain::reject::Reject;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::published::Refusal;

/// The JSON Schema of a stream's rows. It is open: members that the stream does not document are nobody's business.
///
/// A row that it refuses is quarantined; one that it accepts becomes evidence, unless its bytes are no JSON as distilld
/// takes it (a key twice, a lone surrogate, nested too deep), or it is longer than the limit.
pub fn row_schema(stream: &dyn Stream) -> Json {
    let fields = stream.fields();
    let mut properties: Map<String, Json> =
        fields.iter().map(|field| (field.name.to_owned(), field_schema(field))).collect();
    let version = json!({
        "description": "The version of the row's shape, when it names one.",
        "anyOf": [FieldShape::Version.keywords(true), {"type": "null"}],
    });
    properties.insert("schema_version".to_owned(), version);
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:distilld:schema:v{SCHEMA_VERSION}:{}", stream.name()),
        "title": title(stream.name()),
        "description": format!("A row of the stream `{}`. {}", stream.name(), stream.about()),
        "type": "object",
        "properties": properties,
        "required": required,
    });
    let rules: Vec<_> = fields.iter().filter_map(at_most_rule).collect();
    if let (false, Some(schema)) = (rules.is_empty(), schema.as_object_mut()) {
        schema.insert("x-rules".to_owned(), json!(rules));
    }
    schema
}

/// Judges one row as the daemon does, without the aliases and versions of a config.
pub fn judge_row(stream: &dyn Stream, line: &str) -> Result<(), Refusal> {
    judge(stream, line.as_bytes()).map_err(|reject| {
        let path = match &reject {
            Reject::MissingField(field) | Reject::BadTime(field) | Reject::WrongType { field, .. } => {
                format!("/{field}")
            }
            Reject::SchemaVersion { .. } => "/schema_version".to_owned(),
            Reject::Fault(_) | Reject::NotObject | Reject::Oversize { .. } => String::new(),
        };
        Refusal { path, reason: reject.detail() }
    })
}

/// Of an optional field anything else is accepted as well, so that the schema documents without refusing.
fn field_schema(field: &Field) -> Json {
    let mut schema = match field.shape.keywords(field.required) {
        Json::Object(keywords) if field.required || keywords.is_empty() => keywords,
        keywords => {
            let other =
                json!({"description": "Anything else counts as absent, with a warning; null without."});
            Map::from_iter([("anyOf".to_owned(), json!([keywords, other]))])
        }
    };
    let mut about = field.about.to_owned();
    if let Some(other) = field.at_most {
        about = format!("{about} At most `{other}`.");
    }
    schema.insert("description".to_owned(), json!(about));
    if let Some(unit) = field.unit {
        schema.insert("x-unit".to_owned(), json!(unit));
    }
    Json::Object(schema)
}

fn at_most_rule(field: &Field) -> Option<Json> {
    let other = field.at_most?;
    Some(json!({"at_most": [format!("/{}", field.name), format!("/{other}")]}))
}

/// `audit_facts` → `AuditFactsRow`.
fn title(stream: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    let words: String = stream.split('_').map(capital).collect();
    format!("{words}Row")
}
