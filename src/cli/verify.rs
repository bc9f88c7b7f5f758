//! `distilld verify`: whether the outputs are what their receipts and rows make them. Reads, never writes.

use super::setup::{self, Paths};
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::pipeline::verify::{Checked, Finding, Request, VerifyError, verify};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// Only what was committed after this receipt
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Only the exports
    #[arg(long)]
    exports: bool,
    /// Name everything that is broken, not only the first thing
    #[arg(long)]
    all: bool,
    /// What cannot be checked is wrong too: rows whose source is gone, or that other rules were made for
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    ok: bool,
    findings: &'a [Finding],
    checked: &'a Checked,
    unchecked: &'a [String],
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Store(error) => error.into(),
            error @ VerifyError::Io { .. } => Self::new(Exit::Io, error),
        }
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    config.check_paths()?;
    let streams = setup::streams(&config);
    let report = verify(&Request {
        output: &config.output,
        streams: &streams,
        rules: &config.rules,
        since: args.since,
        all: args.all,
        exports_only: args.exports,
        threads: config.workers,
    })?;
    let told = if args.all { &report.findings[..] } else { report.findings.get(..1).unwrap_or_default() };
    let checked = &report.checked;
    let is_unsure = args.strict && (checked.sources_gone.ranges > 0 || !report.unchecked.is_empty());
    let ok = report.findings.is_empty() && !is_unsure;
    if args.json {
        print_json(&Answer { ok, findings: told, checked, unchecked: &report.unchecked });
    } else {
        for finding in told {
            print(format_args!("broken: {finding}"));
        }
        say(checked, &report.unchecked);
        let gone = &checked.sources_gone;
        print(match (told.len(), ok) {
            (0, true) if gone.ranges == 0 => "all of it holds".to_owned(),
            (0, true) => "all that could be checked holds".to_owned(),
            (0, false) => "not all of it could be checked, and --strict wants that".to_owned(),
            (1, _) if !args.all => "the first broken thing is named; --all names every one".to_owned(),
            (count, _) => format!("{} things are broken", thousands(count as u64)),
        });
    }
    Ok(if ok { Exit::Fine } else { Exit::Wrong })
}

fn say(checked: &Checked, unchecked: &[String]) {
    let last = checked.last_seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    print(format_args!(
        "checked: {} receipts (last {last}), {} of output hashed, {} rows from {} distilled again, {} samples and {} later lines against {} pieces of evidence",
        thousands(checked.receipts),
        bytesize::ByteSize(checked.output_bytes),
        thousands(checked.rows),
        bytesize::ByteSize(checked.input_bytes),
        thousands(checked.samples),
        thousands(checked.later_lines),
        thousands(checked.evidence),
    ));
    if checked.copies > 0 {
        print(format_args!("archive: {} copies hold", thousands(checked.copies)));
    }
    let gone = &checked.sources_gone;
    if gone.ranges > 0 {
        print(format_args!(
            "source gone: {} rows ({}) in {} ranges could not be read again",
            thousands(gone.rows),
            bytesize::ByteSize(gone.bytes),
            thousands(gone.ranges)
        ));
    }
    if !checked.scores_recomputed {
        print("not checked: current scores against the links between rows");
    }
    for what in unchecked {
        print(format_args!("not checked: {what}"));
    }
}
