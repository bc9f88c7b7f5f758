//! `distilld override`: a person's word about a run, as one row of `human_overrides`. The running daemon takes it from there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use super::setup::{self, Paths};
use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::domain::schema::scalars::{Escaped, EventTime};
use crate::domain::score::HumanAction;
use crate::domain::skim;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::streams::StreamSet;
use crate::store::StoreError;
use crate::store::commit::wall_clock;
use crate::store::disk::{Disk as _, RealDisk};

/// The stream that takes what people say.
const STREAM: &str = "human_overrides";
/// The words of all actions.
const ACTIONS: [&str; 5] = [
    HumanAction::Accept.word(),
    HumanAction::Partial.word(),
    HumanAction::Reject.word(),
    HumanAction::Review.word(),
    HumanAction::Correct.word(),
];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run that is judged, by its whole run_id
    #[arg(value_name = "RUN")]
    run: String,
    /// What is to become of it
    #[arg(long, value_name = "ACTION", value_parser = PossibleValuesParser::new(ACTIONS))]
    action: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who says so [default: the login name, from $USER]
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// With --action correct: how it should have been
    #[arg(long, value_name = "TEXT", conflicts_with = "corrected_text_file")]
    corrected_text: Option<String>,
    /// The same, read from a file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    corrected_text_file: Option<PathBuf>,
    /// Also when no committed evidence is of that run
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One row of the stream, in the order in which people read it.
#[derive(Debug, serde::Serialize)]
struct OverrideRow<'a> {
    ts: EventTime,
    run_id: &'a str,
    action: &'a str,
    actor: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected_text: Option<&'a str>,
}

/// What was done.
#[derive(Debug, serde::Serialize)]
struct Appended<'a> {
    path: String,
    /// Where the row starts in the file.
    byte_offset: u64,
    row: OverrideRow<'a>,
    /// Committed evidence of the run; not counted with --force.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<u64>,
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let corrected_text = corrected_text(args)?;
    let reason = said(&args.reason).ok_or_else(|| usage("--reason is empty; say why in a few words"))?;
    let login = std::env::var("USER").unwrap_or_default();
    let actor = args.actor.as_deref().and_then(said).or(said(&login)).ok_or_else(|| {
        usage("nobody is named: give --actor NAME ($USER, which stands in for it, is not set)")
    })?;
    if said(&args.run).is_none() {
        return Err(usage("no run is named: give its id"));
    }
    let config = paths.load()?;
    config.check_paths()?;
    let streams = setup::streams(&config);
    let evidence = if args.force { None } else { Some(evidence_of(&config.output, &streams, &args.run)?) };
    if evidence == Some(0) {
        return Err(refused(format!(
            "no committed evidence is of the run {:?}: check the id, or give --force for a run that is still to come",
            args.run
        )));
    }
    let row = OverrideRow {
        ts: wall_clock(),
        run_id: &args.run,
        action: &args.action,
        actor,
        reason,
        corrected_text: corrected_text.as_deref(),
    };
    let mut line = serde_json::to_string(&row).map_err(|e| Failure::new(Exit::Usage, e))?;
    if line.len() as u64 > config.rules.line_bytes_max {
        let (len, max) = (line.len(), config.rules.line_bytes_max);
        return Err(refused(format!(
            "the row has {len} bytes, limits.line_bytes_max is {max}: shorten the text"
        )));
    }
    line.push('\n');
    let spec = streams.specs.iter().find(|spec| spec.name == STREAM);
    let path = spec.map_or_else(|| config.kb.join("human_overrides.jsonl"), |spec| spec.path.clone());
    let byte_offset = append(&path, line.as_bytes())?;
    let done = Appended { path: path.display().to_string(), byte_offset, row, evidence };
    if args.json {
        print_json(&done);
    } else {
        let Appended { path, row: OverrideRow { run_id, action, actor, .. }, .. } = &done;
        let of = evidence.map_or_else(String::new, |n| format!(" ({} pieces of evidence)", thousands(n)));
        print(format_args!("{actor}: {action} {run_id}{of}; one row appended to {path}"));
    }
    Ok(Exit::Fine)
}

