//! Becoming a device: a one-time code, a new key, and in return the spaces that the official may hold.

use ed25519_dalek::VerifyingKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::{DeviceId, SpaceId};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::ScopeLine;
use crate::auth::{Role, hash_secret, new_secret};
use crate::db::DbError;
use crate::db::sqlite::people::{Code, Official, Purpose};
use crate::db::sqlite::{devices, org, people};
use crate::folder::{Decision, Folder, OfficialLine};
use crate::ledger::decide;

/// Version of the deadline rules and code lists that this server goes by.
pub const RULES_VERSION: u32 = 1;

/// What a device sends to enrol.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct EnrolRequest {
    /// The code behind the `#` of the link.
    pub code: String,
    /// The device's id: 8 random bytes, hexadecimal.
    #[schema(value_type = String, example = "0123456789abcdef")]
    pub device: DeviceId,
    /// Its ed25519 public key, hexadecimal.
    #[schema(min_length = 64, max_length = 64)]
    pub public_key: String,
}

/// What a device gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolBundle {
    /// The device's id.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Whose device it is now.
    pub official: OfficialPart,
    /// The spaces it may hold.
    pub spaces: Vec<SpacePart>,
    /// The units of these spaces.
    #[schema(value_type = Vec<Object>)]
    pub units: Vec<serde_json::Value>,
    /// The areas that these units belong to.
    #[schema(value_type = Vec<Object>)]
    pub areas: Vec<serde_json::Value>,
    /// Bearer token for `GET /v1/events`, and for nothing else.
    pub events_token: String,
    /// Version of the rules in force.
    pub rules_version: u32,
    /// The server's clock, Unix milliseconds.
    pub server_time_ms: i64,
    /// When to call again, in seconds.
    pub poll_after_s: u32,
}

/// An official, as devices show them.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfficialPart {
    /// Their id: the author of what they write.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
}

/// A space, as devices are told of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpacePart {
    /// Its id, hexadecimal.
    #[schema(value_type = String)]
    pub space: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// `field`, `contacts` or `sealed`.
    pub compartment: &'static str,
    /// `read`, `write` or `both`.
    pub access: &'static str,
}

/// Why a code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Never given out, or for something else.
    #[error("this code is not known; ask the administrator for a new link")]
    Unknown,
    /// Used by another device.
    #[error("this code was used already; ask the administrator for a new link")]
    Used,
    /// Too old.
    #[error("this code has expired; ask the administrator for a new link")]
    Expired,
    /// The device's id is not one that a device may have, or belongs to another.
    #[error("this device id cannot be used; the app has to make a new one")]
    BadDevice,
    /// Not an ed25519 public key.
    #[error("the public key is not valid")]
    BadKey,
}

impl CodeError {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "code_unknown",
            Self::Used => "code_used",
            Self::Expired => "code_expired",
            Self::BadDevice => "bad_device",
            Self::BadKey => "bad_key",
        }
    }
}

/// The key in a request.
pub fn parse_key(text: &str) -> Result<[u8; 32], CodeError> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| CodeError::BadKey)?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| CodeError::BadKey)?;
    // A weak key would make signatures that anybody can give.
    VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or(CodeError::BadKey)?;
    Ok(key)
}

/// A key as text.
pub fn key_text(key: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(key)
}

/// Takes a code in, within the caller's transaction. A device whose answer got lost may come again with the same code.
pub fn enrol(
    connection: &Connection,
    folder: &Folder,
    request: &EnrolRequest,
    now_ms: i64,
    poll_after_s: u32,
) -> Result<Result<EnrolBundle, CodeError>, DbError> {
    let key = match parse_key(&request.public_key) {
        Ok(key) if !is_genesis_actor(request.device) => key,
        Ok(_) => return Ok(Err(CodeError::BadDevice)),
        Err(error) => return Ok(Err(error)),
    };
    let code = match find(connection, &request.code, Purpose::Device, now_ms, Some(&request.device.0))? {
        Ok(code) => code,
        Err(error) => return Ok(Err(error)),
    };
    let Some(official) = people::official(connection, &code.official)? else { return Ok(Err(CodeError::Unknown)) };
    let Some(no) = devices::put(connection, &request.device, &key, Some(&official.id), now_ms)? else {
        return Ok(Err(CodeError::BadDevice));
    };
    let lines = people::official_scope(connection, &official.id)?;
    let scope = people::scope(connection, &lines, now_ms)?;
    devices::set_grants(connection, no, official.role, &scope)?;
    let events_token = new_secret::<32>().map_err(DbError::internal)?;
    devices::set_events_hash(connection, no, hash_secret(&events_token))?;
    people::use_code(connection, &request.code, Some(&request.device.0), now_ms)?;

    let granted = devices::grants(connection, no)?;
    let mut units: Vec<String> = granted.iter().map(|granted| granted.unit.clone()).collect();
    units.sort_unstable();
    units.dedup();
    let space = |granted: devices::Granted| SpacePart {
        space: granted.space,
        unit: granted.unit,
        compartment: granted.compartment.as_str(),
        access: granted.access.as_str(),
    };
    let line = OfficialLine { id: official.id.clone(), name: official.name.clone(), role: official.role, scope: lines };
    let public_key = request.public_key.clone();
    let decision = Decision::DeviceEnrolled { device: request.device, public_key, official: line, at_ms: now_ms };
    decide(connection, folder, &decision)?;
    Ok(Ok(EnrolBundle {
        device: request.device,
        official: OfficialPart { id: official.id, name: official.name, role: official.role },
        spaces: granted.into_iter().map(space).collect(),
        areas: org::areas_json(connection, &units)?,
        units: org::units_json(connection, &units)?,
        events_token,
        rules_version: RULES_VERSION,
        server_time_ms: now_ms,
        poll_after_s,
    }))
}

fn find(
    connection: &Connection,
    code: &str,
    purpose: Purpose,
    now_ms: i64,
    again: Option<&[u8]>,
) -> Result<Result<Code, CodeError>, DbError> {
    let Some(found) = people::code(connection, code, purpose)? else { return Ok(Err(CodeError::Unknown)) };
    Ok(if found.used && (again.is_none() || found.device.as_deref() != again) {
        Err(CodeError::Used)
    } else if !found.used && found.expires_ms <= now_ms {
        Err(CodeError::Expired)
    } else {
        Ok(found)
    })
}

/// What a login gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginAnswer {
    /// The bearer token. It is shown this once.
    pub token: String,
    /// The account.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Until when the token is valid, Unix milliseconds.
    pub expires_ms: i64,
}

/// How long a token from a login is valid: 30 days.
const LOGIN_MS: i64 = 30 * 24 * 3600 * 1000;

/// Exchanges a one-time login code for a bearer token, within the caller's transaction.
pub fn login(connection: &Connection, code: &str, now_ms: i64) -> Result<Result<LoginAnswer, CodeError>, DbError> {
    let found = match find(connection, code, Purpose::Login, now_ms, None)? {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let Some(Official { id, name, role }) = people::official(connection, &found.official)? else {
        return Ok(Err(CodeError::Unknown));
    };
    let lines: Vec<ScopeLine> = people::official_scope(connection, &id)?;
    let token = new_secret::<32>().map_err(DbError::internal)?;
    let expires_ms = now_ms + LOGIN_MS;
    people::put_token(connection, &token, (&id, role), &lines, now_ms, Some(expires_ms))?;
    people::use_code(connection, code, None, now_ms)?;
    Ok(Ok(LoginAnswer { token, name, role, expires_ms }))
}
