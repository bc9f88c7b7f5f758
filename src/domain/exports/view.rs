//! A finished evidence line, read back for the exports.

use super::instruction::Fields;
use crate::domain::link::facts::{CLAIM_TEXT, REJECTED_TEXT, has_words};
use crate::domain::render::Object;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};
use crate::domain::skim;

/// The members of an evidence line that samples are made from.
#[derive(Debug)]
pub struct EvidenceView<'a> {
    /// The run.
    pub run_id: Escaped<'a>,
    /// The task.
    pub task_id: Escaped<'a>,
    /// The stream.
    pub stream: Escaped<'a>,
    /// The text.
    pub text: Escaped<'a>,
    /// SHA-256 of the text.
    pub text_hash: Sha256Hex,
    /// The row's task type.
    pub task_type: Option<Escaped<'a>>,
    /// The mode.
    pub mode: Option<Escaped<'a>>,
    /// The model.
    pub model_name: Option<Escaped<'a>>,
    /// The file the work is about.
    pub file: Option<Escaped<'a>>,
    /// The pull request's number, as its digits.
    pub pr: Option<&'a str>,
    /// The claim that was voted on.
    pub claim: Option<Escaped<'a>>,
    /// Which claim of the pull request, as its digits.
    pub claim_idx: Option<&'a str>,
    /// The text that lost the vote.
    pub rejected: Option<Escaped<'a>>,
    /// Why a person decided as they did.
    pub reason: Option<Escaped<'a>>,
    run_signature: Option<Escaped<'a>>,
    provenance: &'a str,
}

impl<'a> EvidenceView<'a> {
    /// Reads a line; `None` when it has no text, or its text is nothing but white space.
    pub fn read(line: &'a str) -> Option<Self> {
        Self::read_any(line).filter(|view| has_words(&view.text))
    }

    /// Reads a line, whatever its text.
    pub fn read_any(line: &'a str) -> Option<Self> {
        let (mut run_id, mut task_id, mut stream, mut text, mut text_hash) = (None, None, None, None, None);
        let (mut task_type, mut mode, mut model_name, mut file, mut pr) = (None, None, None, None, None);
        let (mut run_signature, mut provenance, mut claim_idx) = (None, None, None);
        let (mut claim, mut rejected, mut reason) = (None, None, None);
        for (key, value) in skim::members(line) {
            match key {
                "run_id" => run_id = skim::text(value),
                "task_id" => task_id = skim::text(value),
                "source_stream" => stream = skim::text(value),
                "provenance" => provenance = Some(value),
                "task_type" => task_type = skim::text(value),
                "mode" => mode = skim::text(value),
                "model_name" => model_name = skim::text(value),
                "output_hash" => text_hash = Sha256Hex::parse(value.trim_matches('"')),
                "text" => text = skim::text(value),
                "source_files" => file = skim::items(value).next().and_then(skim::text),
                "pr_number" => pr = Some(value),
                "run_signature" => run_signature = skim::text(value),
                "claim_idx" => claim_idx = Some(value),
                "validation_results" => {
                    claim = explanation(value, CLAIM_TEXT);
                    rejected = rejected_text(value);
                }
                "human_override" => reason = member(value, "reason").and_then(skim::text),
                _ => {}
            }
        }
        Some(Self {
            run_id: run_id?,
            task_id: task_id?,
            stream: stream?,
            text: text.unwrap_or_else(|| Escaped::from_escaped("")),
            text_hash: text_hash.unwrap_or(Sha256Hex([0; 32])),
            task_type,
            mode,
            model_name,
            file,
            pr,
            claim,
            claim_idx,
            rejected,
            reason,
            run_signature,
            provenance: provenance?,
        })
    }

    /// The row's task type, else its run's, else the stream's name.
    pub fn task_type<'s>(&'s self, of_run: Option<&'s Escaped<'s>>) -> &'s Escaped<'s> {
        self.task_type.as_ref().or(of_run).unwrap_or(&self.stream)
    }

    /// What keeps rows of one origin on one side of a split: pull request, else file, else signature, else run.
    pub fn split_group(&self) -> Escaped<'a> {
        match (self.pr, &self.file, &self.run_signature) {
            (Some(pr), _, _) => Escaped::from_escaped(format!("pr:{pr}")),
            (None, Some(file), _) => file.prefixed("file:"),
            (None, None, Some(signature)) => signature.prefixed("sig:"),
            (None, None, None) => self.run_id.prefixed("run:"),
        }
    }

    /// What the instruction of the work is made from.
    pub fn instruction_fields(&self) -> Fields<'_> {
        Fields {
            stream: self.stream.escaped(),
            task_id: &self.task_id,
            task_type: self.task_type.as_ref(),
            mode: self.mode.as_ref(),
            file: self.file.as_ref(),
        }
    }

    /// The row's place, as JSON.
    pub fn provenance(&self) -> &'a str {
        self.provenance
    }

    /// Writes the member that ends every sample: its origin.
    pub fn render_origin(&self, object: &mut Object<'_>) {
        object.raw("provenance", self.provenance);
    }
}

/// The text that lost a vote, among the validation results of its record.
pub fn rejected_text(results: &str) -> Option<Escaped<'_>> {
    explanation(results, REJECTED_TEXT)
}

/// The member of an object.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    skim::members(object).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The explanation of the result of that name.
fn explanation<'a>(results: &'a str, name: &str) -> Option<Escaped<'a>> {
    let named = |result: &&str| {
        member(result, "name").and_then(skim::text).is_some_and(|text| text.escaped() == name)
    };
    member(skim::items(results).find(named)?, "explanation").and_then(skim::text)
}
