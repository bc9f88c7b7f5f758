//! What links and samples need to know of a row, as numbers: keys are 64 bits of a SHA-256, so that equal texts are
//! equal keys and nothing else is in practice.

use crate::domain::exports::instruction::Asked;
use crate::domain::exports::{holds_secret, secrets};
use crate::domain::schema::record::{EvidenceRecord, Kind};
use crate::domain::schema::scalars::{Escaped, EventTime, Sha256Hex};
use crate::domain::score::HumanAction;
use crate::domain::signal::{Code, Kind as SignalKind, SignalSet};

/// The name under which a record of a vote holds the text that lost, among its validation results.
pub const REJECTED_TEXT: &str = "rejected";
/// The name under which it holds the claim.
pub const CLAIM_TEXT: &str = "claim";

/// 64 bits of the hash of a text.
pub type Key = u64;

/// The key of a text: the first 8 bytes of its hash, read as a big-endian number.
pub fn key_of(hash: &Sha256Hex) -> Key {
    hash.0.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The key of an escaped text. Escaping is canonical, so equal texts have equal keys.
pub fn key(text: &Escaped<'_>) -> Key {
    key_of(&Sha256Hex::of(text.escaped().as_bytes()))
}

/// The part that rows of a stream play in links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// `scrum_reviews`: what L4 reaches.
    Review,
    /// `auto_apply`: judges a review; reached by its commit.
    Apply,
    /// `audits`.
    Audit,
    /// `audit_facts`, `audit_lessons`, `audit_discrepancies`: of a pull request, but only people judge them by it.
    Claim,
    /// `observer_escalations`.
    Escalation,
    /// `observer_reviews`.
    Observer,
    /// `human_overrides`.
    Human,
    /// `overseer_corrections`.
    Overseer,
    /// `distilled_*`: what was made of the text of others.
    Distilled,
    /// Every other stream; those that judge do so by the run.
    Other,
}

/// Every part, by its number.
pub const PARTS: [Part; 10] = [
    Part::Review,
    Part::Apply,
    Part::Audit,
    Part::Claim,
    Part::Escalation,
    Part::Observer,
    Part::Human,
    Part::Overseer,
    Part::Distilled,
    Part::Other,
];

impl Part {
    /// The part of a stream.
    pub fn of(stream: &str) -> Self {
        match stream {
            "scrum_reviews" => Self::Review,
            "auto_apply" => Self::Apply,
            "audits" => Self::Audit,
            "audit_facts" | "audit_lessons" | "audit_discrepancies" => Self::Claim,
            "observer_escalations" => Self::Escalation,
            "observer_reviews" => Self::Observer,
            "human_overrides" => Self::Human,
            "overseer_corrections" => Self::Overseer,
            "distilled_facts" | "distilled_procedures" | "distilled_config_hints" => Self::Distilled,
            _ => Self::Other,
        }
    }
}

/// Whose work a row judges, by the first key that it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Nobody's.
    Nothing,
    /// L1: the work of a run.
    Run(Key),
    /// L2: the work of a signature.
    Signature(Key),
    /// L3: the work on a pull request, at a commit or up to a time.
    Pull(i64, Option<Key>),
    /// L4: a review of a file.
    File(Key),
}

/// The text of a piece of work and what it answers, as exports see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFacts {
    /// The text; 0 without one, or when it is nothing but white space.
    pub text: Key,
    /// The instruction it answers; 0 where the stream has none.
    pub instruction: Key,
    /// Its `input_hash`; 0 without one, and without a text or an instruction.
    pub input: Key,
}

