//! Reading the fields of one row: required ones refuse the row, optional ones of a wrong shape count as absent.

use std::collections::BTreeMap;

use super::canonical::{Kind, Value};
use super::reject::Reject;
use super::rules::{Rules, StreamSettings};
use super::schema::record::{CommandRun, Number};
use super::schema::scalars::{Escaped, EventTime, ParsedTime, Sha256Hex};
use super::schema::strict::INTEGER_MAX;
use super::streams::Field;

/// How often each kind of oddity was seen, by a code such as `wrong_type:model`.
pub type Warnings = BTreeMap<String, u64>;

/// What a verdict word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// For the work.
    For,
    /// Against the work.
    Against,
    /// No verdict: absent, or no word we know.
    None,
}

/// The fields of one row, by their documented names.
#[derive(Debug)]
pub struct Row<'a, 'w> {
    root: Value<'a>,
    settings: Option<&'a StreamSettings>,
    sig_hash: Sha256Hex,
    rules: &'a Rules,
    warnings: &'w mut Warnings,
}

impl<'a, 'w> Row<'a, 'w> {
    /// A row that is known to be an object.
    pub fn new(
        root: Value<'a>,
        sig_hash: Sha256Hex,
        settings: Option<&'a StreamSettings>,
        rules: &'a Rules,
        warnings: &'w mut Warnings,
    ) -> Self {
        Self { root, settings, sig_hash, rules, warnings }
    }

