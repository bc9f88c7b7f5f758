//! Maps whose keys are hashes already.

use std::hash::{BuildHasherDefault, Hasher};

/// A map by key. Its order is never looked at.
pub type KeyMap<V> = hashbrown::HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

/// A set of keys. Its order is never looked at.
pub type KeySet = hashbrown::HashSet<u64, BuildHasherDefault<KeyHasher>>;

/// Spreads a number over all bits: keys are hashes, but places and pull requests are small numbers.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// The hash of a key, for tables that hold places.
#[inline]
pub fn spread(key: u64) -> u64 {
    let mut hasher = KeyHasher::default();
    hasher.write_u64(key);
    hasher.finish()
}
