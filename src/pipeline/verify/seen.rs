//! Which rows a stream has had: 16 bytes a row, and a table of places.

use hashbrown::HashTable;

use crate::domain::schema::scalars::Sha256Hex;

/// Hashes of the rows of one stream. Half of a SHA-256 is kept: nobody can make two rows that agree in it.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Seen {
    hashes: HashTable<[u8; 16]>,
}

impl Seen {
    /// Notes a row; `false` when it was there already.
    pub(in crate::pipeline) fn insert(&mut self, sig_hash: &Sha256Hex) -> bool {
        let half = sig_hash.0.first_chunk::<16>().copied().unwrap_or_default();
        let place = |half: &[u8; 16]| half.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        match self.hashes.entry(place(&half), |other| *other == half, place) {
            hashbrown::hash_table::Entry::Occupied(_) => false,
            hashbrown::hash_table::Entry::Vacant(vacant) => {
                vacant.insert(half);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_once() {
        let mut seen = Seen::default();
        let hashes: Vec<_> = (0..5000_u32).map(|n| Sha256Hex::of(&n.to_le_bytes())).collect();
        assert!(hashes.iter().all(|hash| seen.insert(hash)));
        assert!(!hashes.iter().any(|hash| seen.insert(hash)));
    }
}
