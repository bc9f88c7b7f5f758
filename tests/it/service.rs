//! distilld as a service: what it tells systemd, what it does on signals, and the unit that is shipped.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "the helpers of a test fail as the test does, and a skipped test says so"
)]

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{Lab, review_row, wait_until};

/// Whether a tool is there. A machine of ours may lack it, and says so; the one that merges may not.
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing, and CI must not skip what needs it");
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// systemd's side: a socket that hears what the daemon has to say, and when.
struct Systemd {
    path: PathBuf,
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Systemd {
    fn listen(lab: &Lab) -> Self {
        let path = lab.root().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            while let Ok(length) = socket.recv(&mut message) {
                let text = String::from_utf8(message[..length].to_vec()).unwrap();
                let lines = text.lines().map(|line| (Instant::now(), line.to_owned()));
                log.lock().unwrap().extend(lines);
            }
        });
        Self { path, heard }
    }

    fn heard(&self) -> Vec<(Instant, String)> {
        self.heard.lock().unwrap().clone()
    }

    fn has_heard(&self, line: &str) -> bool {
        self.heard().iter().any(|(_, heard)| heard == line)
    }

    /// The last STATUS.
    fn status(&self) -> String {
        let heard = self.heard();
        heard.iter().rev().find_map(|(_, line)| line.strip_prefix("STATUS=")).unwrap_or_default().to_owned()
    }

    /// The longest time without a watchdog ping from `since` to now.
    fn longest_silence(&self, since: Instant) -> Duration {
        let heard = self.heard();
        let pings = heard.iter().filter(|(at, line)| line == "WATCHDOG=1" && *at >= since).map(|(at, _)| *at);
        let mut longest = Duration::ZERO;
        let mut last = since;
        for at in pings.chain([Instant::now()]) {
            longest = longest.max(at - last);
            last = at;
        }
        longest
    }
}

