//! `distilld prove`: signed heads of the streams' trees, and proofs that rows stand in them.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use faster_hex::hex_string;

use super::key;
use super::setup::{self, Paths};
use super::table::{print, print_json};
use super::{Exit, Failure};
use crate::domain::checkpoint::{Checkpoint, origin};
use crate::domain::merkle::Tree;
use crate::domain::note::PrivateKey;
use crate::domain::proof::{GrowthProof, RowProof, open_head};
use crate::pipeline::outputs::Outputs;
use crate::pipeline::trees::{StreamTree, TreeError, Wanted, stream_tree, streams};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub(super) struct Args {
    /// Prove the rows of this run id, sample id, or row hash (its first 8 digits are enough)
    #[arg(group = "what")]
    id: Option<String>,
    /// Prove every row
    #[arg(long, group = "what")]
    all: bool,
    /// Sign the head of every stream's tree
    #[arg(long, group = "what")]
    heads: bool,
    /// Prove that the stream of this signed head only grew since
    #[arg(long, value_name = "CHECKPOINT", group = "what")]
    consistency: Option<PathBuf>,
    /// Look at these streams alone
    #[arg(long = "stream", value_name = "STREAM", conflicts_with = "consistency")]
    streams: Vec<String>,
    /// The private key [default: systemd's credential distilld-key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write into this file (several proofs of one ID: PATH-1, PATH-2 and so on), or --heads into this folder
    #[arg(long, value_name = "PATH")]
    into: Option<PathBuf>,
    /// Print JSON, one line a proof or head
    #[arg(long)]
    json: bool,
}

/// What everything is proved from.
struct Notary {
    key: PrivateKey,
    outputs: Outputs,
    /// Rules of all committed evidence: what follows others is not added to it.
    rules_version: String,
}

impl Notary {
    fn origin(&self, stream: &str) -> String {
        origin(self.key.public().name(), stream, &self.rules_version)
    }

    fn tree(&self, stream: &str, wanted: &Wanted, grown_from: u64) -> Result<StreamTree, Failure> {
        stream_tree(&self.outputs, stream, &self.rules_version, wanted, grown_from).map_err(|e| match e {
            TreeError::Store(error) => error.into(),
            error @ TreeError::Evidence { .. } => Failure::new(Exit::Refused, error),
        })
    }

    fn head(&self, stream: &str, tree: &Tree) -> (Checkpoint, String) {
        let checkpoint = Checkpoint { origin: self.origin(stream), size: tree.size(), root: tree.root() };
        let note = self.key.sign(&checkpoint.to_text());
        (checkpoint, note)
    }
}

pub(super) fn run(paths: &Paths, args: &Args) -> Result<Exit, Failure> {
    let config = paths.load()?;
    let key = key::private(args.key.as_deref())?;
    let outputs = Outputs::open(&config.output)?;
    let Some(last) = &outputs.last else {
        return Err(wrong(format!(
            "nothing is committed in {}; run `distilld run --once`",
            config.output.display()
        )));
    };
    let rules_version = last.rules_version.clone();
    let notary = Notary { key, outputs, rules_version };
    if let Some(old) = &args.consistency {
        return prove_growth(&notary, old, args);
    }
    let there = streams(&notary.outputs);
    let known = setup::streams(&config);
    if let Some(unknown) =
        args.streams.iter().find(|name| !there.contains(name) && !known.names().contains(&name.as_str()))
    {
        return Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!("--stream {unknown}: there is no such stream"),
        ));
    }
    let chosen = if args.streams.is_empty() { there } else { args.streams.clone() };
    match &args.id {
        Some(id) => prove_id(&notary, &chosen, id, args),
        None if args.heads => sign_heads(&notary, &chosen, args),
        None => prove_all(&notary, &chosen, args),
    }
}

fn sign_heads(notary: &Notary, streams: &[String], args: &Args) -> Result<Exit, Failure> {
    if let Some(folder) = &args.into {
        std::fs::create_dir_all(folder).map_err(|e| key::failed("make", folder, e))?;
    }
    for stream in streams {
        let made = notary.tree(stream, &Wanted::Nothing, 0)?;
        let (checkpoint, note) = notary.head(stream, &made.tree);
        let into = args.into.as_ref().map(|folder| folder.join(format!("{stream}.checkpoint")));
        if let Some(file) = &into {
            write(file, &note)?;
        }
        if args.json {
            print_json(&serde_json::json!({
                "stream": stream,
                "origin": checkpoint.origin,
                "size": checkpoint.size,
                "root": hex_string(&checkpoint.root),
                "checkpoint": note,
                "file": into,
            }));
        } else {
            print(into.map_or_else(|| as_it_is(&note).to_owned(), |file| file.display().to_string()));
        }
    }
    Ok(Exit::Fine)
}