    /// The settings that decide what rows mean.
    pub fn rules(&self) -> &'a Rules {
        self.rules
    }

    /// The whole row.
    pub fn root(&self) -> Value<'a> {
        self.root
    }

    /// SHA-256 of the row's canonical JSON.
    pub fn sig_hash(&self) -> Sha256Hex {
        self.sig_hash
    }

    /// `prefix` and the first 16 hex digits of the row's hash: the run of a row that names none.
    pub fn sig_run(&self, prefix: &str) -> Escaped<'static> {
        Escaped::from_escaped(format!("{prefix}:{}", self.sig_hash.first16()))
    }

    /// Counts an oddity.
    pub fn warn(&mut self, code: &str, field: &str) {
        *self.warnings.entry(format!("{code}:{field}")).or_default() += 1;
    }

    /// The value of a documented field, under its own or a producer's name. One that is `null` is a value only where there is
    /// no other.
    fn find(&self, field: &str) -> Option<Value<'a>> {
        let own = self.root.get(field);
        let theirs = || {
            let names = self.settings.and_then(|settings| settings.alias.get(field));
            names.into_iter().flatten().filter_map(|name| self.root.get(name))
        };
        let is_value = |value: &Value<'a>| value.kind() != Kind::Null;
        own.filter(is_value).or_else(|| theirs().find(is_value)).or(own).or_else(|| theirs().next())
    }

    /// The value of an optional field; `null` is absent.
    pub fn opt(&self, field: &str) -> Option<Value<'a>> {
        self.find(field).filter(|value| value.kind() != Kind::Null)
    }

    /// Whether any field is there that need not be. What is of a wrong type, or an empty text, counts as absent.
    pub fn has_any_optional(&self, fields: &[Field]) -> bool {
        let is_there = |field: &Field| {
            self.opt(field.name).is_some_and(|value| field.shape.fits(value) && value.text() != "\"\"")
        };
        fields.iter().any(|field| !field.required && is_there(field))
    }

    /// Counts documented fields of a wrong type that nobody reads; those that are read are counted then.
    pub fn note_unread(&mut self, fields: &[Field]) {
        for field in fields.iter().filter(|field| field.unread) {
            if self.opt(field.name).is_some_and(|value| !field.shape.fits(value)) {
                self.warn("wrong_type", field.name);
            }
        }
    }

    /// Refuses the row when its `schema_version` is not the expected one.
    pub fn check_schema_version(&self) -> Result<(), Reject> {
        let expected = self.settings.and_then(|s| s.schema_version).unwrap_or(1);
        match self.opt("schema_version") {
            Some(version) if as_int(version) != Some(expected) => Err(Reject::SchemaVersion { expected }),
            _ => Ok(()),
        }
    }

    /// A required field, read by `read`; what that refuses is not of the expected type.
    pub fn required<T>(
        &self,
        field: &str,
        expected: &'static str,
        read: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Result<T, Reject> {
        let value = self.find(field).ok_or_else(|| Reject::MissingField(field.to_owned()))?;
        read(value).ok_or_else(|| Reject::WrongType { field: field.to_owned(), expected })
    }

    fn optional<T>(&mut self, field: &str, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        let value = self.opt(field)?;
        let read = read(value);
        if read.is_none() {
            self.warn("wrong_type", field);
        }
        read
    }

    /// A required text; an empty one is missing.
    pub fn text(&self, field: &str) -> Result<Escaped<'a>, Reject> {
        let text = self.required(field, "a string", as_text)?;
        if text.is_empty() { Err(Reject::MissingField(field.to_owned())) } else { Ok(text) }
    }

    /// An optional text; an empty one is absent.
    pub fn opt_text(&mut self, field: &str) -> Option<Escaped<'a>> {
        self.optional(field, as_text).filter(|text| !text.is_empty())
    }

    /// A required whole number.
    pub fn int(&self, field: &str) -> Result<i64, Reject> {
        self.required(field, "a whole number", as_int)
    }

    /// A required count: a whole number, 0 or more.
    pub fn count(&self, field: &str) -> Result<i64, Reject> {
        self.required(field, "a count", |value| as_int(value).filter(|n| *n >= 0))
    }

    /// An optional whole number of at least `min`.
    pub fn opt_int(&mut self, field: &str, min: i64) -> Option<i64> {
        self.optional(field, |value| as_int(value).filter(|n| *n >= min))
    }

    /// A required flag.
    pub fn flag(&self, field: &str) -> Result<bool, Reject> {
        self.required(field, "true or false", as_bool)
    }

    /// An optional flag.
    pub fn opt_flag(&mut self, field: &str) -> Option<bool> {
        self.optional(field, as_bool)
    }

    /// An optional number in `[min, max]`: its value, and its digits.
    pub fn opt_number(&mut self, field: &str, min: f64, max: f64) -> Option<(f64, Number<'a>)> {
        self.optional(field, |value| {
            let digits = as_number(value)?;
            let number: f64 = digits.0.parse().ok()?;
            (min..=max).contains(&number).then_some((number, digits))
        })
    }

    /// An optional amount, 0 or more, as its digits.
    pub fn opt_amount(&mut self, field: &str) -> Option<Number<'a>> {
        self.opt_number(field, 0.0, f64::MAX).map(|(_, digits)| digits)
    }

    /// A required time.
    pub fn time(&mut self, field: &str) -> Result<EventTime, Reject> {
        let text = self.required(field, "a time", as_text)?;
        let parsed = row_time(&text).ok_or_else(|| Reject::BadTime(field.to_owned()))?;
        if parsed.zone_assumed {
            self.warn("no_zone", field);
        }
        Ok(parsed.time)
    }

    /// An optional time.
    pub fn opt_time(&mut self, field: &str) -> Option<EventTime> {
        let parsed = self.optional(field, as_time)?;
        if parsed.zone_assumed {
            self.warn("no_zone", field);
        }
        Some(parsed.time)
    }

    /// A required array.
    pub fn array(&self, field: &str) -> Result<Value<'a>, Reject> {
        self.required(field, "an array", |value| (value.kind() == Kind::Array).then_some(value))
    }

    /// An optional array.
    pub fn opt_array(&mut self, field: &str) -> Option<Value<'a>> {
        self.optional(field, |value| (value.kind() == Kind::Array).then_some(value))
    }

    /// An optional object.
    pub fn opt_object(&mut self, field: &str) -> Option<Value<'a>> {
        self.optional(field, |value| (value.kind() == Kind::Object).then_some(value))
    }

    /// An optional SHA-256.
    pub fn opt_hash(&mut self, field: &str) -> Option<Sha256Hex> {
        self.optional(field, |value| Sha256Hex::parse(&as_text(value)?.plain()))
    }

    /// A required git commit: 40 hex digits, lower-cased.
    pub fn sha40(&self, field: &str) -> Result<Escaped<'a>, Reject> {
        self.required(field, "a commit of 40 hex digits", as_sha40)
    }

    /// An optional git commit.
    pub fn opt_sha40(&mut self, field: &str) -> Option<Escaped<'a>> {
        self.optional(field, as_sha40)
    }

    /// What a verdict field says. An unknown word is no verdict, and counted.
    pub fn word(&mut self, field: &str) -> Word {
        self.opt_word(field).unwrap_or(Word::None)
    }

    /// As [`Row::word`], but tells a field that is absent from a word nobody knows.
    pub fn opt_word(&mut self, field: &str) -> Option<Word> {
        let text = self.opt_text(field)?;
        Some(self.word_of(field, &text))
    }

    /// What the text of a verdict field says.
    pub fn word_of(&mut self, field: &str, text: &Escaped<'_>) -> Word {
        let word = verdict_word(&text.plain());
        if word == Word::None {
            self.warn("unknown_verdict", field);
        }
        word
    }

    /// Whether an error is reported: any value but `false`, an empty string, or nothing.
    pub fn reports_error(&self, field: &str) -> bool {
        self.opt(field).is_some_and(|value| !matches!(value.text(), "false" | "\"\"" | "0" | "[]" | "{}"))
    }

    /// The texts of an array (or of one string), each an item.
    pub fn opt_texts(&mut self, field: &str) -> Vec<Escaped<'a>> {
        let Some(value) = self.opt(field) else { return Vec::new() };
        match value.kind() {
            Kind::String => as_text(value).filter(|text| !text.is_empty()).into_iter().collect(),
            Kind::Array => value.items().filter_map(item_text).collect(),
            _ => {
                self.warn("wrong_type", field);
                Vec::new()
            }
        }
    }

    /// The names in an array (or one string), each a string; other items are counted.
    pub fn opt_names(&mut self, field: &str) -> Vec<Escaped<'a>> {
        let Some(value) = self.opt(field) else { return Vec::new() };
        let items: Vec<_> = if value.kind() == Kind::Array { value.items().collect() } else { vec![value] };
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            match as_text(item) {
                Some(name) => names.extend(Some(name).filter(|name| !name.is_empty())),
                None => self.warn("wrong_type", field),
            }
        }
        names
    }

    /// The commands of a `commands_run` array: strings, or objects with `cmd`.
    pub fn commands(&mut self, field: &str) -> Vec<CommandRun<'a>> {
        let Some(value) = self.opt_array(field) else { return Vec::new() };
        let command = |item: Value<'a>| {
            let named = item.get("cmd").or_else(|| item.get("command"));
            let cmd = as_text(item).or_else(|| as_text(named?)).filter(|cmd| !cmd.is_empty())?;
            let exit_code = item.get("exit_code").and_then(as_int);
            let duration_ms = item.get("duration_ms").and_then(as_number).filter(|n| !n.0.starts_with('-'));
            Some(CommandRun { cmd, exit_code, duration_ms })
        };
        value.items().filter_map(command).collect()
    }

    /// The gates of a `gates` object: name and whether it passed; `None` when the value is no flag, which is counted.
    pub fn gates(&mut self) -> Vec<(Escaped<'a>, Option<bool>)> {
        let Some(gates) = self.opt_object("gates") else { return Vec::new() };
        let mut read = Vec::new();
        for (name, value) in gates.members() {
            let passed = as_bool(value);
            if passed.is_none() {
                self.warn("wrong_type", "gates");
            }
            read.push((Escaped::from_escaped(name), passed));
        }
        read
    }
}

