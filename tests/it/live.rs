//! The daemon itself: rows that are appended, rotated and truncated while it runs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::support::{Lab, assert_receipts_hold, assert_same_files, review_row, wait_until};

/// A running daemon; killed when a test fails.
struct Daemon(Child);

impl Daemon {
    fn start(lab: &Lab) -> Self {
        let mut command = lab.distilld();
        let log = File::create(lab.root().join("log")).unwrap();
        command.arg("run").stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }

    /// SIGTERM: it must end with 0, in less than 5 s.
    #[track_caller]
    fn end(mut self) {
        let asked = Instant::now();
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < Duration::from_secs(5), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0), "{status:?}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn rows_in(lab: &Lab) -> u64 {
    if lab.out().join("receipts/receipts.jsonl").exists() {
        lab.status()["totals"]["in"].as_u64().unwrap()
    } else {
        0
    }
}

fn cursor(lab: &Lab, stream: &str) -> u64 {
    lab.status()["streams"][stream]["cursor"].as_u64().unwrap()
}

/// What a run over the same files from offset zero gives. Takes the streams away from the lab.
fn from_zero(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let other = Lab::new();
    fs::remove_dir_all(other.root().join("in")).unwrap();
    fs::rename(lab.root().join("in"), other.root().join("in")).unwrap();
    other.run_once();
    other.promise2()
}

/// Appends rows for a while, now and then in two writes, so that half lines are there to be seen.
fn write_rows(
    lab: &Lab,
    streams: Vec<(String, Vec<String>)>,
    until: Instant,
    mut dice: fastrand::Rng,
) -> u64 {
    let mut rows = 0;
    let mut streams: Vec<_> =
        streams.into_iter().map(|(name, rows)| (lab.stream(&name), rows.into_iter())).collect();
    while Instant::now() < until {
        let place = dice.usize(0..streams.len());
        let (path, left) = &mut streams[place];
        // Opened anew each time, as producers do after a rotation.
        let mut file = OpenOptions::new().append(true).create(true).open(&*path).unwrap();
        for row in left.take(dice.usize(1..6)) {
            let (start, end) = row.as_bytes().split_at(row.len() / 2);
            if dice.u32(0..10) == 0 {
                file.write_all(start).unwrap();
                std::thread::sleep(Duration::from_millis(dice.u64(0..20)));
                file.write_all(&[end, b"\n"].concat()).unwrap();
            } else {
                file.write_all([&*row, "\n"].concat().as_bytes()).unwrap();
            }
            rows += 1;
        }
        std::thread::sleep(Duration::from_millis(dice.u64(0..6)));
    }
    rows
}

#[test]
fn every_row_appended_rotated_or_truncated_live_is_evidence_exactly_once() {
    let seconds = std::env::var("DISTILLD_LIVE_SECONDS").map_or(4, |seconds| seconds.parse().unwrap());
    let source = Lab::generated(31, 3000 * seconds);
    let lab = Lab::new();
    lab.config("[watch]\npoll_min = \"20ms\"\nrotated_wait = \"1s\"\n");
    let daemon = Daemon::start(&lab);
    fs::create_dir_all(lab.stream("observer_ops").parent().unwrap()).unwrap();
    let names: Vec<_> = lab_streams(&source);
    assert_eq!(names.len(), 23);
    let until = Instant::now() + Duration::from_secs(seconds);
    let rows: u64 = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let own = names
                    .iter()
                    .enumerate()
                    .filter(|(place, name)| place % 4 == writer && *name != "scrum_reviews");
                let own: Vec<(String, Vec<String>)> = own
                    .map(|(_, name)| {
                        let text = fs::read_to_string(source.stream(name)).unwrap();
                        (name.clone(), text.lines().map(str::to_owned).collect())
                    })
                    .collect();
                let dice = fastrand::Rng::with_seed(writer as u64);
                let lab = &lab;
                scope.spawn(move || write_rows(lab, own, until, dice))
            })
            .collect();
        // Rotated while it is written: whoever has it open writes on to the old file for a moment.
        std::thread::sleep(Duration::from_secs(seconds) / 3);
        let mut old = OpenOptions::new().append(true).open(lab.stream("outcomes")).unwrap();
        fs::rename(lab.stream("outcomes"), lab.kb().join("outcomes.jsonl.1")).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        old.write_all(b"{\"run_id\":\"late\",\"created_at\":\"2026-01-01T00:00:00Z\",\"total_events\":1,\"ok_events\":1}\n").unwrap();
        // Truncated by copytruncate, once all of it has been read.
        let mut reviews = 0;
        for _ in 0..50 {
            lab.append("scrum_reviews", review_row(reviews));
            reviews += 1;
        }
        let length = fs::metadata(lab.stream("scrum_reviews")).unwrap().len();
        wait_until("the reviews are read", || cursor(&lab, "scrum_reviews") == length);
        OpenOptions::new().write(true).truncate(true).open(lab.stream("scrum_reviews")).unwrap();
        for _ in 0..30 {
            lab.append("scrum_reviews", review_row(reviews));
            reviews += 1;
        }
        reviews + 1 + writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    wait_until("everything is read", || rows_in(&lab) >= rows);
    lab.append("scrum_reviews", review_row(1000).trim_end());
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rows_in(&lab), rows, "a row was taken before its newline, or twice");
    daemon.end();

    let totals = assert_receipts_hold(&lab);
    assert_eq!((totals["in"], totals["quarantined"]), (rows, 0));
    let reviews = lab.lines("evidence/scrum_reviews.jsonl");
    let texts: Vec<_> = reviews.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, (0..80).map(|number| format!("finding {number}")).collect::<Vec<_>>());
    let generations: Vec<_> =
        reviews.iter().map(|row| row["provenance"]["generation"].as_u64().unwrap()).collect();
    assert_eq!(generations, [vec![0; 50], vec![1; 30]].concat());
    let gaps: Vec<_> = lab.receipts().into_iter().filter(|receipt| receipt["kind"] == "gap").collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0]["gaps"][0]["stream"], "scrum_reviews");
    let outcomes = lab.lines("evidence/outcomes.jsonl");
    assert_eq!(outcomes.iter().filter(|row| row["run_id"] == "late").count(), 1);
    // All others are what one pass over the files as they lie there gives.
    let mut live = lab.promise2();
    let mut once = from_zero(&lab);
    for files in [&mut live, &mut once] {
        files.retain(|name, _| !name.contains("scrum_reviews"));
    }
    assert_same_files(&live, &once);
    println!("{rows} rows");
}

