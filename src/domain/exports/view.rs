//! A finished evidence line, read back for the exports.

use super::instruction::Fields;
use crate::domain::canonical::{Doc, Kind, Value};
use crate::domain::render::Object;
use crate::domain::row::as_text;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};

/// The members of an evidence line that samples are made from.
#[derive(Debug)]
pub struct EvidenceView<'a> {
    root: Value<'a>,
    /// The run.
    pub run_id: Escaped<'a>,
    /// The task.
    pub task_id: Escaped<'a>,
    /// The stream.
    pub stream: Escaped<'a>,
    /// The text.
    pub text: Escaped<'a>,
}

impl<'a> EvidenceView<'a> {
    /// Reads a line; `None` when it is no work with a text.
    pub fn read(doc: Doc<'a>) -> Option<Self> {
        let root = doc.root();
        let text = |key: &str| root.get(key).and_then(as_text);
        if root.get("kind")?.text() != "\"work\"" {
            return None;
        }
        Some(Self {
            root,
            run_id: text("run_id")?,
            task_id: text("task_id")?,
            stream: text("source_stream")?,
            text: text("text").filter(|text| !text.is_empty())?,
        })
    }

    /// A text member.
    pub fn text_of(&self, key: &str) -> Option<Escaped<'a>> {
        self.root.get(key).and_then(as_text)
    }

    /// The file the work is about.
    pub fn file(&self) -> Option<Escaped<'a>> {
        self.root.get("source_files")?.items().next().and_then(as_text)
    }

    /// The pull request's number, as its digits.
    pub fn pr(&self) -> Option<&'a str> {
        self.root.get("pr_number").filter(|value| value.kind() == Kind::Number).map(Value::text)
    }

    /// SHA-256 of the text.
    pub fn text_hash(&self) -> Sha256Hex {
        self.text.hash()
    }

    /// The row's task type, else the stream's name.
    pub fn task_type(&self) -> Escaped<'a> {
        self.text_of("task_type").unwrap_or_else(|| self.stream.clone())
    }

    /// The provenance, as the JSON it already is.
    pub fn provenance(&self) -> &'a str {
        self.root.get("provenance").map_or("{}", Value::text)
    }

    /// What keeps rows of one origin on one side of a split: pull request, else file, else signature, else run.
    pub fn split_group(&self) -> Escaped<'a> {
        if let Some(pr) = self.pr() {
            return Escaped::from_escaped(format!("pr:{pr}"));
        }
        if let Some(file) = self.file() {
            return file.prefixed("file:");
        }
        match self.text_of("run_signature") {
            Some(signature) => signature.prefixed("sig:"),
            None => self.run_id.prefixed("run:"),
        }
    }

    /// What the instruction of the work is made from.
    pub fn instruction_fields(&self) -> Fields<'_> {
        Fields {
            stream: self.stream.escaped(),
            task_id: self.task_id.clone(),
            task_type: self.text_of("task_type"),
            mode: self.text_of("mode"),
            file: self.file(),
        }
    }

    /// Writes the members that end every sample: its runs and its origin.
    pub fn render_origin(&self, object: &mut Object<'_>) {
        object.raw("provenance", self.provenance());
    }
}
