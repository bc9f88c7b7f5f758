//! What holds for any text, and the corners of the grammar that the labelled texts do not reach.

mod wanted;

use proptest::prelude::*;

use super::{ITEM_BYTES_MAX, ITEMS_MAX, Scratchpad, TEXT_BYTES_MAX, ValidationStatus, summarise};

fn items<'p>(pad: &'p Scratchpad<'_>) -> Vec<&'p str> {
    let lists = [
        &pad.completed_steps,
        &pad.failed_steps,
        &pad.pending_steps,
        &pad.important_paths,
        &pad.decisions,
        &pad.unresolved_questions,
    ];
    let listed = lists.into_iter().flatten().map(|item| &**item);
    listed.chain(pad.current_objective.as_deref()).chain(pad.next_command.as_deref()).collect()
}

fn folded(text: &str) -> String {
    let unquoted: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['>', ' ', '\t'])).collect();
    unquoted.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Texts made of what the grammar looks for, in any order.
fn cue_soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "Objective:",
        "- [x] ",
        "- [ ] ",
        "1. ",
        "## Done",
        "## Open questions",
        "TODO: ",
        "Next: ",
        "`cargo test`",
        "Validation: ",
        "passed",
        "failed",
        "none",
        "**Decision:** ",
        "**",
        "`",
        "```",
        "~~~",
        "| step | status |",
        "| a | done |",
        "Shard 2/3",
        "-->",
        "<!--",
        "> ",
        "✓ ",
        "❌",
        "src/a.rs:12",
        "https://x.org/a.md",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "  ",
        " — done",
        "(failed)",
        "größer",
        "日本",
        "word",
        ":",
        "{",
        "}",
        "[",
        "\"",
        "\\",
        "===",
        "---",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_item_stands_in_the_text(text in cue_soup()) {
        let pad = summarise(&text);
        let whole = folded(&text);
        for item in items(&pad) {
            prop_assert!(!item.trim().is_empty());
            prop_assert!(whole.contains(&folded(item)), "{item:?} is not in {text:?}");
        }
    }

    #[test]
    fn any_text_is_read_and_always_alike(text in any::<String>()) {
        prop_assert_eq!(summarise(&text), summarise(&text));
    }

    #[test]
    fn windows_line_ends_change_nothing(text in cue_soup()) {
        let unix = text.replace('\r', "");
        let windows = unix.replace('\n', "\r\n");
        prop_assert_eq!(summarise(&unix), summarise(&windows));
    }
}

#[test]
fn a_text_without_cues_says_nothing() {
    for text in
        ["", "\n\n", "fine", "The loop is quadratic. Why?", "{}", "[]", "null", "{\"a\": 1", "\u{feff}"]
    {
        assert!(summarise(text).is_empty(), "{text:?}");
    }
}

#[test]
fn lists_items_and_texts_are_bounded() {
    let many: Vec<String> = (0..10_000).map(|number| format!("- [x] step {number}")).collect();
    assert_eq!(summarise(&many.join("\n")).completed_steps.len(), ITEMS_MAX);
    let long = format!("Objective: {}", "word ".repeat(1000));
    let objective = summarise(&long).current_objective.unwrap();
    assert!(objective.len() <= ITEM_BYTES_MAX && objective.ends_with("word"), "{}", objective.len());
    let late =
        format!("TODO: early\n{}\nTODO: late\n", "prose is of no interest\n".repeat(TEXT_BYTES_MAX / 20));
    assert_eq!(summarise(&late).pending_steps, ["early"]);
}

