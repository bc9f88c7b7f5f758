//! The outcome of a check, as its words say it.

mod amount;

use amount::{Amount, REACH, amount, with_shares_joined};

use super::ValidationStatus::{self, Failed, NotRun, Partial, Passed};
use super::checks::Tally;

/// The longest outcome word, in bytes.
const WORD_BYTES_MAX: usize = 16;

fn of_word(word: &str) -> Option<ValidationStatus> {
    if let Some(status) = word.chars().next().and_then(super::status::of_sign) {
        use super::status::Status;
        return match status {
            Status::Done => Some(Passed),
            Status::Failed => Some(Failed),
            Status::Open => Some(NotRun),
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
        | "succeeded" | "succeeds" | "true" => Some(Passed),
        "fail" | "failed" | "fails" | "failing" | "failure" | "failures" | "red" | "broken" | "error"
        | "errors" | "errored" | "false" => Some(Failed),
        "partial" | "partially" | "mixed" | "incomplete" => Some(Partial),
        "pending" | "skipped" | "untested" | "unvalidated" | "todo" | "notrun" | "not_run" => Some(NotRun),
        _ => None,
    }
}

/// How many words of what a check came to are read.
const WORDS_MAX: usize = 24;

/// The outcome that a value says: its first word if that settles it, else what its words come to together.
pub(super) fn outcome(value: &str) -> Option<ValidationStatus> {
    if is_not_run(value) {
        return Some(NotRun);
    }
    let value = with_shares_joined(value);
    let mut buffer = [""; WORDS_MAX];
    let mut count = 0;
    for (place, word) in buffer.iter_mut().zip(value.split_whitespace()) {
        *place = word;
        count += 1;
    }
    let words = buffer.get(..count)?;
    if words.first().is_some_and(|first| is(first, &TO_DO)) {
        return None;
    }
    if words.iter().enumerate().all(|(at, _)| is_zero_of(words, at) != Some(false))
        && (0..count).any(|at| {
            is_zero_of(words, at) == Some(true)
                && words.get(at).is_some_and(|word| of_word(word) == Some(Passed))
        })
    {
        return Some(NotRun);
    }
    let now = (0..count).rev().find(|at| passes_now(words, *at));
    let mut tally = Tally::default();
    for at in 0..count {
        if was_not_run(words, at) {
            tally.add(NotRun);
        }
        let Some(status) = said(words, at) else { continue };
        if at == 0 && matches!(status, Partial | NotRun) {
            return Some(status);
        }
        if status != Failed || !now.is_some_and(|now| is_over(words, at, now)) {
            tally.add(status);
        }
    }
    match tally.outcome()? {
        Passed if has_exception(words) => Some(Partial),
        status => Some(status),
    }
}

/// A text that opens with one of these says what is to be done: `Tests: add one for the error path`.
const TO_DO: [&str; 9] =
    ["add", "write", "cover", "extend", "update", "create", "implement", "fix", "rewrite"];

/// Words behind which an outcome is hoped for, or feared, and not told.
const UNSURE: [&str; 25] = [
    "assume",
    "assumed",
    "assuming",
    "expect",
    "expected",
    "believe",
    "suppose",
    "should",
    "would",
    "will",
    "might",
    "may",
    "could",
    "can",
    "must",
    "shall",
    "ought",
    "if",
    "unless",
    "until",
    "likely",
    "probably",
    "presumably",
    "hopefully",
    "maybe",
];
/// Words that put a failure into the past, when the text goes on to say that it passes now.
const PAST: [&str; 9] =
    ["previously", "formerly", "before", "earlier", "originally", "initially", "was", "were", "used"];

/// What the word at this place says, with what stands around it.
fn said(words: &[&str], at: usize) -> Option<ValidationStatus> {
    let status = of_word(words.get(at)?)?;
    let (before, from) = words.split_at_checked(at)?;
    let clause = clause_before(before);
    let hoped = clause.iter().any(|word| is(word, &UNSURE))
        || clause.last().is_some_and(|word| is(word, &["to", "be"]));
    if hoped || is_asked(from) {
        // That it ought to pass says that nobody saw it pass.
        return (status == Passed).then_some(NotRun);
    }
    match (status, amount(clause, from, status)) {
        (Passed, Amount::Not | Amount::No) => Some(NotRun),
        (Passed, Amount::NoneOf) => Some(Failed),
        (Passed, Amount::Part) => Some(Partial),
        (Failed, Amount::No | Amount::Zero | Amount::NoneOf) => Some(Passed),
        (_, Amount::Not | Amount::No | Amount::Zero) => None,
        (status, _) => Some(status),
    }
}

/// Whether the word at this place is an outcome that a zero stands with; `None` when it is no outcome.
fn is_zero_of(words: &[&str], at: usize) -> Option<bool> {
    let status = of_word(words.get(at)?)?;
    let (before, from) = words.split_at_checked(at)?;
    Some(amount(clause_before(before), from, status) == Amount::Zero)
}

/// Whether it is said here that something was not run: `integration not run`, `were never executed`.
fn was_not_run(words: &[&str], at: usize) -> bool {
    let pair = at.checked_sub(1).and_then(|before| words.get(before..=at));
    matches!(pair, Some([not, run]) if is(not, &["not", "never"]) && is(bare(run), &["run", "executed", "ran"]))
}

/// Whether the word at this place says that it passes now.
fn passes_now(words: &[&str], at: usize) -> bool {
    let near = |(before, from): (&[&str], &[&str])| {
        let told = |word: &&&str| of_word(word).is_none() && !is(word, &["and", "or"]);
        let mut before = clause_before(before).iter().rev().take(REACH).take_while(told);
        before.any(|word| is(word, &["now"])) || from.get(1).is_some_and(|word| is(bare(word), &["now"]))
    };
    words.split_at_checked(at).is_some_and(near) && said(words, at) == Some(Passed)
}

/// Whether the failure at one place is over, because it passes now at another: it lies in the past, or the same is
/// spoken of. `2 failing, 3 now pass` speaks of others.
fn is_over(words: &[&str], failed: usize, now: usize) -> bool {
    let (before, from) = words.split_at_checked(failed).unwrap_or_default();
    let before = clause_before(before);
    let ends = from.iter().position(|word| ends_clause(word)).map_or(from.len(), |end| end + 1);
    let clause = || before.iter().chain(from.get(..ends).unwrap_or_default());
    if clause().any(|word| is(bare(word), &PAST)) {
        return true;
    }
    let between = words.get(failed..now).unwrap_or_default();
    let same_clause = !between.iter().any(|word| ends_clause(word) || is(word, &["and"]));
    let of_others =
        amount(before, from, Failed) != Amount::Untold || clause().any(|word| is(bare(word), &["still"]));
    failed < now && (same_clause || !of_others)
}

/// Whether words leave something out: `passed except for e2e`, `everything but e2e passed`.
fn has_exception(words: &[&str]) -> bool {
    let pair = |pair: &[&str]| match pair {
        [all, but] if is(but, &["but"]) => is(all, &["all", "everything"]),
        [but, one] if is(but, &["but"]) => is(bare(one), &["one"]) || bare(one).parse::<u32>().is_ok(),
        [exception, of] => {
            (is(exception, &["exception"]) && is(of, &["of"]))
                || (is(exception, &["other"]) && is(of, &["than"]))
                || (is(exception, &["save"]) && is(of, &["for"]))
                || (is(exception, &["in"]) && is(bare(of), &["part"]))
                || (is(exception, &["most"]) && is(of, &["of"]))
        }
        _ => false,
    };
    words.iter().any(|word| {
        is(bare(word), &["except", "excepting", "excluding", "apart", "aside", "mostly", "partly", "minus"])
    }) || words.windows(2).any(pair)
}

/// The words since the last stop, comma, dash or `but`.
fn clause_before<'w, 't>(words: &'w [&'t str]) -> &'w [&'t str] {
    words.rsplit(|word| ends_clause(word)).next().unwrap_or_default()
}

