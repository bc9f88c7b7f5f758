//! When samples may come: soon where nothing lags, and seldom enough while rows come in without a pause.
//!
//! A sample that is in its file may have to leave it in the commit of any row, and the file is then written anew as a whole:
//! at 5,000 rows a second this took nine tenths of the time. So samples wait while rows come in, and are taken when
//! there is a pause; the sooner the less they have cost.

use std::time::{Duration, Instant};

/// Rows that come closer together than this come without a pause.
const PAUSE: Duration = Duration::from_millis(100);
/// While they do, samples may take one part in so many of the time, so that no more rows wait for them ...
const REST_FACTOR: u32 = 100;
/// ... and are no later than so many times what they may be late where nothing lags: a minute, by default.
const REST_MAX: u32 = 60;

/// For so long at most what nobody waits for is put off because rows come in.
const QUIET_PATIENCE: Duration = Duration::from_mins(1);

/// What tells when the next samples may be made.
#[derive(Debug)]
pub(super) struct SamplePace {
    start: Instant,
    /// When the last pass over what had changed came to its end.
    last_pass: Option<Instant>,
    /// When rows were last committed.
    last_rows: Option<Instant>,
    /// How long commits took since that pass began, that brought samples or took some back.
    cost: Duration,
}

impl SamplePace {
    /// No pass yet.
    pub(super) fn new(start: Instant) -> Self {
        Self { start, last_pass: None, last_rows: None, cost: Duration::ZERO }
    }

    /// A pass begins.
    pub(super) fn begin_pass(&mut self) {
        self.cost = Duration::ZERO;
    }

    /// What there was to do is done.
    pub(super) fn end_pass(&mut self, now: Instant) {
        self.last_pass = Some(now);
    }

    /// A commit of samples, or one that takes some back, took so long.
    pub(super) fn took(&mut self, duration: Duration) {
        self.cost += duration;
    }

    /// Rows were committed.
    pub(super) fn rows(&mut self, now: Instant) {
        self.last_rows = Some(now);
    }

    /// How long until rows pause, as far as can be told; none are under way where it is `drained`.
    pub(super) fn until_pause(&self, drained: bool, now: Instant) -> Duration {
        let rows = self.last_rows.filter(|_| drained);
        rows.map_or(if drained { Duration::ZERO } else { PAUSE }, |rows| left(rows, PAUSE, now))
    }

    /// How long what nobody waits for is put off so that no row has to wait for it: until rows pause, and for a minute at most
    /// since it was done last.
    pub(super) fn until_quiet(&self, last: Option<Instant>, now: Instant) -> Duration {
        left(last.unwrap_or(self.start), QUIET_PATIENCE, now).min(self.until_pause(true, now))
    }

    /// How long the next samples wait; at most `refresh` where rows pause.
    pub(super) fn rest(&self, refresh: Duration, drained: bool, now: Instant) -> Duration {
        let left = |since, rest| left(since, rest, now);
        let until_pause = self.until_pause(drained, now);
        let rest_max = refresh * REST_MAX;
        let Some(pass) = self.last_pass else { return left(self.start, rest_max).min(until_pause) };
        let under_load = refresh.max((self.cost * REST_FACTOR).min(rest_max));
        left(pass, refresh).max(left(pass, under_load).min(until_pause))
    }
}

/// What is left of a rest that began then.
fn left(since: Instant, rest: Duration, now: Instant) -> Duration {
    rest.saturating_sub(now.duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(1);

    /// How long samples wait in milliseconds, so long after a pass that cost so much and so long after the last rows.
    fn rest(cost_ms: u64, since_pass_ms: u64, since_rows_ms: u64) -> u128 {
        let start = Instant::now();
        let mut pace = SamplePace::new(start);
        let ago =
            |millis: u64| start + (REFRESH * REST_MAX * 2).saturating_sub(Duration::from_millis(millis));
        pace.begin_pass();
        pace.took(Duration::from_millis(cost_ms));
        pace.end_pass(ago(since_pass_ms));
        pace.rows(ago(since_rows_ms));
        pace.rest(REFRESH, true, ago(0)).as_millis()
    }

    #[test]
    fn samples_wait_for_the_refresh_time_where_rows_pause() {
        assert_eq!(SamplePace::new(Instant::now()).rest(REFRESH, true, Instant::now()), Duration::ZERO);
        assert_eq!((rest(5000, 400, 200), rest(5000, 1000, 200)), (600, 0));
    }

    #[test]
    fn the_first_samples_wait_until_a_backlog_is_through_and_no_longer_than_a_minute() {
        let start = Instant::now();
        let mut pace = SamplePace::new(start);
        pace.rows(start + Duration::from_millis(10));
        assert_eq!(pace.rest(REFRESH, true, start + Duration::from_millis(60)).as_millis(), 50);
        assert_eq!(pace.rest(REFRESH, true, start + Duration::from_millis(110)), Duration::ZERO);
        assert_eq!(pace.rest(REFRESH, false, start + Duration::from_secs(9)), PAUSE, "more is under way");
        let minute = REFRESH * REST_MAX;
        pace.rows(start + minute);
        assert_eq!(pace.rest(REFRESH, true, start + minute), Duration::ZERO);
        assert_eq!(pace.rest(Duration::ZERO, false, start), Duration::ZERO, "who wants no delay gets none");
    }

    #[test]
    fn what_nobody_waits_for_waits_until_rows_pause_and_no_longer_than_a_minute() {
        let start = Instant::now();
        let mut pace = SamplePace::new(start);
        let at = |millis: u64| start + Duration::from_millis(millis);
        assert_eq!(pace.until_quiet(None, start), Duration::ZERO, "there are no rows");
        pace.rows(at(90_000));
        assert_eq!(pace.until_quiet(Some(at(80_000)), at(90_060)).as_millis(), 40);
        assert_eq!(pace.until_quiet(Some(at(80_000)), at(90_100)), Duration::ZERO);
        assert_eq!(pace.until_quiet(Some(at(30_000)), at(90_001)), Duration::ZERO, "a minute is over");
        assert_eq!(pace.until_quiet(None, at(90_001)), Duration::ZERO, "and since the start");
    }

    #[test]
    fn samples_that_cost_much_wait_for_a_pause_and_no_longer_than_a_minute() {
        assert_eq!((rest(5, 1000, 1), rest(5, 400, 1)), (0, 600));
        assert_eq!(rest(100, 1000, 1), 99, "until rows pause");
        assert_eq!(rest(100, 9990, 1), 10, "they have had their part of the time before");
        assert_eq!((rest(90_000, 59_000, 1), rest(90_000, 60_000, 1)), (99, 0));
    }
}
