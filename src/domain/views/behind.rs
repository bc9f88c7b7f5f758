//! All rows behind an item of a view: its line names sixteen at most, and whoever must prove an item wants every one.

use std::collections::BTreeSet;

use super::drift;
use super::facts::{At, Facts};
use super::model_ledger::ModelLedger;
use super::playbooks;
use super::{Lines, provenance};
use crate::domain::schema::scalars::Sha256Hex;

/// An item of a view, by what its line is known by.
#[derive(Debug, Clone, Copy)]
pub enum Item<'i> {
    /// An entry of the ledger, by task type and model.
    Entry(&'i str, &'i str),
    /// A playbook, by its id: the work of every run that met the problem, whether it was accepted or not.
    Playbook(&'i str),
    /// A snapshot of the drift, by its name.
    Snapshot(&'i str),
}

/// The `sig_hash` of each row behind an item, in order of time; those that cannot be read back are left out.
pub fn hashes(facts: &Facts, item: Item<'_>, lines: &mut dyn Lines) -> Vec<Sha256Hex> {
    let rows: BTreeSet<At> = match item {
        Item::Entry(task_type, model) => ModelLedger::of(facts, None, None).rows(facts, task_type, model),
        Item::Playbook(id) => playbooks::rows_behind(facts, id),
        Item::Snapshot(name) => drift::rows_of(facts, name, lines),
    };
    let rows = rows.into_iter().filter_map(|(_, place)| facts.row_at(place)).filter_map(|id| facts.row(id));
    rows.filter_map(|row| Some(provenance(lines.evidence(row)?)?.sig_hash)).collect()
}
