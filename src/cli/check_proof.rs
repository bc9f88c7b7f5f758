//! `distilld check-proof`: holds proofs to a public key, without anything else of distilld's.

use std::path::{Path, PathBuf};

use faster_hex::hex_string;

use super::key;
use super::table::{print, print_json};
use super::{Exit, Failure};
use crate::domain::canonical::Parser;
use crate::domain::note::PublicKey;
use crate::domain::proof::{GrowthProof, RowProof, split_proofs};
use crate::domain::reject::Reject;
use crate::domain::schema::scalars::Sha256Hex;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files with proofs; one may hold several, one after the other
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The public key that signed the heads
    #[arg(long, value_name = "KEY.pub")]
    public: PathBuf,
    /// Also check that this is the row: a file with its raw line
    #[arg(long, value_name = "FILE")]
    row: Option<PathBuf>,
    /// Check proofs of `prove --consistency` against this older head
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "row")]
    since: Option<PathBuf>,
    /// Print JSON, one line a proof
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let key = key::public(&args.public)?;
    let row = args.row.as_deref().map(row_hash).transpose()?;
    let since = args.since.as_deref().map(key::read).transpose()?;
    let mut all_hold = true;
    for file in &args.files {
        let bytes = std::fs::read(file).map_err(|e| key::failed("read", file, e))?;
        let Ok(text) = String::from_utf8(bytes) else {
            all_hold = false;
            say(file, Err("not a proof: it is not UTF-8".to_owned()), args.json);
            continue;
        };
        let proofs: Vec<&str> = match since {
            Some(_) => vec![&text],
            // An empty file proves nothing, and must not pass for one that does.
            None if text.is_empty() => vec![""],
            None => split_proofs(&text).collect(),
        };
        for proof in proofs {
            let checked = match &since {
                Some(old) => check_growth(proof, old, &key),
                None => check_row(proof, row.as_ref(), &key),
            };
            all_hold &= checked.is_ok();
            say(file, checked, args.json);
        }
    }
    Ok(if all_hold { Exit::Fine } else { Exit::Wrong })
}

/// What is proven: in words, and as JSON.
type Proven = (String, serde_json::Value);

fn check_row(text: &str, row: Option<&Sha256Hex>, key: &PublicKey) -> Result<Proven, String> {
    let proof = RowProof::parse(text).map_err(|e| e.to_string())?;
    let head = proof.check(key).map_err(|e| e.to_string())?;
    let leaf = &proof.leaf;
    if let Some(row) = row.filter(|row| **row != leaf.sig_hash) {
        return Err(format!("the proof holds, but for the row {}, and --row is {row}", leaf.sig_hash));
    }
    let words = format!(
        "line {} of generation {} of {} with sig_hash {} is row {} of {} in {}, signed by {}",
        leaf.line_offset,
        leaf.generation,
        leaf.source_file,
        leaf.sig_hash,
        proof.index,
        head.size,
        head.origin,
        key.name()
    );
    let json = serde_json::json!({
        "row": leaf,
        "index": proof.index,
        "size": head.size,
        "root": hex_string(&head.root),
        "origin": head.origin,
        "key": key.name(),
        "raw_row_checked": row.is_some(),
    });
    Ok((words, json))
}

fn check_growth(text: &str, old: &str, key: &PublicKey) -> Result<Proven, String> {
    let checked = GrowthProof::parse(text).and_then(|proof| proof.check(old, key));
    let (old, new) = checked.map_err(|e| e.to_string())?;
    let words = format!(
        "{} goes on from {} to {} rows, and nothing before was changed; signed by {}",
        new.origin,
        old.size,
        new.size,
        key.name()
    );
    let json = serde_json::json!({
        "origin": new.origin,
        "old_size": old.size,
        "size": new.size,
        "root": hex_string(&new.root),
        "key": key.name(),
    });
    Ok((words, json))
}

fn say(file: &Path, checked: Result<Proven, String>, json: bool) {
    let name = file.display();
    match checked {
        Ok((_, value)) if json => {
            print_json(&serde_json::json!({ "file": name.to_string(), "proven": true, "what": value }));
        }
        Ok((words, _)) => print(format_args!("{name}: {words}")),
        Err(why) if json => {
            print_json(&serde_json::json!({ "file": name.to_string(), "proven": false, "why": why }));
        }
        Err(why) => print(format_args!("{name}: not proven: {why}")),
    }
}

/// The `sig_hash` of a raw line, with or without its end and a byte order mark.
fn row_hash(file: &Path) -> Result<Sha256Hex, Failure> {
    let bytes = std::fs::read(file).map_err(|e| key::failed("read", file, e))?;
    let line = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parser = Parser::default();
    let parsed = parser.parse(line).map(|doc| Sha256Hex(doc.hash()));
    parsed.map_err(|fault| {
        let reject = Reject::from(fault);
        key::refused(file, format_args!("not one row of JSON: {}: {}", reject.reason(), reject.detail()))
    })
}
