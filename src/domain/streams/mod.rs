//! The streams: one file each, and the table that lists them.
//!
//! A stream says what its rows must have, what they are evidence of, and which signals they carry: those about their
//! own work (`own`), and those about the work of others (`says`), which reach it by links.

mod audit_discrepancies;
mod audit_facts;
mod audit_lessons;
mod audits;
mod auto_apply;
mod classifications;
mod contract_analyses;
mod custom;
mod distilled_config_hints;
mod distilled_facts;
mod distilled_procedures;
mod doc_drift_corrections;
mod extraction;
mod field;
mod human_overrides;
mod mode_experiments;
mod model_trust;
mod observer_escalations;
mod observer_ops;
mod observer_reviews;
mod outcomes;
mod overseer_corrections;
mod pathway_recommendations;
mod phase_sweep_findings;
mod row_schema;
mod scrum_reviews;
mod signatures;
mod target;

#[cfg(test)]
mod check;

pub use field::{Field, FieldShape};
pub use row_schema::{judge_row, row_schema};

use super::reject::Reject;
use super::row::{Row, Word};
use super::schema::checked::SchemaVersion;
use super::schema::provenance::Provenance;
use super::schema::record::{EvidenceRecord, Kind, ModelRole, RetrievedContext, TimestampOrigin};
use super::schema::scalars::{Escaped, EventTime};
use super::signal::{Code, SignalSet};

/// One stream: the shape of its rows, and what they are evidence of.
pub trait Stream: Send + Sync {
    /// The stream's name, also of its output files.
    fn name(&self) -> &str;
    /// What one of its rows is, in a sentence.
    fn about(&self) -> &'static str;
    /// The documented fields of its rows, in the order of SPEC section 3.
    fn fields(&self) -> &'static [Field];
    /// Who writes it.
    fn role(&self) -> ModelRole;
    /// Whether its rows are work or support, unless a row says otherwise.
    fn kind(&self) -> Kind;
    /// Fills in what the row says, or refuses the row.
    fn read<'a>(&self, row: &mut Row<'a, '_>, draft: &mut Draft<'a>) -> Result<(), Reject>;
}

/// The built-in streams, in the order of SPEC section 3.
pub const STREAMS: [&dyn Stream; 23] = [
    &audits::Audits,
    &audit_facts::AuditFacts,
    &audit_lessons::AuditLessons,
    &audit_discrepancies::AuditDiscrepancies,
    &scrum_reviews::ScrumReviews,
    &auto_apply::AutoApply,
    &mode_experiments::ModeExperiments,
    &observer_escalations::ObserverEscalations,
    &observer_reviews::ObserverReviews,
    &model_trust::ModelTrust,
    &outcomes::Outcomes,
    &human_overrides::HumanOverrides,
    &overseer_corrections::OverseerCorrections,
    &phase_sweep_findings::PhaseSweepFindings,
    &doc_drift_corrections::DocDriftCorrections,
    &pathway_recommendations::PathwayRecommendations,
    &signatures::Signatures,
    &classifications::Classifications,
    &contract_analyses::ContractAnalyses,
    &distilled_facts::DistilledFacts,
    &distilled_procedures::DistilledProcedures,
    &distilled_config_hints::DistilledConfigHints,
    &observer_ops::ObserverOps,
];

/// A stream of the config, read through JSON pointers.
pub fn custom(settings: super::rules::CustomStream) -> Box<dyn Stream> {
    Box::new(custom::Custom::new(settings))
}

/// The name under which a stream's rows are known, wherever its file lies.
pub fn source_file(name: &str) -> String {
    if name == "observer_ops" {
        "data/_observer/ops.jsonl".to_owned()
    } else {
        format!("data/_kb/{name}.jsonl")
    }
}

