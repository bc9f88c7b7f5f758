//! The streams of one run: the built-in ones and those of the config, each with its file.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::outputs::RESCORED;
use super::refresh::REVIEW_QUEUE;
use super::views::VIEW_PATHS;
use crate::domain::distil::StreamContext;
use crate::domain::exports::{Dataset, RETRACTIONS};
use crate::domain::rules::{Rules, StreamSettings};
use crate::domain::schema::receipt::StreamState;
use crate::domain::scratchpad;
use crate::domain::streams::{STREAMS, Stream, custom, source_file};
use crate::intake::chunk::Position;
use crate::intake::identity::Identity;

/// One stream and where it lies.
pub struct StreamSpec {
    /// Its name.
    pub name: String,
    /// The name its rows are known by.
    pub source_file: String,
    /// Its file.
    pub path: PathBuf,
    /// Where copies of its finished generations are, if they are looked for.
    pub archive: Option<PathBuf>,
    stream: Reading,
    settings: Option<StreamSettings>,
    /// Whether its last committed chunk had duplicates: a hint to the workers, no more.
    pub has_duplicates: AtomicBool,
}

enum Reading {
    BuiltIn(&'static dyn Stream),
    Custom(Box<dyn Stream>),
}

/// Where a stream was committed to; `None` when its identity is none that distilld wrote.
pub fn position(stream: &StreamState) -> Option<Position> {
    Some(Position {
        generation: stream.generation,
        identity: Identity::parse(&stream.identity)?,
        offset: stream.offset,
        line: stream.line,
        anchor: stream.anchor,
    })
}

impl StreamSpec {
    /// How its rows are read.
    pub fn context(&self) -> StreamContext<'_> {
        let stream: &dyn Stream = match &self.stream {
            Reading::BuiltIn(stream) => *stream,
            Reading::Custom(stream) => stream.as_ref(),
        };
        StreamContext { stream, source_file: &self.source_file, settings: self.settings.as_ref() }
    }

    /// The stream's file below one of the output folders.
    pub fn output(&self, folder: &str) -> String {
        format!("{folder}/{}.jsonl", self.name)
    }
}

/// All streams, in a fixed order.
pub struct StreamSet {
    /// The streams; their place here is their number.
    pub specs: Vec<StreamSpec>,
    /// The folder of the copies of finished generations, if they are looked for.
    pub archive: Option<PathBuf>,
}

impl StreamSet {
    /// The built-in streams below `kb`, and the custom ones of the rules, whose paths are given in the same order.
    pub fn new(kb: &Path, rules: &Rules, custom_paths: &[PathBuf]) -> Self {
        let built_in = STREAMS.iter().map(|stream| StreamSpec {
            name: stream.name().to_owned(),
            source_file: source_file(stream.name()),
            path: built_in_path(kb, stream.name()),
            archive: None,
            stream: Reading::BuiltIn(*stream),
            settings: rules.streams.get(stream.name()).cloned(),
            has_duplicates: AtomicBool::new(false),
        });
        let customs = rules.custom.iter().zip(custom_paths).map(|(settings, path)| StreamSpec {
            name: settings.name.clone(),
            source_file: source_file(&settings.name),
            path: path.clone(),
            archive: None,
            stream: Reading::Custom(custom(settings.clone())),
            settings: rules.streams.get(&settings.name).cloned(),
            has_duplicates: AtomicBool::new(false),
        });
        Self { specs: built_in.chain(customs).collect(), archive: None }
    }

    /// The same streams, with copies of finished generations in this folder.
    #[must_use]
    pub fn with_archive(mut self, archive: PathBuf) -> Self {
        for spec in &mut self.specs {
            spec.archive = Some(archive.join(&spec.name));
        }
        self.archive = Some(archive);
        self
    }

    /// The names of all streams, in order.
    pub fn names(&self) -> Vec<&str> {
        self.specs.iter().map(|spec| spec.name.as_str()).collect()
    }

    /// Every file that rows and samples go to, relative to the output folder.
    pub fn output_files(&self) -> Vec<String> {
        let folders = ["evidence", "scored-runs", "quarantine"];
        let of_stream = self.specs.iter().flat_map(|spec| folders.map(|folder| spec.output(folder)));
        let views = VIEW_PATHS.into_iter().chain([REVIEW_QUEUE]);
        let shared = Dataset::ALL.map(Dataset::path).into_iter().chain([RETRACTIONS, RESCORED]).chain(views);
        let scratchpads = self.specs.iter().filter(|spec| scratchpad::STREAMS.contains(&spec.name.as_str()));
        let of_stream = of_stream.chain(scratchpads.map(|spec| spec.output("scratchpads")));
        of_stream.chain(shared.map(str::to_owned)).collect()
    }

    /// `.jsonl` files in `kb` that belong to no stream, sorted.
    pub fn unknown_files(&self, kb: &Path) -> Vec<String> {
        // A folder has several spellings.
        let place = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let here = place(kb);
        let is_here = |folder: &Path| folder == kb || place(folder) == here;
        let known = |name: &str| {
            self.specs
                .iter()
                .filter(|spec| spec.path.parent().is_some_and(is_here))
                .filter_map(|spec| spec.path.file_name()?.to_str())
                .any(|main| main == name || crate::intake::siblings::is_sibling(main, name))
        };
        let mut unknown: Vec<String> = std::fs::read_dir(kb)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "jsonl") && !known(name))
            .collect();
        unknown.sort_unstable();
        unknown
    }
}

/// Where a built-in stream lies: `<kb>/<name>.jsonl`, and `observer_ops` beside the folder.
fn built_in_path(kb: &Path, name: &str) -> PathBuf {
    if name == "observer_ops" { kb.join("../_observer/ops.jsonl") } else { kb.join(format!("{name}.jsonl")) }
}