/// A running `distilld run`; killed when it is dropped.
struct Daemon {
    child: Child,
    stderr: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts it the way systemd does, below `wrapper` (a tracer that steps aside, or nothing).
    fn start_below(wrapper: &[&str], lab: &Lab, systemd: &Systemd, watchdog: Duration) -> Self {
        // Only a shell can name the process that it is about to become.
        let script = r#"WATCHDOG_PID=$$ exec "$@""#;
        let words = [wrapper, &["sh", "-c", script, "sh"]].concat();
        let distilld = lab.distilld();
        let stderr = lab.root().join("stderr");
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg(distilld.get_program())
            .args(distilld.get_args())
            .arg("run")
            .env_remove("RUST_LOG")
            .env("NOTIFY_SOCKET", &systemd.path)
            .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
            .stdin(Stdio::null())
            .stderr(fs::OpenOptions::new().append(true).create(true).open(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self { child, stderr }
    }

    fn start(lab: &Lab, systemd: &Systemd) -> Self {
        let daemon = Self::start_below(&[], lab, systemd, Duration::from_secs(30));
        wait_until("the daemon is ready", || systemd.has_heard("READY=1"));
        daemon
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and says how long that took.
    fn end(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, asked.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end; stderr: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Lines of the log with all of these words in them.
    fn logged(&self, words: &[&str]) -> usize {
        self.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }
}

/// Whether a review is evidence.
fn is_evidence(lab: &Lab, number: u64) -> bool {
    let evidence = fs::read_to_string(lab.out().join("evidence/scrum_reviews.jsonl")).unwrap_or_default();
    evidence.contains(&format!("\"finding {number}\""))
}

#[track_caller]
fn append_and_see_evidence(lab: &Lab, number: u64) {
    lab.append("scrum_reviews", review_row(number));
    wait_until("the row is evidence", || is_evidence(lab, number));
}

#[test]
fn rows_appended_while_it_runs_become_evidence_and_the_status_says_so() {
    let lab = Lab::new();
    let systemd = Systemd::listen(&lab);
    let mut daemon = Daemon::start(&lab, &systemd);
    for number in 0..20 {
        append_and_see_evidence(&lab, number);
    }
    wait_until("the status counts the rows", || {
        systemd.status() == "lag 0 B, 20 rows committed since the start"
    });
    lab.append("scrum_reviews", "{\"half\": \"a row");
    wait_until("the status shows what is not read", || systemd.status().starts_with("lag 15 B, 20 rows"));
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
    assert_eq!(lab.lines("evidence/scrum_reviews.jsonl").len(), 20);
}

#[test]
fn ready_is_said_after_recovery_and_not_before() {
    if !has("strace") {
        return;
    }
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(0));
    lab.run_once();
    let path = lab.out().join("evidence/scrum_reviews.jsonl");
    let committed = fs::metadata(&path).unwrap().len();
    // What a crash leaves behind: bytes that no receipt covers. Recovery cuts them off, here very slowly.
    let torn = [fs::read(&path).unwrap(), b"{\"torn".to_vec()].concat();
    fs::write(&path, torn).unwrap();
    let systemd = Systemd::listen(&lab);
    let slowly =
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=ftruncate:delay_enter=1000000"];
    let mut daemon = Daemon::start_below(&slowly, &lab, &systemd, Duration::from_secs(30));
    wait_until("READY", || {
        let ready = systemd.has_heard("READY=1");
        let cut = fs::metadata(&path).unwrap().len() == committed;
        assert!(cut || !ready, "READY while the output still held bytes of no receipt");
        ready
    });
    append_and_see_evidence(&lab, 1);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
}

#[test]
fn the_watchdog_is_pinged_while_idle_and_under_load() {
    let lab = Lab::new();
    let systemd = Systemd::listen(&lab);
    // Shorter than anybody sets it: the daemon then has to ping every second.
    let watchdog = Duration::from_secs(3);
    let mut daemon = Daemon::start_below(&[], &lab, &systemd, watchdog);
    wait_until("the daemon is ready", || systemd.has_heard("READY=1"));
    let idle = Instant::now();
    std::thread::sleep(watchdog * 2);
    let silence = systemd.longest_silence(idle);
    assert!(silence < watchdog, "{silence:?} without a ping while idle");
    let busy = Instant::now();
    for block in 0..40 {
        let rows: String = (0..2000).map(|row| review_row(block * 2000 + row)).collect();
        lab.append("scrum_reviews", rows);
        std::thread::sleep(Duration::from_millis(20));
    }
    wait_until("all rows are taken in", || systemd.status().contains(" 80000 rows"));
    let silence = systemd.longest_silence(busy);
    assert!(silence < watchdog, "{silence:?} without a ping under load");
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
}

#[test]
fn the_watchdog_is_not_pinged_while_the_committer_hangs() {
    if !has("strace") {
        return;
    }
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(0));
    lab.run_once();
    let systemd = Systemd::listen(&lab);
    let watchdog = Duration::from_secs(3);
    // A disk that is gone: the next sync of this file does not return for half a minute.
    let evidence = lab.out().join("evidence/scrum_reviews.jsonl");
    let trace =
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fdatasync:delay_enter=30000000", "-P"];
    let hanging = [&trace[..], &[evidence.to_str().unwrap()]].concat();
    let daemon = Daemon::start_below(&hanging, &lab, &systemd, watchdog);
    wait_until("the daemon is ready", || systemd.has_heard("READY=1"));
    wait_until("the watchdog is pinged", || systemd.has_heard("WATCHDOG=1"));
    lab.append("scrum_reviews", review_row(1));
    wait_until("systemd would have ended it", || {
        systemd.longest_silence(Instant::now().checked_sub(watchdog).unwrap()) >= watchdog
    });
    daemon.signal("-KILL");
    drop(daemon);
    lab.run_once();
    assert_eq!(lab.lines("evidence/scrum_reviews.jsonl").len(), 2);
}

/// Sends the signals to a daemon with work on its hands, and wants a clean end.
#[track_caller]
fn check_ends_cleanly(signals: &[&str]) {
    let lab = Lab::generated(7, 20_000);
    let systemd = Systemd::listen(&lab);
    let mut daemon = Daemon::start(&lab, &systemd);
    wait_until("it has begun", || lab.out().join("evidence").exists());
    for signal in signals {
        daemon.signal(signal);
    }
    let (status, took) = daemon.end();
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(5), "it took {took:?} to end");
    wait_until("STOPPING was said", || systemd.has_heard("STOPPING=1"));
    assert_eq!(daemon.logged(&["ended cleanly"]), 1, "{}", daemon.log());
    let total = lab.run_once();
    let status = lab.status();
    assert_eq!(status["totals"]["in"], 20_000, "{total}");
    assert_eq!(status["lag_bytes"], 0);
}

#[test]
fn a_sigterm_under_load_ends_it_cleanly() {
    check_ends_cleanly(&["-TERM"]);
}

#[test]
fn a_second_sigterm_changes_nothing() {
    check_ends_cleanly(&["-TERM", "-TERM"]);
}

#[test]
fn a_sigint_under_load_ends_it_cleanly() {
    check_ends_cleanly(&["-INT"]);
}

#[test]
fn systemd_hears_of_the_end_when_it_begins() {
    if !has("strace") {
        return;
    }
    // STOPPING used to come when everything was over, so that `systemctl status` said "active" for as long as the last
    // commit took.
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(0));
    lab.run_once();
    let systemd = Systemd::listen(&lab);
    let evidence = lab.out().join("evidence/scrum_reviews.jsonl");
    let trace =
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fdatasync:delay_enter=3000000", "-P"];
    let slow = [&trace[..], &[evidence.to_str().unwrap()]].concat();
    let mut daemon = Daemon::start_below(&slow, &lab, &systemd, Duration::from_secs(30));
    wait_until("the daemon is ready", || systemd.has_heard("READY=1"));
    lab.append("scrum_reviews", review_row(1));
    wait_until("the commit is under way", || is_evidence(&lab, 1));
    let asked = Instant::now();
    daemon.signal("-TERM");
    wait_until("STOPPING is said", || systemd.has_heard("STOPPING=1"));
    assert!(asked.elapsed() < Duration::from_secs(1), "STOPPING came {:?} after SIGTERM", asked.elapsed());
    daemon.signal("-TERM");
    assert!(daemon.child.try_wait().unwrap().is_none(), "the commit is not over");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
    assert_eq!(systemd.heard().iter().filter(|(_, line)| line == "STOPPING=1").count(), 1);
}

