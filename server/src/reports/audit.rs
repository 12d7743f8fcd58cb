//! The trail of what staff did: rows that are only ever added, in the database of record.

use gandan_model::ids::DocId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::day::Day;
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

/// Whose entries somebody may read.
#[derive(Debug, Clone)]
pub enum AuditScope {
    /// Those about units of the scope; without limits those about no unit too.
    Records(Scope),
    /// Those about no unit: accounts, officials, devices, settings.
    Administration,
}

/// What the trail is asked.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only of this record.
    pub doc: Option<DocId>,
    /// Only of this account.
    pub who: Option<String>,
    /// Only this action; with a dot at the end all that begin so.
    pub action: Option<String>,
    /// Only about this unit.
    pub unit: Option<String>,
    /// From this day (UTC+7).
    pub from: Option<Day>,
    /// Until this day.
    pub to: Option<Day>,
    /// Only after this place.
    pub after: i64,
    /// Only before this place, the newest first; 0: begins with the last one.
    pub before: Option<i64>,
    /// Most entries.
    pub limit: usize,
}

fn conditions(scope: &AuditScope, filter: &AuditFilter) -> Conditions {
    let mut sql = Conditions::default();
    match scope {
        AuditScope::Records(scope) => scope.units_on("a.unit", &mut sql),
        AuditScope::Administration => sql.push("a.unit = ''"),
    }
    sql.push("a.n > :after");
    sql.bind(":after", filter.after);
    if let Some(before) = filter.before.filter(|before| *before > 0) {
        sql.push("a.n < :before");
        sql.bind(":before", before);
    }
    if let Some(doc) = filter.doc {
        sql.push("a.doc = :doc");
        sql.bind(":doc", doc.0);
    }
    sql.equals("a.who", ":who", filter.who.as_deref());
    sql.equals("a.unit", ":unit", filter.unit.as_deref());
    match filter.action.as_deref() {
        Some(group) if group.ends_with('.') => {
            sql.equals("substr(a.action, 1, length(:action))", ":action", Some(group));
        }
        action => sql.equals("a.action", ":action", action),
    }
    if let Some(from) = filter.from {
        sql.push("a.at_ms >= :from");
        sql.bind(":from", from.start_ms());
    }
    if let Some(to) = filter.to {
        sql.push("a.at_ms < :to");
        sql.bind(":to", Day(to.0.saturating_add(1)).start_ms());
    }
    sql
}

/// Entries of the scope that fit the filter, in the order of the trail, or the newest first.
pub fn query(connection: &Connection, scope: &AuditScope, filter: &AuditFilter) -> Result<Vec<AuditEntry>, DbError> {
    let sql = conditions(scope, filter);
    let text = format!(
        "SELECT a.n, a.at_ms, a.who, a.role, a.action, a.unit, a.doc, a.seq, a.result, a.reason FROM audit_row a \
         WHERE {} ORDER BY a.n {} LIMIT {}",
        sql.sql(),
        if filter.before.is_some() { "DESC" } else { "ASC" },
        filter.limit,
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
