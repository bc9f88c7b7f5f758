//! Private keys: a heading that says so, and enough behind it to be one.

use super::SecretKind;
use super::text::{Text, base64, digit, distinct, upper_alnum};

/// The longest label between `-----BEGIN ` and `PRIVATE KEY`.
const LABEL_BYTES_MAX: usize = 40;
/// The smallest key in use, Ed25519 in PKCS 8, has 64 characters on its first line.
const LINE_BYTES_MIN: usize = 48;
/// Random base64 of that length has over 30 different characters.
const DISTINCT_MIN: usize = 16;
/// How many words may stand before the key: lines such as `Proc-Type: 4,ENCRYPTED`, or where it was cut out.
const WORDS_MAX: usize = 40;

/// `at` is where `PRIVATE KEY` stands.
pub(super) fn pem(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let label = at - text.run_back(at, |b| upper_alnum(b) || b == b' ', LABEL_BYTES_MAX);
    let heading = text.0.get(label..at)?.trim_ascii_start();
    let mut behind = at + "PRIVATE KEY".len();
    if text.starts(behind, " BLOCK") {
        behind += " BLOCK".len();
    }
    let framed = heading.starts_with(b"BEGIN ") && text.ends(label, "----").is_some();
    let dashes = text.run(behind, |b| b == b'-', 4).len();
    (framed && dashes >= 4 && has_body(text, behind + dashes)).then_some(SecretKind::PrivateKey)
}

/// PuTTY's `Private-Lines: 14`.
pub(super) fn putty(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let number = at + "Private-Lines: ".len();
    (text.starts(at, "Private-Lines: ") && text.byte(number).is_some_and(digit) && has_body(text, number))
        .then_some(SecretKind::PrivateKey)
}

/// Whether a line of base64 follows, however its line breaks are written.
fn has_body(text: Text<'_>, from: usize) -> bool {
    let mut at = from;
    let mut words = 0;
    while words < WORDS_MAX {
        if text.starts(at, "-----") {
            return false;
        }
        if let Some(behind) = text.gap(at, |b| !base64(b)) {
            at = behind;
            continue;
        }
        let word = text.run(at, base64, usize::MAX - 1);
        if word.len() >= LINE_BYTES_MIN && distinct(word) >= DISTINCT_MIN {
            return true;
        }
        // Backslashes that are part of no escape are gone over with what follows them.
        let slashes = text.0.get(at..).unwrap_or_default().iter().take_while(|b| **b == b'\\').count();
        let step = word.len() + slashes;
        if step == 0 {
            return false;
        }
        words += usize::from(!word.is_empty());
        at += step;
    }
    false
}
