//! Tables of places by hash.
//!
//! A table is in parts, so that none of them is large: one that grows is looked up again row by row, and only that one; and when
//! many rows come at once each part is filled by itself, from a list of its own, so that all that it touches is in the
//! processor's cache. Row by row in the order in which they were committed, nearly every access is to another page: by
//! profile some 200 ns a row and table for 3,000,000 rows, and 30 ns this way.

use hashbrown::HashTable;

use super::rows::Place;

/// Places by the hash of what their rows are found by.
#[derive(Debug)]
pub struct Places {
    parts: Vec<HashTable<Place>>,
}

/// So many parts at least.
const PARTS_MIN: usize = 64;
/// Rows of a part that many rows are put into at once. A table of 2^13 holds 7,168, and is nearly full so: 6 B a row.
const PART_ROWS: usize = 6_800;
/// A hash in the list of a part: its lowest bits are the place in a table of the part, the upper ones tell rows apart there.
const LOW_BITS: u32 = 25;

impl Default for Places {
    fn default() -> Self {
        Self::of_parts(PARTS_MIN)
    }
}

impl Places {
    fn of_parts(parts: usize) -> Self {
        Self { parts: (0..parts).map(|_| HashTable::new()).collect() }
    }

    /// The place of a hash that is the one that is meant.
    pub fn find(&self, hash: u64, mut is: impl FnMut(Place) -> bool) -> Option<Place> {
        self.parts.get(part_of(hash, self.parts.len()))?.find(hash, |place| is(*place)).copied()
    }

    /// Puts in a place that is not there.
    pub fn insert(&mut self, hash: u64, place: Place, hash_of: impl Fn(Place) -> u64) {
        let part = part_of(hash, self.parts.len());
        if let Some(part) = self.parts.get_mut(part) {
            part.insert_unique(hash, place, |place| hash_of(*place));
        }
    }

    /// A table of rows of which no two are the same.
    pub fn of_all(rows: usize, hash_of: impl Fn(Place) -> Option<u64>) -> Self {
        let lists = Lists::of(rows, rows, hash_of);
        let table = |list: &[(u32, Place)]| {
            let mut table = HashTable::with_capacity(list.len());
            for (short, place) in list {
                table.insert_unique(long(*short), *place, |_| 0);
            }
            table
        };
        Self { parts: lists.iter().map(table).collect() }
    }

    /// A table of the first of each set of rows that are the same, and for each other row the first one beside it. `most` is
    /// how many rows have a hash at most.
    pub(super) fn of_first(
        rows: usize,
        most: usize,
        hash_of: impl Fn(Place) -> Option<u64>,
        same: impl Fn(Place, Place) -> bool,
    ) -> (Self, Vec<(Place, Place)>) {
        let lists = Lists::of(if most == 0 { 0 } else { rows }, most, &hash_of);
        let mut others = Vec::new();
        let mut seen = vec![false; 1 << 16];
        let table = |list: &[(u32, Place)]| {
            let mut table = HashTable::<Place>::with_capacity(list.len());
            seen.fill(false);
            for (short, place) in list {
                let hash = long(*short);
                // Most rows are the first, and one in twenty of them looks as if it were not: the table is not asked for
                // the others, and no row that is not in the cache.
                let may_be_other =
                    seen.get_mut((short >> 16) as usize).is_some_and(|seen| std::mem::replace(seen, true));
                let first = if may_be_other { table.find(hash, |first| same(*first, *place)) } else { None };
                if let Some(first) = first {
                    others.push((*first, *place));
                } else {
                    table.insert_unique(hash, *place, |_| 0);
                }
            }
            if table.len() < list.len() / 2 {
                table.shrink_to_fit(|place| hash_of(*place).unwrap_or(0));
            }
            table
        };
        (Self { parts: lists.iter().map(table).collect() }, others)
    }
}

/// The part of a hash. A table looks at the lowest and the seven highest bits, so those between are taken.
fn part_of(hash: u64, parts: usize) -> usize {
    let middle = u64::from((hash >> 16) as u32);
    ((middle * parts as u64) >> 32) as usize
}

fn short(hash: u64) -> u32 {
    (hash & ((1 << LOW_BITS) - 1)) as u32 | ((hash >> 57) as u32) << LOW_BITS
}

/// A hash of which a table of a part takes what it would take of the whole one.
fn long(short: u32) -> u64 {
    u64::from(short) & ((1 << LOW_BITS) - 1) | u64::from(short >> LOW_BITS) << 57
}

/// The rows of each part, in order.
struct Lists {
    rows: Vec<(u32, Place)>,
    ends: Vec<usize>,
}

impl Lists {
    fn of(rows: usize, most: usize, hash_of: impl Fn(Place) -> Option<u64>) -> Self {
        let parts = most.div_ceil(PART_ROWS).max(PARTS_MIN);
        let hashes = || (0..rows as Place).filter_map(|place| Some((hash_of(place)?, place)));
        let mut ends = vec![0; parts];
        for (hash, _) in hashes() {
            if let Some(count) = ends.get_mut(part_of(hash, parts)) {
                *count += 1;
            }
        }
        let mut all = 0;
        for end in &mut ends {
            all += std::mem::replace(end, all);
        }
        let mut rows = vec![(0, 0); all];
        for (hash, place) in hashes() {
            if let Some(end) = ends.get_mut(part_of(hash, parts))
                && let Some(row) = rows.get_mut(*end)
            {
                *row = (short(hash), place);
                *end += 1;
            }
        }
        Self { rows, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &[(u32, Place)]> {
        let mut from = 0;
        self.ends.iter().map(move |end| {
            let list = self.rows.get(from..*end).unwrap_or_default();
            from = *end;
            list
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::spread;
    use super::*;

    #[track_caller]
    fn check(rows: u32, shared_by: u32) {
        let key = |place: Place| u64::from(place / shared_by);
        let hash = |place| spread(key(place));
        let (mut firsts, others) = Places::of_first(
            rows as usize,
            rows as usize,
            |place| Some(hash(place)),
            |a, b| key(a) == key(b),
        );
        let expected: Vec<_> = (0..rows).map(|place| (place / shared_by * shared_by, place)).collect();
        let mut others = others;
        others.sort_unstable_by_key(|(_, place)| *place);
        assert!(others.iter().eq(expected.iter().filter(|(first, place)| first != place)));
        let find = |table: &Places, of: u64| table.find(spread(of), |place| key(place) == of);
        for (first, place) in &expected {
            assert_eq!(find(&firsts, key(*place)), Some(*first));
        }
        // And it goes on like a table that was filled row by row.
        for place in (rows..2 * rows).filter(|place| place.is_multiple_of(shared_by)) {
            assert_eq!(find(&firsts, key(place)), None);
            firsts.insert(hash(place), place, hash);
        }
        for place in (0..2 * rows).filter(|place| place.is_multiple_of(shared_by)) {
            assert_eq!(find(&firsts, key(place)), Some(place));
        }
    }

    #[test]
    fn the_first_rows_are_found_and_the_others_are_named_however_many_share_something() {
        check(20, 1);
        check(40_000, 1);
        check(40_000, 10);
        check(60_000, 20_000);
    }

    #[test]
    fn all_rows_are_found_in_a_table_of_all() {
        for rows in [0, 1, 500_000] {
            let table = Places::of_all(rows, |place| Some(spread(u64::from(place))));
            assert!(
                (0..rows as Place)
                    .all(|row| { table.find(spread(u64::from(row)), |place| place == row) == Some(row) })
            );
        }
    }
}
