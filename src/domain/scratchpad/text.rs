//! Reading notes and Markdown, line by line.

mod code;
mod validation;

use std::borrow::Cow;

use super::cue::{self, Cue};
use super::line::{self, Line};
use super::opening;
use super::outcome::outcome;
use super::pad::Pad;
use super::paths;
use super::status::{self, Status};
use super::table::{self, Columns};

/// A line this long that ends within a sentence goes on in the next one, in bytes.
const WRAPPED_BYTES_MIN: usize = 60;

/// Reads a text that is no JSON.
pub(super) fn read(text: &str) -> Pad<'_> {
    let mut reader = Reader::default();
    let mut lines = text.lines().peekable();
    while let Some(raw) = lines.next() {
        let underlined = lines.peek().is_some_and(|next| line::is_underline(next));
        reader.line(raw, underlined);
    }
    reader.close_section();
    reader.pad
}

#[derive(Default)]
struct Reader<'t> {
    pad: Pad<'t>,
    section: Option<Section<'t>>,
    /// What is being read and may go on in the next line.
    open: Option<Open<'t>>,
    /// The fence of the code we are in.
    fence: Option<(u8, usize)>,
    in_comment: bool,
    table: Table,
    after_blank: bool,
    before: Before,
}

/// What a heading, or a cue with nothing behind it, opened.
struct Section<'t> {
    cue: Cue,
    /// Whether a heading opened it: then only a heading ends it.
    by_heading: bool,
    /// Columns before its first item.
    indent: Option<usize>,
    /// Paragraphs, which are items when there is no list.
    paragraphs: Vec<Cow<'t, str>>,
}

/// An item, or what stands behind a cue, as far as it has been read.
struct Open<'t> {
    goes_to: GoesTo,
    indent: usize,
    text: Cow<'t, str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GoesTo {
    Cue(Cue),
    /// A paragraph of the section.
    Paragraph,
    /// An item that is no step, but may go on.
    Nothing,
}

#[derive(Clone, Copy, Default)]
enum Table {
    #[default]
    None,
    Unread,
    Read(Columns),
}

/// The last line, as far as wrapping needs it.
#[derive(Default, Clone, Copy)]
struct Before {
    is_long: bool,
}

impl<'t> Reader<'t> {
    fn line(&mut self, raw: &'t str, underlined: bool) {
        let line = Line::of(raw);
        if self.skips(raw, &line) {
            return;
        }
        if line.body.is_empty() && !line.is_item {
            self.close_open();
            self.table = Table::None;
            self.after_blank = true;
            return;
        }
        paths::each(line.body, |path| self.pad.path(Cow::Borrowed(path)));
        if line.body.starts_with('|') {
            self.close_open();
            self.table_row(line.body);
            return;
        }
        self.table = Table::None;
        if !underlined && self.goes_on(&line) {
            self.note(raw);
            return;
        }
        self.close_open();
        self.statement(&line, underlined);
        self.note(raw);
    }

    fn note(&mut self, raw: &str) {
        self.after_blank = false;
        self.before = Before { is_long: raw.len() >= WRAPPED_BYTES_MIN };
    }

    fn table_row(&mut self, row: &'t str) {
        let in_validation = matches!(self.cue(), Some(Cue::Validation | Cue::Check));
        self.table = match self.table {
            Table::None => table::columns(row, in_validation).map_or(Table::Unread, Table::Read),
            Table::Unread => Table::Unread,
            Table::Read(columns) => {
                table::take_row(columns, row, &mut self.pad);
                Table::Read(columns)
            }
        };
        self.after_blank = false;
    }

    fn cue(&self) -> Option<Cue> {
        self.section.as_ref().map(|section| section.cue)
    }

