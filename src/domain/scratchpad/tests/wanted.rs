//! What sounds like an item or an outcome and is none, and where sections begin.

use super::{ValidationStatus, check_status, expected_cows, items, summarise};

#[test]
fn a_heading_right_behind_a_paragraph_begins_its_section() {
    for heading in ["DECISIONS", "Decisions\n---------", "Shard 2/3\nDecisions:"] {
        let text = format!("## Goal\nMake the queue bounded.\n{heading}\n- Keep the old names\n");
        let pad = summarise(&text);
        assert_eq!(pad.current_objective.as_deref(), Some("Make the queue bounded."), "{text}");
        assert_eq!(pad.decisions, expected_cows(&["Keep the old names"]), "{text}");
    }
}

#[test]
fn what_is_wanted_is_no_outcome() {
    for heading in ["Acceptance criteria:", "## Definition of done", "**Success criteria**"] {
        let text = format!(
            "Goal: a bounded queue\n\n{heading}\n- All tests pass.\n- Build: passed\n- the lint is clean\n"
        );
        let pad = summarise(&text);
        assert_eq!(pad.validation_status, ValidationStatus::NotRun, "{text}");
        assert_eq!(items(&pad), ["a bounded queue"], "{text}");
    }
    let told = summarise("Acceptance criteria:\n- All tests pass.\n\n## Tests\n- unit: failed\n");
    assert_eq!(told.validation_status, ValidationStatus::Failed);
    let asked = [
        "Tests: add a test for the error path",
        "CI: fix the broken cache",
        "## Tests\n- write one that fails\n",
    ];
    for text in asked {
        assert_eq!(summarise(text).validation_status, ValidationStatus::NotRun, "{text}");
    }
}

#[test]
fn flags_and_what_is_not_decided_are_no_items() {
    for text in [
        "Blocked: false",
        "Done: true",
        "Decision: not yet",
        "Decision: not decided yet.",
        "Decisions:\n- undecided",
    ] {
        assert!(items(&summarise(text)).is_empty(), "{text}");
    }
    assert_eq!(summarise("Tests: true").validation_status, ValidationStatus::Passed);
}

#[test]
fn a_share_with_gaps_is_a_share() {
    check_status(ValidationStatus::Partial, &["Tests: 9 / 10 passed", "Tests: passed 9 / 10"]);
    check_status(ValidationStatus::Passed, &["Tests: 10 / 10 passed"]);
    check_status(ValidationStatus::Failed, &["Tests: unit passed / integration failed"]);
}

#[test]
fn what_a_step_of_json_says_of_itself_counts() {
    let pad = summarise(
        r#"{"done":[{"step":"a","status":"failed"},{"step":"b"},{"step":"c","status":"done"}],"decisions":[{"text":"d","status":"open"}]}"#,
    );
    assert_eq!(pad.failed_steps, expected_cows(&["a"]));
    assert_eq!(pad.completed_steps, expected_cows(&["b", "c"]));
    assert_eq!(pad.decisions, expected_cows(&["d"]));
}
