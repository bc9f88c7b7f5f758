//! What was known before a start counts after it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Delivery, Kb, Rows, deliver, experiment, human, kb_of, outcome};

/// Hands rows over with a start before every piece: the piece of each row, by stream, in the order of its file.
fn in_pieces(rows: &Rows, pieces: &[(&str, &[usize])]) {
    let kb: Kb = kb_of(rows);
    let pieces: BTreeMap<String, Vec<usize>> =
        pieces.iter().map(|(stream, pieces)| ((*stream).to_owned(), pieces.to_vec())).collect();
    let delivery = Delivery { pieces, ..Delivery::whole(&kb) };
    deliver(&kb, &delivery).map(drop).unwrap_or_else(|wrong| panic!("{wrong}"));
}

// A person accepted a run that had failed; then distilld was started again, and the run failed once more. No signal was new,
// and after the start nothing was known of the person's word any more: the run stayed accepted, until it was replayed.
#[test]
fn a_failure_that_comes_after_a_start_is_later_than_the_person_before_it() {
    in_pieces(
        &vec![
            experiment(0, json!({})),
            outcome(0, 4, 0, json!({})),
            human(10, "accept", json!({"run_id": "r"})),
            outcome(20, 5, 0, json!({})),
        ],
        &[("mode_experiments", &[0]), ("outcomes", &[0, 2]), ("human_overrides", &[1])],
    );
}