    /// Whether the line goes on with what the one before it began.
    fn goes_on(&mut self, line: &Line<'t>) -> bool {
        let Some(open) = &mut self.open else { return false };
        if line.is_item
            || line.heading().is_some()
            || opening::is_shard_header(line.body)
            || (is_capitals(line.body) && cue::of_phrase(line.body).is_some())
            || status::leading_mark(line.body).is_some()
            || line.cue().is_some()
        {
            return false;
        }
        let indented = line.indent > open.indent + 1;
        let paragraph = open.goes_to == GoesTo::Paragraph;
        let within_sentence = !open.text.ends_with(['.', ':', ';', '?', '!'])
            && self.before.is_long
            && line.body.starts_with(char::is_lowercase);
        if !(indented || paragraph || within_sentence) {
            return false;
        }
        let text = open.text.to_mut();
        text.push(' ');
        text.push_str(line.body);
        true
    }

    fn close_open(&mut self) {
        let Some(open) = self.open.take() else { return };
        match open.goes_to {
            GoesTo::Nothing => {}
            GoesTo::Paragraph => {
                if let Some(section) = &mut self.section {
                    section.paragraphs.push(open.text);
                }
            }
            GoesTo::Cue(cue) => self.pad.take(cue, open.text),
        }
    }

    fn close_section(&mut self) {
        self.close_open();
        let Some(section) = self.section.take() else { return };
        if section.indent.is_some() {
            return;
        }
        let only_first = section.cue == Cue::Objective;
        let count = if only_first { 1 } else { usize::MAX };
        let tells = |paragraph: &Cow<'_, str>| !paragraph.ends_with(':');
        for paragraph in section.paragraphs.into_iter().filter(tells).take(count) {
            self.pad.take(section.cue, paragraph);
        }
    }

    fn open_section(&mut self, cue: Option<Cue>, by_heading: bool) {
        self.close_section();
        self.section = cue.map(|cue| Section { cue, by_heading, indent: None, paragraphs: Vec::new() });
    }

    /// A line that starts something new.
    fn statement(&mut self, line: &Line<'t>, underlined: bool) {
        if opening::is_shard_header(line.body) {
            self.pad.checks.next_part();
            self.open_section(None, true);
            return;
        }
        if line::is_underline(line.body) {
            return;
        }
        let heading = line.heading().or((underlined && !line.is_item).then_some(line.body));
        if let Some(heading) = heading {
            self.heading(heading, line.indent);
            return;
        }
        if !line.is_item && is_capitals(line.body) && self.heading_in_capitals(line.body) {
            return;
        }
        if matches!(self.cue(), Some(Cue::Validation | Cue::Check)) && self.validation_line(line) {
            return;
        }
        if let Some((status, rest)) = status::leading_mark(line.body) {
            // A sign before a cue is its ornament: `✅ Done: …`.
            if !line.body.starts_with('[')
                && let Some((cue, value)) =
                    line::cue_of(rest).filter(|(cue, value)| *cue != Cue::Check && !value.is_empty())
            {
                self.cue_line(cue, value, line);
                return;
            }
            self.note_item(line);
            self.open(Cue::Step(status), line.indent, rest);
            return;
        }
        if let Some((cue, value)) = line.cue()
            && !(self.cue() == Some(Cue::Wanted) && line.is_item)
        {
            self.cue_line(cue, value, line);
            return;
        }
        self.plain(line);
    }

    fn heading(&mut self, heading: &'t str, indent: usize) {
        match line::cue_of(heading) {
            Some((cue, value)) if !value.is_empty() => {
                self.open_section(None, true);
                self.open(cue, indent, value);
                self.close_open();
            }
            Some((cue, _)) => self.open_section(Some(cue), true),
            None => {
                self.open_section(cue::of_heading(heading), true);
                if self.section.is_none() {
                    self.said_of_status(heading);
                }
            }
        }
    }

    fn heading_in_capitals(&mut self, body: &'t str) -> bool {
        let Some(cue) = cue::of_phrase(body) else { return false };
        self.open_section(Some(cue), true);
        true
    }

    /// Remembers that the section has a list.
    fn note_item(&mut self, line: &Line<'t>) {
        if let Some(section) = &mut self.section {
            section.indent.get_or_insert(line.indent);
        }
    }

