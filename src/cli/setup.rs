//! What every command needs first: the config with its overrides, the log, and the receipt that all receipts start from.

use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::config::{Config, ConfigError};
use crate::domain::schema::checked::{GitSha, SchemaVersion};
use crate::domain::schema::receipt::{Receipt, ReceiptKind, RecordCounts};
use crate::domain::schema::scalars::{EventTime, Sha256Hex};
use crate::pipeline::streams::StreamSet;

/// The commit distilld was built from.
pub(super) const GIT_SHA: &str = env!("DISTILLD_GIT_SHA");

/// The paths of the command line.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) config: Option<PathBuf>,
    pub(super) kb: Option<PathBuf>,
    pub(super) output: Option<PathBuf>,
    pub(super) state: Option<PathBuf>,
}

impl Paths {
    /// The config: the file named, else `config.toml` if there is one, else the defaults; then the paths given.
    pub(super) fn load(&self) -> Result<Config, ConfigError> {
        let default = Path::new("config.toml");
        let file = self.config.as_deref().or_else(|| default.exists().then_some(default));
        let mut config = Config::load(file)?;
        for (given, path) in
            [(&self.kb, &mut config.kb), (&self.output, &mut config.output), (&self.state, &mut config.state)]
        {
            if let Some(given) = given {
                path.clone_from(given);
            }
        }
        Ok(config)
    }
}

/// Changes the log level while the process runs.
pub(super) type LogHandle = reload::Handle<EnvFilter, tracing_subscriber::Registry>;

/// Logs to standard error; `RUST_LOG` overrules the config.
pub(super) fn start_log(config: &Config) -> LogHandle {
    let (filter, handle) = reload::Layer::new(filter(config));
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // The journal stamps its lines itself.
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let registry = tracing_subscriber::registry().with(filter);
    let started = if in_journal {
        registry.with(format.with_ansi(false).without_time()).try_init()
    } else {
        registry.with(format.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()
    };
    // Only tests start it twice.
    let _ = started;
    handle
}

pub(super) fn filter(config: &Config) -> EnvFilter {
    let level = config.log_level.name();
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("{level},sled=warn")))
}

/// The streams of the config.
pub(super) fn streams(config: &Config) -> StreamSet {
    StreamSet::new(&config.kb, &config.rules, &config.custom_paths).with_archive(config.archive())
}

/// A receipt with everything that is alike in all receipts of this process.
pub(super) fn base_receipt(command: &str, config: &Config) -> Receipt {
    Receipt {
        schema_version: SchemaVersion,
        seq: 0,
        prev_sha256: Sha256Hex([0; 32]),
        command: command.to_owned(),
        kind: ReceiptKind::Batch,
        git_sha: GitSha::new(GIT_SHA).unwrap_or_default(),
        git_dirty: env!("DISTILLD_GIT_DIRTY") == "true",
        rules_version: config.rules.rules_version(),
        scorer_version: config.rules.scorer_version(),
        config_sha256: config.sha256,
        input_files: Vec::new(),
        output_files: Vec::new(),
        record_counts: RecordCounts::default(),
        validation_pass: true,
        errors: Vec::new(),
        warnings: Vec::new(),
        duration_ms: 0,
        started_at: EventTime::EPOCH,
        ended_at: EventTime::EPOCH,
        gaps: Vec::new(),
        export_cursors: std::collections::BTreeMap::new(),
        replaces_head: None,
        state: None,
        check: None,
    }
}

/// Whether a folder lies in one of those that an output is made of: what is put there would be a stranger among what
/// receipts name.
pub(super) fn is_within_outputs(folder: &Path, output: &Path) -> bool {
    let ours = ["evidence", "scored-runs", "quarantine", "scratchpads", "exports", "views", "receipts"];
    ours.iter().any(|name| folder.starts_with(output.join(name)))
}
