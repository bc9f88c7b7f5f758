//! Which signal reaches which work: SPEC section 5 and docs/links.md, as loops over all pairs of rows.

use std::collections::BTreeMap;

use super::read::{Codes, Row};
use super::score::is_pass;

/// The window of links, in milliseconds: 24 h.
pub const WINDOW: i64 = 24 * 3_600_000;

/// One signal that stands on a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub code: String,
    /// The row that says it, by its place among all rows.
    pub said_by: usize,
}

/// Everything links decide.
#[derive(Debug)]
pub struct Links {
    /// By work: the signals that stand on it, its own among them. Empty for support.
    pub on: Vec<Vec<Signal>>,
    /// By judging row: the work that its signals reach, in canonical order.
    pub reach: Vec<Vec<usize>>,
}

/// Links all rows, which are in canonical order.
pub fn link(rows: &[Row]) -> Links {
    let undone = undone(rows);
    let own = |i: usize| -> Vec<Signal> {
        if !rows[i].work {
            return Vec::new();
        }
        let standing = standing(&rows[i].own, i, &undone);
        standing.into_iter().map(|(code, said_by)| Signal { code, said_by }).collect()
    };
    let mut links = Links { on: (0..rows.len()).map(own).collect(), reach: vec![Vec::new(); rows.len()] };
    for j in 0..rows.len() {
        if rows[j].says.is_empty() || rows[j].stream == "observer_escalations" {
            continue;
        }
        let said = standing(&rows[j].says, j, &undone);
        match targets(rows, j, &undone) {
            Found::Work(works) => {
                for work in works {
                    links.reach[j].push(work);
                    links.on[work]
                        .extend(said.iter().map(|(code, by)| Signal { code: code.clone(), said_by: *by }));
                }
            }
            Found::Unclear(reviews) => {
                for review in reviews {
                    links.on[review].push(Signal { code: "link.ambiguous".to_owned(), said_by: j });
                }
            }
        }
    }
    escalate(rows, &mut links);
    links
}

/// L2 goes last: it asks what else stands on the work.
fn escalate(rows: &[Row], links: &mut Links) {
    let mut reached = Vec::new();
    for (j, judge) in rows.iter().enumerate().filter(|(_, row)| row.stream == "observer_escalations") {
        for (w, work) in rows.iter().enumerate() {
            let same = run_signature(rows, &work.run) == judge.target.signature;
            let in_window = work.time <= judge.time && work.time >= judge.time - WINDOW;
            let passed = links.on[w].iter().any(|signal| is_pass(&signal.code));
            if w != j && work.work && same && in_window && !passed {
                reached.push((j, w));
            }
        }
    }
    for (j, w) in reached {
        links.reach[j].push(w);
        links.on[w].push(Signal { code: "observer.escalated".to_owned(), said_by: j });
    }
}

/// The signature of a run: of its rows that give one, the latest's.
pub fn run_signature(rows: &[Row], run: &str) -> Option<String> {
    latest_that_gives(rows, run, |row| row.signature.clone())
}

/// The task type of a run, likewise.
pub fn run_task_type(rows: &[Row], run: &str) -> Option<String> {
    latest_that_gives(rows, run, |row| row.task_type.clone())
}

fn latest_that_gives(rows: &[Row], run: &str, gives: fn(&Row) -> Option<String>) -> Option<String> {
    let mut latest: Option<&Row> = None;
    for row in rows.iter().filter(|row| row.run == run && gives(row).is_some()) {
        if latest.is_none_or(|latest| row.is_later_than(latest)) {
            latest = Some(row);
        }
    }
    latest.and_then(gives)
}

/// By undone apply: the reverts that undo it.
type Undone = BTreeMap<usize, Vec<usize>>;

fn undone(rows: &[Row]) -> Undone {
    let mut undone = Undone::new();
    for (revert, _) in rows.iter().enumerate().filter(|(_, row)| is_revert(row)) {
        if let Some(apply) = undone_by(rows, revert) {
            undone.entry(apply).or_default().push(revert);
        }
    }
    undone
}

fn is_revert(row: &Row) -> bool {
    row.stream == "auto_apply" && row.has("apply.reverted")
}

/// The apply that a revert undoes: of its file, with the same commit, the latest; else the latest before it.
fn undone_by(rows: &[Row], revert: usize) -> Option<usize> {
    let is_apply = |row: &Row| {
        row.stream == "auto_apply"
            && row.file == rows[revert].file
            && (row.has("apply.committed") || row.has("apply.partial"))
    };
    let same_commit = |row: &Row| row.commit.is_some() && row.commit == rows[revert].commit;
    latest(rows, |row| is_apply(row) && same_commit(row))
        .or_else(|| latest(rows, |row| is_apply(row) && rows[revert].is_later_than(row)))
}

/// The latest row of those that fit.
fn latest(rows: &[Row], fits: impl Fn(&Row) -> bool) -> Option<usize> {
    let mut latest: Option<usize> = None;
    for (i, row) in rows.iter().enumerate().filter(|(_, row)| fits(row)) {
        if latest.is_none_or(|latest| row.is_later_than(&rows[latest])) {
            latest = Some(i);
        }
    }
    latest
}