#[test]
fn a_sighup_with_a_good_config_applies_it() {
    let lab = Lab::new();
    lab.config("[log]\nlevel = \"info\"\n");
    let systemd = Systemd::listen(&lab);
    let daemon = Daemon::start(&lab, &systemd);
    append_and_see_evidence(&lab, 0);
    assert_eq!(daemon.logged(&["batch committed"]), 0);
    lab.config("[log]\nlevel = \"debug\"\n[batch]\nrows_max = 1\n");
    daemon.signal("-HUP");
    wait_until("it says so", || daemon.logged(&["the config was read again"]) == 1);
    lab.append("scrum_reviews", (1..=3).map(review_row).collect::<String>());
    wait_until("three commits of one row", || daemon.logged(&["batch committed", "rows=1 "]) == 3);
    assert_eq!(daemon.logged(&["ERROR"]), 0, "{}", daemon.log());
}

/// Puts a config in place that must be refused, and wants the old one in force with one clear line about it.
#[track_caller]
fn check_refused(config: &str, says: &[&str]) {
    let lab = Lab::new();
    let systemd = Systemd::listen(&lab);
    let mut daemon = Daemon::start(&lab, &systemd);
    append_and_see_evidence(&lab, 0);
    lab.config(config);
    daemon.signal("-HUP");
    wait_until("it says so", || daemon.logged(&["ERROR"]) > 0);
    for number in 1..10 {
        append_and_see_evidence(&lab, number);
    }
    let says = [says, &["ERROR", "the old one stays in force"]].concat();
    assert_eq!(daemon.logged(&says), 1, "{}", daemon.log());
    assert_eq!(daemon.logged(&["ERROR"]), 1, "{}", daemon.log());
    assert_eq!(daemon.logged(&["the config was read again"]), 1, "{}", daemon.log());
    let versions: Vec<_> = lab.receipts().iter().map(|receipt| receipt["rules_version"].clone()).collect();
    assert!(versions.windows(2).all(|pair| pair[0] == pair[1]), "{versions:?}");
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
}

#[test]
fn a_sighup_with_an_unknown_key_keeps_the_old_config() {
    check_refused("[batch]\nbites_max = \"1 MiB\"\n", &["config.toml", "bites_max"]);
}

#[test]
fn a_sighup_with_half_a_config_keeps_the_old_one() {
    check_refused("[batch\n", &["config.toml"]);
}

#[test]
fn a_sighup_with_a_value_out_of_range_keeps_the_old_config() {
    check_refused("[scorer]\ngrounding_high = 1.5\n", &["config.toml", "scorer.grounding_high", "1.5"]);
}

