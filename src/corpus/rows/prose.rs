//! Long texts: Markdown put together from fragments inside an open string.

use crate::corpus::pen::Pen;
use crate::corpus::shelf::Kind;

/// A review of `file` of about `bytes` bytes.
pub(crate) fn review(pen: &mut Pen, file: &str, verdict: Option<&str>, bytes: usize) {
    let end = pen.len() + bytes;
    match pen.dice.below(4) {
        0 => {
            pen.plain("# Review of `");
            pen.plain(file);
            pen.plain("`\\n\\n");
        }
        1 => {
            pen.plain("## ");
            pen.plain(file);
            pen.plain("\\n\\n");
        }
        2 => {
            pen.plain("**File:** ");
            pen.plain(file);
            pen.plain("\\n\\n");
        }
        _ => {}
    }
    if pen.dice.often(30) {
        scratchpad(pen, file);
    }
    body(pen, end);
    if let Some(verdict) = verdict {
        pen.plain("\\n\\n**Verdict:** ");
        pen.plain(verdict);
    }
}

/// An answer, analysis or brief: paragraphs that start with one of `lead`.
pub(crate) fn essay(pen: &mut Pen, lead: Kind, bytes: usize) {
    let end = pen.len() + bytes;
    pen.fragment(lead);
    let mut after_block = false;
    while pen.len() < end {
        let kind = match pen.dice.below(20) {
            0..14 => lead,
            14..17 => Kind::Remark,
            17 => Kind::World,
            18 => Kind::Code,
            _ => Kind::Block,
        };
        let block = matches!(kind, Kind::Code | Kind::Block);
        let apart = block || after_block || pen.dice.often(30);
        pen.plain(if apart { "\\n\\n" } else { " " });
        pen.fragment(kind);
        after_block = block;
    }
}

/// The lines an agent keeps beside its work.
pub(crate) fn scratchpad(pen: &mut Pen, file: &str) {
    pen.plain("Objective: review ");
    pen.plain(file);
    pen.plain(" and its callers\\n");
    for _ in 0..pen.dice.between(2, 6) {
        pen.fragment(Kind::Step);
        pen.plain("\\n");
    }
    pen.plain("Validation: ");
    let status = pen.dice.word(&["passed", "failed", "partial", "not run"]);
    pen.plain(status);
    pen.plain("\\n\\n");
}

/// Sections, lists, code and diffs until the row is `end` bytes long.
pub(crate) fn body(pen: &mut Pen, end: usize) {
    pen.fragment(Kind::Remark);
    while pen.len() < end {
        pen.plain("\\n\\n");
        match pen.dice.below(20) {
            0..6 => paragraph(pen),
            6..9 => list(pen, "- "),
            9..11 => list(pen, "\\t* "),
            11 => {
                pen.plain("### Findings\\n\\n");
                list(pen, "1. ");
            }
            12 | 13 => pen.fragment(Kind::World),
            14..17 => pen.fragment(Kind::Code),
            17 | 18 => pen.fragment(Kind::Diff),
            _ => pen.fragment(Kind::Block),
        }
    }
}

fn paragraph(pen: &mut Pen) {
    pen.fragment(Kind::Remark);
    for _ in 0..pen.dice.below(4) {
        pen.plain(" ");
        pen.fragment(Kind::Remark);
    }
}

fn list(pen: &mut Pen, bullet: &str) {
    for item in 0..pen.dice.between(1, 5) {
        if item > 0 {
            pen.plain("\\n");
        }
        pen.plain(bullet);
        pen.fragment(Kind::Remark);
    }
}
