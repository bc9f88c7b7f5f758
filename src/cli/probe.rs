//! `distilld probe`: looks at real rows of every stream and reports which producers changed what they write. Reads the
//! streams, writes the report, and needs neither output nor state.

use std::io;
use std::path::{Path, PathBuf};

use super::setup::{self, Paths};
use super::table::{print, print_as_it_is, table, thousands};
use super::{Exit, Failure};
use crate::domain::probe::StreamProbe;
use crate::domain::probe::findings::{Report, StreamReport};
use crate::domain::probe::markdown::{config_lines, percent, render, sentences, shown};
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::intake::IntakeError;
use crate::intake::sample::{SampledRow, Sampler};
use crate::pipeline::streams::{StreamSet, StreamSpec};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many rows of each stream to look at, evenly over its file
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Where the report goes; the same as JSON goes beside it
    #[arg(long, value_name = "FILE", default_value = "realdata_validation_report.md")]
    report: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", path.display())]
struct WriteError {
    path: PathBuf,
    source: io::Error,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let set = setup::streams(&config);
    let json_path = args.report.with_extension("json");
    check_report(&args.report, &json_path, &config.kb, &set)?;
    let mut report = Report {
        rows_max: args.rows,
        streams: set.specs.iter().map(|spec| probe(spec, &config.rules, args.rows)).collect(),
        unknown_files: set.unknown_files(&config.kb),
        ..Report::default()
    };
    report.sum_up(config.stale_after);
    let json = serde_json::to_string_pretty(&report).map_err(|e| Failure::new(Exit::Io, e))?;
    for (path, text) in [(&args.report, render(&report)), (&json_path, json.clone() + "\n")] {
        let fail = |source| Failure::new(Exit::Io, WriteError { path: path.clone(), source });
        std::fs::write(path, text).map_err(fail)?;
    }
    if args.json {
        print_as_it_is(json);
    } else {
        print_report(&report, &args.report);
    }
    if let Some(stream) = report.unreadable.first() {
        return Err(Failure::new(
            Exit::Io,
            anyhow::anyhow!("the stream {stream} cannot be read; the report says why"),
        ));
    }
    let fine = report.changed_shape.is_empty() && report.bad_records.is_empty();
    Ok(if fine { Exit::Fine } else { Exit::Wrong })
}

/// Makes sure that the report overwrites no stream.
fn check_report(report: &Path, json: &Path, kb: &Path, set: &StreamSet) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::new(Exit::Usage, anyhow::anyhow!("--report {} is not allowed: {why}", report.display())))
    };
    if report == json {
        return refuse("the same as JSON goes beside it, so it needs another ending than .json");
    }
    if report.file_name().is_none() || report.is_dir() {
        return refuse("it must be a file");
    }
    for path in [report, json] {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(folder) = folder.canonicalize() else { return refuse("its folder is not there") };
        let is_below = |other: &Path| other.canonicalize().is_ok_and(|other| folder.starts_with(other));
        if is_below(kb) {
            return refuse("it must lie outside paths.kb, which is never written to");
        }
        let is_stream = |spec: &StreamSpec| {
            let same = path.canonicalize().ok().zip(spec.path.canonicalize().ok());
            same.is_some_and(|(path, stream)| path == stream)
        };
        if set.specs.iter().any(is_stream) {
            return refuse("it is the file of a stream");
        }
    }
    Ok(())
}

fn probe(spec: &StreamSpec, rules: &Rules, rows_max: u64) -> StreamReport {
    let mut report = StreamReport {
        stream: spec.name.clone(),
        path: spec.path.display().to_string(),
        ..StreamReport::default()
    };
    if let Err(e) = look(spec, rules, rows_max, &mut report) {
        let cause = std::error::Error::source(&e).map_or_else(String::new, |cause| format!(": {cause}"));
        report.unreadable = Some(format!("{e}{cause}"));
    }
    report
}

fn look(
    spec: &StreamSpec,
    rules: &Rules,
    rows_max: u64,
    report: &mut StreamReport,
) -> Result<(), IntakeError> {
    // What lies there but cannot be read is there all the same.
    report.present = spec.path.exists();
    let Some(sampler) = Sampler::open(&spec.path)? else { return Ok(()) };
    report.file_bytes = sampler.size_bytes;
    let custom = rules.custom.iter().find(|custom| custom.name == spec.name);
    let mut probe = StreamProbe::new(rules, spec.context(), custom);
    let sampled = sampler.each_row(rows_max, rules.line_bytes_max, |byte, row| match row {
        SampledRow::Whole(row) => probe.row(byte, row),
        SampledRow::Oversize(line) => probe.oversize(byte, &line.start, line.length, Sha256Hex(line.sha256)),
    })?;
    let mut findings = probe.finish(sampled.every_row);
    let mut places: Vec<_> = findings.places().collect();
    places.sort();
    let bytes: Vec<_> = places.iter().map(|place| place.byte).collect();
    for (place, lines) in places.into_iter().zip(sampler.lines_before(&bytes)?) {
        place.line = Some(lines + 1);
    }
    report.sampled_bytes = sampled.bytes;
    report.every_row = sampled.every_row;
    report.findings = findings;
    Ok(())
}

fn print_report(report: &Report, path: &Path) {
    let headers =
        ["stream", "tried", "passed", "refused", "share", "warnings", "unknown", "never seen", "newest"];
    let mut table = table(&headers);
    for stream in &report.streams {
        let findings = &stream.findings;
        let name =
            if stream.present { stream.stream.clone() } else { format!("{} (no file)", stream.stream) };
        table.add_row([
            name,
            thousands(stream.tried),
            thousands(findings.passed),
            thousands(findings.refused_rows),
            percent(stream.passed_share),
            thousands(findings.warnings.values().sum()),
            findings.unknown.len().to_string(),
            findings.never_seen.len().to_string(),
            findings.newest.as_ref().map_or_else(|| "–".to_owned(), EventTime::to_string),
        ]);
    }
    print(table);
    for sentence in sentences(report, shown) {
        print(sentence);
    }
    for line in config_lines(report) {
        print(format_args!("    {line}"));
    }
    if report.changed_shape.is_empty() {
        print("no stream changed shape");
    }
    print(format_args!("{} says more", path.display()));
}
