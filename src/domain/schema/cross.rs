//! Cross rules: what holds between the members of one object and has no word in JSON Schema.
//!
//! A rule is JSON, stands in the schema under the annotation `x-rules` of the object it is about, and is interpreted
//! here, in `records.ts` and by whoever reads the schemas. Pointers start at that object; a rule about a member that is
//! not there holds.

use std::borrow::Cow;

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use super::published::Refusal;
use super::strict::escape;

/// The two members are not equal.
pub fn differ(one: &str, other: &str) -> Value {
    json!({ "differ": [one, other] })
}

/// The two texts are not equal, nor made equal by NFC and by folding white space.
pub fn differ_folded(one: &str, other: &str) -> Value {
    json!({ "differ": [one, other], "folded": true })
}

/// The two members are equal.
pub fn equal(one: &str, other: &str) -> Value {
    json!({ "equal": [one, other] })
}

/// The first number is not above the second.
pub fn at_most(low: &str, high: &str) -> Value {
    json!({ "at_most": [low, high] })
}

/// The first number is the sum of the others.
pub fn sum(total: &str, parts: &[&str]) -> Value {
    json!({ "sum": [total, parts] })
}

/// The value is an item of the array.
pub fn member(item: &str, list: &str) -> Value {
    json!({ "member": [item, list] })
}

/// The texts of the array ascend.
pub fn sorted(list: &str) -> Value {
    json!({ "sorted": list })
}

/// NFC, runs of white space as one space, none at the ends.
pub fn folded(text: &str) -> String {
    // ASCII is composed already, and most texts are nothing else.
    let composed = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) };
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a schema has rules, anywhere in it.
pub(super) fn has_rules(schema: &Value) -> bool {
    let within = |(name, schema): (&String, &Value)| name == "x-rules" || has_rules(schema);
    schema.as_object().into_iter().flatten().any(within)
        || schema.as_array().into_iter().flatten().any(has_rules)
}

/// Holds a value to every rule of its schema, and of the schemas of what is in it.
pub(super) fn hold(root: &Value, value: &Value) -> Result<(), Refusal> {
    walk(root, root, value, "")
}

fn walk(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), Refusal> {
    if let Some(place) = schema.get("$ref").and_then(Value::as_str)
        && let Some(target) = root.pointer(place.trim_start_matches('#'))
    {
        walk(root, target, value, path)?;
    }
    for rule in schema.get("x-rules").and_then(Value::as_array).into_iter().flatten() {
        if let Some(reason) = broken(rule, value) {
            return Err(Refusal { path: path.to_owned(), reason });
        }
    }
    let of = |name: &str| schema.get("properties").and_then(|of| of.get(name));
    let other = schema.get("additionalProperties");
    for (name, member) in value.as_object().into_iter().flatten() {
        if let Some(schema) = of(name).or(other) {
            walk(root, schema, member, &format!("{path}/{}", escape(name)))?;
        }
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(schema) = schema.get("items") {
            walk(root, schema, item, &format!("{path}/{place}"))?;
        }
    }
    Ok(())
}

/// Why the rule does not hold; `None` when it does.
fn broken(rule: &Value, object: &Value) -> Option<String> {
    let (name, operands) = rule.as_object()?.iter().next()?;
    let at = |place: &Value| object.pointer(place.as_str()?);
    let pair = |operands: &Value| Some((at(operands.get(0)?)?, at(operands.get(1)?)?));
    let names = |operands: &Value| Some((operands.get(0)?.as_str()?.to_owned(), operands.get(1)?.clone()));
    match name.as_str() {
        "differ" => {
            let (one, other) = pair(operands)?;
            let same = match (one.as_str(), other.as_str()) {
                (Some(one), Some(other)) if rule.get("folded").is_some() => folded(one) == folded(other),
                _ => one == other,
            };
            let (one, other) = names(operands)?;
            same.then(|| format!("{one} and {} are the same", other.as_str().unwrap_or_default()))
        }
        "equal" => {
            let (one, other) = pair(operands)?;
            let differs = one != other;
            let (one, other) = names(operands)?;
            differs.then(|| format!("{one} is not {}", other.as_str().unwrap_or_default()))
        }
        "at_most" => {
            let (low, high) = pair(operands)?;
            let above = low.as_f64()? > high.as_f64()?;
            let (low, high) = names(operands)?;
            above.then(|| format!("{low} is more than {}", high.as_str().unwrap_or_default()))
        }
        "sum" => {
            let total = at(operands.get(0)?)?.as_u64()?;
            let parts = operands.get(1)?.as_array()?;
            let mut sum = 0_u64;
            for part in parts {
                sum = sum.saturating_add(at(part)?.as_u64()?);
            }
            let (whole, parts) = names(operands)?;
            (sum != total).then(|| format!("{whole} is {total}, but {parts} make {sum}"))
        }
        "member" => {
            let (item, list) = pair(operands)?;
            let there = list.as_array()?.contains(item);
            let (item, list) = names(operands)?;
            (!there).then(|| format!("{item} is not in {}", list.as_str().unwrap_or_default()))
        }
        "sorted" => {
            let list = at(operands)?.as_array()?;
            let ascends = list.is_sorted_by_key(|item| item.as_str());
            (!ascends).then(|| format!("{} is not sorted", operands.as_str().unwrap_or_default()))
        }
        _ => Some(format!("an unknown rule, {name}")),
    }
}
