//! The trail of what staff did: rows that are only ever added, in the database of record.

use gandan_model::ids::DocId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::figures::rows;
use crate::reports::scope::{Conditions, Scope};

/// One thing that somebody did, or tried to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Place in the trail; grows.
    pub n: i64,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The account.
    pub who: String,
    /// Its role.
    pub role: String,
    /// What: `issue.assign`, `issue.event`, `issue.reply`, `visit.verify`, `visit.return`, `review.resolve`,
    /// `assignment.create`, `plan.create`, `record.erase`, `device.revoke`, `device.renew`, `official.move`,
    /// `quarantine.keep`, `quarantine.admit`, `quarantine.discard`.
    pub action: String,
    /// Unit code.
    pub unit: String,
    /// The record.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub doc: Option<DocId>,
    /// Place of the change in the space's log; null if the action changed nothing or was refused.
    pub seq: Option<i64>,
    /// `done`, `unchanged`, or the code of the refusal.
    pub result: String,
    /// Why, in the words of whoever did it.
    pub reason: Option<String>,
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The account.
    pub who: String,
    /// Its role.
    pub role: &'static str,
    /// What.
    pub action: &'static str,
    /// Unit code.
    pub unit: String,
    /// The record.
    pub doc: Option<DocId>,
    /// Place of the change in the log.
    pub seq: Option<i64>,
    /// `done`, `unchanged`, or the code of the refusal.
    pub result: String,
    /// Why, in the words of whoever did it.
    pub reason: Option<String>,
}

/// Adds an entry.
pub fn add(connection: &Connection, entry: &NewEntry) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO audit_row (at_ms, who, role, action, unit, doc, seq, result, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            entry.at_ms,
            &entry.who,
            entry.role,
            entry.action,
            &entry.unit,
            entry.doc.map(|doc| doc.0),
            entry.seq,
            &entry.result,
            &entry.reason,
        ))?;
    Ok(())
}

/// Entries about units of the scope after a place in the trail, oldest first; of one record if one is named.
pub fn query(
    connection: &Connection,
    scope: &Scope,
    doc: Option<DocId>,
    after: i64,
    limit: usize,
) -> Result<Vec<AuditEntry>, DbError> {
    let mut sql = Conditions::default();
    sql.push("a.n > :after");
    sql.bind(":after", after);
    scope.units_on("a.unit", &mut sql);
    if let Some(doc) = doc {
        sql.push("a.doc = :doc");
        sql.bind(":doc", doc.0);
    }
    let text = format!(
        "SELECT a.n, a.at_ms, a.who, a.role, a.action, a.unit, a.doc, a.seq, a.result, a.reason FROM audit_row a \
         WHERE {} ORDER BY a.n LIMIT {limit}",
        sql.sql()
    );
    rows(connection, &text, &sql, |row| {
        Ok(AuditEntry {
            n: row.get(0)?,
            at_ms: row.get(1)?,
            who: row.get(2)?,
            role: row.get(3)?,
            action: row.get(4)?,
            unit: row.get(5)?,
            doc: row.get::<_, Option<[u8; 16]>>(6)?.map(DocId),
            seq: row.get(7)?,
            result: row.get(8)?,
            reason: row.get(9)?,
        })
    })
}