/// A record in the making.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The record, with everything that is common filled in.
    pub record: EvidenceRecord<'a>,
    /// The row's own time, if it has one.
    pub time: Option<EventTime>,
    /// Signals about the row's own work.
    pub own: SignalSet,
    /// Signals about the work of others.
    pub says: SignalSet,
    /// How much of the text stands on its sources, in [0, 1].
    pub anchor_grounding: Option<f64>,
}

impl<'a> Draft<'a> {
    /// An empty draft of a stream's record.
    pub fn new(stream: &'a dyn Stream, provenance: Provenance<'a>) -> Self {
        let record = EvidenceRecord {
            schema_version: SchemaVersion,
            run_id: Escaped::from_escaped(""),
            task_id: Escaped::from_escaped(""),
            timestamp: EventTime::EPOCH,
            timestamp_origin: TimestampOrigin::None,
            model_role: stream.role(),
            source_stream: stream.name().into(),
            kind: stream.kind(),
            provenance,
            task_type: None,
            mode: None,
            model_name: None,
            model_provider: None,
            input_hash: None,
            output_hash: None,
            text: None,
            source_files: Vec::new(),
            commands_run: Vec::new(),
            tool_calls: Vec::new(),
            retrieved_context: RetrievedContext::default(),
            observer_notes: Vec::new(),
            observer_verdict: None,
            observer_confidence: None,
            scratchpad_summary: None,
            success_markers: Vec::new(),
            failure_markers: Vec::new(),
            validation_results: Vec::new(),
            human_override: None,
            extractor: None,
            verifier: None,
            categorizer: None,
            category: None,
            source_label: None,
            source_service: None,
            cost_usd: None,
            latency_ms: None,
            tokens_in: None,
            tokens_out: None,
            response_chars: None,
            pr_number: None,
            head_sha: None,
            commit: None,
            claim_idx: None,
            run_signature: None,
            trace_id: None,
            attempt: None,
        };
        Self { record, time: None, own: SignalSet::EMPTY, says: SignalSet::EMPTY, anchor_grounding: None }
    }

    /// Sets the run, and the task named by `prefix` and an id; without an id the task is the run.
    pub fn run_and_task(&mut self, run_id: Escaped<'a>, prefix: &str, task: Option<&Escaped<'a>>) {
        self.record.task_id = task.map_or_else(|| run_id.clone(), |id| id.prefixed(prefix));
        self.record.run_id = run_id;
    }

    /// Notes a marker that is no signal.
    pub fn mark_failure(&mut self, marker: &'static str) {
        self.record.failure_markers.push(marker);
    }

    /// Marks a row of an undocumented stream of which only the required fields are there.
    pub fn mark_unknown_shape(&mut self, row: &Row<'a, '_>, fields: &[Field]) {
        if !row.has_any_optional(fields) {
            self.mark_failure("shape.unknown");
        }
    }

    /// Turns signals into markers, once all are known.
    pub fn finish_markers(&mut self) {
        for code in self.own.union(self.says).iter() {
            if code.is_favourable() {
                self.record.success_markers.push(code.name());
            } else {
                self.record.failure_markers.push(code.name());
            }
        }
        for markers in [&mut self.record.success_markers, &mut self.record.failure_markers] {
            markers.sort_unstable();
            markers.dedup();
        }
    }
}

/// A whole number as text.
fn digits(number: i64) -> Escaped<'static> {
    Escaped::from_escaped(number.to_string())
}

/// The signal of an observer that is sure enough, of its verdict in `field` (SPEC: conf absent or at least 0.70).
fn observer_signal(
    row: &mut Row<'_, '_>,
    field: &str,
    verdict: Option<&Escaped<'_>>,
    confidence: Option<f64>,
) -> Option<Code> {
    let word = row.word_of(field, verdict?);
    if confidence.is_some_and(|c| c < row.rules().scorer.observer_confidence_min) {
        return None;
    }
    match word {
        Word::For => Some(Code::ObserverAccept),
        Word::Against => Some(Code::ObserverReject),
        Word::None => None,
    }
}
