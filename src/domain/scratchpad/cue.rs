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
    /// What is wanted of the work. It sounds like what came of it, and tells nothing of that.
    Wanted,
}

/// The longest phrase that can be a cue, in bytes.
const PHRASE_BYTES_MAX: usize = 48;

/// The cue of a heading, or of a phrase with nothing behind its colon: also one that goes on after a cue, as in
/// `Completed this session`, `Questions for the author`, `Decisions and why`. What names two cues opens neither.
pub(super) fn of_heading(raw: &str) -> Option<Cue> {
    if let Some(cue) = of_phrase(raw) {
        return Some(cue);
    }
    let mut buffer = [0; PHRASE_BYTES_MAX];
    let phrase = normal_form(raw, &mut buffer)?;
    memchr::memchr_iter(b' ', phrase.as_bytes()).find_map(|gap| {
        let (first, rest) = phrase.split_at_checked(gap)?;
        let rest = rest.trim_start();
        let (joint, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        let cue = of_normal(first)
            .filter(|cue| !matches!(cue, Cue::Check | Cue::Validation | Cue::Command | Cue::Wanted))?;
        // `Failed to build` is a sentence.
        let joins = JOINTS.contains(&joint) && !(joint == "to" && cue == Cue::Step(Status::Failed));
        (joins && of_normal(behind).is_none_or(|other| other == cue)).then_some(cue)
    })
}

/// The cue of a phrase with something behind its colon. Only an objective may go on: `Goal for today: …`.
pub(super) fn of_label(raw: &str) -> Option<Cue> {
    of_phrase(raw).or_else(|| of_heading(raw).filter(|cue| *cue == Cue::Objective))
}

/// Words that lead from a cue to what is said of it.
const JOINTS: [&str; 22] = [
    "about", "after", "and", "at", "before", "by", "during", "for", "from", "in", "made", "of", "on", "or",
    "since", "that", "this", "to", "today", "we", "with", "without",
];

/// The cue of a phrase, as a heading or before a colon. Case, numbering, signs before it and a remark in parentheses
/// behind it do not matter.
pub(super) fn of_phrase(raw: &str) -> Option<Cue> {
    let mut buffer = [0; PHRASE_BYTES_MAX];
    of_normal(normal_form(raw, &mut buffer)?)
}

fn of_normal(phrase: &str) -> Option<Cue> {
    if let Some(cue) = lookup(phrase) {
        return Some(cue);
    }
    if phrase.strip_prefix("pending ").is_some_and(|what| what.split(' ').count() <= 2) {
        return Some(Cue::Step(Status::Open));
    }
    let mut phrase = phrase;
    // What only says more of the same: `current`, `steps`.
    loop {
        // The space is looked for first: one byte, where nearly all words differ.
        let behind = |head: &str| {
            let (before, rest) = phrase.split_at_checked(head.len())?;
            rest.strip_prefix(' ').filter(|_| before == head)
        };
        let before = |tail: &str| {
            let (rest, behind) = phrase.split_at_checked(phrase.len().checked_sub(tail.len())?)?;
            rest.strip_suffix(' ').filter(|_| behind == tail)
        };
        let shorter = HEADS
            .iter()
            .find_map(|head| behind(head))
            .or_else(|| TAILS.iter().find_map(|tail| before(tail)))?;
        if let Some(cue) = lookup(shorter) {
            return Some(cue);
        }
        phrase = shorter;
    }
}

/// Words before a cue that change nothing.
const HEADS: [&str; 22] = [
    "current",
    "overall",
    "main",
    "key",
    "important",
    "known",
    "all",
    "my",
    "primary",
    "prior",
    "previous",
    "work",
    "what was",
    "what is",
    "what's",
    "what has been",
    "what's been",
    "what we",
    "session",
    "recommended",
    "fully",
    "user",
];
/// Words behind a cue that change nothing.
const TAILS: [&str; 22] = [
    "steps",
    "step",
    "items",
    "item",
    "tasks",
    "task",
    "work",
    "so far",
    "list",
    "status",
    "results",
    "result",
    "outcome",
    "made",
    "filed",
    "today",
    "attempts",
    "actions",
    "description",
    "statement",
    "summary",
    "overview",
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
        | "tried and didn't work"
        | "tried and did not work"
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
        | "remains"
        | "next session"
        | "what needs to be done"
        | "what needs to be done next"
        | "what to do next"
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
        "next" | "next up" => Cue::Next,
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
        | "resume"
        | "quick resume"
        | "to resume run"
        | "start the next session with"
        | "resume command"
        | "to resume"
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
        "acceptance criteria"
        | "acceptance criterion"
        | "criteria"
        | "criteria for acceptance"
        | "success criteria"
        | "exit criteria"
        | "definition of done"
        | "acceptance" => Cue::Wanted,
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
    // Signs and emphasis before and behind the words.
    let raw = raw
        .trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '"' | '`' | ')' | ']' | '}' | '>'));
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
            // `Decisions / risks`, `Decisions & risks`.
            '/' | '&' => {
                let and = buffer.get_mut(length..length + 4)?;
                and.copy_from_slice(b" and");
                length += 4;
                gap = true;
                continue;
            }
            '*' | ':' | ',' | '\u{fe0f}' => continue,
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
