//! What checks came to, and what they come to together.

use std::borrow::Cow;

use super::{ITEMS_MAX, ValidationStatus};

/// What the text says of checks.
#[derive(Debug, Default)]
pub(super) struct Checks<'t> {
    /// What is said of validation on the whole, in the parts before this one.
    overall: Tally,
    /// And in this part, where the last word counts.
    overall_here: Option<ValidationStatus>,
    /// What is said of single checks; heard when nothing is said on the whole.
    single: Tally,
    /// The same of checks with a name, of which the last word counts.
    named: Vec<(Cow<'t, str>, ValidationStatus)>,
}

/// Which outcomes were seen: passed, failed, partial, not run.
#[derive(Debug, Default)]
struct Tally([bool; 4]);

impl Tally {
    fn add(&mut self, status: ValidationStatus) {
        let [passed, failed, partial, not_run] = &mut self.0;
        *match status {
            ValidationStatus::Passed => passed,
            ValidationStatus::Failed => failed,
            ValidationStatus::Partial => partial,
            ValidationStatus::NotRun => not_run,
        } = true;
    }

    fn outcome(&self) -> Option<ValidationStatus> {
        match self.0 {
            [_, true, ..] => Some(ValidationStatus::Failed),
            [_, _, true, _] | [true, _, _, true] => Some(ValidationStatus::Partial),
            [true, ..] => Some(ValidationStatus::Passed),
            [.., true] => Some(ValidationStatus::NotRun),
            [false, false, false, false] => None,
        }
    }
}

impl<'t> Checks<'t> {
    pub(super) fn add_overall(&mut self, status: ValidationStatus) {
        self.overall_here = Some(status);
    }

    pub(super) fn add_single(&mut self, status: ValidationStatus) {
        self.single.add(status);
    }

    /// Takes what a check with a name came to.
    pub(super) fn add_named(&mut self, name: Cow<'t, str>, status: ValidationStatus) {
        if let Some(known) = self.named.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            known.1 = status;
        } else if self.named.len() < ITEMS_MAX {
            self.named.push((name, status));
        } else {
            self.single.add(status);
        }
    }

    /// The next part of notes that were split begins: what was said of this one stands.
    pub(super) fn next_part(&mut self) {
        if let Some(status) = self.overall_here.take() {
            self.overall.add(status);
        }
    }

    pub(super) fn outcome(mut self) -> ValidationStatus {
        self.next_part();
        for (_, status) in &self.named {
            self.single.add(*status);
        }
        self.overall.outcome().or_else(|| self.single.outcome()).unwrap_or(ValidationStatus::NotRun)
    }
}

/// The longest outcome word, in bytes.
const WORD_BYTES_MAX: usize = 16;

fn of_word(word: &str) -> Option<ValidationStatus> {
    if let Some(status) = word.chars().next().and_then(super::status::of_sign) {
        use super::status::Status;
        return match status {
            Status::Done => Some(ValidationStatus::Passed),
            Status::Failed => Some(ValidationStatus::Failed),
            Status::Open => Some(ValidationStatus::NotRun),
            Status::Dropped => None,
        };
    }
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return None;
    }
    let mut buffer = [0; WORD_BYTES_MAX];
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    match std::str::from_utf8(lower).ok()? {
        "pass" | "passed" | "passes" | "passing" | "green" | "ok" | "clean" | "success" | "successful"
        | "succeeded" | "succeeds" | "true" => Some(ValidationStatus::Passed),
        "fail" | "failed" | "fails" | "failing" | "failure" | "failures" | "red" | "broken" | "error"
        | "errors" | "errored" | "false" => Some(ValidationStatus::Failed),
        "partial" | "partially" | "mixed" | "incomplete" => Some(ValidationStatus::Partial),
        "pending" | "skipped" | "untested" | "unvalidated" | "todo" | "notrun" | "not_run" => {
            Some(ValidationStatus::NotRun)
        }
        _ => None,
    }
}

/// How many words of what a check came to are read.
const WORDS_MAX: usize = 24;

/// The outcome that a value says: its first word if that settles it, else what its words come to together. `0 failed`
/// and `no errors` are no failures.
pub(super) fn outcome(value: &str) -> Option<ValidationStatus> {
    if is_not_run(value) {
        return Some(ValidationStatus::NotRun);
    }
    let mut tally = Tally::default();
    let mut words = value.split_whitespace().take(WORDS_MAX).peekable();
    let mut before = "";
    let mut first = true;
    while let Some(word) = words.next() {
        if let Some(status) = of_word(word) {
            if first && status != ValidationStatus::Passed {
                return Some(status);
            }
            let none =
                |word: &str| ["0", "no", "zero", "without"].iter().any(|no| word.eq_ignore_ascii_case(no));
            let none_behind = words.peek().is_some_and(|behind| bare(behind) == "0");
            match status {
                ValidationStatus::Failed if none(before) || none_behind => {
                    tally.add(ValidationStatus::Passed);
                }
                _ if none(before) || before.eq_ignore_ascii_case("not") => {}
                status => tally.add(status),
            }
        }
        first = false;
        before = bare(word);
    }
    tally.outcome()
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_ascii_alphanumeric())
}

fn is_not_run(value: &str) -> bool {
    let value = value.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let starts = |with: &str| value.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    [
        "not run",
        "not_run",
        "not yet",
        "not tested",
        "not validated",
        "not executed",
        "not done",
        "not started",
        "none",
        "n/a",
    ]
    .iter()
    .any(|with| starts(with))
}

/// The longest sentence that is taken for the outcome of a check, in words behind its verb.
const REST_WORDS_MAX: usize = 4;

/// The outcome that a short sentence at the start of a line says: `All 312 tests pass.`, `The build is broken.`
pub(super) fn sentence(line: &str) -> Option<ValidationStatus> {
    let mut words = line.split_whitespace().peekable();
    let is = |word: &str, set: &[&str]| set.iter().any(|one| word.eq_ignore_ascii_case(one));
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    while words
        .next_if(|word| is(word, &["all", "the", "unit", "integration", "of"]) || number(word))
        .is_some()
    {}
    let subject = words.next()?;
    if !is(subject, &["tests", "test", "checks", "build", "ci", "lint", "clippy", "validation", "suite"]) {
        return None;
    }
    words.next_if(|word| is(word, &["suite", "run"]));
    while words
        .next_if(|word| is(word, &["is", "are", "was", "were", "all", "now", "still", "have", "has", "been"]))
        .is_some()
    {}
    let verb = words.next()?;
    if verb.eq_ignore_ascii_case("not") {
        let run = words.next()?.trim_matches(['.', ',']);
        return is(run, &["run", "executed", "tested"]).then_some(ValidationStatus::NotRun);
    }
    let status = of_word(verb).filter(|_| !verb.ends_with(','))?;
    let ends = |word: &str| word.ends_with('.');
    let mut rest = 0;
    while !ends(verb) && rest <= REST_WORDS_MAX {
        let Some(word) = words.next() else { break };
        rest += 1;
        if ends(word) {
            break;
        }
    }
    (rest <= REST_WORDS_MAX).then_some(status)
}
