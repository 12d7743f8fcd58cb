//! Reports: what the projector writes of each document, and what staff read of it.
//!
//! The report tables (`migrations/sqlite/0002_reports.sql`) hold one narrow row per visit and issue, with everything
//! that is counted, filtered or sorted as a column, and the record as it is shown beside it. Writing is [`project`],
//! one document at a time; reading is one file per topic: [`figures`] for counting, [`list`] for lists, [`summary`]
//! for all figures at once.
//!
//! **Who may see what is decided in one place.** Every query takes a [`scope::Scope`] and adds its conditions, so a
//! record that a reader may not see is in no list, no count and no search, and asking for it by id gives the same
//! answer as for one that never was. The unit that decides is that of the space in which a document lies, never the
//! one it claims.

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::Compartment;
use rusqlite::Connection;

use crate::db::DbError;
use crate::db::sqlite::attachments;
use crate::projector::ProjectedDocument;

#[cfg(test)]
mod tests;

pub mod audit;
pub mod day;
pub mod due;
pub(crate) mod duplicates;
pub mod facts;
pub mod figures;
mod issues;
pub mod list;
pub mod map;
pub mod quarantine;
pub mod queue;
pub mod review;
pub mod scope;
pub mod series;
pub mod suggest;
pub mod summary;
mod visits;

/// Writes the rows of one document, replacing those of its earlier state. Runs inside the projector's transaction.
///
/// Contacts leave no trace here. Whatever lies in the sealed compartment, and every denunciation wherever it lies,
/// is marked sealed.
pub fn project(connection: &Connection, document: &ProjectedDocument<'_>) -> Result<(), DbError> {
    match (document.compartment, document.kind) {
        (Compartment::Field, Some(DocKind::Visit)) => visits::project(connection, document),
        (Compartment::Field | Compartment::Sealed, Some(DocKind::Issue)) => issues::project(connection, document),
        (Compartment::Sealed, Some(DocKind::SealedStub)) => issues::project_stub(connection, document),
        (Compartment::Field, Some(DocKind::Assignment | DocKind::Plan)) => {
            let record = record(connection, document.document, document.unit)?;
            review::project(connection, document, false, None, record.review())
        }
        _ => Ok(()),
    }
}

/// The record that a document says.
pub(crate) fn record(
    connection: &Connection,
    document: &Document,
    unit: &str,
) -> Result<gandan_model::record::Record, DbError> {
    let rules = crate::db::sqlite::rules::in_force(connection)?;
    Ok(gandan_model::record::Record::of(document, &rules, unit))
}

/// Removes the rows of one document that was erased, out of lists, figures and the search index.
pub fn erase(
    connection: &Connection,
    space: &gandan_model::ids::SpaceId,
    doc: &gandan_model::ids::DocId,
) -> Result<(), DbError> {
    for (parent, children) in [
        ("visit_row", &["visit_text", "visit_official", "visit_event_row", "bright_spot_row", "supervision_row"][..]),
        ("issue_row", &["issue_text", "issue_clock", "issue_event_row"][..]),
    ] {
        for child in children {
            let sql = format!("DELETE FROM {child} WHERE n IN (SELECT n FROM {parent} WHERE id = ?1 AND space = ?2)");
            connection.prepare_cached(&sql)?.execute((&doc.0, &space.0))?;
        }
        let sql = format!("DELETE FROM {parent} WHERE id = ?1 AND space = ?2");
        connection.prepare_cached(&sql)?.execute((&doc.0, &space.0))?;
    }
    attachments::erase(connection, space, doc)?;
    let sql = "DELETE FROM review_item_row WHERE doc = ?1 AND space = ?2";
    connection.prepare_cached(sql)?.execute((&doc.0, &space.0))?;
    Ok(())
}

/// Removes every projected row, before everything is projected anew. The audit trail is not projected and stays.
pub fn clear(connection: &Connection) -> Result<(), DbError> {
    // The triggers would take every row's words out of the search index one by one: for a province minutes instead of
    // a second. They are put aside meanwhile.
    const TRIGGERS: &str = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND name IN \
        ('visit_text_delete', 'issue_text_delete', 'visit_fact_deleted', 'issue_fact_deleted')";
    let triggers: Vec<(String, String)> = connection
        .prepare(TRIGGERS)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER main.{name}"))?;
    }
    connection.execute_batch(
        "INSERT INTO visit_fts (visit_fts) VALUES ('delete-all'); INSERT INTO issue_fts (issue_fts) VALUES ('delete-all'); \
         DELETE FROM visit_text; DELETE FROM visit_official; DELETE FROM visit_event_row; DELETE FROM bright_spot_row; DELETE FROM supervision_row; \
         DELETE FROM visit_row; \
         DELETE FROM issue_text; DELETE FROM issue_clock; DELETE FROM issue_event_row; DELETE FROM issue_row; DELETE FROM review_item_row; \
         DELETE FROM attachment_use; DELETE FROM attachment_removed;",
    )?;
    // A gap in what is noted: whoever follows it begins anew.
    connection.execute_batch(
        "INSERT INTO fact_change (seq, issue, n) SELECT coalesce(max(seq), 0) + 2, 1, 0 FROM fact_change; \
         DELETE FROM fact_change WHERE seq < (SELECT max(seq) FROM fact_change);",
    )?;
    for (_, sql) in &triggers {
        connection.execute_batch(sql)?;
    }
    Ok(())
}