/// The codes of a row as they stand: where it was undone, its reverts stand in for what was done.
fn standing(codes: &Codes, row: usize, undone: &Undone) -> Vec<(String, usize)> {
    let mut standing = Vec::new();
    for code in codes {
        match undone.get(&row) {
            Some(reverts) if code == "apply.committed" || code == "apply.partial" => {
                standing.extend(reverts.iter().map(|revert| ("apply.reverted".to_owned(), *revert)));
            }
            _ => standing.push((code.clone(), row)),
        }
    }
    standing
}

/// Whom a judging row's signals reach.
enum Found {
    /// These.
    Work(Vec<usize>),
    /// One of these, and nobody can tell which.
    Unclear(Vec<usize>),
}

fn targets(rows: &[Row], j: usize, undone: &Undone) -> Found {
    let judge = &rows[j];
    let target = &judge.target;
    if let Some(run) = &target.run {
        return work_where(rows, |i, row| i != j && row.run == *run);
    }
    if let Some(pr) = target.pr {
        return match &target.sha {
            Some(sha) => by_head(rows, j, pr, sha),
            None => work_where(rows, |i, row| i != j && row.pr == Some(pr) && row.time <= judge.time),
        };
    }
    let Some(file) = &target.file else { return Found::Work(Vec::new()) };
    if judge.stream == "auto_apply" {
        return by_apply(rows, j, undone);
    }
    decided(rows, judge, &reviews_for(rows, judge, file))
}

fn work_where(rows: &[Row], fits: impl Fn(usize, &Row) -> bool) -> Found {
    Found::Work((0..rows.len()).filter(|i| rows[*i].work && fits(*i, &rows[*i])).collect())
}

/// L3 with a head: of audits only the latest of that pull request and head; a person always.
fn by_head(rows: &[Row], j: usize, pr: i64, sha: &str) -> Found {
    let is_person = rows[j].stream == "human_overrides";
    let same_head = |row: &Row| row.pr == Some(pr) && row.sha.as_deref() == Some(sha);
    if !is_person && latest(rows, |row| row.stream == "audits" && same_head(row)) != Some(j) {
        return Found::Work(Vec::new());
    }
    let for_persons_only = ["audit_facts", "audit_lessons", "audit_discrepancies"];
    work_where(rows, |i, row| {
        let carries_both = same_head(row) && (is_person || !for_persons_only.contains(&row.stream.as_str()));
        let is_its_commit = row.stream == "auto_apply" && row.commit.as_deref() == Some(sha);
        i != j && (carries_both || is_its_commit)
    })
}

/// The reviews that one time decides for a row of L4, apply or not.
fn reviews_for(rows: &[Row], judge: &Row, file: &str) -> Vec<usize> {
    let since = judge.time - WINDOW;
    let until = judge.time + WINDOW;
    let reviews: Vec<usize> = (0..rows.len())
        .filter(|i| rows[*i].stream == "scrum_reviews" && rows[*i].file.as_deref() == Some(file))
        .collect();
    let last = |from: i64| {
        reviews.iter().map(|i| rows[*i].time).filter(|time| *time >= from && *time <= judge.time).max()
    };
    let first = || reviews.iter().map(|i| rows[*i].time).filter(|t| *t >= judge.time && *t <= until).min();
    let deciding = match judge.stream.as_str() {
        "observer_reviews" => first().or_else(|| last(since)),
        "human_overrides" => last(i64::MIN),
        _ => last(since),
    };
    reviews.into_iter().filter(|i| Some(rows[*i].time) == deciding).collect()
}

/// One review is reached, unless the attempts differ; of several none is.
fn decided(rows: &[Row], judge: &Row, reviews: &[usize]) -> Found {
    match reviews {
        [review] => {
            let differ = judge.attempt.zip(rows[*review].attempt).is_some_and(|(a, b)| a != b);
            Found::Work(if differ { Vec::new() } else { vec![*review] })
        }
        [] => Found::Work(Vec::new()),
        several => Found::Unclear(several.to_vec()),
    }
}

/// Of all applies that find the same reviews only the latest counts; a revert that undoes something finds none.
fn by_apply(rows: &[Row], j: usize, undone: &Undone) -> Found {
    let finds = |row: &Row| reviews_for(rows, row, row.file.as_deref().unwrap_or_default());
    let undoes_something = |i: usize| undone.values().flatten().any(|revert| *revert == i);
    if undoes_something(j) {
        return Found::Work(Vec::new());
    }
    let reviews = finds(&rows[j]);
    let later_one = (0..rows.len()).any(|i| {
        rows[i].stream == "auto_apply"
            && !undoes_something(i)
            && rows[i].is_later_than(&rows[j])
            && finds(&rows[i]) == reviews
    });
    if later_one { Found::Work(Vec::new()) } else { decided(rows, &rows[j], &reviews) }
}
