//! Sessions of the web app: the cookie, and what a request with one must show besides.
//!
//! A session's id is 256 random bits in a cookie that scripts cannot read and that no other site can cause to be sent
//! (`SameSite=Strict`). A request that changes something must also carry the header `gandan-csrf`, which a page of
//! another site cannot set without asking first, and must not come from another site by the browser's own word. Programs
//! with a bearer token need none of this: no browser sends such a token by itself.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HOST, HeaderName, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponseParts};

use super::error::ApiError;
use super::extract::bearer;
use crate::auth::Principal;
use crate::db::sqlite::sessions::{self, Session};
use crate::db::sqlite::{accounts, people};
use crate::state::AppState;

/// The header that every changing request with a cookie carries; its value does not matter.
pub(crate) const CSRF: HeaderName = HeaderName::from_static("gandan-csrf");
/// Over TLS: the prefix makes browsers refuse a cookie of this name that somebody else set for the domain.
const SECURE_NAME: &str = "__Host-gandan";
const PLAIN_NAME: &str = "gandan";
const SET_COOKIE: HeaderName = axum::http::header::SET_COOKIE;

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

/// The header that gives the browser its session.
pub(crate) fn cookie(secure: bool, id: &str) -> impl IntoResponseParts + use<> {
    let flag = if secure { "; Secure" } else { "" };
    set(&format!("{}={id}; Path=/; HttpOnly; SameSite=Strict{flag}", name(secure)))
}

/// The header that takes it away.
pub(crate) fn no_cookie(secure: bool) -> impl IntoResponseParts + use<> {
    let flag = if secure { "; Secure" } else { "" };
    set(&format!("{}=; Path=/; HttpOnly; SameSite=Strict{flag}; Max-Age=0", name(secure)))
}

fn set(text: &str) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    // Ids are base64url: always a valid header.
    AppendHeaders([(SET_COOKIE, HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")))])
}

/// The session id that a request carries, if it is of plausible form.
pub(crate) fn id(headers: &HeaderMap, secure: bool) -> Option<String> {
    cookie_value(headers, name(secure)).filter(|value| value.len() == 43).map(str::to_owned)
}

/// The value of a cookie. Two of one name: somebody planted one, and neither counts.
pub(crate) fn cookie_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
    let value = values.next()?.1;
    values.next().is_none().then_some(value)
}

/// 403 for a request that changes something and may come from a page of somebody else.
pub(crate) fn own_page(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let same = match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, host)| Some(host) == text(HOST)),
        (None, None) => true,
    };
    if same && headers.contains_key(CSRF) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", "the request did not come from a page of this server"))
}

/// Whoever has a session, also while the password must be changed or the second factor is missing.
pub(crate) struct SignedIn(pub(crate) Session);

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let id = id(&parts.headers, state.secure()).ok_or_else(ApiError::unauthorised)?;
        let now_ms = state.now_ms();
        let session = state.db().read_async(move |connection| sessions::find(connection, &id, now_ms)).await?;
        let session = session.ok_or_else(ApiError::unauthorised)?;
        own_page(&parts.method, &parts.headers)?;
        if now_ms - session.seen_ms >= sessions::TOUCH_MS {
            let hash = session.hash;
            state.db().write_async(move |transaction| sessions::touch(transaction, &hash, now_ms)).await?;
        }
        Ok(Self(session))
    }
}

/// A handler with a `Principal` argument answers 401 to everybody without a valid bearer token or session, and 403 to a
/// session that has to do something about its account first.
impl FromRequestParts<AppState> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let now_ms = state.now_ms();
        if let Some(token) = bearer(parts) {
            let token = token.to_owned();
            let principal =
                state.db().read_async(move |connection| people::principal(connection, &token, now_ms)).await?;
            return principal.ok_or_else(ApiError::unauthorised);
        }
        let SignedIn(Session { account, .. }) = SignedIn::from_request_parts(parts, state).await?;
        if account.must_change {
            let message = "change the password that you were given first";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "password_change_needed", message));
        }
        if account.must_set_totp() {
            let message = "this account needs a second factor; set it up first";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "totp_setup_needed", message));
        }
        Ok(state.db().read_async(move |connection| accounts::principal(connection, &account, now_ms)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_somebody_else_changes_nothing() {
        let own = |list: &[(&'static str, &str)]| own_page(&Method::POST, &headers(list)).is_ok();
        assert!(own(&[("gandan-csrf", "1")]));
        assert!(own(&[("gandan-csrf", "1"), ("host", "a:8080"), ("origin", "http://a:8080")]));
        assert!(own(&[("gandan-csrf", "1"), ("sec-fetch-site", "same-origin"), ("origin", "https://behind.proxy")]));
        assert!(!own(&[("host", "a"), ("origin", "https://a")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!own(&[("gandan-csrf", "1"), ("sec-fetch-site", site)]), "{site}");
        }
        for origin in ["null", "https://b", "https://a.b", "https://a:1"] {
            assert!(!own(&[("gandan-csrf", "1"), ("host", "a"), ("origin", origin)]), "{origin}");
        }
        assert!(own_page(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])).is_ok());
    }

    #[test]
    fn a_planted_cookie_does_not_count() {
        let good = "A".repeat(43);
        let read = |text: &str, secure| id(&headers(&[("cookie", text)]), secure);
        assert_eq!(read(&format!("x=1; gandan={good}"), false), Some(good.clone()));
        assert_eq!(read(&format!("gandan={good}"), true), None);
        assert_eq!(read(&format!("__Host-gandan={good}"), true), Some(good.clone()));
        assert_eq!(read(&format!("gandan={good}; gandan={}", "B".repeat(43)), false), None);
        assert_eq!(read("gandan=short", false), None);
    }
}
