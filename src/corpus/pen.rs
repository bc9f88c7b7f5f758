//! Writes one row at a time into a buffer that is used again and again.
//!
//! Commas need no state: a member or item is the first exactly when the buffer ends in `{` or `[`.

use super::dice::Dice;
use super::shelf::{Kind, Shelf};
use super::stream::Spelling;
use super::time::{Millis, Stamp, push_padded, push_time};

/// The row under way, and what it is made from.
#[derive(Debug)]
pub(crate) struct Pen {
    pub(crate) dice: Dice,
    shelf: Shelf,
    row: String,
    spelling: Spelling,
}

impl Pen {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), shelf: Shelf::new(), row: String::new(), spelling: Spelling::Compact }
    }

    pub(crate) fn begin(&mut self, spelling: Spelling) {
        self.spelling = spelling;
        self.row.clear();
        self.row.push('{');
    }

    pub(crate) fn end(&mut self) {
        self.row.push('}');
    }

    pub(crate) fn row(&self) -> &str {
        &self.row
    }

    /// Begins a member; its value must follow.
    pub(crate) fn key(&mut self, name: &str) {
        self.item();
        self.row.push('"');
        self.row.push_str(name);
        self.row.push_str(if self.spelling == Spelling::Python { "\": " } else { "\":" });
    }

    /// Begins an item of an array; its value must follow.
    pub(crate) fn item(&mut self) {
        if !self.row.ends_with(['{', '[']) {
            self.row.push_str(if self.spelling == Spelling::Python { ", " } else { "," });
        }
    }

    /// Appends JSON as it stands.
    pub(crate) fn json(&mut self, json: &str) {
        self.row.push_str(json);
    }

    /// A string member whose value needs no escapes: ids, paths, words.
    pub(crate) fn str(&mut self, name: &str, value: &str) {
        self.key(name);
        self.quoted(value);
    }

    /// A string item whose value needs no escapes.
    pub(crate) fn str_item(&mut self, value: &str) {
        self.item();
        self.quoted(value);
    }

    fn quoted(&mut self, value: &str) {
        self.row.push('"');
        self.row.push_str(value);
        self.row.push('"');
    }

    pub(crate) fn num(&mut self, name: &str, value: u64) {
        self.key(name);
        push_padded(&mut self.row, value, 1);
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.key(name);
        self.row.push_str(if value { "true" } else { "false" });
    }

    pub(crate) fn literal(&mut self, name: &str, json: &str) {
        self.key(name);
        self.row.push_str(json);
    }

    pub(crate) fn time(&mut self, name: &str, at: Millis) {
        self.key(name);
        let stamp = match self.dice.below(24) {
            0 => Stamp::Micros(self.dice.below(1_000)),
            1 => Stamp::East,
            _ => Stamp::Millis,
        };
        self.row.push('"');
        push_time(&mut self.row, at, stamp);
        self.row.push('"');
    }

    /// Appends a decimal `whole.fraction` made of digits, never of a binary float.
    pub(crate) fn decimal(&mut self, whole: u64, fraction_digits: u32) {
        push_padded(&mut self.row, whole, 1);
        self.row.push('.');
        let end = 10_u64.pow(fraction_digits.clamp(1, 18));
        let fraction = self.dice.below(end);
        push_padded(&mut self.row, fraction, fraction_digits.clamp(1, 18));
    }

    /// A member in [0, 1): two digits as a rule, all of them now and then.
    pub(crate) fn fraction(&mut self, name: &str) {
        self.key(name);
        match self.dice.below(20) {
            0 => self.json("0.1"),
            1 => self.json("1e-7"),
            2 => self.decimal(0, 16),
            3 => self.json("1"),
            _ => self.decimal(0, 2),
        }
    }

    /// A string member of which the text follows in pieces.
    pub(crate) fn open_text(&mut self, name: &str) {
        self.key(name);
        self.row.push('"');
    }

    pub(crate) fn close_text(&mut self) {
        self.row.push('"');
    }

    /// Appends text that needs no escapes inside an open string.
    pub(crate) fn plain(&mut self, text: &str) {
        self.row.push_str(text);
    }

    pub(crate) fn number(&mut self, value: u64) {
        push_padded(&mut self.row, value, 1);
    }

    /// Appends one fragment of the shelf inside an open string.
    pub(crate) fn fragment(&mut self, kind: Kind) {
        self.shelf.push(kind, self.spelling, &mut self.dice, &mut self.row);
    }

    /// A string member of one fragment.
    pub(crate) fn say(&mut self, name: &str, kind: Kind) {
        self.open_text(name);
        self.fragment(kind);
        self.close_text();
    }

    /// A string item of one fragment.
    pub(crate) fn say_item(&mut self, kind: Kind) {
        self.item();
        self.row.push('"');
        self.fragment(kind);
        self.row.push('"');
    }

    /// An array member of `count` fragments, each a string.
    pub(crate) fn say_list(&mut self, name: &str, kind: Kind, count: u64) {
        self.literal(name, "[");
        for _ in 0..count {
            self.say_item(kind);
        }
        self.json("]");
    }

    /// An array member of words that need no escapes.
    pub(crate) fn words(&mut self, name: &str, words: &[&str]) {
        self.literal(name, "[");
        for word in words {
            self.str_item(word);
        }
        self.json("]");
    }

    pub(crate) fn hex(&mut self, name: &str, digits: usize) {
        self.open_text(name);
        self.dice.push_hex(&mut self.row, digits);
        self.close_text();
    }

    /// Bytes written of this row so far.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }
}
