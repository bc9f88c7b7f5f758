//! Where a row stands, as its provenance says.

use crate::domain::schema::scalars::{Escaped, EventTime, Sha256Hex};
use crate::domain::skim;

/// Where a row lies in its source, and its hash: what a provenance says beside the row's stream and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) sig_hash: Sha256Hex,
    pub(super) line: u64,
    pub(super) byte: u64,
    pub(super) generation: u32,
}

impl Origin {
    pub(super) const NONE: Self = Self { sig_hash: Sha256Hex([0; 32]), line: 0, byte: 0, generation: 0 };
}

/// What a provenance says of its row's place.
#[derive(Debug)]
pub(super) struct Standing<'t> {
    /// As it stands there.
    source_file: &'t str,
    pub(super) generation: u32,
    pub(super) line: u64,
    pub(super) time: EventTime,
    /// When it has the order and the lengths of ours.
    origin: Option<Origin>,
}

impl<'t> Standing<'t> {
    pub(super) fn read(provenance: &'t str) -> Option<Self> {
        Self::read_ours(provenance).or_else(|| Self::read_any(provenance))
    }

    fn read_ours(json: &'t str) -> Option<Self> {
        let rest = json.strip_prefix(r#"{"source_file":""#)?;
        let (source_file, rest) = split(rest, memchr::memchr(b'"', rest.as_bytes())?, r#"","generation":"#)?;
        let (generation, rest) = split(rest, digits(rest), r#","line_offset":"#)?;
        let (line, rest) = split(rest, digits(rest), r#","byte_offset":"#)?;
        let (byte, rest) = split(rest, digits(rest), r#","sig_hash":""#)?;
        let (sig_hash, rest) = split(rest, 64, r#"","recorded_at":""#)?;
        let (recorded_at, rest) = split(rest, 24, r#""}"#)?;
        let (generation, line) = (generation.parse().ok()?, line.parse().ok()?);
        let origin =
            Origin { sig_hash: Sha256Hex::parse(sig_hash)?, line, byte: byte.parse().ok()?, generation };
        let time = EventTime::parse(recorded_at)?.time;
        rest.is_empty().then_some(Self { source_file, generation, line, time, origin: Some(origin) })
    }

    fn read_any(json: &'t str) -> Option<Self> {
        let (mut source_file, mut generation, mut line, mut time) = ("", None, None, None);
        for (key, value) in skim::members(json) {
            match key {
                "source_file" => source_file = value.trim_matches('"'),
                "generation" => generation = value.parse().ok(),
                "line_offset" => line = value.parse().ok(),
                "recorded_at" => time = EventTime::parse(value.trim_matches('"')),
                _ => {}
            }
        }
        Some(Self { source_file, generation: generation?, line: line?, time: time?.time, origin: None })
    }

    /// The origin, where that says it all of a row of this file, whose name is escaped.
    pub(super) fn origin_in(&self, source_file: &str) -> Option<Origin> {
        self.origin.filter(|_| self.source_file == source_file)
    }

    /// The file, by its name.
    pub(super) fn source_file(&self) -> Escaped<'t> {
        Escaped::from_escaped(self.source_file)
    }
}

fn split<'t>(text: &'t str, at: usize, behind: &str) -> Option<(&'t str, &'t str)> {
    let (value, rest) = text.split_at_checked(at)?;
    Some((value, rest.strip_prefix(behind)?))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::schema::provenance::Provenance;

    pub(in crate::domain::views) fn provenance() -> String {
        Provenance {
            source_file: "data/_kb/audits.jsonl".into(),
            generation: 2,
            line_offset: 17,
            byte_offset: 40_960,
            sig_hash: Sha256Hex([0xab; 32]),
            recorded_at: EventTime::from_millis(1_777_212_191_482),
        }
        .render()
    }

    #[test]
    fn a_provenance_of_another_shape_has_no_short_form() {
        let ours = provenance();
        let origin = |json: &str| Standing::read(json)?.origin_in("data/_kb/audits.jsonl");
        assert!(origin(&ours).is_some());
        for other in
            [ours.replace(":2,", ":-2,"), ours.replace("482Z", "48Z"), format!("{ours} "), "{}".to_owned()]
        {
            assert!(origin(&other).is_none(), "{other}");
        }
    }
}
