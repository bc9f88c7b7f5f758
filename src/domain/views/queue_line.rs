//! `views/review_queue.jsonl`: a line for each row that needs a person. Its text stays in the evidence.

use super::facts::{Facts, Row, RowId};
use super::standing::Origin;
use super::{Lines, told};
use crate::domain::render::Object;
use crate::domain::review_queue::Why;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::skim;

/// Appends the line of a row, newline included. Nothing when its place is not kept and cannot be read back.
pub fn push(facts: &Facts, id: RowId, row: &Row, why: Why, lines: &mut dyn Lines, out: &mut String) {
    let kept = facts.shown(id).map(|(origin, ..)| origin).filter(|origin| *origin != Origin::NONE);
    // Where the place is not kept, it is read back.
    let read_back = match kept {
        Some(_) => None,
        None => {
            lines.evidence(row).and_then(|line| skim::members(line).find(|(key, _)| *key == "provenance"))
        }
    };
    if kept.is_none() && read_back.is_none() {
        return;
    }
    let mut o = Object::new(out);
    o.int("schema_version", SCHEMA_VERSION);
    o.code("why", why.code());
    o.plain("run_id", facts.runs.text(row.run()));
    o.plain("task_id", &facts.task_text(row.task()));
    o.plain("source_stream", facts.names.text(facts.stream_name(row)));
    let time = row.time().text();
    o.time_text("timestamp", &time);
    o.code("category", row.told().category().name());
    o.codes("reasons", told::reasons(std::iter::once(row.told())));
    let provenance = o.key("provenance");
    match (kept, read_back) {
        (Some(origin), _) => facts.push_provenance(provenance, row, &origin, &time),
        (None, place) => provenance.push_str(place.map_or("null", |(_, value)| value)),
    }
    o.end();
    out.push('\n');
}
