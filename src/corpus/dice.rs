//! The one source of chance. Only 64-bit draws, so that every machine sees the same corpus.

/// A seeded generator with the few questions a story asks.
#[derive(Debug)]
pub(crate) struct Dice(fastrand::Rng);

/// A text ends at the first fragment that passes its length, so this leaves room below 8 KiB.
const TEXT_BYTES_MAX: u64 = 7_600;

/// Sixteenths of a spread that is roughly log-normal, in bytes: half of all texts are under 950.
const TEXT_BYTES: [u64; 17] = [
    200,
    270,
    340,
    420,
    500,
    590,
    700,
    820,
    950,
    1_100,
    1_300,
    1_550,
    1_850,
    2_300,
    3_000,
    4_400,
    TEXT_BYTES_MAX,
];

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number from 0 up to, not including, `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end.max(1))
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True `per_cent` times in a hundred.
    pub(crate) fn often(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(items.len() as u64);
        items.get(usize::try_from(index).unwrap_or(0))
    }

    /// One of `words`, or nothing of none.
    pub(crate) fn word<'a>(&mut self, words: &[&'a str]) -> &'a str {
        self.pick(words).copied().unwrap_or_default()
    }

    pub(crate) fn push_hex(&mut self, buffer: &mut String, digits: usize) {
        let mut left = digits;
        while left > 0 {
            let mut bits = self.0.u64(..);
            for _ in 0..left.min(16) {
                let nibble = u32::try_from(bits & 15).unwrap_or(0);
                buffer.push(char::from_digit(nibble, 16).unwrap_or('0'));
                bits >>= 4;
            }
            left = left.saturating_sub(16);
        }
    }

    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits);
        self.push_hex(&mut text, digits);
        text
    }

    /// A length for a text in bytes, 200 to 7,600 at a `scale` of 100, never more.
    pub(crate) fn text_bytes(&mut self, scale: u64) -> usize {
        let step = usize::try_from(self.below(16)).unwrap_or(0);
        let low = TEXT_BYTES.get(step).copied().unwrap_or(200);
        let high = TEXT_BYTES.get(step + 1).copied().unwrap_or(low);
        usize::try_from((self.between(low, high) * scale / 100).min(TEXT_BYTES_MAX)).unwrap_or(200)
    }
}
