//! JSON Web Tokens: three parts of base64, of which the first says how the third was made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::SecretKind;
use super::text::{Text, url_safe};

/// The longest header; real ones have some 20 to 300 characters.
const HEADER_BYTES_MAX: usize = 2048;
/// Shorter is no signature: HS256's has 43 characters.
const SIGNATURE_BYTES_MIN: usize = 40;
/// How the payload of the example on jwt.io starts, which stands in half of all tutorials.
const EXAMPLE_PAYLOAD: &str = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l";

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
}

/// `at` is the dot before the payload.
pub(super) fn check(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let payload = text.run(at + 1, url_safe, usize::MAX - 1);
    let dot = at + 1 + payload.len();
    let signature = text.run(dot + 1, url_safe, SIGNATURE_BYTES_MIN - 1);
    if text.byte(dot) != Some(b'.')
        || signature.len() < SIGNATURE_BYTES_MIN
        || payload.starts_with(EXAMPLE_PAYLOAD.as_bytes())
    {
        return None;
    }
    let start = at - text.run_back(at, url_safe, HEADER_BYTES_MAX);
    // An escape, or the end of a terminal's colour, may stand right before the header.
    let header = (start..at.min(start + 16)).find(|at| text.starts(*at, "ey") && text.begins(*at))?;
    let json = URL_SAFE_NO_PAD.decode(text.0.get(header..at)?).ok()?;
    let header: Header = serde_json::from_slice(&json).ok()?;
    (!header.alg.eq_ignore_ascii_case("none")).then_some(SecretKind::Jwt)
}
