//! `/api/v1/me`: who asks and what they may do; password and second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use qrcode::QrCode;
use qrcode::render::svg;
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::Body;
use super::session::{note, turn};
use super::staff::Action;
use crate::accounts::{self as rules, MAX_PASSWORD, TOTP_BYTES};
use crate::auth::{Principal, Role, Scope, new_secret};
use crate::db::DbError;
use crate::db::sqlite::accounts::{self, Account};
use crate::db::sqlite::sessions::{self, Session};
use crate::error::ServerError;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::bearer;
use crate::http::session::{self, SignedIn};
use crate::reports::quarantine;
use crate::state::AppState;

/// A unit or an area by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Named {
    /// Code of the unit, or id of the area.
    id: String,
    /// Name.
    name: String,
}

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(crate) struct Me {
    /// Name of the account: the author of what it writes.
    login: String,
    /// The person's (or post's) name.
    name: String,
    /// What it is.
    role: Role,
    /// For an agency: whose issues it sees.
    agency: Option<String>,
    /// True if it sees the whole province.
    province: bool,
    /// The units that it sees today.
    units: Vec<Named>,
    /// The areas of which it sees every unit.
    areas: Vec<Named>,
    /// What it may do; the server asks again each time.
    permissions: Vec<&'static str>,
    /// The password was given by somebody else: everything else is refused (`password_change_needed`) until it is
    /// replaced.
    must_change_password: bool,
    /// A second factor is demanded and missing: everything else is refused (`totp_setup_needed`).
    must_set_totp: bool,
    /// Whether a second factor is in force.
    totp: bool,
    /// Recovery codes that are left.
    recovery_codes_left: i64,
    /// True for a session with a cookie, false for a bearer token.
    session: bool,
    /// When the session ends whatever is done with it, Unix milliseconds.
    session_ends_ms: Option<i64>,
    /// After how many seconds without a request it ends.
    session_idle_s: i64,
}

/// What a role may do, as names for the web app.
fn permissions(role: Role) -> Vec<&'static str> {
    let mut list: Vec<&'static str> =
        Action::ALL.into_iter().filter(|action| action.open_to(role)).map(Action::as_str).collect();
    let more = [
        ("visits.read", role != Role::Agency),
        ("reports.read", role != Role::Agency),
        ("reports.freeze", !matches!(role, Role::Agency | Role::FieldOfficial | Role::Administrator)),
        ("quarantine.read", quarantine::may_read(role)),
        ("audit.read", matches!(role, Role::Inspector | Role::Administrator)),
        ("sealed.read", role.reads_sealed()),
        ("contacts.read", role.reads_contacts()),
        ("admin", role == Role::Administrator),
    ];
    list.extend(more.into_iter().filter(|(_, open)| *open).map(|(name, _)| name));
    list
}

fn named(connection: &Connection, scope: &Scope) -> Result<(Vec<Named>, Vec<Named>), DbError> {
    let read = |sql: &str| {
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_map([], |row| Ok(Named { id: row.get(0)?, name: row.get(1)? }))?;
        Ok::<_, DbError>(found.collect::<rusqlite::Result<Vec<_>>>()?)
    };
    let mut units = read("SELECT code, name FROM unit WHERE kind <> 'province' ORDER BY code")?;
    let mut areas = read("SELECT id, name FROM area ORDER BY id")?;
    if let Some(own) = scope.units() {
        units.retain(|unit| own.contains(&unit.id));
        let mut members = connection.prepare_cached("SELECT unit FROM area_unit WHERE area = ?1")?;
        let mut whole = Vec::new();
        for area in areas {
            let units = members.query_map([&area.id], |row| row.get::<_, String>(0))?;
            let units = units.collect::<rusqlite::Result<Vec<_>>>()?;
            if !units.is_empty() && units.iter().all(|unit| own.contains(unit)) {
                whole.push(area);
            }
        }
        areas = whole;
    }
    Ok((units, areas))
}

impl Me {
    /// What an account is told; `begun_ms`: when its session began.
    pub(super) async fn of_account(
        state: &AppState,
        account: Account,
        begun_ms: Option<i64>,
    ) -> Result<Self, ApiError> {
        let now_ms = state.now_ms();
        let read = move |connection: &Connection| {
            let principal = accounts::principal(connection, &account, now_ms)?;
            let mut me = Self::of(connection, &principal)?;
            me.name.clone_from(&account.name);
            me.must_change_password = account.must_change;
            me.must_set_totp = account.must_set_totp();
            me.totp = account.totp.is_some();
            me.recovery_codes_left = accounts::recovery_left(connection, &account.login)?;
            me.session = true;
            me.session_ends_ms = begun_ms.map(|begun| begun + sessions::ABSOLUTE_MS);
            Ok(me)
        };
        Ok(state.db().read_async(read).await?)
    }

