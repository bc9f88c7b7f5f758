//! The table of cues: which words open which field.

use super::status::Status;

/// What a cue opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// What the work is to reach.
    Objective,
    /// Steps that stand like this.
    Step(Status),
    /// What was decided.
    Decision,
    /// What is to be found out.
    Question,
    /// Files.
    Paths,
    /// What comes next: a command, or a step.
    Next,
    /// A command, and nothing else.
    Command,
    /// What validation came to, on the whole.
    Validation,
    /// What one check came to.
    Check,
}

/// The longest phrase that can be a cue, in bytes.
const PHRASE_BYTES_MAX: usize = 40;

/// The cue of a heading: that of its words, or of those before `/` or `&` when the rest opens nothing else.
pub(super) fn of_heading(raw: &str) -> Option<Cue> {
    if let Some(cue) = of_phrase(raw) {
        return Some(cue);
    }
    let (first, rest) = raw.split_once(" / ").or_else(|| raw.split_once(" & "))?;
    let cue = of_phrase(first)?;
    of_phrase(rest).is_none_or(|other| other == cue).then_some(cue)
}

/// The cue of a phrase, as a heading or before a colon. Case, numbering, signs before it and a remark in parentheses
/// behind it do not matter.
pub(super) fn of_phrase(raw: &str) -> Option<Cue> {
    let mut buffer = [0; PHRASE_BYTES_MAX];
    let phrase = normal_form(raw, &mut buffer)?;
    if let Some(cue) = lookup(phrase) {
        return Some(cue);
    }
    if phrase.strip_prefix("pending ").is_some_and(|what| what.split(' ').count() <= 2) {
        return Some(Cue::Step(Status::Open));
    }
    let mut phrase = phrase;
    // What only says more of the same: `current`, `steps`.
    loop {
        let shorter = HEADS
            .iter()
            .find_map(|head| phrase.strip_prefix(head)?.strip_prefix(' '))
            .or_else(|| TAILS.iter().find_map(|tail| phrase.strip_suffix(tail)?.strip_suffix(' ')))?;
        if let Some(cue) = lookup(shorter) {
            return Some(cue);
        }
        phrase = shorter;
    }
}

/// Words before a cue that change nothing.
const HEADS: [&str; 8] = ["current", "overall", "main", "key", "important", "known", "all", "my"];
/// Words behind a cue that change nothing.
const TAILS: [&str; 13] = [
    "steps", "step", "items", "item", "tasks", "task", "work", "so far", "list", "status", "results",
    "result", "outcome",
];

#[expect(clippy::too_many_lines, reason = "a table")]
fn lookup(phrase: &str) -> Option<Cue> {
    let cue = match phrase {
        "objective" | "objectives" | "goal" | "goals" | "aim" | "task" | "mission" | "purpose" => {
            Cue::Objective
        }
        "done"
        | "completed"
        | "complete"
        | "finished"
        | "implemented"
        | "fixed"
        | "resolved"
        | "verified"
        | "confirmed"
        | "accomplished"
        | "already done"
        | "steps done"
        | "steps completed"
        | "steps taken"
        | "what worked"
        | "what works"
        | "what was done"
        | "what is done"
        | "verified components" => Cue::Step(Status::Done),
        "failed"
        | "fail"
        | "failures"
        | "what failed"
        | "what broke"
        | "what didn't work"
        | "what did not work"
        | "what doesn't work"
        | "what does not work"
        | "didn't work"
        | "did not work"
        | "not working"
        | "failed attempts"
        | "attempted and failed"
        | "tried and failed"
        | "steps failed"
        | "critical failures"
        | "broken pipelines" => Cue::Step(Status::Failed),
        "pending"
        | "todo"
        | "todos"
        | "to do"
        | "remaining"
        | "outstanding"
        | "still to do"
        | "still open"
        | "what's left"
        | "what is left"
        | "what remains"
        | "left to do"
        | "steps left"
        | "steps remaining"
        | "open"
        | "not done"
        | "not yet done"
        | "not started"
        | "in progress"
        | "wip"
        | "blocked"
        | "blocked by"
        | "next steps"
        | "next step"
        | "next actions"
        | "next action"
        | "actions"
        | "action"
        | "follow ups"
        | "follow up"
        | "followups"
        | "followup"
        | "required changes"
        | "requested changes"
        | "changes required"
        | "changes requested"
        | "required actions"
        | "required next actions"
        | "required fixes"
        | "must fix"
        | "must fix before merge"
        | "before merge"
        | "backlog" => Cue::Step(Status::Open),
        "decision" | "decisions" | "decided" | "agreed" | "design decisions" | "decisions made"
        | "decisions taken" | "chosen approach" => Cue::Decision,
        "question"
        | "questions"
        | "q"
        | "open question"
        | "open questions"
        | "unresolved"
        | "unresolved question"
        | "unresolved questions"
        | "outstanding questions"
        | "remaining questions"
        | "unanswered"
        | "unanswered questions"
        | "unclear"
        | "to clarify"
        | "needs clarification"
        | "unknowns" => Cue::Question,
        "path"
        | "paths"
        | "file"
        | "files"
        | "relevant files"
        | "relevant paths"
        | "files touched"
        | "touched files"
        | "files changed"
        | "changed files"
        | "files to look at"
        | "files worth knowing"
        | "files of interest" => Cue::Paths,
        "next" => Cue::Next,
        "next command"
        | "next commands"
        | "command"
        | "command to run"
        | "next command to run"
        | "command to run next"
        | "run"
        | "run next"
        | "next run"
        | "resume with"
        | "continue with"
        | "go on with" => Cue::Command,
        "validation"
        | "status of validation"
        | "validation result"
        | "validation results"
        | "verification"
        | "verification result" => Cue::Validation,
        "check" | "checks" | "test" | "tests" | "unit test" | "unit tests" | "integration test"
        | "integration tests" | "test suite" | "test run" | "test result" | "test results" | "tests run"
        | "e2e" | "e2e tests" | "ci" | "build" | "lint" | "linter" | "clippy" | "fmt" | "format check"
        | "type check" | "typecheck" | "smoke" | "smoke test" | "smoke tests" | "smoke run" | "gates"
        | "regression tests" => Cue::Check,
        _ => return None,
    };
    Some(cue)
}