/// Proves the wanted rows of the streams, one stream after the other; gives how many there were.
fn prove_rows(
    notary: &Notary,
    streams: &[String],
    wanted: &Wanted,
    mut take: impl FnMut(RowProof) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut proven = 0;
    for stream in streams {
        let StreamTree { tree, found } = notary.tree(stream, wanted, 0)?;
        if found.is_empty() {
            continue;
        }
        let (_, head) = notary.head(stream, &tree);
        for row in found {
            let lost = || wrong(format!("row {} of {stream} was not kept: a bug in distilld", row.index));
            let path = tree.inclusion(row.index).ok_or_else(lost)?;
            take(RowProof { leaf: row.leaf, index: row.index, path, head: head.clone() })?;
            proven += 1;
        }
    }
    Ok(proven)
}

/// Every row's proof, one after the other.
fn prove_all(notary: &Notary, streams: &[String], args: &Args) -> Result<Exit, Failure> {
    let Some(file) = &args.into else {
        prove_rows(notary, streams, &Wanted::All, |proof| {
            say(&proof, None, args.json);
            Ok(())
        })?;
        return Ok(Exit::Fine);
    };
    let create = std::fs::File::create(file).map_err(|e| key::failed("write", file, e))?;
    let mut out = BufWriter::new(create);
    let proven = prove_rows(notary, streams, &Wanted::All, |proof| {
        out.write_all(proof.to_text().as_bytes()).map_err(|e| key::failed("write", file, e))
    })?;
    out.flush().map_err(|e| key::failed("write", file, e))?;
    if args.json {
        print_json(&serde_json::json!({ "proofs": proven, "file": file }));
    } else {
        print(format_args!("{proven} proofs written into {}", file.display()));
    }
    Ok(Exit::Fine)
}

/// The proofs of the rows behind an id.
fn prove_id(notary: &Notary, streams: &[String], id: &str, args: &Args) -> Result<Exit, Failure> {
    let wanted = Wanted::by_id(&notary.outputs, id)?;
    let mut proofs = Vec::new();
    let proven = prove_rows(notary, streams, &wanted, |proof| {
        proofs.push(proof);
        Ok(())
    })?;
    if proven == 0 {
        return Err(wrong(format!("no committed row has the run id, sample id or hash {id}")));
    }
    for (number, proof) in proofs.iter().enumerate() {
        let file = args
            .into
            .as_deref()
            .map(|file| if proven > 1 { numbered(file, number + 1) } else { file.to_owned() });
        if let Some(file) = &file {
            write(file, &proof.to_text())?;
        }
        say(proof, file.as_deref(), args.json);
    }
    Ok(Exit::Fine)
}

/// Shows that the tree of an old head's stream begins with what that head was signed over.
fn prove_growth(notary: &Notary, old: &Path, args: &Args) -> Result<Exit, Failure> {
    let old_note = key::read(old)?;
    let old_head = open_head(&old_note, notary.key.public()).map_err(|e| key::refused(old, e))?;
    let stream = old_head.origin.rsplit('/').nth(1).unwrap_or_default();
    if notary.origin(stream) != old_head.origin {
        let text = format!("{}: its log {} is not one of the evidence here", old.display(), old_head.origin);
        return Err(wrong(format!("{text}, which follows the rules {}", notary.rules_version)));
    }
    let made = notary.tree(stream, &Wanted::Nothing, old_head.size)?;
    let path = made.tree.root_at(old_head.size).filter(|root| *root == old_head.root);
    let Some(path) = path.and_then(|_| made.tree.consistency(old_head.size)) else {
        let text = format!(
            "the evidence of {stream} does not begin with the {} rows of {}",
            old_head.size,
            old.display()
        );
        return Err(wrong(format!(
            "{text}: rows were changed, removed or put in between; nothing is signed"
        )));
    };
    let (new_head, head) = notary.head(stream, &made.tree);
    let text = GrowthProof { old_size: old_head.size, path, head }.to_text();
    if let Some(file) = &args.into {
        write(file, &text)?;
    }
    if args.json {
        print_json(&serde_json::json!({
            "origin": new_head.origin,
            "old_size": old_head.size,
            "size": new_head.size,
            "proof": text,
            "file": args.into,
        }));
    } else {
        print(
            args.into.as_ref().map_or_else(|| as_it_is(&text).to_owned(), |file| file.display().to_string()),
        );
    }
    Ok(Exit::Fine)
}

/// Prints a proof, or the file it was written into.
fn say(proof: &RowProof, file: Option<&Path>, json: bool) {
    let text = proof.to_text();
    if json {
        let leaf = &proof.leaf;
        print_json(&serde_json::json!({
            "source_file": leaf.source_file,
            "generation": leaf.generation,
            "line_offset": leaf.line_offset,
            "sig_hash": leaf.sig_hash,
            "index": proof.index,
            "proof": text,
            "file": file,
        }));
    } else {
        print(file.map_or_else(|| as_it_is(&text).to_owned(), |file| file.display().to_string()));
    }
}

/// What is printed with a newline of its own.
fn as_it_is(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// `row-2.tlog-proof` for the second proof of `row.tlog-proof`.
fn numbered(file: &Path, number: usize) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|e| key::failed("write", file, e))
}

fn wrong(text: String) -> Failure {
    Failure::new(Exit::Wrong, anyhow::Error::msg(text))
}
