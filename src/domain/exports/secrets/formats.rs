//! The table of formats: by what each is found, and how it is checked.

#[allow(clippy::enum_glob_use, reason = "the table below names every kind")]
use super::SecretKind::{self, *};
use super::text::{
    Alphabet, Text, alnum, alpha, base32, base64, dotted, hex, placeholder, upper_alnum, url_safe, word,
};
use super::{assigned, jwt, keys, private_key, url};

/// One format.
pub(super) struct Format {
    /// The string it cannot be without.
    pub(super) trigger: &'static str,
    check: Check,
}

enum Check {
    /// The trigger, then between `min` and `max` characters of the alphabet, and no more.
    Token { kind: SecretKind, alphabet: Alphabet, min: usize, max: usize },
    /// Anything else, given where the trigger stands.
    Code(fn(Text<'_>, usize) -> Option<SecretKind>),
}

const fn token(
    trigger: &'static str,
    kind: SecretKind,
    alphabet: Alphabet,
    min: usize,
    max: usize,
) -> Format {
    Format { trigger, check: Check::Token { kind, alphabet, min, max } }
}

const fn code(trigger: &'static str, check: fn(Text<'_>, usize) -> Option<SecretKind>) -> Format {
    Format { trigger, check: Check::Code(check) }
}

/// Every format.
pub(super) static FORMATS: [Format; 69] = [
    code("AGE-SECRET-KEY-1", keys::age),
    token("ATATT3", AtlassianToken, |b| url_safe(b) || b == b'=', 100, 250),
    token("AKIA", AwsAccessKey, base32, 16, 16),
    token("ASIA", AwsAccessKey, base32, 16, 16),
    code("_access_key", assigned::aws_secret),
    code("_ACCESS_KEY", assigned::aws_secret),
    code("tAccessKey", assigned::aws_secret),
    code("AccountKey=", assigned::azure),
    code("AccessKey=", assigned::azure),
    code("Basic ", assigned::basic),
    code("Bearer ", assigned::bearer),
    code("bearer ", assigned::bearer),
    token("dapi", DatabricksToken, hex, 32, 32),
    token("dop_v1_", DigitaloceanToken, hex, 64, 64),
    token("doo_v1_", DigitaloceanToken, hex, 64, 64),
    token("dor_v1_", DigitaloceanToken, hex, 64, 64),
    code("webhooks/", url::discord_webhook),
    code("ghp_", keys::github),
    code("gho_", keys::github),
    code("ghu_", keys::github),
    code("ghs_", keys::github),
    code("ghr_", keys::github),
    code("_pat_", keys::personal_access),
    token("glpat-", GitlabToken, dotted, 20, 300),
    token("glrt-", GitlabToken, dotted, 20, 300),
    token("gldt-", GitlabToken, dotted, 20, 300),
    token("glptt-", GitlabToken, hex, 40, 40),
    token("AIza", GoogleApiKey, url_safe, 35, 35),
    token("ya29.", GoogleOauth, dotted, 30, 2048),
    token("GOCSPX-", GoogleOauth, url_safe, 28, 28),
    code("glsa_", keys::grafana),
    token("gsk_", GroqKey, alnum, 52, 52),
    token("hf_", HuggingfaceToken, alpha, 34, 34),
    code(".eyJ", jwt::check),
    // pt_ or sk_, 32 hex digits, 10 hex digits.
    token("lsv2_", LangsmithKey, word, 46, 46),
    token("lin_api_", LinearKey, alnum, 40, 48),
    token("NRAK-", NewrelicKey, upper_alnum, 27, 27),
    code("npm_", keys::npm),
    token("pplx-", PerplexityKey, alnum, 48, 56),
    // 24 and 34 hex digits.
    token("PMAK-", PostmanKey, |b| hex(b) || b == b'-', 59, 59),
    code("PRIVATE KEY", private_key::pem),
    code("Private-Lines:", private_key::putty),
    code("pypi-AgE", keys::pypi),
    token("r8_", ReplicateToken, alnum, 37, 37),
    token("rubygems_", RubygemsKey, hex, 48, 48),
    code("SG.", keys::sendgrid),
    code("sntry", keys::sentry),
    token("shpat_", ShopifyToken, hex, 32, 32),
    token("shpca_", ShopifyToken, hex, 32, 32),
    token("shppa_", ShopifyToken, hex, 32, 32),
    token("shpss_", ShopifyToken, hex, 32, 32),
    code("sk-", keys::sk),
    code("xapp-", keys::slack),
    code("xoxa-", keys::slack),
    code("xoxb-", keys::slack),
    code("xoxe", keys::slack),
    code("xoxp-", keys::slack),
    code("xoxs-", keys::slack),
    code(".slack.com/", url::slack_webhook),
    token("sk_live_", StripeKey, alnum, 16, 250),
    token("rk_live_", StripeKey, alnum, 16, 250),
    token("sk_test_", StripeKey, alnum, 16, 250),
    token("rk_test_", StripeKey, alnum, 16, 250),
    token("whsec_", StripeKey, base64, 32, 88),
    token("tskey-", TailscaleKey, url_safe, 24, 128),
    token("tvly-", TavilyKey, url_safe, 28, 64),
    code("://", url::password),
    token("hvs.", VaultToken, url_safe, 24, 250),
    token("xai-", XaiKey, alnum, 80, 80),
];

/// The format that is found by a string.
pub(super) fn format_of(trigger: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.trigger == trigger)
}

impl Format {
    /// Whether what stands at `at`, where the trigger was found, is a secret.
    pub(super) fn check(&self, text: Text<'_>, at: usize) -> Option<SecretKind> {
        match &self.check {
            Check::Token { kind, alphabet, min, max } => {
                if !text.begins(at) {
                    return None;
                }
                let from = at + self.trigger.len();
                let body = text.run(from, *alphabet, *max);
                let fits = (*min..=*max).contains(&body.len());
                (fits && text.finishes(from + body.len()) && !placeholder(body)).then_some(*kind)
            }
            Check::Code(check) => check(text, at),
        }
    }
}
