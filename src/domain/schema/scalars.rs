//! Checked scalars: a value of one of these types has been looked at.

use std::borrow::Cow;
use std::fmt;

use faster_hex::{hex_decode_array, hex_string};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sha2::{Digest, Sha256};

use super::checked::{Text, is_hex};

/// A SHA-256 in 64 lower-case hex digits when printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Hex(pub [u8; 32]);

impl Sha256Hex {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hashes of several texts, in less time than one after the other; the longest goes first.
    pub fn of_each<const TEXTS: usize>(texts: [&[u8]; TEXTS]) -> [Self; TEXTS] {
        let mut hashes = [[0; 32]; TEXTS];
        crate::domain::sha256::each(&texts, &mut hashes);
        hashes.map(Self)
    }

    /// As [`Self::of_each`], for any number of texts.
    pub fn of_all(texts: &[&[u8]]) -> Vec<Self> {
        let mut hashes = vec![[0; 32]; texts.len()];
        crate::domain::sha256::each(texts, &mut hashes);
        hashes.into_iter().map(Self).collect()
    }

    /// Reads 64 hex digits of either case.
    pub fn parse(text: &str) -> Option<Self> {
        hex_decode_array(text.as_bytes()).ok().map(Self)
    }

    /// The first 16 hex digits.
    pub fn first16(&self) -> String {
        hex_string(self.0.first_chunk::<8>().unwrap_or(&[0; 8]))
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_string(&self.0))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Sha256Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex_string(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Sha256Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        let ours = is_hex(&text, 64).then(|| Self::parse(&text)).flatten();
        ours.ok_or_else(|| serde::de::Error::custom("not a SHA-256 of 64 lower-case hex digits"))
    }
}

impl JsonSchema for Sha256Hex {
    fn schema_name() -> Cow<'static, str> {
        "Sha256Hex".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A SHA-256 in lower-case hex.",
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "examples": ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        })
    }
}

/// An instant, in milliseconds since the Unix epoch, UTC. Printed as `2026-04-26T14:03:11.482Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventTime(i64);

/// 400 years of the Gregorian calendar, in milliseconds.
const CALENDAR_MILLIS: i64 = 146_097 * 86_400_000;

/// A time read from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedTime {
    /// The instant, truncated to milliseconds.
    pub time: EventTime,
    /// Whether the text named no zone, so that UTC was assumed.
    pub zone_assumed: bool,
}

impl EventTime {
    /// 1970-01-01T00:00:00.000Z, which stands for "no time known".
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 time; one without a zone is taken as UTC. `None` when it is neither.
    pub fn parse(text: &str) -> Option<ParsedTime> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            bytes
                .get(from..to)?
                .iter()
                .try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
        };
        let mark =
            |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|b| allowed.contains(b)).then_some(());
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        mark(4, b"-").and(mark(7, b"-")).and(mark(10, b"Tt "))?;
        mark(13, b":").and(mark(16, b":"))?;
        let mut at = 19;
        let mut millis = 0;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes.get(at + 1..)?.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let kept = digits.min(3);
            millis = number(at + 1, at + 1 + kept)? * [1000, 100, 10, 1].get(kept).copied()?;
            at += 1 + digits;
        }
        let (offset_minutes, zone_assumed) = match bytes.get(at..)? {
            [] => (0, true),
            [b'Z' | b'z'] => (0, false),
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let offset = hours * 60 + minutes;
                (if *sign == b'-' { -offset } else { offset }, false)
            }
            _ => return None,
        };
        let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
        // A leap second is RFC 3339; it is the last second of its minute here.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let days = i64::from((date - jiff::civil::date(1970, 1, 1)).get_days());
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second.min(59) - offset_minutes * 60;
        // From year 0 to the end of 9999: what four digits of a year can say.
        let printable = -62_167_219_200..253_402_300_800;
        let time = Self(seconds * 1000 + millis);
        printable.contains(&seconds).then_some(ParsedTime { time, zone_assumed })
    }

    fn civil(self) -> jiff::civil::DateTime {
        // The library's timestamps end a day before the year 9999 does. The calendar repeats every 400 years, so the
        // day is looked up that much earlier.
        let timestamp = jiff::Timestamp::from_millisecond(self.0 - CALENDAR_MILLIS).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(timestamp)
    }

    /// The 24 characters of the time.
    pub fn text(self) -> TimeText {
        let at = self.civil();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        // By hand: a format string costs four times as much, twice on every row.
        let mut digits = |places: std::ops::Range<usize>, mut value: u32| {
            for digit in text.get_mut(places).into_iter().flatten().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        digits(0..4, (at.year() + 400).unsigned_abs().into());
        digits(5..7, at.month().unsigned_abs().into());
        digits(8..10, at.day().unsigned_abs().into());
        digits(11..13, at.hour().unsigned_abs().into());
        digits(14..16, at.minute().unsigned_abs().into());
        digits(17..19, at.second().unsigned_abs().into());
        digits(20..23, at.millisecond().unsigned_abs().into());
        TimeText(text)
    }
}

/// A time as it is printed, for where it stands more than once.
#[derive(Debug, Clone, Copy)]
pub struct TimeText([u8; 24]);

impl TimeText {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl serde::Serialize for EventTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for EventTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        let ours = Self::parse(&text).map(|p| p.time).filter(|time| time.to_string() == text);
        ours.ok_or_else(|| serde::de::Error::custom("not a UTC time such as 2026-04-26T14:03:11.482Z"))
    }
}

/// Days that are, from year 0 to 9999, at times of day that are. Written out, so that every validator refuses the 30th
/// of February: few heed `format`.
const TIME_PATTERN: &str = "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
    |02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\
    T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{3}Z$";

