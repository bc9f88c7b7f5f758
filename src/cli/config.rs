//! `config.toml`: read, checked key by key, and turned into what the rest of the house works with.
//!
//! Every key, its default and what is allowed stands in docs/config.md and, as comments, in the shipped config.toml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, de};

use crate::domain::rules::{Rules, ScorerSettings};
use crate::domain::schema::scalars::Sha256Hex;
use crate::pipeline::Tuning;
use crate::store::swap;

mod raw;
mod streams;

use raw::{OnChange, Raw, RawStream, RawStreams, Size, Span};

/// The config is wrong: which key, what stands there, what is allowed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    #[error("cannot read the config {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{file}: {what}")]
    Syntax { file: String, what: String },
    #[error("{file}: {key} = {value} is not allowed: {allowed}")]
    Value { file: String, key: String, value: String, allowed: String },
}

/// A checked config.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) kb: PathBuf,
    pub(super) output: PathBuf,
    pub(super) state: PathBuf,
    /// Where copies of finished generations go, if not below the output.
    archive: Option<PathBuf>,
    pub(super) workers: usize,
    pub(super) tuning: Tuning,
    pub(super) rules: Rules,
    /// Files of the custom streams, in the order of `rules.custom`.
    pub(super) custom_paths: Vec<PathBuf>,
    /// Whether `run` replays by itself when the rules are not those of the output; else it refuses.
    pub(super) replays_on_change: bool,
    /// How far a distilled stream may be behind the newest stream before `probe` and `status` warn.
    pub(super) stale_after: Duration,
    pub(super) log_level: LogLevel,
    /// SHA-256 of the file's bytes; of nothing when there is no file.
    pub(super) sha256: Sha256Hex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Config {
    /// Reads the file, or the defaults when there is none.
    pub(super) fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = file else {
            return Reader::new("the built-in config", Path::new("."), "")?.config();
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Reader::new(&path.display().to_string(), base, &text)?.config()
    }

    /// The folder of the copies of finished generations.
    pub(super) fn archive(&self) -> PathBuf {
        self.archive.clone().unwrap_or_else(|| self.output.join("archive"))
    }

    /// Checks what only the file system can tell.
    pub(super) fn check_paths(&self) -> Result<(), ConfigError> {
        let refuse = |key: &str, path: &Path, allowed: &str| ConfigError::Value {
            file: "paths".to_owned(),
            key: key.to_owned(),
            value: format!("{:?}", path.display().to_string()),
            allowed: allowed.to_owned(),
        };
        if !self.kb.is_dir() {
            return Err(refuse("paths.kb", &self.kb, "it must be a folder that is there"));
        }
        let archive = self.archive();
        let written =
            [("paths.output", &self.output), ("paths.state", &self.state), ("archive.folder", &archive)];
        for (key, path) in written {
            if path.exists() && !path.is_dir() {
                return Err(refuse(key, path, "it must be a folder, or not be there yet"));
            }
            if absolute(path).starts_with(absolute(&self.kb)) {
                return Err(refuse(key, path, "it must lie outside paths.kb, which is never written to"));
            }
        }
        for (stream, path) in self.rules.custom.iter().zip(&self.custom_paths) {
            let key = format!("stream.{}.path", stream.name);
            if path.is_dir() {
                return Err(refuse(&key, path, "it must be a file, or not be there yet"));
            }
            if [&self.output, &self.state].iter().any(|own| absolute(path).starts_with(absolute(own)))
                && !absolute(path).starts_with(absolute(&self.kb))
            {
                return Err(refuse(&key, path, "it must not lie where distilld itself writes"));
            }
        }
        if absolute(&self.output) == absolute(&self.state) {
            return Err(refuse("paths.state", &self.state, "it must be another folder than paths.output"));
        }
        let own = swap::FOLDERS.map(|folder| absolute(&self.output).join(folder));
        if own.iter().any(|own| absolute(&self.state).starts_with(own)) {
            let allowed = "it must not lie in a folder of paths.output that distilld writes";
            return Err(refuse("paths.state", &self.state, allowed));
        }
        let taken = own.iter().any(|own| absolute(&archive).starts_with(own))
            || absolute(&archive).starts_with(absolute(&self.state))
            || absolute(&archive) == absolute(&self.output);
        if taken {
            return Err(refuse("archive.folder", &archive, "it must be a folder for nothing but copies"));
        }
        Ok(())
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// The file being read; it knows how to say what is wrong with it.
struct Reader {
    file: String,
    base: PathBuf,
    table: toml::Table,
    raw: Raw,
    sha256: Sha256Hex,
}

impl Reader {
    fn new(file: &str, base: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| ConfigError::Syntax {
            file: place_of(file, text, &e),
            what: format!("{}: {}", e.message().replace('\n', ", "), line_of(text, &e)),
        })?;
        let raw = deserialize(file, "", &table)?;
        Ok(Self {
            file: file.to_owned(),
            base: base.to_owned(),
            table,
            raw,
            sha256: Sha256Hex::of(text.as_bytes()),
        })
    }

    fn refuse(&self, key: &str, allowed: &str) -> ConfigError {
        refuse(&self.file, key, &self.table, allowed)
    }

    fn in_range<T: PartialOrd>(
        &self,
        key: &str,
        value: Option<T>,
        default: T,
        range: &std::ops::RangeInclusive<T>,
        allowed: &str,
    ) -> Result<T, ConfigError> {
        match value {
            Some(value) if range.contains(&value) => Ok(value),
            Some(_) => Err(self.refuse(key, allowed)),
            None => Ok(default),
        }
    }

    fn size(
        &self,
        key: &str,
        value: Option<Size>,
        default: u64,
        range: &std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let words = |bytes: &u64| bytesize::ByteSize(*bytes).to_string();
        let allowed = format!("a size from {} to {} is", words(range.start()), words(range.end()));
        self.in_range(key, value.map(|size| size.0), default, range, &allowed)
    }

    fn span(
        &self,
        key: &str,
        value: Option<Span>,
        default: Duration,
        range: &std::ops::RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let words = |span: &Duration| humantime::format_duration(*span).to_string();
        let allowed = format!("a duration from {} to {} is", words(range.start()), words(range.end()));
        self.in_range(key, value.map(|span| span.0), default, range, &allowed)
    }

    fn share(&self, key: &str, value: Option<f64>, default: f64) -> Result<f64, ConfigError> {
        self.in_range(key, value, default, &(0.0..=1.0), "a share from 0.0 to 1.0 is")
    }

    fn config(&self) -> Result<Config, ConfigError> {
        let path = |path: &Option<PathBuf>, default: &str| match path {
            Some(path) => self.base.join(path),
            None => PathBuf::from(default),
        };
        let batch = &self.raw.batch;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let (rules, custom_paths) = self.rules()?;
        Ok(Config {
            kb: path(&self.raw.paths.kb, "data/_kb"),
            output: path(&self.raw.paths.output, "data"),
            state: path(&self.raw.paths.state, "state"),
            archive: self.raw.archive.folder.as_ref().map(|folder| self.base.join(folder)),
            workers: self.in_range(
                "batch.workers",
                batch.workers,
                cores,
                &(1..=64),
                "a number from 1 to 64 is",
            )?,
            tuning: self.tuning()?,
            rules,
            custom_paths,
            replays_on_change: self.raw.upgrade.on_change == OnChange::Replay,
            stale_after: self.span(
                "probe.stale_after",
                self.raw.probe.stale_after,
                Duration::from_hours(72),
                &(Duration::from_secs(1)..=Duration::from_hours(24) * 3660),
            )?,
            log_level: self.raw.log.level.unwrap_or(LogLevel::Info),
            sha256: self.sha256,
        })
    }

    fn tuning(&self) -> Result<Tuning, ConfigError> {
        let Raw { batch, watch, export, .. } = &self.raw;
        let millis = Duration::from_millis;
        let rows = &(1..=1 << 32);
        let poll_min =
            self.span("watch.poll_min", watch.poll_min, millis(250), &(millis(1)..=millis(60_000)))?;
        let poll_max = self.span(
            "watch.poll_max",
            watch.poll_max,
            millis(2000).max(poll_min),
            &(poll_min..=millis(3_600_000)),
        )?;
        Ok(Tuning {
            batch_bytes_max: self.size("batch.bytes_max", batch.bytes_max, 16 << 20, &(1..=256 << 20))?,
            batch_rows_max: self.in_range(
                "batch.rows_max",
                batch.rows_max,
                1 << 20,
                rows,
                "a number from 1 is",
            )?,
            poll_min,
            poll_max,
            rotated_wait: self.span(
                "watch.rotated_wait",
                watch.rotated_wait,
                millis(1000),
                &(millis(0)..=millis(3_600_000)),
            )?,
            export_refresh: self.span(
                "export.refresh",
                export.refresh,
                millis(1000),
                &(millis(0)..=millis(3_600_000)),
            )?,
            archive_rotated: self.raw.archive.rotated,
            export_lag_max: self.size("export.lag_max", export.lag_max, 64 << 20, &(0..=1 << 50))?,
        })
    }

    fn rules(&self) -> Result<(Rules, Vec<PathBuf>), ConfigError> {
        let scorer = &self.raw.scorer;
        let default = ScorerSettings::default();
        let day = Duration::from_hours(24);
        let scorer = ScorerSettings {
            grounding_high: self.share(
                "scorer.grounding_high",
                scorer.grounding_high,
                default.grounding_high,
            )?,
            grounding_low: self.share("scorer.grounding_low", scorer.grounding_low, default.grounding_low)?,
            observer_confidence_min: self.share(
                "scorer.observer_confidence_min",
                scorer.observer_confidence_min,
                default.observer_confidence_min,
            )?,
            router_confidence_low: self.share(
                "scorer.router_confidence_low",
                scorer.router_confidence_low,
                default.router_confidence_low,
            )?,
            outcome_partial_min: self.share(
                "scorer.outcome_partial_min",
                scorer.outcome_partial_min,
                default.outcome_partial_min,
            )?,
        };
        if scorer.grounding_low > scorer.grounding_high {
            return Err(self.refuse("scorer.grounding_low", "it must not be above scorer.grounding_high"));
        }
        let mut rules = Rules {
            scorer,
            link_window: self.span(
                "link.window",
                self.raw.link.window,
                day,
                &(Duration::from_secs(1)..=day * 3660),
            )?,
            line_bytes_max: self.size(
                "limits.line_bytes_max",
                self.raw.limits.line_bytes_max,
                8 << 20,
                // Canonical text is at most 22/5 of a row (a list of 1e20s), and its offsets have 32 bits.
                &(256..=512 << 20),
            )?,
            streams: BTreeMap::new(),
            custom: Vec::new(),
        };
        let mut custom_paths = Vec::new();
        for (name, key, stream) in self.streams()? {
            if let Some(path) = self.stream(&name, &key, stream, &mut rules)? {
                custom_paths.push(path);
            }
        }
        Ok((rules, custom_paths))
    }

    /// The streams the file speaks of: name, key for messages, and what it says.
    fn streams(&self) -> Result<Vec<(String, String, RawStream)>, ConfigError> {
        match &self.raw.stream {
            RawStreams::Named(named) => named
                .iter()
                .map(|(name, table)| {
                    let key = format!("stream.{name}");
                    Ok((name.clone(), key.clone(), deserialize(&self.file, &key, table)?))
                })
                .collect(),
            RawStreams::Listed(listed) => listed
                .iter()
                .enumerate()
                .map(|(place, table)| {
                    let key = format!("stream[{place}]");
                    let stream: RawStream = deserialize(&self.file, &key, table)?;
                    let name =
                        stream.name.clone().ok_or_else(|| self.refuse(&key, "a [[stream]] needs a name"))?;
                    Ok((name, key, stream))
                })
                .collect(),
        }
    }
}

/// Reads a table into a type, and says which key is wrong when it does not fit.
fn deserialize<T: de::DeserializeOwned>(
    file: &str,
    above: &str,
    table: &toml::Table,
) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(toml::Value::Table(table.clone())).map_err(|e| {
        let inner = e.path().to_string();
        let key = if above.is_empty() { inner.clone() } else { format!("{above}.{inner}") };
        let what = e.into_inner().message().replace('\n', ", ");
        ConfigError::Value { file: file.to_owned(), key, value: value_at(table, &inner), allowed: what }
    })
}

fn refuse(file: &str, key: &str, table: &toml::Table, allowed: &str) -> ConfigError {
    ConfigError::Value {
        file: file.to_owned(),
        key: key.to_owned(),
        value: value_at(table, key),
        allowed: allowed.to_owned(),
    }
}

/// What stands behind a dotted key, as TOML. A part may end with a place in a list: `stream[0]`.
fn value_at(table: &toml::Table, key: &str) -> String {
    let root = toml::Value::Table(table.clone());
    let value = key.split('.').try_fold(&root, |value, part| match part.split_once('[') {
        Some((list, place)) => value.get(list)?.get(place.strip_suffix(']')?.parse::<usize>().ok()?),
        None => value.get(part),
    });
    value.map_or_else(|| "(nothing)".to_owned(), |value| value.to_string().replace('\n', " "))
}

/// The line that TOML stumbled over, so that the message shows the key.
fn line_of<'t>(text: &'t str, error: &toml::de::Error) -> &'t str {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let from = before.rfind('\n').map_or(0, |end| end + 1);
    text.get(from..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim()
}

fn place_of(file: &str, text: &str, error: &toml::de::Error) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    line.map_or_else(|| file.to_owned(), |line| format!("{file} line {line}"))
}
