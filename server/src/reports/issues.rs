//! Rows of issues and of sealed stubs.

use gandan_model::codes::{Confidentiality, Confirmation, IssueKind, IssueStatus, Outcome};
use gandan_model::ids::{Compartment, DocId};
use gandan_model::issue::{Clock, Issue};
use gandan_model::others::SealedStub;
use gandan_model::rows::IssueRow;
use gandan_model::text::fold;
use jiff::civil::Date;
use rusqlite::{Connection, named_params};

use crate::db::DbError;
use crate::db::sqlite::rules;
use crate::projector::ProjectedDocument;
use crate::reports::day::Day;
use crate::reports::{duplicates, review};

const UPSERT: &str = "INSERT INTO issue_row (id, space, unit, compartment, sealed, countable, status, kind, field, priority, reporter_mode, \
    received_day, accepted_day, agency, agency_key, first_notice_due, first_notice_day, resolve_due, resolve_basis, \
    first_settled_day, reopened_day, last_event_day, outcome, confirmation, hot_spot, long_since, long_times, visit, promised_day, duplicate_of, \
    alone_countable, created_ms, deleted, review, ticket, updated_ms) \
    VALUES (:id, :space, :unit, :compartment, :sealed, :countable, :status, :kind, :field, :priority, :reporter_mode, :received_day, :accepted_day, \
    :agency, :agency_key, :first_notice_due, :first_notice_day, :resolve_due, :resolve_basis, :first_settled_day, \
    :reopened_day, :last_event_day, :outcome, :confirmation, :hot_spot, :long_since, :long_times, :visit, :promised_day, :duplicate_of, :countable, :created_ms, :deleted, \
    :review, :ticket, :updated_ms) \
    ON CONFLICT (id, space) DO UPDATE SET unit = excluded.unit, sealed = excluded.sealed, countable = excluded.countable, \
    status = excluded.status, kind = excluded.kind, field = excluded.field, priority = excluded.priority, \
    reporter_mode = excluded.reporter_mode, received_day = excluded.received_day, accepted_day = excluded.accepted_day, \
    agency = excluded.agency, agency_key = excluded.agency_key, first_notice_due = excluded.first_notice_due, \
    first_notice_day = excluded.first_notice_day, resolve_due = excluded.resolve_due, \
    resolve_basis = excluded.resolve_basis, first_settled_day = excluded.first_settled_day, \
    reopened_day = excluded.reopened_day, last_event_day = excluded.last_event_day, outcome = excluded.outcome, \
    confirmation = excluded.confirmation, hot_spot = excluded.hot_spot, long_since = excluded.long_since, \
    long_times = excluded.long_times, visit = excluded.visit, promised_day = excluded.promised_day, \
    duplicate_of = excluded.duplicate_of, alone_countable = excluded.alone_countable, created_ms = excluded.created_ms, \
    deleted = excluded.deleted, review = excluded.review, \
    ticket = excluded.ticket, updated_ms = excluded.updated_ms RETURNING n";

/// Writes the rows of an issue.
pub(super) fn project(connection: &Connection, document: &ProjectedDocument<'_>) -> Result<(), DbError> {
    let rules = rules::in_force(connection)?;
    let issue = Issue::of(document.document, &rules, document.unit);
    let row = IssueRow::of(document.doc, document.unit, &issue);
    let sealed = document.compartment == Compartment::Sealed || is_sealed(&row);
    let n = upsert(connection, document, &row, sealed, issue.countable() && !sealed)?;
    text(connection, n, &row.search, &serde_json::to_string(&row)?)?;
    clock(connection, n, &issue.clock)?;
    events(connection, n, &row)?;
    duplicates::settle(connection, &rules, row.id)?;
    let agency = row.agency.as_deref().map(fold);
    review::project(connection, document, sealed, agency.as_deref(), &issue.review)
}

/// A denunciation stays out of sight wherever somebody wrote it.
fn is_sealed(row: &IssueRow) -> bool {
    row.kind == Some(IssueKind::Denunciation) || row.confidentiality == Confidentiality::DenunciationSealed
}

/// An issue's day of receipt; if nobody wrote it down, the day on which it was recorded.
pub(super) fn received_day(row: &IssueRow) -> Day {
    row.received_on.map_or_else(|| Day::of_ms(row.created_at_ms), Day::of)
}

fn settles(to: &str) -> bool {
    IssueStatus::from(to).is_settled()
}

