//! The lines of every view: a sample in, one or two lines out. Whoever reads them gets the texts unchanged.

use super::Sample;
use crate::domain::render::Object;
use crate::domain::schema::checked::Text;
use crate::domain::schema::samples::{PreferenceSample, SftSample};

/// The sample itself, as the exports hold it.
pub(super) fn canonical(sample: &Sample, out: &mut String) {
    let json = match sample {
        Sample::Rag(sample) => serde_json::to_string(sample),
        Sample::Sft(sample) => serde_json::to_string(sample),
        Sample::Preference(sample) => serde_json::to_string(sample),
    };
    // Texts, numbers and lists of them: there is nothing in a sample that JSON cannot say.
    out.push_str(&json.unwrap_or_default());
    out.push('\n');
}

/// Its id alone: for formats that allow no key of ours.
pub(super) fn id(sample: &Sample, out: &mut String) {
    line(out, |o| o.plain("sample_id", sample.id()));
}

/// A document of a retrieval corpus.
pub(super) fn beir(sample: &Sample, out: &mut String) {
    let Sample::Rag(rag) = sample else { return };
    line(out, |o| {
        o.plain("_id", rag.sample_id.as_str());
        o.plain("title", rag.title.as_str());
        o.plain("text", rag.text.as_str());
        o.object("metadata", |o| {
            o.plain("task_type", rag.task_type.as_str());
            o.plain("success_score", rag.success_score.name());
            plain_texts(o, "source_run_ids", rag.source_run_ids.as_slice());
            plain_texts(o, "tags", rag.tags.as_slice());
            o.plain("content_sha256", &rag.content_sha256.to_string());
        });
    });
}

/// Prompt and completion as messages: the loss is on the completion alone.
pub(super) fn trl_sft(sample: &Sample, out: &mut String) {
    let Sample::Sft(sft) = sample else { return };
    line(out, |o| {
        messages_member(o, "prompt", &asked_of(sft));
        messages_member(o, "completion", &[Message::assistant(sft.response.as_str())]);
    });
}

/// One conversation.
pub(super) fn messages(sample: &Sample, out: &mut String) {
    let Sample::Sft(sft) = sample else { return };
    let [system, user] = asked_of(sft);
    line(out, |o| {
        messages_member(o, "messages", &[system, user, Message::assistant(sft.response.as_str())]);
    });
}

/// Alpaca's keys.
pub(super) fn llama_sft(sample: &Sample, out: &mut String) {
    let Sample::Sft(sft) = sample else { return };
    line(out, |o| {
        o.plain("instruction", sft.instruction.as_str());
        o.plain("input", &sft.input);
        o.plain("output", sft.response.as_str());
        o.plain("system", sft.system.as_str());
    });
}

/// A prompt with two completions.
pub(super) fn trl_dpo(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    line(out, |o| {
        messages_member(o, "prompt", &asked_in(pair));
        messages_member(o, "chosen", &[Message::assistant(pair.chosen.as_str())]);
        messages_member(o, "rejected", &[Message::assistant(pair.rejected.as_str())]);
    });
}

/// Two judged completions of a prompt, a line each.
pub(super) fn trl_kto(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    for (text, good) in [(&pair.chosen, true), (&pair.rejected, false)] {
        line(out, |o| {
            messages_member(o, "prompt", &asked_in(pair));
            messages_member(o, "completion", &[Message::assistant(text.as_str())]);
            o.bool("label", good);
        });
    }
}

/// A conversation with two endings.
pub(super) fn axolotl_dpo(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    line(out, |o| {
        messages_member(o, "messages", &asked_in(pair));
        o.object("chosen", |o| Message::assistant(pair.chosen.as_str()).write(o));
        o.object("rejected", |o| Message::assistant(pair.rejected.as_str()).write(o));
    });
}

/// Alpaca's keys with two answers.
pub(super) fn llama_dpo(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    line(out, |o| {
        o.plain("instruction", pair.instruction.as_str());
        o.plain("input", &pair.input);
        o.plain("chosen", pair.chosen.as_str());
        o.plain("rejected", pair.rejected.as_str());
        o.plain("system", pair.system.as_str());
    });
}

/// Alpaca's keys with a judgement, a line for each answer.
pub(super) fn llama_kto(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    for (text, good) in [(&pair.chosen, true), (&pair.rejected, false)] {
        line(out, |o| {
            o.plain("instruction", pair.instruction.as_str());
            o.plain("input", &pair.input);
            o.plain("output", text.as_str());
            o.plain("system", pair.system.as_str());
            o.bool("kto_tag", good);
        });
    }
}

/// The hosted format: these keys and no others.
pub(super) fn openai_dpo(sample: &Sample, out: &mut String) {
    let Sample::Preference(pair) = sample else { return };
    line(out, |o| {
        o.object("input", |o| messages_member(o, "messages", &asked_in(pair)));
        messages_member(o, "preferred_output", &[Message::assistant(pair.chosen.as_str())]);
        messages_member(o, "non_preferred_output", &[Message::assistant(pair.rejected.as_str())]);
    });
}

/// One message of a conversation.
struct Message<'a> {
    role: &'static str,
    content: std::borrow::Cow<'a, str>,
}

impl<'a> Message<'a> {
    fn assistant(text: &'a str) -> Self {
        Self { role: "assistant", content: text.into() }
    }

    fn write(&self, object: &mut Object<'_>) {
        object.plain("role", self.role);
        object.plain("content", &self.content);
    }
}

fn asked_of(sft: &SftSample) -> [Message<'_>; 2] {
    asked(sft.system.as_str(), sft.instruction.as_str(), &sft.input)
}

