//! Signing in with the province's own sign-in service: OpenID Connect, authorization code with PKCE.
//!
//! ```text
//! browser ── start ──▶ here: state, nonce, verifier are made and kept ──▶ provider: who are you?
//! browser ◀── code ── provider ── browser ── return ──▶ here: state and cookie fit; code + verifier ──▶ provider
//!         ◀── session ── here: the identity token holds, and names an account that is there
//! ```
//!
//! Nothing is ever created: somebody without an account here stays outside. What the two sides say to each other is small
//! and bounded, and no redirect is followed.

mod token;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Certificate, Client, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::auth::new_secret;
use crate::error::ServerError;
pub use token::TokenError;
use token::{Keys, Wanted, check};

/// Most bytes of an answer of the provider.
const MAX_ANSWER: usize = 256 << 10;
/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long somebody may take at the provider, in milliseconds.
const WAIT_MS: i64 = 10 * 60 * 1000;
/// Sign-ins under way; the oldest goes when another begins.
const MAX_UNDER_WAY: usize = 1_024;
/// Keys are fetched again for an unknown one, but not more often than this, in milliseconds.
const REFETCH_MS: i64 = 60 * 1000;
/// What is known of the provider is asked for anew after this, in milliseconds.
const FRESH_MS: i64 = 3600 * 1000;

/// How to reach the sign-in service.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The provider's address, exactly as its tokens name it.
    pub issuer: String,
    /// The name under which the provider knows this server.
    pub client_id: String,
    /// The secret that goes with it; none for a public client.
    pub client_secret: Option<String>,
    /// The claim that names the account.
    pub claim: String,
    /// The address of this server as browsers know it, such as `https://gandan.example`.
    pub public_url: String,
    /// What stands on the button.
    pub label: String,
    /// The only authorities to trust for the provider's certificate (PEM); none: the operating system's.
    pub authority: Option<PathBuf>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be reached, or says what makes no sense.
    #[error("the sign-in service: {0}")]
    Provider(String),
    /// The person said no there, or the provider did.
    #[error("the sign-in service refused: {0}")]
    Refused(String),
    /// No such sign-in is under way in this browser: it took too long, or somebody else began it.
    #[error("no such sign-in is under way")]
    Stale,
    /// The token does not hold.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl OidcError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Provider(_) => "oidc_unreachable",
            Self::Refused(_) => "oidc_refused",
            Self::Stale => "oidc_stale",
            Self::Token(_) => "oidc_bad_token",
        }
    }
}

/// A sign-in under way.
#[derive(Debug, Clone)]
struct UnderWay {
    nonce: String,
    verifier: String,
    /// Where in the app to go afterwards.
    then: String,
    begun_ms: i64,
}

/// What the provider says of itself.
#[derive(Debug, Clone, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// What is known of the provider.
struct Known {
    discovery: Discovery,
    keys: Keys,
    fetched_ms: i64,
}

/// The way to the sign-in service.
pub struct Oidc {
    options: OidcOptions,
    http: Client,
    known: tokio::sync::Mutex<Option<Known>>,
    under_way: Mutex<HashMap<String, UnderWay>>,
}

/// A sign-in that begins: where to send the browser, and what its cookie has to hold.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub address: String,
    /// For the cookie.
    pub state: String,
}

/// A sign-in that came to its end.
#[derive(Debug)]
pub struct Named {
    /// What the claim says: the account.
    pub subject: String,
    /// Where in the app to go.
    pub then: String,
}

fn random() -> Result<String, OidcError> {
    new_secret::<32>().map_err(|error| OidcError::Provider(error.to_string()))
}

fn secure(address: &str) -> Result<Url, OidcError> {
    let url = Url::parse(address).map_err(|_| OidcError::Provider(format!("{address} is no address")))?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "https" || url.scheme() == "http" && here {
        return Ok(url);
    }
    Err(OidcError::Provider(format!("{address} is not https")))
}

