//! `/api/v1/session`: signing in with a local account, and out again.

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rusqlite::Transaction;
use serde::Deserialize;
use utoipa::ToSchema;

use super::me::Me;
use super::records::Body;
use crate::accounts::{MAX_PASSWORD, check_totp, read_login, recovery_hash, verify_password};
use crate::auth::new_secret;
use crate::db::DbError;
use crate::db::sqlite::accounts::{self, Account};
use crate::db::sqlite::sessions;
use crate::error::ServerError;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::middleware::CallerAddress;
use crate::http::session::{self, SignedIn};
use crate::reports::audit::{self, NewEntry};
use crate::state::AppState;

/// Longest wait for a turn to hash a password.
const TURN: Duration = Duration::from_secs(10);

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// Name of the account.
    login: String,
    /// Password, at most 256 bytes.
    password: String,
    /// If the account has a second factor: the six digits, or a recovery code.
    code: Option<String>,
}

fn wrong() -> ApiError {
    let message = "name or password is wrong";
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong_password", message)
}

/// What an attempt came to, decided in one transaction with what it leaves behind.
enum Attempt {
    In { id: String, account: Box<Account> },
    Wrong,
    CodeNeeded,
    CodeWrong,
}

/// Signs in: a session begins, under a new id in a cookie that scripts cannot read. The session that the browser had
/// ends. Ends by itself after 60 minutes without a request, and 12 hours after the sign-in; an account has at most 10.
///
/// After four failures a name rests, 15 seconds at first and twice as long each time, 15 minutes at most; an address has
/// 30 failures at once and 6 a minute.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    params(("gandan-csrf" = String, Header, description = "Any value; every changing request with a cookie carries it")),
    responses(
        (status = 200, description = "Signed in; `set-cookie` holds the session", body = Me),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`wrong_password`; `totp_needed`: send again with `code`; `wrong_code`", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 429, description = "`locked`, `too_many_requests`; `retry-after` says how many seconds to wait", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    caller: Option<Extension<CallerAddress>>,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<Response, ApiError> {
    session::own_page(&Method::POST, &headers)?;
    let caller = caller.map(|Extension(CallerAddress(address))| address);
    if let Some(Err(seconds)) = caller.map(|address| state.limits().password_may(address)) {
        return Err(ApiError::too_often(seconds));
    }
    // A name that no account can have is tried like one: it takes as long and rests as well.
    let login = read_login(&body.login).unwrap_or_else(|| body.login.chars().take(64).collect());
    let old = session::id(&headers, state.secure());
    let _turn = turn(&state).await?;
    let (db, now_ms) = (state.db().clone(), state.now_ms());
    let attempt = tokio::task::spawn_blocking(move || attempt(&db, &login, &body, old.as_deref(), now_ms));
    let failed = |error| {
        if let Some(address) = caller {
            state.limits().charge_failure(address);
        }
        Err(error)
    };
    match attempt.await.map_err(DbError::internal)?? {
        Attempt::In { id, account } => {
            let me = Me::of_account(&state, *account, Some(now_ms)).await?;
            Ok((session::cookie(state.secure(), &id), Json(me)).into_response())
        }
        Attempt::Wrong => failed(wrong()),
        Attempt::CodeNeeded => {
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "totp_needed", "send the code of the second factor too"))
        }
        Attempt::CodeWrong => {
            failed(ApiError::new(StatusCode::UNAUTHORIZED, "wrong_code", "the code of the second factor is wrong"))
        }
    }
}

/// Waits for a turn to hash a password.
pub(super) async fn turn(state: &AppState) -> Result<tokio::sync::OwnedSemaphorePermit, ApiError> {
    let turn = std::sync::Arc::clone(state.hashing()).acquire_owned();
    match tokio::time::timeout(TURN, turn).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(ApiError::busy(5)),
    }
}