#[test]
fn an_open_check_beside_one_that_passed_is_partial_and_a_failure_outweighs_both() {
    let status = |text: &str| summarise(text).validation_status;
    assert_eq!(status("Lint: ok\nTests: passed"), ValidationStatus::Passed);
    assert_eq!(status("Lint: ok\nTests: pending"), ValidationStatus::Partial);
    assert_eq!(status("Lint: ok\nTests: pending\nBuild: broken"), ValidationStatus::Failed);
    assert_eq!(status("Tests: pending"), ValidationStatus::NotRun);
    assert_eq!(status("Tests: failed\nFixed it.\nTests: passed"), ValidationStatus::Passed);
    assert_eq!(status("Tests: 12 passed, 0 failed"), ValidationStatus::Passed);
    assert_eq!(status("Tests: no failures"), ValidationStatus::Passed);
    assert_eq!(status("Tests: passed 12, failed 1"), ValidationStatus::Failed);
    assert_eq!(status("Verdict: pass"), ValidationStatus::NotRun, "a verdict is an opinion, not a check");
}

#[test]
fn what_is_said_of_a_step_later_counts() {
    let pad = summarise("- [ ] drain the queue\n- [x] drain the queue.\n");
    assert_eq!((pad.completed_steps.len(), pad.pending_steps.len()), (1, 0));
    let dropped = summarise("- [ ] drain the queue\n- [-] drain the queue\n");
    assert!(dropped.is_empty());
}

#[test]
fn code_is_never_read_as_steps() {
    let pad = summarise("````md\n```\nTODO: a\n```\n- [x] b\n````\nTODO: c\n");
    assert_eq!(pad.pending_steps, ["c"]);
    assert!(pad.completed_steps.is_empty());
}

#[test]
fn the_last_command_counts_and_a_sentence_is_none() {
    let pad = summarise("Next: `cargo check`\nNext: `cargo test`\nNext: talk to the owner\n");
    assert_eq!(pad.next_command.as_deref(), Some("cargo test"));
    assert_eq!(pad.pending_steps, ["talk to the owner"]);
    assert_eq!(summarise("Next: make the reader faster").next_command, None);
}

/// What was in the text: a step whose status stood behind it, and a line below that began with a small letter. The two
/// were joined without the status between them, which is no longer what the text says.
#[test]
fn a_status_behind_a_step_ends_it() {
    let step = "TODO: rewrite the part of the reader that follows renamed files";
    let text = format!("{step} — done\nunder another name");
    assert_eq!(
        summarise(&text).completed_steps,
        ["rewrite the part of the reader that follows renamed files"]
    );
}

#[track_caller]
fn check_status(expected: ValidationStatus, texts: &[&str]) {
    for text in texts {
        assert_eq!(summarise(text).validation_status, expected, "{text:?}");
    }
}

#[test]
fn a_count_says_how_much_passed() {
    let failed = [
        "Tests: 0/12 passed",
        "Tests: 0 of 12 passed",
        "Tests: passed 0/12",
        "Tests: 12/12 failed",
        "Tests: 3 of 12 failed",
        "Tests: 11 passed, 1 failed, 0 skipped",
        "Tests: 11 passed 1 failed 0 skipped",
        "Tests: test result: FAILED. 11 passed; 1 failed; 0 ignored",
        "0 of 12 tests pass.",
    ];
    check_status(ValidationStatus::Failed, &failed);
    let partial = [
        "Tests: 10/12 passed",
        "Tests: 10 of 12 passed",
        "Tests: 10 out of the 12 unit tests passed",
        "Tests: passed (10/12)",
        "Tests: passed 10 of 12",
        "3 of 12 tests pass.",
    ];
    check_status(ValidationStatus::Partial, &partial);
    let passed = [
        "Tests: 12/12 passed",
        "Tests: 0 of 12 failed",
        "Tests: 0/12 failed",
        "Tests: passed 12 failed 0",
        "Tests: failed: 0, passed: 12",
        "Tests: ok (0 failed)",
        "Tests: passed, no new failures",
        "Tests: test result: ok. 12 passed; 0 failed; 0 ignored",
        "12 of 12 tests pass.",
    ];
    check_status(ValidationStatus::Passed, &passed);
}

