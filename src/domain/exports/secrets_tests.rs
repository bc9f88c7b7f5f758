//! Both sides of every format. Tokens are put together here, so that none stands in this repository.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

#[allow(clippy::enum_glob_use, reason = "the tables below name every kind")]
use super::SecretKind::*;
use super::checksum::{base62, bech32_with_sum};
use super::*;
use crate::domain::canonical::push_escaped;

pub(super) const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALPHA: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `len` characters of an alphabet that look random, and are the same for the same seed.
pub(super) fn random(seed: u64, alphabet: &str, len: usize) -> String {
    let mut dice = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| char::from(alphabet.as_bytes()[dice.usize(..alphabet.len())])).collect()
}

/// A random body with its CRC-32 in base 62.
fn summed(seed: u64) -> String {
    let entropy = random(seed, ALNUM, 30);
    let sum = base62(crc32fast::hash(entropy.as_bytes()));
    entropy + std::str::from_utf8(&sum).unwrap()
}

fn base64_of(seed: u64, bytes: usize) -> String {
    STANDARD.encode(random(seed, ALNUM, bytes))
}

pub(super) fn jwt(seed: u64, header: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(header), part(r#"{"sub":"42","admin":true}"#), random(seed, ALNUM, 43))
}

pub(super) fn pem(seed: u64, label: &str, line_break: &str) -> String {
    let lines: Vec<String> = (0..4).map(|n| base64_of(seed + n, 48)).collect();
    let body = lines.join(line_break);
    let dashes = "-".repeat(5);
    format!("{dashes}BEGIN {label}{dashes}{line_break}{body}{line_break}{dashes}END {label}{dashes}")
}

/// A secret of every kind, some in several shapes.
#[rustfmt::skip]
pub(super) fn positives(seed: u64) -> Vec<(SecretKind, String)> {
    let r = |alphabet, len| random(seed, alphabet, len);
    let mut all = vec![
        (AgeKey, format!("AGE-SECRET-KEY-{}", bech32_age(seed))),
        (AnthropicKey, format!("sk-{}-api03-{}AA", "ant", r(ALNUM, 93))),
        (AtlassianToken, format!("ATATT3{}={}", r(ALNUM, 178), r(HEX, 8).to_uppercase())),
        (AwsAccessKey, format!("AKIA{}", r(UPPER, 16))),
        (AwsAccessKey, format!("ASIA{}", r(UPPER, 16))),
        (AwsSecretKey, format!("aws_secret_access_key = {}", aws(seed))),
        (AwsSecretKey, format!("export AWS_SECRET_ACCESS_KEY='{}'", aws(seed))),
        (AwsSecretKey, format!("{{\"SecretAccessKey\": \"{}\"}}", aws(seed))),
        (AwsSecretKey, format!("{{\\\"secretAccessKey\\\":\\\"{}\\\"}}", aws(seed))),
        (AzureKey, format!("AccountName=a;AccountKey={};x", base64_of(seed, 64))),
        (AzureKey, format!("SharedAccessKey={}", base64_of(seed, 32))),
        (BasicAuth, format!("Authorization: Basic {}", STANDARD.encode(format!("ci:{}", r(ALNUM, 12))))),
        (BearerToken, format!("Authorization: Bearer {}", bearer(seed))),
        (BearerToken, format!("authorization: bearer {}", bearer(seed))),
        (DatabricksToken, format!("dapi{}", r(HEX, 32))),
        (DigitaloceanToken, format!("dop_v1_{}", r(HEX, 64))),
        (DiscordWebhook, format!("https://discord.com/api/webhooks/{}/{}", r("123456789", 18), r(ALNUM, 68))),
        (DockerToken, format!("dckr_{}_{}", "pat", r(ALNUM, 27))),
        (GithubToken, format!("github_{}_{}_{}", "pat", r(ALNUM, 22), random(seed + 1, ALNUM, 59))),
        (GithubToken, format!("ghr_{}", r(ALNUM, 76))),
        (GithubToken, format!("ghs_1234_{}", jwt(seed, r#"{"alg":"RS256"}"#))),
        (GitlabToken, format!("glpat-{}", r(ALNUM, 20))),
        (GitlabToken, format!("glpat-{}.01.{}", r(ALNUM, 40), r(HEX, 9))),
        (GitlabToken, format!("glptt-{}", r(HEX, 40))),
        (GoogleApiKey, format!("AIza{}", r(ALNUM, 35))),
        (GoogleOauth, format!("ya29.{}", r(ALNUM, 120))),
        (GoogleOauth, format!("GOCSPX-{}", r(ALNUM, 28))),
        (GrafanaToken, format!("glsa_{}_{}", r(ALNUM, 32), r(HEX, 8))),
        (GroqKey, format!("gsk_{}", r(ALNUM, 52))),
        (HuggingfaceToken, format!("hf_{}", r(ALPHA, 34))),
        (Jwt, jwt(seed, r#"{"alg":"HS256","typ":"JWT"}"#)),
        (Jwt, jwt(seed, r#"{"typ":"JWT","alg":"ES256","kid":"a b"}"#)),
        (LangfuseKey, format!("sk-lf-{}", uuid(seed))),
        (LangsmithKey, format!("lsv2_pt_{}_{}", r(HEX, 32), r(HEX, 10))),
        (LinearKey, format!("lin_api_{}", r(ALNUM, 40))),
        (NewrelicKey, format!("NRAK-{}", r(UPPER, 27))),
        (NpmToken, format!("npm_{}", summed(seed))),
        (OpenaiKey, format!("sk-{}{}{}", r(ALNUM, 20), "T3Blbk".to_owned() + "FJ", random(seed + 1, ALNUM, 20))),
        (OpenaiKey, format!("sk-proj-{}", r(ALNUM, 120))),
        (OpenaiKey, format!("sk-svcacct-{}", r(ALNUM, 120))),
        (OpenrouterKey, format!("sk-or-v1-{}", r(HEX, 64))),
        (PerplexityKey, format!("pplx-{}", r(ALNUM, 48))),
        (PostmanKey, format!("PMAK-{}-{}", r(HEX, 24), r(HEX, 34))),
        (PrivateKey, format!("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\nPrivate-MAC: 0", base64_of(seed, 48))),
        (PypiToken, format!("pypi-AgEIcHlwaS5vcmc{}", r(ALNUM, 120))),
        (ReplicateToken, format!("r8_{}", r(ALNUM, 37))),
        (RubygemsKey, format!("rubygems_{}", r(HEX, 48))),
        (SendgridKey, format!("SG.{}.{}", r(ALNUM, 22), random(seed + 1, ALNUM, 43))),
        (SentryToken, format!("sntryu_{}", r(HEX, 64))),
        (ShopifyToken, format!("shpat_{}", r(HEX, 32))),
        (SkKey, format!("sk-{}", mixed(seed, 32, HEX))),
        (SkKey, format!("sk-{}", mixed(seed, 48, ALNUM))),
        (SlackToken, format!("xoxb-{}-{}-{}", r("0192837465", 12), r("5647382910", 13), r(ALNUM, 24))),
        (SlackToken, format!("xapp-1-A{}-{}-{}", r(UPPER, 10), r("0192837465", 13), r(HEX, 64))),
        (SlackWebhook, format!("https://hooks.slack.com/services/T{}/B{}/{}", r(UPPER, 10), r(UPPER, 10), r(ALNUM, 24))),
        (StripeKey, format!("sk_live_{}", r(ALNUM, 24))),
        (StripeKey, format!("rk_test_{}", r(ALNUM, 99))),
        (StripeKey, format!("whsec_{}", r(ALNUM, 32))),
        (TailscaleKey, format!("tskey-auth-{}-{}", r(ALNUM, 17), r(ALNUM, 32))),
        (TavilyKey, format!("tvly-dev-{}", r(ALNUM, 32))),
        (UrlPassword, format!("postgres://app:{}@db.internal:5432/app", r(ALNUM, 9))),
        (UrlPassword, format!("redis://:{}@10.0.0.7:6379", r(ALNUM, 16))),
        (UrlPassword, format!("https://bot:{}@github.com/o/r.git", r(HEX, 40))),
        (VaultToken, format!("hvs.{}", r(ALNUM, 92))),
        (XaiKey, format!("xai-{}", r(ALNUM, 80))),
    ];
    all.extend(["ghp_", "gho_", "ghu_", "ghs_"].map(|prefix| (GithubToken, prefix.to_owned() + &summed(seed))));
    let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"];
    for line_break in ["\n", "\r\n", "\\n", "\\\\n", "\\n\" +\n  \"", " "] {
        all.extend(labels.map(|label| (PrivateKey, pem(seed, label, line_break))));
    }
    all
}

fn bech32_age(seed: u64) -> String {
    let data = random(seed, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 52);
    format!("1{}", bech32_with_sum("AGE-SECRET-KEY-", &data))
}

/// Some with what makes a value random for sure.
fn mixed(seed: u64, len: usize, alphabet: &str) -> String {
    "0a".to_owned() + &random(seed, alphabet, len - 2)
}

fn aws(seed: u64) -> String {
    "aZ0/".to_owned() + &random(seed, ALNUM, 36)
}

fn bearer(seed: u64) -> String {
    "a0".to_owned() + &random(seed, HEX, 38) + "7b"
}

pub(super) fn uuid(seed: u64) -> String {
    let hex = random(seed, HEX, 32);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

pub(super) fn both(text: &str) -> Option<SecretKind> {
    let mut escaped = String::new();
    push_escaped(&mut escaped, text);
    let (plain, in_json) = (find(text), find_escaped(&escaped));
    assert_eq!(plain, in_json, "{text}");
    plain
}

#[test]
fn every_kind_is_found() {
    for seed in 0..200 {
        for (kind, secret) in positives(seed) {
            assert_eq!(both(&secret), Some(kind), "{secret}");
        }
    }
    let found: std::collections::BTreeSet<_> = positives(0).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), SecretKind::ALL);
}

#[test]
fn names_are_distinct_and_plain() {
    let names: std::collections::BTreeSet<_> = SecretKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), SecretKind::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
}

#[test]
fn a_secret_is_found_whatever_stands_around_it() {
    for (before, after) in [
        ("", ""),
        ("token: ", "."),
        ("\"", "\""),
        ("'", "',"),
        ("`", "`"),
        ("=", "&x=1"),
        ("\n", "\n"),
        ("\\n", "\\n"),
        ("\\\\n", "\\\\n"),
        ("\\\"", "\\\""),
        ("\\u0022", "\\u0022"),
        ("\u{1b}[1;32m", "\u{1b}[0m"),
        ("\u{1}", "\u{1f}"),
        ("%3D", "%26"),
        ("(", ")"),
        ("é", "é"),
        ("<", ">"),
        ("\t", "\r\n"),
    ] {
        for (kind, secret) in positives(7) {
            let text = format!("{before}{secret}{after}");
            assert_eq!(both(&text), Some(kind), "{text:?}");
        }
    }
}

#[test]
fn a_token_inside_a_longer_word_is_none() {
    // These are known by what is in them, whatever stands around.
    let anywhere = [
        AwsSecretKey,
        AzureKey,
        UrlPassword,
        PrivateKey,
        SlackWebhook,
        DiscordWebhook,
        BasicAuth,
        BearerToken,
    ];
    for (kind, secret) in positives(11).into_iter().filter(|(kind, _)| !anywhere.contains(kind)) {
        assert_eq!(both(&format!("my{secret}")), None, "{kind:?}");
        assert_eq!(both(&format!("x_{secret}")), None, "{kind:?}");
    }
    for secret in ["AKIA", "ghp_", "npm_", "hf_", "AIza"] {
        let (_, secret) = positives(11).into_iter().find(|(_, text)| text.starts_with(secret)).unwrap();
        assert_eq!(both(&(secret.clone() + "Zz9")), None);
        assert_eq!(both(&secret[..secret.len() - 1]), None);
    }
}

#[test]
fn a_wrong_checksum_is_no_token() {
    for seed in 0..50 {
        for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_"] {
            let body = summed(seed);
            let wrong = if body.ends_with('a') { "b" } else { "a" };
            assert_eq!(both(&format!("{prefix}{}{wrong}", &body[..35])), None);
            assert_eq!(both(&format!("{prefix}{}", random(seed, ALNUM, 36))), None);
        }
        let age = format!("AGE-SECRET-KEY-{}", bech32_age(seed));
        assert_eq!(both(&age.replace(&age[40..41], if &age[40..41] == "Q" { "P" } else { "Q" })), None);
    }
}

#[test]
fn a_web_token_needs_a_header_and_a_signature() {
    assert_eq!(both(&jwt(1, r#"{"alg":"none"}"#)), None);
    assert_eq!(both(&jwt(1, r#"{"typ":"JWT"}"#)), None);
    assert_eq!(both(&jwt(1, "{\"alg\":")), None);
    let whole = jwt(1, r#"{"alg":"HS256"}"#);
    assert_eq!(both(&whole[..whole.len() - 10]), None);
    let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#);
    let example = format!("{}.{payload}.{}", whole.split('.').next().unwrap(), random(1, ALNUM, 43));
    assert_eq!(both(&example), None);
}

#[test]
fn a_heading_is_no_private_key() {
    let dashes = "-".repeat(5);
    let begin = format!("{dashes}BEGIN RSA PRIVATE KEY{dashes}");
    let end = format!("{dashes}END RSA PRIVATE KEY{dashes}");
    for text in [
        begin.clone(),
        format!("{begin}\n...\n{end}"),
        format!("{begin}\n{}\n{end}", "x".repeat(64)),
        format!("{begin}\nMIIEvQIBADANBgkqhkiG9w0B...\n{end}\n{}", base64_of(1, 60)),
        format!("The block starts with {begin} and goes on with lines of base64, as RFC 7468 says. {end}"),
        format!("if text.contains(\"{begin}\") {{ return Err(Leak) }}"),
        format!("{begin}{end}\n{}", base64_of(2, 60)),
        pem(3, "CERTIFICATE", "\n"),
        pem(3, "PUBLIC KEY", "\n"),
        "Private-Lines: 14 is where PuTTY says how many lines follow.".to_owned(),
    ] {
        assert_eq!(both(&text), None, "{text}");
    }
    let headers = "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,3F17F5316E2BAC89\n\n";
    assert_eq!(both(&format!("{begin}{headers}{}", base64_of(4, 48))), Some(SecretKind::PrivateKey));
}

#[test]
fn ordinary_texts_hold_no_secret() {
    let hex = |len| random(5, HEX, len);
    let assigned = |name: &str, value: &str| format!("{name}={value}");
    let texts = [
        hex(40),
        hex(64),
        format!("commit {}\nsha256:{}", hex(40), hex(64)),
        format!("sha512-{}", base64_of(1, 64)),
        format!("data:image/png;base64,{}", base64_of(2, 3000)),
        uuid(1),
        format!("bearer of {}", uuid(2)),
        format!("Bearer {}", uuid(3)),
        assigned("aws_secret_access_key", &hex(40)),
        assigned("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        assigned("AWS_SECRET_ACCESS_KEY", "${AWS_SECRET_ACCESS_KEY}"),
        assigned("AWS_SECRET_ACCESS_KEY", "<your secret access key>"),
        "AKIAIOSFODNN7EXAMPLE and AKIAXXXXXXXXXXXXXXXX and AKIA and AKIA1234".to_owned(),
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ghp_ ghp_… ghp_<token> ghp_${TOKEN}".to_owned(),
        "github_pat_ and github_pat_XXXXXXXXXXXXXXXXXXXXXX_XXXXXXX".to_owned(),
        "pip install sk-learn; the task-runner-for-the-risk-management-desk-of-1984".to_owned(),
        "sk-ant-api03-your-key-here sk-proj-... sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            .to_owned(),
        "sk-proj-a-long-name-of-words-and-dashes-that-somebody-gave-to-a-folder-in-2024".to_owned(),
        "npm_config_registry npm_package_version npm_lifecycle_event".to_owned(),
        "hf_hub_download(hf_transfer) SG.Mail r8_t *hf_model_of_thirty_four_letters_x".to_owned(),
        "xoxb-your-token xoxb-123456789012-1234567890123-XXXXXXXXXXXXXXXXXXXXXXXX".to_owned(),
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX".to_owned(),
        "https://hooks.slack.com/services/ https://acme.slack.com/archives/C024BE91L/p1".to_owned(),
        "https://discord.com/api/webhooks/{id}/{token} POST /api/webhooks/github".to_owned(),
        "Authorization: Bearer <token>, Bearer ${TOKEN}, Bearer YOUR_ACCESS_TOKEN_HERE_12".to_owned(),
        "the bearer authentication-of-rfc6750-is-what-most-use and Bearer AuthenticationProviderFactory"
            .to_owned(),
        "Basic authentication; Basic dXNlcjpwYXNzd29yZA==; Basic instruction; Basic types".to_owned(),
        "https://localhost:8080/a@b http://localhost:8080@evil.test http://localhost:8080@x.org".to_owned(),
        "https://user:password@host https://user:pass@host ftp://anonymous:secret@host".to_owned(),
        "https://user:hunter2@example.com/ https://a:hunter2@db.test/ https://u:hunter2@api.example"
            .to_owned(),
        "postgres://postgres:postgres@localhost/db amqp://guest:guest@mq redis://:xxxx@h".to_owned(),
        "postgres://${USER}:${PASS}@h postgres://$U:$PASSWORD@h mysql://%s:%s@h https://u:***@h".to_owned(),
        "postgres://user:<password>@h postgres://{user}:{password}@h re'://[^:]+:[^@]+@'".to_owned(),
        "https://docs.rs/regex?x=1:2@3 git+ssh://git@github.com/o/r https://a@b.org mailto:a:b@c.d"
            .to_owned(),
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=<key>;AccountKey=;AccessKey=".to_owned(),
        format!(
            "AccountKey={}{}",
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/", "KBHBeksoGMGw=="
        ),
        "fn f(a:&[u8])->u8{a.iter().fold(0,|s,b|s^b)}!function(e,t){\"object\"==typeof exports}".to_owned(),
        "AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX AIza_… a@b.org, c.d@e.com; @decorator".to_owned(),
        "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ".to_owned(),
        "sk_test_xxxxxxxxxxxxxxxxxxxxxxxx rk_live_… whsec_...".to_owned(),
        String::new(),
    ];
    for text in texts {
        assert_eq!(both(&text), None, "{text}");
    }
}
