//! Sessions of local accounts, and failed attempts to get one.

use rusqlite::{Connection, OptionalExtension};

use crate::auth::hash_secret;
use crate::db::DbError;
use crate::db::sqlite::accounts::{self, Account};

/// A session without a request for so long has ended: 60 minutes.
pub const IDLE_MS: i64 = 60 * 60 * 1000;
/// A session ends so long after the sign-in, whatever is done with it: 12 hours.
pub const ABSOLUTE_MS: i64 = 12 * 3600 * 1000;
/// Sessions of one account; the oldest goes when another begins.
pub const MAX_SESSIONS: i64 = 10;
/// How old the note of the last request may be before it is written anew, in milliseconds.
pub const TOUCH_MS: i64 = 60 * 1000;
/// Failures that cost nothing.
const FREE_FAILURES: i64 = 4;
/// First pause after them, doubled with each further failure, in milliseconds.
const FIRST_PAUSE_MS: i64 = 15 * 1000;
/// Longest pause, in milliseconds. Bounded, because somebody else can cause it.
const LONGEST_PAUSE_MS: i64 = 15 * 60 * 1000;
/// Failures are forgotten after a day.
const FORGET_MS: i64 = 24 * 3600 * 1000;
/// Most names whose failures are remembered.
const MAX_NAMES: i64 = 10_000;

/// A session that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its id.
    pub hash: [u8; 32],
    /// Whose it is.
    pub account: Account,
    /// When it began, Unix milliseconds.
    pub created_ms: i64,
    /// When it was last used, as far as that was written; Unix milliseconds.
    pub seen_ms: i64,
}

/// The session with this id, if it holds now.
pub fn find(connection: &Connection, id: &str, now_ms: i64) -> Result<Option<Session>, DbError> {
    let hash = hash_secret(id);
    let mut statement =
        connection.prepare_cached("SELECT login, created_ms, seen_ms, external FROM session WHERE hash = ?1")?;
    let found = statement
        .query_row([hash], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, bool>(3)?))
        })
        .optional()?;
    let Some((login, created_ms, seen_ms, external)) = found else { return Ok(None) };
    if now_ms >= created_ms + ABSOLUTE_MS || now_ms >= seen_ms + IDLE_MS {
        return Ok(None);
    }
    let account = accounts::find(connection, &login)?.filter(|account| account.disabled_ms.is_none());
    Ok(account.map(|mut account| {
        // Whoever came with the sign-in service has no use for the password that was given here.
        account.must_change &= !external;
        Session { hash, account, created_ms, seen_ms }
    }))
}

/// Begins a session under a new id; `external`: with the sign-in service, without a password. Expired sessions go, and of this account's the oldest beyond the bound.
pub fn begin(connection: &Connection, id: &str, login: &str, external: bool, now_ms: i64) -> Result<(), DbError> {
    connection.execute(
        "DELETE FROM session WHERE created_ms <= ?1 OR seen_ms <= ?2",
        (now_ms - ABSOLUTE_MS, now_ms - IDLE_MS),
    )?;
    connection.execute(
        "INSERT INTO session (hash, login, created_ms, seen_ms, external) VALUES (?1, ?2, ?3, ?3, ?4)",
        (hash_secret(id), login, now_ms, external),
    )?;
    connection.execute(
        "DELETE FROM session WHERE login = ?1 AND hash NOT IN
         (SELECT hash FROM session WHERE login = ?1 ORDER BY created_ms DESC, hash LIMIT ?2)",
        (login, MAX_SESSIONS),
    )?;
    connection.execute("UPDATE account SET signed_in_ms = ?2 WHERE login = ?1", (login, now_ms))?;
    Ok(())
}

/// Notes that a session was used.
pub fn touch(connection: &Connection, hash: &[u8; 32], now_ms: i64) -> Result<(), DbError> {
    connection.execute("UPDATE session SET seen_ms = max(seen_ms, ?2) WHERE hash = ?1", (hash, now_ms))?;
    Ok(())
}

/// Ends one session, by the hash of its id.
pub fn end(connection: &Connection, hash: &[u8; 32]) -> Result<(), DbError> {
    connection.execute("DELETE FROM session WHERE hash = ?1", [hash])?;
    Ok(())
}

/// Ends every session of an account; gives how many there were.
pub fn end_all(connection: &Connection, login: &str) -> Result<usize, DbError> {
    Ok(connection.execute("DELETE FROM session WHERE login = ?1", [login])?)
}

/// Until when nobody may try this name, Unix milliseconds; `None` if it may be tried now. Names without an account
/// behave the same, so that nobody learns which there are.
pub fn locked_until(connection: &Connection, login: &str, now_ms: i64) -> Result<Option<i64>, DbError> {
    let mut statement = connection.prepare_cached("SELECT locked_until_ms FROM signin_failure WHERE name = ?1")?;
    let until = statement.query_row([hash_secret(login)], |row| row.get::<_, i64>(0)).optional()?;
    Ok(until.filter(|until| *until > now_ms))
}

/// Remembers a failure; from the fifth on the name rests, each time twice as long.
pub fn failed(connection: &Connection, login: &str, now_ms: i64) -> Result<(), DbError> {
    connection.execute("DELETE FROM signin_failure WHERE last_ms < ?1", [now_ms - FORGET_MS])?;
    connection.execute(
        "DELETE FROM signin_failure WHERE name IN
         (SELECT name FROM signin_failure ORDER BY last_ms DESC LIMIT -1 OFFSET ?1)",
        [MAX_NAMES - 1],
    )?;
    let name = hash_secret(login);
    let before: i64 = connection
        .query_row("SELECT failures FROM signin_failure WHERE name = ?1", [name], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    connection.execute(
        "INSERT OR REPLACE INTO signin_failure (name, failures, locked_until_ms, last_ms) VALUES (?1, ?2, ?3, ?4)",
        (name, before + 1, now_ms + pause_ms(before + 1), now_ms),
    )?;
    Ok(())
}

/// Forgets the failures of a name.
pub fn succeeded(connection: &Connection, login: &str) -> Result<(), DbError> {
    connection.execute("DELETE FROM signin_failure WHERE name = ?1", [hash_secret(login)])?;
    Ok(())
}

fn pause_ms(failures: i64) -> i64 {
    let beyond = failures - FREE_FAILURES;
    if beyond <= 0 { 0 } else { (FIRST_PAUSE_MS << (beyond - 1).min(10)).min(LONGEST_PAUSE_MS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let pauses: Vec<i64> = (1..=12).map(|failures| pause_ms(failures) / 1000).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(pause_ms(1_000_000), LONGEST_PAUSE_MS);
    }
}