#[test]
fn shares_and_words_for_less_than_all_say_how_much_passed() {
    let partial = [
        "Tests: 98% passed",
        "Tests: 90 percent pass",
        "Tests: 99.9% green",
        "Tests: passed 98%",
        "Tests: most pass",
        "Tests: nearly all pass",
        "Tests: few passed",
        "Tests: less than half passed",
        "Tests: pass, mostly",
        "Tests: passed in part",
        "Tests: unit passed; integration not run",
        "Tests: the old ones passed, the new ones were never run",
        "Tests pass most of the time.",
    ];
    check_status(ValidationStatus::Partial, &partial);
    let passed =
        ["Tests: 100% passed", "`cargo test`: passed, nothing failed", "Tests: passed, failed: none"];
    check_status(ValidationStatus::Passed, &passed);
    let not_run = ["Tests: 0 passed, 0 failed (nothing was collected)", "Tests: I assume they pass"];
    check_status(ValidationStatus::NotRun, &not_run);
    check_status(ValidationStatus::Failed, &["Tests: 0% passed", "Tests: 2% failed"]);
}

#[test]
fn a_reason_behind_a_failure_does_not_hide_it() {
    let pad =
        summarise("Done:\n- Lexer — done\n- Printer — failed (stack overflow)\n- Parser (the new one)\n");
    assert_eq!(pad.completed_steps, ["Lexer", "Parser (the new one)"]);
    assert_eq!(pad.failed_steps, ["Printer — failed (stack overflow)"]);
}

#[test]
fn what_is_left_out_of_what_passed_makes_it_partial() {
    let texts = [
        "Validation: passed except for e2e",
        "Validation: everything but e2e passed",
        "Tests: all but one pass",
        "Tests: passed, apart from e2e",
        "Tests: all pass with the exception of e2e",
        "All tests pass except one.",
    ];
    check_status(ValidationStatus::Partial, &texts);
    check_status(ValidationStatus::Passed, &["Tests: passed, but slow", "Tests: all passed but slowly"]);
}

#[test]
fn what_ought_to_pass_was_not_seen_to() {
    let texts = [
        "Tests: should pass",
        "Tests: would pass with the fix",
        "Tests: expected to pass",
        "Tests: passed?",
        "Tests: passed on CI?",
        "Tests: never passed",
        "Tests: do not all pass",
        "Tests: no tests passed",
        "Tests: might pass",
        "Tests: will pass",
        "Tests: should be green",
        "Tests: might fail",
        "Tests pass?",
    ];
    check_status(ValidationStatus::NotRun, &texts);
    check_status(ValidationStatus::Partial, &["Lint: ok\nTests: should pass"]);
    check_status(ValidationStatus::Passed, &["Tests: passed, should be merged", "Tests: passed. Flaky?"]);
    check_status(ValidationStatus::Failed, &["Tests: should pass, but failed"]);
}

#[test]
fn what_failed_before_and_passes_now_has_passed() {
    let passed = [
        "Tests: 3 previously failing tests now pass",
        "Tests: failed before, pass now",
        "Tests: failed, but now pass",
        "Tests: now pass (failed before)",
        "Tests: was failing, now all green",
    ];
    check_status(ValidationStatus::Passed, &passed);
    let failed = [
        "Tests: 2 failing, 3 now pass",
        "Tests: still failing, lint passes now",
        "Tests: passed before, failing now",
        "Tests: failed before the database was up",
        "Tests: now pass, 2 failing",
    ];
    check_status(ValidationStatus::Failed, &failed);
}

#[test]
fn a_check_that_failed_failed_even_where_it_is_marked_as_done() {
    let failed = [
        "- [x] `cargo test` — failed twice\n- [x] `cargo build`: passed",
        "- [x] `cargo test` failed\n- [x] `cargo build`: passed",
        "## Validation\n- [x] `cargo test` — failed twice\n- [x] `cargo build`: passed",
        "- [x] `cargo test`: 3 failed\n- [x] `cargo build`: passed",
        "- [x] `cargo test` (still failing)\n- [x] `cargo build`: passed",
        "Failed:\n- `cargo test`: passed at first",
    ];
    check_status(ValidationStatus::Failed, &failed);
    let passed = [
        "- [x] `cargo test` error paths\n- [x] `cargo build`: passed",
        "- [x] `cargo test`: error messages\n- [x] `cargo build`: passed",
        "## Validation\n- [x] e2e: retry on error",
        "- [x] `cargo test` failures fixed\n- [x] `cargo build`: passed",
        "Done:\n- `cargo test`: failed\n- `cargo test`: passed",
    ];
    check_status(ValidationStatus::Passed, &passed);
    let partial = "- [x] `cargo test`: 10/12 passed\n- [x] `cargo build`: passed";
    check_status(ValidationStatus::Partial, &[partial]);
}

