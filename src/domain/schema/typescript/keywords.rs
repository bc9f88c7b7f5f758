//! The keywords of JSON Schema that `records.ts` understands, and the look at a schema that refuses any other.

use serde_json::{Map, Value};

use super::Unfit;

/// What the value of a keyword has to look like, and whether it holds schemas.
#[derive(Clone, Copy)]
enum Form {
    /// For readers; no constraint.
    Annotation,
    /// Any value is fine.
    Any,
    /// A non-empty array of any values.
    AnyList,
    /// A string.
    Text,
    /// A number.
    Number,
    /// A number from 0, without fraction.
    Count,
    /// true or false.
    Flag,
    /// An array of strings.
    Names,
    /// The name of a type, or an array of such.
    Types,
    /// An object of arrays of strings.
    NamesByName,
    /// `#/$defs/NAME` of a definition that is there.
    Reference,
    /// A schema.
    Schema,
    /// A non-empty array of schemas.
    Schemas,
    /// An object of schemas.
    SchemasByName,
    /// An array of rules.
    Rules,
}

const KEYWORDS: [(&str, Form); 31] = [
    ("$schema", Form::Annotation),
    ("$id", Form::Annotation),
    ("title", Form::Annotation),
    ("description", Form::Annotation),
    ("examples", Form::Annotation),
    ("x-unit", Form::Annotation),
    ("$defs", Form::SchemasByName),
    ("$ref", Form::Reference),
    ("type", Form::Types),
    ("const", Form::Any),
    ("enum", Form::AnyList),
    ("pattern", Form::Text),
    ("minLength", Form::Count),
    ("minimum", Form::Number),
    ("maximum", Form::Number),
    ("exclusiveMinimum", Form::Number),
    ("minItems", Form::Count),
    ("maxItems", Form::Count),
    ("uniqueItems", Form::Flag),
    ("items", Form::Schema),
    ("properties", Form::SchemasByName),
    ("required", Form::Names),
    ("dependentRequired", Form::NamesByName),
    ("additionalProperties", Form::Schema),
    ("propertyNames", Form::Schema),
    ("anyOf", Form::Schemas),
    ("allOf", Form::Schemas),
    ("if", Form::Schema),
    ("then", Form::Schema),
    ("else", Form::Schema),
    ("not", Form::Schema),
];

/// The keyword for what JSON Schema has no word for.
const RULES: &str = "x-rules";

const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// Gives the schema without its annotations, after a look at every keyword in it.
pub(super) fn constraints(name: &str, schema: &Value) -> Result<Value, Unfit> {
    let look = Look { name, definitions: schema.get("$defs").and_then(Value::as_object) };
    look.schema(schema, "")
}

struct Look<'s> {
    name: &'s str,
    definitions: Option<&'s Map<String, Value>>,
}

impl Look<'_> {
    fn unfit<T>(&self, at: &str, what: impl Into<String>) -> Result<T, Unfit> {
        Err(Unfit { schema: self.name.to_owned(), at: at.to_owned(), what: what.into() })
    }

    fn schema(&self, schema: &Value, at: &str) -> Result<Value, Unfit> {
        let keywords = match schema {
            Value::Bool(_) => return Ok(schema.clone()),
            Value::Object(keywords) => keywords,
            _ => return self.unfit(at, "is no schema"),
        };
        let mut kept = Map::new();
        for (keyword, value) in keywords {
            let at = format!("{at}/{keyword}");
            let known = KEYWORDS.iter().find(|(name, _)| name == keyword).map(|(_, form)| *form);
            let Some(form) = known.or((keyword == RULES).then_some(Form::Rules)) else {
                return self.unfit(&at, "is a keyword that records.ts does not know");
            };
            if let Some(value) = self.keyword(form, value, &at)? {
                kept.insert(keyword.clone(), value);
            }
        }
        Ok(Value::Object(kept))
    }

    /// The keyword's value without annotations; nothing when it is one.
    fn keyword(&self, form: Form, value: &Value, at: &str) -> Result<Option<Value>, Unfit> {
        let fits = match form {
            Form::Annotation => return Ok(None),
            Form::Schema => return self.schema(value, at).map(Some),
            Form::Schemas => return self.schemas(value, at).map(Some),
            Form::SchemasByName => return self.schemas_by_name(value, at).map(Some),
            Form::Any => true,
            Form::AnyList => value.as_array().is_some_and(|list| !list.is_empty()),
            Form::Text => value.is_string(),
            Form::Number => value.is_number(),
            Form::Count => value.is_u64(),
            Form::Flag => value.is_boolean(),
            Form::Names => is_names(value),
            Form::Types => is_types(value),
            Form::NamesByName => value.as_object().is_some_and(|lists| lists.values().all(is_names)),
            Form::Reference => self.is_reference(value),
            Form::Rules => value.as_array().is_some_and(|rules| rules.iter().all(is_rule)),
        };
        if fits { Ok(Some(value.clone())) } else { self.unfit(at, format!("cannot be {value}")) }
    }

    fn schemas(&self, value: &Value, at: &str) -> Result<Value, Unfit> {
        let list = value.as_array().filter(|list| !list.is_empty());
        let Some(list) = list else { return self.unfit(at, "is no array of schemas") };
        let schemas = list.iter().enumerate().map(|(i, schema)| self.schema(schema, &format!("{at}/{i}")));
        Ok(Value::Array(schemas.collect::<Result<_, _>>()?))
    }

    fn schemas_by_name(&self, value: &Value, at: &str) -> Result<Value, Unfit> {
        let Some(map) = value.as_object() else { return self.unfit(at, "is no object of schemas") };
        let schemas = map
            .iter()
            .map(|(name, schema)| Ok((name.clone(), self.schema(schema, &format!("{at}/{name}"))?)));
        Ok(Value::Object(schemas.collect::<Result<_, Unfit>>()?))
    }

    fn is_reference(&self, value: &Value) -> bool {
        let definition = value.as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        definition.zip(self.definitions).is_some_and(|(name, definitions)| definitions.contains_key(name))
    }
}

fn is_names(value: &Value) -> bool {
    value.as_array().is_some_and(|names| names.iter().all(Value::is_string))
}

fn is_types(value: &Value) -> bool {
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    is_type(value) || value.as_array().is_some_and(|names| !names.is_empty() && names.iter().all(is_type))
}

fn is_pointer(value: &Value) -> bool {
    value.as_str().is_some_and(|pointer| pointer.starts_with('/'))
}

/// A rule is an object of one word with its pointers; `differ` may be `folded`.
fn is_rule(rule: &Value) -> bool {
    let Some(rule) = rule.as_object() else { return false };
    rule.iter().filter(|(word, _)| *word != "folded").count() == 1
        && rule.iter().all(|(word, value)| match (word.as_str(), value.as_array().map(Vec::as_slice)) {
            ("folded", None) => value.is_boolean() && rule.contains_key("differ"),
            ("differ" | "equal" | "at_most" | "member", Some([a, b])) => is_pointer(a) && is_pointer(b),
            ("sum", Some([total, Value::Array(parts)])) => {
                is_pointer(total) && !parts.is_empty() && parts.iter().all(is_pointer)
            }
            ("sorted", None) => is_pointer(value),
            _ => false,
        })
}

/// Every keyword that constrains.
#[cfg(test)]
pub(super) fn constraining() -> impl Iterator<Item = &'static str> {
    let constrains = |(_, form): &&(&str, Form)| !matches!(form, Form::Annotation);
    KEYWORDS.iter().filter(constrains).map(|(name, _)| *name).chain([RULES])
}
