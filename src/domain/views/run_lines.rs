//! `views/runs.jsonl`: one line a run: where its evidence stands, its category, and the fields of all streams joined.
//!
//! Only what a line shows is taken from the evidence, as the escaped text that it is: nothing is decoded on the way.

mod json;
mod lists;

use std::ops::Range;

use json::{Json, push_quoted, retrieved, set, string};
use lists::{Lists, SHARED_BYTES_MAX};

use super::Lines;
use super::detail::scaled;
use super::facts::{Facts, Row, RowId, RunId};
use super::few::Few;
use super::member::Member;
use super::runs::{Run, worst};
use super::shown::{Numbers, parts, put_all};
use super::standing::Origin;
use super::told::reasons;
use crate::domain::render::Object;
use crate::domain::schema::SCHEMA_VERSION;
use crate::domain::schema::codes::Marker;
use crate::domain::schema::record::ModelRole;
use crate::domain::schema::scalars::{EventTime, TimeText};
use crate::domain::score::Category;
use crate::domain::skim;

/// Members that are shown as they are, each with all its values, in the order of the line; `model_role` among them.
const SHOWN: [(&str, Member); 12] = [
    ("categorizer", Member::Categorizer),
    ("commit", Member::Commit),
    ("extractor", Member::Extractor),
    ("mode", Member::Mode),
    ("model_role", Member::ModelRole),
    ("observer_confidence", Member::ObserverConfidence),
    ("observer_verdict", Member::ObserverVerdict),
    ("scratchpad_summary", Member::ScratchpadSummary),
    ("source_label", Member::SourceLabel),
    ("source_service", Member::SourceService),
    ("trace_id", Member::TraceId),
    ("verifier", Member::Verifier),
];

/// A row of the line in the making.
#[derive(Debug, Clone, Copy)]
struct Shows<'f> {
    row: &'f Row,
    /// Whether it is of the run, and not merely about it.
    is_own: bool,
    /// Its provenance, where that is not among the parts.
    origin: Origin,
}

/// A member of some row's evidence.
#[derive(Debug)]
struct Part {
    /// The row's place among those of the line.
    row: usize,
    member: Member,
    value: Range<usize>,
}

/// Room for lines in the making, used again and again while rows are looked up in the same facts.
#[derive(Debug, Default)]
pub struct RunLines {
    text: String,
    parts: Vec<Part>,
    lists: Lists,
}

impl RunLines {
    /// Appends the line of a run, newline included; nothing for a run without rows.
    pub fn push(&mut self, facts: &Facts, run: RunId, lines: &mut dyn Lines, out: &mut String) {
        let own = facts.of_run(run);
        let mut rows = own.map(|(id, row)| (*id, Shows { row, is_own: true, origin: Origin::NONE }));
        for (id, row) in facts.about(run) {
            rows.push((id, Shows { row, is_own: false, origin: Origin::NONE }));
        }
        if rows.len() > own.len() {
            rows.sort_unstable_by_key(|(_, shows)| shows.row.at());
        }
        let alone = rows.first().filter(|_| own.len() == 1 && rows.len() == 1);
        let shown = alone.and_then(|(id, _)| facts.shown(*id)).filter(|(origin, _)| *origin != Origin::NONE);
        let present = match (shown, rows.first_mut()) {
            // Nearly all rows that are alone: their parts lie anywhere in memory, and stay there.
            (Some((origin, shown)), Some((_, shows))) if self.lists.are_all_of(shown) => {
                shows.origin = origin;
                self.text.clear();
                self.parts.clear();
                self.parts.push(Part { row: 0, member: Member::Provenance, value: 0..0 });
                bit(Member::Provenance)
            }
            _ => self.read(facts, &mut rows, lines),
        };
        let run = Run::of_rows(facts, run, own.map(|(_, row)| *row));
        let time = rows.first().map_or(EventTime::EPOCH, |(_, first)| first.row.time());
        let began = (time, time.text());
        // Of what a person said the time is shown, which is the row's.
        let is_shared = present & bit(Member::HumanOverride) == 0 && self.text.len() <= SHARED_BYTES_MAX;
        let shared = shown.filter(|_| is_shared).map(|(_, numbers)| numbers);
        let (text, parts) = (&self.text, &self.parts);
        let line = Line { facts, run: &run, rows: &rows, text, parts, present, began, shared };
        line.write(&mut self.lists, out);
    }

