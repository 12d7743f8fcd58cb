//! What administrators do: accounts, officials and their links, settings. Each action leaves a row in the audit trail.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gandan_model::text::check_text;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::{Body, no_record};
use super::session::turn;
use crate::accounts::{hash_password, read_login};
use crate::auth::{Principal, Role, ScopeLine, new_secret};
use crate::db::DbError;
use crate::db::sqlite::accounts::{self, NewAccount};
use crate::db::sqlite::{org, sessions};
use crate::error::ServerError;
use crate::http::error::{ApiError, ErrorBody};
use crate::reports::audit::{self, NewEntry};
use crate::state::AppState;

/// Most lines of what one account may see.
const MAX_SCOPE: usize = 200;

/// Lets administrators pass.
pub(super) fn administrator(principal: &Principal) -> Result<(), ApiError> {
    if principal.role == Role::Administrator {
        return Ok(());
    }
    Err(ApiError::forbidden("this is for administrators"))
}

pub(super) fn refuse(field: &'static str, code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field(field)
}

/// A row of the audit trail about an account, an official or a setting, in the trail of the province.
pub(super) fn note(
    transaction: &Transaction<'_>,
    principal: &Principal,
    action: &'static str,
    whom: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let entry = NewEntry {
        at_ms: now_ms,
        who: principal.name.clone(),
        role: principal.role.as_str(),
        action,
        unit: String::new(),
        doc: None,
        seq: None,
        result: "done".to_owned(),
        reason: Some(whom.to_owned()),
    };
    audit::add(transaction, &entry)
}

/// One line of what somebody may see.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeItem {
    /// `unit`, `area` or `province`.
    kind: String,
    /// Code of the unit or id of the area; empty for the province.
    #[serde(default)]
    value: String,
}

impl ScopeItem {
    pub(super) fn new(kind: &str, value: &str) -> Self {
        Self { kind: kind.to_owned(), value: value.to_owned() }
    }
}

impl From<&ScopeLine> for ScopeItem {
    fn from(line: &ScopeLine) -> Self {
        let (kind, value) = line.columns();
        Self { kind: kind.to_owned(), value: value.to_owned() }
    }
}

/// The lines, if each names something that is there.
pub(super) fn scope_lines(connection: &Connection, items: &[ScopeItem]) -> Result<Option<Vec<ScopeLine>>, DbError> {
    if items.is_empty() || items.len() > MAX_SCOPE {
        return Ok(None);
    }
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let Some(line) = ScopeLine::from_columns(&item.kind, item.value.clone()) else { return Ok(None) };
        let known = match &line {
            ScopeLine::Unit(code) => org::has_unit(connection, code)?,
            ScopeLine::Area(id) => org::has_area(connection, id)?,
            ScopeLine::Province => true,
        };
        if !known {
            return Ok(None);
        }
        lines.push(line);
    }
    Ok(Some(lines))
}

pub(super) fn bad_scope() -> ApiError {
    refuse("scope", "unknown_unit", "say for what: units, areas or the province, 1 to 200 lines that are there")
}

pub(super) fn checked_name(name: &str) -> Result<String, ApiError> {
    let name =
        check_text("name", name.trim(), 200).map_err(|_| refuse("name", "text_too_long", "at most 200 characters"))?;
    if name.is_empty() { Err(refuse("name", "text_needed", "give a name")) } else { Ok(name) }
}

pub(super) fn read_role(text: &str) -> Result<Role, ApiError> {
    text.parse().map_err(|_| refuse("role", "bad_code", "no such role"))
}

/// An account, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountItem {
    /// Name for signing in.
    login: String,
    /// Name of the person or post.
    name: String,
    /// Role.
    role: Role,
    /// For an agency: whose issues it sees.
    agency: Option<String>,
    /// What it may see.
    scope: Vec<ScopeItem>,
    /// True while its password was given by somebody else.
    must_change_password: bool,
    /// Whether a second factor is in force.
    totp: bool,
    /// When it was made, Unix milliseconds.
    created_ms: i64,
    /// When somebody last signed in, Unix milliseconds.
    signed_in_ms: Option<i64>,
    /// Whether it is out of use.
    disabled: bool,
    /// By what name the sign-in service knows it; null: by its own.
    external: Option<String>,
}

/// Accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// By name for signing in.
    items: Vec<AccountItem>,
}

