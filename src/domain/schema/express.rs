//! From a type to its published JSON Schema: schemars' answer in the few keywords that all readers of it know.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::strict::INTEGER_MAX;

/// The dialect of every published schema.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The published schema of a type.
pub(super) fn schema_of<T: JsonSchema>(name: &str) -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    let head = json!({
        "$schema": DIALECT,
        "$id": format!("urn:distilld:schema:v1:{name}"),
        "title": name,
    });
    let mut members = Map::new();
    for (key, value) in [head, schema]
        .into_iter()
        .filter_map(|part| match part {
            Value::Object(members) => Some(members),
            _ => None,
        })
        .flatten()
    {
        // Of two values of a key the first one counts.
        members.entry(key).or_insert(value);
    }
    if let Some(definitions) = members.shift_remove("$defs") {
        members.insert("$defs".to_owned(), definitions);
    }
    Value::Object(members)
}

/// Takes out what serde and schemars say beyond the keywords we publish: null, defaults, formats, `oneOf` of constants.
fn plain(schema: &mut Value) {
    if let Value::Array(items) = schema {
        items.iter_mut().for_each(plain);
    }
    let Value::Object(members) = schema else { return };
    members.values_mut().for_each(plain);
    members.shift_remove("default");
    if let Some(Value::String(text)) = members.get_mut("description") {
        *text = text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
    without_null(members);
    enumeration(members);
    let format = members.shift_remove("format");
    if members.get("type") == Some(&json!("integer")) && !members.contains_key("const") {
        let (low, high) = match format.as_ref().and_then(Value::as_str) {
            Some("uint32") => (0, i64::from(u32::MAX)),
            Some("uint64") => (0, INTEGER_MAX),
            _ => (-INTEGER_MAX, INTEGER_MAX),
        };
        members.entry("minimum").or_insert(low.into());
        members.entry("maximum").or_insert(high.into());
    }
}

/// What may be left out is never null.
fn without_null(members: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            members.insert("type".to_owned(), one);
        }
    }
    let Some(Value::Array(choices)) = members.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    if let [Value::Object(one)] = choices.as_slice() {
        let one = one.clone();
        members.shift_remove("anyOf");
        for (key, value) in one {
            members.entry(key).or_insert(value);
        }
    }
}

/// `oneOf` constants, each with a description, as `enum` with one description.
fn enumeration(members: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = members.get("oneOf") else { return };
    let mut names = Vec::new();
    let mut description = members.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for choice in choices {
        let listed = choice.get("enum").and_then(Value::as_array).into_iter().flatten();
        for name in choice.get("const").into_iter().chain(listed) {
            if let Some(said) = choice.get("description").and_then(Value::as_str) {
                let name = name.as_str().unwrap_or_default();
                description = format!("{description}\n\n`{name}`: {said}");
            }
            names.push(name.clone());
        }
    }
    members.shift_remove("oneOf");
    members.insert("description".to_owned(), description.into());
    members.insert("type".to_owned(), "string".into());
    members.insert("enum".to_owned(), names.into());
}
