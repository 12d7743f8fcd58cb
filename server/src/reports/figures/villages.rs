//! Coverage of villages: figure 1, and village by month. Only where a list of villages is loaded.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Share, one, rows};
use crate::db::DbError;
use crate::reports::scope::{Conditions, Question};

/// Most villages of one unit that a table shows; a unit has some dozens.
const MAX_VILLAGES: usize = 500;
/// Most names outside the list.
const MAX_UNLISTED: usize = 100;

/// Conditions on the villages (alias `g`) in the list on the last day of the question.
fn listed(question: &Question) -> Conditions {
    let mut sql = Conditions::default();
    question.scope.units_on("g.unit", &mut sql);
    sql.push("g.valid_from <= :on AND (g.valid_to IS NULL OR g.valid_to >= :on)");
    sql.bind(":on", question.to.min(question.as_of).date().to_string());
    sql
}

/// Villages with at least one held visit, of those in the list; `None` if there is no list for any unit of the area.
pub(crate) fn coverage(connection: &Connection, question: &Question) -> Result<Option<Share>, DbError> {
    let (listed, held) = (listed(question), question.held());
    let visited =
        format!("EXISTS (SELECT 1 FROM visit_row v WHERE v.unit = g.unit AND v.village = g.key AND {})", held.sql());
    let sql = format!("SELECT count(*), count(*) FILTER (WHERE {visited}) FROM village g WHERE {}", listed.sql());
    let (all, visited) = one(connection, &sql, &held.and(listed), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((all > 0).then(|| Share::of(visited, all)))
}

/// A village and its visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VillageRow {
    /// Code of the unit.
    pub unit: String,
    /// Kind: `thon`, `buon`, `bon`, `ban`, `to_dan_pho` or `khu_pho`; null for a name that is not in the list.
    pub kind: Option<String>,
    /// Name.
    pub name: String,
    /// Whether it is in the list.
    pub listed: bool,
    /// Held visits by month (`2026-08`); months without one are missing.
    pub months: BTreeMap<String, i64>,
}

/// Villages of the area by name: those of the list, visited or not, then the names of visited ones that it lacks.
pub fn by_month(connection: &Connection, question: &Question) -> Result<Vec<VillageRow>, DbError> {
    let listed = listed(question);
    let text = format!(
        "SELECT g.unit, g.kind, g.name, g.key FROM village g WHERE {} ORDER BY g.unit, g.key LIMIT {MAX_VILLAGES}",
        listed.sql()
    );
    let villages = rows(connection, &text, &listed, |row| {
        let key: String = row.get(3)?;
        let (unit, kind, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((key, VillageRow { unit, kind, name, listed: true, months: BTreeMap::new() }))
    })?;
    let mut by_key: BTreeMap<(String, String), VillageRow> =
        villages.into_iter().map(|(key, row)| ((row.unit.clone(), key), row)).collect();
    let held = question.held();
    let text = format!(
        "SELECT v.unit, v.village, strftime('%Y-%m', v.day * 86400, 'unixepoch'), count(*), \
         max(json_extract(t.json, '$.place_name')) FROM visit_row v JOIN visit_text t ON t.n = v.n \
         WHERE {} AND v.village IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        held.sql()
    );
    let found = rows(connection, &text, &held, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?, row.get::<_, String>(4)?))
    })?;
    let mut unlisted: BTreeMap<(String, String), VillageRow> = BTreeMap::new();
    for (unit, key, month, count, name) in found {
        let place: (String, String) = (unit, key);
        let row = match by_key.get_mut(&place) {
            Some(row) => row,
            None if unlisted.len() >= MAX_UNLISTED && !unlisted.contains_key(&place) => continue,
            None => unlisted.entry(place.clone()).or_insert_with(|| VillageRow {
                unit: place.0,
                kind: None,
                name,
                listed: false,
                months: BTreeMap::new(),
            }),
        };
        row.months.insert(month, count);
    }
    Ok(by_key.into_values().chain(unlisted.into_values()).collect())
}
