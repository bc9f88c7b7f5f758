//! Secrets in texts: whether there is one, and of which kind. A text with a secret is never exported.
//!
//! A prefilter finds the few places where a secret could be, by strings that its format cannot be without; what stands
//! there is then held to the format: alphabet, length, what is around it, and its checksum where it has one. What each
//! kind is checked for, and what is left out on purpose, stands in docs/secrets.md.
//!
//! **Plain text and the inside of a canonical JSON string are read by the same code.** That is right because no check sees
//! a difference: formats hold no character that would be escaped, a backslash ends a token as the character behind it
//! would, and `\n` or `\u001b` before a token is a boundary whether it was meant as an escape or stands there as text.

mod assigned;
mod checksum;
mod formats;
mod jwt;
mod keys;
mod prefilter;
mod private_key;
mod text;
mod url;

use text::Text;

/// The kinds of secrets, by the name they have in counts and in the queue.
macro_rules! kinds {
    ($($kind:ident $name:literal $doc:literal)*) => {
        /// What a secret is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SecretKind {
            $(#[doc = $doc] $kind,)*
        }

        impl SecretKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name in counts, in the queue and in documents.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    AgeKey "age_key" "The private half of an age key pair."
    AnthropicKey "anthropic_key" "A key of Anthropic's interfaces."
    AtlassianToken "atlassian_token" "An API token of Atlassian."
    AwsAccessKey "aws_access_key" "The id of an AWS access key; its secret half is seldom far."
    AwsSecretKey "aws_secret_key" "The secret half of an AWS access key, where it is assigned."
    AzureKey "azure_key" "A key in a connection string of Azure."
    BasicAuth "basic_auth" "User and password of a header of basic authentication."
    BearerToken "bearer_token" "A token in a bearer header."
    DatabricksToken "databricks_token" "An access token of Databricks."
    DigitaloceanToken "digitalocean_token" "An access or refresh token of DigitalOcean."
    DiscordWebhook "discord_webhook" "The address of a Discord webhook, which is all one needs to post."
    DockerToken "docker_token" "An access token of Docker Hub."
    GithubToken "github_token" "A token of GitHub of any sort."
    GitlabToken "gitlab_token" "An access, runner, deploy or trigger token of GitLab."
    GoogleApiKey "google_api_key" "An API key of Google."
    GoogleOauth "google_oauth" "An access token or a client secret of Google."
    GrafanaToken "grafana_token" "A service account token of Grafana."
    GroqKey "groq_key" "A key of Groq."
    HuggingfaceToken "huggingface_token" "An access token of Hugging Face."
    Jwt "jwt" "A signed JSON Web Token."
    LangfuseKey "langfuse_key" "A secret key of Langfuse."
    LangsmithKey "langsmith_key" "A key of LangSmith."
    LinearKey "linear_key" "A key of Linear."
    NewrelicKey "newrelic_key" "A user key of New Relic."
    NpmToken "npm_token" "An access token of npm."
    OpenaiKey "openai_key" "A key of OpenAI."
    OpenrouterKey "openrouter_key" "A key of OpenRouter."
    PerplexityKey "perplexity_key" "A key of Perplexity."
    PostmanKey "postman_key" "A key of Postman."
    PrivateKey "private_key" "A private key as PEM, OpenSSH, PGP or PuTTY write it."
    PypiToken "pypi_token" "An upload token of PyPI."
    ReplicateToken "replicate_token" "A token of Replicate."
    RubygemsKey "rubygems_key" "A key of RubyGems."
    SendgridKey "sendgrid_key" "A key of SendGrid."
    SentryToken "sentry_token" "A user token of Sentry."
    ShopifyToken "shopify_token" "An access token or shared secret of Shopify."
    SkKey "sk_key" "A key in the shape that many model providers took from OpenAI."
    SlackToken "slack_token" "A token of Slack of any sort."
    SlackWebhook "slack_webhook" "The address of a Slack webhook, which is all one needs to post."
    StripeKey "stripe_key" "A secret or restricted key, or a webhook secret, of Stripe."
    TailscaleKey "tailscale_key" "A key of Tailscale."
    TavilyKey "tavily_key" "A key of Tavily."
    UrlPassword "url_password" "A password in a URL."
    VaultToken "vault_token" "A service token of Vault."
    XaiKey "xai_key" "A key of xAI."
}

/// The first secret found in a plain text, if it holds any.
pub fn find(text: &str) -> Option<SecretKind> {
    prefilter::find(Text(text.as_bytes()))
}

/// What [`find`] says of the text behind the inside of a canonical JSON string, without decoding it.
pub fn find_escaped(escaped: &str) -> Option<SecretKind> {
    prefilter::find(Text(escaped.as_bytes()))
}

/// Whether [`find`] or [`find_escaped`] could find anything in any piece of a text. No is certain.
pub fn may_hold(text: &str) -> bool {
    prefilter::may_hold(Text(text.as_bytes()))
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "secrets_laws.rs"]
mod laws;
