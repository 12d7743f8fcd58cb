//! `enrol`, `token`, `revoke`: who may do what.

use clap::{ArgGroup, Args};
use gandan_model::ids::DeviceId;
use gandan_model::text::{check_text, fold};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rusqlite::Connection;
use serde_json::json;

use super::{Common, ScopeArgs, local_time, role};
use crate::auth::{Role, ScopeLine, new_secret};
use crate::clock::{Clock, SystemClock};
use crate::db::sqlite::people::{Official, Purpose};
use crate::db::sqlite::{devices, org, people};
use crate::db::{Db, DbError};
use crate::error::ServerError;
use crate::folder::{Decision, Folder, OfficialLine};
use crate::ledger::{decide, regrant};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Longest name, in characters.
const MAX_NAME: usize = 200;
/// Longest id of an official: the author in every change.
const MAX_ID: usize = 64;

#[derive(Debug, Args)]
pub(super) struct Enrol {
    #[command(flatten)]
    common: Common,
    /// Name of the official
    #[arg(long)]
    name: String,
    /// Role: `field_official`, `commune_staff`, agency, `area_staff`, `province_staff`, inspector, administrator
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Id of the official, which stands as author in what they write; made from the name if it is not given
    #[arg(long, value_name = "ID")]
    official_id: Option<String>,
    /// The address under which devices reach the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// How many days the link is valid
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
}

#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(flatten)]
    common: Common,
    /// Name of the account, which stands as author in what it writes
    #[arg(long)]
    name: String,
    /// Role: `field_official`, `commune_staff`, agency, `area_staff`, `province_staff`, inspector, administrator
    #[arg(long, value_parser = role)]
    role: Role,
    #[command(flatten)]
    scope: ScopeArgs,
    /// How many days the token is valid; for ever if not given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("who").required(true)))]
pub(super) struct Revoke {
    #[command(flatten)]
    common: Common,
    /// The device
    #[arg(long, value_name = "ID", group = "who")]
    device: Option<DeviceId>,
    /// All devices of this official
    #[arg(long, value_name = "ID", group = "who")]
    official: Option<String>,
    /// Everything on the device has to go at its next contact
    #[arg(long)]
    wipe: bool,
}

impl Enrol {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let base = self.base_url.trim_end_matches('/');
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            return Err(ServerError::invalid("bad_url", "--base-url must start with https:// (or http:// for a test)"));
        }
        let name = check_name(&self.name)?;
        let db = self.common.core()?;
        let lines = checked_scope(&db, &self.scope)?;
        let now_ms = SystemClock.now_ms();
        let expires_ms = now_ms + i64::from(self.days) * DAY_MS;
        let code = secret::<16>()?;
        let folder = Folder::at(&self.common.data);
        let official = db.write(|transaction| {
            let id = match &self.official_id {
                Some(id) => id.clone(),
                None => free_id(transaction, &name)?,
            };
            let official = Official { id, name: name.clone(), role: self.role };
            people::put_official(transaction, &official, &lines, now_ms)?;
            people::put_code(transaction, &code, Purpose::Device, &official.id, now_ms, expires_ms)?;
            regrant(transaction, &official.id, official.role, &people::scope(transaction, &lines, now_ms)?)?;
            let line = OfficialLine { id: official.id.clone(), name: name.clone(), role: self.role, scope: lines };
            decide(transaction, &folder, &Decision::OfficialMoved { official: line, at_ms: now_ms })?;
            Ok(official)
        })?;
        let link = format!("{base}/enrol#{code}");
        let expires_at = local_time(expires_ms);
        let answer = json!({"link": link, "code": code, "expires_at": expires_at, "official": official.id});
        let text = format!("{}\n{link}\nfor {} ({}), valid until {expires_at}", picture(&link), name, official.id);
        self.common.say(&answer, &text)
    }
}

