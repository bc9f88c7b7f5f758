//! The desk with rows that come while samples are under way.

use super::make::{Made, MadeLines, MadeSample};
use super::*;
use crate::domain::exports::SampleId;
use crate::domain::link::facts::TextFacts;
use crate::domain::link::{Facts, Judged, Key, Part, Touched};
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::signal::Code;
use crate::pipeline::known_rows::Incoming;
use crate::store::disk::RealDisk;

const RUN: Key = 7;

fn row(streams: &StreamSet, stream: &str, text: TextFacts) -> Incoming {
    let is_person = stream == "human_overrides";
    let facts = Facts {
        part: if is_person { Part::Human } else { Part::Other },
        work: true,
        time: EventTime::from_millis(1_777_212_191_482),
        run: if is_person { 8 } else { RUN },
        judged: if is_person { Judged::Run(RUN) } else { Judged::Nothing },
        signature: None,
        pull: None,
        commit: None,
        file: None,
        attempt: None,
        own: if is_person { SignalSet::of(Code::HumanAccept) } else { SignalSet::EMPTY },
        says: if is_person { SignalSet::of(Code::HumanCorrect) } else { SignalSet::EMPTY },
        // A row that names its own task type leaves nothing of it to tell in a stamp.
        task: (!is_person).then_some(1),
        text: Some(text),
        secret: false,
        makes_pair: is_person,
        secret_in_pair: false,
        anchor_grounding: None,
    };
    let stream = streams.names().iter().position(|name| *name == stream).unwrap() as u16;
    let category = if is_person { Category::Accepted } else { Category::Rejected };
    Incoming { sig: [stream as u8; 16], stream, evidence_at: 0, evidence_len: 100, category, facts }
}

/// A finished job, as a worker would have made it.
fn sampled(job: &SampleJob) -> Sampled {
    let [row] = job.rows.as_slice() else { panic!("one row is wanted: {job:?}") };
    let bytes = "the line\n".to_owned();
    let sample = MadeSample {
        id: SampleId(3),
        place: row.place,
        asked: row.asked,
        stamp: row.sft.unwrap(),
        to: bytes.len() as u32,
    };
    let sha256 = Sha256Hex::of(bytes.as_bytes());
    let lines = vec![MadeLines { dataset: Dataset::Sft, bytes, sha256, samples: vec![sample] }];
    Sampled { number: job.number, known_at: job.known_at, made: Ok(Made { lines, pairs: Vec::new() }) }
}

/// A person corrected the run's answer, and the sample of that was on its way, under what the answer had been asked, when a row
/// of the same run was committed that stands before the answer and so is what is corrected. The sample came in all the same, and
/// the training file taught the corrected text as the answer to the wrong instruction.
#[test]
fn a_sample_of_a_correction_counts_only_while_it_corrects_what_it_was_made_for() {
    for comes_a_target in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (rules, state) = (Rules::default(), dir.path().join("state"));
        std::fs::create_dir(&state).unwrap();
        let streams = StreamSet::new(&dir.path().join("kb"), &rules, &[]);
        let disk = Box::new(RealDisk::default());
        let store = Store::recover(disk, &dir.path().join("out"), &state, &[]).unwrap().store;
        let mut known = KnownRows::load(Committed::of(&store), &streams, &rules, None).unwrap();
        let mut desk = Desk::load(&store, &streams, &known, &state).unwrap();
        let mut touched = Touched::default();
        let text = |text, instruction| TextFacts { text, instruction, input: 0 };
        known.insert(&row(&streams, "mode_experiments", text(1, 10)), &mut touched);
        let correction = known.insert(&row(&streams, "human_overrides", text(2, 0)), &mut touched);
        desk.dirty_texts.push(correction);
        let job = desk.next_job(&known, true).unwrap();
        if comes_a_target {
            known.insert(&row(&streams, "contract_analyses", text(3, 20)), &mut touched);
        }
        assert_eq!(known.links.instruction(correction), if comes_a_target { 20 } else { 10 });
        desk.arrive(sampled(&job), &known).unwrap();
        assert_eq!(desk.gathered.has_appends(1), !comes_a_target);
    }
}