fn lab_streams(lab: &Lab) -> Vec<String> {
    let mut names: Vec<_> = lab.status()["streams"].as_object().unwrap().keys().cloned().collect();
    names.retain(|name| lab.stream(name).exists());
    names
}

#[test]
fn half_a_line_waits_for_its_newline_over_a_restart_of_the_daemon() {
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(1));
    let (start, end) = (review_row(2)[..30].to_owned(), review_row(2)[30..].to_owned());
    lab.append("scrum_reviews", &start);
    let daemon = Daemon::start(&lab);
    wait_until("the first row is read", || rows_in(&lab) == 1);
    daemon.end();
    let daemon = Daemon::start(&lab);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rows_in(&lab), 1);
    assert_eq!(lab.status()["lag_bytes"].as_u64(), Some(30));
    lab.append("scrum_reviews", &end);
    wait_until("the second row is read", || rows_in(&lab) == 2);
    daemon.end();
    assert_eq!(lab.lines("evidence/scrum_reviews.jsonl")[1]["text"], "finding 2");
}

#[test]
fn a_stop_in_the_middle_of_a_backlog_is_clean_and_loses_nothing() {
    let lab = Lab::generated(32, 20_000);
    lab.config("[batch]\nbytes_max = \"16 KiB\"\n");
    let daemon = Daemon::start(&lab);
    wait_until("it has begun", || rows_in(&lab) > 0);
    daemon.end();
    assert!(rows_in(&lab) < 20_000, "it was done before it was stopped");
    lab.run_once();
    assert_receipts_hold(&lab);
    let files = lab.promise2();
    assert_same_files(&files, &from_zero(&lab));
}

#[test]
fn a_single_pass_reads_what_was_rotated_just_now_and_what_came_after() {
    // `run --once` gave a rotated file its second for late writes and ended meanwhile: from then on every pass did so,
    // and the rows of the new file were never read.
    let lab = Lab::new();
    for number in 0..3 {
        lab.append("scrum_reviews", review_row(number));
        lab.run_once();
        fs::rename(lab.stream("scrum_reviews"), lab.kb().join(format!("scrum_reviews.jsonl.{}", 3 - number)))
            .unwrap();
    }
    lab.append("scrum_reviews", review_row(3));
    lab.run_once();
    let rows = lab.lines("evidence/scrum_reviews.jsonl");
    let places: Vec<_> =
        rows.iter().map(|row| (row["provenance"]["generation"].as_u64(), &row["text"])).collect();
    let expected: Vec<_> =
        (0..4).map(|n| (Some(n), serde_json::Value::from(format!("finding {n}")))).collect();
    assert_eq!(places, expected.iter().map(|(generation, text)| (*generation, text)).collect::<Vec<_>>());
    assert_eq!(assert_receipts_hold(&lab)["in"], 4);
}

#[test]
fn old_rotated_files_are_not_waited_for() {
    let lab = Lab::new();
    let hour_ago = SystemTime::now() - Duration::from_hours(1);
    for number in 0..8 {
        let path = lab.kb().join(format!("scrum_reviews.jsonl.{}", 8 - number));
        fs::write(&path, review_row(number)).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(hour_ago).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    lab.append("scrum_reviews", review_row(8));
    let started = Instant::now();
    lab.run_once();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(lab.lines("evidence/scrum_reviews.jsonl").len(), 9);
}
