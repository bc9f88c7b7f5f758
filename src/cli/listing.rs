//! What the listings of knowledge share: how they are printed, and from when on.

use std::time::{Duration, SystemTime};

use super::table::{one_line, print, table};
use crate::domain::schema::scalars::EventTime;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Format {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
}

/// Rows of texts under headers.
#[derive(Debug)]
pub(super) struct Listing {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Listing {
    pub(super) fn new(headers: &[&'static str]) -> Self {
        Self { headers: headers.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// Prints a table for people, or the same in Markdown.
    pub(super) fn print(&self, format: Format) {
        if !format.markdown {
            let mut table = table(&self.headers);
            self.rows.iter().for_each(|row| {
                table.add_row(row);
            });
            print(table);
            return;
        }
        let line = |cells: Vec<String>| print(format_args!("| {} |", cells.join(" | ")));
        line(self.headers.iter().map(|header| (*header).to_owned()).collect());
        line(self.headers.iter().map(|_| "---".to_owned()).collect());
        self.rows.iter().for_each(|row| line(row.iter().map(|cell| in_cell(cell)).collect()));
    }
}

/// A text that breaks no table.
pub(super) fn in_cell(text: &str) -> String {
    one_line(&text.replace('|', "\\|"))
}

/// A text as Markdown code that it cannot end.
pub(super) fn as_code(text: &str) -> String {
    format!("`{}`", one_line(&text.replace('`', "'")))
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Reads a point in time: RFC 3339, a date, or how long ago.
pub(super) fn since(text: &str) -> Result<EventTime, String> {
    let day = || EventTime::parse(&format!("{text}T00:00:00Z"));
    if let Some(parsed) = EventTime::parse(text).or_else(day) {
        return Ok(parsed.time);
    }
    let ago = humantime::parse_duration(text).map_err(|_| {
        "neither a time such as 2026-04-26T14:03:11Z, nor a date, nor how long ago, such as 7d".to_owned()
    })?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let millis = i64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or(i64::MAX);
    Ok(EventTime::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_a_time_a_date_or_how_long_ago() {
        assert_eq!(since("2026-04-26").unwrap().to_string(), "2026-04-26T00:00:00.000Z");
        assert_eq!(since("2026-04-26T16:03:11+02:00").unwrap().to_string(), "2026-04-26T14:03:11.000Z");
        assert!(since("1h").unwrap() > since("2h").unwrap());
        for text in ["yesterday", "2026-13-01", ""] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_cell_holds_whatever_stands_in_it() {
        assert_eq!(in_cell("a|b\n c"), "a\\|b c");
        assert_eq!(as_code("a`b\nc"), "`a'b c`");
    }
}