/// A text without white space around it, if anything is left.
fn said(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn usage(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, anyhow::anyhow!("{}; see `distilld override --help`", what.into()))
}

fn refused(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Refused, anyhow::anyhow!(what.into()))
}

/// The corrected text, which goes with `correct` and with nothing else.
fn corrected_text(args: &Args) -> Result<Option<String>, Failure> {
    let correct = args.action == HumanAction::Correct.word();
    if correct != (args.corrected_text.is_some() || args.corrected_text_file.is_some()) {
        return Err(usage(if correct {
            "--action correct needs --corrected-text or --corrected-text-file"
        } else {
            "a corrected text goes with --action correct alone"
        }));
    }
    let text = match (&args.corrected_text, &args.corrected_text_file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => read_text(file)?,
        (None, None) => return Ok(None),
    };
    if said(&text).is_none() {
        return Err(usage("the corrected text is empty"));
    }
    Ok(Some(text))
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let read = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = read.map_err(|source| io_failure("read", file, source))?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        refused(format!("{} is not UTF-8 at byte {at}: convert it first", file.display()))
    })
}

fn io_failure(action: &'static str, path: &Path, source: io::Error) -> Failure {
    StoreError::Io { action, path: path.to_owned(), source }.into()
}

/// How many pieces of committed evidence are of a run.
fn evidence_of(output: &Path, streams: &StreamSet, run: &str) -> Result<u64, Failure> {
    let outputs = Outputs::open(output)?;
    let mut found = 0;
    // Most lines do not have the id at all, which is soon seen.
    let escaped = Escaped::from_plain(run);
    let finder = memchr::memmem::Finder::new(escaped.escaped());
    for spec in &streams.specs {
        outputs.each_line(&spec.output("evidence"), |_, line| {
            let named = finder.find(line.as_bytes()).is_some() && {
                let mut members = skim::members(line);
                members.any(|(key, value)| key == "run_id" && skim::text(value) == Some(escaped.clone()))
            };
            found += u64::from(named);
        })?;
    }
    Ok(found)
}

/// Appends a line in one write, and gives where it starts. Other writers may append meanwhile: every one of them writes
/// whole lines, and the system puts each at the end there is.
fn append(path: &Path, line: &[u8]) -> Result<u64, Failure> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(|e| io_failure("open", path, e))?;
    if let Some(at) = unfinished(&mut file).map_err(|e| io_failure("read", path, e))? {
        return Err(refused(format!(
            "{} has an unfinished last line (no newline at its end, byte {at}): its writer is still at it, or died; finish or remove that line",
            path.display()
        )));
    }
    let written = loop {
        match file.write(line) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            written => break written.map_err(|e| io_failure("append to", path, e))?,
        }
    };
    let end = file.stream_position().map_err(|e| io_failure("read", path, e))?;
    let start = end.saturating_sub(written as u64);
    if written < line.len() {
        return Err(take_back(&file, path, start, end));
    }
    file.sync_data().map_err(|source| StoreError::Sync { path: path.to_owned(), source })?;
    if is_new {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        RealDisk::default().sync_dir(dir)?;
    }
    Ok(start)
}

/// The length of the file, when its last byte is no newline.
fn unfinished(file: &mut File) -> io::Result<Option<u64>> {
    let len = file.seek(SeekFrom::End(0))?;
    if len == 0 {
        return Ok(None);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok((last != *b"\n").then_some(len))
}

/// A disk that is full takes a part of a line; without its newline no row is lost when it is cut off again.
fn take_back(file: &File, path: &Path, start: u64, end: u64) -> Failure {
    let is_last = file.metadata().is_ok_and(|metadata| metadata.len() == end);
    let cut = is_last && file.set_len(start).is_ok();
    let left = if cut { "nothing was appended" } else { "an unfinished line was left there, remove it" };
    let error = anyhow::anyhow!("no room to append to {}: {left}; make room and try again", path.display());
    Failure::new(Exit::Io, error)
}
