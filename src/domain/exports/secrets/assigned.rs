//! Secrets without a format of their own, known by what stands before them: a header, or the name of a setting.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SecretKind;
use super::text::{Text, alnum, base64, distinct, hex, placeholder};
use super::url;

/// How many quotes, signs and spaces may stand between a name and its value.
const GAP_MAX: usize = 12;
/// AWS's secret keys have 40 characters.
const AWS_BYTES: usize = 40;
/// How the key of Azure's storage emulator starts; it is the same everywhere, and documented.
const EMULATOR_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlm";
const TOKEN_BYTES_MAX: usize = 4096;

/// `secret_access_key`, in three spellings, and a value; `at` is where its second part stands.
pub(super) fn aws_secret(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let (skip, name) = if text.starts(at, "tAccessKey") {
        ("tAccessKey".len(), text.ends(at, "Secre").or(text.ends(at, "secre")))
    } else {
        ("_access_key".len(), text.ends(at, "secret").or(text.ends(at, "SECRET")))
    };
    name?;
    let mut from = at + skip;
    let gap = |b| matches!(b, b' ' | b'"' | b'\'' | b'`' | b':' | b'=' | b'>' | b',' | b'|');
    for _ in 0..GAP_MAX {
        match text.gap(from, gap) {
            Some(behind) => from = behind,
            None => break,
        }
    }
    // Backslashes that lead to nothing stand before no value.
    let value = text.run(from, base64, AWS_BYTES);
    let ends = text.finishes(from + value.len()) && text.byte(from + value.len()) != Some(b'=');
    let mixed = value.iter().any(u8::is_ascii_lowercase)
        && value.iter().any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_digit);
    let real = value.len() == AWS_BYTES
        && from > at + skip
        && ends
        && mixed
        && !value.iter().all(|b| hex(*b))
        && !placeholder(value);
    real.then_some(SecretKind::AwsSecretKey)
}

/// `AccountKey=` and 64 bytes of base64, or `SharedAccessKey=` and 32.
pub(super) fn azure(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let (skip, len, padding) = if text.starts(at, "AccountKey=") {
        ("AccountKey=".len(), 86, "==")
    } else {
        text.ends(at, "Shared")?;
        ("AccessKey=".len(), 43, "=")
    };
    let value = text.run(at + skip, base64, len);
    let behind = at + skip + len;
    let real = value.len() == len
        && text.starts(behind, padding)
        && text.byte(behind + padding.len()) != Some(b'=')
        && text.finishes(behind + padding.len())
        && !value.starts_with(EMULATOR_KEY.as_bytes())
        && !placeholder(value);
    real.then_some(SecretKind::AzureKey)
}

/// `Bearer ` and a token that nobody would write by hand.
pub(super) fn bearer(text: Text<'_>, at: usize) -> Option<SecretKind> {
    if !text.begins(at) {
        return None;
    }
    let token = text.run(at + "Bearer ".len(), |b| alnum(b) || b"._~+/=-".contains(&b), TOKEN_BYTES_MAX);
    let random = token.split(|b| !alnum(*b)).any(|part| {
        part.len() >= 16
            && part.iter().filter(|b| b.is_ascii_digit()).count() >= 2
            && part.iter().any(u8::is_ascii_alphabetic)
            && distinct(part) >= 8
    });
    (token.len() >= 20 && random && !placeholder(token)).then_some(SecretKind::BearerToken)
}

/// `Basic ` and what decodes to user and password.
pub(super) fn basic(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let encoded = text.run(at + "Basic ".len(), |b| base64(b) || b == b'=', 512);
    let pair = STANDARD.decode(encoded).ok()?;
    let colon = pair.iter().position(|b| *b == b':')?;
    let (user, password) = (pair.get(..colon)?, pair.get(colon + 1..)?);
    let readable = pair.iter().all(|b| (b' '..=b'~').contains(b));
    (readable && text.begins(at) && url::real_password(user, password)).then_some(SecretKind::BasicAuth)
}
