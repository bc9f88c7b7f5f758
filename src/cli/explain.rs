//! `distilld explain`: the whole life of a row, on one screen.

use serde_json::Value;

use super::setup::{self, Paths};
use super::table::{print, print_json, push_harmless, thousands};
use super::{Exit, Failure};
use crate::pipeline::explain::{
    Answer, Covered, Explanation, HASH_DIGITS_MIN, Sample, Scored, Signal, Story, explain,
};
use crate::pipeline::outputs::Outputs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run id, a row hash, or a sample id, or their beginning; a playbook id, a model or TASK/MODEL of the ledger, or a
    /// snapshot of the drift
    id: String,
    /// Rows to explain, at most [default: 3, with --json 1000]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print JSON, with everything in full
    #[arg(long)]
    json: bool,
}

const ROWS_SHOWN: usize = 3;
const ROWS_IN_JSON: usize = 1000;
/// Characters of a text that are shown.
const TEXT_CHARS: usize = 200;
/// Characters of a name that are shown.
const NAME_CHARS: usize = 80;
/// Lines of one kind that are shown of a row: the first ones, and how many more there are.
const LINES_SHOWN: usize = 9;

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let set = setup::streams(&config);
    let outputs = Outputs::open_whole(&config.output)?;
    outputs.check_samples()?;
    let rows_max = args.limit.unwrap_or(if args.json { ROWS_IN_JSON } else { ROWS_SHOWN });
    let id = args.id.trim();
    let answer = explain(&outputs, &set, &config.rules, &config.state, id, rows_max)?;
    match answer {
        Answer::Found(explanation) if args.json => print_json(&explanation),
        Answer::Found(explanation) => show(&explanation),
        Answer::Several(names, count) => {
            let names: Vec<String> = names.iter().map(|name| clean(name, NAME_CHARS)).collect();
            let text = format!("{} is not one of them: {count} begin so; say which", clean(id, NAME_CHARS));
            return Err(wrong(format!("{text}: {}", names.join(", "))));
        }
        Answer::Nothing => {
            return Err(wrong(format!(
                "nothing in {} is called {}: give a run id, a sample id, a row hash ({HASH_DIGITS_MIN} digits are enough), a playbook, a model, or a snapshot",
                config.output.display(),
                clean(id, NAME_CHARS)
            )));
        }
    }
    Ok(Exit::Fine)
}

fn wrong(text: String) -> Failure {
    Failure::new(Exit::Wrong, anyhow::Error::msg(text))
}

fn show(explanation: &Explanation) {
    let shown = explanation.rows.len();
    let rows = if explanation.total == 1 { "row" } else { "rows" };
    print(format_args!(
        "{} {}: {} {rows}",
        explanation.what,
        clean(&explanation.id, NAME_CHARS),
        thousands(explanation.total as u64)
    ));
    explanation.rows.iter().for_each(show_story);
    if explanation.total > shown {
        print(format_args!(
            "\n{} more rows; --limit N shows more of them",
            thousands((explanation.total - shown) as u64)
        ));
    }
}

fn show_story(story: &Story) {
    let provenance = member(&story.evidence, "provenance");
    let number = |name: &str| provenance.get(name).and_then(Value::as_u64).unwrap_or(0);
    print(format_args!(
        "\n{}, generation {}, line {}, byte {}, sig_hash {}",
        story.stream,
        number("generation"),
        number("line_offset"),
        number("byte_offset"),
        text(provenance, "sig_hash")
    ));
    let source = &story.source;
    let place =
        source.path.as_deref().map_or_else(String::new, |path| format!(" in {}", clean(path, TEXT_CHARS)));
    line("source", format_args!("{}{place}; taken in by {}", source.state, receipt(source.receipt.as_ref())));
    if let Some(row) = &source.row {
        line("", clean(row, TEXT_CHARS));
    }
    line(
        "evidence",
        format_args!(
            "{}: recorded_at {} (event time), committed by {}",
            text(&story.evidence, "kind"),
            text(provenance, "recorded_at"),
            receipt(story.committed.as_ref())
        ),
    );
    show_fields(&story.evidence);
    let reasons = member(&story.score, "reasons").as_array().into_iter().flatten().filter_map(Value::as_str);
    let rule: Vec<&str> = reasons.filter(|reason| reason.starts_with("rule.")).collect();
    line("now", format_args!("{} by {}", text(&story.score, "category"), rule.join(", ")));
    lines("signals", &story.signals, show_signal);
    lines("scores", &story.history, show_score);
    lines("samples", &story.samples, |sample| {
        let split = text(&sample.line, "split");
        let split = if split.is_empty() { String::new() } else { format!(", {split}") };
        format!(
            "{} {}{split}, by {}",
            sample.dataset,
            text(&sample.line, "sample_id"),
            receipt(sample.receipt.as_ref())
        )
    });
    lines("retracted", &story.retractions, show_retraction);
}

