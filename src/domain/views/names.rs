//! Texts that many rows share, each held once and known by a number.

use hashbrown::HashTable;

/// The number of a text, in the order in which texts came.
pub type Name = u32;

/// Texts, each held once. What a number is called does not depend on it, so nothing may be put in order by it.
#[derive(Debug, Default)]
pub struct Names {
    held: String,
    /// Where each ends.
    ends: Vec<u64>,
    numbers: HashTable<Name>,
}

impl Names {
    /// The number of a text.
    pub fn of(&mut self, text: &str) -> Name {
        let Self { held, ends, numbers } = self;
        let hashed = hash(text);
        let is = |number: &Name| held_text(held, ends, *number) == text;
        if let Some(known) = numbers.find(hashed, is) {
            return *known;
        }
        if numbers.len() == numbers.capacity() {
            grow(numbers, held, ends);
        }
        let number = ends.len() as Name;
        if held.capacity() - held.len() < text.len() {
            held.reserve_exact(more(held.len()).max(text.len()));
        }
        held.push_str(text);
        push(ends, held.len() as u64);
        let _ = numbers.insert_unique(hashed, number, |known| hash(held_text(held, ends, *known)));
        number
    }

    /// The text of a number.
    pub fn text(&self, name: Name) -> &str {
        held_text(&self.held, &self.ends, name)
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
        self.held.capacity() + self.ends.capacity() * 8 + self.numbers.allocation_size()
    }
}

/// Makes a table of twice the size. The texts one after the other are read much faster than in the order of the old table.
fn grow(numbers: &mut HashTable<Name>, held: &str, ends: &[u64]) {
    let mut grown = HashTable::with_capacity((ends.len() + 1).max(numbers.capacity() * 2));
    let mut from = 0;
    for (number, end) in (0..).zip(ends) {
        let text = held.get(from..*end as usize).unwrap_or_default();
        let _ = grown.insert_unique(hash(text), number, |_| 0);
        from = *end as usize;
    }
    *numbers = grown;
}

/// Folded multiplications, eight bytes a step: short texts take a few nanoseconds, where the hash of the standard library
/// was a twentieth of a first build.
fn hash(text: &str) -> u64 {
    const FACTOR: u128 = 0xa076_1d64_78bd_642f;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * FACTOR;
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let all = words.iter().fold(text.len() as u64, |state, word| mix(state, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(1, |word: u64, byte| word << 8 | u64::from(*byte));
    mix(mix(all, last), 0x9e37_79b9_7f4a_7c15)
}

fn held_text<'h>(held: &'h str, ends: &[u64], number: Name) -> &'h str {
    let number = number as usize;
    let from = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0) as usize;
    let to = ends.get(number).copied().unwrap_or(0) as usize;
    held.get(from..to).unwrap_or_default()
}

/// Pushes onto a list that may be long: it grows by an eighth, not to twice its size.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(more(list.len()));
    }
    list.push(item);
}

fn more(len: usize) -> usize {
    (len / 8).max(64)
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
