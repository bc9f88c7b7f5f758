//! The report for people. What comes out of rows is shown as text, whatever it holds.

use std::fmt::{Display, Write as _};

use super::findings::{Findings, Place, Refused, Rename, Report, StreamReport};

/// How much of a name or a value stands in a cell, in characters.
const CELL_CHARS_MAX: usize = 120;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let mut out = String::from("# Real-data validation report\n\n");
    let tried: u64 = report.streams.iter().map(|stream| stream.tried).sum();
    let bytes: u64 = report.streams.iter().map(|stream| stream.sampled_bytes).sum();
    let found = report.streams.iter().filter(|stream| stream.present).count();
    line(
        &mut out,
        format_args!(
            "{tried} rows ({bytes} bytes) of {found} streams were tried: at most {} of each, evenly over its file.\n",
            report.rows_max
        ),
    );
    verdict(&mut out, report);
    table(&mut out, report);
    for stream in report.streams.iter().filter(|stream| stream.present) {
        section(&mut out, stream);
    }
    out
}

/// What the report comes to, one sentence a finding; `quote` makes text out of rows fit to be shown.
pub fn sentences(report: &Report, quote: fn(&str) -> String) -> Vec<String> {
    let mut said = Vec::new();
    for stream in &report.streams {
        let (name, findings) = (&stream.stream, &stream.findings);
        if findings.changed_shape() {
            said.push(format!("{} changed shape: {}", quote(name), changes(findings, quote)));
        }
        for (what, refused) in &findings.records_refused {
            let Refused { rows, first, detail, .. } = refused;
            let (what, detail, first) = (quote(what), quote(detail), place(first));
            said.push(format!(
                "{}: {rows} records are not of their published shape: {what}, {detail}, first at {first}",
                quote(name)
            ));
        }
        if let Some(why) = &stream.unreadable {
            said.push(format!("{} cannot be read: {}", quote(name), quote(why)));
        }
    }
    let listed_names = |names: &[String]| listed(names.iter().map(|name| quote(name)));
    if !report.missing_files.is_empty() {
        said.push(format!("no file: {}", listed_names(&report.missing_files)));
    }
    said.extend(report.stale.iter().map(|stale| format!("stale: {stale}")));
    if !report.unknown_files.is_empty() {
        let files = listed_names(&report.unknown_files);
        said.push(format!("no stream: {files}; a stream of the config can be made of each"));
    }
    said
}

/// What to write into the config if the new names are meant.
pub fn config_lines(report: &Report) -> Vec<&str> {
    let renames = report.streams.iter().flat_map(|stream| &stream.findings.renames);
    renames.filter_map(|rename| rename.config.as_deref()).flat_map(str::lines).collect()
}

/// How rows differ from what was expected of them.
fn changes(findings: &Findings, quote: fn(&str) -> String) -> String {
    let mut changes = Vec::new();
    if findings.refused_rows > 0 {
        let tried = findings.passed + findings.refused_rows;
        let reasons = listed(findings.refused.keys().map(|reason| quote(reason)));
        changes.push(format!("{} of {tried} rows refused ({reasons})", findings.refused_rows));
    }
    changes.extend(findings.renames.iter().map(|rename| {
        let Rename { missing, unknown, or, from, config, .. } = rename;
        let from = from.as_ref().map_or_else(String::new, |from| format!(" from {} on", place(from)));
        let other_type = if config.is_none() { ", of another type" } else { "" };
        let unknown = listed_or(std::iter::once(unknown).chain(or).map(|name| quote(name)));
        format!("unknown {unknown} where {} is missing{from}{other_type}", quote(missing))
    }));
    changes.join("; ")
}

fn verdict(out: &mut String, report: &Report) {
    out.push_str("## Verdict\n\n");
    match report.changed_shape.len() {
        0 => out.push_str("**No stream changed shape.**\n\n"),
        1 => out.push_str("**1 stream changed shape.**\n\n"),
        several => line(out, format_args!("**{several} streams changed shape.**\n")),
    }
    let sentences = sentences(report, data);
    for sentence in &sentences {
        line(out, format_args!("- {sentence}"));
    }
    if !sentences.is_empty() {
        out.push('\n');
    }
    let config = config_lines(report);
    if !config.is_empty() {
        out.push_str("If the new names are meant, the config says so with:\n\n");
        for text in config {
            line(out, format_args!("    {text}"));
        }
        out.push('\n');
    }
}

fn table(out: &mut String, report: &Report) {
    out.push_str("## Streams\n\n");
    out.push_str("| stream | tried | passed | refused | share | warnings | unknown fields | never seen | oldest | newest |\n");
    out.push_str("|---|--:|--:|--:|--:|--:|--:|--:|---|---|\n");
    for stream in &report.streams {
        let findings = &stream.findings;
        let warnings: u64 = findings.warnings.values().sum();
        let time = |time: &Option<_>| time.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
        line(
            out,
            format_args!(
                "| {}{} | {} | {} | {} | {} | {warnings} | {} | {} | {} | {} |",
                data(&stream.stream),
                if stream.present { "" } else { " (no file)" },
                stream.tried,
                findings.passed,
                findings.refused_rows,
                percent(stream.passed_share),
                findings.unknown.len(),
                findings.never_seen.len(),
                time(&findings.oldest),
                time(&findings.newest),
            ),
        );
    }
    out.push('\n');
}

