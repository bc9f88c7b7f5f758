//! Distilled streams that are left behind: what is known was distilled long before the newest that happened.

use std::time::Duration;

use serde::Serialize;

use crate::domain::schema::scalars::EventTime;

/// A distilled stream that is left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// The stream.
    pub stream: String,
    /// Its newest time.
    pub newest: EventTime,
    /// The stream with the newest time of all.
    pub newest_stream: String,
    /// How far it is behind that, in hours, rounded down.
    pub behind_h: u64,
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stream, newest, newest_stream, behind_h } = self;
        write!(f, "{stream} ends at {newest}, {behind_h} h before {newest_stream}")
    }
}

/// The distilled streams whose newest time is more than `stale_after` before the newest of all streams.
pub fn stale<'s>(
    newest: impl IntoIterator<Item = (&'s str, EventTime)>,
    stale_after: Duration,
) -> Vec<Stale> {
    let newest: Vec<_> = newest.into_iter().collect();
    // Of several with that time the first one is named.
    let Some((last_stream, last)) = newest.iter().rev().max_by_key(|(_, time)| *time).copied() else {
        return Vec::new();
    };
    let behind_ms = |time: EventTime| u64::try_from(last.millis() - time.millis()).unwrap_or(0);
    let left_behind = |(stream, time): &(&str, EventTime)| {
        let is_stale = u128::from(behind_ms(*time)) > stale_after.as_millis();
        (stream.starts_with("distilled_") && is_stale).then(|| Stale {
            stream: (*stream).to_owned(),
            newest: *time,
            newest_stream: last_stream.to_owned(),
            behind_h: behind_ms(*time) / 3_600_000,
        })
    };
    newest.iter().filter_map(left_behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_distilled_stream_beyond_the_limit_is_stale() {
        let hour = 3_600_000;
        let at = |hours: i64| EventTime::from_millis(1_777_212_191_482 + hours * hour);
        let newest = [
            ("audits", at(-500)),
            ("distilled_facts", at(-72)),
            ("distilled_procedures", at(-73)),
            ("scrum_reviews", at(0)),
        ];
        let found = stale(newest, Duration::from_hours(72));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "distilled_procedures ends at 2026-04-23T13:03:11.482Z, 73 h before scrum_reviews"
        );
        assert_eq!(stale(newest, Duration::from_hours(73)), []);
        assert_eq!(stale([("distilled_facts", at(0))], Duration::ZERO), []);
        assert_eq!(stale([], Duration::ZERO), []);
    }
}