fn ends_clause(word: &str) -> bool {
    word.ends_with([',', ';', '.', ':', '!', '?', ')'])
        || is(word, &["-", "–", "—", "|", "/", "->", "→", "but"])
}

/// Whether the sentence that goes on with these words is a question.
fn is_asked(words: &[&str]) -> bool {
    let bare = |word: &&str| word.trim_end_matches([')', ']', '"', '\'', '*', '_', '`']).chars().next_back();
    words.iter().filter_map(bare).find(|last| matches!(last, '.' | '!' | ';' | '?')) == Some('?')
}

fn is(word: &str, set: &[&str]) -> bool {
    set.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// What a check that opens with a command, or with its name, says of itself: `` `cargo test` — failed twice``. That
/// something that failed was fixed is no outcome.
pub(super) fn own(step: &str) -> Option<ValidationStatus> {
    let command = step.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    let parts = [": ", " — ", " – ", " - "];
    let told = match command {
        Some((_, behind)) => behind,
        None => parts.iter().find_map(|part| step.split_once(part))?.1,
    };
    let told = told.trim_start();
    let apart = command.is_none() || told.starts_with(|c: char| !c.is_alphanumeric());
    let told = told.trim_start_matches(|c: char| !c.is_alphanumeric());
    let status = outcome(told).filter(|status| *status != NotRun)?;
    let mut words = told.split_whitespace();
    let is_fixed = words.clone().any(|word| is(bare(word), &["fixed", "resolved", "repaired"]));
    // `` `cargo test` error path``: what is tested, and not what came of it.
    let opens =
        words.find(|word| !is(word, &["still", "has", "have", "is", "was", "only"])).is_some_and(|word| {
            let verbs: &[&str] = if apart {
                &["failed", "fails", "failing", "fail", "broken", "red"]
            } else {
                &["failed", "fails"]
            };
            is(bare(word), verbs)
                || matches!(of_word(word), Some(Passed | Partial))
                || (apart && word.starts_with(|c: char| c.is_ascii_digit()))
        });
    (status == Passed || (opens && !is_fixed)).then_some(status)
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
    let number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
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
    of_word(verb).filter(|_| !verb.ends_with(','))?;
    let ends = |word: &str| word.ends_with('.');
    let mut rest = 0;
    while !ends(verb) && rest <= REST_WORDS_MAX {
        let Some(word) = words.next() else { break };
        rest += 1;
        if ends(word) {
            break;
        }
    }
    let sentence = line.split_once(". ").map_or(line, |(sentence, _)| sentence);
    if rest <= REST_WORDS_MAX { outcome(sentence) } else { None }
}