fn section(out: &mut String, stream: &StreamReport) {
    let findings = &stream.findings;
    line(out, format_args!("## {}\n", data(&stream.stream)));
    let part = if stream.every_row { "every row" } else { "a sample" };
    line(
        out,
        format_args!(
            "{}: {part} of {} bytes, {} tried, {} passed, {} refused, {} blank.\n",
            data(&stream.path),
            stream.file_bytes,
            stream.tried,
            findings.passed,
            findings.refused_rows,
            findings.blank
        ),
    );
    refused(out, "Refused", &findings.refused);
    refused(out, "Records that are not of their published shape", &findings.records_refused);
    if !findings.warnings.is_empty() {
        let warnings = findings.warnings.iter().map(|(code, count)| format!("{} × {count}", data(code)));
        line(out, format_args!("Warnings: {}.\n", listed(warnings)));
    }
    if !findings.unknown.is_empty() {
        out.push_str("| unknown field | rows | holds | first | value there |\n|---|--:|---|---|---|\n");
        for unknown in &findings.unknown {
            let kinds = listed(unknown.kinds.iter().map(|(kind, count)| format!("{kind} × {count}")));
            let (name, example) = (data(&unknown.name), data(&unknown.example));
            let first = place(&unknown.first);
            line(out, format_args!("| {name} | {} | {kinds} | {first} | {example} |", unknown.rows));
        }
        out.push_str(if findings.unknown_names_left_out { "\nThere are more of them.\n\n" } else { "\n" });
    }
    if !findings.never_seen.is_empty() {
        line(
            out,
            format_args!(
                "Expected, never seen: {}.\n",
                listed(findings.never_seen.iter().map(|name| data(name)))
            ),
        );
    }
    for gone in &findings.gone {
        let (name, last) = (data(&gone.name), place(&gone.last));
        line(
            out,
            format_args!("Not seen any more after {last}: {name}, which {} rows before have.\n", gone.rows),
        );
    }
}

fn refused(out: &mut String, title: &str, refused: &std::collections::BTreeMap<String, Refused>) {
    if refused.is_empty() {
        return;
    }
    line(
        out,
        format_args!("| {} | rows | first | what | the row |\n|---|--:|---|---|---|", title.to_lowercase()),
    );
    for (reason, refused) in refused {
        let (detail, excerpt) = (data(&refused.detail), data(&refused.excerpt));
        let first = place(&refused.first);
        line(out, format_args!("| {} | {} | {first} | {detail} | {excerpt} |", data(reason), refused.rows));
    }
    out.push('\n');
}

fn line(out: &mut String, text: impl Display) {
    let _ = writeln!(out, "{text}");
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn listed_or(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}

fn place(place: &Place) -> String {
    match place.line {
        Some(line) => format!("line {line}, byte {}", place.byte),
        None => format!("byte {}", place.byte),
    }
}

/// A share as people read it; never rounded up to the whole.
pub fn percent(share: Option<f64>) -> String {
    match share {
        None => "–".to_owned(),
        Some(share) if share >= 1.0 => "100 %".to_owned(),
        Some(share) => format!("{:.1} %", (share * 1000.0).floor() / 10.0),
    }
}

/// Text from a row on one line, without what a terminal or a page would take for more than text; cut when long.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (place, c) in text.chars().enumerate() {
        if place == CELL_CHARS_MAX {
            shown.push('…');
            break;
        }
        if c == ' ' || !(c.is_control() || c.is_whitespace() || is_invisible(c)) {
            shown.push(c);
        } else {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
    }
    shown
}

/// Characters that turn or hide what is beside them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// As [`shown`], and without a meaning of its own in Markdown or HTML.
fn data(text: &str) -> String {
    let shown = shown(text);
    if shown.contains(['`', '|']) || shown.trim() != shown || shown.is_empty() {
        escaped(&shown)
    } else {
        format!("`{shown}`")
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_ascii_punctuation() => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_out_of_rows_stays_text() {
        assert_eq!(data("run_id"), "`run_id`");
        assert_eq!(data("<b>*x*</b>"), "`<b>*x*</b>`");
        assert_eq!(data("a|b`<i>&[x](y)"), "a\\|b\\`&lt;i&gt;&amp;\\[x\\]\\(y\\)");
        assert_eq!(data("a\nb\u{1b}[31m\u{202e}"), "`a\\u{a}b\\u{1b}[31m\\u{202e}`");
        assert_eq!(data(""), "");
        assert_eq!(shown(&"ab".repeat(100)), "ab".repeat(60) + "…");
    }

    #[test]
    fn a_share_is_never_rounded_up_to_the_whole() {
        assert_eq!(percent(Some(1.0)), "100 %");
        assert_eq!(percent(Some(0.99999)), "99.9 %");
        assert_eq!(percent(Some(0.0)), "0.0 %");
        assert_eq!(percent(None), "–");
    }
}