impl Oidc {
    /// Takes the options; the provider is asked when somebody signs in. Fails if an address or a file cannot be used.
    pub fn new(options: OidcOptions) -> Result<Self, ServerError> {
        let unusable = |what: &dyn std::fmt::Display| ServerError::Internal(format!("sign-in service: {what}"));
        secure(&options.issuer).map_err(|error| unusable(&error))?;
        secure(&options.public_url).map_err(|error| unusable(&error))?;
        // A second provider of cryptography is refused; the first is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &options.authority {
            let pem = std::fs::read(file).map_err(ServerError::io(format!("read {}", file.display())))?;
            let roots = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?;
            builder = builder.tls_certs_only(roots);
        }
        let http = builder.build().map_err(|error| unusable(&error))?;
        Ok(Self { options, http, known: tokio::sync::Mutex::default(), under_way: Mutex::default() })
    }

    /// What stands on the button.
    pub fn label(&self) -> &str {
        &self.options.label
    }

    fn return_address(&self) -> String {
        format!("{}/api/v1/session/oidc/return", self.options.public_url.trim_end_matches('/'))
    }

    /// Begins a sign-in that ends at `then`, an address of the app.
    pub async fn begin(&self, then: &str, now_ms: i64) -> Result<Begun, OidcError> {
        let mut address = self.with(now_ms, |known| secure(&known.discovery.authorization_endpoint)).await??;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&verifier));
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", &self.return_address())
            .append_pair("scope", "openid profile email")
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let entry = UnderWay { nonce, verifier, then: then.to_owned(), begun_ms: now_ms };
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, entry| now_ms - entry.begun_ms < WAIT_MS);
        if under_way.len() >= MAX_UNDER_WAY {
            let oldest = under_way.iter().min_by_key(|(_, entry)| entry.begun_ms).map(|(state, _)| state.clone());
            oldest.and_then(|oldest| under_way.remove(&oldest));
        }
        under_way.insert(state.clone(), entry);
        Ok(Begun { address: address.into(), state })
    }

    /// Takes a sign-in out of those under way: each ends once, whatever comes of it.
    fn take(&self, state: &str, now_ms: i64) -> Result<UnderWay, OidcError> {
        let entry = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
        entry.filter(|entry| now_ms - entry.begun_ms < WAIT_MS).ok_or(OidcError::Stale)
    }

    /// The person said no, or the provider did: nothing is under way any more.
    pub fn refused(&self, state: &str, why: &str, now_ms: i64) -> OidcError {
        match self.take(state, now_ms) {
            Ok(_) => OidcError::Refused(why.chars().filter(char::is_ascii_graphic).take(64).collect()),
            Err(error) => error,
        }
    }

    /// Ends a sign-in: exchanges the code for an identity token, and checks it.
    pub async fn end(&self, state: &str, code: &str, now_ms: i64) -> Result<Named, OidcError> {
        let UnderWay { nonce, verifier, then, .. } = self.take(state, now_ms)?;
        let endpoint = self.with(now_ms, |known| secure(&known.discovery.token_endpoint)).await??;
        let tokens: Tokens = answer(self.exchange(endpoint, code, &verifier)).await?;
        let wanted = Wanted {
            issuer: &self.options.issuer,
            client: &self.options.client_id,
            nonce: &nonce,
            now_s: now_ms.div_euclid(1000),
        };
        let mut claims = self.with(now_ms, |known| check(&tokens.id_token, &known.keys, &wanted)).await?;
        if matches!(claims, Err(TokenError::UnknownKey)) && self.forget(now_ms).await {
            claims = self.with(now_ms, |known| check(&tokens.id_token, &known.keys, &wanted)).await?;
        }
        Ok(Named { subject: self.subject(&claims?)?, then })
    }

    /// What the claim says. An address of electronic mail counts only if the provider has verified it.
    fn subject(&self, claims: &Map<String, Value>) -> Result<String, OidcError> {
        let missing = OidcError::Token(TokenError::Claim("that names the account"));
        let verified = claims.get("email_verified") == Some(&Value::Bool(true));
        if self.options.claim == "email" && !verified {
            return Err(missing);
        }
        let value = claims.get(&self.options.claim).and_then(Value::as_str).map(str::trim);
        value.filter(|value| !value.is_empty() && value.len() <= 255).map(str::to_owned).ok_or(missing)
    }

    fn exchange(&self, endpoint: Url, code: &str, verifier: &str) -> RequestBuilder {
        let OidcOptions { client_id, client_secret, .. } = &self.options;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.return_address())
            .append_pair("code_verifier", verifier);
        if client_secret.is_none() {
            form.append_pair("client_id", client_id);
        }
        let request = self.http.post(endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(form.finish());
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        match client_secret {
            // RFC 6749, section 2.3.1: both are encoded before they are joined.
            Some(secret) => {
                let pair = format!("{}:{}", encoded(client_id), encoded(secret));
                request.header(AUTHORIZATION, format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes())))
            }
            None => request,
        }
    }

    /// Runs `with` with what is known of the provider, which is asked first if need be.
    async fn with<T>(&self, now_ms: i64, with: impl FnOnce(&Known) -> T) -> Result<T, OidcError> {
        let mut known = self.known.lock().await;
        let fresh = known.as_ref().is_some_and(|known| now_ms - known.fetched_ms < FRESH_MS);
        if !fresh {
            *known = Some(self.discover(now_ms).await?);
        }
        known.as_ref().map(with).ok_or(OidcError::Stale)
    }

    /// Forgets the keys, so that they are fetched again; false if that was done a moment ago.
    async fn forget(&self, now_ms: i64) -> bool {
        let mut known = self.known.lock().await;
        let old = known.as_ref().is_some_and(|known| now_ms - known.fetched_ms >= REFETCH_MS);
        if old {
            *known = None;
        }
        old
    }

    async fn discover(&self, now_ms: i64) -> Result<Known, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", self.options.issuer.trim_end_matches('/'));
        let discovery: Discovery = answer(self.http.get(secure(&address)?).header(ACCEPT, "application/json")).await?;
        if discovery.issuer != self.options.issuer {
            return Err(OidcError::Provider(format!("it calls itself {}", discovery.issuer)));
        }
        let keys = answer(self.http.get(secure(&discovery.jwks_uri)?).header(ACCEPT, "application/json")).await?;
        Ok(Known { discovery, keys, fetched_ms: now_ms })
    }
}

/// Sends a request and reads a bounded JSON answer.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, OidcError> {
    let broken = |error: reqwest::Error| OidcError::Provider(error.without_url().to_string());
    let mut response = request.send().await.map_err(broken)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return Err(OidcError::Provider("its answer is too large".to_owned()));
        }
    }
    if !status.is_success() {
        return Err(OidcError::Provider(format!("it answered {status}")));
    }
    serde_json::from_slice(&body).map_err(|error| OidcError::Provider(error.to_string()))
}
