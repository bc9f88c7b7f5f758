//! The order of events: what a story writes, and when.

use super::CorpusError;
use super::desk::Desk;
use super::later::{Event, Target, What};
use super::pen::Pen;
use super::rows::apply::Outcome;
use super::rows::{apply, audit, distilled, docs, human, observer, review, run};
use super::story::{Review, Story};
use super::stream::Stream;
use super::time::{HOUR, MINUTE, Millis, SECOND};

/// Every sixteenth even story's review is the one before it, delivered again.
const REPEAT_EVERY: u64 = 16;
const REPEAT_AT: u64 = 2;

/// Tells a story of one row in each stream.
pub(crate) fn even(desk: &mut Desk, told: u64) -> Result<(), CorpusError> {
    desk.careless = false;
    let mut story = Story::begin(desk, 1, 1);
    let review = Review::draw(desk, &mut story, 0, 1);
    if told % REPEAT_EVERY == REPEAT_AT {
        desk.deliver_again(Stream::ScrumReviews)?;
    } else {
        desk.write(Stream::ScrumReviews, |pen| review::scrum_review(pen, &story, &review))?;
    }
    if told % REPEAT_EVERY + 1 == REPEAT_AT {
        desk.keep_last(Stream::ScrumReviews);
    }
    match desk.later.first_revert().filter(|_| told % 5 == 4) {
        Some(Event { what: What::Revert { file, commit }, .. }) => {
            let at = story.now;
            desk.write(Stream::AutoApply, |pen| apply::revert(pen, &file, &commit, at))?;
        }
        _ => apply_review(desk, &mut story, &review, true)?,
    }
    audit_round(desk, &mut story, 1)?;
    for run in &story.runs {
        desk.write(Stream::ModeExperiments, |pen| run::mode_experiment(pen, &story, run))?;
        desk.write(Stream::Outcomes, |pen| run::outcome(pen, &story, run))?;
        desk.write(Stream::ModelTrust, |pen| run::model_trust(pen, &story, run))?;
        desk.write(Stream::PathwayRecommendations, |pen| run::pathway(pen, run))?;
        desk.write(Stream::ObserverOps, |pen| observer::op(pen, run, 0))?;
    }
    let target = Target::draw(desk, &story, &review);
    let at = story.now + 2 * HOUR;
    desk.write(Stream::HumanOverrides, |pen| human::human_override(pen, &target, at))?;
    for stream in [Stream::DistilledFacts, Stream::DistilledProcedures, Stream::DistilledConfigHints] {
        desk.write(stream, |pen| distilled::distilled(pen, stream, &story))?;
    }
    desk.write(Stream::ContractAnalyses, |pen| run::contract(pen, &story))?;
    desk.write(Stream::AuditDiscrepancies, |pen| audit::discrepancy(pen, &story))?;
    desk.write(Stream::AuditFacts, |pen| audit::facts(pen, &story))?;
    desk.write(Stream::AuditLessons, |pen| audit::lesson(pen, &story))?;
    desk.write(Stream::ObserverReviews, |pen| observer::review(pen, &review))?;
    desk.write(Stream::ObserverEscalations, |pen| observer::escalation(pen, &story))?;
    desk.write(Stream::Signatures, |pen| run::signature(pen, &story, story.main_run()))?;
    desk.write(Stream::Classifications, |pen| run::classification(pen, &story, story.main_run()))?;
    desk.write(Stream::OverseerCorrections, |pen| human::overseer(pen, &story, &review))?;
    desk.write(Stream::PhaseSweepFindings, |pen| docs::phase_sweep(pen, &story))?;
    desk.write(Stream::DocDriftCorrections, |pen| docs::doc_drift(pen, &story))
}

/// Tells a story in the mix of a busy project.
pub(crate) fn natural(desk: &mut Desk) -> Result<(), CorpusError> {
    desk.careless = true;
    overdue(desk)?;
    let files = desk.dice().between(1, 5);
    let runs_a_file = desk.dice().between(1, 3);
    let mut story = Story::begin(desk, files, runs_a_file);
    runs(desk, &story)?;
    for index in 0..story.files.len() {
        reviews(desk, &mut story, index)?;
    }
    let rounds = desk.dice().between(1, 3);
    audit_round(desk, &mut story, rounds)?;
    extracts(desk, &mut story)?;
    rare(desk, &mut story)
}

/// Reverts and human words whose time has come.
fn overdue(desk: &mut Desk) -> Result<(), CorpusError> {
    while let Some(Event { due, what }) = desk.later.next(desk.clock) {
        match what {
            What::Revert { file, commit } => {
                desk.write(Stream::AutoApply, |pen| apply::revert(pen, &file, &commit, due))?;
            }
            What::Override(target) => {
                desk.write(Stream::HumanOverrides, |pen| human::human_override(pen, &target, due))?;
            }
        }
    }
    Ok(())
}

