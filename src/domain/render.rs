//! Writing one JSON object straight into a line of output, members in the order they are given.

use faster_hex::hex_append;

use super::canonical::push_escaped;
use super::schema::scalars::{Escaped, EventTime, Sha256Hex, TimeText};

/// An object being written; [`Object::end`] closes it.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Opens an object at the end of `out`.
    pub fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }

    /// How many bytes of the output are written.
    pub fn written(&self) -> usize {
        self.out.len()
    }

    /// Starts a member and gives the place its value goes to. Keys are plain ASCII names, known to the compiler: inlined, each
    /// is a few stores instead of a call.
    #[inline]
    pub fn key(&mut self, key: &str) -> &mut String {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// A string that is already escaped.
    pub fn text(&mut self, key: &str, value: &Escaped<'_>) {
        let out = self.key(key);
        push_quoted(out, value);
    }

    /// A plain string, escaped here.
    pub fn plain(&mut self, key: &str, value: &str) {
        let out = self.key(key);
        out.push('"');
        push_escaped(out, value);
        out.push('"');
    }

    /// A plain string that needs no escaping: a code or a name.
    pub fn code(&mut self, key: &str, value: &str) {
        let out = self.key(key);
        out.push('"');
        out.push_str(value);
        out.push('"');
    }

    /// A whole number.
    pub fn int(&mut self, key: &str, value: impl itoa::Integer) {
        self.key(key).push_str(itoa::Buffer::new().format(value));
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    /// A value that is JSON already: a number's digits, for one.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key).push_str(json);
    }

    /// The members of another object.
    pub fn members(&mut self, object: &str) {
        let members = object.get(1..object.len().saturating_sub(1)).unwrap_or_default();
        if !members.is_empty() {
            if !self.empty {
                self.out.push(',');
            }
            self.empty = false;
            self.out.push_str(members);
        }
    }

    /// A hash, in hex.
    pub fn hash(&mut self, key: &str, value: &Sha256Hex) {
        let out = self.key(key);
        out.push('"');
        push_hash(out, value);
        out.push('"');
    }

    /// An instant.
    pub fn time(&mut self, key: &str, value: EventTime) {
        self.time_text(key, &value.text());
    }

    /// An instant that is printed already.
    pub fn time_text(&mut self, key: &str, value: &TimeText) {
        let out = self.key(key);
        out.push('"');
        out.push_str(value.as_str());
        out.push('"');
    }

    /// An array of strings that are already escaped.
    pub fn texts<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a Escaped<'a>>) {
        self.array(key, values, |out, value| push_quoted(out, value));
    }

    /// An array of plain strings that need no escaping (codes, names).
    pub fn codes<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        self.array(key, values, |out, value| {
            out.push('"');
            out.push_str(value);
            out.push('"');
        });
    }

    /// An array, each item written by `write`.
    pub fn array<T>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut String, T),
    ) {
        let out = self.key(key);
        out.push('[');
        for (position, value) in values.into_iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            write(out, value);
        }
        out.push(']');
    }

    /// An object inside this one.
    pub fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        let mut inner = Object::new(self.key(key));
        write(&mut inner);
        inner.end();
    }
}

fn push_quoted(out: &mut String, value: &Escaped<'_>) {
    out.push('"');
    out.push_str(value.escaped());
    out.push('"');
}

/// Appends a hash as 64 lower-case hex digits.
pub fn push_hash(out: &mut String, hash: &Sha256Hex) {
    hex_append(&hash.0, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_as_json() {
        let mut out = String::new();
        let mut object = Object::new(&mut out);
        object.int("a", -12);
        object.plain("b", "x\n\"y\"");
        object.bool("c", true);
        object.codes("d", ["p", "q"]);
        object.object("e", |inner| inner.int("zero", 0));
        object.time("f", EventTime::EPOCH);
        object.hash("g", &Sha256Hex([0xab; 32]));
        object.members("{}");
        object.members(r#"{"h":1,"i":[]}"#);
        object.end();
        let expected = format!(
            r#"{{"a":-12,"b":"x\n\"y\"","c":true,"d":["p","q"],"e":{{"zero":0}},"f":"1970-01-01T00:00:00.000Z","g":"{}","h":1,"i":[]}}"#,
            "ab".repeat(32)
        );
        assert_eq!(out, expected);
    }
}
