//! The systemd side of a daemon: READY once reading begins, STATUS with the lag, and a watchdog that is pinged only while
//! the committer makes turns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tracing::warn;

use crate::pipeline::Shared;

const STATUS_EVERY: Duration = Duration::from_secs(2);
/// The committer turns every two seconds even when idle; one that did not for this long hangs. A watchdog time shorter
/// than that must not make a healthy daemon look dead.
const TURN_MAX: Duration = Duration::from_secs(4);

/// Keeps telling systemd how the daemon is until it is dropped.
#[derive(Debug)]
pub struct Notifier {
    phase: watch::Sender<Phase>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Asked to stop; the last commits are under way.
    Stopping,
    Ended,
}

/// Lets whoever hears that the daemon is to stop pass it on.
#[derive(Debug, Clone)]
pub struct Farewell(watch::Sender<Phase>);

impl Farewell {
    /// Says STOPPING, once.
    pub fn say(&self) {
        self.0.send_if_modified(|phase| {
            let first = *phase == Phase::Running;
            if first {
                *phase = Phase::Stopping;
            }
            first
        });
    }
}

impl Notifier {
    /// Says READY and starts telling; does nothing when no systemd listens.
    pub fn start(shared: Arc<Shared>) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        tell(&[NotifyState::Ready]);
        let (phase, phases) = watch::channel(Phase::Running);
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(keep_telling(&shared, phases)),
            Err(e) => warn!(error = %e, "systemd hears nothing from us: no timer"),
        };
        let thread = std::thread::Builder::new().name("systemd".to_owned()).spawn(run).ok();
        Some(Self { phase, thread })
    }

    /// The way to say that the end has begun.
    pub fn farewell(&self) -> Farewell {
        Farewell(self.phase.clone())
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Ended);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn keep_telling(shared: &Shared, mut phases: watch::Receiver<Phase>) {
    let mut watchdog_usec = 0;
    let watched = sd_notify::watchdog_enabled(false, &mut watchdog_usec);
    let every =
        if watched { (Duration::from_micros(watchdog_usec) / 3).min(STATUS_EVERY) } else { STATUS_EVERY };
    let turn_max = (Duration::from_micros(watchdog_usec) / 2).max(TURN_MAX);
    let mut said_stopping = false;
    let mut timer = tokio::time::interval(every);
    let mut last_status = String::new();
    let mut last_heartbeat = 0;
    let mut last_turn = tokio::time::Instant::now();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            _ = phases.changed() => {}
        }
        let phase = *phases.borrow_and_update();
        if phase != Phase::Running && !said_stopping {
            tell(&[NotifyState::Stopping]);
            said_stopping = true;
        }
        if phase == Phase::Ended {
            return;
        }
        let heartbeat = shared.heartbeat.load(Ordering::Relaxed);
        if heartbeat != last_heartbeat {
            last_heartbeat = heartbeat;
            last_turn = tokio::time::Instant::now();
        }
        // A committer that hangs in a sync gets no ping.
        if watched && last_turn.elapsed() < turn_max {
            tell(&[NotifyState::Watchdog]);
        }
        let status = status(shared);
        if status != last_status {
            tell(&[NotifyState::Status(&status)]);
            last_status = status;
        }
    }
}

fn status(shared: &Shared) -> String {
    let lag = bytesize::ByteSize(shared.lag_bytes.load(Ordering::Relaxed));
    let rows = shared.committed_rows.load(Ordering::Relaxed);
    if shared.no_space.load(Ordering::Relaxed) {
        return format!(
            "degraded: no space, what is to be written is held; lag {lag}, {rows} rows committed since the start"
        );
    }
    format!("lag {lag}, {rows} rows committed since the start")
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(false, states) {
        warn!(error = %e, "cannot tell systemd");
    }
}
