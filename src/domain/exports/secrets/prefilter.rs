//! Finds where a secret could be, at memory's speed: strings that a format cannot be without.

use std::sync::LazyLock;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, MatchKind, Span};
use memchr::memmem::Finder;

use super::SecretKind;
use super::formats::{Format, format_of};
use super::text::Text;

/// The strings that are looked for at once, by their first four bytes in vector registers. The four of a group share
/// one of 16 buckets, and a bucket mistakes any mixture of its members for one: they are grouped so that mixtures are rare
/// in prose and code, by trying exchanges on both. In the order of their names the same search takes twice as long.
pub(super) const GROUPS: [[&str; 4]; 16] = [
    ["pplx-", "xoxp-", "xapp-", "shpca_"],
    [".slack.com/", "hvs.", "tvly-", "tskey-"],
    ["_access_key", "sk_live_", "_ACCESS_KEY", "AccessKey="],
    ["PMAK-", "xoxb-", "sntry", "shpat_"],
    ["gho_", "doo_v1_", ".eyJ", "dapi"],
    ["ghu_", "rk_live_", "rk_test_", "whsec_"],
    ["ATATT3", "AGE-SECRET-KEY-1", "NRAK-", "xoxe"],
    ["_pat_", "xai-", "npm_", "sk_test_"],
    ["glsa_", "tAccessKey", "gsk_", "ghs_"],
    ["rubygems_", "AKIA", "ASIA", "ya29."],
    ["lsv2_", "lin_api_", "dop_v1_", "dor_v1_"],
    ["Bearer ", "Private-Lines:", "Basic ", "PRIVATE KEY"],
    ["glrt-", "ghr_", "bearer ", "ghp_"],
    ["AccountKey=", "xoxs-", "xoxa-", "webhooks/"],
    ["glptt-", "gldt-", "glpat-", "GOCSPX-"],
    ["AIza", "pypi-AgE", "shppa_", "shpss_"],
];

/// Three bytes would blunt the search for all others, and these are common: each is looked for by itself.
pub(super) const ALONE: [&str; 5] = ["://", "SG.", "hf_", "r8_", "sk-"];

enum Together {
    Vector(Searcher),
    /// For processors without such registers.
    Automaton(AhoCorasick),
}

struct Prefilter {
    together: Together,
    /// By the number of the pattern.
    formats: Vec<&'static Format>,
    alone: Vec<(Finder<'static>, &'static Format)>,
    /// All that are looked for alone, at once: enough to say that there is none.
    short: Together,
}

static PREFILTER: LazyLock<Prefilter> = LazyLock::new(Prefilter::new);

impl Prefilter {
    fn new() -> Self {
        // The n-th pattern goes into bucket n modulo 16.
        let patterns: Vec<&str> =
            (0..4).flat_map(|row| GROUPS.iter().filter_map(move |group| group.get(row).copied())).collect();
        Self {
            together: Together::new(&patterns),
            short: Together::new(&ALONE),
            formats: patterns.iter().filter_map(|trigger| format_of(trigger)).collect(),
            alone: ALONE
                .iter()
                .filter_map(|trigger| Some((Finder::new(trigger), format_of(trigger)?)))
                .collect(),
        }
    }
}

fn automaton(patterns: &[&str]) -> Together {
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(patterns);
    #[expect(clippy::expect_used, reason = "64 short patterns are far below every limit of the automaton")]
    Together::Automaton(built.expect("an automaton of 64 words can be built"))
}

impl Together {
    fn new(patterns: &[&str]) -> Self {
        let vector = packed::Config::new()
            .match_kind(packed::MatchKind::LeftmostFirst)
            .heuristic_pattern_limits(false)
            .builder()
            .extend(patterns)
            .build();
        vector.map_or_else(|| automaton(patterns), Self::Vector)
    }

    /// The next place at or behind `from`, and the number of the pattern there.
    fn next(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = Span { start: from, end: bytes.len() };
        let found = match self {
            Self::Vector(searcher) => searcher.find_in(bytes, span),
            Self::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).span(span)),
        };
        found.map(|found| (found.start(), found.pattern().as_usize()))
    }
}

/// Whether anything in the text could begin a secret.
pub(super) fn may_hold(text: Text<'_>) -> bool {
    let prefilter = &*PREFILTER;
    prefilter.together.next(text.0, 0).is_some() || prefilter.short.next(text.0, 0).is_some()
}

/// The first secret in the text.
pub(super) fn find(text: Text<'_>) -> Option<SecretKind> {
    let prefilter = &*PREFILTER;
    let mut from = 0;
    while let Some((at, pattern)) = prefilter.together.next(text.0, from) {
        if let Some(kind) = prefilter.formats.get(pattern).and_then(|format| format.check(text, at)) {
            return Some(kind);
        }
        from = at + 1;
    }
    prefilter
        .alone
        .iter()
        .find_map(|(finder, format)| finder.find_iter(text.0).find_map(|at| format.check(text, at)))
}

#[cfg(test)]
mod tests {
    use super::super::formats::FORMATS;
    use super::*;

    fn triggers() -> Vec<&'static str> {
        GROUPS.iter().flatten().chain(&ALONE).copied().collect()
    }

    #[test]
    fn every_format_is_looked_for_once_and_nothing_else_is() {
        let mut looked_for = triggers();
        let mut known: Vec<_> = FORMATS.iter().map(|format| format.trigger).collect();
        looked_for.sort_unstable();
        known.sort_unstable();
        assert_eq!(looked_for, known);
    }

    #[test]
    fn no_trigger_hides_another_or_could_be_escaped() {
        for a in triggers() {
            assert!(a.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\'), "{a}");
            assert!(triggers().iter().all(|b| a == *b || !b.starts_with(a)), "{a}");
        }
        assert!(GROUPS.iter().flatten().all(|trigger| trigger.len() >= 4));
    }

    #[test]
    fn both_searches_find_the_same_places() {
        let prefilter = Prefilter::new();
        let patterns: Vec<&str> = (0..4).flat_map(|row| GROUPS.map(|group| group[row])).collect();
        let automaton = automaton(&patterns);
        let text = triggers().join(" and .eyghpghp_AKASIAKIA ") + "xoxxoxb-";
        let (mut from, mut found) = (0, 0);
        while let Some(place) = automaton.next(text.as_bytes(), from) {
            assert_eq!(prefilter.together.next(text.as_bytes(), from), Some(place));
            (from, found) = (place.0 + 1, found + 1);
        }
        assert_eq!(prefilter.together.next(text.as_bytes(), from), None);
        assert!(found >= 64 + 2 * 68, "{found}");
    }
}