impl JsonSchema for EventTime {
    fn schema_name() -> Cow<'static, str> {
        "EventTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An instant, UTC, with exactly three fraction digits of a second.",
            "type": "string",
            "pattern": TIME_PATTERN,
            "examples": ["2026-04-26T14:03:11.482Z"],
        })
    }
}

/// Text in its escaped form: what stands between the quotes of a canonical JSON string.
///
/// A row's text goes into the record as the very bytes of its canonical form, so it is neither decoded nor encoded
/// again on the way. Pieces of escaped text may be joined; the result is escaped text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Escaped<'a>(Cow<'a, str>);

impl<'a> Escaped<'a> {
    /// Takes what is already escaped.
    pub fn from_escaped(escaped: impl Into<Cow<'a, str>>) -> Self {
        Self(escaped.into())
    }

    /// Escapes plain text.
    pub fn from_plain(plain: &str) -> Escaped<'static> {
        let mut escaped = String::with_capacity(plain.len() + 8);
        crate::domain::canonical::push_escaped(&mut escaped, plain);
        Escaped(escaped.into())
    }

    /// The escaped form.
    pub fn escaped(&self) -> &str {
        &self.0
    }

    /// The text itself.
    pub fn plain(&self) -> Cow<'_, str> {
        crate::domain::canonical::unescape(&self.0)
    }

    /// SHA-256 of the text as UTF-8.
    pub fn hash(&self) -> Sha256Hex {
        crate::domain::canonical::hash_unescaped(&self.0)
    }

    /// The texts before and behind the first `mark`, which is free of anything that wants escaping.
    pub fn split_once(&self, mark: char) -> Option<(Escaped<'a>, Escaped<'a>)> {
        let halves = |(before, behind): (&'a str, &'a str)| (Escaped(before.into()), Escaped(behind.into()));
        match &self.0 {
            Cow::Borrowed(text) => text.split_once(mark).map(halves),
            Cow::Owned(text) => {
                let (before, behind) = text.split_once(mark)?;
                Some((Escaped(before.to_owned().into()), Escaped(behind.to_owned().into())))
            }
        }
    }

    /// Whether the text stands somewhere else, as that of a row does in its canonical form.
    pub fn is_borrowed(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `prefix` (plain, free of anything that wants escaping) followed by this text.
    pub fn prefixed(&self, prefix: &str) -> Escaped<'static> {
        let mut joined = String::with_capacity(prefix.len() + self.0.len());
        joined.push_str(prefix);
        joined.push_str(&self.0);
        Escaped(joined.into())
    }
}

impl<'de> serde::Deserialize<'de> for Escaped<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Escaped::from_plain(text.as_str()))
    }
}

impl JsonSchema for Escaped<'_> {
    fn schema_name() -> Cow<'static, str> {
        Text::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Text::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, bool)>) {
        let parsed = EventTime::parse(text).map(|p| (p.time.to_string(), p.zone_assumed));
        assert_eq!(parsed.as_ref().map(|(t, z)| (t.as_str(), *z)), expected, "{text}");
    }

    #[test]
    fn times_are_normalised_to_utc_milliseconds() {
        check("2026-04-26T14:03:11.482Z", Some(("2026-04-26T14:03:11.482Z", false)));
        check("2026-04-26T14:03:11Z", Some(("2026-04-26T14:03:11.000Z", false)));
        check("2026-04-26T14:03:11.4829999+02:00", Some(("2026-04-26T12:03:11.482Z", false)));
        check("2026-04-26 14:03:11.5-00:30", Some(("2026-04-26T14:33:11.500Z", false)));
        check("1969-12-31T23:59:59.999Z", Some(("1969-12-31T23:59:59.999Z", false)));
        check("2024-02-29T00:00:00z", Some(("2024-02-29T00:00:00.000Z", false)));
        check("9999-12-31T23:59:59.999Z", Some(("9999-12-31T23:59:59.999Z", false)));
        check("0000-01-01T00:00:00Z", Some(("0000-01-01T00:00:00.000Z", false)));
        check("2016-12-31T23:59:60Z", Some(("2016-12-31T23:59:59.000Z", false)));
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_says_so() {
        check("2026-04-26T14:03:11", Some(("2026-04-26T14:03:11.000Z", true)));
        check("2026-04-26T14:03:11.25", Some(("2026-04-26T14:03:11.250Z", true)));
    }

    #[test]
    fn what_is_no_rfc_3339_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-04-26",
            "20260426T140311Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-04-26T24:00:00Z",
            "2026-04-26T14:60:00Z",
            "2026-04-26T14:03:11.Z",
            "2026-04-26T14:03:11+0200",
            "2026-04-26T14:03:11 Z",
            "2026-04-26T14:03Z",
            "0000-01-01T00:00:00+23:59",
            "2026-04-26T14:03:11Zjunk",
            "+026-04-26T14:03:11Z",
            "9999-12-31T23:59:59.999-23:59",
            "2026-04-26T14:03:11+24:00",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_sha256_reads_what_it_prints() {
        let hash = Sha256Hex::of(b"");
        assert_eq!(hash.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Sha256Hex::parse(&hash.to_string()), Some(hash));
        assert_eq!(Sha256Hex::parse(&hash.to_string().to_uppercase()), Some(hash));
        assert_eq!(Sha256Hex::parse("e3b0"), None);
        for no_digit in ["g", "G", " ", "/", ":", "@", "`", "\u{0}"] {
            for at in [0, 31, 63] {
                let mut text = hash.to_string();
                text.replace_range(at..=at, no_digit);
                assert_eq!(Sha256Hex::parse(&text), None, "{text}");
            }
        }
        assert_eq!(hash.first16(), "e3b0c44298fc1c14");
    }
}
