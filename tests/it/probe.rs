//! `probe`: what it says of the shipped streams, of streams whose producers changed them, and of odd files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use distilld::domain::streams::{STREAMS, Stream};
use serde_json::{Map, Value, json};

use crate::support::Lab;

type Rows = Vec<Map<String, Value>>;

/// The rows of a shipped stream.
fn shipped(stream: &str) -> Rows {
    let path = if stream == "observer_ops" {
        "_observer/ops.jsonl".to_owned()
    } else {
        format!("kb/{stream}.jsonl")
    };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A laboratory with the shipped streams, each changed by `change`.
fn lab_with(mut change: impl FnMut(&str, &mut Rows)) -> Lab {
    let lab = Lab::new();
    for stream in STREAMS.map(Stream::name) {
        let mut rows = shipped(stream);
        change(stream, &mut rows);
        for row in rows {
            lab.append(stream, Value::Object(row).to_string() + "\n");
        }
    }
    lab
}

/// Gives a field another name in the rows from `from` on; whether any of them had it.
fn rename(rows: &mut Rows, from: usize, old: &str, new: &str) -> bool {
    let mut renamed = false;
    for row in rows.iter_mut().skip(from) {
        if let Some(value) = row.remove(old) {
            row.insert(new.to_owned(), value);
            renamed = true;
        }
    }
    renamed
}

/// Runs `probe` with these arguments in the laboratory's folder.
fn run(lab: &Lab, arguments: &[&str]) -> Output {
    lab.distilld().current_dir(lab.root()).arg("probe").args(arguments).output().unwrap()
}

/// The report as data; it must end with this exit code.
#[track_caller]
fn probe(lab: &Lab, exit: i32, arguments: &[&str]) -> Value {
    let output = run(lab, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn markdown(lab: &Lab) -> String {
    fs::read_to_string(lab.root().join("realdata_validation_report.md")).unwrap()
}

/// What the report says of a stream.
fn of<'r>(report: &'r Value, stream: &str) -> &'r Value {
    report["streams"].as_array().unwrap().iter().find(|of| of["stream"] == stream).unwrap()
}

#[test]
fn the_shipped_streams_are_what_they_are_documented_to_be() {
    let lab = lab_with(|_, _| {});
    let report = probe(&lab, 0, &[]);
    assert_eq!(report["streams"].as_array().unwrap().len(), 23);
    for stream in STREAMS.map(Stream::name) {
        let of = of(&report, stream);
        let rows = shipped(stream).len();
        assert_eq!(
            (&of["tried"], &of["passed"], &of["passed_share"]),
            (&json!(rows), &json!(rows), &json!(1.0))
        );
        assert_eq!((&of["every_row"], &of["present"]), (&json!(true), &json!(true)), "{stream}");
        assert_eq!(
            (&of["refused"], &of["records_refused"], &of["renames"]),
            (&json!({}), &json!({}), &json!([]))
        );
        assert_eq!(of["file_bytes"], fs::metadata(lab.stream(stream)).unwrap().len());
        assert!(of["oldest"].as_str().unwrap() < of["newest"].as_str().unwrap(), "{stream}");
    }
    let none = json!([]);
    for list in ["changed_shape", "bad_records", "missing_files", "unreadable", "stale", "unknown_files"] {
        assert_eq!(report[list], none, "{list}");
    }
    let unknown = &of(&report, "auto_apply")["unknown"][0];
    assert_eq!(
        (&unknown["name"], &unknown["rows"], &unknown["first"]["line"]),
        (&json!("reviewer_model"), &json!(77), &json!(1))
    );
    assert!(markdown(&lab).contains("**No stream changed shape.**"));
    assert!(!lab.out().exists() && !lab.state().exists(), "a probe writes its report and nothing else");
}

#[test]
fn the_report_is_the_same_for_the_same_rows_and_lies_beside_its_json() {
    let lab = lab_with(|_, _| {});
    let files =
        |name: &str| ["md", "json"].map(|end| fs::read(lab.root().join(format!("{name}.{end}"))).unwrap());
    let report = probe(&lab, 0, &["--report", "a.md", "--rows", "20"]);
    probe(&lab, 0, &["--report", "b.md", "--rows", "20"]);
    assert_eq!(files("a"), files("b"));
    let [_, beside] = files("a");
    assert_eq!(serde_json::from_slice::<Value>(&beside).unwrap(), report);
    let table = run(&lab, &["--report", "b.md", "--rows", "20"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        STREAMS.iter().all(|stream| table.contains(stream.name())) && table.ends_with("b.md says more\n"),
        "{table}"
    );
}

#[test]
fn a_field_renamed_in_three_streams_names_those_three_and_the_way_out() {
    let renamed = [
        ("scrum_reviews", "file", "path"),
        ("outcomes", "models", "model_names"),
        ("distilled_facts", "source_label", "origin"),
    ];
    let lab = lab_with(|stream, rows| {
        for (_, old, new) in renamed.iter().filter(|(renamed, _, _)| *renamed == stream) {
            assert!(rename(rows, 0, old, new));
        }
    });
    let report = probe(&lab, 1, &[]);
    assert_eq!(report["changed_shape"], json!(["scrum_reviews", "outcomes", "distilled_facts"]));
    assert_eq!(report["bad_records"], json!([]));
    let reviews = of(&report, "scrum_reviews");
    let refused = &reviews["refused"]["missing_field:file"];
    assert_eq!((&refused["rows"], &reviews["passed"]), (&json!(106), &json!(0)));
    assert_eq!(
        (&refused["first"], &refused["detail"]),
        (&json!({"byte": 0, "line": 1}), &json!("the required field file is missing or empty"))
    );
    assert_eq!(
        (&of(&report, "outcomes")["passed_share"], &of(&report, "outcomes")["never_seen"]),
        (&json!(1.0), &json!(["models"]))
    );
    let mut config = String::new();
    for (stream, old, new) in renamed {
        let found = &of(&report, stream)["renames"];
        assert_eq!(
            (found.as_array().unwrap().len(), &found[0]["missing"], &found[0]["unknown"]),
            (1, &json!(old), &json!(new))
        );
        let says = found[0]["config"].as_str().unwrap();
        assert!(says.lines().all(|line| markdown(&lab).contains(&format!("    {line}\n"))), "{says}");
        config = format!("{config}{says}\n");
    }
    assert!(markdown(&lab).contains("**3 streams changed shape.**\n\n- `scrum_reviews` changed shape: 106 of 106 rows refused (`missing_field:file`); unknown `path` where `file` is missing\n"));
    lab.config(&config);
    assert_eq!(probe(&lab, 0, &[])["changed_shape"], json!([]), "the config says what the new names mean");
}

#[test]
fn every_field_that_gets_another_name_is_missed() {
    let mut renamed_fields = 0;
    for place in 0..16 {
        let mut renamed = BTreeMap::new();
        let lab = lab_with(|stream, rows| {
            let fields = STREAMS.iter().find(|other| other.name() == stream).unwrap().fields();
            let Some(field) = fields.get(place) else { return };
            if rename(rows, 0, field.name, "zz_new") {
                renamed.insert(stream.to_owned(), field.name);
            }
        });
        renamed_fields += renamed.len();
        let report = probe(&lab, i32::from(!renamed.is_empty()), &[]);
        let changed: BTreeSet<_> =
            report["changed_shape"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        assert_eq!(changed, renamed.keys().map(String::as_str).collect());
        for (stream, field) in renamed {
            let found = of(&report, &stream)["renames"].as_array().unwrap();
            let of_field = found.iter().find(|rename| rename["missing"] == field).unwrap();
            // Where the stream has other fields that nobody documented, it may be any of them.
            let or = of_field.get("or").is_some_and(|or| or.as_array().unwrap().contains(&json!("zz_new")));
            assert!(of_field["unknown"] == "zz_new" || or, "{stream} {field}: {found:?}");
        }
    }
    assert!(renamed_fields > 200, "{renamed_fields}");
}

#[test]
fn a_field_renamed_in_the_middle_of_a_file_is_missed_from_there_on() {
    let lab = lab_with(|stream, rows| {
        if stream == "outcomes" {
            rename(rows, 20, "models", "model_names");
        }
    });
    let report = probe(&lab, 1, &[]);
    assert_eq!(report["changed_shape"], json!(["outcomes"]));
    let of = of(&report, "outcomes");
    assert_eq!(
        (&of["renames"][0]["unknown"], &of["renames"][0]["from"]["line"]),
        (&json!("model_names"), &json!(21))
    );
    assert_eq!((&of["gone"][0]["name"], &of["gone"][0]["last"]["line"]), (&json!("models"), &json!(20)));
    assert_eq!(of["never_seen"], json!([]));
}

#[test]
fn what_stood_beside_a_field_all_along_is_not_its_new_name() {
    let lab = lab_with(|stream, rows| {
        for (place, row) in rows.iter_mut().enumerate().filter(|_| stream == "outcomes") {
            row.insert("note".to_owned(), json!("text"));
            if place >= 20 {
                row.remove("run_id");
                row.remove("sig_hash");
            }
        }
    });
    let report = probe(&lab, 1, &[]);
    let of = of(&report, "outcomes");
    assert_eq!((&of["refused"]["missing_field:run_id"]["rows"], &of["renames"]), (&json!(37), &json!([])));
    let gone: Vec<_> = of["gone"].as_array().unwrap().iter().map(|gone| &gone["name"]).collect();
    assert_eq!(gone, ["run_id", "sig_hash"]);
}

#[test]
fn a_value_of_another_type_is_a_warning_and_a_new_name_with_it_is_no_alias() {
    let lab = lab_with(|stream, rows| {
        for row in rows.iter_mut().filter(|_| stream == "audits") {
            row.insert("duration_ms".to_owned(), json!("fast"));
        }
        for row in rows.iter_mut().filter(|_| stream == "signatures") {
            row.remove("parts");
            row.insert("sig_parts".to_owned(), json!("a b"));
        }
    });
    let report = probe(&lab, 1, &[]);
    assert_eq!(of(&report, "audits")["warnings"], json!({"wrong_type:duration_ms": 69}));
    assert_eq!(report["changed_shape"], json!(["signatures"]));
    let rename = &of(&report, "signatures")["renames"][0];
    assert_eq!((&rename["unknown"], rename.get("config")), (&json!("sig_parts"), None));
    assert!(markdown(&lab).contains("unknown `sig_parts` where `parts` is missing, of another type"));
}

#[test]
fn refused_rows_are_told_by_reason_with_their_place_in_the_file() {
    let lab = Lab::new();
    lab.config("[limits]\nline_bytes_max = \"1 KiB\"\n");
    let good = json!({"ts": "2026-04-26T14:03:11Z", "sig_hash": "s"}).to_string() + "\n";
    let lines = [
        good.clone(),
        "\n".to_owned(),
        "{\"ts\": NaN}\n".to_owned(),
        good.clone(),
        "{}\n".to_owned(),
        format!("{{\"sig_hash\": \"{}\"}}\n", "x".repeat(200_000)),
        "{\"sig_hash\": \"only\"}\n".to_owned(),
        good,
        "{\"ts\": \"unfinished".to_owned(),
    ];
    lab.append("observer_escalations", lines.concat());
    let report = probe(&lab, 1, &[]);
    let of = of(&report, "observer_escalations");
    assert_eq!(
        (&of["tried"], &of["passed"], &of["refused_rows"], &of["blank"]),
        (&json!(7), &json!(3), &json!(4), &json!(1))
    );
    let at = |line: usize| json!({"byte": lines[..line - 1].concat().len(), "line": line});
    for (reason, rows, line) in [("number", 1, 3), ("missing_field:ts", 2, 5), ("oversize", 1, 6)] {
        assert_eq!(
            (&of["refused"][reason]["rows"], &of["refused"][reason]["first"]),
            (&json!(rows), &at(line)),
            "{reason}"
        );
    }
    assert!(of["refused"]["oversize"]["excerpt"].as_str().unwrap().chars().count() <= 121);
    assert_eq!(of["sampled_bytes"], lines[..8].concat().len());
    assert_eq!(report["missing_files"].as_array().unwrap().len(), 22);
}

#[test]
fn a_sample_of_a_long_file_is_spread_over_it() {
    let lab = Lab::new();
    for n in 0..5000 {
        lab.append("signatures", json!({"run_id": format!("r{n}"), "created_at": format!("2026-04-26T{:02}:{:02}:00Z", n / 60 % 24, n % 60), "kind": if n == 4999 { "k" } else { "" }, format!("field{}", n / 1000): n}).to_string() + "\n");
    }
    let report = probe(&lab, 0, &["--rows", "25"]);
    let of = of(&report, "signatures");
    assert_eq!((&of["tried"], &of["every_row"]), (&json!(25), &json!(false)));
    let fields: Vec<_> = of["unknown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap(), field["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(fields, [("field0", 5), ("field1", 5), ("field2", 5), ("field3", 5), ("field4", 5)]);
    assert_eq!(of["unknown"][0]["first"]["line"], 1);
    assert!((4000..=4210).contains(&of["unknown"][4]["first"]["line"].as_u64().unwrap()));
    let markdown = markdown(&lab);
    assert!(markdown.contains("a sample of") && markdown.contains("25 tried"), "{markdown}");
}

#[test]
fn a_stream_of_the_config_is_probed_by_its_pointers() {
    let lab = Lab::new();
    lab.config(
        "[stream.lab]\npath = \"lab.jsonl\"\ntime = \"/meta/at\"\ntext = \"/answer\"\nrun_id = \"/run\"\n",
    );
    let row = |n: u32| json!({"meta": {"at": format!("2026-04-26T14:03:{n:02}Z")}, "run": n, "reply": "text", "extra": n});
    let rows: String = (0..40).map(|n| row(n).to_string() + "\n").collect();
    fs::write(lab.root().join("lab.jsonl"), rows).unwrap();
    let report = probe(&lab, 1, &[]);
    assert_eq!(report["changed_shape"], json!(["lab"]));
    let of = of(&report, "lab");
    assert_eq!((&of["passed"], &of["never_seen"]), (&json!(40), &json!(["/answer"])));
    assert_eq!(of["renames"][0]["config"], "[stream.lab]\ntext = \"/reply\"");
    let names: Vec<_> = of["unknown"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["extra", "reply"]);
}

#[test]
fn names_and_values_out_of_rows_are_shown_as_text() {
    let lab = Lab::new();
    let row = json!({"run_id": "r", "a|b`<img src=x>\n# title": "|`<script>\u{1b}[31m\u{202e}", "created_at": "2026-04-26T14:03:11Z"});
    lab.append("signatures", row.to_string() + "\n");
    let output = run(&lab, &[]);
    let markdown = markdown(&lab);
    assert!(markdown.contains("a\\|b\\`&lt;img src\\=x&gt;"), "{markdown}");
    for text in [markdown.as_str(), std::str::from_utf8(&output.stdout).unwrap()] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\n# title"), "{text}");
    }
    assert!(!markdown.contains("<img") && !markdown.contains("<script"), "{markdown}");
}

#[test]
fn a_distilled_stream_left_behind_is_warned_of_by_probe_and_status() {
    let lab = Lab::new();
    let distilled = |at: &str| json!({"run_id": "r", "created_at": at, "text": "t"}).to_string() + "\n";
    lab.append("distilled_facts", distilled("2026-04-22T14:00:00Z"));
    lab.append("distilled_procedures", distilled("2026-04-24T14:00:00Z"));
    lab.append("overseer_corrections", "{\"ts\":\"2026-04-26T14:00:00Z\"}\n");
    let report = probe(&lab, 0, &[]);
    let facts = json!([{"stream": "distilled_facts", "newest": "2026-04-22T14:00:00.000Z", "newest_stream": "overseer_corrections", "behind_h": 96}]);
    assert_eq!(report["stale"], facts);
    assert!(markdown(&lab).contains(
        "- stale: distilled_facts ends at 2026-04-22T14:00:00.000Z, 96 h before overseer_corrections\n"
    ));
    assert_eq!(lab.status()["stale"], json!([]), "nothing is committed yet");
    lab.run_once();
    assert_eq!(lab.status()["stale"], facts);
    lab.config("[probe]\nstale_after = \"47h\"\n");
    for stale in [&probe(&lab, 0, &[])["stale"], &lab.status()["stale"]] {
        assert_eq!(stale.as_array().unwrap().len(), 2);
    }
    lab.config("[probe]\nstale_after = \"soon\"\n");
    let refused = run(&lab, &[]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("probe.stale_after = \"soon\" is not allowed"),
        "{refused:?}"
    );
}

#[test]
fn a_report_never_lands_on_a_stream() {
    let lab = lab_with(|_, _| {});
    let ops = fs::read(lab.stream("observer_ops")).unwrap();
    for report in ["in/kb/report.md", "in/_observer/ops.jsonl", "report.json", "nowhere/report.md", "in"] {
        let output = run(&lab, &["--report", report]);
        assert_eq!(output.status.code(), Some(64), "{report}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.starts_with(&format!("distilld: --report {report} is not allowed: "))
                && said.lines().count() == 1,
            "{said}"
        );
    }
    assert_eq!(fs::read(lab.stream("observer_ops")).unwrap(), ops);
    assert_eq!(run(&lab, &["--rows", "0"]).status.code(), Some(64));
}

#[test]
fn a_stream_that_cannot_be_read_is_told_and_the_others_are_probed() {
    let lab = lab_with(|_, _| {});
    fs::remove_file(lab.stream("audits")).unwrap();
    fs::create_dir(lab.stream("audits")).unwrap();
    fs::write(lab.kb().join("stray.jsonl"), "{}\n").unwrap();
    let output = run(&lab, &["--json"]);
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["unreadable"], &report["unknown_files"]),
        (&json!(["audits"]), &json!(["stray.jsonl"]))
    );
    assert_eq!(of(&report, "audit_facts")["passed_share"], 1.0);
    assert!(markdown(&lab).contains("`audits` cannot be read: "));
}
