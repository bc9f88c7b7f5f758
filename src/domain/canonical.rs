//! Rows as RFC 8785 canonical JSON: one pass parses, refuses and canonicalises.
//!
//! [`Parser::parse`] reads the bytes of one row and leaves behind a [`Doc`]: the canonical text, and a flat list of
//! nodes that point into it. Nothing is copied into a tree; a field of a row is a slice of the canonical text.
//! One deviation from RFC 8785 is deliberate: an integer without fraction or exponent keeps its digits, however many.

#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "offsets come from the scan of the same buffer"
)]

mod sort;
mod text;
mod value;

use sort::Member;
pub(super) use text::plain_prefix;
use text::push_escaped_char;
pub use text::{hash_unescaped, push_escaped, unescape};
use value::Node;
pub use value::{Doc, Kind, Value};

/// The deepest nesting a row may have; the next level is refused, as `serde_json` does.
pub const DEPTH_MAX: usize = 127;

/// Why bytes are not a row, with the byte (from the start of the row) where that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The kind of trouble.
    pub kind: FaultKind,
    /// Byte offset within the row.
    pub at: usize,
}

/// The kinds of trouble the bytes of a row can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Not UTF-8, or an escaped surrogate without its partner.
    Utf8,
    /// A raw control byte.
    Control,
    /// Nested deeper than [`DEPTH_MAX`].
    Depth,
    /// `NaN`, an infinity, a number beyond the range of a double, or a malformed number.
    Number,
    /// Something after the value.
    Trailing,
    /// A key twice in one object.
    DuplicateKey,
    /// Any other breach of the JSON grammar.
    Json,
}

/// A reusable parser; its buffers grow to the largest row seen.
#[derive(Debug, Default)]
pub struct Parser {
    text: String,
    nodes: Vec<Node>,
    scratch_text: String,
    scratch_nodes: Vec<Node>,
    members: Vec<Member>,
}

impl Parser {
    /// Parses one row: any JSON value with optional white space around it.
    pub fn parse(&mut self, row: &[u8]) -> Result<Doc<'_>, Fault> {
        let Ok(row) = simdutf8::basic::from_utf8(row) else {
            let at = std::str::from_utf8(row).err().map_or(0, |e| e.valid_up_to());
            return Err(Fault { kind: FaultKind::Utf8, at });
        };
        self.text.clear();
        self.nodes.clear();
        self.members.clear();
        let mut scan = Scan { row, bytes: row.as_bytes(), at: 0, out: self };
        scan.value(0)?;
        scan.space();
        if scan.at < row.len() {
            // A raw control byte is the more telling reason than what stands around it.
            let kind = if is_control(scan.bytes[scan.at]) { FaultKind::Control } else { FaultKind::Trailing };
            return Err(Fault { kind, at: scan.at });
        }
        Ok(Doc::new(&self.text, &self.nodes))
    }
}

struct Scan<'r, 'o> {
    row: &'r str,
    bytes: &'r [u8],
    at: usize,
    out: &'o mut Parser,
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

impl Scan<'_, '_> {
    fn fault<T>(&self, kind: FaultKind) -> Result<T, Fault> {
        Err(Fault { kind, at: self.at })
    }

