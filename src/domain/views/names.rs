//! Texts that many rows share, each held once and known by a number.

use hashbrown::HashTable;

/// The number of a text, in the order in which texts came.
pub type Name = u32;

/// Texts, each held once. What a number is called does not depend on it, so nothing may be put in order by it.
#[derive(Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u64>,
    numbers: HashTable<Name>,
}

impl Names {
    /// The number of a text.
    pub fn of(&mut self, text: &str) -> Name {
        self.of_bytes(text.as_bytes())
    }

    /// The number of some bytes.
    pub(super) fn of_bytes(&mut self, bytes: &[u8]) -> Name {
        let Self { bytes: held, ends, numbers } = self;
        let is = |number: &Name| held_bytes(held, ends, *number) == bytes;
        let hashed = hash(bytes);
        if let Some(known) = numbers.find(hashed, is) {
            return *known;
        }
        let number = ends.len() as Name;
        reserve(held, bytes.len());
        held.extend_from_slice(bytes);
        push(ends, held.len() as u64);
        let _ = numbers.insert_unique(hashed, number, |known| hash(held_bytes(held, ends, *known)));
        number
    }

    /// The text of a number.
    pub fn text(&self, name: Name) -> &str {
        // Looked at once more, each time: the library's own way took a seventh of the lines of runs.
        simdutf8::basic::from_utf8(self.bytes(name)).unwrap_or_default()
    }

    /// The bytes of a number; of texts, in the order of the texts.
    pub fn bytes(&self, name: Name) -> &[u8] {
        held_bytes(&self.bytes, &self.ends, name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 8 + self.numbers.allocation_size()
    }
}

/// Folded multiplications, eight bytes a step: short texts take a few nanoseconds, where the hash of the standard library
/// was a twentieth of a first build.
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u128 = 0xa076_1d64_78bd_642f;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * FACTOR;
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let all = words.iter().fold(bytes.len() as u64, |state, word| mix(state, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(1, |word: u64, byte| word << 8 | u64::from(*byte));
    mix(mix(all, last), 0x9e37_79b9_7f4a_7c15)
}

fn held_bytes<'h>(held: &'h [u8], ends: &[u64], number: Name) -> &'h [u8] {
    let number = number as usize;
    let from = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    let to = ends.get(number).copied().unwrap_or(0) as usize;
    held.get(from..to).unwrap_or_default()
}

/// Pushes onto a list that may be long: it grows by an eighth, not to twice its size.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) {
    reserve(list, 1);
    list.push(item);
}

fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8).max(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_once_and_found_again() {
        let mut names = Names::default();
        let texts: Vec<String> = (0..1000).map(|number| format!("text {}", number * 7)).collect();
        let numbers: Vec<Name> = texts.iter().map(|text| names.of(text)).collect();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        assert_eq!(texts.iter().map(|text| names.of(text)).collect::<Vec<_>>(), numbers);
        assert_eq!(numbers.iter().map(|number| names.text(*number)).collect::<Vec<_>>(), texts);
        let empty = names.of("");
        assert_eq!((names.text(empty), names.len()), ("", 1001));
    }
}
