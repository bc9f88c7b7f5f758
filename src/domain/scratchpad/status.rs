//! The words and signs that say how a step stands.

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It is still to be done.
    Open,
    /// It was given up, or left out: neither of the three.
    Dropped,
}

/// The longest status word, in bytes.
const WORD_BYTES_MAX: usize = 16;

/// The status that a word names, as it stands in brackets, behind an item, or in a table.
pub(super) fn of_word(word: &str) -> Option<Status> {
    let word = word.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '.' | '!' | '`'));
    if word.is_empty() || word.len() > WORD_BYTES_MAX {
        return None;
    }
    if let Some((status, rest)) = leading_sign(word) {
        // A sign and its word: `✅ done`.
        return (rest.is_empty() || of_word(rest) == Some(status)).then_some(status);
    }
    let mut buffer = [0; WORD_BYTES_MAX];
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    match std::str::from_utf8(lower).ok()? {
        "done" | "completed" | "complete" | "finished" | "fixed" | "implemented" | "resolved" | "closed" => {
            Some(Status::Done)
        }
        "failed" | "fail" | "fails" | "failing" | "broken" => Some(Status::Failed),
        "pending" | "todo" | "to do" | "to-do" | "open" | "in progress" | "in-progress" | "wip"
        | "blocked" | "not started" | "not done" | "waiting" | "not yet" | "ongoing" | "deferred" => {
            Some(Status::Open)
        }
        "skipped" | "skip" | "dropped" | "cancelled" | "canceled" | "n/a" | "wontfix" | "obsolete" => {
            Some(Status::Dropped)
        }
        _ => None,
    }
}

/// The status of a sign at the start of a text, and what stands behind it.
pub(super) fn leading_sign(text: &str) -> Option<(Status, &str)> {
    let first = text.chars().next()?;
    let status = of_sign(first)?;
    let rest = text.get(first.len_utf8()..).unwrap_or_default();
    // A sign may be followed by the mark that asks for its coloured form.
    let rest = rest.strip_prefix('\u{fe0f}').unwrap_or(rest);
    // One that is followed by a word without a gap belongs to the text.
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| (status, rest.trim_start()))
}

/// What a sign stands for.
pub(super) fn of_sign(sign: char) -> Option<Status> {
    match sign {
        '✓' | '✔' | '✅' | '☑' | '🗹' => Some(Status::Done),
        '✗' | '✘' | '❌' | '☒' | '✖' | '🗴' => Some(Status::Failed),
        '☐' | '⬜' | '🔲' | '⏳' | '⌛' | '🔄' | '🚧' => Some(Status::Open),
        _ => None,
    }
}

/// The status of a mark at the start of an item (`[x]`, `[DONE]`, `✓`), and the item behind it.
pub(super) fn leading_mark(body: &str) -> Option<(Status, &str)> {
    let Some(inner) = body.strip_prefix('[') else { return leading_sign(body) };
    let (mark, rest) = inner.split_once(']')?;
    // `[x](…)` and `[x][…]` are links.
    if !rest.is_empty() && !rest.starts_with([' ', '\t', ':']) {
        return None;
    }
    let status = match mark {
        "x" | "X" | "OK" | "PASS" | "PASSED" => Status::Done,
        "" | " " | "~" | "/" | ">" => Status::Open,
        "-" => Status::Dropped,
        word => of_word(word)?,
    };
    Some((status, rest.trim_start_matches([' ', '\t', ':'])))
}

/// The status behind an item (`… — done`, `… (failed)`, `… ✅`), and the item before it.
pub(super) fn trailing(item: &str) -> Option<(Status, &str)> {
    let bare = item.trim_end_matches(['.', ' ', '\u{fe0f}']);
    let last = bare.chars().next_back()?;
    if let Some(status) = of_sign(last) {
        let before =
            bare.get(..bare.len() - last.len_utf8())?.trim_end_matches([' ', '-', '–', '—', ':', '|']);
        return (!before.is_empty()).then_some((status, before));
    }
    // The word stands within the last few bytes; nothing before them is searched.
    let tail_from = bare.ceil_char_boundary(bare.len().saturating_sub(WORD_BYTES_MAX + 6));
    let tail = bare.get(tail_from..)?;
    let (mark_at, word) = match last {
        ')' => (tail.rfind('(')?, tail.get(tail.rfind('(')? + 1..tail.len() - 1)?),
        ']' => (tail.rfind('[')?, tail.get(tail.rfind('[')? + 1..tail.len() - 1)?),
        _ if last.is_ascii_alphabetic() || matches!(last, '*' | '_' | '`' | '!') => {
            // A colon, or a dash or arrow that stands apart, and a gap.
            let gap = tail
                .as_bytes()
                .windows(2)
                .rposition(|pair| matches!(pair, [b':' | b'-' | b'>' | 0x92..=0x94, b' ']))?;
            let before = tail.get(..=gap)?;
            let mark =
                [":", " -", " –", " —", " →", " ->"].into_iter().find(|mark| before.ends_with(mark))?;
            (before.len() - mark.len(), tail.get(gap + 2..)?)
        }
        _ => return None,
    };
    let Some(status) = of_word(word) else {
        // `failed (out of memory)`: the reason stays with the step.
        let before = (last == ')').then(|| bare.get(..bare.rfind('(')?)).flatten()?.trim_end();
        return trailing(before)
            .filter(|(status, _)| *status == Status::Failed && !before.ends_with(')'))
            .map(|_| (Status::Failed, item));
    };
    let before = bare.get(..tail_from + mark_at)?.trim_end();
    (!before.is_empty()).then_some((status, before))
}