#[track_caller]
fn check_pending(text: &str, expected: &[&str]) {
    let pad = summarise(text);
    assert_eq!(
        (&pad.pending_steps[..], pad.next_command.as_deref()),
        (expected_cows(expected).as_slice(), None)
    );
}

fn expected_cows<'t>(texts: &[&'t str]) -> Vec<std::borrow::Cow<'t, str>> {
    texts.iter().map(|text| (*text).into()).collect()
}

#[test]
fn what_stands_in_backticks_and_is_no_command_is_a_step() {
    check_pending("Next: `three`", &["`three`"]);
    check_pending("Next - `deploy prod`", &["`deploy prod`"]);
    check_pending("## Next\n\n`deploy prod`\n", &["`deploy prod`"]);
    check_pending("Next: run `foo`", &["run `foo`"]);
    check_pending("Next:\n- `three`\n- four", &["`three`", "four"]);
    check_pending("Next: ``", &[]);
    let command = summarise("Next: run `cargo test`.");
    assert_eq!((command.next_command.as_deref(), command.pending_steps.len()), (Some("cargo test"), 0));
}

#[test]
fn counts_signs_and_words_for_nothing_are_no_items() {
    for text in [
        "Failed: 0",
        "Pending: 2",
        "Pending: 2 steps left",
        "Pending: 3 of 5",
        "Failures: 0",
        "Failed: zero",
        "Failed steps: (0)",
        "Failed: No failures",
        "Failed: no tests failed",
        "Failed: ❌",
        "Done: yes",
        "Done: none so far",
        "Completed: ✅",
        "Completed: nothing was completed yet.",
        "Decision: no decision yet",
        "Decisions: TBD",
        "Goal: TBD",
        "Pending: nothing left",
        "Pending: no action required",
        "Pending: no further steps",
        "Next: nothing left to do",
        "Failed: nothing failed",
        "Open questions: no open questions",
        "Open questions:\n- No open questions at the moment.",
    ] {
        assert!(summarise(text).is_empty(), "{text:?}: {:?}", summarise(text));
    }
}

#[test]
fn an_item_that_says_no_to_something_is_kept() {
    for text in [
        "Decision: No retry in the client",
        "Decision: No new tasks",
        "Decision: no tests for now",
        "Failed: Nothing handles the timeout",
        "Failed: no build",
        "Pending: No tests",
        "Pending: no retry on blocked",
        "Pending: none of the callers is told",
        "Goal: no failures",
        "Done: 3 callers told",
        "Done: yes to both",
        "Fixed: #1234",
        "Done: #12 fixed",
        "Question: no one owns it?",
    ] {
        let pad = summarise(text);
        assert_eq!(items(&pad), [text.split_once(": ").unwrap().1], "{text:?}");
    }
    check_status(ValidationStatus::Passed, &["Validation: ✅"]);
}

#[test]
fn a_pipe_with_a_backslash_stands_in_its_cell() {
    let pad = summarise("| task | status |\n|---|---|\n| a \\| b | done |\n| c | done |\n");
    assert_eq!(pad.completed_steps, ["a \\| b", "c"]);
}

#[test]
fn a_check_that_is_in_progress_is_a_step() {
    check_pending("Steps:\n- test: in progress\n- docs: in progress", &["test", "docs"]);
    check_pending("Pending:\n- test: in progress\n- docs", &["test", "docs"]);
    check_pending("## Validation\n- tests: in progress", &[]);
    check_status(ValidationStatus::Passed, &["Steps:\n- test: passed\n- docs: in progress"]);
}
