//! Decisions that outlive a restore: who is enrolled, who may see what, who was revoked, what was erased.
//!
//! The ledger is a file beside the database and not in a backup. A decision is appended and flushed inside the transaction
//! that carries it out, just before the commit; the database remembers how far it knows the ledger. A database that was
//! restored knows less: what is missing is carried out again before anything is served. So is a decision whose commit a
//! power failure prevented. Doing a decision twice changes nothing.

use gandan_model::mutant;
use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::auth::{Role, Scope};
use crate::db::sqlite::people::{self, Official};
use crate::db::sqlite::{attachments, devices};
use crate::db::{Db, DbError};
use crate::enrolment::parse_key;
use crate::erasure;
use crate::error::ServerError;
use crate::folder::{Decision, Folder, OfficialLine};

/// Writes a decision down, within the transaction that carries it out and as its last step.
pub fn decide(transaction: &Connection, folder: &Folder, decision: &Decision) -> Result<(), DbError> {
    let (before, after) = folder.append(decision)?;
    // A database that does not know all of it yet must not skip what lies between.
    if applied(transaction)? == before {
        put_applied(transaction, after)?;
    }
    Ok(())
}

/// Carries out what this database does not know. Gives how many decisions that were.
pub fn replay(db: &Db, folder: &Folder) -> Result<usize, ServerError> {
    let known = db.write(|transaction| applied(transaction))?;
    let (decisions, length) = folder.decisions(known)?;
    if mutant::on("forgets_decisions") || decisions.is_empty() && known == length {
        return Ok(0);
    }
    db.write(|transaction| {
        for decision in &decisions {
            carry_out(transaction, decision)?;
        }
        put_applied(transaction, length)
    })?;
    if decisions.iter().any(|decision| matches!(decision, Decision::DocumentErased { .. })) {
        erasure::empty_core_journal(db)?;
    }
    Ok(decisions.len())
}

/// Forgets how far the ledger is known: everything in it is carried out again at the next start.
pub fn forget(transaction: &Connection) -> Result<(), DbError> {
    transaction.execute("DELETE FROM ledger", [])?;
    Ok(())
}

fn carry_out(transaction: &Transaction<'_>, decision: &Decision) -> Result<(), DbError> {
    match decision {
        Decision::DeviceRevoked { device, at_ms, wipe } => {
            devices::revoke(transaction, device, *wipe, *at_ms)?;
        }
        Decision::DeviceEnrolled { device, public_key, official, at_ms } => {
            let Ok(key) = parse_key(public_key) else { return Ok(()) };
            let scope = put_official(transaction, official, *at_ms)?;
            if let Some(no) = devices::put(transaction, device, &key, Some(&official.id), *at_ms)? {
                devices::set_grants(transaction, no, official.role, &scope)?;
            }
        }
        Decision::OfficialMoved { official, at_ms } => {
            let scope = put_official(transaction, official, *at_ms)?;
            regrant(transaction, &official.id, official.role, &scope)?;
        }
        Decision::DocumentErased { space, document, at_ms } => {
            erasure::erase(transaction, space, document, *at_ms)?;
        }
        // The bytes go when the server starts.
        Decision::AttachmentRemoved { file, at_ms } => {
            attachments::close(transaction, file, *at_ms)?;
        }
        Decision::Unknown => {}
    }
    Ok(())
}

fn put_official(transaction: &Connection, line: &OfficialLine, at_ms: i64) -> Result<Scope, DbError> {
    let official = Official { id: line.id.clone(), name: line.name.clone(), role: line.role };
    people::put_official(transaction, &official, &line.scope, at_ms)?;
    people::scope(transaction, &line.scope, at_ms)
}

/// Moves the devices that an official has already to what the official may see now.
pub fn regrant(connection: &Connection, official: &str, role: Role, scope: &Scope) -> Result<(), DbError> {
    let mut statement =
        connection.prepare_cached("SELECT no FROM device WHERE official = ?1 AND revoked_ms IS NULL")?;
    let numbers = statement.query_map([official], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    numbers.into_iter().try_for_each(|no| devices::set_grants(connection, no, role, scope))
}

fn applied(connection: &Connection) -> Result<u64, DbError> {
    let row = connection.query_row("SELECT applied FROM ledger", [], |row| row.get::<_, i64>(0)).optional()?;
    Ok(row.and_then(|length| u64::try_from(length).ok()).unwrap_or(0))
}

fn put_applied(connection: &Connection, length: u64) -> Result<(), DbError> {
    let length = i64::try_from(length).map_err(DbError::internal)?;
    connection.execute("INSERT OR REPLACE INTO ledger (one, applied) VALUES (1, ?1)", [length])?;
    Ok(())
}
