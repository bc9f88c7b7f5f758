//! `distilld schema`: writes the published schemas, or checks that a folder holds exactly them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::table::print;
use super::{Exit, Failure};
use crate::domain::schema::published::SHAPES;
use crate::domain::schema::typescript::records_ts;
use crate::domain::streams::{STREAMS, row_schema};

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Args {
    /// Write the schemas into this folder
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Compare the schemas in this folder with those of this distilld; exit 1 when they differ
    #[arg(long, value_name = "DIR")]
    check: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {done}")]
struct FileError {
    path: String,
    done: &'static str,
    source: io::Error,
}

/// Every generated file: its name, and what it holds.
fn files() -> Result<BTreeMap<String, String>, Failure> {
    let shapes = SHAPES.iter().map(|shape| (shape.name.to_owned(), shape.schema()));
    let rows = STREAMS.iter().map(|stream| (stream.name().to_owned(), row_schema(*stream)));
    let schemas: Vec<_> = shapes.chain(rows).collect();
    let mut files: BTreeMap<_, _> =
        schemas.iter().map(|(name, schema)| (format!("{name}.schema.json"), pretty(schema))).collect();
    files.insert("records.ts".to_owned(), records_ts(&schemas).map_err(|e| Failure::new(Exit::Refused, e))?);
    Ok(files)
}

fn pretty(schema: &serde_json::Value) -> String {
    format!("{schema:#}\n")
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match (&args.into, &args.check) {
        (Some(dir), _) => write(dir),
        (None, Some(dir)) => check(dir),
        (None, None) => Ok(Exit::Usage),
    }
}

fn write(dir: &Path) -> Result<Exit, Failure> {
    let files = files()?;
    std::fs::create_dir_all(dir).map_err(|e| failed(dir, "made", e))?;
    for (name, text) in &files {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(|e| failed(&path, "written", e))?;
    }
    print(format_args!("{} files written into {}", files.len(), dir.display()));
    Ok(Exit::Fine)
}

fn check(dir: &Path) -> Result<Exit, Failure> {
    let files = files()?;
    for (name, expected) in &files {
        let path = dir.join(name);
        match std::fs::read(&path) {
            Ok(found) if found == expected.as_bytes() => {}
            Ok(found) => {
                let line = 1 + found
                    .split(|b| *b == b'\n')
                    .zip(expected.as_bytes().split(|b| *b == b'\n'))
                    .take_while(|(found, expected)| found == expected)
                    .count();
                print(format_args!("{} differs from line {line} on; {}", path.display(), remedy(dir)));
                return Ok(Exit::Wrong);
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                print(format_args!("{} is missing; {}", path.display(), remedy(dir)));
                return Ok(Exit::Wrong);
            }
            Err(e) => return Err(failed(&path, "read", e)),
        }
    }
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|e| failed(dir, "listed", e))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !files.contains_key(&name) {
            print(format_args!("{} is none of the generated files", entry.path().display()));
            return Ok(Exit::Wrong);
        }
    }
    print(format_args!("{} files are as this distilld writes them", files.len()));
    Ok(Exit::Fine)
}

fn remedy(dir: &Path) -> String {
    format!("`distilld schema --into {}` writes it anew", dir.display())
}

fn failed(path: &Path, done: &'static str, source: io::Error) -> Failure {
    Failure::new(Exit::Io, FileError { path: path.display().to_string(), done, source })
}
