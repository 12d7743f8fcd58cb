//! What a person must look at, over all records of an area.

use gandan_model::ids::{Compartment, DocId};
use gandan_model::review::ReviewItem;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::projector::ProjectedDocument;
use crate::reports::figures::rows;
use crate::reports::scope::{Conditions, Scope};

/// Replaces the review items of a document.
pub(super) fn project(
    connection: &Connection,
    document: &ProjectedDocument<'_>,
    sealed: bool,
    agency: Option<&str>,
    items: &[ReviewItem],
) -> Result<(), DbError> {
    connection
        .prepare_cached("DELETE FROM review_item_row WHERE doc = ?1 AND space = ?2")?
        .execute((document.doc.0, document.space.0))?;
    if items.is_empty() {
        return Ok(());
    }
    let kind = kind_name(document);
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO review_item_row (doc, field, space, unit, compartment, kind, sealed, agency_key, rule, json) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for item in items {
        let json = serde_json::to_string(item)?;
        let (space, compartment) = (document.space.0, document.compartment.number());
        let place = (document.doc.0, &item.field, space, document.unit, compartment);
        insert.execute(rusqlite::params![
            place.0, place.1, place.2, place.3, place.4, kind, sealed, agency, item.rule, json
        ])?;
    }
    Ok(())
}

fn kind_name(document: &ProjectedDocument<'_>) -> &'static str {
    use gandan_model::genesis::DocKind;
    match document.kind {
        Some(DocKind::Visit) => "visit",
        Some(DocKind::Issue) => "issue",
        Some(DocKind::Assignment) => "assignment",
        Some(DocKind::Plan) => "plan",
        _ => "other",
    }
}

/// One review item of one record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReviewRow {
    /// The record.
    #[schema(value_type = String, format = "uuid")]
    pub doc: DocId,
    /// `visit`, `issue`, `assignment` or `plan`.
    pub kind: String,
    /// Unit code.
    pub unit: String,
    /// The field, its values (who, when, on which device), what is shown until somebody decides, and why.
    #[schema(value_type = Object)]
    pub item: ReviewItem,
}

/// What a list of review items is asked.
#[derive(Debug, Default)]
pub struct ReviewFilter {
    /// Kind of record.
    pub kind: Option<String>,
    /// Merge rule.
    pub rule: Option<String>,
    /// After this record and field.
    pub after: Option<(DocId, String)>,
    /// At most so many.
    pub limit: usize,
}

/// Reads a page of review items, by record and field.
pub fn query(connection: &Connection, scope: &Scope, filter: &ReviewFilter) -> Result<Vec<ReviewRow>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("r", &mut sql);
    sql.equals("r.kind", ":kind", filter.kind.as_deref());
    sql.equals("r.rule", ":rule", filter.rule.as_deref());
    if let Some((doc, field)) = &filter.after {
        sql.push("(r.doc, r.field) > (:doc, :field)");
        sql.bind(":doc", doc.0);
        sql.bind(":field", field.clone());
    }
    let text = format!(
        "SELECT r.doc, r.kind, r.unit, r.json FROM review_item_row r WHERE {} ORDER BY r.doc, r.field LIMIT {}",
        sql.sql(),
        filter.limit
    );
    let found = rows(connection, &text, &sql, |row| {
        Ok((DocId(row.get(0)?), row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
    })?;
    found
        .into_iter()
        .map(|(doc, kind, unit, json)| Ok(ReviewRow { doc, kind, unit, item: serde_json::from_str(&json)? }))
        .collect()
}

/// Where a record lies that has something to review in this field: unit, compartment, kind. `None` if there is nothing
/// of the kind that the scope holds.
pub fn place(
    connection: &Connection,
    scope: &Scope,
    doc: DocId,
    field: &str,
) -> Result<Option<(String, Compartment, String)>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("r", &mut sql);
    sql.push("r.doc = :doc AND r.field = :field");
    sql.bind(":doc", doc.0);
    sql.bind(":field", field.to_owned());
    let text = format!("SELECT r.unit, r.compartment, r.kind FROM review_item_row r WHERE {} LIMIT 1", sql.sql());
    let found = rows(connection, &text, &sql, |row| Ok((row.get(0)?, row.get::<_, u8>(1)?, row.get(2)?)))?;
    let found = found.into_iter().next();
    Ok(found.and_then(|(unit, compartment, kind)| Some((unit, Compartment::from_number(compartment)?, kind))))
}
