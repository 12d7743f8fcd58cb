//! Editions of the rules, as they are stored.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gandan_model::rules::{Rules, RulesData};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::db::DbError;

/// Editions that are kept in memory, parsed.
const KEPT: usize = 4;

static SHIPPED: LazyLock<Arc<Rules>> = LazyLock::new(|| Arc::new(Rules::default()));
/// Parsed editions by their hash: the same bytes give the same rules, whichever database they lie in.
static PARSED: Mutex<Vec<([u8; 32], Arc<Rules>)>> = Mutex::new(Vec::new());

/// One edition, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Edition {
    /// Its number; grows by one. 0: the rules that the program ships.
    pub n: i64,
    /// When it was made, Unix milliseconds; null for edition 0.
    pub made_ms: Option<i64>,
    /// By whom; null for edition 0.
    pub made_by: Option<String>,
    /// Why, in the words of whoever did it; null for edition 0.
    pub reason: Option<String>,
}

/// The number of the edition in force, and the hash of its content; `None` for the shipped one, number 0.
pub fn current(connection: &Connection) -> Result<(i64, Option<[u8; 32]>), DbError> {
    let mut statement = connection.prepare_cached("SELECT n, sha256 FROM rule_edition ORDER BY n DESC LIMIT 1")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?.unwrap_or((0, None)))
}

/// The rules in force.
pub fn in_force(connection: &Connection) -> Result<Arc<Rules>, DbError> {
    let (n, Some(hash)) = current(connection)? else { return Ok(Arc::clone(&SHIPPED)) };
    let known = |parsed: &Vec<([u8; 32], Arc<Rules>)>| {
        parsed.iter().find(|(of, _)| *of == hash).map(|(_, rules)| Arc::clone(rules))
    };
    if let Some(rules) = known(&PARSED.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(rules);
    }
    let rules = rules_of(connection, n)?.ok_or_else(|| DbError::internal("an edition of the rules is missing"))?;
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    parsed.retain(|(of, _)| *of != hash);
    if parsed.len() >= KEPT {
        parsed.remove(0);
    }
    parsed.push((hash, Arc::clone(&rules)));
    Ok(rules)
}

/// The rules of an edition; `None` if there is no such edition.
pub fn rules_of(connection: &Connection, n: i64) -> Result<Option<Arc<Rules>>, DbError> {
    if n == 0 {
        return Ok(Some(Arc::clone(&SHIPPED)));
    }
    let Some(body) = body(connection, n)? else { return Ok(None) };
    let rules = RulesData::from_json(body.as_bytes()).and_then(Rules::new).map_err(DbError::internal)?;
    Ok(Some(Arc::new(rules)))
}

fn body(connection: &Connection, n: i64) -> Result<Option<String>, DbError> {
    let mut statement = connection.prepare_cached("SELECT body FROM rule_edition WHERE n = ?1")?;
    Ok(statement.query_row([n], |row| row.get(0)).optional()?)
}

/// The number by which devices know the rules in force: it follows from their content, so that it stays true when a server
/// is restored and its editions are counted anew. 0 for the shipped ones.
pub fn number(connection: &Connection) -> Result<u32, DbError> {
    Ok(current(connection)?.1.map_or(0, number_of))
}

fn number_of(hash: [u8; 32]) -> u32 {
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]).max(1)
}

/// [`number`] and the rules as JSON; nothing for the shipped ones.
pub fn for_devices(connection: &Connection) -> Result<(u32, Option<Vec<u8>>), DbError> {
    let (n, Some(hash)) = current(connection)? else { return Ok((0, None)) };
    Ok((number_of(hash), body(connection, n)?.map(String::into_bytes)))
}

/// Adds an edition and gives its number. Units that count as remote are marked in the table of units too.
pub fn add(connection: &Connection, rules: &Rules, made_by: &str, reason: &str, now_ms: i64) -> Result<i64, DbError> {
    let body = rules.data().to_json().map_err(DbError::internal)?;
    let hash: [u8; 32] = Sha256::digest(&body).into();
    let body = String::from_utf8(body).map_err(DbError::internal)?;
    let n = current(connection)?.0 + 1;
    connection
        .prepare_cached(
            "INSERT INTO rule_edition (n, made_ms, made_by, reason, sha256, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((n, now_ms, made_by, reason, hash, body))?;
    let remote = serde_json::to_string(&rules.remote_units)?;
    connection.execute("UPDATE unit SET remote = code IN (SELECT value FROM json_each(?1))", [remote])?;
    Ok(n)
}

/// All editions, newest first, the shipped one last.
pub fn editions(connection: &Connection) -> Result<Vec<Edition>, DbError> {
    let mut statement =
        connection.prepare_cached("SELECT n, made_ms, made_by, reason FROM rule_edition ORDER BY n DESC")?;
    let found = statement.query_map([], |row| {
        Ok(Edition { n: row.get(0)?, made_ms: row.get(1)?, made_by: row.get(2)?, reason: row.get(3)? })
    })?;
    let mut editions = found.collect::<rusqlite::Result<Vec<_>>>()?;
    editions.push(Edition { n: 0, made_ms: None, made_by: None, reason: None });
    Ok(editions)
}
