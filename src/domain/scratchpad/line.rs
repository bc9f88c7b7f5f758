//! One line, taken apart: quote marks, indentation, bullet, heading, and a cue at its start.

use super::cue::{self, Cue};

/// A line without its quote marks, indentation and bullet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    /// Columns before the bullet, or before the text; a tab is four.
    pub(super) indent: usize,
    /// Whether it is an item of a list, by a bullet or a number.
    pub(super) is_item: bool,
    /// The text.
    pub(super) body: &'t str,
}

impl<'t> Line<'t> {
    pub(super) fn of(raw: &'t str) -> Self {
        let mut text = raw;
        // `> ` in front of a line quotes it; what is quoted counts like what is not.
        while let Some(inner) = text.trim_start().strip_prefix('>') {
            text = inner.strip_prefix(' ').unwrap_or(inner);
        }
        let body = text.trim_start();
        let columns = |c: char| if c == '\t' { 4 } else { 1 };
        let indent = text.get(..text.len() - body.len()).unwrap_or_default().chars().map(columns).sum();
        let body = body.trim_end();
        match behind_bullet(body).or_else(|| behind_step_number(body)) {
            Some(item) => Self { indent, is_item: true, body: item },
            None => Self { indent, is_item: false, body },
        }
    }

    /// The text of a heading: `## …`, or a line that is bold from end to end.
    pub(super) fn heading(&self) -> Option<&'t str> {
        if self.is_item {
            return None;
        }
        let level = self.body.bytes().take_while(|byte| *byte == b'#').count();
        if (1..=6).contains(&level) {
            let text = self.body.get(level..)?.strip_prefix(' ')?;
            return Some(text.trim_end_matches('#').trim());
        }
        let inner = self.body.strip_prefix("**")?.strip_suffix("**")?;
        (!inner.contains("**")).then_some(inner)
    }

    /// A cue at the start of the line, and what stands behind it.
    pub(super) fn cue(&self) -> Option<(Cue, &'t str)> {
        cue_of(self.body)
    }
}

/// How far into a line the colon of a cue may stand, in bytes.
const COLON_AT_MAX: usize = 64;

/// A cue at the start of a text: `Goal: …`, `**Goal:** …`, `**Goal** — …`, `Goal - …`.
pub(super) fn cue_of(text: &str) -> Option<(Cue, &str)> {
    let emphasis = ["**", "__", "*", "_"].into_iter().find_map(|mark| Some((mark, text.strip_prefix(mark)?)));
    if let Some((mark, inner)) = emphasis {
        let (phrase, rest) = inner.split_once(mark)?;
        if let Some(phrase) = phrase.strip_suffix(':') {
            return Some((cue::of_heading(phrase)?, rest.trim_start()));
        }
        let value = rest.strip_prefix(':').or_else(|| behind_dash(rest))?;
        return Some((cue::of_heading(phrase)?, value.trim_start()));
    }
    let start = text.get(..text.floor_char_boundary(COLON_AT_MAX))?;
    if text.starts_with('`') {
        let command_end = 1 + start.get(1..)?.find('`')?;
        let value = text.get(command_end + 1..)?.strip_prefix(':')?;
        let command = text.get(1..command_end)?;
        return super::command::is_check(command).then_some((Cue::Check, value.trim_start()));
    }
    if let Some(colon) = memchr::memchr(b':', start.as_bytes()) {
        let value = text.get(colon + 1..)?;
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            return None;
        }
        let phrase = text.get(..colon)?;
        let opens_section = value.trim_start().is_empty();
        let cue = if opens_section { cue::of_heading(phrase) } else { cue::of_label(phrase) };
        let cue = cue.or_else(|| super::command::is_check(phrase).then_some(Cue::Check));
        if let Some(cue) = cue {
            return Some((cue, value.trim_start()));
        }
    }
    let mut gaps = memchr::memchr_iter(b' ', start.as_bytes());
    let (dash, value) = gaps.find_map(|gap| Some((gap, behind_dash(text.get(gap..)?)?)))?;
    let cue = cue::of_phrase(text.get(..dash)?)?;
    // `Build - …` is more often a title than an outcome.
    (!matches!(cue, Cue::Check | Cue::Paths)).then_some((cue, value))
}

/// What stands behind a dash that stands apart.
fn behind_dash(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(' ')?;
    // Asked at every gap of every line: a character is found faster than three texts.
    let dash = rest.chars().next().filter(|c| matches!(c, '—' | '–' | '-'))?;
    rest.get(dash.len_utf8()..)?.strip_prefix(' ')
}

/// The text behind a bullet or a number, if the line starts with one.
fn behind_bullet(body: &str) -> Option<&str> {
    let first = body.chars().next()?;
    let rest = match first {
        '-' | '*' | '+' | '•' | '‣' | '◦' => body.get(first.len_utf8()..)?,
        '0'..='9' => {
            let number = body.bytes().take_while(u8::is_ascii_digit).count();
            let rest = body.get(number..).filter(|_| number <= 3)?;
            rest.strip_prefix(['.', ')'])?
        }
        _ => return None,
    };
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// The text behind `Step 3:`, `Step 3.` or `Step 3 -`.
fn behind_step_number(body: &str) -> Option<&str> {
    let (_, rest) = body.split_at_checked(5).filter(|(word, _)| word.eq_ignore_ascii_case("step "))?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let behind = rest.get(digits..).filter(|_| (1..=3).contains(&digits))?;
    let item = behind.strip_prefix([':', '.', ')']).or_else(|| behind_dash(behind))?;
    Some(item.trim_start()).filter(|item| !item.is_empty())
}

/// Whether a line underlines the one before it as a heading.
pub(super) fn is_underline(line: &str) -> bool {
    let line = line.trim();
    if !line.starts_with(['=', '-']) {
        return false;
    }
    line.len() >= 3 && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'))
}

/// The opening of a code fence: its sign, how often, and what stands behind.
pub(super) fn fence(body: &str) -> Option<(u8, usize, &str)> {
    let sign = *body.as_bytes().first().filter(|byte| matches!(byte, b'`' | b'~'))?;
    let count = body.bytes().take_while(|byte| *byte == sign).count();
    let info = body.get(count..)?.trim();
    // ```` ```x``` ```` on one line is code within the line.
    (count >= 3 && !info.contains('`')).then_some((sign, count, info))
}
