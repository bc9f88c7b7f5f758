//! What is noted many times and read once: entries one behind the other, put in order when they are asked for.

/// From so many entries on what was noted twice is taken out before the end.
const TIDY_MIN: usize = 1 << 16;

/// Values by key; of several for one key the greatest counts.
#[derive(Debug)]
pub(super) struct Latest<K, V> {
    all: Vec<(K, V)>,
    tidy_at: usize,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self { all: Vec::new(), tidy_at: TIDY_MIN }
    }
}

impl<K: Ord + Copy, V: Ord + Copy> Latest<K, V> {
    /// Notes a value.
    pub(super) fn note(&mut self, key: K, value: V) {
        self.all.push((key, value));
        if self.all.len() >= self.tidy_at {
            self.tidy();
            self.tidy_at = TIDY_MIN.max(self.all.len() * 2);
        }
    }

    /// Each key with its greatest value, by key.
    pub(super) fn into_sorted(mut self) -> Vec<(K, V)> {
        self.tidy();
        self.all
    }

    fn tidy(&mut self) {
        self.all.sort_unstable();
        self.all.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                *kept = *later;
            }
            same
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_key_the_greatest_value_is_kept_however_many_there_are() {
        let mut latest = Latest::default();
        for n in 0..3 * TIDY_MIN as u64 {
            latest.note(n % 7, n);
        }
        assert!(latest.all.len() <= TIDY_MIN);
        let last = 3 * TIDY_MIN as u64 - 1;
        let expected: Vec<_> = (0..7).map(|key| (key, last - (last - key) % 7)).collect();
        assert_eq!(latest.into_sorted(), expected);
    }
}