    fn of(connection: &Connection, principal: &Principal) -> Result<Self, DbError> {
        let (units, areas) = named(connection, &principal.scope)?;
        Ok(Self {
            login: principal.name.clone(),
            name: principal.name.clone(),
            role: principal.role,
            agency: principal.agency().map(str::to_owned),
            province: principal.scope == Scope::Province,
            units,
            areas,
            permissions: permissions(principal.role),
            must_change_password: false,
            must_set_totp: false,
            totp: false,
            recovery_codes_left: 0,
            session: false,
            session_ends_ms: None,
            session_idle_s: sessions::IDLE_MS / 1000,
        })
    }
}

/// Who asks, with a session or a bearer token: name, role, units, areas, what it may do, what it has to do first.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "session", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The account", body = Me),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn me(State(state): State<AppState>, mut parts: Parts) -> Result<Json<Me>, ApiError> {
    use axum::extract::FromRequestParts;
    if bearer(&parts).is_some() {
        let principal = Principal::from_request_parts(&mut parts, &state).await?;
        return Ok(Json(state.db().read_async(move |connection| Me::of(connection, &principal)).await?));
    }
    let SignedIn(session) = SignedIn::from_request_parts(&mut parts, &state).await?;
    Ok(Json(Me::of_account(&state, session.account, Some(session.created_ms)).await?))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The password so far.
    current: String,
    /// The new one: 12 characters at least, 256 bytes at most.
    new: String,
}

/// The account's password again, before something important.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// The password.
    password: String,
}

/// A code of the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpCode {
    /// Six digits.
    code: String,
}

/// A secret for an authenticator app. In force only after a code proved that the app has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpOffer {
    /// Base32.
    secret: String,
    /// The same as an `otpauth` address.
    uri: String,
    /// The address as a QR code, SVG.
    qr_svg: String,
}

/// Codes for the day on which the second factor is lost, each good once. They are shown only now.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes.
    codes: Vec<String>,
}

/// Checks the password again, with the same pauses after failures as at the sign-in.
async fn prove(state: &AppState, account: &Account, password: &str) -> Result<(), ApiError> {
    let _turn = turn(state).await?;
    let (db, now_ms) = (state.db().clone(), state.now_ms());
    let (account, password) = (account.clone(), password.to_owned());
    let proved = tokio::task::spawn_blocking(move || {
        let until = db.read(|connection| sessions::locked_until(connection, &account.login, now_ms))?;
        if let Some(until) = until {
            let seconds = u32::try_from((until - now_ms).div_euclid(1000) + 1).unwrap_or(900);
            return Err(ApiError::resting(seconds));
        }
        if password.len() <= MAX_PASSWORD && rules::verify_password(&password, Some(&account.password))? {
            return Ok(());
        }
        db.write(|transaction| sessions::failed(transaction, &account.login, now_ms))?;
        let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_password", "the password is wrong");
        Err(error.with_field("password"))
    });
    proved.await.map_err(DbError::internal)?
}

/// Ends every session of the account and begins one under a new id.
fn rotate(transaction: &Transaction<'_>, login: &str, id: &str, now_ms: i64) -> Result<Account, DbError> {
    sessions::end_all(transaction, login)?;
    sessions::begin(transaction, id, login, false, now_ms)?;
    accounts::find(transaction, login)?.ok_or_else(|| DbError::internal("the account went away"))
}

fn new_id() -> Result<String, ServerError> {
    new_secret::<32>().map_err(|error| ServerError::Internal(error.to_string()))
}