    /// Gathers what is shown of rows; gives a bit for every member that some row has.
    fn read(&mut self, facts: &Facts, rows: &mut [(RowId, Shows<'_>)], lines: &mut dyn Lines) -> u64 {
        self.text.clear();
        self.parts.clear();
        let mut present = 0;
        for (place, (id, shows)) in rows.iter_mut().enumerate() {
            let mut at = self.text.len();
            shows.origin = if let Some((origin, shown)) = facts.shown(*id) {
                self.text.extend(facts.shown_texts(shown));
                origin
            } else {
                let evidence = lines.evidence(shows.row).unwrap_or_default();
                put_all(&mut self.text, evidence, facts.source_file(shows.row))
            };
            for (member, value) in parts(self.text.get(at..).unwrap_or_default()) {
                // A mark before, a line feed behind.
                let value = at + 1..at + 1 + value.len();
                at = value.end + 1;
                present |= bit(member);
                self.parts.push(Part { row: place, member, value });
            }
        }
        present
    }
}

fn bit(member: Member) -> u64 {
    1 << member as u32
}

/// The members that only lists show, and the provenance, which is no part where it is kept.
fn in_lists() -> u64 {
    let others = [
        Member::Provenance,
        Member::SourceFiles,
        Member::CommandsRun,
        Member::RetrievedContext,
        Member::SuccessMarkers,
        Member::FailureMarkers,
    ];
    SHOWN.iter().map(|(_, member)| *member).chain(others).fold(0, |bits, member| bits | bit(member))
}

/// A line, and what it is made from.
struct Line<'l> {
    facts: &'l Facts,
    run: &'l Run<'l>,
    /// All rows, in order.
    rows: &'l [(RowId, Shows<'l>)],
    text: &'l str,
    parts: &'l [Part],
    /// A bit for every member that some row has.
    present: u64,
    /// When the first row happened: most runs have no other one, and their lines tell its time three times.
    began: (EventTime, TimeText),
    /// The numbers of its parts, where the lists follow from them alone.
    shared: Option<Numbers>,
}

impl<'l> Line<'l> {
    fn time_text(&self, time: EventTime) -> TimeText {
        if time == self.began.0 { self.began.1 } else { time.text() }
    }

    /// The values of a member, with their rows, in order.
    fn values(&self, member: Member) -> impl DoubleEndedIterator<Item = (Shows<'l>, &'l str)> {
        self.values_of(member, member)
    }

    /// The values of two members.
    fn values_of(&self, one: Member, other: Member) -> impl DoubleEndedIterator<Item = (Shows<'l>, &'l str)> {
        let (rows, text) = (self.rows, self.text);
        // Nearly all members are in no row.
        let parts = if self.present & (bit(one) | bit(other)) == 0 { &[] } else { self.parts };
        let parts = parts.iter().filter(move |part| part.member == one || part.member == other);
        parts.filter_map(move |part| Some((rows.get(part.row)?.1, text.get(part.value.clone())?)))
    }

    /// The sum of a number over the run's work.
    fn sum(&self, key: Member, number: fn(&str) -> Option<u64>) -> Option<u64> {
        let of_work = self.values(key).filter(|(shows, _)| shows.is_own && shows.row.told().is_work());
        of_work.filter_map(|(_, value)| number(value)).reduce(u64::saturating_add)
    }

