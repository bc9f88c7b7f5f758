//! `distilld validate`: judges the lines of JSONL files by a published schema.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use super::table::{print, print_json, thousands};
use super::{Exit, Failure};
use crate::domain::schema::published::{Refusal, SHAPES, Shape, shape};
use crate::domain::streams::{STREAMS, Stream, judge_row};

/// The longest line that is judged, in bytes; a longer one is refused unread.
const LINE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schema's name: a record such as `EvidenceRecord`, or a stream such as `audits`
    #[arg(long, value_name = "NAME")]
    schema: String,
    /// JSONL files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Print JSON, one line a refusal
    #[arg(long)]
    json: bool,
}

/// Who judges: a shape that distilld writes, or a stream whose rows it reads.
enum Judge {
    Record(&'static Shape),
    Row(&'static dyn Stream),
}

impl Judge {
    fn of(name: &str) -> Option<Self> {
        let stream = || STREAMS.iter().copied().find(|stream| stream.name() == name);
        shape(name).map(Self::Record).or_else(|| stream().map(Self::Row))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Record(shape) => shape.name,
            Self::Row(stream) => stream.name(),
        }
    }

    fn judge(&self, line: &str) -> Result<(), Refusal> {
        match self {
            Self::Record(shape) => shape.judge(line),
            Self::Row(stream) => judge_row(*stream, line),
        }
    }
}

#[derive(serde::Serialize)]
struct Refused<'a> {
    file: &'a str,
    /// From 1.
    line: u64,
    path: &'a str,
    reason: &'a str,
}

#[derive(Debug, Default)]
struct Counts {
    judged: u64,
    refused: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be read")]
struct ReadError {
    file: String,
    source: io::Error,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Some(judge) = Judge::of(&args.schema) else {
        let shapes = SHAPES.iter().map(|shape| shape.name);
        let names: Vec<_> = shapes.chain(STREAMS.iter().map(|stream| stream.name())).collect();
        let error = anyhow::anyhow!("no schema is named {:?}; there are {}", args.schema, names.join(", "));
        return Err(Failure::new(Exit::Usage, error));
    };
    let mut counts = Counts::default();
    for file in &args.files {
        let lines: Box<dyn BufRead> = if file == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::with_capacity(1 << 20, File::open(file).map_err(|e| unreadable(file, e))?))
        };
        validate(&judge, file, lines, args.json, &mut counts).map_err(|e| unreadable(file, e))?;
    }
    if !args.json {
        let (judged, refused) = (thousands(counts.judged), thousands(counts.refused));
        print(format_args!("{judged} lines judged as {}, {refused} refused", judge.name()));
    }
    Ok(if counts.refused == 0 { Exit::Fine } else { Exit::Wrong })
}

fn unreadable(file: &str, source: io::Error) -> Failure {
    Failure::new(Exit::Io, ReadError { file: file.to_owned(), source })
}

fn validate(
    judge: &Judge,
    file: &str,
    mut lines: Box<dyn BufRead>,
    json: bool,
    counts: &mut Counts,
) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        // One byte more than is allowed tells a line that is too long from one that just fits.
        if lines.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let ended = line.pop_if(|last| *last == b'\n').is_some();
        if line.iter().all(u8::is_ascii_whitespace) && ended {
            continue;
        }
        let judged = if line.len() as u64 > LINE_BYTES_MAX {
            skip_line(&mut lines)?;
            Err(refusal(format!("longer than {LINE_BYTES_MAX} bytes")))
        } else {
            match std::str::from_utf8(&line) {
                Ok(text) => judge.judge(text),
                Err(e) => Err(refusal(format!("byte {}: invalid UTF-8", e.valid_up_to()))),
            }
        };
        counts.judged += 1;
        if let Err(Refusal { path, reason }) = judged {
            counts.refused += 1;
            if json {
                print_json(&Refused { file, line: number, path: &path, reason: &reason });
            } else {
                let path = if path.is_empty() { "(whole)" } else { &path };
                print(format_args!("{file}:{number}: {path}: {reason}"));
            }
        }
    }
    Ok(())
}

fn refusal(reason: String) -> Refusal {
    Refusal { path: String::new(), reason }
}

fn skip_line(lines: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let block = lines.fill_buf()?;
        let (skipped, ended) = match memchr::memchr(b'\n', block) {
            Some(at) => (at + 1, true),
            None => (block.len(), block.is_empty()),
        };
        lines.consume(skipped);
        if ended {
            return Ok(());
        }
    }
}