impl Token {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let name = check_name(&self.name)?;
        if name.len() > gandan_sync::limits::MAX_MESSAGE {
            return Err(ServerError::invalid("bad_name", "the name of an account has at most 128 bytes"));
        }
        let db = self.common.core()?;
        let lines = checked_scope(&db, &self.scope)?;
        let now_ms = SystemClock.now_ms();
        let expires_ms = self.days.map(|days| now_ms + i64::from(days) * DAY_MS);
        let token = secret::<32>()?;
        db.write(|transaction| people::put_token(transaction, &token, (&name, self.role), &lines, now_ms, expires_ms))?;
        let expires_at = expires_ms.map(local_time);
        let answer = json!({"token": token, "name": name, "role": self.role, "expires_at": expires_at});
        self.common.say(&answer, &format!("{token}\nIt is shown only now; the server keeps nothing but its hash."))
    }
}

impl Revoke {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        let db = self.common.core()?;
        let now_ms = SystemClock.now_ms();
        let wanted = match (&self.device, &self.official) {
            (Some(device), _) => vec![*device],
            (None, Some(official)) => db.write(|transaction| devices::of_official(transaction, official))?,
            (None, None) => Vec::new(),
        };
        let folder = Folder::at(&self.common.data);
        let revoked = db.write(|transaction| {
            let mut revoked = Vec::new();
            for device in &wanted {
                if devices::revoke(transaction, device, self.wipe, now_ms)? {
                    let decision = Decision::DeviceRevoked { device: *device, at_ms: now_ms, wipe: self.wipe };
                    decide(transaction, &folder, &decision)?;
                    revoked.push(device.to_string());
                }
            }
            Ok(revoked)
        })?;
        if revoked.is_empty() {
            return Err(ServerError::invalid("unknown_device", "no such device, or it was revoked before"));
        }
        self.common.say(&json!({"revoked": revoked}), &format!("revoked: {}", revoked.join(", ")))
    }
}

pub(super) fn secret<const N: usize>() -> Result<String, ServerError> {
    new_secret::<N>().map_err(|error| ServerError::Internal(error.to_string()))
}

pub(super) fn check_name(name: &str) -> Result<String, ServerError> {
    let name = check_text("name", name.trim(), MAX_NAME)
        .map_err(|error| ServerError::invalid("bad_name", format!("--name: {error}")))?;
    if name.is_empty() { Err(ServerError::invalid("bad_name", "--name must not be empty")) } else { Ok(name) }
}

pub(super) fn checked_scope(db: &Db, scope: &ScopeArgs) -> Result<Vec<ScopeLine>, ServerError> {
    let lines = scope.lines();
    if lines.is_empty() {
        return Err(ServerError::invalid("no_scope", "say for what: --unit CODE, --area ID or --province"));
    }
    let unknown = db.write(|transaction| {
        for line in &lines {
            let (known, option) = match line {
                ScopeLine::Unit(code) => (org::has_unit(transaction, code)?, "--unit"),
                ScopeLine::Area(id) => (org::has_area(transaction, id)?, "--area"),
                ScopeLine::Province => (true, ""),
            };
            if !known {
                return Ok(Some(format!("{option} {}: there is none with this name", line.columns().1)));
            }
        }
        Ok(None)
    })?;
    match unknown {
        Some(message) => Err(ServerError::invalid("unknown_unit", message)),
        None => Ok(lines),
    }
}

/// An id made from a name: the name itself if it looks like an id (`CB-001`), else its letters without marks. A second
/// person of the same letters but another name gets a number; the same name is the same person.
fn free_id(connection: &Connection, name: &str) -> Result<String, DbError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let base: String = if name.chars().all(plain) {
        name.chars().take(MAX_ID - 4).collect()
    } else {
        let folded = fold(name);
        let parts: Vec<String> =
            folded.split_whitespace().map(|word| word.chars().filter(|c| plain(*c)).collect()).collect();
        parts.join("-").chars().take(MAX_ID - 4).collect()
    };
    let base = if base.is_empty() { "official".to_owned() } else { base };
    let mut id = base.clone();
    for number in 2.. {
        match people::official(connection, &id)? {
            Some(official) if official.name != name => id = format!("{base}-{number}"),
            _ => break,
        }
    }
    Ok(id)
}

/// The link as a picture for the camera of a phone.
fn picture(link: &str) -> String {
    match QrCode::new(link) {
        // On the dark ground of most terminals the light modules have to be drawn.
        Ok(code) => code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build(),
        Err(_) => String::new(),
    }
}