/// An account to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountNew {
    /// Name for signing in: 3 to 64 of a–z, 0–9, `.`, `_`, `-`.
    login: String,
    /// Name of the person or post.
    name: String,
    /// Role.
    role: String,
    /// For the role agency: whose issues it sees.
    agency: Option<String>,
    /// What it may see.
    scope: Vec<ScopeItem>,
    /// By what name the sign-in service knows it (the value of the claim that is configured); if nothing is given by its
    /// own.
    #[serde(default)]
    external: Option<String>,
}

/// An account as it should be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    /// Name of the person or post.
    name: String,
    /// Role.
    role: String,
    /// For the role agency: whose issues it sees.
    agency: Option<String>,
    /// What it may see.
    scope: Vec<ScopeItem>,
    /// Whether it is out of use.
    disabled: bool,
    /// By what name the sign-in service knows it: empty for its own; if nothing is given it stays as it is.
    #[serde(default)]
    external: Option<String>,
}

/// A reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountReset {
    /// Take the second factor away too.
    #[serde(default)]
    totp: bool,
}

/// A first password, shown only now and good once.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstPassword {
    /// The account.
    login: String,
    /// Its password.
    password: String,
}

fn agency(role: Role, name: Option<&str>) -> Result<Option<String>, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty()).map(checked_name).transpose()?;
    if name.is_some() != (role == Role::Agency) {
        return Err(refuse("agency", "agency_needed", "an agency's account names the agency, and no other does"));
    }
    Ok(name)
}

/// Writes by what name the sign-in service knows an account.
fn put_external(
    transaction: &Transaction<'_>,
    login: &str,
    external: Option<&String>,
) -> Result<Result<(), ApiError>, DbError> {
    let Some(external) = external.map(|name| name.trim()) else { return Ok(Ok(())) };
    if external.len() > 255 || external.contains(char::is_control) {
        return Ok(Err(refuse("external", "text_too_long", "at most 255 bytes")));
    }
    if !accounts::put_external(transaction, login, Some(external).filter(|name| !name.is_empty()))? {
        let error = ApiError::new(StatusCode::CONFLICT, "external_taken", "another account has this name there");
        return Ok(Err(error.with_field("external")));
    }
    Ok(Ok(()))
}

async fn first_password(state: &AppState) -> Result<(String, String), ApiError> {
    let _turn = turn(state).await?;
    let password = new_secret::<12>().map_err(|error| ServerError::Internal(error.to_string()))?;
    let given = password.clone();
    let hash = tokio::task::spawn_blocking(move || hash_password(&given)).await.map_err(DbError::internal)??;
    Ok((password, hash))
}

/// Every account.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "admin", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The accounts", body = AccountList),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn list_accounts(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<AccountList>, ApiError> {
    administrator(&principal)?;
    let read = |connection: &Connection| {
        let item = |account: accounts::Account| {
            let scope = accounts::scope_lines(connection, &account.login)?;
            Ok(AccountItem {
                scope: scope.iter().map(ScopeItem::from).collect(),
                must_change_password: account.must_change,
                totp: account.totp.is_some(),
                created_ms: account.created_ms,
                signed_in_ms: account.signed_in_ms,
                disabled: account.disabled_ms.is_some(),
                external: account.external,
                login: account.login,
                name: account.name,
                role: account.role,
                agency: account.agency,
            })
        };
        accounts::all(connection)?.into_iter().map(item).collect()
    };
    Ok(Json(AccountList { items: state.db().read_async(read).await? }))
}

