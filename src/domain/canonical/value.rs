//! Looking into a canonical row: its values, members and items, each a slice of its text.

use sha2::{Digest, Sha256};

use super::text::unescape;

/// What a node of a [`Doc`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string, also a key.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Canonical text of the value: `[start, end)`.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Index of the first node behind this value's own nodes.
    pub(super) next: u32,
}

/// One row in canonical form, borrowed from the [`Parser`](super::Parser).
#[derive(Debug, Clone, Copy)]
pub struct Doc<'a> {
    text: &'a str,
    nodes: &'a [Node],
}

/// One value in a [`Doc`].
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    doc: Doc<'a>,
    index: u32,
}

impl<'a> Doc<'a> {
    /// What a parser left behind: the canonical text and the nodes that point into it.
    pub(super) fn new(text: &'a str, nodes: &'a [Node]) -> Self {
        Self { text, nodes }
    }

    /// The canonical text of the whole row.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// SHA-256 of the canonical text: the row's `sig_hash`.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// The longest string among the members of the outermost object, still escaped.
    pub fn longest_string(&self) -> Option<&'a str> {
        self.root().members().filter_map(|(_, value)| value.escaped()).max_by_key(|escaped| escaped.len())
    }

    /// The outermost value.
    pub fn root(self) -> Value<'a> {
        Value { doc: self, index: 0 }
    }
}

impl<'a> Value<'a> {
    fn node(self) -> Node {
        self.doc.nodes[self.index as usize]
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The canonical text of the value.
    pub fn text(self) -> &'a str {
        let node = self.node();
        &self.doc.text[node.start as usize..node.end as usize]
    }

    /// A string's inside, still escaped; `None` for other kinds.
    pub fn escaped(self) -> Option<&'a str> {
        (self.kind() == Kind::String).then(|| {
            let text = self.text();
            &text[1..text.len() - 1]
        })
    }

    /// The value behind `key` (given unescaped, ASCII); `None` when there is none or this is no object.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        let node = self.node();
        if node.kind != Kind::Object {
            return None;
        }
        let mut at = self.index + 1;
        while at < node.next {
            let name = self.doc.nodes[at as usize];
            // Lengths tell most keys apart before any text is looked at; a row's fields are asked for one by one.
            if (name.end - name.start) as usize == key.len() + 2
                && self.doc.text.as_bytes()[name.start as usize + 1..name.end as usize - 1] == *key.as_bytes()
            {
                return Some(Value { doc: self.doc, index: name.next });
            }
            at = self.doc.nodes[name.next as usize].next;
        }
        None
    }

    /// The members of an object, keys still escaped, in canonical order; empty for other kinds.
    pub fn members(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let node = self.node();
        let mut at = self.index + 1;
        let end = if node.kind == Kind::Object { node.next } else { at };
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let key = self.doc.nodes[at as usize];
            let value = Value { doc: self.doc, index: key.next };
            at = value.node().next;
            Some((&self.doc.text[key.start as usize + 1..key.end as usize - 1], value))
        })
    }

    /// The items of an array; empty for other kinds.
    pub fn items(self) -> impl Iterator<Item = Value<'a>> {
        let node = self.node();
        let mut at = self.index + 1;
        let end = if node.kind == Kind::Array { node.next } else { at };
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let value = Value { doc: self.doc, index: at };
            at = value.node().next;
            Some(value)
        })
    }

    /// The value at an RFC 6901 JSON pointer.
    pub fn pointer(self, pointer: &str) -> Option<Value<'a>> {
        let mut value = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            value = match value.kind() {
                Kind::Object => value.members().find(|(key, _)| unescape(key) == token.as_str())?.1,
                Kind::Array => value.items().nth(array_index(&token)?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// An index as RFC 6901 writes it: digits, without a leading zero.
fn array_index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    plain.then(|| token.parse().ok()).flatten()
}
