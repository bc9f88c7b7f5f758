//! TypeScript types that say of a schema what TypeScript can say; its validator says the rest.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The widest line of a comment.
const WIDTH: usize = 110;

/// The longest example that is worth a place in a comment.
const EXAMPLE_MAX: usize = 60;

/// Renders the exported type of a schema, with its comment: an interface where it is a plain object.
pub(super) fn declaration(name: &str, schema: &Value) -> String {
    let comment = comment(schema, 0);
    match &parts(schema, 0)[..] {
        [one] if one.starts_with('{') => format!("{comment}export interface {name} {one}\n"),
        parts => format!("{comment}export type {name} = {};\n", intersection(parts)),
    }
}

/// The type of a schema that stands `depth` braces deep; every schema has one, if only `unknown`.
fn type_of(schema: &Value, depth: usize) -> String {
    intersection(&parts(schema, depth))
}

/// The types that a value is of, all at once.
fn parts(schema: &Value, depth: usize) -> Vec<String> {
    let mut parts = Vec::new();
    if schema == &Value::Bool(false) {
        parts.push("never".to_owned());
    }
    let reference = schema.get("$ref").and_then(Value::as_str);
    parts.extend(reference.map(|reference| reference.trim_start_matches("#/$defs/").to_owned()));
    parts.extend(base(schema, depth));
    parts.extend(list(schema, "anyOf").map(|forms| union(forms.iter().map(|form| type_of(form, depth)))));
    parts.extend(list(schema, "allOf").into_iter().flatten().map(|form| type_of(form, depth)));
    parts.retain(|part| part != UNKNOWN);
    parts
}

const UNKNOWN: &str = "unknown";

/// What `const`, `enum` or `type` say.
fn base(schema: &Value, depth: usize) -> Option<String> {
    if let Some(constant) = schema.get("const") {
        return Some(constant.to_string());
    }
    if let Some(values) = list(schema, "enum") {
        return Some(union(values.iter().map(Value::to_string)));
    }
    let of_type = |name: &Value| match name.as_str() {
        Some("integer" | "number") => "number".to_owned(),
        Some("array") => array(schema, depth),
        Some("object") => object(schema, depth),
        Some(name) => name.to_owned(),
        None => UNKNOWN.to_owned(),
    };
    match schema.get("type")? {
        Value::Array(names) => Some(union(names.iter().map(of_type))),
        name => Some(of_type(name)),
    }
}

fn array(schema: &Value, depth: usize) -> String {
    let item = schema.get("items").map_or_else(|| UNKNOWN.to_owned(), |items| type_of(items, depth));
    let many = if is_simple(&item) { format!("{item}[]") } else { format!("({item})[]") };
    let count = |keyword| schema.get(keyword).and_then(Value::as_u64);
    match (count("minItems"), count("maxItems")) {
        _ if item.contains('\n') => many,
        (Some(2), Some(2)) => format!("[{item}, {item}]"),
        (Some(1), Some(1)) => format!("[{item}]"),
        (Some(1..), _) => format!("[{item}, ...{many}]"),
        _ => many,
    }
}

fn object(schema: &Value, depth: usize) -> String {
    let inner = "  ".repeat(depth + 1);
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut lines = String::new();
    for (name, member) in properties {
        let mark = if is_required(schema, name) { "" } else { "?" };
        let key = if is_identifier(name) { name.clone() } else { Value::from(name.as_str()).to_string() };
        lines.push_str(&comment(member, depth + 1));
        let _ = writeln!(lines, "{inner}{key}{mark}: {};", type_of(member, depth + 1));
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(false)) if !properties.is_empty() => {}
        Some(others) if properties.is_empty() => {
            let _ = writeln!(lines, "{inner}[name: string]: {};", type_of(others, depth + 1));
        }
        // Beside named members of other types, an index signature has to allow for them.
        _ => {
            let _ = writeln!(lines, "{inner}[name: string]: unknown;");
        }
    }
    format!("{{\n{lines}{}}}", "  ".repeat(depth))
}

fn is_required(schema: &Value, name: &str) -> bool {
    list(schema, "required").is_some_and(|names| names.iter().any(|required| required == name))
}

fn list<'v>(schema: &'v Value, keyword: &str) -> Option<&'v Vec<Value>> {
    schema.get(keyword).and_then(Value::as_array)
}

/// Each type once; what may be anything is `unknown`, whatever else it may be.
fn union(types: impl Iterator<Item = String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for one in types {
        if one == UNKNOWN {
            return one;
        }
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once.join(" | ")
}

fn intersection(parts: &[String]) -> String {
    match parts {
        [] => UNKNOWN.to_owned(),
        [one] => one.clone(),
        several => {
            let several = several.iter();
            let wrapped =
                several.map(|part| if part.contains(" | ") { format!("({part})") } else { part.clone() });
            wrapped.collect::<Vec<_>>().join(" & ")
        }
    }
}

/// Whether `[]` can follow a type as it stands.
fn is_simple(text: &str) -> bool {
    text.starts_with('{') && text.ends_with('}') && !text.contains("} ") || is_identifier(text)
}

/// Whether a name can stand in TypeScript without quotes.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'))
}

/// The comment before a type or member, with its unit and an example; nothing when there is nothing to say.
fn comment(schema: &Value, depth: usize) -> String {
    let mut paragraphs = text(schema, "description").unwrap_or_default().split("\n\n");
    let mut first = vec![paragraphs.next().unwrap_or_default().to_owned()];
    first.extend(expected(schema, depth));
    first.extend(text(schema, "x-unit").map(|unit| format!("Unit: {unit}.")));
    let example = list(schema, "examples").and_then(|examples| examples.first()).map(Value::to_string);
    first.extend(example.filter(|text| text.len() <= EXAMPLE_MAX).map(|text| format!("Example: `{text}`.")));
    let indent = "  ".repeat(depth);
    let width = WIDTH - indent.len() - " * ".len();
    let words = std::iter::once(first.join(" ")).chain(paragraphs.map(str::to_owned));
    let lines: Vec<String> = words.flat_map(|words| wrapped(&words.replace("*/", "*\\/"), width)).collect();
    match &lines[..] {
        [] => String::new(),
        [line] if line.len() + "/**  */".len() <= WIDTH - indent.len() => format!("{indent}/** {line} */\n"),
        lines => {
            let body = lines.iter().map(|line| format!("{indent} * {line}\n")).collect::<Vec<_>>().concat();
            format!("{indent}/**\n{body}{indent} */\n")
        }
    }
}

/// Where anything is let through, which type is meant, and what becomes of others.
fn expected(schema: &Value, depth: usize) -> Option<String> {
    let forms = list(schema, "anyOf")?;
    let (open, typed): (Vec<&Value>, Vec<&Value>) =
        forms.iter().partition(|form| type_of(form, depth) == UNKNOWN);
    let open = open.first()?;
    let types = union(typed.iter().map(|form| type_of(form, depth)));
    let types = if types.contains('\n') { "an object".to_owned() } else { format!("`{types}`") };
    let rest = text(open, "description").map(|rest| format!("; {}", rest.trim_end_matches('.')));
    (!typed.is_empty()).then(|| format!("Expected: {types}{}.", rest.unwrap_or_default()))
}

fn text<'v>(schema: &'v Value, keyword: &str) -> Option<&'v str> {
    schema.get(keyword).and_then(Value::as_str)
}

/// The words in lines of at most `width` characters, as far as words allow.
fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
