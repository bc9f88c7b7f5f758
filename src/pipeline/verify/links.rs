//! Where every row's current score is held against one worked out anew from all rows and the links between them.
//!
//! The link engine is not here yet, so nothing is expected, and `verify` says so. What fills [`expected_scores`] gives each
//! row whose score it can tell; the comparison stands.

use std::collections::BTreeMap;

use crate::domain::rules::Rules;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;

/// A row: its stream's number, its generation, its line.
pub type RowKey = (u16, u32, u64);

/// What a row's current score must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedScore {
    /// The category's name.
    pub category: &'static str,
    /// The reasons as they stand in the line: a JSON array, sorted.
    pub reasons: String,
}

/// Works out the score that must count now for every row, from the committed rows alone; `None` while nothing can.
pub fn expected_scores(
    _outputs: &Outputs,
    _streams: &StreamSet,
    _rules: &Rules,
) -> Result<Option<BTreeMap<RowKey, ExpectedScore>>, StoreError> {
    Ok(None)
}

/// What is wrong with a row's current score, if anything is: expected and found.
pub(super) fn difference(
    expected: &ExpectedScore,
    category: &str,
    reasons: &str,
) -> Option<(String, String)> {
    let same = expected.category == category && expected.reasons == reasons;
    let say = |category: &str, reasons: &str| format!("{category} for {reasons}");
    (!same).then(|| (say(expected.category, &expected.reasons), say(category, reasons)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_of_another_category_or_for_other_reasons_is_told() {
        let reasons = r#"["gate.passed","rule.passed"]"#;
        let expected = ExpectedScore { category: "accepted", reasons: reasons.to_owned() };
        assert_eq!(difference(&expected, "accepted", reasons), None);
        let (should, is) = difference(&expected, "rejected", reasons).unwrap();
        assert_eq!((should, is), (format!("accepted for {reasons}"), format!("rejected for {reasons}")));
        assert!(difference(&expected, "accepted", r#"["rule.passed"]"#).is_some());
    }
}
