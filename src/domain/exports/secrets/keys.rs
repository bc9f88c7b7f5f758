//! Keys and tokens with more to check than alphabet and length.

use super::SecretKind;
use super::checksum::{bech32, bech32_value, crc32_base62};
use super::text::{Alphabet, Text, alnum, contains_folded, digit, dotted, hex, placeholder, url_safe};

/// The longest key whose length is not fixed; longer runs are data.
const KEY_BYTES_MAX: usize = 512;

/// A whole token from `at` on, behind `skip` bytes of prefix: between `min` and `max` of the alphabet, and no more.
fn whole(text: Text<'_>, at: usize, skip: usize, of: Alphabet, min: usize, max: usize) -> Option<&[u8]> {
    if !text.begins(at) {
        return None;
    }
    let body = text.run(at + skip, of, max);
    let fits = (min..=max).contains(&body.len());
    (fits && text.finishes(at + skip + body.len())).then_some(body)
}

/// `gh?_` and 36 characters with a checksum. Longer ones (refresh tokens, and installation tokens since 2026) have none
/// that is published.
pub(super) fn github(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let real = match whole(text, at, 4, alnum, 36, 36) {
        Some(body) => crc32_base62(body),
        None => !placeholder(whole(text, at, 4, dotted, 70, 2048)?),
    };
    real.then_some(SecretKind::GithubToken)
}

/// `npm_` and 36 characters with a checksum.
pub(super) fn npm(text: Text<'_>, at: usize) -> Option<SecretKind> {
    crc32_base62(whole(text, at, 4, alnum, 36, 36)?).then_some(SecretKind::NpmToken)
}

/// `github_pat_` or `dckr_pat_`; `at` is where `_pat_` stands.
pub(super) fn personal_access(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let from = at + "_pat_".len();
    let (body, kind) = if let Some(start) = text.ends(at, "github") {
        let body = whole(text, start, from - start, |b| alnum(b) || b == b'_', 82, 82)?;
        (body.get(22) == Some(&b'_')).then_some((body, SecretKind::GithubToken))?
    } else {
        let start = text.ends(at, "dckr")?;
        (whole(text, start, from - start, url_safe, 27, 36)?, SecretKind::DockerToken)
    };
    (!placeholder(body)).then_some(kind)
}

/// `xoxb-` and its kin: groups of digits, then a random one.
pub(super) fn slack(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let body = whole(text, at, 4, |b| alnum(b) || matches!(b, b'-' | b'.'), 24, KEY_BYTES_MAX)?;
    let digits = body.iter().filter(|b| digit(**b)).count();
    let grouped = body.split(|b| *b == b'-').count() > 2;
    (digits >= 10 && grouped && !placeholder(body)).then_some(SecretKind::SlackToken)
}

/// `sk-` and what follows: the providers of models.
pub(super) fn sk(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let body = whole(text, at, 3, url_safe, 32, KEY_BYTES_MAX)?;
    let starts = |with: &str| body.starts_with(with.as_bytes());
    // Long names of words and dashes are no keys.
    let count = |is: fn(&u8) -> bool| body.iter().filter(|b| is(b)).count();
    let random = count(u8::is_ascii_digit) >= 3 && count(u8::is_ascii_uppercase) >= 3;
    let kind = if starts("ant-") {
        (random && body.len() >= 80).then_some(SecretKind::AnthropicKey)
    } else if starts("proj-") || starts("svcacct-") || starts("admin-") {
        (random && body.len() >= 40).then_some(SecretKind::OpenaiKey)
    } else if let Some(key) = body.strip_prefix(b"or-v1-") {
        (key.len() == 64 && key.iter().all(|b| hex(*b))).then_some(SecretKind::OpenrouterKey)
    } else if let Some(key) = body.strip_prefix(b"lf-") {
        (key.len() == 36 && key.iter().all(|b| hex(*b) || *b == b'-')).then_some(SecretKind::LangfuseKey)
    } else if !body.iter().all(|b| alnum(*b)) {
        None
    } else if contains_folded(body, "t3blbkfj") {
        Some(SecretKind::OpenaiKey)
    } else {
        let mixed = body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic);
        let known = body.len() == 48 || (body.len() == 32 && body.iter().all(|b| hex(*b)));
        (mixed && known).then_some(SecretKind::SkKey)
    };
    kind.filter(|_| !placeholder(body))
}

/// `AGE-SECRET-KEY-1` and 58 characters of Bech32, checksum included.
pub(super) fn age(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let body = whole(text, at, "AGE-SECRET-KEY-1".len(), |b| bech32_value(b).is_some(), 58, 58)?;
    bech32("AGE-SECRET-KEY-", body).then_some(SecretKind::AgeKey)
}

/// `pypi-` and a macaroon of pypi.org or test.pypi.org.
pub(super) fn pypi(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let body = whole(text, at, "pypi-AgE".len(), url_safe, 60, 1024)?;
    let place = [b"IcHlwaS5vcmc".as_slice(), b"NdGVzdC5weXBpLm9yZw"];
    (place.iter().any(|place| body.starts_with(place)) && !placeholder(body)).then_some(SecretKind::PypiToken)
}

/// `SG.`, 22 characters, a dot, 43 characters.
pub(super) fn sendgrid(text: Text<'_>, at: usize) -> Option<SecretKind> {
    two_parts(text, at, "SG.".len(), (url_safe, 22), b'.', (url_safe, 43)).then_some(SecretKind::SendgridKey)
}

/// `glsa_`, 32 characters, `_`, 8 hex digits.
pub(super) fn grafana(text: Text<'_>, at: usize) -> Option<SecretKind> {
    two_parts(text, at, "glsa_".len(), (alnum, 32), b'_', (hex, 8)).then_some(SecretKind::GrafanaToken)
}

/// `sntryu_` and 64 hex digits.
pub(super) fn sentry(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let body = whole(text, at, "sntryu_".len(), hex, 64, 64)?;
    (text.starts(at, "sntryu_") && !placeholder(body)).then_some(SecretKind::SentryToken)
}

fn two_parts(
    text: Text<'_>,
    at: usize,
    skip: usize,
    first: (Alphabet, usize),
    mark: u8,
    second: (Alphabet, usize),
) -> bool {
    let from = at + skip;
    let one = text.run(from, first.0, first.1 - 1);
    let behind = from + first.1 + 1;
    let two = text.run(behind, second.0, second.1);
    one.len() == first.1
        && text.byte(behind - 1) == Some(mark)
        && two.len() == second.1
        && text.finishes(behind + two.len())
        && text.begins(at)
        && !placeholder(one)
        && !placeholder(two)
}