/// The runs, with the operations seen beside each and what the routers note.
fn runs(desk: &mut Desk, story: &Story) -> Result<(), CorpusError> {
    for (index, run) in story.runs.iter().enumerate() {
        if desk.dice().often(if index == 0 { 100 } else { 10 }) {
            desk.write(Stream::Signatures, |pen| run::signature(pen, story, run))?;
            desk.write(Stream::Classifications, |pen| run::classification(pen, story, run))?;
        }
        let operations = desk.dice().below(3);
        for step in 0..operations {
            desk.write(Stream::ObserverOps, |pen| observer::op(pen, run, step))?;
        }
        if desk.dice().often(90) {
            desk.write(Stream::ModeExperiments, |pen| run::mode_experiment(pen, story, run))?;
        }
        if desk.dice().often(20) {
            desk.write(Stream::Outcomes, |pen| run::outcome(pen, story, run))?;
        }
        if desk.dice().often(12) {
            desk.write(Stream::ModelTrust, |pen| run::model_trust(pen, story, run))?;
        }
        if desk.dice().often(8) {
            desk.write(Stream::PathwayRecommendations, |pen| run::pathway(pen, run))?;
        }
    }
    Ok(())
}

/// A file's reviews, the observer's view of each, and the apply that follows the last.
fn reviews(desk: &mut Desk, story: &mut Story, file: usize) -> Result<(), CorpusError> {
    let attempts = match desk.dice().below(10) {
        0..5 => 1,
        5..9 => 2,
        _ => 3,
    };
    for attempt in 1..=attempts {
        let review = Review::draw(desk, story, file, attempt);
        if desk.dice().often(30) {
            desk.write(Stream::ObserverReviews, |pen| observer::review(pen, &review))?;
        }
        desk.write(Stream::ScrumReviews, |pen| review::scrum_review(pen, story, &review))?;
        if attempt == attempts && desk.dice().often(85) {
            apply_review(desk, story, &review, file == 0)?;
        }
        if desk.dice().often(4) {
            desk.write(Stream::OverseerCorrections, |pen| human::overseer(pen, story, &review))?;
        }
        if desk.dice().often(7) {
            let target = Target::draw(desk, story, &review);
            let due = review.at + desk.dice().between(10 * MINUTE, 9 * HOUR);
            desk.later.add(Event { due, what: What::Override(target) });
        }
    }
    Ok(())
}

/// The apply of a review; the first file's commit is the head that the audits look at.
fn apply_review(desk: &mut Desk, story: &mut Story, review: &Review, heads: bool) -> Result<(), CorpusError> {
    let at = apply_time(desk, story, review);
    let outcome = Outcome::draw(desk.dice(), review.accepted);
    let commit = if heads { story.head_sha.clone() } else { desk.dice().hex(40) };
    desk.write(Stream::AutoApply, |pen| apply::apply(pen, review, outcome, &commit, at))?;
    if outcome.commits() && desk.dice().often(11) {
        let due = at + desk.dice().between(20 * MINUTE, 20 * HOUR);
        desk.later.add(Event { due, what: What::Revert { file: review.file.clone(), commit } });
    }
    Ok(())
}

/// Mostly minutes after the review, before the next is begun; sometimes hours.
fn apply_time(desk: &mut Desk, story: &mut Story, review: &Review) -> Millis {
    if desk.dice().often(8) {
        return review.at + desk.dice().between(5 * MINUTE, 6 * HOUR);
    }
    story.now = story.now.max(review.at + desk.dice().between(2 * SECOND, 5 * MINUTE));
    story.now
}

/// Audits of the push; a second one judges the same head again.
fn audit_round(desk: &mut Desk, story: &mut Story, audits: u64) -> Result<(), CorpusError> {
    for _ in 0..audits {
        story.pass(&mut desk.pen.dice, 240);
        desk.write(Stream::Audits, |pen| audit::audit(pen, story))?;
    }
    Ok(())
}

/// What is learnt from the push and its runs.
fn extracts(desk: &mut Desk, story: &mut Story) -> Result<(), CorpusError> {
    let draw = |desk: &mut Desk, most: u64| desk.dice().below(most + 1);
    for _ in 0..draw(desk, 4) {
        story.pass(&mut desk.pen.dice, 60);
        desk.write(Stream::AuditFacts, |pen| audit::facts(pen, story))?;
    }
    for (stream, most) in
        [(Stream::DistilledFacts, 5), (Stream::DistilledProcedures, 2), (Stream::DistilledConfigHints, 2)]
    {
        for _ in 0..draw(desk, most) {
            story.pass(&mut desk.pen.dice, 30);
            desk.write(stream, |pen| distilled::distilled(pen, stream, story))?;
        }
    }
    Ok(())
}

/// Adds the members of a row that a story alone decides.
type RowOf = fn(&mut Pen, &Story);

/// What only some pushes lead to.
fn rare(desk: &mut Desk, story: &mut Story) -> Result<(), CorpusError> {
    let rare: [(Stream, u64, RowOf); 7] = [
        (Stream::AuditLessons, 60, audit::lesson),
        (Stream::ContractAnalyses, 60, run::contract),
        (Stream::AuditDiscrepancies, 35, audit::discrepancy),
        (Stream::ObserverEscalations, 25, observer::escalation),
        (Stream::DocDriftCorrections, 20, docs::doc_drift),
        (Stream::PhaseSweepFindings, 15, docs::phase_sweep),
        (Stream::AuditDiscrepancies, 10, audit::discrepancy),
    ];
    for (stream, per_cent, row) in rare {
        if desk.dice().often(per_cent) {
            story.pass(&mut desk.pen.dice, 90);
            desk.write(stream, |pen| row(pen, story))?;
        }
    }
    Ok(())
}
