//! One thing or several: most runs have a single row, and a list of one costs an allocation a run and fold.

use std::ops::{Deref, DerefMut};

/// A list that needs no memory of its own while there is a single item.
#[derive(Debug)]
pub(super) enum Few<T> {
    /// A single item.
    One(T),
    /// None, or more than one.
    Many(Vec<T>),
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let Some(first) = items.next() else { return Self::Many(Vec::new()) };
        let Some(second) = items.next() else { return Self::One(first) };
        let mut all = vec![first, second];
        all.extend(items);
        Self::Many(all)
    }
}

impl<T> Few<T> {
    /// What each item is.
    pub(super) fn map<U>(&self, of: impl FnMut(&T) -> U) -> Few<U> {
        match self {
            Self::One(item) => Few::One({ of }(item)),
            Self::Many(items) => Few::Many(items.iter().map(of).collect()),
        }
    }

    /// Adds an item.
    pub(super) fn push(&mut self, item: T) {
        match std::mem::replace(self, Self::Many(Vec::new())) {
            Self::Many(items) if items.is_empty() => *self = Self::One(item),
            Self::One(first) => *self = Self::Many(vec![first, item]),
            Self::Many(mut items) => {
                items.push(item);
                *self = Self::Many(items);
            }
        }
    }
}

impl<T: Ord> Few<T> {
    /// The items in order, each once.
    pub(super) fn distinct(mut self) -> Self {
        if let Self::Many(items) = &mut self {
            items.sort_unstable();
            items.dedup();
        }
        self
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::One(item) => (Some(item), Vec::new()),
            Self::Many(items) => (None, items),
        };
        one.into_iter().chain(many)
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::One(item) => std::slice::from_mut(item),
            Self::Many(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_items_is_held_in_order() {
        for count in 0..5 {
            let collected: Few<u32> = (0..count).collect();
            let mut pushed = Few::Many(Vec::new());
            (0..count).for_each(|item| pushed.push(item));
            assert_eq!(collected.to_vec(), (0..count).collect::<Vec<_>>());
            assert_eq!(pushed.to_vec(), collected.to_vec());
            assert_eq!(collected.map(|item| item + 1).to_vec(), (1..=count).collect::<Vec<_>>());
            assert_eq!(matches!(pushed, Few::One(_)), count == 1);
            assert_eq!(pushed.into_iter().collect::<Vec<_>>(), collected.to_vec());
        }
        assert_eq!([3, 1, 3].into_iter().collect::<Few<_>>().distinct().to_vec(), [1, 3]);
    }
}
