//! Texts that many rows share.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use crate::domain::skim;

/// Texts that many rows have, each held once. Their order is never looked at.
#[derive(Debug, Default)]
pub struct Names(hashbrown::HashSet<Arc<str>, BuildHasherDefault<DefaultHasher>>);

impl Names {
    /// The one copy of a text.
    pub fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }

    /// The one copy of a JSON string's text; `None` when it is no string.
    pub(super) fn text(&mut self, json: &str) -> Option<Arc<str>> {
        Some(self.of(&skim::text(json)?.plain()))
    }

    /// Those of a JSON array's strings.
    pub(super) fn texts(&mut self, array: &str) -> Vec<Arc<str>> {
        skim::items(array).filter_map(|item| self.text(item)).collect()
    }
}
