//! How many rows a commit took in, and what became of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::schema::cross;

/// How many rows came in, and what became of them. `in = evidence + quarantined + duplicate + blank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-rules" = [
    cross::sum("/in", &["/evidence", "/quarantined", "/duplicate", "/blank"]),
    cross::sum("/out", &["/evidence", "/quarantined"]),
]))]
pub struct RecordCounts {
    /// Rows taken in.
    #[serde(rename = "in")]
    pub rows_in: u64,
    /// Lines written for them: evidence and quarantined.
    pub out: u64,
    /// Rows that became evidence.
    pub evidence: u64,
    /// Rows that were refused.
    pub quarantined: u64,
    /// Rows whose `sig_hash` was known in their stream.
    pub duplicate: u64,
    /// Rows of nothing but white space.
    pub blank: u64,
    /// Superseding scores.
    pub rescored: u64,
    /// Samples added to exports.
    pub exported: u64,
    /// Samples taken back.
    pub retracted: u64,
    /// Samples held back.
    pub withheld: u64,
}

impl RecordCounts {
    /// Whether every row that came in went somewhere.
    pub fn conserved(&self) -> bool {
        self.rows_in == self.evidence + self.quarantined + self.duplicate + self.blank
            && self.out == self.evidence + self.quarantined
    }

    /// What these counts have beyond others that came before.
    #[must_use]
    pub fn minus(&self, before: &Self) -> Self {
        Self {
            rows_in: self.rows_in - before.rows_in,
            out: self.out - before.out,
            evidence: self.evidence - before.evidence,
            quarantined: self.quarantined - before.quarantined,
            duplicate: self.duplicate - before.duplicate,
            blank: self.blank - before.blank,
            rescored: self.rescored - before.rescored,
            exported: self.exported - before.exported,
            retracted: self.retracted - before.retracted,
            withheld: self.withheld - before.withheld,
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        self.rows_in += other.rows_in;
        self.out += other.out;
        self.evidence += other.evidence;
        self.quarantined += other.quarantined;
        self.duplicate += other.duplicate;
        self.blank += other.blank;
        self.rescored += other.rescored;
        self.exported += other.exported;
        self.retracted += other.retracted;
        self.withheld += other.withheld;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_lose_a_row_are_not_conserved() {
        let whole = RecordCounts {
            rows_in: 4,
            out: 2,
            evidence: 1,
            quarantined: 1,
            duplicate: 1,
            blank: 1,
            ..Default::default()
        };
        assert!(whole.conserved());
        assert!(!RecordCounts { rows_in: 5, ..whole }.conserved());
        assert!(!RecordCounts { out: 3, ..whole }.conserved());
    }
}
