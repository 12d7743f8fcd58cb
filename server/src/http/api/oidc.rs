//! `/api/v1/session/oidc`: signing in with the province's own sign-in service.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::records::Asked;
use super::session::note;
use crate::auth::{Role, hash_secret, new_secret};
use crate::db::sqlite::{accounts, sessions};
use crate::error::ServerError;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::session;
use crate::oidc::{Oidc, OidcError};
use crate::state::AppState;

/// Where the app shows what went wrong; the code follows.
const SIGN_IN: &str = "/sign-in?error=";
/// The cookie that binds a sign-in under way to the browser that began it. It comes back from the provider's site, so it
/// cannot be `Strict`.
const COOKIE: &str = "gandan-oidc";

/// The sign-in service, if there is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OidcWay {
    /// What stands on the button.
    label: String,
}

fn service(state: &AppState) -> Result<&Oidc, ApiError> {
    state.oidc().ok_or_else(|| ApiError::not_found("no sign-in service is set up"))
}

/// Whether people can sign in with a sign-in service, and what its button says.
#[utoipa::path(
    get, path = "/api/v1/session/oidc", tag = "session",
    responses(
        (status = 200, description = "There is one", body = OidcWay),
        (status = 404, description = "`not_found`: there is none", body = ErrorBody),
    )
)]
pub(crate) async fn way(State(state): State<AppState>) -> Result<Json<OidcWay>, ApiError> {
    Ok(Json(OidcWay { label: service(&state)?.label().to_owned() }))
}

/// Where to go afterwards.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartQuery {
    /// An address of the app, such as `/issues?overdue=true`; the first page if nothing is asked.
    then: Option<String>,
}

/// Only an address of this server: neither another host, nor what a browser would take for one.
fn own_address(then: Option<&str>) -> &str {
    let own = |then: &&str| {
        then.starts_with('/')
            && !then.starts_with("//")
            && then.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    then.filter(own).unwrap_or("/")
}

fn cookie(state: &AppState, value: &str, seconds: u32) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    let flag = if state.secure() { "; Secure" } else { "" };
    let path = "/api/v1/session/oidc";
    let text = format!("{COOKIE}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={seconds}{flag}");
    // The value is base64url: always a valid header.
    AppendHeaders([(SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))])
}

fn go(address: &str) -> Result<Response, ApiError> {
    let address = HeaderValue::from_str(address).map_err(|error| ServerError::Internal(error.to_string()))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response())
}

/// Back to the page for signing in, with a code that it puts into words. What happened goes into the log.
fn failed(error: &OidcError) -> Result<Response, ApiError> {
    tracing::warn!(code = error.code(), %error, "a sign-in with the sign-in service failed");
    go(&format!("{SIGN_IN}{}", error.code()))
}

/// Begins: sends the browser to the provider.
#[utoipa::path(
    get, path = "/api/v1/session/oidc/start", tag = "session", params(StartQuery),
    responses(
        (status = 303, description = "To the provider; or back to the page for signing in, with a code"),
        (status = 400, description = "`bad_query`", body = ErrorBody),
        (status = 404, description = "`not_found`: there is no sign-in service", body = ErrorBody),
    )
)]
pub(crate) async fn start(
    State(state): State<AppState>,
    Asked(query): Asked<StartQuery>,
) -> Result<Response, ApiError> {
    let then = own_address(query.then.as_deref());
    match service(&state)?.begin(then, state.now_ms()).await {
        Ok(begun) => Ok((cookie(&state, &begun.state, 600), go(&begun.address)?).into_response()),
        Err(error) => failed(&error),
    }
}

/// What the provider gives the browser to bring.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReturnQuery {
    /// Names the sign-in under way.
    state: Option<String>,
    /// To be exchanged for an identity token.
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// Ends: the browser comes back from the provider. Whoever the provider names must have an account here; administrators
/// sign in with password and second factor only.
#[utoipa::path(
    get, path = "/api/v1/session/oidc/return", tag = "session", params(ReturnQuery),
    responses(
        (status = 303, description = "Signed in (`set-cookie` holds the session), to where the person wanted to go; or back to the page for signing in with `oidc_stale`, `oidc_refused`, `oidc_unreachable`, `oidc_bad_token`, `oidc_no_account`, `oidc_administrator`"),
        (status = 404, description = "`not_found`: there is no sign-in service", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn back(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<ReturnQuery>,
) -> Result<Response, ApiError> {
    let (oidc, now_ms) = (service(&state)?, state.now_ms());
    let begun = query.state.unwrap_or_default();
    // Somebody else's sign-in, slipped to this browser, must not end here.
    let own = session::cookie_value(&headers, COOKIE).is_some_and(|own| own == begun);
    if begun.is_empty() || !own {
        return failed(&OidcError::Stale);
    }
    let ended = match (query.code, query.error) {
        (Some(code), None) => oidc.end(&begun, &code, now_ms).await,
        (_, error) => Err(oidc.refused(&begun, error.as_deref().unwrap_or("no code"), now_ms)),
    };
    let named = match ended {
        Ok(named) => named,
        Err(error) => return Ok((cookie(&state, "", 0), failed(&error)?).into_response()),
    };
    let id = new_secret::<32>().map_err(|error| ServerError::Internal(error.to_string()))?;
    let (session, old) = (id.clone(), session::id(&headers, state.secure()));
    let subject = named.subject;
    let begin = move |transaction: &Transaction<'_>| {
        let account = accounts::find_external(transaction, &subject)?.filter(|account| account.disabled_ms.is_none());
        let Some(account) = account else { return Ok(Err("oidc_no_account")) };
        if account.role == Role::Administrator {
            note(transaction, &account, "session.begin", "oidc_administrator", now_ms)?;
            return Ok(Err("oidc_administrator"));
        }
        if let Some(old) = old {
            sessions::end(transaction, &hash_secret(&old))?;
        }
        sessions::begin(transaction, &session, &account.login, true, now_ms)?;
        note(transaction, &account, "session.begin", "oidc", now_ms)?;
        Ok(Ok(()))
    };
    let forget = cookie(&state, "", 0);
    match state.db().write_async(begin).await? {
        Ok(()) => Ok((forget, session::cookie(state.secure(), &id), go(&named.then)?).into_response()),
        Err(code) => {
            tracing::warn!(code, "a sign-in with the sign-in service names nobody who may");
            Ok((forget, go(&format!("{SIGN_IN}{code}"))?).into_response())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_nobody_is_sent_elsewhere() {
        assert_eq!(own_address(Some("/issues?overdue=true")), "/issues?overdue=true");
        for bad in ["https://evil.example", "//evil.example", "/\\evil.example", "issues", "/a b", "/a\r\nx: y", ""] {
            assert_eq!(own_address(Some(bad)), "/", "{bad}");
        }
        assert_eq!(own_address(None), "/");
    }
}
