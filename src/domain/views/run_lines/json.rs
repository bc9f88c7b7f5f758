//! Values of members as the escaped texts that they are, ordered and written.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::domain::canonical::{push_escaped, unescape};
use crate::domain::render::Object;
use crate::domain::skim;
use crate::domain::views::few::Few;

/// Corpora and documents.
pub(super) fn retrieved(context: &str) -> impl Iterator<Item = Json<'_>> {
    let list = |wanted: &'static str| {
        skim::members(context).filter(move |(key, _)| *key == wanted).flat_map(|(_, list)| skim::items(list))
    };
    let parts = |document| skim::members(document).filter(|(key, _)| matches!(*key, "id" | "corpus"));
    let documents = list("documents").flat_map(parts).map(|(_, text)| text);
    list("corpora").chain(documents).filter_map(Json::of_string)
}

/// A string by its escaped text; in the order of what the text says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Json<'t>(Cow<'t, str>);

impl<'t> Json<'t> {
    /// A string; `None` for any other value.
    pub(super) fn of_string(json: &'t str) -> Option<Self> {
        Some(Self(json.strip_prefix('"')?.strip_suffix('"')?.into()))
    }

    /// A string; another value as the text of its JSON.
    pub(super) fn of(json: &'t str) -> Self {
        Self::of_string(json).unwrap_or_else(|| {
            let mut escaped = String::new();
            push_escaped(&mut escaped, json);
            Self(escaped.into())
        })
    }
}

impl Ord for Json<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0.contains('\\') || other.0.contains('\\') {
            unescape(&self.0).cmp(&unescape(&other.0))
        } else {
            self.0.cmp(&other.0)
        }
    }
}

impl PartialOrd for Json<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first value that is a string.
pub(super) fn string<'v>(o: &mut Object<'_>, key: &str, values: impl Iterator<Item = &'v str>) {
    values.filter(|value| value.starts_with('"')).take(1).for_each(|value| o.raw(key, value));
}

/// All values, each once, in order; nothing when there are none.
pub(super) fn set<'v>(o: &mut Object<'_>, key: &str, values: impl Iterator<Item = Json<'v>>) {
    let values = values.collect::<Few<_>>().distinct();
    if !values.is_empty() {
        o.array(key, values.iter(), |out, value| {
            out.push('"');
            out.push_str(&value.0);
            out.push('"');
        });
    }
}

pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}