/// The verdict words of SPEC section 3, case-folded.
pub fn verdict_word(word: &str) -> Word {
    match word.trim().to_lowercase().as_str() {
        "accept" | "accepted" | "approve" | "approved" | "pass" | "passed" | "ok" => Word::For,
        "reject" | "rejected" | "block" | "blocked" | "fail" | "failed" | "request_changes"
        | "needs_patch" | "cycle" => Word::Against,
        _ => Word::None,
    }
}

/// A model's family: the leading run of ASCII letters of its lower-cased name.
pub fn model_family(name: &str) -> String {
    name.to_lowercase().chars().take_while(char::is_ascii_alphabetic).collect()
}

/// A string value.
pub fn as_text(value: Value<'_>) -> Option<Escaped<'_>> {
    value.escaped().map(Escaped::from_escaped)
}

/// A time that a row may have: RFC 3339 of the years 1 to 9998, so that it has four digits of a year in UTC too,
/// whatever its zone.
pub fn row_time(text: &Escaped<'_>) -> Option<ParsedTime> {
    let text = text.plain();
    let year = text.get(..4)?;
    if matches!(year, "0000" | "9999") { None } else { EventTime::parse(&text) }
}

/// A time.
pub fn as_time(value: Value<'_>) -> Option<ParsedTime> {
    row_time(&as_text(value)?)
}

/// A whole number that every language holds exactly: up to 2^53 − 1, on either side of 0.
pub fn as_int(value: Value<'_>) -> Option<i64> {
    let number: i64 = (value.kind() == Kind::Number).then(|| value.text().parse().ok()).flatten()?;
    (-INTEGER_MAX..=INTEGER_MAX).contains(&number).then_some(number)
}

/// A number's digits; a whole number may have more of them than a double holds, and is none then.
pub fn as_number(value: Value<'_>) -> Option<Number<'_>> {
    const DIGITS_FINITE: usize = f64::MAX_10_EXP as usize;
    let digits = (value.kind() == Kind::Number).then(|| value.text())?;
    let is_finite = digits.len() <= DIGITS_FINITE || digits.parse::<f64>().is_ok_and(f64::is_finite);
    is_finite.then(|| Number(digits.into()))
}

/// A flag.
pub fn as_bool(value: Value<'_>) -> Option<bool> {
    match value.text() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A git commit of 40 hex digits, lower-cased.
pub fn as_sha40(value: Value<'_>) -> Option<Escaped<'_>> {
    let text = value.escaped()?;
    let is_hex = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            Escaped::from_escaped(text.to_ascii_lowercase())
        } else {
            Escaped::from_escaped(text)
        }
    })
}

/// A string value, unless it is empty: an empty text is absent.
pub fn as_filled_text(value: Value<'_>) -> Option<Escaped<'_>> {
    as_text(value).filter(|text| !text.is_empty())
}

/// One item of a list of findings, facts or lessons as text: a string itself; of an object the member that holds its
/// text; anything else as canonical JSON. `null` and empty ones are no item.
pub fn item_text(item: Value<'_>) -> Option<Escaped<'_>> {
    const HOLDS_TEXT: [&str; 7] = ["text", "fact", "lesson", "summary", "claim", "finding", "description"];
    let text = match item.kind() {
        Kind::Null => return None,
        Kind::String => as_text(item)?,
        Kind::Object => match HOLDS_TEXT.iter().find_map(|key| item.get(key).and_then(as_filled_text)) {
            Some(text) => text,
            None => Escaped::from_plain(item.text()),
        },
        _ => Escaped::from_plain(item.text()),
    };
    (!text.is_empty()).then_some(text)
}

/// Joins texts with line feeds; `None` when there is none.
pub fn join_lines(lines: Vec<Escaped<'_>>) -> Option<Escaped<'_>> {
    let mut lines = lines.into_iter();
    let first = lines.next()?;
    let mut rest = lines.peekable();
    if rest.peek().is_none() {
        return Some(first);
    }
    let mut joined = first.escaped().to_owned();
    for line in rest {
        joined.push_str("\\n");
        joined.push_str(line.escaped());
    }
    Some(Escaped::from_escaped(joined))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
