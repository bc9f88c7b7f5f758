//! Three languages agree: what distilld, a JSON Schema validator that its authors did not write, and records.ts say of
//! the same records.

mod workshop;

use std::fs;
use std::path::Path;

use distilld::domain::schema::typescript::records_ts;
use serde_json::Value;

use workshop::{Question, Workshop};

/// Schemas of our own making that use each keyword, with values that they accept and that they refuse.
fn samples() -> serde_json::Map<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/samples.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_keyword_means_to_records_ts_what_it_means_to_others() {
    let samples = samples();
    let schemas: Vec<(String, Value)> =
        samples.iter().map(|(name, sample)| (name.clone(), sample["schema"].clone())).collect();
    let opened = Workshop::open(|folder| {
        for (name, schema) in &schemas {
            fs::write(folder.join(format!("{name}.schema.json")), schema.to_string()).unwrap();
        }
        fs::write(folder.join("records.ts"), records_ts(&schemas).unwrap()).unwrap();
    });
    let Some(workshop) = opened else { return };
    let mut questions = Vec::new();
    let mut expected = Vec::new();
    for (name, sample) in &samples {
        for (list, accepted) in [("accepted", true), ("refused", false)] {
            for value in sample[list].as_array().unwrap() {
                questions.push(Question { schema: name.clone(), text: value.to_string() });
                expected.push(accepted);
            }
        }
    }
    for ((question, answer), accepted) in questions.iter().zip(workshop.judge(&questions)).zip(expected) {
        let verdicts = (answer.ajv.is_none(), answer.ts.is_none());
        assert_eq!(verdicts, (accepted, accepted), "{question:?}\n{answer:?}");
    }
}
