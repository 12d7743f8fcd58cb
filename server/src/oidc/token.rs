//! Identity tokens: a signature by one of the provider's keys, and claims that say what they must.
//!
//! Two algorithms are taken, RS256 and ES256, and each only with a key of its own kind: a token cannot choose a weaker
//! way of being checked. `none` and the symmetric ones are unknown here.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token, in bytes.
const MAX_TOKEN: usize = 16 << 10;
/// Most keys of a provider that are looked at.
const MAX_KEYS: usize = 64;
/// How far the clocks of the provider and of this server may stand apart, in seconds.
const LEEWAY_S: i64 = 60;

/// Why a token is not taken. The words are for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON in them, or too long.
    #[error("the token cannot be read")]
    Form,
    /// Another algorithm than RS256 and ES256.
    #[error("the token is signed in a way that is not taken")]
    Algorithm,
    /// No key of the provider has this name and kind. It may be a new one.
    #[error("the provider has no such key")]
    UnknownKey,
    /// The signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
    /// A claim is missing, of the wrong type, or not what it must be.
    #[error("claim {0}")]
    Claim(&'static str),
}

/// The provider's keys, as they stand at its `jwks_uri`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// One key; members that are not needed are passed over, and so are keys of other kinds.
#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    r#use: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Who made it.
    pub(super) issuer: &'a str,
    /// For whom.
    pub(super) client: &'a str,
    /// In answer to which request.
    pub(super) nonce: &'a str,
    /// Now, in seconds since 1970.
    pub(super) now_s: i64,
}

fn part(text: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenError::Form)
}

impl Key {
    fn holds(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        if self.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| BASE64URL_NOPAD.decode(text.as_ref()?.as_bytes()).ok();
        match (algorithm, self.kty.as_str()) {
            ("RS256", "RSA") => {
                let key = RsaPublicKeyComponents { n: bytes(&self.n)?, e: bytes(&self.e)? };
                Some(key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok())
            }
            ("ES256", "EC") if self.crv.as_deref() == Some("P-256") => {
                let point = [&[4][..], &bytes(&self.x)?, &bytes(&self.y)?].concat();
                Some(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok())
            }
            _ => None,
        }
    }
}

/// Checks a token and gives its claims.
pub(super) fn check(token: &str, keys: &Keys, wanted: &Wanted<'_>) -> Result<Map<String, Value>, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Form)?;
    let (head, claims) = message.split_once('.').ok_or(TokenError::Form)?;
    let head: Head = serde_json::from_slice(&part(head)?).map_err(|_| TokenError::Form)?;
    if !matches!(head.alg.as_str(), "RS256" | "ES256") {
        return Err(TokenError::Algorithm);
    }
    let signature = part(signature)?;
    let named = |key: &&Key| head.kid.is_none() || key.kid == head.kid;
    let fitting = keys.keys.iter().take(MAX_KEYS).filter(named);
    let verdicts: Vec<bool> = fitting.filter_map(|key| key.holds(&head.alg, message.as_bytes(), &signature)).collect();
    if verdicts.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    if !verdicts.contains(&true) {
        return Err(TokenError::Signature);
    }
    let claims: Map<String, Value> = serde_json::from_slice(&part(claims)?).map_err(|_| TokenError::Form)?;
    judge(&claims, wanted)?;
    Ok(claims)
}

/// OpenID Connect Core 1.0, section 3.1.3.7.
fn judge(claims: &Map<String, Value>, wanted: &Wanted<'_>) -> Result<(), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_f64);
    let need = |holds: bool, name: &'static str| if holds { Ok(()) } else { Err(TokenError::Claim(name)) };
    need(text("iss") == Some(wanted.issuer), "iss")?;
    need(text("sub").is_some_and(|subject| !subject.is_empty()), "sub")?;
    need(text("nonce") == Some(wanted.nonce), "nonce")?;
    let (alone, among) = match claims.get("aud") {
        Some(Value::String(audience)) => (true, audience == wanted.client),
        Some(Value::Array(list)) => (list.len() == 1, list.iter().any(|one| one.as_str() == Some(wanted.client))),
        _ => (false, false),
    };
    need(among, "aud")?;
    need(alone || claims.contains_key("azp"), "azp")?;
    need(claims.get("azp").is_none_or(|party| party.as_str() == Some(wanted.client)), "azp")?;
    // Seconds since 1970 are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52")]
    let (early, late) = ((wanted.now_s - LEEWAY_S) as f64, (wanted.now_s + LEEWAY_S) as f64);
    need(number("exp").is_some_and(|exp| exp > early), "exp")?;
    need(number("iat").is_some_and(|iat| iat <= late), "iat")?;
    need(!claims.contains_key("nbf") || number("nbf").is_some_and(|nbf| nbf <= late), "nbf")
}
