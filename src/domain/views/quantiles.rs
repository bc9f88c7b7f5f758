//! Quantiles of whole numbers in a bounded space: log-linear buckets, 64 to a power of two.
//!
//! Two sketches of any parts of the numbers add up to the sketch of all of them, whatever the order.

/// A power of two is cut into two to this many buckets.
const SUB_BITS: u32 = 6;

/// How many numbers fell into which bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quantiles {
    /// Up to the last that has any: 3,776 at most.
    buckets: Vec<u32>,
    count: u64,
}

impl Quantiles {
    /// A quantile is off by at most this share of the true one: half a bucket's width.
    pub const RELATIVE_ERROR: f64 = 1.0 / 128.0;

    /// Adds a number.
    pub fn add(&mut self, number: u64) {
        let at = bucket(number) as usize;
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(at) {
            *count += 1;
            self.count += 1;
        }
    }

    /// Takes out a number that was added.
    pub fn remove(&mut self, number: u64) {
        if let Some(count) = self.buckets.get_mut(bucket(number) as usize).filter(|count| **count > 0) {
            *count -= 1;
            self.count -= 1;
            let used = self.buckets.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
            self.buckets.truncate(used);
        }
    }

    /// Memory that they take, in bytes.
    pub fn memory(&self) -> usize {
        self.buckets.capacity() * size_of::<u32>()
    }

    /// Adds everything that another sketch has seen.
    pub fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.count += other.count;
    }

    /// The number that `percent` of the numbers stay within (the nearest rank); `None` when none was added.
    pub fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        let reaches = |count: &u32| {
            seen += u128::from(*count);
            seen >= rank
        };
        self.buckets.iter().position(reaches).map(|bucket| middle(bucket as u64))
    }
}

/// The bucket of a number: itself below 128; above, the power of two and the next six bits.
fn bucket(number: u64) -> u64 {
    let exact_below = 1 << (SUB_BITS + 1);
    if number < exact_below {
        return number;
    }
    let shift = number.ilog2() - SUB_BITS;
    (u64::from(shift) << SUB_BITS) + (number >> shift)
}

/// The middle of a bucket.
fn middle(bucket: u64) -> f64 {
    let exact_below = 1 << (SUB_BITS + 1);
    if bucket < exact_below {
        return bucket as f64;
    }
    let shift = (bucket >> SUB_BITS) - 1;
    let lowest = (bucket - (shift << SUB_BITS)) << shift;
    lowest as f64 + ((1_u64 << shift) - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_number_lies_near_the_middle_of_its_bucket() {
        let powers = (0..64).flat_map(|power| [(1_u64 << power) - 1, 1 << power, (1 << power) + 1]);
        for number in powers.chain([u64::MAX, u64::MAX - 1, 3_000_001, 999_999_999]) {
            let off = (middle(bucket(number)) - number as f64).abs();
            assert!(off <= number as f64 * Quantiles::RELATIVE_ERROR, "{number} is off by {off}");
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_bound_and_parts_add_up(
            mut numbers in proptest::collection::vec(0_u64..10_000_000_000, 1..200),
            cut in 0_usize..200,
            percent in 1_u64..=100,
        ) {
            let mut parts = [Quantiles::default(), Quantiles::default()];
            let mut whole = Quantiles::default();
            for (place, number) in numbers.iter().enumerate() {
                parts[usize::from(place >= cut)].add(*number);
                whole.add(*number);
            }
            let [mut merged, behind] = parts;
            merged.merge(&behind);
            prop_assert_eq!(&merged, &whole);
            for number in numbers.iter().take(cut) {
                merged.remove(*number);
            }
            let mut rest = Quantiles::default();
            numbers.iter().skip(cut).for_each(|number| rest.add(*number));
            prop_assert_eq!(&merged, &rest);
            numbers.sort_unstable();
            let rank = (numbers.len() * percent as usize).div_ceil(100);
            let exact = numbers[rank - 1] as f64;
            let found = whole.percentile(percent).unwrap();
            prop_assert!((found - exact).abs() <= exact * Quantiles::RELATIVE_ERROR, "{} for {}", found, exact);
        }
    }
}
