//! What a stream's rows are expected to have, and how often they have it.

use super::markdown::is_invisible;
use crate::domain::canonical::Value;
use crate::domain::rules::{CustomStream, StreamSettings};
use crate::domain::streams::{Field, FieldShape, Stream};

/// One expected field.
#[derive(Debug)]
pub(super) struct Expected {
    /// Its documented name; of a stream of the config its JSON pointer.
    pub(super) name: String,
    /// What it should hold.
    pub(super) shape: FieldShape,
    pub(super) required: bool,
    at: At,
    /// Rows that have it.
    pub(super) rows: u64,
    /// The last row that has it, counted from 0 among the rows that are objects.
    pub(super) last_object: u64,
    /// Where that row starts.
    pub(super) last_byte: u64,
}

#[derive(Debug)]
enum At {
    /// A member of the row, under its documented name or a producer's.
    Member { alias: Vec<String> },
    /// A place in the row, and the config's key for it.
    Pointer { key: &'static str },
}

impl Expected {
    /// The documented fields of a built-in stream.
    pub(super) fn of_stream(stream: &dyn Stream, settings: Option<&StreamSettings>) -> Vec<Self> {
        let expected = |field: &Field| Self {
            name: field.name.to_owned(),
            shape: field.shape,
            required: field.required,
            at: At::Member {
                alias: settings.and_then(|known| known.alias.get(field.name)).cloned().unwrap_or_default(),
            },
            rows: 0,
            last_object: 0,
            last_byte: 0,
        };
        stream.fields().iter().map(expected).collect()
    }

    /// The places that the config names.
    pub(super) fn of_custom(custom: &CustomStream) -> Vec<Self> {
        let places = [
            ("time", &custom.time, FieldShape::Time),
            ("run_id", &custom.run_id, FieldShape::WholeOrText),
            ("task_id", &custom.task_id, FieldShape::WholeOrText),
            ("model", &custom.model, FieldShape::WholeOrText),
            ("text", &custom.text, FieldShape::Text),
        ];
        let named = |(key, pointer, shape): (&'static str, &Option<String>, FieldShape)| {
            let (name, required) = (pointer.clone()?, key == "time");
            Some(Self {
                name,
                shape,
                required,
                at: At::Pointer { key },
                rows: 0,
                last_object: 0,
                last_byte: 0,
            })
        };
        places.into_iter().filter_map(named).collect()
    }

    /// Whether a row has it, be it null.
    pub(super) fn is_in(&self, row: Value<'_>) -> bool {
        match &self.at {
            At::Member { alias } => {
                row.get(&self.name).is_some() || alias.iter().any(|alias| row.get(alias).is_some())
            }
            At::Pointer { .. } => row.pointer(&self.name).is_some(),
        }
    }

    /// Whether a member of that name belongs to it.
    pub(super) fn owns(&self, member: &str) -> bool {
        match &self.at {
            At::Member { alias } => self.name == member || alias.iter().any(|alias| alias == member),
            At::Pointer { .. } => self.name.split('/').nth(1).is_some_and(|token| token_is(token, member)),
        }
    }

    /// Whether another member of the row can stand in for it.
    pub(super) fn can_be_renamed(&self) -> bool {
        matches!(self.at, At::Member { .. }) || self.name.matches('/').count() == 1
    }

    /// The lines of the config that read it from another member.
    pub(super) fn reading_from(&self, stream: &str, member: &str) -> String {
        // A JSON string is a TOML string too; what cannot be seen, or looks like HTML, stands in it by its number.
        let is_odd = |c: char| is_invisible(c) || "<>&`".contains(c);
        let visible = |c: char| if is_odd(c) { format!("\\U{:08x}", u32::from(c)) } else { c.to_string() };
        let text =
            |text: &str| serde_json::Value::from(text).to_string().chars().map(visible).collect::<String>();
        match self.at {
            At::Member { .. } => {
                let bare = member.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                let key = if bare && !member.is_empty() { member.to_owned() } else { text(member) };
                format!("[stream.{stream}.alias]\n{key} = {}", text(&self.name))
            }
            At::Pointer { key } => {
                let pointer = format!("/{}", member.replace('~', "~0").replace('/', "~1"));
                format!("[stream.{stream}]\n{key} = {}", text(&pointer))
            }
        }
    }
}

/// Whether a token of a JSON pointer names the member.
fn token_is(token: &str, member: &str) -> bool {
    token.replace("~1", "/").replace("~0", "~") == member
}