/// The phrase in lower case, words apart by one space; `None` when it is too long or holds what no cue holds.
fn normal_form<'b>(raw: &str, buffer: &'b mut [u8; PHRASE_BYTES_MAX]) -> Option<&'b str> {
    let raw = raw.trim();
    let raw = match raw.strip_suffix(')').and_then(|inner| inner.rsplit_once('(')) {
        Some((before, _)) => before,
        None => raw,
    };
    // Signs and emphasis before the words.
    let start = raw.find(|c: char| c.is_ascii_alphanumeric())?;
    if raw.get(..start)?.contains(['"', '`', '(', '{', '[', '<', '@', '/', '\\', '\'']) {
        return None;
    }
    let words = without_number(raw.get(start..)?);
    let mut length = 0;
    let mut gap = false;
    for c in words.chars() {
        let byte = match c {
            ' ' | '\t' | '_' | '-' => {
                gap = length > 0;
                continue;
            }
            '*' | ':' | '\u{fe0f}' => continue,
            '\'' | '’' => b'\'',
            c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase() as u8,
            _ => return None,
        };
        if gap {
            *buffer.get_mut(length)? = b' ';
            length += 1;
            gap = false;
        }
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    std::str::from_utf8(buffer.get(..length)?).ok().filter(|phrase| !phrase.is_empty())
}

/// A heading without its number: `2. Completed`, `3.1 Completed`, `4) Completed`.
fn without_number(phrase: &str) -> &str {
    let rest = phrase.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if rest.len() == phrase.len() {
        return phrase;
    }
    rest.strip_prefix(')').unwrap_or(rest).trim_start()
}

/// Whether a line opens the next part of notes that were split: `Shard 2/5`, `--- shard 2 of 5 ---`, `[shard 2/5]`.
pub(super) fn is_shard_header(line: &str) -> bool {
    let Some(start) = line.find(|c: char| c.is_ascii_alphanumeric()) else { return false };
    let words = line.get(start..).unwrap_or_default();
    let Some(rest) = words.get(..5).filter(|word| word.eq_ignore_ascii_case("shard")).and(words.get(5..))
    else {
        return false;
    };
    let rest = rest.trim_start_matches([' ', '#']);
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let counted = behind.trim_start();
    let total = counted.strip_prefix('/').or_else(|| counted.strip_prefix("of "));
    behind.len() < rest.len()
        && total.is_some_and(|total| total.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a line opens with a sentence that tells a decision: the whole line is the decision.
pub(super) fn is_decision_sentence(line: &str) -> bool {
    const OPENINGS: [&str; 10] = [
        "We decided ",
        "I decided ",
        "Decided to ",
        "Decided against ",
        "We agreed ",
        "Agreed to ",
        "Agreed with ",
        "We chose ",
        "We settled on ",
        "It was decided ",
    ];
    OPENINGS.iter().any(|opening| line.starts_with(opening))
}

/// Whether an item says that there is none.
pub(super) fn is_nothing(item: &str) -> bool {
    let bare = item.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '.' | '*' | '_' | '(' | ')' | '-' | '–' | '—')
    });
    bare.is_empty()
        || [
            "none",
            "n/a",
            "na",
            "nothing",
            "nil",
            "null",
            "none so far",
            "none yet",
            "nothing yet",
            "nothing so far",
            "no",
        ]
        .iter()
        .any(|word| bare.eq_ignore_ascii_case(word))
}