    fn cue_line(&mut self, cue: Cue, value: &'t str, line: &Line<'t>) {
        let in_list_of_section = line.is_item && self.section.is_some();
        if value.is_empty() {
            self.open_section(Some(cue), false);
            return;
        }
        let told = if cue == Cue::Check { outcome(value) } else { None };
        if cue == Cue::Check && told.is_none() && line.is_item && status::of_word(value).is_some() {
            // `test: in progress` says how the writing of the test stands, and nothing of a run.
            self.plain(line);
            return;
        }
        if in_list_of_section {
            self.note_item(line);
            if cue == Cue::Check
                && let Some(Cue::Step(status)) = self.cue()
            {
                // A check among the steps is a step too.
                let step = Cow::Borrowed(line.body);
                // What it came to is taken by its name below; that it stands among the failed counts besides.
                if told.is_some() && status == Status::Done {
                    self.pad.checked_step(status, step);
                } else {
                    self.pad.step(status, step);
                }
            }
        } else if self.section.as_ref().is_some_and(|section| !section.by_heading) {
            self.close_section();
        }
        if cue == Cue::Check {
            if let Some(outcome) = told {
                let name = line.body.get(..line.body.len() - value.len()).unwrap_or_default();
                self.pad.checks.add_named(Cow::Borrowed(name), outcome);
            }
            return;
        }
        match (cue, status::trailing(value)) {
            (Cue::Step(_), Some((status, step))) => {
                // How it stands is the end of the item.
                self.open(Cue::Step(status), line.indent, step);
                self.close_open();
            }
            _ => self.open(cue, line.indent, value),
        }
    }

    fn open(&mut self, cue: Cue, indent: usize, value: &'t str) {
        self.open = Some(Open { goes_to: GoesTo::Cue(cue), indent, text: Cow::Borrowed(value) });
    }

    /// A line without a mark or a cue.
    fn plain(&mut self, line: &Line<'t>) {
        let steps_or_none = matches!(self.cue(), None | Some(Cue::Step(_)));
        if line.is_item
            && steps_or_none
            && let Some((status, step)) = status::trailing(line.body)
        {
            self.note_item(line);
            self.open(Cue::Step(status), line.indent, step);
            self.close_open();
            return;
        }
        let Some(section) = &mut self.section else {
            self.unasked(line);
            return;
        };
        if line.is_item {
            let first = *section.indent.get_or_insert(line.indent);
            // What is indented more tells of the item above it.
            let goes_to = if line.indent > first + 1 { GoesTo::Nothing } else { GoesTo::Cue(section.cue) };
            self.open = Some(Open { goes_to, indent: line.indent, text: Cow::Borrowed(line.body) });
            return;
        }
        if is_labelled(line.body) {
            // `**Status:** …` is a member of something, not a paragraph of the section.
            self.unasked(line);
            return;
        }
        let near = section.by_heading || (section.indent.is_none() && !self.after_blank);
        if section.indent.is_none() && (near || section.cue == Cue::Objective) {
            let ends_here = !section.by_heading && section.cue == Cue::Objective;
            self.open = Some(Open {
                goes_to: GoesTo::Paragraph,
                indent: line.indent,
                text: Cow::Borrowed(line.body),
            });
            if !section.by_heading && !ends_here {
                // Below a mere cue each line is an item.
                self.close_open();
            }
            return;
        }
        if !section.by_heading {
            self.close_section();
        }
        self.unasked(line);
    }

    /// What a line tells that no cue asks about.
    fn unasked(&mut self, line: &Line<'t>) {
        if opening::is_decision_sentence(line.body) {
            self.open(Cue::Decision, line.indent, line.body);
        } else {
            self.said_of_status(line.body);
        }
    }
}

/// Whether a line is a label and its value: `**Status:** open`.
fn is_labelled(body: &str) -> bool {
    let label = body.strip_prefix("**").and_then(|inner| inner.split_once("**"));
    label.is_some_and(|(label, rest)| label.ends_with(':') || rest.starts_with(':'))
}

/// Whether a line is written in capitals.
fn is_capitals(body: &str) -> bool {
    body.len() <= 40
        && body.bytes().any(|byte| byte.is_ascii_uppercase())
        && !body.bytes().any(|byte| byte.is_ascii_lowercase())
        && !body.contains(':')
}