/// Everything that links and samples need to know of one row.
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of the row")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// The part its stream plays.
    pub part: Part,
    /// Whether it is work.
    pub work: bool,
    /// Its time.
    pub time: EventTime,
    /// Its run.
    pub run: Key,
    /// Whose work it judges.
    pub judged: Judged,
    /// The signature that it gives its run.
    pub signature: Option<Key>,
    /// The pull request it is about.
    pub pull: Option<i64>,
    /// The commit that the pull request was at, or that an apply made.
    pub commit: Option<Key>,
    /// The file it is about.
    pub file: Option<Key>,
    /// Which attempt.
    pub attempt: Option<i64>,
    /// Signals about its own work.
    pub own: SignalSet,
    /// Signals about the work of others.
    pub says: SignalSet,
    /// The task type that it names, and so gives its run.
    pub task: Option<Key>,
    /// The text and the instruction, where it is work that has one of them.
    pub text: Option<TextFacts>,
    /// Whether there is a secret in its text, or in a name that its samples would hold.
    pub secret: bool,
    /// Whether there is a secret in what only its pair would hold.
    pub secret_in_pair: bool,
    /// Whether it may make a preference pair by itself: it holds both sides, or corrects somebody's text.
    pub makes_pair: bool,
    /// How much of the text stands on its sources, in [0, 1].
    pub anchor_grounding: Option<f64>,
}

impl Facts {
    /// What a person says in the row.
    pub fn human(&self) -> Option<HumanAction> {
        human_of(self.says)
    }

    /// The facts of a record whose row says these signals about its own work and about that of others. `asked` is the
    /// record's own.
    pub fn of(
        record: &EvidenceRecord<'_>,
        own: SignalSet,
        says: SignalSet,
        asked: Option<&Asked>,
        row: RowText<'_>,
    ) -> Self {
        let part = Part::of(&record.source_stream);
        let work = record.kind == Kind::Work;
        let file = record.source_files.first().map(key);
        let commit = match part {
            Part::Apply => record.commit.as_ref().map(|commit| commit_key(commit.escaped())),
            _ => record.head_sha.as_ref().map(|sha| commit_key(sha.escaped())),
        };
        let text = record.text.as_ref().filter(|text| work && has_words(text));
        let asked = asked.filter(|_| work);
        let texts = || texts_of(record).chain(asked.map(|asked| &asked.instruction));
        let may_hold = row.may_hold_secret(texts().chain(texts_of_pair(part, record)));
        // A secret is no part of an instruction: a correction of this work would be asked by it.
        let is_open = |asked: &&Asked| !(may_hold && holds_secret(&asked.instruction));
        let instruction = asked.filter(is_open).map_or(0, key_of_asked);
        let input =
            record.input_hash.as_ref().filter(|_| instruction != 0 && text.is_some()).map_or(0, key_of);
        Self {
            part,
            work,
            time: record.timestamp,
            run: key(&record.run_id),
            judged: judged(part, record, says, commit, file),
            signature: record.run_signature.as_ref().map(key),
            pull: record.pr_number,
            commit,
            file,
            attempt: record.attempt,
            own,
            says,
            // A run is given no name with a secret in it: its samples would hold that.
            task: record.task_type.as_ref().filter(|task| !(may_hold && holds_secret(task))).map(key),
            text: (text.is_some() || instruction != 0).then(|| TextFacts {
                text: text.and(record.output_hash.as_ref()).map_or(0, key_of),
                instruction,
                input,
            }),
            secret: may_hold && texts().any(holds_secret),
            secret_in_pair: may_hold && texts_of_pair(part, record).any(holds_secret),
            makes_pair: match part {
                Part::Claim => rejected_of(record).is_some_and(has_words) && text.is_some(),
                Part::Human | Part::Overseer => {
                    !says.is_empty() && record.text.as_ref().is_some_and(has_words)
                }
                _ => false,
            },
            anchor_grounding: None,
        }
    }
}

/// What a record was read from, to look for secrets in all of its texts at once: a row without any trace of one is nearly
/// every row, and a search through each of its texts costs several times as much.
#[derive(Debug)]
pub enum RowText<'t> {
    /// It is not at hand; each text is searched.
    Unknown,
    /// The row as canonical JSON, from which every borrowed text of the record is; and room for the others.
    Canonical(&'t str, &'t mut String),
}

impl RowText<'_> {
    fn may_hold_secret<'e>(self, texts: impl Iterator<Item = &'e Escaped<'e>>) -> bool {
        let Self::Canonical(row, all) = self else { return true };
        all.clear();
        all.push_str(row);
        for text in texts.filter(|text| !text.is_borrowed()) {
            // No secret goes on behind a line feed.
            all.push('\n');
            all.push_str(text.escaped());
        }
        secrets::may_hold(all)
    }
}

