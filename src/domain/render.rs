//! Writing one JSON object straight into a line of output, members in the order they are given.

use super::canonical::push_escaped;
use super::schema::scalars::{Escaped, EventTime, Sha256Hex};

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

    /// Starts a member and gives the place its value goes to. Keys are plain ASCII names.
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

    /// A whole number.
    pub fn int(&mut self, key: &str, value: impl Into<i128>) {
        let out = self.key(key);
        push_int(out, value.into());
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    /// A value that is JSON already: a number's digits, for one.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key).push_str(json);
    }

    /// A hash, in hex.
    pub fn hash(&mut self, key: &str, value: &Sha256Hex) {
        let out = self.key(key);
        out.push('"');
        push_hex(out, &value.0);
        out.push('"');
    }

    /// An instant.
    pub fn time(&mut self, key: &str, value: EventTime) {
        let out = self.key(key);
        out.push('"');
        value.push_to(out);
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

/// Appends a whole number in decimal digits.
pub fn push_int(out: &mut String, value: i128) {
    // Forty digits and a sign hold any i128; no allocation, unlike `to_string`.
    let mut digits = [0_u8; 40];
    let mut left = value.unsigned_abs();
    let mut from = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
        from -= 1;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    digits.iter().skip(from).for_each(|digit| out.push(char::from(*digit)));
}

/// Appends bytes as lower-case hex digits.
pub fn push_hex(out: &mut String, bytes: &[u8]) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
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
        object.end();
        let expected = format!(
            r#"{{"a":-12,"b":"x\n\"y\"","c":true,"d":["p","q"],"e":{{"zero":0}},"f":"1970-01-01T00:00:00.000Z","g":"{}"}}"#,
            "ab".repeat(32)
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_print_all_their_digits() {
        for value in [0, 7, 10, -1, i128::from(u64::MAX), i128::MIN, i128::MAX] {
            let mut out = String::new();
            push_int(&mut out, value);
            assert_eq!(out, value.to_string());
        }
    }
}