fn upsert(
    connection: &Connection,
    document: &ProjectedDocument<'_>,
    row: &IssueRow,
    sealed: bool,
    countable: bool,
) -> Result<i64, DbError> {
    let day = |date: Option<Date>| date.map(|date| Day::of(date).0);
    let settling = row.events.iter().filter(|event| settles(&event.to)).map(|event| event.at.date()).min();
    let last = row.events.iter().filter(|event| event.counts).map(|event| event.at.date()).max();
    let mut statement = connection.prepare_cached(UPSERT)?;
    let n = statement.query_row(
        named_params! {
            ":id": row.id.0,
            ":space": document.space.0,
            ":unit": document.unit,
            ":compartment": i64::from(document.compartment.number()),
            ":sealed": sealed,
            ":countable": countable,
            ":status": row.status.as_str(),
            ":kind": row.kind.as_ref().map_or("", |code| code.as_str()),
            ":field": row.field.as_ref().map_or("", |code| code.as_str()),
            ":priority": row.priority.as_str(),
            ":reporter_mode": row.reporter_mode.as_ref().map_or("", |code| code.as_str()),
            ":received_day": received_day(row).0,
            ":accepted_day": day(row.accepted_on),
            ":agency": row.agency,
            ":agency_key": row.agency.as_deref().map(fold),
            ":first_notice_due": day(row.first_notice_due),
            ":first_notice_day": day(row.first_notice_on),
            ":resolve_due": day(row.resolve_due),
            ":resolve_basis": row.resolve_basis,
            ":first_settled_day": day(settling),
            ":reopened_day": day(row.reopened_on),
            ":last_event_day": day(last),
            ":outcome": row.outcome.as_ref().map(Outcome::as_str),
            ":confirmation": row.confirmation.as_ref().map(Confirmation::as_str),
            ":hot_spot": row.hot_spot,
            ":long_since": row.long_standing.as_ref().map(|standing| standing.since_year),
            ":long_times": row.long_standing.as_ref().and_then(|standing| standing.times_raised_before),
            ":visit": row.visit.map(|visit| visit.0),
            ":promised_day": day(row.promised_on),
            ":duplicate_of": row.duplicate_of.as_deref().and_then(|id| id.parse::<DocId>().ok()).map(|id| id.0),
            ":created_ms": row.created_at_ms,
            ":deleted": row.deleted,
            ":review": i64::try_from(row.review).unwrap_or(i64::MAX),
            ":ticket": row.ticket,
            ":updated_ms": row.updated_at_ms,
        },
        |found| found.get(0),
    )?;
    Ok(n)
}

fn text(connection: &Connection, n: i64, search: &str, json: &str) -> Result<(), DbError> {
    connection
        .prepare_cached(
            "INSERT INTO issue_text (n, search, json) VALUES (?1, ?2, ?3) \
             ON CONFLICT (n) DO UPDATE SET search = excluded.search, json = excluded.json",
        )?
        .execute((n, search, json))?;
    Ok(())
}

fn clock(connection: &Connection, n: i64, clock: &Clock) -> Result<(), DbError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO issue_clock (n, clock) VALUES (?1, ?2)")?
        .execute((n, serde_json::to_string(clock)?))?;
    Ok(())
}

/// The events that count, in the order of the replay.
fn events(connection: &Connection, n: i64, row: &IssueRow) -> Result<(), DbError> {
    connection.prepare_cached("DELETE FROM issue_event_row WHERE n = ?1")?.execute([n])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO issue_event_row (n, item, day, to_status, by_whom, reason, document) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (item, event) in (0_i64..).zip(row.events.iter().filter(|event| event.counts)) {
        let day = Day::of(event.at.date()).0;
        insert.execute((n, item, day, &event.to, &event.by, &event.reason, &event.document))?;
    }
    Ok(())
}

/// Writes the row of a sealed stub: province and month, nothing else.
pub(super) fn project_stub(connection: &Connection, document: &ProjectedDocument<'_>) -> Result<(), DbError> {
    let stub = SealedStub::of(document.document);
    let unit = stub.unit.as_deref().unwrap_or(document.unit);
    let month = stub.month.as_deref().and_then(|month| format!("{month}-01").parse::<Date>().ok());
    let issue = Issue::of(document.document, &*rules::in_force(connection)?, unit);
    let mut row = IssueRow::of(document.doc, unit, &issue);
    row.kind = Some(IssueKind::Denunciation);
    row.confidentiality = Confidentiality::DenunciationSealed;
    row.received_on = month;
    row.events.clear();
    row.search.clear();
    let n = upsert(connection, document, &row, true, false)?;
    clock(connection, n, &issue.clock)?;
    text(connection, n, "", &serde_json::to_string(&row)?)
}
