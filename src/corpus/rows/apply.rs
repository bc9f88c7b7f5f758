//! `auto_apply`: what became of a review's patches.

use crate::corpus::dice::Dice;
use crate::corpus::names::COMMANDS;
use crate::corpus::pen::Pen;
use crate::corpus::story::Review;
use crate::corpus::time::Millis;

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    /// Committed, but not every patch.
    Partial,
    RejectedByGate,
    Nothing,
}

impl Outcome {
    pub(crate) fn draw(dice: &mut Dice, accepted: bool) -> Self {
        match (accepted, dice.below(100)) {
            (true, 0..62) | (false, 0..25) => Self::Committed,
            (true, 62..78) | (false, 25..35) => Self::Partial,
            (true, 78..92) | (false, 35..80) => Self::RejectedByGate,
            (true | false, _) => Self::Nothing,
        }
    }

    pub(crate) const fn commits(self) -> bool {
        matches!(self, Self::Committed | Self::Partial)
    }
}

pub(crate) fn apply(pen: &mut Pen, review: &Review, outcome: Outcome, commit: &str, at: Millis) {
    pen.time("ts", at);
    pen.str("file", &review.file);
    let action = match outcome {
        Outcome::Committed => pen.dice.word(&["committed", "committed", "applied"]),
        Outcome::Partial => pen.dice.word(&["applied", "committed"]),
        Outcome::RejectedByGate => "rejected_gate",
        Outcome::Nothing => pen.dice.word(&["no_patches", "skipped_dirty_tree", "build_red"]),
    };
    pen.str("action", action);
    let proposed = pen.dice.between(2, 9);
    let applied = match outcome {
        Outcome::Committed => proposed,
        Outcome::Partial => pen.dice.between(1, proposed - 1),
        Outcome::RejectedByGate | Outcome::Nothing => 0,
    };
    pen.num("patches_proposed", proposed);
    pen.num("patches_applied", applied);
    let failed = match outcome {
        Outcome::RejectedByGate => Some(pen.dice.between(1, 5)),
        _ => None,
    };
    if failed.is_some() || pen.dice.often(70) {
        pen.literal("gates", "{");
        for (index, gate) in (1..).zip(["g1", "g2", "g3", "g4", "g5"]) {
            pen.flag(gate, failed != Some(index));
        }
        pen.json("}");
    }
    if outcome.commits() {
        pen.str("commit", commit);
    }
    commands(pen, outcome != Outcome::RejectedByGate);
    pen.str("reviewer_model", review.model);
}

pub(crate) fn revert(pen: &mut Pen, file: &str, commit: &str, at: Millis) {
    pen.time("ts", at);
    pen.str("file", file);
    let action = pen.dice.word(&["reverted", "auto_reverted", "revert_build_red"]);
    pen.str("action", action);
    pen.num("patches_proposed", 0);
    pen.num("patches_applied", 0);
    if pen.dice.often(80) {
        pen.str("commit", commit);
    }
    pen.literal("commands_run", "[");
    pen.str_item("git revert --no-edit");
    pen.json("]");
}

/// Commands as plain strings, or with what they returned.
fn commands(pen: &mut Pen, green: bool) {
    if pen.dice.often(35) {
        return;
    }
    let detailed = pen.dice.often(60);
    pen.literal("commands_run", "[");
    for _ in 0..pen.dice.between(1, 3) {
        let command = pen.dice.word(&COMMANDS);
        if !detailed {
            pen.str_item(command);
            continue;
        }
        pen.item();
        pen.json("{");
        pen.str("cmd", command);
        let code = if green { 0 } else { pen.dice.below(3) };
        pen.num("exit_code", code);
        let milliseconds = pen.dice.between(90, 64_000);
        pen.num("duration_ms", milliseconds);
        pen.json("}");
    }
    pen.json("]");
}
