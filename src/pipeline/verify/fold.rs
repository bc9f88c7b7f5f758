//! Receipts folded one by one into a [`Ledger`], each held to the rules within it and to all that came before.

use std::collections::BTreeMap;

use super::chain::{ReceiptLine, ReceiptsFile};
use super::finding::{Finding, Findings};
use super::ledger::{Generation, Ledger, Taken, Written};
use crate::domain::schema::receipt::{
    CommittedState, InputRange, OutputRange, Receipt, ReceiptKind, RecordCounts,
};
use crate::domain::schema::scalars::Sha256Hex;
use crate::intake::identity::Identity;

/// The receipts being folded.
pub(super) struct Fold<'f> {
    pub(super) ledger: Ledger,
    pub(super) since: Option<u64>,
    pub(super) findings: &'f Findings,
    /// Of each output, the hash of its whole content where one range is all of it.
    pub(super) whole: BTreeMap<String, Sha256Hex>,
    /// Whether the state before the first receipt to be checked is known.
    pub(super) has_base: bool,
}

/// What does not hold: what, expected, found.
type Wrong = (String, String, String);

impl Fold<'_> {
    /// Takes the receipts of one file; `false` when one cannot be read, for nothing behind it can be trusted.
    pub(super) fn take_file(
        &mut self,
        file: &ReceiptsFile,
        lines: Vec<ReceiptLine>,
        is_oldest: bool,
        is_last: bool,
    ) -> bool {
        let count = lines.len();
        if count == 0 && !is_last {
            self.findings.add(Finding::of_file(&file.name, "a sealed file without receipts"));
        }
        for (number, line) in lines.into_iter().enumerate() {
            let at = |what: String| Finding::of_line(&file.name, number as u64, line.byte, what);
            let receipt = match line.receipt {
                Ok(receipt) => receipt,
                Err(what) if is_last && number + 1 == count && line.torn => {
                    self.ledger.torn = Some(at(format!(
                        "{what}: a commit that did not come to its end; the next `distilld run` cuts it off"
                    )));
                    return true;
                }
                Err(what) => {
                    self.findings.add(at(what));
                    return false;
                }
            };
            if number == 0 {
                self.ledger.files.push((receipt.seq, file.name.clone()));
            }
            if number == 0
                && let Some(finding) = file.check_opening(&receipt, is_oldest)
            {
                self.findings.add(finding);
            }
            let seq = receipt.seq;
            self.check_link(&receipt, &at);
            let mut wrong = self.check(&receipt);
            self.fold(&receipt, line.sha256, &mut wrong);
            for (what, expected, found) in wrong {
                self.findings.add(at(what).receipt(seq).but(expected, found));
            }
        }
        true
    }

    /// Holds a receipt to the one before.
    fn check_link(&self, receipt: &Receipt, at: &dyn Fn(String) -> Finding) {
        let zeros = Sha256Hex([0; 32]);
        let (seq, head) = match self.ledger.last {
            Some((last, head)) if last == u64::MAX => (receipt.seq, head),
            Some((last, head)) => (last + 1, head),
            None => (0, zeros),
        };
        if receipt.seq != seq {
            self.findings.add(at("a receipt out of order".to_owned()).but(seq, receipt.seq));
        }
        if receipt.prev_sha256 != head {
            let what = "prev_sha256 is not the hash of the line before".to_owned();
            self.findings.add(at(what).but(head, receipt.prev_sha256));
        }
        let versions = (&receipt.rules_version, &receipt.scorer_version);
        if let Some((rules, scorer)) = &self.ledger.versions
            && versions != (rules, scorer)
        {
            let what = "rules or scorer version changed from one receipt to the next".to_owned();
            let found = format!("{} and {}", versions.0, versions.1);
            self.findings.add(at(what).but(format!("{rules} and {scorer}"), found));
        }
    }

    /// Everything that does not hold within a receipt, and between it and the state before.
    fn check(&self, receipt: &Receipt) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut hold = |holds: bool, what: &str, expected: String, found: String| {
            if !holds {
                wrong.push((what.to_owned(), expected, found));
            }
        };
        let counts = &receipt.record_counts;
        let parts = counts.evidence + counts.quarantined + counts.duplicate + counts.blank;
        hold(
            counts.conserved(),
            "in is not evidence + quarantined + duplicate + blank",
            format!("{parts}"),
            format!("{}", counts.rows_in),
        );
        let told = "validation_pass is false".to_owned();
        hold(receipt.validation_pass, "a commit that did not pass its own checks", String::new(), told);
        let sum = |of: fn(&InputRange) -> u64| receipt.input_files.iter().map(of).sum::<u64>();
        let lines = |folder: &str| {
            let of_folder = |range: &&OutputRange| range.path.starts_with(folder);
            receipt.output_files.iter().filter(of_folder).map(|range| range.rows).sum::<u64>()
        };
        for (what, expected, found) in [
            ("the rows of the input ranges", counts.rows_in, sum(|input| input.rows)),
            ("the evidence of the input ranges", counts.evidence, sum(|input| input.evidence)),
            ("the quarantined rows of the input ranges", counts.quarantined, sum(|input| input.quarantined)),
            ("the duplicates of the input ranges", counts.duplicate, sum(|input| input.duplicate)),
            ("the blank rows of the input ranges", counts.blank, sum(|input| input.blank)),
            ("the lines for evidence", counts.evidence, lines("evidence/")),
            ("the lines for scores", counts.evidence + counts.rescored, lines("scored-runs/")),
            ("the lines for quarantine", counts.quarantined, lines("quarantine/")),
        ] {
            let what = format!("{what} are not as many as record_counts says");
            hold(expected == found, &what, expected.to_string(), found.to_string());
        }
        for input in &receipt.input_files {
            let parts = input.evidence + input.quarantined + input.duplicate + input.blank;
            let what = format!("rows of {} are lost or made up", input.stream);
            hold(input.rows == parts, &what, input.rows.to_string(), parts.to_string());
        }
        if let Some(state) = &receipt.state
            && self.ledger.receipts > 0
        {
            let what = "the checkpoint does not hold what the receipts before it add up to";
            let (expected, found) = first_difference(&self.ledger.state, state);
            hold(*state == self.ledger.state, what, expected, found);
        }
        let is_first = receipt.kind == ReceiptKind::Genesis;
        let found = format!("{:?}", receipt.kind).to_lowercase();
        hold(
            is_first == (receipt.seq == 0),
            "genesis is the first receipt and no other",
            "genesis".to_owned(),
            found,
        );
        wrong
    }

    /// Takes a receipt in, and what it says of files.
    fn fold(&mut self, receipt: &Receipt, sha256: Sha256Hex, wrong: &mut Vec<Wrong>) {
        let is_new = self.since.is_none_or(|since| receipt.seq > since);
        if let (0, Some(state)) = (self.ledger.receipts, &receipt.state) {
            self.ledger.state.clone_from(state);
            for (stream, state) in &state.streams {
                let (number, path, identity) = (state.generation, state.path.clone(), state.identity.clone());
                let generation = Generation { number, path, identity };
                self.ledger.generations.entry(stream.clone()).or_default().push(generation);
            }
        }
        if is_new && !self.has_base {
            self.ledger.base.clone_from(&self.ledger.state);
            self.has_base = true;
        }
        // One range at a time: where the next of the same file starts follows from the one before.
        let mut one = bare(receipt);
        for input in &receipt.input_files {
            self.take_input(receipt.seq, input, is_new, wrong);
            one.input_files.push(input.clone());
            self.ledger.state.apply(&one);
            one.input_files.clear();
        }
        for output in &receipt.output_files {
            self.take_output(receipt.seq, output, is_new, wrong);
            one.output_files.push(output.clone());
            self.ledger.state.apply(&one);
            one.output_files.clear();
        }
        one.record_counts = receipt.record_counts;
        one.export_cursors.clone_from(&receipt.export_cursors);
        self.ledger.state.apply(&one);
        for (stream, cursor) in &receipt.export_cursors {
            let evidence = self.ledger.state.output_len(&format!("evidence/{stream}.jsonl"));
            if *cursor > evidence {
                let what = format!("the exports are ahead of the evidence of {stream}");
                wrong.push((what, format!("at most {evidence}"), cursor.to_string()));
            }
        }
        self.ledger.receipts += 1;
        self.ledger.last = Some((receipt.seq, sha256));
        let is_known = self.ledger.versions.as_ref().is_some_and(|(rules, scorer)| {
            *rules == receipt.rules_version && *scorer == receipt.scorer_version
        });
        if !is_known {
            self.ledger.versions = Some((receipt.rules_version.clone(), receipt.scorer_version.clone()));
        }
    }

    fn take_input(&mut self, seq: u64, input: &InputRange, is_new: bool, wrong: &mut Vec<Wrong>) {
        let before = self.ledger.state.streams.get(&input.stream);
        let mut wrong = |what: &str, expected: String, found: String| {
            let what = format!("the ranges of {} do not follow each other: {what}", input.stream);
            wrong.push((what, expected, found));
        };
        let same = before.filter(|before| before.generation == input.generation);
        let expected = before.map_or(0, |before| before.generation + u32::from(same.is_none()));
        if input.generation != expected {
            wrong("a generation is missing", expected.to_string(), input.generation.to_string());
        }
        let from = same.map_or(0, |same| same.offset);
        if input.from != from {
            wrong("bytes were left out or taken twice", from.to_string(), input.from.to_string());
        }
        let is_other = |a: &str, b: &str| match (Identity::parse(a), Identity::parse(b)) {
            (Some(a), Some(b)) => !a.is_same(&b),
            _ => a != b,
        };
        if let Some(same) = same.filter(|same| is_other(&same.identity, &input.identity)) {
            wrong("one generation is two files", same.identity.clone(), input.identity.clone());
        }
        if is_new {
            let taken = Taken {
                seq,
                generation: input.generation,
                from: input.from,
                to: input.to,
                line: same.map_or(0, |same| same.line),
                rows: input.rows,
                evidence: input.evidence,
                quarantined: input.quarantined,
                duplicate: input.duplicate,
                blank: input.blank,
                sha256: input.sha256,
                anchor: input.anchor,
                time_before: before.and_then(|before| before.last_timestamp),
                time_after: input.last_timestamp,
            };
            self.ledger.taken.entry(input.stream.clone()).or_default().push(taken);
        }
        let generations = self.ledger.generations.entry(input.stream.clone()).or_default();
        let (number, path, identity) = (input.generation, input.path.clone(), input.identity.clone());
        match generations.last_mut().filter(|last| last.number == number) {
            Some(last) => (last.path, last.identity) = (path, identity),
            None => generations.push(Generation { number, path, identity }),
        }
    }

    fn take_output(&mut self, seq: u64, output: &OutputRange, is_new: bool, wrong: &mut Vec<Wrong>) {
        let before = self.ledger.state.outputs.get(&output.path).copied().unwrap_or_default();
        let mut wrong = |what: &str, expected: String, found: String| {
            let what = format!("the ranges of {} do not follow each other: {what}", output.path);
            wrong.push((what, expected, found));
        };
        let ranges = self.ledger.written.entry(output.path.clone()).or_default();
        if let Some(replaces) = output.replaces {
            if output.from != 0 {
                wrong("a replaced file starts at 0", "0".to_owned(), output.from.to_string());
            }
            // A file that was lost or short was not its receipted self when it was started over.
            let old = self.whole.get(&output.path).filter(|_| output.to > 0);
            if let Some(old) = old.filter(|old| **old != replaces) {
                wrong("another content was replaced than was written", old.to_string(), replaces.to_string());
            }
            ranges.clear();
            self.whole.insert(output.path.clone(), output.sha256);
        } else {
            if output.from != before.len {
                wrong(
                    "bytes were left out or written twice",
                    before.len.to_string(),
                    output.from.to_string(),
                );
            }
            if before.len == 0 {
                self.whole.insert(output.path.clone(), output.sha256);
            } else {
                self.whole.remove(&output.path);
            }
        }
        if is_new {
            let line = if output.from == 0 { 0 } else { before.rows };
            let OutputRange { from, to, rows, sha256, .. } = *output;
            ranges.push(Written { seq, from, to, rows, line, sha256 });
        }
    }
}

