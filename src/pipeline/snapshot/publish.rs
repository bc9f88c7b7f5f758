//! A snapshot's way into its folder: which version it is, what is written beside the data, and the one rename.
//!
//! `D/v1.0`, `D/v1.1`, `D/v2.0` … are never changed again; `D/versions.jsonl` lists them. What a killed snapshot leaves
//! behind, `D/.next`, is removed by the next one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::proof::Proof;
use super::selection::Selection;
use super::shards::{self, Written};
use super::{SnapshotError, io as io_at};
use crate::domain::rules::Rules;
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::domain::snapshot::Dataset;
use crate::domain::snapshot::card::card;
use crate::domain::snapshot::changes::Changes;
use crate::domain::snapshot::croissant::croissant;
use crate::domain::snapshot::manifest::{Facts, Previous, TextFile, manifest};
use crate::domain::snapshot::recipes::recipes;
use crate::domain::snapshot::version::Version;
use crate::store::StoreError;

const NEXT: &str = ".next";
const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
/// How often the exports are read again when they were replaced meanwhile, and how long to wait in between.
const TRIES: u32 = 20;
const TRY_AFTER: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The output folder.
    pub output: &'a Path,
    /// The folder of the versions.
    pub into: &'a Path,
    /// The rules that the output was made by.
    pub rules: &'a Rules,
    /// The dataset's name.
    pub name: &'a str,
    /// Its licence.
    pub license: &'a str,
    /// Whether to write `SHA256SUMS`.
    pub seal: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A version was published.
    Published,
    /// The version before holds just this.
    Unchanged,
}

/// A version that is there now.
#[derive(Debug)]
pub struct Published {
    /// Whether it is new.
    pub outcome: Outcome,
    /// The version.
    pub version: Version,
    /// The version before it.
    pub previous: Option<Version>,
    /// Its folder.
    pub folder: PathBuf,
    /// Samples by dataset.
    pub samples: Vec<(Dataset, u64)>,
    /// Against the version before; empty for the first.
    pub changes: Changes,
}

/// Makes a snapshot of the committed samples.
pub fn publish(request: &Request<'_>) -> Result<Published, SnapshotError> {
    let into = request.into;
    io_at(fs::create_dir_all(into), "make", into)?;
    let _held = hold(into)?;
    let proof = prove(request.output)?;
    let next = into.join(NEXT);
    remove(&next)?;
    io_at(fs::create_dir(&next), "make", &next)?;
    let published = write_and_rename(request, &proof, &next);
    if published.is_err() {
        // Best effort: what stays is removed by the next snapshot.
        let _ = fs::remove_dir_all(&next);
    }
    published
}

/// One snapshot at a time in a folder; the kernel lets go when the process ends.
fn hold(into: &Path) -> Result<File, StoreError> {
    let held = io_at(File::open(into), "open", into)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: into.to_owned() }),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", into, e)),
    }
}

fn prove(output: &Path) -> Result<Proof, SnapshotError> {
    for _ in 1..TRIES {
        match Selection::read(output) {
            Err(SnapshotError::Moved) => std::thread::sleep(TRY_AFTER),
            selection => return Proof::of(selection?),
        }
    }
    Proof::of(Selection::read(output)?)
}

fn write_and_rename(request: &Request<'_>, proof: &Proof, next: &Path) -> Result<Published, SnapshotError> {
    let written = shards::write(proof, next)?;
    let into = request.into;
    let newest = proof.selection.newest;
    let before = latest(into)?;
    let mut changes = Changes::default();
    let mut version = Version::FIRST;
    let mut previous = None;
    if let Some((latest, folder)) = before {
        let bytes = io_at(fs::read(folder.join(MANIFEST)), "read", &folder.join(MANIFEST))?;
        changes = Changes::between(&shards::holdings(&folder)?, &written.holdings);
        previous = Some(Previous { version: latest, manifest_sha256: Sha256Hex::of(&bytes) });
        version = latest.next(!changes.retracted.is_empty());
        let as_it_was = Said::of_manifest(&bytes) == Said::of(request, &written, newest);
        if changes.is_empty() && as_it_was {
            remove(next)?;
            if request.seal {
                seal(&folder)?;
            }
            list_versions(into)?;
            let samples = counts(&written);
            return Ok(Published {
                outcome: Outcome::Unchanged,
                version: latest,
                previous: None,
                folder,
                samples,
                changes,
            });
        }
    }
    let facts = Facts {
        name: request.name,
        license: request.license,
        version,
        previous,
        rules: request.rules,
        newest,
        files: &written.files,
    };
    for file in texts(&facts, &changes) {
        write_file(&next.join(&file.path), &file.text)?;
    }
    if request.seal {
        seal(next)?;
    }
    sync_folders(next)?;
    let folder = into.join(version.folder());
    io_at(fs::rename(next, &folder), "rename", next)?;
    list_versions(into)?;
    let samples = counts(&written);
    let previous = previous.map(|previous| previous.version);
    Ok(Published { outcome: Outcome::Published, version, previous, folder, samples, changes })
}

/// Everything beside the data, the manifest last.
fn texts(facts: &Facts<'_>, changes: &Changes) -> Vec<TextFile> {
    let file = |path: &str, text: String| TextFile { path: path.to_owned(), text };
    let pretty = |value: &Value| format!("{value:#}\n");
    let mut texts = vec![file("README.md", card(facts)), file("croissant.json", pretty(&croissant(facts)))];
    if let Some(previous) = facts.previous {
        texts.push(file("CHANGES.md", changes.markdown(previous.version, facts.version)));
        texts.push(file("changes.json", pretty(&changes.json(previous.version, facts.version))));
    }
    texts.extend(recipes(facts));
    let manifest = pretty(&manifest(facts, &texts));
    texts.push(file(MANIFEST, manifest));
    texts
}