    fn write(&self, lists: &mut Lists, out: &mut String) {
        let (Some((_, first)), Some((_, last))) = (self.rows.first(), self.rows.last()) else { return };
        let (Some(task), Some(task_type)) = (self.run.task(), self.run.task_type()) else { return };
        let facts = self.facts;
        let mut o = Object::new(out);
        o.int("schema_version", SCHEMA_VERSION);
        o.plain("run_id", facts.runs.text(self.run.id));
        o.plain("task_id", &facts.task_text(task));
        o.plain("task_type", facts.names.text(task_type));
        let signatures = self.values(Member::RunSignature).rev().filter(|(shows, _)| shows.is_own);
        string(&mut o, "run_signature", signatures.map(|(_, value)| value));
        self.write_score(&mut o);
        o.time_text("first_timestamp", &self.time_text(first.row.time()));
        o.time_text("last_timestamp", &self.time_text(last.row.time()));
        let number = |value: &str| value.parse::<i64>().ok();
        let pull = self.values(Member::PrNumber).rev().find_map(|(_, value)| number(value));
        if let Some(pull) = pull {
            o.int("pr_number", pull);
        }
        string(&mut o, "head_sha", self.values(Member::HeadSha).rev().map(|(_, value)| value));
        let own = self.values(Member::Attempt).filter(|(shows, _)| shows.is_own);
        let attempt = own.filter_map(|(_, value)| value.parse::<u32>().ok()).max();
        if let Some(attempt) = attempt {
            o.int("attempt", attempt);
        }
        self.write_sums(&mut o);
        let mut models = Few::Many(Vec::new());
        for model in self.run.work().filter_map(Row::model) {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        if !models.is_empty() {
            o.array("models", models, |out, model| push_quoted(out, facts.names.text(model)));
        }
        if let Some(shown) = self.shared {
            lists.write_files(shown, &mut o, |o| self.write_files(o));
            let are_all = self.present & !in_lists() == 0;
            lists.write_rest(shown, are_all, &mut o, |o| self.write_lists(o));
        } else {
            self.write_files(&mut o);
            self.write_lists(&mut o);
        }
        o.array("evidence", self.values(Member::Provenance), |out, (shows, place)| {
            let mut o = Object::new(out);
            o.plain("source_stream", facts.names.text(facts.stream_name(shows.row)));
            o.plain("category", shows.row.told().category().name());
            let provenance = o.key("provenance");
            if place.is_empty() {
                facts.push_provenance(
                    provenance,
                    shows.row,
                    &shows.origin,
                    &self.time_text(shows.row.time()),
                );
            } else {
                provenance.push_str(place);
            }
            o.end();
        });
        o.end();
        out.push('\n');
    }

    fn write_files(&self, o: &mut Object<'_>) {
        let files = self.values(Member::SourceFiles).flat_map(|(_, files)| skim::items(files));
        set(o, "source_files", files.filter_map(Json::of_string));
    }

    /// All lists but that of the files.
    fn write_lists(&self, o: &mut Object<'_>) {
        self.write_commands(o);
        let markers = self.values_of(Member::SuccessMarkers, Member::FailureMarkers);
        let mut markers: Vec<_> = markers
            .flat_map(|(_, markers)| skim::items(markers))
            .filter_map(|marker| Marker::from_name(marker.trim_matches('"')))
            .collect();
        markers.sort_unstable();
        markers.dedup();
        if !markers.is_empty() {
            o.codes("markers", markers.into_iter().map(Marker::name));
        }
        let retrieved = self.values(Member::RetrievedContext).flat_map(|(_, context)| retrieved(context));
        set(o, "retrieved", retrieved);
        self.write_people(o);
        self.write_shown(o);
    }

    fn write_score(&self, o: &mut Object<'_>) {
        let categories = || self.run.work().map(|row| row.told().category());
        o.plain("category", worst(categories()).unwrap_or(Category::NeedsHumanReview).name());
        let mut counts = Category::ALL
            .map(|category| (category.name(), categories().filter(|found| *found == category).count()));
        counts.sort_unstable();
        if counts.iter().any(|(_, count)| *count > 0) {
            o.object("categories", |o| {
                for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                    o.int(name, count);
                }
            });
        }
        let reasons = reasons(self.run.work().map(Row::told));
        if !reasons.is_empty() {
            o.codes("reasons", reasons);
        }
    }