/// A receipt that says nothing but its number.
fn bare(receipt: &Receipt) -> Receipt {
    Receipt {
        schema_version: receipt.schema_version,
        seq: receipt.seq,
        prev_sha256: receipt.prev_sha256,
        command: String::new(),
        kind: receipt.kind,
        git_sha: receipt.git_sha.clone(),
        git_dirty: receipt.git_dirty,
        rules_version: String::new(),
        scorer_version: String::new(),
        config_sha256: receipt.config_sha256,
        input_files: Vec::new(),
        output_files: Vec::new(),
        record_counts: RecordCounts::default(),
        validation_pass: receipt.validation_pass,
        errors: Vec::new(),
        warnings: Vec::new(),
        duration_ms: receipt.duration_ms,
        started_at: receipt.started_at,
        ended_at: receipt.ended_at,
        gaps: Vec::new(),
        replaces_head: None,
        export_cursors: BTreeMap::new(),
        state: None,
        check: None,
    }
}

/// Where two states first differ, as JSON.
fn first_difference(expected: &CommittedState, found: &CommittedState) -> (String, String) {
    let json = |state: &CommittedState| serde_json::to_string(state).unwrap_or_default();
    let (expected, found) = (json(expected), json(found));
    let same = expected.bytes().zip(found.bytes()).take_while(|(a, b)| a == b).count();
    let from = |text: &str| {
        let start = (0..=same.saturating_sub(40)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.get(start..).unwrap_or_default().to_owned()
    };
    (from(&expected), from(&found))
}
