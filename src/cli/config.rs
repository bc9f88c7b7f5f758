//! `config.toml`: read, checked key by key, and turned into what the rest of the house works with.
//!
//! Every key, its default and what is allowed stands in docs/config.md and, as comments, in the shipped config.toml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::domain::rules::{CustomStream, Rules, ScorerSettings, StreamSettings};
use crate::domain::schema::record::ModelRole;
use crate::domain::schema::scalars::Sha256Hex;
use crate::domain::streams::STREAMS;
use crate::pipeline::Tuning;

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
    pub(super) workers: usize,
    pub(super) tuning: Tuning,
    pub(super) rules: Rules,
    /// Files of the custom streams, in the order of `rules.custom`.
    pub(super) custom_paths: Vec<PathBuf>,
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

/// A size: a whole number of bytes, or words such as `16 MiB`.
#[derive(Debug, Clone, Copy)]
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = String::deserialize(deserializer)
            .map_err(|_| de::Error::custom("a size in words is expected, such as \"16 MiB\""))?;
        let size: bytesize::ByteSize = words.parse().map_err(|_| {
            de::Error::custom("a size in words is expected, such as \"64 KiB\" or \"16 MiB\"")
        })?;
        Ok(Self(size.as_u64()))
    }
}

/// A duration in words such as `250ms` or `24h`.
#[derive(Debug, Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            || de::Error::custom("a duration in words is expected, such as \"250ms\", \"2s\" or \"24h\"");
        let words = String::deserialize(deserializer).map_err(|_| expected())?;
        humantime::parse_duration(&words).map(Self).map_err(|_| expected())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    paths: RawPaths,
    batch: RawBatch,
    watch: RawWatch,
    limits: RawLimits,
    link: RawLink,
    scorer: RawScorer,
    export: RawExport,
    log: RawLog,
    stream: RawStreams,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPaths {
    kb: Option<PathBuf>,
    output: Option<PathBuf>,
    state: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBatch {
    bytes_max: Option<Size>,
    rows_max: Option<u64>,
    workers: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWatch {
    poll_min: Option<Span>,
    poll_max: Option<Span>,
    rotated_wait: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    line_bytes_max: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLink {
    window: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawScorer {
    grounding_high: Option<f64>,
    grounding_low: Option<f64>,
    observer_confidence_min: Option<f64>,
    router_confidence_low: Option<f64>,
    outcome_partial_min: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawExport {
    refresh: Option<Span>,
    lag_max: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    level: Option<LogLevel>,
}

/// `[stream.NAME]` tables or `[[stream]]` entries with a name: TOML allows one of the two in a file, so each can say
/// what the other can.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawStreams {
    Named(BTreeMap<String, toml::Table>),
    Listed(Vec<toml::Table>),
}

impl Default for RawStreams {
    fn default() -> Self {
        Self::Named(BTreeMap::new())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawStream {
    name: Option<String>,
    schema_version: Option<i64>,
    alias: BTreeMap<String, String>,
    path: Option<PathBuf>,
    kind: Option<RawKind>,
    role: Option<String>,
    time: Option<String>,
    run_id: Option<String>,
    task_id: Option<String>,
    model: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Work,
    Support,
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
        for (key, path) in [("paths.output", &self.output), ("paths.state", &self.state)] {
            if path.exists() && !path.is_dir() {
                return Err(refuse(key, path, "it must be a folder, or not be there yet"));
            }
            if absolute(path).starts_with(absolute(&self.kb)) {
                return Err(refuse(key, path, "it must lie outside paths.kb, which is never written to"));
            }
        }
        if absolute(&self.output) == absolute(&self.state) {
            return Err(refuse("paths.state", &self.state, "it must be another folder than paths.output"));
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
            what: e.message().replace('\n', ", "),
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

    /// Adds one stream to the rules; gives the file of a custom one.
    fn stream(
        &self,
        name: &str,
        key: &str,
        raw: RawStream,
        rules: &mut Rules,
    ) -> Result<Option<PathBuf>, ConfigError> {
        let named = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let refuse_name = |allowed: &str| ConfigError::Value {
            file: self.file.clone(),
            key: format!("{key}.name"),
            value: format!("{name:?}"),
            allowed: allowed.to_owned(),
        };
        if name.is_empty() || name.len() > 64 || !named || name == "rescored" {
            let allowed = "a name of 1 to 64 characters from a-z, 0-9 and _ is, other than rescored";
            return Err(refuse_name(allowed));
        }
        if rules.streams.contains_key(name) {
            return Err(refuse_name("a stream may be described once"));
        }
        let Some(built_in) = STREAMS.iter().find(|stream| stream.name() == name) else {
            return self.custom_stream(name, key, raw, rules).map(Some);
        };
        let mut alias = BTreeMap::new();
        for (theirs, ours) in raw.alias {
            // `their_name = "our_name"`, or the other way round when only the key is a name of ours.
            let (theirs, ours) = if built_in.fields().contains(&ours.as_str()) {
                (theirs, ours)
            } else if built_in.fields().contains(&theirs.as_str()) {
                (ours, theirs)
            } else {
                let allowed = format!("one side must be a field of {name}: {}", built_in.fields().join(", "));
                return Err(self.refuse(&format!("{key}.alias.{theirs}"), &allowed));
            };
            alias.insert(ours, theirs);
        }
        let foreign = [
            ("path", raw.path.is_some()),
            ("kind", raw.kind.is_some()),
            ("role", raw.role.is_some()),
            ("time", raw.time.is_some()),
            ("run_id", raw.run_id.is_some()),
            ("task_id", raw.task_id.is_some()),
            ("model", raw.model.is_some()),
            ("text", raw.text.is_some()),
        ];
        if let Some((field, _)) = foreign.iter().find(|(_, there)| *there) {
            let allowed = "a built-in stream takes schema_version and alias alone";
            return Err(self.refuse(&format!("{key}.{field}"), allowed));
        }
        rules.streams.insert(name.to_owned(), StreamSettings { schema_version: raw.schema_version, alias });
        Ok(None)
    }

    fn custom_stream(
        &self,
        name: &str,
        key: &str,
        raw: RawStream,
        rules: &mut Rules,
    ) -> Result<PathBuf, ConfigError> {
        let path = raw.path.ok_or_else(|| {
            self.refuse(&format!("{key}.path"), "a stream that is not built in needs the path of its file")
        })?;
        if !raw.alias.is_empty() {
            let allowed = "only built-in streams have aliases; a custom one has JSON pointers";
            return Err(self.refuse(&format!("{key}.alias"), allowed));
        }
        let role = raw.role.as_deref().unwrap_or("executor");
        let roles: Vec<_> = ModelRole::ALL.iter().map(|role| role.name()).collect();
        let role = ModelRole::from_name(role)
            .ok_or_else(|| self.refuse(&format!("{key}.role"), &format!("one of {} is", roles.join(", "))))?;
        let pointers = [
            ("time", &raw.time),
            ("run_id", &raw.run_id),
            ("task_id", &raw.task_id),
            ("model", &raw.model),
            ("text", &raw.text),
        ];
        for (field, pointer) in pointers {
            if pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
                return Err(
                    self.refuse(&format!("{key}.{field}"), "a JSON pointer is, such as \"/meta/run_id\"")
                );
            }
        }
        let settings = StreamSettings { schema_version: raw.schema_version, alias: BTreeMap::new() };
        rules.streams.insert(name.to_owned(), settings);
        rules.custom.push(CustomStream {
            name: name.to_owned(),
            work: raw.kind != Some(RawKind::Support),
            role,
            time: raw.time,
            run_id: raw.run_id,
            task_id: raw.task_id,
            model: raw.model,
            text: raw.text,
        });
        Ok(self.base.join(path))
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

fn place_of(file: &str, text: &str, error: &toml::de::Error) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    line.map_or_else(|| file.to_owned(), |line| format!("{file} line {line}"))
}