#[test]
fn a_sighup_with_other_rules_keeps_the_old_ones_and_names_replay() {
    check_refused("[limits]\nline_bytes_max = \"1 KiB\"\n", &["distilld replay"]);
}

#[test]
fn a_sighup_with_other_workers_keeps_the_old_config() {
    check_refused("[batch]\nworkers = 7\n", &["restart distilld"]);
}

#[test]
fn a_sighup_during_recovery_is_no_end() {
    if !has("strace") {
        return;
    }
    // Until it was ready, a SIGHUP (from logrotate, say) ended the daemon; systemd calls that a clean end, so
    // Restart=on-failure left it down.
    let lab = Lab::new();
    lab.append("scrum_reviews", review_row(0));
    lab.run_once();
    let path = lab.out().join("evidence/scrum_reviews.jsonl");
    fs::write(&path, [fs::read(&path).unwrap(), b"{\"torn".to_vec()].concat()).unwrap();
    let trace = lab.root().join("trace");
    let slowly = [
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        "trace=flock,ftruncate",
        "-e",
        "inject=ftruncate:delay_enter=1500000",
    ];
    let systemd = Systemd::listen(&lab);
    let mut daemon = Daemon::start_below(&slowly, &lab, &systemd, Duration::from_secs(30));
    wait_until("recovery has begun", || {
        fs::read_to_string(&trace).unwrap_or_default().contains("ftruncate(")
    });
    assert!(!systemd.has_heard("READY=1"));
    daemon.signal("-HUP");
    wait_until("it gets ready all the same", || systemd.has_heard("READY=1"));
    append_and_see_evidence(&lab, 1);
    daemon.signal("-TERM");
    assert_eq!(daemon.end().0.code(), Some(0), "{}", daemon.log());
}

/// A file of this folder's sibling `systemd/`.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

/// A copy of the shipped unit that starts the binary of this build.
fn unit(lab: &Lab) -> PathBuf {
    let text = fs::read_to_string(shipped("distilld.service")).unwrap();
    let installed = "ExecStart=/usr/local/bin/distilld ";
    assert!(text.contains(installed));
    let path = lab.root().join("distilld.service");
    let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_distilld"));
    fs::write(&path, text.replace(installed, &built)).unwrap();
    path
}

#[test]
fn systemd_has_nothing_to_say_about_the_unit() {
    if !has("systemd-analyze") {
        return;
    }
    let lab = Lab::new();
    let said = Command::new("systemd-analyze").arg("verify").arg(unit(&lab)).output().unwrap();
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

#[test]
fn the_unit_exposes_next_to_nothing() {
    if !has("systemd-analyze") {
        return;
    }
    let lab = Lab::new();
    // It fails by itself above the threshold, which is in tenths.
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--threshold=15", "--no-pager"]).arg(unit(&lab));
    let said = analyze.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    assert!(String::from_utf8_lossy(&said.stdout).contains("Overall exposure level for distilld.service"));
}

#[test]
fn the_unit_and_its_config_agree_on_the_places() {
    let unit = fs::read_to_string(shipped("distilld.service")).unwrap();
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "ExecStart=/usr/local/bin/distilld --config /etc/distilld/config.toml run",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure",
        "RestartPreventExitStatus=65 75 78",
        "WatchdogSec=30",
        "StateDirectory=distilld",
        "RestrictAddressFamilies=AF_UNIX",
    ] {
        assert!(unit.lines().any(|is| is == line), "{line}");
    }
    let config: toml::Table = fs::read_to_string(shipped("config.toml")).unwrap().parse().unwrap();
    for key in ["output", "state"] {
        let place = config["paths"][key].as_str().unwrap();
        assert!(place.starts_with("/var/lib/distilld/"), "{key} must lie in the state directory: {place}");
    }
    assert!(config["paths"]["kb"].as_str().unwrap().starts_with("/srv/agents/"));
}

#[test]
fn the_installed_config_lacks_nothing_but_its_streams() {
    if Path::new("/srv/agents/_kb").exists() {
        eprintln!("skipped: this machine has streams in /srv/agents/_kb");
        return;
    }
    let mut distilld = Command::new(env!("CARGO_BIN_EXE_distilld"));
    let said = distilld.arg("--config").arg(shipped("config.toml")).arg("status").output().unwrap();
    assert_eq!(said.status.code(), Some(78), "{said:?}");
    let stderr = String::from_utf8(said.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("paths.kb") && stderr.contains("/srv/agents/_kb"), "{stderr}");
}
