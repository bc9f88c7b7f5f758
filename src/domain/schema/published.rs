//! The table of published shapes: what others build on, each with its JSON Schema and its judge.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::drift::DriftSnapshot;
use super::model_ledger::ModelLedgerEntry;
use super::playbook::Playbook;
use super::quarantine::QuarantineRow;
use super::receipt::Receipt;
use super::record::{EvidenceRecord, Invalid};
use super::retraction::Retraction;
use super::samples::{PreferenceSample, RagSample, SftSample};
use super::scored_run::ScoredRun;
use super::scratchpad::ScratchpadSummary;
use super::{cross, express, strict};
use crate::domain::canonical::Parser;
use crate::domain::reject::Reject;

/// Why a value is not of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where: a JSON pointer such as `/provenance/sig_hash`, empty for the whole value.
    pub path: String,
    /// Why, in a few words.
    pub reason: String,
}

/// A type that is published: what its fields' types do not say, it says here.
pub trait Published: DeserializeOwned + JsonSchema {
    /// The shape's name.
    const NAME: &'static str;

    /// Holds the value to the rules between its fields.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// The value as a line with its newline, once it has been judged as any reader will judge it.
    fn to_line(&self) -> Result<String, Refusal>
    where
        Self: Serialize,
    {
        let mut line = serde_json::to_string(self).map_err(|e| whole(&e.to_string()))?;
        shape(Self::NAME).ok_or_else(|| whole("no published shape"))?.judge(&line)?;
        line.push('\n');
        Ok(line)
    }
}

/// One published shape.
#[derive(Debug)]
pub struct Shape {
    /// Its name, also of its schema file.
    pub name: &'static str,
    express: fn(&str) -> Value,
    read: fn(&Value) -> Result<(), Refusal>,
    schema: OnceLock<Value>,
    /// Whether any rule between members stands in the schema: most shapes have none, and to look for them at every member was half
    /// of judging a playbook.
    has_rules: OnceLock<bool>,
}

impl Shape {
    const fn of<T: Published>() -> Self {
        Self {
            name: T::NAME,
            express: express::schema_of::<T>,
            read: read_and_check::<T>,
            schema: OnceLock::new(),
            has_rules: OnceLock::new(),
        }
    }

    fn published(&self) -> &Value {
        self.schema.get_or_init(|| (self.express)(self.name))
    }

    /// The published JSON Schema 2020-12.
    pub fn schema(&self) -> Value {
        self.published().clone()
    }

    /// Judges one line of JSON, without its newline.
    pub fn judge(&self, line: &str) -> Result<(), Refusal> {
        // Canonical first: it refuses keys that stand twice, and makes `1.0` the whole number that it is.
        let mut parser = Parser::default();
        let doc = parser.parse(line.as_bytes()).map_err(|fault| whole(&Reject::from(fault).detail()))?;
        let value: Value = serde_json::from_str(doc.text()).map_err(|e| whole(&e.to_string()))?;
        (self.read)(&value)?;
        let schema = self.published();
        if !self.has_rules.get_or_init(|| cross::has_rules(schema)) {
            return Ok(());
        }
        cross::hold(schema, &value)
    }
}

fn read_and_check<T: Published>(value: &Value) -> Result<(), Refusal> {
    strict::read::<T>(value)?.check().map_err(|invalid| Refusal {
        path: format!("/{}", invalid.field.replace('.', "/")),
        reason: format!("breaks the rule that it {}", invalid.rule),
    })
}

fn whole(reason: &str) -> Refusal {
    Refusal { path: String::new(), reason: reason.to_owned() }
}

/// Every shape that distilld writes.
pub static SHAPES: [Shape; 12] = [
    Shape::of::<EvidenceRecord<'static>>(),
    Shape::of::<ScoredRun>(),
    Shape::of::<Receipt>(),
    Shape::of::<Playbook>(),
    Shape::of::<ScratchpadSummary>(),
    Shape::of::<ModelLedgerEntry>(),
    Shape::of::<DriftSnapshot>(),
    Shape::of::<RagSample>(),
    Shape::of::<SftSample>(),
    Shape::of::<PreferenceSample>(),
    Shape::of::<QuarantineRow>(),
    Shape::of::<Retraction>(),
];

/// The shape of that name; neither case nor `_` nor `-` matters.
pub fn shape(name: &str) -> Option<&'static Shape> {
    let bare = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    SHAPES.iter().find(|shape| bare(shape.name) == bare(name))
}