    /// A fault of the grammar, unless a raw control byte stands there.
    fn unexpected<T>(&self) -> Result<T, Fault> {
        let control = self.bytes.get(self.at).is_some_and(|b| is_control(*b));
        self.fault(if control { FaultKind::Control } else { FaultKind::Json })
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn open(&mut self, kind: Kind) -> usize {
        let start = self.out.text.len() as u32;
        self.out.nodes.push(Node { kind, start, end: start, next: 0 });
        self.out.nodes.len() - 1
    }

    fn close(&mut self, node: usize) {
        let next = self.out.nodes.len() as u32;
        let end = self.out.text.len() as u32;
        let node = &mut self.out.nodes[node];
        node.end = end;
        node.next = next;
    }

    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        self.space();
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Kind::Bool),
            Some(b'f') => self.word("false", Kind::Bool),
            Some(b'n') => self.word("null", Kind::Null),
            Some(b'N' | b'I') if self.starts("NaN") || self.starts("Infinity") => {
                self.fault(FaultKind::Number)
            }
            _ => self.unexpected(),
        }
    }

    fn starts(&self, word: &str) -> bool {
        self.bytes[self.at..].starts_with(word.as_bytes())
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Fault> {
        if !self.starts(word) {
            return self.unexpected();
        }
        let node = self.open(kind);
        self.out.text.push_str(word);
        self.at += word.len();
        self.close(node);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return self.fault(FaultKind::Depth);
        }
        let node = self.open(Kind::Array);
        self.out.text.push('[');
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
        } else {
            loop {
                self.value(depth)?;
                self.space();
                match self.bytes.get(self.at) {
                    Some(b',') => {
                        self.out.text.push(',');
                        self.at += 1;
                    }
                    Some(b']') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.unexpected(),
                }
            }
        }
        self.out.text.push(']');
        self.close(node);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return self.fault(FaultKind::Depth);
        }
        let object_at = self.at;
        let node = self.open(Kind::Object);
        let first_member = self.out.members.len();
        self.out.text.push('{');
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
        } else {
            loop {
                self.space();
                if self.bytes.get(self.at) != Some(&b'"') {
                    return self.unexpected();
                }
                self.member(depth)?;
                match self.bytes.get(self.at) {
                    Some(b',') => {
                        self.out.text.push(',');
                        self.at += 1;
                    }
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.unexpected(),
                }
            }
        }
        self.out.text.push('}');
        self.close(node);
        let sorted = self.out.sort_members(node, first_member);
        self.out.members.truncate(first_member);
        sorted.map_err(|()| Fault { kind: FaultKind::DuplicateKey, at: object_at })
    }

    /// `"key" : value` and the white space behind it.
    fn member(&mut self, depth: usize) -> Result<(), Fault> {
        let node = self.out.nodes.len() as u32;
        self.string()?;
        let key = self.out.nodes[node as usize];
        let text = &self.out.text.as_bytes()[key.start as usize + 1..key.end as usize - 1];
        let mut lead = [0; 8];
        let taken = text.len().min(8);
        lead[..taken].copy_from_slice(&text[..taken]);
        self.out.members.push(Member { lead: u64::from_be_bytes(lead), node });
        self.space();
        if self.bytes.get(self.at) != Some(&b':') {
            return self.unexpected();
        }
        self.out.text.push(':');
        self.at += 1;
        self.value(depth)?;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        let node = self.open(Kind::String);
        // Bytes [copied, at) are canonical as they stand and go over in one piece; so do the two-byte escapes.
        let mut copied = self.at;
        self.at += 1;
        loop {
            self.at += plain_prefix(&self.bytes[self.at..]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    self.out.text.push_str(&self.row[copied..self.at]);
                    self.close(node);
                    return Ok(());
                }
                Some(b'\\') => match self.bytes.get(self.at + 1) {
                    Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                    Some(b'/') => {
                        self.out.text.push_str(&self.row[copied..self.at]);
                        copied = self.at + 1;
                        self.at += 2;
                    }
                    Some(b'u') => {
                        self.out.text.push_str(&self.row[copied..self.at]);
                        let decoded = self.unicode_escape()?;
                        push_escaped_char(&mut self.out.text, decoded);
                        copied = self.at;
                    }
                    _ => return self.unexpected(),
                },
                Some(_) => return self.fault(FaultKind::Control),
                None => return self.unexpected(),
            }
        }
    }

    /// Reads `\uXXXX`, or a surrogate pair of two of them.
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF if self.bytes[self.at..].starts_with(b"\\u") => {
                let second = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(Fault { kind: FaultKind::Utf8, at: start });
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(Fault { kind: FaultKind::Utf8, at: start })
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let Some(digits) = self.bytes.get(self.at + 2..self.at + 6) else { return self.unexpected() };
        let mut code = 0;
        for digit in digits {
            let Some(value) = char::from(*digit).to_digit(16) else { return self.unexpected() };
            code = code * 16 + value;
        }
        self.at += 6;
        Ok(code)
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let negative = self.bytes[start] == b'-';
        self.at += usize::from(negative);
        let whole_from = self.at;
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.bytes[whole_from] == b'0') {
            return Err(Fault { kind: FaultKind::Number, at: start });
        }
        let mut fraction = 0;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            fraction = self.digits();
            if fraction == 0 {
                return Err(Fault { kind: FaultKind::Number, at: start });
            }
        }
        let decimal_end = self.at;
        let exponent = matches!(self.bytes.get(self.at), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(Fault { kind: FaultKind::Number, at: start });
            }
        }
        let node = self.open(Kind::Number);
        let token = &self.row[start..self.at];
        if fraction == 0 && !exponent {
            self.out.text.push_str(if token == "-0" { "0" } else { token });
        } else if !exponent && whole + fraction <= 15 && self.bytes[whole_from] != b'0' {
            // At most 15 significant digits survive the way through a double, so the shortest form is the token
            // itself without the zeros at its end (it is at least 1, so no exponent is due either).
            let short = self.row[start..decimal_end].trim_end_matches('0').trim_end_matches('.');
            self.out.text.push_str(short);
        } else {
            let double: f64 = token.parse().map_err(|_| Fault { kind: FaultKind::Number, at: start })?;
            if !double.is_finite() {
                return Err(Fault { kind: FaultKind::Number, at: start });
            }
            self.out.text.push_str(ryu_js::Buffer::new().format_finite(double));
        }
        self.close(node);
        Ok(())
    }
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "canonical_laws.rs"]
mod laws;
