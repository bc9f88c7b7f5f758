//! Which rows reach a review by its file, one by one.

use super::{File, Span, undone};
use crate::domain::link::facts::{Part, human_of};
use crate::domain::link::rows::Rows;
use crate::domain::link::why::{Judge, Link, REVERTED, Reason};
use crate::domain::schema::scalars::EventTime;
use crate::domain::score::HumanAction;
use crate::domain::signal::{Code, SignalSet};

impl File {
    /// What reaches a review of that time and attempt, of the rows that judge reviews of the file.
    pub(in crate::domain::link) fn why(
        &self,
        rows: &Rows,
        time: EventTime,
        attempt: i32,
        window_ms: i64,
        judges: &[&Judge],
        why: &mut Vec<Reason>,
    ) {
        let span = self.span(time, window_ms);
        let ambiguous = self.members(time).nth(1).is_some();
        let attempt = if ambiguous { -1 } else { attempt };
        let mut say = |code, from| {
            // Of several reviews of one time nobody can tell which is meant.
            let code = if ambiguous { Code::LinkAmbiguous } else { code };
            why.push(Reason { code, from, link: Link::File });
        };
        let latest = self.applies.latest_row(span.time, span.until_in_window());
        if let Some((moment, place)) = latest
            && let Some(row) = rows.get(place)
        {
            let reverts = if ambiguous { Vec::new() } else { self.applies.undoing(moment) };
            let says = if reverts.is_empty() { row.own } else { undone(row.own).without(REVERTED) };
            says.iter().for_each(|code| say(code, place));
            for revert in reverts {
                say(Code::ApplyReverted, revert);
            }
        }
        for judge in judges.iter().filter(|judge| means(judge, attempt, span)) {
            let says: SignalSet = match judge.part {
                Part::Human => human_of(judge.says).map(HumanAction::code).into_iter().collect(),
                Part::Overseer => SignalSet::of(Code::OverseerCorrected),
                _ => judge.says,
            };
            says.iter().for_each(|code| say(code, judge.place));
        }
    }
}

/// Whether a row means the reviews of a group, an observer those of an attempt. None is -1.
fn means(judge: &Judge, attempt: i32, span: Span) -> bool {
    let within = |(from, to): (EventTime, EventTime)| (from..=to).contains(&judge.moment.time);
    match judge.part {
        Part::Observer => {
            let same = attempt < 0 || judge.attempt < 0 || judge.attempt == attempt;
            same && (within(span.first_for()) || within(span.last_for()))
        }
        Part::Human => within((span.time, span.until())),
        Part::Overseer => within((span.time, span.until_in_window())),
        // Of applies only the latest counts.
        _ => false,
    }
}
