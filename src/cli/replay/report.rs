//! What a replay found and did, as text or as JSON.

use tracing::info;

use crate::cli::table::{print, print_json, table, thousands};
use crate::domain::rules::Rules;
use crate::domain::schema::receipt::{Receipt, RecordCounts};
use crate::domain::score::Category;
use crate::pipeline::outputs::Outputs;
use crate::pipeline::replay::transitions::Transitions;

/// What a replay found and did.
#[derive(Debug, serde::Serialize)]
pub(super) struct Report {
    /// Whether the new output is the live one now.
    pub(super) replaced: bool,
    /// The folder that the new output was left in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) into: Option<String>,
    /// Where the old output was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<String>,
    rules_version: Versions,
    scorer_version: Versions,
    totals: RecordCounts,
    /// Promise-2 files that are equal, as far as the live ones go; 0 where the rules differ.
    pub(super) compared_files: usize,
    /// Where the rules differ: rows whose category stayed what it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchanged: Option<u64>,
    /// And those whose category changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    transitions: Option<Vec<Change>>,
    /// Generations that were gone.
    pub(super) missing: Vec<String>,
    /// Generations that were read from their copies in the archive.
    pub(super) copied: Vec<String>,
    /// Number of the receipt that names the old head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<u64>,
    /// Number of the old output's last receipt.
    old_seq: u64,
    pub(super) took: Took,
    pub(super) seconds: f64,
}

/// The seconds of each part.
#[derive(Debug, Default, Clone, Copy, serde::Serialize)]
pub(super) struct Took {
    /// Whether all sources are there.
    pub(super) sources: f64,
    /// Rows, samples and views.
    pub(super) distilled: f64,
    /// Everything that must hold before anything is replaced.
    pub(super) checked: f64,
    /// The exchange, and the old output's removal.
    pub(super) put_in_place: f64,
}

#[derive(Debug, serde::Serialize)]
struct Versions {
    live: String,
    replay: String,
}

/// Rows that went from one category to another; `none` is no evidence.
#[derive(Debug, serde::Serialize)]
struct Change {
    from: &'static str,
    to: &'static str,
    rows: u64,
    examples: Vec<String>,
}

impl Report {
    pub(super) fn new(replayed: &Outputs, last: &Receipt, rules: &Rules) -> Self {
        let versions = |live: &String, replay| Versions { live: live.clone(), replay };
        Self {
            replaced: false,
            into: None,
            kept: None,
            rules_version: versions(&last.rules_version, rules.rules_version()),
            scorer_version: versions(&last.scorer_version, rules.scorer_version()),
            totals: replayed.state.totals,
            compared_files: 0,
            unchanged: None,
            transitions: None,
            missing: Vec::new(),
            copied: Vec::new(),
            receipt: None,
            old_seq: last.seq,
            took: Took::default(),
            seconds: 0.0,
        }
    }

    /// Takes in what other rules changed.
    pub(super) fn tell(&mut self, transitions: &Transitions) {
        let name = |category: Option<Category>| category.map_or("none", Category::name);
        let changes = transitions.changes().map(|(was, is, transition)| Change {
            from: name(was),
            to: name(is),
            rows: transition.rows,
            examples: transition.examples.clone(),
        });
        self.transitions = Some(changes.collect());
        self.unchanged = Some(transitions.unchanged());
    }

    /// Tells the log, for a replay that nobody asked for at a terminal.
    pub(super) fn log(&self) {
        for change in self.transitions.iter().flatten() {
            let examples = change.examples.join(", ");
            info!(from = change.from, to = change.to, rows = change.rows, examples, "category changed");
        }
        let unchanged = self.unchanged.unwrap_or_default();
        info!(rows = self.totals.rows_in, unchanged, seconds = self.seconds, "replayed and put in place");
    }

    pub(super) fn print(&self, json: bool) {
        if json {
            return print_json(self);
        }
        for copied in &self.copied {
            print(format_args!("from the archive: {copied}"));
        }
        for missing in &self.missing {
            print(format_args!("without {missing}: its stream was not compared"));
        }
        let totals = &self.totals;
        print(format_args!(
            "{} rows in = {} evidence + {} quarantined + {} duplicate + {} blank, in {:.2} s",
            thousands(totals.rows_in),
            thousands(totals.evidence),
            thousands(totals.quarantined),
            thousands(totals.duplicate),
            thousands(totals.blank),
            self.seconds
        ));
        let Took { sources, distilled, checked, put_in_place } = self.took;
        print(format_args!(
            "sources {sources:.2} s, distilled {distilled:.2} s, checked {checked:.2} s, put in place {put_in_place:.2} s"
        ));
        if let Some(changes) = &self.transitions {
            self.print_changes(changes);
        } else {
            print(format_args!("the same rules: {} files are equal byte for byte", self.compared_files));
        }
        match (&self.into, self.receipt) {
            (Some(into), _) => print(format_args!("left in {into}; the live output is what it was")),
            (None, Some(receipt)) => {
                print(format_args!("put in place: receipt {receipt} names the old head, {}", self.old_seq));
            }
            (None, None) => print("nothing was replaced"),
        }
        if let Some(kept) = &self.kept {
            print(format_args!("the old output is kept in {kept}"));
        }
    }

    fn print_changes(&self, changes: &[Change]) {
        print(format_args!("rules {} -> {}", self.rules_version.live, self.rules_version.replay));
        print(format_args!("scorer {} -> {}", self.scorer_version.live, self.scorer_version.replay));
        if changes.is_empty() {
            print("no row changes its category");
        } else {
            let mut table = table(&["category", "becomes", "rows", "for example"]);
            for change in changes {
                let (rows, examples) = (thousands(change.rows), change.examples.join(", "));
                table.add_row([change.from, change.to, &rows, &examples]);
            }
            print(table);
        }
        print(format_args!("{} rows keep theirs", thousands(self.unchanged.unwrap_or_default())));
    }
}
