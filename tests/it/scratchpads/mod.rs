//! Scratchpads: what the grammar reads from labelled texts, and what the daemon and its command make of it.

mod labels;

use labels::{labelled, measure};

const PRECISION_MIN: f64 = 0.95;
const RECALL_MIN: f64 = 0.85;

#[test]
fn texts_that_the_grammar_was_written_with_are_read_as_labelled() {
    let texts = labelled();
    let (by_field, misses) = measure(texts.iter().filter(|text| !text.is_held_out()));
    for miss in &misses {
        println!("{} {} {} {:?}", miss.sign, miss.name, miss.field, miss.item);
    }
    for (field, agreement) in by_field {
        println!("{field}: {:.3} {:.3} {agreement:?}", agreement.precision(), agreement.recall());
        assert!(agreement.precision() >= PRECISION_MIN && agreement.recall() >= RECALL_MIN, "{field}: {agreement:?}");
    }
}