/// What makes a version another one beside its samples.
#[derive(Debug, PartialEq, Eq)]
struct Said(Vec<Value>);

impl Said {
    fn of(request: &Request<'_>, written: &Written, newest: EventTime) -> Self {
        let mut said = vec![
            request.name.into(),
            request.license.into(),
            request.rules.rules_version().into(),
            request.rules.scorer_version().into(),
            newest.to_string().into(),
        ];
        said.extend(written.files.iter().map(|file| json!([file.path, file.sha256])));
        Self(said)
    }

    /// The same of a manifest that was published.
    fn of_manifest(bytes: &[u8]) -> Self {
        let manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let member = |name: &str| manifest.get(name).cloned().unwrap_or_default();
        let mut said =
            ["name", "license", "rules_version", "scorer_version", "date_published"].map(member).to_vec();
        let files = manifest.get("files").and_then(Value::as_array).into_iter().flatten();
        // Only data has lines that are counted.
        let data = files.filter(|file| file.get("rows").is_some());
        said.extend(data.map(|file| json!([file.get("path"), file.get("sha256")])));
        Self(said)
    }
}

fn counts(written: &Written) -> Vec<(Dataset, u64)> {
    let count = |dataset: Dataset| written.holdings.keys().filter(|(of, _)| *of == dataset).count() as u64;
    Dataset::ALL.into_iter().map(|dataset| (dataset, count(dataset))).collect()
}

/// Every version in a folder, oldest first.
fn versions(into: &Path) -> Result<Vec<(Version, PathBuf)>, StoreError> {
    let mut versions = Vec::new();
    for entry in io_at(fs::read_dir(into), "list", into)? {
        let path = io_at(entry, "list", into)?.path();
        let version = path.file_name().and_then(|name| name.to_str()).and_then(Version::of_folder);
        versions.extend(version.filter(|_| path.join(MANIFEST).is_file()).map(|version| (version, path)));
    }
    versions.sort();
    Ok(versions)
}

fn latest(into: &Path) -> Result<Option<(Version, PathBuf)>, StoreError> {
    Ok(versions(into)?.pop())
}

/// Writes `versions.jsonl` anew from the versions that are there.
fn list_versions(into: &Path) -> Result<(), StoreError> {
    let mut lines = String::new();
    for (version, folder) in versions(into)? {
        let path = folder.join(MANIFEST);
        let bytes = io_at(fs::read(&path), "read", &path)?;
        let manifest: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let total = |dataset: &str| {
            manifest.pointer(&format!("/samples/{dataset}/total")).and_then(Value::as_u64).unwrap_or(0)
        };
        let line = json!({
            "version": version.to_string(),
            "folder": version.folder(),
            "manifest_sha256": Sha256Hex::of(&bytes),
            "date_published": manifest.get("date_published"),
            "rag": total("rag"), "sft": total("sft"), "preference": total("preference"),
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let next = into.join(".versions.jsonl");
    write_file(&next, &lines)?;
    io_at(fs::rename(&next, into.join("versions.jsonl")), "rename", &next)?;
    sync(into)
}

/// Writes `SHA256SUMS` over every file of a version, as `sha256sum -c` reads it.
fn seal(folder: &Path) -> Result<(), StoreError> {
    let mut paths = Vec::new();
    walk(folder, &mut |path, is_dir| {
        if !is_dir && path != folder.join(SUMS) {
            paths.push(path.to_owned());
        }
    })?;
    paths.sort();
    let mut sums = String::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        sums.push_str(&hash_file(&path)?.to_string());
        sums.push_str("  ");
        sums.push_str(&name);
        sums.push('\n');
    }
    let next = folder.join(".sums");
    write_file(&next, &sums)?;
    io_at(fs::rename(&next, folder.join(SUMS)), "rename", &next)?;
    sync(folder)
}

fn hash_file(path: &Path) -> Result<Sha256Hex, StoreError> {
    use sha2::Digest as _;
    let mut file = io_at(File::open(path), "open", path)?;
    let mut hash = sha2::Sha256::new();
    io_at(io::copy(&mut file, &mut hash), "read", path)?;
    Ok(Sha256Hex(hash.finalize().into()))
}

fn write_file(path: &Path, text: &str) -> Result<(), StoreError> {
    if let Some(parent) = path.parent() {
        io_at(fs::create_dir_all(parent), "make", parent)?;
    }
    io_at(fs::write(path, text), "write", path)?;
    sync(path)
}

/// Makes a file or the entries of a folder durable.
fn sync(path: &Path) -> Result<(), StoreError> {
    let file = io_at(File::open(path), "open", path)?;
    file.sync_all().map_err(|source| StoreError::Sync { path: path.to_owned(), source })
}

fn sync_folders(folder: &Path) -> Result<(), StoreError> {
    let mut folders = vec![folder.to_owned()];
    walk(folder, &mut |path, is_dir| {
        if is_dir {
            folders.push(path.to_owned());
        }
    })?;
    folders.iter().try_for_each(|folder| sync(folder))
}

fn walk(folder: &Path, take: &mut impl FnMut(&Path, bool)) -> Result<(), StoreError> {
    for entry in io_at(fs::read_dir(folder), "list", folder)? {
        let entry = io_at(entry, "list", folder)?;
        let path = entry.path();
        let is_dir = io_at(entry.file_type(), "look at", &path)?.is_dir();
        take(&path, is_dir);
        if is_dir {
            walk(&path, take)?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", folder, e)),
        _ => Ok(()),
    }
}