/// The fields of the evidence that matter to a person.
fn show_fields(evidence: &Value) {
    let names = [
        "run_id",
        "task_id",
        "task_type",
        "model_role",
        "model_name",
        "mode",
        "pr_number",
        "head_sha",
        "commit",
        "attempt",
        "run_signature",
        "observer_verdict",
        "latency_ms",
        "source_files",
        "success_markers",
        "failure_markers",
    ];
    let fields = names.into_iter().filter_map(|name| {
        let value = match evidence.get(name)? {
            Value::String(text) => text.clone(),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<_>>()
                .join(", "),
            other => other.to_string(),
        };
        Some(format!("{name} {}", clean(&value, NAME_CHARS)))
    });
    let fields: Vec<String> = fields.collect();
    fields.chunks(4).for_each(|some| line("", some.join("; ")));
    if let Some(text) = evidence.get("text").and_then(Value::as_str) {
        line("", format_args!("text: {}", clean(text, TEXT_CHARS)));
    }
    if let Some(human) = evidence.get("human_override") {
        let says =
            format!("{} by {}: {}", text(human, "action"), text(human, "actor"), text(human, "reason"));
        line("", clean(&says, TEXT_CHARS));
    }
}

fn show_signal(signal: &Signal) -> String {
    if signal.link == "own" {
        return format!("{:<24} own", signal.code);
    }
    format!(
        "{:<24} {} from {} of run {} at {}",
        signal.code,
        signal.link,
        place(&signal.stream, &signal.provenance),
        clean(&signal.run_id, NAME_CHARS),
        text(&signal.provenance, "recorded_at")
    )
}

fn show_score(scored: &Scored) -> String {
    let score = &scored.score;
    let reasons: Vec<&str> =
        member(score, "reasons").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let cause = score.get("caused_by").map_or_else(String::new, |cause| {
        let file = text(cause, "source_file");
        format!(", caused by {}", place(&file, cause))
    });
    format!(
        "{} {} [{}] at {}{cause}, by {}",
        member(score, "score_seq"),
        text(score, "category"),
        reasons.join(" "),
        text(score, "scored_at"),
        receipt(scored.receipt.as_ref())
    )
}

fn show_retraction(sample: &Sample) -> String {
    let of = &sample.line;
    let cause = member(of, "caused_by");
    format!(
        "{} {}: {} to {}, caused by {}, by {}",
        sample.dataset,
        text(of, "sample_id"),
        text(of, "old_category"),
        text(of, "new_category"),
        place(&text(cause, "source_file"), cause),
        receipt(sample.receipt.as_ref())
    )
}

/// `stream:generation:line`.
fn place(stream: &str, provenance: &Value) -> String {
    format!("{stream}:{}:{}", member(provenance, "generation"), member(provenance, "line_offset"))
}

fn receipt(covered: Option<&Covered>) -> String {
    covered.map_or_else(
        || "no receipt that was found".to_owned(),
        |covered| {
            let head: String = covered.sha256.to_string().chars().take(12).collect();
            format!(
                "receipt {} {head} (wall clock {} to {})",
                covered.seq, covered.started_at, covered.ended_at
            )
        },
    )
}

fn line(name: &str, what: impl std::fmt::Display) {
    print(format_args!("  {name:<10} {what}"));
}

/// A line each, at most so many.
fn lines<T>(name: &str, items: &[T], show: impl Fn(&T) -> String) {
    if items.is_empty() {
        line(name, "none");
    }
    // The latest count most.
    let left_out = items.len().saturating_sub(LINES_SHOWN);
    for (number, item) in items.iter().skip(left_out).enumerate() {
        line(if number == 0 { name } else { "" }, show(item));
    }
    if left_out > 0 {
        line("", format_args!("and {left_out} before these; --json has all"));
    }
}

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn text(value: &Value, name: &str) -> String {
    clean(value.get(name).and_then(Value::as_str).unwrap_or_default(), NAME_CHARS)
}

/// A text that does nothing to a terminal: cut, and with control characters escaped.
fn clean(text: &str, chars_max: usize) -> String {
    let mut clean = String::new();
    for (number, c) in text.chars().enumerate() {
        if number == chars_max {
            clean.push('…');
            break;
        }
        push_harmless(c, &mut clean);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_does_nothing_to_a_terminal() {
        assert_eq!(clean("a\u{1b}[2J\n\u{202e}b", 20), "a\\u{1b}[2J\\n\\u{202e}b");
        assert_eq!(clean("abcdef", 3), "abc…");
    }
}