/// Replaces the password. Every session of the account ends; this one goes on under a new id.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "session", security(("session" = [])), request_body = NewPassword,
    responses(
        (status = 200, description = "Done; `set-cookie` holds the new session", body = Me),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 422, description = "`wrong_password`, `password_too_short`, `password_too_long`, `password_too_simple`, `password_unchanged`", body = ErrorBody),
        (status = 429, description = "`locked`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn change_password(
    State(state): State<AppState>,
    SignedIn(Session { account, .. }): SignedIn,
    Body(body): Body<NewPassword>,
) -> Result<Response, ApiError> {
    let refuse = |code: &'static str, message: &str| {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field("new"))
    };
    if let Err(code) = rules::check_password(&account.login, &body.new) {
        return refuse(code, "a password has 12 characters at least and is not one that everybody tries first");
    }
    if body.new == body.current {
        return refuse("password_unchanged", "this is the password that you have");
    }
    prove(&state, &account, &body.current).await?;
    let turn = turn(&state).await?;
    let (db, now_ms, id) = (state.db().clone(), state.now_ms(), new_id()?);
    let cookie = session::cookie(state.secure(), &id);
    let changed = tokio::task::spawn_blocking(move || {
        let hash = rules::hash_password(&body.new)?;
        drop(turn);
        let account = db.write(|transaction| {
            accounts::put_password(transaction, &account.login, &hash, false)?;
            note(transaction, &account, "account.password", "done", now_ms)?;
            rotate(transaction, &account.login, &id, now_ms)
        })?;
        Ok::<_, ServerError>(account)
    });
    let account = changed.await.map_err(DbError::internal)??;
    let me = Me::of_account(&state, account, Some(now_ms)).await?;
    Ok((cookie, Json(me)).into_response())
}

/// Gives a secret for a second factor. It counts from the moment on at which `PUT` proves a code of it; until then the
/// one in force stays.
#[utoipa::path(
    post, path = "/api/v1/me/totp", tag = "session", security(("session" = [])), request_body = Proof,
    responses(
        (status = 200, description = "The secret", body = TotpOffer),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 422, description = "`wrong_password`", body = ErrorBody),
        (status = 429, description = "`locked`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn offer_totp(
    State(state): State<AppState>,
    SignedIn(Session { account, .. }): SignedIn,
    Body(body): Body<Proof>,
) -> Result<Json<TotpOffer>, ApiError> {
    prove(&state, &account, &body.password).await?;
    let mut secret = [0; TOTP_BYTES];
    getrandom::fill(&mut secret).map_err(|error| ServerError::Internal(error.to_string()))?;
    let login = account.login.clone();
    state.db().write_async(move |transaction| accounts::offer_totp(transaction, &login, &secret)).await?;
    let (text, uri) = rules::totp_address(&secret, &account.login);
    let qr_svg = picture(&uri)?;
    Ok(Json(TotpOffer { secret: text, uri, qr_svg }))
}

/// A text as a QR code, SVG.
pub(super) fn picture(text: &str) -> Result<String, ApiError> {
    let code = QrCode::new(text).map_err(DbError::internal)?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(220, 220).build())
}

/// Puts the secret in force that was given last, if the code is one of its. Gives new recovery codes; every session of
/// the account ends, this one goes on under a new id.
#[utoipa::path(
    put, path = "/api/v1/me/totp", tag = "session", security(("session" = [])), request_body = TotpCode,
    responses(
        (status = 200, description = "In force; the codes are shown only now", body = RecoveryCodes),
        (status = 400, description = "`bad_json`", body = ErrorBody),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 403, description = "`csrf`", body = ErrorBody),
        (status = 422, description = "`wrong_code`, `no_offer`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn accept_totp(
    State(state): State<AppState>,
    SignedIn(Session { account, .. }): SignedIn,
    Body(body): Body<TotpCode>,
) -> Result<Response, ApiError> {
    let now_ms = state.now_ms();
    let refuse = |code: &'static str, message: &str| {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message).with_field("code"))
    };
    let Some(secret) = &account.totp_new else { return refuse("no_offer", "ask for a secret first") };
    let Some(step) = rules::check_totp(secret, &body.code, now_ms, 0) else {
        return refuse("wrong_code", "the code does not fit; is the phone's clock right?");
    };
    let codes = rules::recovery_codes()?;
    let hashes: Vec<[u8; 32]> = codes.iter().map(|code| rules::recovery_hash(code)).collect();
    let id = new_id()?;
    let cookie = session::cookie(state.secure(), &id);
    let accept = move |transaction: &Transaction<'_>| {
        accounts::accept_totp(transaction, &account.login, step, &hashes)?;
        note(transaction, &account, "account.totp", "done", now_ms)?;
        rotate(transaction, &account.login, &id, now_ms)
    };
    state.db().write_async(accept).await?;
    Ok((cookie, Json(RecoveryCodes { codes })).into_response())
}
