//! Lines and items that are known by how they open.

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

/// Whether an item says that there is none: `none`, `n/a`, `None. All is settled.`, but not `None of the tests …`.
pub(super) fn is_nothing(item: &str) -> bool {
    let bare = item.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '.' | '*' | '_' | '(' | ')' | '-' | '–' | '—')
    });
    let words = [
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
    ];
    if bare.is_empty() || words.iter().any(|word| bare.eq_ignore_ascii_case(word)) {
        return true;
    }
    ["none", "nothing", "n/a"].iter().any(|word| {
        let start = bare.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word));
        let behind = start.and(bare.get(word.len()..)).unwrap_or_default().trim_start();
        behind.starts_with(['.', ',', ';', ':', '(', '–', '—'])
    })
}