/// The key of an instruction: that of its escaped text.
fn key_of_asked(asked: &Asked) -> Key {
    if asked.instruction.escaped().contains('\\') { key(&asked.instruction) } else { key_of(&asked.hash) }
}

/// The texts of a record that its samples would hold, by whatever member.
fn texts_of<'r, 'a>(record: &'r EvidenceRecord<'a>) -> impl Iterator<Item = &'r Escaped<'a>> {
    let names =
        [&record.run_id, &record.task_id].into_iter().chain(&record.task_type).chain(&record.model_name);
    record.text.iter().chain(names).chain(&record.source_files)
}

/// The texts that its pair would hold beside them.
fn texts_of_pair<'r, 'a>(
    part: Part,
    record: &'r EvidenceRecord<'a>,
) -> impl Iterator<Item = &'r Escaped<'a>> {
    let results = record.validation_results.iter().filter(move |_| part == Part::Claim);
    let reason = record.human_override.iter().filter_map(|human| human.reason.as_ref());
    results.filter_map(|result| result.explanation.as_ref()).chain(reason)
}

/// The text that a vote went against, where the record holds it.
fn rejected_of<'r, 'a>(record: &'r EvidenceRecord<'a>) -> Option<&'r Escaped<'a>> {
    let rejected = record.validation_results.iter().find(|result| result.name.escaped() == REJECTED_TEXT)?;
    rejected.explanation.as_ref()
}

/// Whether a text is more than white space.
pub fn has_words(text: &Escaped<'_>) -> bool {
    // Nearly every text starts with a letter, and then nothing is decoded.
    text.escaped().bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        || text.plain().chars().any(|c| !c.is_whitespace())
}

/// The key of a commit, which may be written in either case.
fn commit_key(commit: &str) -> Key {
    key_of(&Sha256Hex::of(commit.to_ascii_lowercase().as_bytes()))
}

/// What a person says, among signals.
pub fn human_of(signals: SignalSet) -> Option<HumanAction> {
    signals.iter().find_map(|code| match code {
        Code::HumanAccept => Some(HumanAction::Accept),
        Code::HumanPartial => Some(HumanAction::Partial),
        Code::HumanReject => Some(HumanAction::Reject),
        Code::HumanReview => Some(HumanAction::Review),
        Code::HumanCorrect => Some(HumanAction::Correct),
        _ => None,
    })
}

/// Whether a deterministic check failed.
pub fn fails(signals: SignalSet) -> bool {
    signals.any(SignalKind::DeterministicFail)
}

fn judged(
    part: Part,
    record: &EvidenceRecord<'_>,
    says: SignalSet,
    commit: Option<Key>,
    file: Option<Key>,
) -> Judged {
    // An apply counts even when it says nothing: it takes the place of the apply before it. So does an audit.
    if says.is_empty() && !matches!(part, Part::Apply | Part::Audit) {
        return Judged::Nothing;
    }
    let target_run =
        || record.task_id.escaped().strip_prefix("run:").map(|run| key(&Escaped::from_escaped(run)));
    let by_file = file.map_or(Judged::Nothing, Judged::File);
    match part {
        Part::Apply => by_file,
        Part::Audit => record.pr_number.map_or(Judged::Nothing, |pull| Judged::Pull(pull, commit)),
        Part::Escalation => {
            record.run_signature.as_ref().map_or(Judged::Nothing, |sig| Judged::Signature(key(sig)))
        }
        Part::Observer | Part::Overseer => target_run().map_or(by_file, Judged::Run),
        Part::Human => match (target_run(), record.pr_number) {
            (Some(run), _) => Judged::Run(run),
            (None, Some(pull)) => Judged::Pull(pull, commit),
            (None, None) => by_file,
        },
        // Outcomes, trust, recommendations and operations speak of their own run, when they name one.
        Part::Review | Part::Claim | Part::Distilled | Part::Other => {
            target_run().map_or(Judged::Nothing, Judged::Run)
        }
    }
}
