//! Talking to others. tokio lives here and nowhere else.

pub mod systemd;
