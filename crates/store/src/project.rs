//! From a document to what lists show and search finds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, FileHash};
use gandan_model::issue::Issue;
use gandan_model::rows::{IssueRow, VisitRow};
use gandan_model::rules::Rules;
use gandan_model::visit::{FileUse, Visit};
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::document::kind_number;
use crate::error::StoreError;
use crate::{Writing, attachment, document, raw};

enum Row {
    /// With the files that the visit names, and those that it no longer may.
    Visit(VisitRow, Vec<FileUse>, Vec<FileHash>),
    Issue(IssueRow),
}

/// A row that a list shows, and how it follows from its document.
pub(crate) trait ListRow: DeserializeOwned {
    fn derive(id: DocId, unit: &str, document: &Document, rules: &Rules) -> Self;
    /// Takes the text for search out: it lives in the index.
    fn take_words(&mut self) -> String;
}

impl ListRow for VisitRow {
    fn derive(id: DocId, unit: &str, document: &Document, _rules: &Rules) -> Self {
        Self::of(id, unit, &Visit::of(document))
    }

    fn take_words(&mut self) -> String {
        std::mem::take(&mut self.search)
    }
}

impl ListRow for IssueRow {
    fn derive(id: DocId, unit: &str, document: &Document, rules: &Rules) -> Self {
        Self::of(id, unit, &Issue::of(document, rules, unit))
    }

    fn take_words(&mut self) -> String {
        std::mem::take(&mut self.search)
    }
}

/// The row that was kept; but if an older version kept it in a form that cannot be read any more, the row
/// as it follows from the document.
pub(crate) fn read_row<R: ListRow>(
    connection: &Connection,
    n: i64,
    json: &[u8],
    rules: &Rules,
) -> Result<R, StoreError> {
    if let Ok(row) = serde_json::from_slice(json) {
        return Ok(row);
    }
    let sql = "SELECT d.id, s.unit FROM document d JOIN space s ON s.n = d.space WHERE d.n = ?1";
    let (id, unit) =
        connection.prepare_cached(sql)?.query_row([n], |row| Ok((DocId(row.get(0)?), row.get::<_, String>(1)?)))?;
    let document = document::load(connection, n, id)?;
    let mut row = R::derive(id, &unit, &document, rules);
    row.take_words();
    Ok(row)
}

/// Writes what follows from a document that has just changed. A document of a kind without lists, or one
/// that this version's views cannot read, has no row; its changes are kept and travel all the same.
pub(crate) fn project(
    writing: &Writing<'_>,
    n: i64,
    id: DocId,
    unit: &str,
    document: &Document,
) -> Result<(), StoreError> {
    let (heads, kind) = (raw::join(&document.heads()), kind_number(document.kind()));
    writing
        .prepare_cached("UPDATE document SET heads = ?2, kind = ?3 WHERE n = ?1 AND (heads <> ?2 OR kind <> ?3)")?
        .execute(params![n, heads, kind])?;
    // Views do not panic; but if one did, on a document that somebody made for that purpose, then all
    // other documents of the batch must not suffer.
    let row = catch_unwind(AssertUnwindSafe(|| match document.kind() {
        Some(DocKind::Visit) => {
            let visit = Visit::of(document);
            Some(Row::Visit(VisitRow::of(id, unit, &visit), visit.files, visit.removed_files))
        }
        Some(DocKind::Issue) => Some(Row::Issue(IssueRow::derive(id, unit, document, writing.rules))),
        _ => None,
    }));
    match row {
        Ok(Some(Row::Visit(row, files, removed))) => {
            visit(writing, n, row)?;
            attachment::project(writing, n, &files, &removed)
        }
        Ok(Some(Row::Issue(row))) => issue(writing, n, row),
        Ok(None) | Err(_) => Ok(()),
    }
}

fn visit(writing: &Writing<'_>, n: i64, mut row: VisitRow) -> Result<(), StoreError> {
    let words = row.take_words();
    let day = row.date.map(|date| date.to_string()).unwrap_or_default();
    let programme = row.programme.as_ref().map_or("", |code| code.as_str());
    writing
        .prepare_cached(
            "INSERT INTO visit_list (doc, day, unit, status, programme, review, deleted, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT state FROM document WHERE n = ?1))
             ON CONFLICT (doc) DO UPDATE SET day = ?2, unit = ?3, status = ?4, programme = ?5, review = ?6,
             deleted = ?7",
        )?
        .execute(params![n, day, row.unit, row.status.as_str(), programme, count(row.review), row.deleted])?;
    keep(writing, n, &serde_json::to_vec(&row)?, &words, &row.unit)
}

fn issue(writing: &Writing<'_>, n: i64, mut row: IssueRow) -> Result<(), StoreError> {
    let words = row.take_words();
    let day = row.received_on.map(|date| date.to_string()).unwrap_or_default();
    let kind = row.kind.as_ref().map_or("", |code| code.as_str());
    let field = row.field.as_ref().map_or("", |code| code.as_str());
    let agency = row.agency.as_deref().unwrap_or("");
    let visit = row.visit.map(|visit| visit.0);
    writing
        .prepare_cached(
            "INSERT INTO issue_list (doc, day, unit, status, kind, field, agency, visit, review, deleted, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, (SELECT state FROM document WHERE n = ?1))
             ON CONFLICT (doc) DO UPDATE SET day = ?2, unit = ?3, status = ?4, kind = ?5, field = ?6, agency = ?7,
             visit = ?8, review = ?9, deleted = ?10",
        )?
        .execute(params![
            n,
            day,
            row.unit,
            row.status.as_str(),
            kind,
            field,
            agency,
            visit,
            count(row.review),
            row.deleted
        ])?;
    keep(writing, n, &serde_json::to_vec(&row)?, &words, &row.unit)
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

/// Keeps the row's JSON, and its words if they differ from those that are there.
fn keep(writing: &Writing<'_>, n: i64, json: &[u8], words: &str, unit: &str) -> Result<(), StoreError> {
    let words = format!("{words} {unit}");
    let searched = fingerprint(&words);
    let before: Option<i64> = writing
        .prepare_cached("SELECT searched FROM list_row WHERE doc = ?1")?
        .query_row([n], |row| row.get(0))
        .optional()?;
    writing
        .prepare_cached(
            "INSERT INTO list_row (doc, searched, json) VALUES (?1, ?2, ?3)
             ON CONFLICT (doc) DO UPDATE SET searched = ?2, json = ?3",
        )?
        .execute(params![n, searched, json])?;
    if before == Some(searched) {
        return Ok(());
    }
    if before.is_some() {
        writing.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([n])?;
    }
    writing.prepare_cached("INSERT INTO search (rowid, words) VALUES (?1, ?2)")?.execute(params![n, words])?;
    Ok(())
}

fn fingerprint(words: &str) -> i64 {
    let hash = Sha256::digest(words.as_bytes());
    hash.iter().take(8).fold(0, |value, byte| value << 8 | i64::from(*byte))
}

/// Removes everything that was derived from a document.
pub(crate) fn forget(writing: &Writing<'_>, n: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM search WHERE rowid = ?1",
        "DELETE FROM list_row WHERE doc = ?1",
        "DELETE FROM visit_list WHERE doc = ?1",
        "DELETE FROM issue_list WHERE doc = ?1",
    ] {
        writing.prepare_cached(sql)?.execute([n])?;
    }
    Ok(())
}