/// Makes an account. The password in the answer is good once: it must be replaced at the first sign-in.
#[utoipa::path(
    post, path = "/api/v1/accounts", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = AccountNew,
    responses(
        (status = 201, description = "Made", body = FirstPassword),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 409, description = "`login_taken`; `external_taken`: the sign-in service knows another account by this name", body = ErrorBody),
        (status = 422, description = "`bad_login`, `bad_code`, `agency_needed`, `unknown_unit`, `text_needed`, `text_too_long`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn add_account(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body<AccountNew>,
) -> Result<(StatusCode, Json<FirstPassword>), ApiError> {
    administrator(&principal)?;
    let login = read_login(&body.login);
    let login = login.ok_or_else(|| refuse("login", "bad_login", "3 to 64 of a-z, 0-9, '.', '_', '-'"))?;
    let (name, role) = (checked_name(&body.name)?, read_role(&body.role)?);
    let agency = agency(role, body.agency.as_deref())?;
    let (password, hash) = first_password(&state).await?;
    let now_ms = state.now_ms();
    let made = login.clone();
    let add = move |transaction: &Transaction<'_>| {
        let Some(lines) = scope_lines(transaction, &body.scope)? else { return Ok(Err(bad_scope())) };
        let new = NewAccount { login: &made, name: &name, role, agency: agency.as_deref(), password: &hash };
        if !accounts::create(transaction, &new, &lines, now_ms)? {
            let error = ApiError::new(StatusCode::CONFLICT, "login_taken", "there is an account of this name");
            return Ok(Err(error.with_field("login")));
        }
        if let Err(error) = put_external(transaction, &made, body.external.as_ref())? {
            accounts::remove(transaction, &made)?;
            return Ok(Err(error));
        }
        note(transaction, &principal, "account.create", &made, now_ms)?;
        Ok(Ok(()))
    };
    state.db().write_async(add).await??;
    Ok((StatusCode::CREATED, Json(FirstPassword { login, password })))
}

/// Replaces name, role, agency and area of an account, or puts it out of use. Its sessions end.
#[utoipa::path(
    put, path = "/api/v1/accounts/{login}", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = AccountChange,
    params(("login" = String, Path, description = "Name for signing in")),
    responses(
        (status = 204, description = "Done"),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 409, description = "`external_taken`: the sign-in service knows another account by this name", body = ErrorBody),
        (status = 422, description = "`bad_code`, `agency_needed`, `unknown_unit`, `text_needed`, `text_too_long`; `own_account`: one's own role stays, and so does its use", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn change_account(
    State(state): State<AppState>,
    principal: Principal,
    Path(login): Path<String>,
    Body(body): Body<AccountChange>,
) -> Result<StatusCode, ApiError> {
    administrator(&principal)?;
    let (name, role) = (checked_name(&body.name)?, read_role(&body.role)?);
    let agency = agency(role, body.agency.as_deref())?;
    if login == principal.name && (role != Role::Administrator || body.disabled) {
        return Err(refuse("login", "own_account", "another administrator has to do this"));
    }
    let now_ms = state.now_ms();
    let change = move |transaction: &Transaction<'_>| {
        let Some(mut account) = accounts::find(transaction, &login)? else { return Ok(Err(no_record())) };
        let Some(lines) = scope_lines(transaction, &body.scope)? else { return Ok(Err(bad_scope())) };
        if let Err(error) = put_external(transaction, &login, body.external.as_ref())? {
            return Ok(Err(error));
        }
        account.name = name;
        account.role = role;
        account.agency = agency;
        account.disabled_ms = body.disabled.then(|| account.disabled_ms.unwrap_or(now_ms));
        accounts::update(transaction, &account)?;
        accounts::put_scope(transaction, &login, &lines)?;
        sessions::end_all(transaction, &login)?;
        note(transaction, &principal, "account.change", &login, now_ms)?;
        Ok(Ok(()))
    };
    state.db().write_async(change).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an account a new first password and ends its sessions; with `totp` the second factor goes too.
#[utoipa::path(
    post, path = "/api/v1/accounts/{login}/reset", tag = "admin", security(("bearer" = []), ("session" = [])), request_body = AccountReset,
    params(("login" = String, Path, description = "Name for signing in")),
    responses(
        (status = 200, description = "Done", body = FirstPassword),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn reset_account(
    State(state): State<AppState>,
    principal: Principal,
    Path(login): Path<String>,
    Body(body): Body<AccountReset>,
) -> Result<Json<FirstPassword>, ApiError> {
    administrator(&principal)?;
    let (password, hash) = first_password(&state).await?;
    let (now_ms, whom) = (state.now_ms(), login.clone());
    let reset = move |transaction: &Transaction<'_>| {
        if accounts::find(transaction, &whom)?.is_none() {
            return Ok(Err(no_record()));
        }
        accounts::put_password(transaction, &whom, &hash, true)?;
        if body.totp {
            accounts::remove_totp(transaction, &whom)?;
        }
        sessions::succeeded(transaction, &whom)?;
        sessions::end_all(transaction, &whom)?;
        note(transaction, &principal, "account.reset", &whom, now_ms)?;
        Ok(Ok(()))
    };
    state.db().write_async(reset).await??;
    Ok(Json(FirstPassword { login, password }))
}
