//! What lies in quarantine, in words.

use std::collections::BTreeMap;

use gandan_model::history::{HistoryEntry, history};
use gandan_model::ids::{ChangeHash, Compartment, DeviceId, DocId};
use rusqlite::{Connection, named_params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Principal, Role};
use crate::db::DbError;
use crate::db::sqlite;
use crate::db::storage::{QuarantinedRow, ReadLog};
use crate::documents::{LoggedChange, assemble, changes};
use crate::erasure;

/// Most documents of one item that are put into words.
const MAX_DOCUMENTS: usize = 20;
/// Most changes of one document that are put into words.
const MAX_CHANGES: usize = 50;

/// Something that waits for a person's decision, or was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantineItem {
    /// Its number.
    pub id: i64,
    /// Unit code.
    pub unit: String,
    /// `field`, `contacts` or `sealed`.
    pub compartment: &'static str,
    /// Why it is here: `revoked_device`, `no_grant`, `unknown_author`, `recovered`, `erased_document`, or the code of a
    /// refusal.
    pub reason: String,
    /// The device that brought it, hexadecimal.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Whose device that is: the official's id.
    pub official: Option<String>,
    /// The official's name.
    pub name: Option<String>,
    /// The device that signed it, if that is another one that nobody knows here.
    #[schema(value_type = Option<String>)]
    pub author: Option<DeviceId>,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// What it would change. Empty: it cannot be read (yet).
    pub documents: Vec<QuarantineDocument>,
    /// `admitted`, `discarded` or `erased`; null while nobody has decided.
    pub outcome: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why.
    pub decided_why: Option<String>,
    /// When, Unix milliseconds.
    pub decided_ms: Option<i64>,
}

/// What an item would change in one document.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantineDocument {
    /// The document.
    #[schema(value_type = String, format = "uuid")]
    pub id: DocId,
    /// What it is; null for one of a newer app.
    pub kind: Option<&'static str>,
    /// The changes: who, when, field by field what stood there and what would.
    #[schema(value_type = Vec<Object>)]
    pub changes: Vec<HistoryEntry>,
}

/// What a list is asked.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Only of this unit.
    pub unit: Option<String>,
    /// Only with this reason.
    pub reason: Option<String>,
    /// Decided ones instead of those that wait.
    pub decided: bool,
    /// Only after this number.
    pub after: i64,
    /// Most items.
    pub limit: usize,
}

/// Whether somebody may see what lies in quarantine at all.
pub fn may_read(role: Role) -> bool {
    may_decide(role, Compartment::Field) || role == Role::Inspector
}

/// Whether a role decides about what lies in quarantine in this compartment: as with review; about what is sealed, the
/// inspectorate.
pub fn may_decide(role: Role, compartment: Compartment) -> bool {
    match compartment {
        Compartment::Field => matches!(role, Role::CommuneStaff | Role::AreaStaff | Role::ProvinceStaff),
        Compartment::Contacts => role == Role::CommuneStaff,
        Compartment::Sealed => role == Role::Inspector,
    }
}

/// Whether somebody may see what lies in quarantine here.
pub fn sees(principal: &Principal, unit: &str, compartment: Compartment) -> bool {
    principal.can_see_unit(unit)
        && (may_decide(principal.role, compartment)
            || (compartment == Compartment::Field && principal.role == Role::Inspector))
}

/// Items by number, the oldest first.
pub fn query(
    connection: &Connection,
    principal: &Principal,
    filter: &QuarantineFilter,
) -> Result<Vec<QuarantineItem>, DbError> {
    let all = [Compartment::Field, Compartment::Contacts, Compartment::Sealed];
    let role = principal.role;
    let shown = all.into_iter().filter(|compartment| {
        may_decide(role, *compartment) || (*compartment == Compartment::Field && role == Role::Inspector)
    });
    let shown: Vec<u8> = shown.map(Compartment::number).collect();
    let units = principal.scope.units().map(|units| serde_json::json!(units).to_string());
    let sql = format!(
        "{} WHERE q.id > :after AND (q.resolved_ms IS NOT NULL) = :decided
         AND (:unit IS NULL OR s.unit = :unit) AND (:reason IS NULL OR q.reason = :reason)
         AND s.compartment IN (SELECT value FROM json_each(:shown))
         AND (:units IS NULL OR s.unit IN (SELECT value FROM json_each(:units)))
         ORDER BY q.id LIMIT :limit",
        sqlite::QUARANTINED
    );
    let view = connection.unchecked_transaction()?;
    let log = sqlite::log_of(&view);
    let mut statement = view.prepare_cached(&sql)?;
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(named_params! {
        ":after": filter.after, ":decided": filter.decided, ":unit": filter.unit, ":reason": filter.reason,
        ":shown": serde_json::json!(shown).to_string(), ":units": units, ":limit": limit,
    })?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let quarantined = sqlite::quarantined_row(row)?;
        let documents = documents(&log, &quarantined)?;
        items.push(QuarantineItem {
            id: quarantined.id,
            unit: row.get(12)?,
            compartment: Compartment::from_number(row.get(13)?).map_or("", Compartment::as_str),
            reason: quarantined.reason,
            device: quarantined.device_id,
            official: row.get(14)?,
            name: row.get(15)?,
            author: quarantined.author,
            received_ms: quarantined.received_ms,
            documents,
            outcome: row.get(16)?,
            decided_by: row.get(17)?,
            decided_why: row.get(18)?,
            decided_ms: quarantined.resolved_ms,
        });
    }
    Ok(items)
}

/// What something in quarantine would change, document by document.
fn documents(log: &dyn ReadLog, row: &QuarantinedRow) -> Result<Vec<QuarantineDocument>, DbError> {
    let (Some(body), Some(space)) = (&row.body, log.space(&row.space)?) else { return Ok(Vec::new()) };
    let mut held: BTreeMap<DocId, Vec<LoggedChange>> = BTreeMap::new();
    for change in erasure::open(log, &row.space, body, row.form) {
        let (hash, received_ms) = (change.header.hash, row.received_ms);
        held.entry(change.doc).or_default().push(LoggedChange { hash, raw: change.raw, seq: u64::MAX, received_ms });
    }
    let mut documents = Vec::new();
    for (id, fresh) in held.into_iter().take(MAX_DOCUMENTS) {
        let hashes: Vec<ChangeHash> = fresh.iter().map(|change| change.hash).collect();
        let mut all = changes(log, &space, &id)?;
        all.extend(fresh);
        let document = assemble(None, &all).map(|assembled| assembled.document);
        let mut entries = document.as_ref().map(|document| history(document, usize::MAX)).unwrap_or_default();
        entries.retain(|entry| hashes.iter().any(|hash| hash.to_string() == entry.hash));
        entries.truncate(MAX_CHANGES);
        let kind = document.and_then(|document| document.kind()).map(gandan_model::genesis::DocKind::as_str);
        documents.push(QuarantineDocument { id, kind, changes: entries });
    }
    Ok(documents)
}
