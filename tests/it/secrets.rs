//! Looking for secrets costs little in every text, also in one that was made to be looked at as often as possible.

use std::time::{Duration, Instant};

use distilld::domain::exports::secrets::find;

/// 400 kB of each: work that grows with the square of the length would take minutes.
#[test]
fn texts_made_to_be_slow_are_not() {
    for piece in [
        "xoxb-",
        "sk-",
        "sk-ant-",
        "://",
        "://a:",
        ".eyJ",
        "ghp_",
        "hvs.",
        "Bearer ",
        "glpat-A",
        "[0;",
        "eyJ-",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n\\\\",
        "secret_access_key",
        "Private-Lines: 1\n",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let started = Instant::now();
        assert_eq!(find(&text), None, "{piece}");
        assert!(started.elapsed() < Duration::from_secs(5), "{piece}: {:?}", started.elapsed());
    }
}
