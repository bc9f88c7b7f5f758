//! The instruction behind a piece of work: one fixed template per stream, filled from the row's own fields.
//!
//! The templates are listed in docs/exports.md; changing one changes `input_hash` and so the rules version.

use crate::domain::schema::record::EvidenceRecord;
use crate::domain::schema::scalars::{Escaped, Sha256Hex};

/// What the templates are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The stream's name.
    pub stream: &'a str,
    /// The task.
    pub task_id: &'a Escaped<'a>,
    /// The kind of task.
    pub task_type: Option<&'a Escaped<'a>>,
    /// The mode.
    pub mode: Option<&'a Escaped<'a>>,
    /// The file it is about.
    pub file: Option<&'a Escaped<'a>>,
}

impl<'a> Fields<'a> {
    /// The fields of a record.
    pub fn of_record(record: &'a EvidenceRecord<'a>) -> Self {
        Self {
            stream: &record.source_stream,
            task_id: &record.task_id,
            task_type: record.task_type.as_ref(),
            mode: record.mode.as_ref(),
            file: record.source_files.first(),
        }
    }
}

/// What a model was asked.
#[derive(Debug)]
pub struct Prompt {
    /// The system message.
    pub system: &'static str,
    /// The instruction.
    pub instruction: Escaped<'static>,
}

/// The instruction behind a record's work, and its hash: what a prompt is known by where the row does not say.
#[derive(Debug)]
pub struct Asked {
    /// The instruction.
    pub instruction: Escaped<'static>,
    /// SHA-256 of its text.
    pub hash: Sha256Hex,
}

impl Asked {
    /// What the work of a record answers, for the streams that have an instruction.
    pub fn of_record(record: &EvidenceRecord<'_>) -> Option<Self> {
        let instruction = of(&Fields::of_record(record))?.instruction;
        Some(Self { hash: instruction.hash(), instruction })
    }
}

/// The instruction behind the work, for the streams that have one.
pub fn of<'a>(fields: &Fields<'a>) -> Option<Prompt> {
    let or = |text: Option<&'a Escaped<'a>>, other: &'static str| text.map_or(other, Escaped::escaped);
    let joined = |parts: &[&str]| Escaped::from_escaped(parts.concat());
    Some(match fields.stream {
        "scrum_reviews" => Prompt {
            system: "You are a code reviewer. Report concrete findings about the file, each with its reason.",
            instruction: joined(&["Review the file `", or(fields.file, "unknown"), "`."]),
        },
        "mode_experiments" => {
            let task = or(fields.task_type, "task");
            let mode = or(fields.mode, "default");
            let about =
                fields.file.as_ref().map_or_else(String::new, |f| format!(" on the file `{}`", f.escaped()));
            Prompt {
                system: "You are an engineer. Do the task, and stand on the sources you are given.",
                instruction: joined(&["Do the task `", task, "` in the mode `", mode, "`", &about, "."]),
            }
        }
        "contract_analyses" => {
            let permit = fields.task_id.escaped().strip_prefix("permit:");
            Prompt {
                system: "You are a contract analyst. Say what the documents support, and what they do not.",
                instruction: match permit {
                    Some(permit) => joined(&["Analyse the contract of the permit `", permit, "`."]),
                    None => joined(&["Analyse the contract."]),
                },
            }
        }
        _ => return None,
    })
}
