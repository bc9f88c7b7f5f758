//! URLs that hold a password, or that are one.

use super::SecretKind;
use super::text::{Text, alnum, contains_folded, digit, distinct, placeholder, upper_alnum, url_safe};

/// The longest user and password that are looked at.
const USERINFO_BYTES_MAX: usize = 512;

/// Words that stand where a password would. A password with none of these letters but with a digit is taken as real.
const STAND_INS: [&str; 14] = [
    "password",
    "passwd",
    "secret",
    "token",
    "changeme",
    "change-me",
    "example",
    "placeholder",
    "redacted",
    "hidden",
    "dummy",
    "your",
    "apikey",
    "api_key",
];

/// `at` is where `://` stands; behind it user, colon, password and `@`.
pub(super) fn password(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let from = at + "://".len();
    let userinfo = text.run(from, |b| alnum(b) || b"-._~%!$&'()*+,;=:".contains(&b), USERINFO_BYTES_MAX);
    let behind = from + userinfo.len();
    if text.byte(behind) != Some(b'@') {
        return None;
    }
    let colon = userinfo.iter().position(|b| *b == b':')?;
    let (user, password) = (userinfo.get(..colon)?, userinfo.get(colon + 1..)?);
    let host = text.run(behind + 1, |b| alnum(b) || b"-.[]:".contains(&b), USERINFO_BYTES_MAX);
    let name = host.split(|b| *b == b':').next().unwrap_or_default();
    (!host.is_empty() && !for_documentation(name) && real_password(user, password))
        .then_some(SecretKind::UrlPassword)
}

/// A host that RFC 2606 keeps for documentation and tests.
fn for_documentation(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase();
    let mut labels = host.rsplit(|b| *b == b'.');
    match labels.next() {
        Some(b"example" | b"invalid" | b"test") => true,
        Some(b"com" | b"org" | b"net") => labels.next() == Some(b"example"),
        _ => false,
    }
}

/// Whether a password is one, and does not stand for one.
pub(super) fn real_password(user: &[u8], password: &[u8]) -> bool {
    let port = password.len() <= 5 && password.iter().all(|b| digit(*b));
    // `$PASSWORD`, `$(cat …)`, `%s`, `%(password)s`; other templates have signs that no password in a URL has.
    let template = password.starts_with(b"$")
        || password.starts_with(b"%(")
        || matches!(password, b"%s" | b"%v" | b"%d" | b"%q");
    let worded = !password.iter().any(u8::is_ascii_digit)
        && STAND_INS.iter().any(|word| contains_folded(password, word));
    let short = matches!(password.to_ascii_lowercase().as_slice(), b"pass" | b"pwd" | b"pswd");
    password.len() >= 3
        && distinct(password) >= 3
        && !port
        && !template
        && !worded
        && !short
        // The default account of a database in a container: `postgres:postgres`.
        && user != password
}

/// `at` is where `.slack.com/` stands.
pub(super) fn slack_webhook(text: Text<'_>, at: usize) -> Option<SecretKind> {
    text.ends(at, "hooks")?;
    let mut from = at + ".slack.com/".len();
    let kind = ["services/", "workflows/", "triggers/"].into_iter().find(|kind| text.starts(from, kind))?;
    from += kind.len();
    for _ in 0..2 {
        let part = text.run(from, upper_alnum, 32);
        from += part.len() + 1;
        if part.len() < 8 || text.byte(from - 1) != Some(b'/') {
            return None;
        }
    }
    let secret = text.run(from, alnum, 64);
    (secret.len() >= 20 && !placeholder(secret)).then_some(SecretKind::SlackWebhook)
}

/// `at` is where `webhooks/` stands.
pub(super) fn discord_webhook(text: Text<'_>, at: usize) -> Option<SecretKind> {
    let domain = text.ends(at, "/api/")?;
    let start = text.ends(domain, "discord.com").or(text.ends(domain, "discordapp.com"))?;
    if !text.begins(start) {
        return None;
    }
    let from = at + "webhooks/".len();
    let id = text.run(from, digit, 24);
    let secret = text.run(from + id.len() + 1, url_safe, 128);
    let real = id.len() >= 16
        && text.byte(from + id.len()) == Some(b'/')
        && secret.len() >= 60
        && !placeholder(secret);
    real.then_some(SecretKind::DiscordWebhook)
}
