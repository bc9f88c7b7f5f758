//! `config.toml` as it is written, before its values are checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::LogLevel;

/// A size in words such as `16 MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size(pub(super) u64);

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
pub(super) struct Span(pub(super) Duration);

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
pub(super) struct Raw {
    pub(super) paths: RawPaths,
    pub(super) batch: RawBatch,
    pub(super) watch: RawWatch,
    pub(super) limits: RawLimits,
    pub(super) link: RawLink,
    pub(super) scorer: RawScorer,
    pub(super) export: RawExport,
    pub(super) upgrade: RawUpgrade,
    pub(super) archive: RawArchive,
    pub(super) probe: RawProbe,
    pub(super) log: RawLog,
    pub(super) stream: RawStreams,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPaths {
    pub(super) kb: Option<PathBuf>,
    pub(super) output: Option<PathBuf>,
    pub(super) state: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBatch {
    pub(super) bytes_max: Option<Size>,
    pub(super) rows_max: Option<u64>,
    pub(super) workers: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWatch {
    pub(super) poll_min: Option<Span>,
    pub(super) poll_max: Option<Span>,
    pub(super) rotated_wait: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) line_bytes_max: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLink {
    pub(super) window: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawScorer {
    pub(super) grounding_high: Option<f64>,
    pub(super) grounding_low: Option<f64>,
    pub(super) observer_confidence_min: Option<f64>,
    pub(super) router_confidence_low: Option<f64>,
    pub(super) outcome_partial_min: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExport {
    pub(super) refresh: Option<Span>,
    pub(super) lag_max: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpgrade {
    pub(super) on_change: OnChange,
}

/// What `run` does when rules, scorer, link or row-limit settings are not those of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnChange {
    #[default]
    Refuse,
    Replay,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawArchive {
    pub(super) rotated: bool,
    pub(super) folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawProbe {
    pub(super) stale_after: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) level: Option<LogLevel>,
}

/// `[stream.NAME]` tables or `[[stream]]` entries with a name: TOML allows one of the two in a file, so each can say
/// what the other can.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawStreams {
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
pub(super) struct RawStream {
    pub(super) name: Option<String>,
    pub(super) schema_version: Option<i64>,
    pub(super) alias: BTreeMap<String, String>,
    pub(super) path: Option<PathBuf>,
    pub(super) kind: Option<RawKind>,
    pub(super) role: Option<String>,
    pub(super) time: Option<String>,
    pub(super) run_id: Option<String>,
    pub(super) task_id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawKind {
    Work,
    Support,
}