    fn write_sums(&self, o: &mut Object<'_>) {
        let mut amount = |key: &str, amount: Option<f64>| {
            // Whole ones, which most are, by hand: what serde writes of them is the number and `.0`.
            if let Some(whole) = amount.filter(|amount| amount.fract() == 0.0 && *amount < 1e15) {
                let digits = o.key(key);
                digits.push_str(itoa::Buffer::new().format(whole as u64));
                digits.push_str(".0");
            } else if let Some(Ok(json)) = amount.map(|amount| serde_json::to_string(&amount)) {
                o.raw(key, &json);
            }
        };
        let cost = self.sum(Member::CostUsd, |cost| scaled(cost, 1e9));
        amount("cost_usd", cost.map(|nanos| nanos as f64 / 1e9));
        let latency = self.run.work().filter_map(Row::latency_us).reduce(u64::saturating_add);
        amount("latency_ms", latency.map(|micros| micros as f64 / 1e3));
        for (name, key) in [("tokens_in", Member::TokensIn), ("tokens_out", Member::TokensOut)] {
            if let Some(tokens) = self.sum(key, |tokens| tokens.parse().ok()) {
                o.int(name, tokens);
            }
        }
    }

    fn write_commands(&self, o: &mut Object<'_>) {
        let own = self.values(Member::CommandsRun).filter(|(shows, _)| shows.is_own);
        let commands = own.flat_map(|(_, commands)| skim::items(commands)).filter_map(|command| {
            let (mut line, mut exit_code) = (None, None);
            for (key, value) in skim::members(command) {
                match key {
                    "cmd" => line = Some(value).filter(|line| line.starts_with('"')),
                    "exit_code" => exit_code = value.parse::<i64>().ok(),
                    _ => {}
                }
            }
            Some((line?, exit_code))
        });
        let mut commands = commands.peekable();
        if commands.peek().is_some() {
            o.array("commands_run", commands, |out, (line, exit_code)| {
                let mut o = Object::new(out);
                o.raw("cmd", line);
                if let Some(exit_code) = exit_code {
                    o.int("exit_code", exit_code);
                }
                o.end();
            });
        }
    }

    fn write_people(&self, o: &mut Object<'_>) {
        let mut people = self.values(Member::HumanOverride).filter_map(person).peekable();
        if people.peek().is_some() {
            o.array("human_overrides", people, |out, (members, at)| {
                let mut o = Object::new(out);
                for (key, value) in members.into_iter().flatten() {
                    o.raw(key, value);
                }
                o.time("at", at);
                o.end();
            });
        }
    }

    fn write_shown(&self, o: &mut Object<'_>) {
        for (key, member) in SHOWN {
            let values = self.values(member);
            if member == Member::ModelRole {
                let roles = values.filter_map(|(_, role)| ModelRole::from_name(role.trim_matches('"')));
                o.codes(key, roles.map(ModelRole::name).collect::<Few<_>>().distinct());
            } else {
                set(o, key, values.map(|(_, value)| Json::of(value)));
            }
        }
    }
}

/// What a person decided: its members in order, and when.
type Person<'l> = ([Option<(&'static str, &'l str)>; 3], EventTime);

fn person<'l>((shows, said): (Shows<'l>, &'l str)) -> Option<Person<'l>> {
    let mut members = [("action", None), ("actor", None), ("reason", None)];
    for (key, value) in skim::members(said).filter(|(_, value)| value.starts_with('"')) {
        for (_, known) in members.iter_mut().filter(|(name, _)| *name == key) {
            *known = Some(value);
        }
    }
    let [(_, action), ..] = members;
    action.map(|_| (members.map(|(key, value)| Some((key, value?))), shows.row.time()))
}
