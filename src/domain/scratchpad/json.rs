//! Reading forensic JSON: the members of objects, by the same cues.

use std::borrow::Cow;

use super::cue::{self, Cue};
use super::pad::Pad;
use super::paths;
use super::status::{self, Status};
use crate::domain::canonical::{Kind, Parser, Value, unescape};

/// How deep objects are read.
const DEPTH_MAX: usize = 6;
/// How many lines may stand before a fence that holds the whole answer.
const PREAMBLE_LINES_MAX: usize = 3;

/// Reads a text that is JSON, or whose answer is one block of JSON.
pub(super) fn read(text: &str) -> Option<Pad<'static>> {
    let json = text.trim();
    let json = if json.starts_with('{') || json.starts_with('[') { json } else { fenced(json)? };
    let mut parser = Parser::default();
    let doc = parser.parse(json.as_bytes()).ok()?;
    let mut pad = Pad::default();
    let fenced = json.len() < text.trim().len();
    if fenced && doc.root().members().filter(|(key, _)| is_known(key)).count() < 2 {
        // A sample of some other JSON.
        return None;
    }
    name_paths(doc.root(), 0, &mut pad);
    object_or_list(doc.root(), 0, &mut pad);
    Some(pad)
}

/// The inside of a fence that starts within the first lines and that nothing follows.
fn fenced(text: &str) -> Option<&str> {
    let text = text.strip_suffix("```")?;
    let opening = text.find("```json")?;
    let before = text.get(..opening)?;
    let inner = text.get(opening + "```json".len()..)?;
    let preamble = before.lines().filter(|line| !line.trim().is_empty()).count();
    (preamble <= PREAMBLE_LINES_MAX && !inner.contains("```")).then(|| inner.trim())
}

fn is_known(key: &str) -> bool {
    cue::of_phrase(key).is_some() || matches!(key, "verdict" | "findings" | "steps" | "shards")
}

/// Members that tell of the code rather than of the work: only paths are looked for in them.
const ABOUT_CODE: [&str; 8] =
    ["findings", "claims", "evidence", "examples", "snippet", "patch", "diff", "risk_points"];
/// Members that name a step, the first that is there.
const NAMES: [&str; 10] =
    ["step", "task", "action", "item", "title", "name", "description", "text", "summary", "what"];

fn object_or_list(value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value.kind() {
        Kind::Array => value.items().for_each(|item| object_or_list(item, depth + 1, pad)),
        Kind::Object => {
            for (key, inner) in value.members() {
                member(key, inner, depth, pad);
            }
        }
        _ => {}
    }
}

fn member(key: &str, value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    if ABOUT_CODE.contains(&key) {
        return;
    }
    match cue::of_phrase(key) {
        Some(cue @ (Cue::Validation | Cue::Check)) => check(cue, value, depth, pad),
        Some(Cue::Objective) if value.kind() == Kind::Array => steps(value, depth, pad),
        Some(cue) => taken(cue, value, depth, pad),
        None if matches!(key, "steps" | "tasks" | "plan" | "progress") => steps(value, depth, pad),
        None => object_or_list(value, depth + 1, pad),
    }
}

/// What stands behind a cue: a text, or a list of texts or of objects that have one.
fn taken(cue: Cue, value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    match value.kind() {
        Kind::String => {
            if let Some(text) = plain(value) {
                pad.take(cue, text.into());
            }
        }
        Kind::Array => {
            for item in value.items() {
                let Some(text) = plain(item).or_else(|| name_of(item)) else { continue };
                match (cue, status_of(item)) {
                    // What a step says of itself is nearer than the name of its list.
                    (Cue::Step(_), Some(status)) => pad.step(status, text.into()),
                    _ => pad.take(cue, text.into()),
                }
            }
        }
        Kind::Object => object_or_list(value, depth + 1, pad),
        _ => {}
    }
}

/// Steps that each say how they stand.
fn steps(value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    if value.kind() != Kind::Array {
        object_or_list(value, depth + 1, pad);
        return;
    }
    for step in value.items() {
        if let (Some(name), Some(status)) = (name_of(step), status_of(step)) {
            pad.step(status, name.into());
        }
    }
}

fn status_of(step: Value<'_>) -> Option<Status> {
    let word = ["status", "state", "result", "outcome"].iter().find_map(|key| plain(step.get(key)?));
    if let Some(word) = word {
        return status::of_word(&word.replace('_', " "));
    }
    match step.get("done").or_else(|| step.get("completed"))?.text() {
        "true" => Some(Status::Done),
        "false" => Some(Status::Open),
        _ => None,
    }
}

/// What a check, or a group of them, came to.
fn check(cue: Cue, value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value.kind() {
        Kind::String => {
            if let Some(text) = plain(value) {
                pad.take(cue, text.into());
            }
        }
        Kind::Bool => pad.take(cue, Cow::Borrowed(if value.text() == "true" { "passed" } else { "failed" })),
        Kind::Array => value.items().for_each(|item| check(Cue::Check, item, depth + 1, pad)),
        Kind::Object => {
            let told = ["status", "state", "result", "outcome", "passed", "ok"]
                .iter()
                .find_map(|key| value.get(key));
            match told {
                Some(told) => check(cue, told, depth + 1, pad),
                None => value.members().for_each(|(_, inner)| {
                    if matches!(inner.kind(), Kind::String | Kind::Bool | Kind::Object) {
                        check(Cue::Check, inner, depth + 1, pad);
                    }
                }),
            }
        }
        Kind::Null | Kind::Number => {}
    }
}

fn name_paths(value: Value<'_>, depth: usize, pad: &mut Pad<'static>) {
    match value.kind() {
        Kind::String => {
            if let Some(text) = plain(value) {
                paths::each(&text, |path| pad.path(path.to_owned().into()));
            }
        }
        Kind::Array | Kind::Object if depth <= DEPTH_MAX => {
            for item in value.items().chain(value.members().map(|(_, inner)| inner)) {
                name_paths(item, depth + 1, pad);
            }
        }
        _ => {}
    }
}

fn plain(value: Value<'_>) -> Option<String> {
    value.escaped().map(|escaped| unescape(escaped).into_owned())
}

fn name_of(value: Value<'_>) -> Option<String> {
    NAMES.iter().find_map(|key| plain(value.get(key)?))
}
