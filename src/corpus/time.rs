//! Event time and the ways in which producers write it down.

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = u64;

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// When the first story begins: 2025-09-01T06:00:00Z.
pub(crate) const FIRST: Millis = 1_756_706_400_000;

/// The form of one written time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    Millis,
    /// Six fraction digits; the last three are these.
    Micros(u64),
    /// Local time, two hours east.
    East,
}

/// Appends `at` in RFC 3339.
pub(crate) fn push_time(buffer: &mut String, at: Millis, stamp: Stamp) {
    let local = if stamp == Stamp::East { at + 2 * HOUR } else { at };
    let (year, month, day) = civil(local / DAY);
    let clock = local % DAY;
    push_padded(buffer, year, 4);
    buffer.push('-');
    push_padded(buffer, month, 2);
    buffer.push('-');
    push_padded(buffer, day, 2);
    buffer.push('T');
    push_padded(buffer, clock / HOUR, 2);
    buffer.push(':');
    push_padded(buffer, clock % HOUR / MINUTE, 2);
    buffer.push(':');
    push_padded(buffer, clock % MINUTE / SECOND, 2);
    buffer.push('.');
    push_padded(buffer, clock % SECOND, 3);
    match stamp {
        Stamp::Millis => buffer.push('Z'),
        Stamp::Micros(micros) => {
            push_padded(buffer, micros % 1_000, 3);
            buffer.push('Z');
        }
        Stamp::East => buffer.push_str("+02:00"),
    }
}

/// Year, month and day of a day since the epoch, after Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Appends `number` in decimal, with zeros before it up to `width` digits.
pub(crate) fn push_padded(buffer: &mut String, number: u64, width: u32) {
    let mut unit = 10_u64.pow(width.saturating_sub(1).min(19));
    while number / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        let digit = u32::try_from(number / unit % 10).unwrap_or(0);
        buffer.push(char::from_digit(digit, 10).unwrap_or('0'));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: Millis, stamp: Stamp, expected: &str) {
        let mut text = String::new();
        push_time(&mut text, at, stamp);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_time_is_written_in_each_form() {
        check(FIRST, Stamp::Millis, "2025-09-01T06:00:00.000Z");
        check(951_868_799_999, Stamp::Millis, "2000-02-29T23:59:59.999Z");
        check(FIRST + 7, Stamp::Micros(42), "2025-09-01T06:00:00.007042Z");
        check(FIRST + 17 * HOUR, Stamp::East, "2025-09-02T01:00:00.000+02:00");
    }

    #[test]
    fn a_number_wider_than_its_field_is_written_whole() {
        let mut text = String::new();
        push_padded(&mut text, u64::MAX, 1);
        assert_eq!(text, u64::MAX.to_string());
    }
}
