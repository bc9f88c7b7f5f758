//! `distilld generate`: a coherent corpus of all streams.

use std::path::PathBuf;

use super::table::{print, print_json, table, thousands};
use super::{Exit, Failure};
use crate::corpus;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The same seed and number of rows give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rows in all
    #[arg(long)]
    rows: u64,
    /// Where to; observer_ops goes to DIR/../_observer/ops.jsonl
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    rows: u64,
    bytes: u64,
    streams: std::collections::BTreeMap<&'a str, u64>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let made = corpus::generate(args.seed, args.rows, &args.into).map_err(|e| Failure::new(Exit::Io, e))?;
    if args.json {
        let streams = made.streams.iter().copied().collect();
        print_json(&Answer { rows: made.rows, bytes: made.bytes, streams });
        return Ok(Exit::Fine);
    }
    let mut table = table(&["stream", "rows"]);
    for (stream, rows) in &made.streams {
        table.add_row([(*stream).to_owned(), thousands(*rows)]);
    }
    print(table);
    print(format_args!("{} rows, {}", thousands(made.rows), bytesize::ByteSize(made.bytes)));
    Ok(Exit::Fine)
}
