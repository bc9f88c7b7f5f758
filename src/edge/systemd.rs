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

/// Keeps telling systemd how the daemon is until it is dropped.
#[derive(Debug)]
pub struct Notifier {
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Notifier {
    /// Says READY and starts telling; does nothing when no systemd listens.
    pub fn start(shared: Arc<Shared>) -> Option<Self> {
        std::env::var_os("NOTIFY_SOCKET")?;
        tell(&[NotifyState::Ready]);
        let (stop, stopped) = watch::channel(false);
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(keep_telling(&shared, stopped)),
            Err(e) => warn!(error = %e, "systemd hears nothing from us: no timer"),
        };
        let thread = std::thread::Builder::new().name("systemd".to_owned()).spawn(run).ok();
        Some(Self { stop, thread })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        tell(&[NotifyState::Stopping]);
    }
}

async fn keep_telling(shared: &Shared, mut stopped: watch::Receiver<bool>) {
    let mut watchdog_usec = 0;
    let watched = sd_notify::watchdog_enabled(false, &mut watchdog_usec);
    let every =
        if watched { (Duration::from_micros(watchdog_usec) / 3).min(STATUS_EVERY) } else { STATUS_EVERY };
    let mut timer = tokio::time::interval(every);
    let mut last_status = String::new();
    let mut last_heartbeat = 0;
    let mut last_turn = tokio::time::Instant::now();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            _ = stopped.changed() => return,
        }
        let heartbeat = shared.heartbeat.load(Ordering::Relaxed);
        if heartbeat != last_heartbeat {
            last_heartbeat = heartbeat;
            last_turn = tokio::time::Instant::now();
        }
        // The committer turns every two seconds even when idle; one that hangs in a sync gets no ping.
        if watched && last_turn.elapsed() < Duration::from_micros(watchdog_usec) / 2 {
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
            "degraded: no space, a batch is held; lag {lag}, {rows} rows committed since the start"
        );
    }
    format!("lag {lag}, {rows} rows committed since the start")
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(false, states) {
        warn!(error = %e, "cannot tell systemd");
    }
}