fn asked_in(pair: &PreferenceSample) -> [Message<'_>; 2] {
    asked(pair.system.as_str(), pair.instruction.as_str(), &pair.input)
}

/// System and user. The input follows the instruction on a line of its own, as LLaMA-Factory joins them too.
fn asked<'a>(system: &'a str, instruction: &'a str, input: &str) -> [Message<'a>; 2] {
    let content =
        if input.is_empty() { instruction.into() } else { format!("{instruction}\n{input}").into() };
    [Message { role: "system", content: system.into() }, Message { role: "user", content }]
}

fn line(out: &mut String, write: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::new(out);
    write(&mut object);
    object.end();
    out.push('\n');
}

fn messages_member(object: &mut Object<'_>, key: &str, messages: &[Message<'_>]) {
    object.array(key, messages, |out, message| {
        let mut inner = Object::new(out);
        message.write(&mut inner);
        inner.end();
    });
}

fn plain_texts(object: &mut Object<'_>, key: &str, texts: &[Text]) {
    object.array(key, texts, |out, text| {
        out.push('"');
        crate::domain::canonical::push_escaped(out, text.as_str());
        out.push('"');
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::feature::fits;
    use super::super::view::VIEWS;
    use super::super::{Dataset, hash_of};
    use super::*;

    fn sample(dataset: Dataset, input: &str) -> Sample {
        let provenance = json!({"source_file": "data/_kb/scrum_reviews.jsonl", "generation": 0, "line_offset": 3,
            "byte_offset": 90, "sig_hash": "ab".repeat(32), "recorded_at": "2026-04-26T14:03:11.482Z"});
        let (system, asked, good, bad) =
            ("You \"review\".", "Review `a\\b`.\n", "Fine \u{2028}😀\t\u{1}", "Bad");
        let row = match dataset {
            Dataset::Rag => json!({"schema_version": 1,
                "sample_id": format!("rag_{}", hash_of(&[good]).first16()), "title": "a · b", "text": good,
                "task_type": "t", "success_score": "accepted", "source_run_ids": ["r\"1"],
                "tags": ["stream:scrum_reviews"], "content_sha256": hash_of(&[good]),
                "provenance": provenance}),
            Dataset::Sft => json!({"schema_version": 1,
                "sample_id": format!("sft_{}", hash_of(&[asked, good]).first16()), "task_type": "t",
                "system": system, "instruction": asked, "input": input, "response": good,
                "quality_score": "accepted", "score_reasons": ["gate.passed", "rule.passed"],
                "scorer_version": "1.0.0+0123456789ab", "source_run_ids": ["r1"], "split": "train",
                "split_group": "pr:1", "provenance": provenance}),
            Dataset::Preference => json!({"schema_version": 1,
                "sample_id": format!("pref_{}", hash_of(&[asked, good, bad]).first16()), "task_type": "t",
                "system": system, "instruction": asked, "input": input, "chosen": good, "rejected": bad,
                "reason": "because", "chosen_run_id": "r1", "rejected_run_id": "r2",
                "source_run_ids": ["r1", "r2"], "split": "test", "split_group": "pr:1",
                "provenance": [provenance, provenance]}),
        };
        Sample::read(dataset, &row.to_string()).unwrap()
    }

    fn lines(name: &str, input: &str) -> Vec<Value> {
        let view = VIEWS.iter().find(|view| view.name == name).unwrap();
        let mut out = String::new();
        (view.rows)(&sample(view.dataset, input), &mut out);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_view_writes_just_the_columns_that_it_declares() {
        for view in &VIEWS {
            let rows = lines(view.name, "with input");
            assert_eq!(rows.len() as u64, view.rows_a_sample, "{}", view.name);
            for row in rows {
                assert!(fits(&row, view.features), "{}: {row}", view.name);
            }
        }
    }

    #[test]
    fn a_sample_is_written_as_it_was_read() {
        for (name, dataset) in
            [("rag", Dataset::Rag), ("sft", Dataset::Sft), ("preference", Dataset::Preference)]
        {
            let mut line = String::new();
            canonical(&sample(dataset, ""), &mut line);
            assert_eq!(Sample::read(dataset, line.trim_end()).unwrap(), sample(dataset, ""), "{name}");
            assert!(sample(dataset, "").id().ends_with(&sample(dataset, "").content_hash().first16()));
        }
    }

    #[test]
    fn texts_reach_every_trainer_unchanged() {
        let (asked, good, bad) = ("Review `a\\b`.\n", "Fine \u{2028}😀\t\u{1}", "Bad");
        let user = |row: &Value, key: &str| row[key][1]["content"].clone();
        let sft = &lines("trl_sft", "")[0];
        assert_eq!((user(sft, "prompt"), &sft["completion"][0]["content"]), (json!(asked), &json!(good)));
        assert_eq!(lines("axolotl_sft", ""), lines("openai_sft", ""));
        let dpo = &lines("axolotl_dpo", "")[0];
        assert_eq!((&dpo["chosen"]["content"], &dpo["rejected"]["content"]), (&json!(good), &json!(bad)));
        let kto = lines("trl_kto", "");
        assert_eq!((&kto[0]["label"], &kto[1]["label"]), (&json!(true), &json!(false)));
        assert_eq!(kto[1]["completion"][0]["content"], bad);
        assert_eq!(lines("llama_factory_kto", "")[1]["output"], bad);
        assert_eq!(lines("openai_dpo", "")[0]["input"]["messages"][1]["content"], asked);
        // Alpaca's readers join instruction and input themselves.
        assert_eq!(lines("llama_factory_sft", "x")[0]["instruction"], asked);
        assert_eq!(user(&lines("trl_sft", "x")[0], "prompt"), format!("{asked}\nx"));
    }
}