fn attempt(
    db: &crate::db::Db,
    login: &str,
    body: &SignIn,
    old: Option<&str>,
    now_ms: i64,
) -> Result<Attempt, ApiError> {
    let (account, locked) = db.read(|connection| {
        let account = accounts::find(connection, login)?.filter(|account| account.disabled_ms.is_none());
        Ok((account, sessions::locked_until(connection, login, now_ms)?))
    })?;
    if let Some(until) = locked {
        return Err(ApiError::resting(u32::try_from((until - now_ms).div_euclid(1000) + 1).unwrap_or(900)));
    }
    let hash = account.as_ref().map(|account| account.password.as_str());
    let right = body.password.len() <= MAX_PASSWORD && verify_password(&body.password, hash)?;
    let id = new_secret::<32>().map_err(|error| ServerError::Internal(error.to_string()))?;
    let decide = |transaction: &Transaction<'_>| {
        let Some(account) = account.filter(|_| right) else {
            return failure(transaction, login, now_ms, Attempt::Wrong);
        };
        match second_factor(transaction, &account, body.code.as_deref(), now_ms)? {
            None => return Ok(Attempt::CodeNeeded),
            Some(false) => return failure(transaction, login, now_ms, Attempt::CodeWrong),
            Some(true) => {}
        }
        sessions::succeeded(transaction, login)?;
        if let Some(old) = old {
            sessions::end(transaction, &crate::auth::hash_secret(old))?;
        }
        sessions::begin(transaction, &id, login, false, now_ms)?;
        note(transaction, &account, "session.begin", "done", now_ms)?;
        Ok(Attempt::In { id, account: Box::new(account) })
    };
    Ok(db.write(decide)?)
}

fn failure(transaction: &Transaction<'_>, login: &str, now_ms: i64, what: Attempt) -> Result<Attempt, DbError> {
    sessions::failed(transaction, login, now_ms)?;
    // A name that is no account may be a password in the wrong field: the trail holds names of accounts only.
    if let Some(account) = accounts::find(transaction, login)? {
        let result = if matches!(what, Attempt::CodeWrong) { "wrong_code" } else { "wrong_password" };
        note(transaction, &account, "session.begin", result, now_ms)?;
    }
    Ok(what)
}

/// Whether the second factor was given: `None` if it is missing.
fn second_factor(
    transaction: &Transaction<'_>,
    account: &Account,
    code: Option<&str>,
    now_ms: i64,
) -> Result<Option<bool>, DbError> {
    let Some(secret) = &account.totp else { return Ok(Some(true)) };
    let Some(code) = code.filter(|code| !code.trim().is_empty() && code.len() <= 64) else { return Ok(None) };
    if let Some(step) = check_totp(secret, code, now_ms, account.totp_step) {
        return accounts::use_step(transaction, &account.login, step).map(Some);
    }
    accounts::use_recovery(transaction, &account.login, &recovery_hash(code)).map(Some)
}

/// A row of the audit trail about an account itself.
pub(super) fn note(
    transaction: &Transaction<'_>,
    account: &Account,
    action: &'static str,
    result: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let entry = NewEntry {
        at_ms: now_ms,
        who: account.login.clone(),
        role: account.role.as_str(),
        action,
        unit: String::new(),
        doc: None,
        seq: None,
        result: result.to_owned(),
        reason: None,
    };
    audit::add(transaction, &entry)
}

/// Signs out: the session ends on the server, and the cookie goes.
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session", security(("session" = [])),
    responses(
        (status = 204, description = "Signed out"),
        (status = 401, description = "`unauthorised`: there was no session", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn sign_out(State(state): State<AppState>, SignedIn(session): SignedIn) -> Result<Response, ApiError> {
    let now_ms = state.now_ms();
    let end = move |transaction: &Transaction<'_>| {
        note(transaction, &session.account, "session.end", "done", now_ms)?;
        sessions::end(transaction, &session.hash)
    };
    state.db().write_async(end).await?;
    Ok((session::no_cookie(state.secure()), StatusCode::NO_CONTENT).into_response())
}

/// Ends every session of the account, this one too.
#[utoipa::path(
    delete, path = "/api/v1/sessions", tag = "session", security(("session" = [])),
    responses(
        (status = 204, description = "Signed out everywhere"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn sign_out_everywhere(
    State(state): State<AppState>,
    SignedIn(session): SignedIn,
) -> Result<Response, ApiError> {
    let now_ms = state.now_ms();
    let end = move |transaction: &Transaction<'_>| {
        note(transaction, &session.account, "session.end_all", "done", now_ms)?;
        sessions::end_all(transaction, &session.account.login)
    };
    state.db().write_async(end).await?;
    Ok((session::no_cookie(state.secure()), StatusCode::NO_CONTENT).into_response())
}
