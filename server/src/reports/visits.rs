//! Rows of visits.

use gandan_model::codes::{FindingResponse, PlaceKind};
use gandan_model::events::Event;
use gandan_model::org::village_key;
use gandan_model::rows::VisitRow;
use gandan_model::visit::Visit;
use rusqlite::{Connection, named_params};

use crate::db::DbError;
use crate::db::sqlite::attachments;
use crate::projector::ProjectedDocument;
use crate::reports::day::Day;
use crate::reports::review;

const UPSERT: &str = "INSERT INTO visit_row (id, space, unit, village, status, programme, day, residents, households, businesses, \
    has_note, has_gps, lat, lon, photos, hot_spot, very_satisfied, satisfied, neutral, dissatisfied, very_dissatisfied, no_answer, \
    follow_up_of, aside, amendment, review, ended_ms, last_event_day, arrived_ms, updated_ms) \
    VALUES (:id, :space, :unit, :village, :status, :programme, :day, :residents, :households, :businesses, :has_note, :has_gps, :lat, :lon, :photos, \
    :hot_spot, :very_satisfied, :satisfied, :neutral, :dissatisfied, :very_dissatisfied, :no_answer, :follow_up_of, :aside, \
    :amendment, :review, :ended_ms, :last_event_day, :arrived_ms, :updated_ms) \
    ON CONFLICT (id, space) DO UPDATE SET unit = excluded.unit, village = excluded.village, status = excluded.status, programme = excluded.programme, \
    day = excluded.day, residents = excluded.residents, households = excluded.households, businesses = excluded.businesses, \
    has_note = excluded.has_note, has_gps = excluded.has_gps, lat = excluded.lat, lon = excluded.lon, photos = excluded.photos, hot_spot = excluded.hot_spot, \
    very_satisfied = excluded.very_satisfied, satisfied = excluded.satisfied, neutral = excluded.neutral, \
    dissatisfied = excluded.dissatisfied, very_dissatisfied = excluded.very_dissatisfied, no_answer = excluded.no_answer, \
    follow_up_of = excluded.follow_up_of, aside = excluded.aside, amendment = excluded.amendment, review = excluded.review, \
    ended_ms = excluded.ended_ms, last_event_day = excluded.last_event_day, arrived_ms = excluded.arrived_ms, updated_ms = excluded.updated_ms RETURNING n";

/// Writes the rows of a visit.
pub(super) fn project(connection: &Connection, document: &ProjectedDocument<'_>) -> Result<(), DbError> {
    let visit = Visit::of(document.document);
    let row = VisitRow::of(document.doc, document.unit, &visit);
    let n = upsert(connection, document, &visit, &row)?;
    connection
        .prepare_cached(
            "INSERT INTO visit_text (n, search, json) VALUES (?1, ?2, ?3) \
             ON CONFLICT (n) DO UPDATE SET search = excluded.search, json = excluded.json",
        )?
        .execute((n, &row.search, serde_json::to_string(&row)?))?;
    parts(connection, n, &visit)?;
    attachments::project(connection, (&document.space, &document.doc), &visit.files, &visit.removed_files)?;
    review::project(connection, document, false, None, &visit.review)
}

fn upsert(
    connection: &Connection,
    document: &ProjectedDocument<'_>,
    visit: &Visit,
    row: &VisitRow,
) -> Result<i64, DbError> {
    let cards = row.satisfaction.as_ref();
    let mut statement = connection.prepare_cached(UPSERT)?;
    let n = statement.query_row(
        named_params! {
            ":id": row.id.0,
            ":space": document.space.0,
            ":unit": row.unit,
            ":village": village(row),
            ":status": row.status.as_str(),
            ":programme": row.programme.as_ref().map_or("", |code| code.as_str()),
            ":day": row.date.map_or(0, |date| Day::of(date).0),
            ":residents": row.residents,
            ":households": row.households,
            ":businesses": row.businesses,
            // A note left empty on purpose is a note.
            ":has_note": visit.note.is_some(),
            ":has_gps": row.lat.is_some(),
            ":lat": row.lat,
            ":lon": row.lon,
            ":photos": i64::try_from(row.photos).unwrap_or(i64::MAX),
            ":hot_spot": row.hot_spot.as_str(),
            ":very_satisfied": cards.map(|cards| cards.very_satisfied),
            ":satisfied": cards.map(|cards| cards.satisfied),
            ":neutral": cards.map(|cards| cards.neutral),
            ":dissatisfied": cards.map(|cards| cards.dissatisfied),
            ":very_dissatisfied": cards.map(|cards| cards.very_dissatisfied),
            ":no_answer": cards.map(|cards| cards.no_answer),
            ":follow_up_of": row.follow_up_of,
            ":aside": row.deleted || row.same_as.is_some(),
            ":amendment": row.amendment_pending,
            ":review": i64::try_from(row.review).unwrap_or(i64::MAX),
            ":ended_ms": row.ended_at.map(gandan_model::moment::Moment::ms),
            ":last_event_day": counting(visit).map(|event| Day::of(event.at.date()).0).max(),
            ":arrived_ms": document.arrived_ms,
            ":updated_ms": row.updated_at_ms,
        },
        |found| found.get(0),
    )?;
    Ok(n)
}

/// The village that the visit was in, as the register compares it.
fn village(row: &VisitRow) -> Option<String> {
    let kind = row.place_kind.as_ref().filter(|kind| **kind != PlaceKind::Miscellaneous);
    row.place_name.as_deref().map(|name| village_key(kind, name)).filter(|key| kind.is_some() && !key.is_empty())
}

/// The events that decide where the visit stands, in the order of the replay.
fn counting(visit: &Visit) -> impl Iterator<Item = &Event> {
    visit.events.iter().filter(|event| event.counts)
}

/// Team, events, bright spot and findings, in tables of their own.
fn parts(connection: &Connection, n: i64, visit: &Visit) -> Result<(), DbError> {
    for table in ["visit_official", "visit_event_row", "bright_spot_row", "supervision_row"] {
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE n = ?1"))?.execute([n])?;
    }
    let mut official = connection.prepare_cached("INSERT INTO visit_official (n, official) VALUES (?1, ?2)")?;
    for id in visit.team.keys() {
        official.execute((n, id))?;
    }
    let mut event =
        connection.prepare_cached("INSERT INTO visit_event_row (n, item, day, to_status) VALUES (?1, ?2, ?3, ?4)")?;
    for (item, happened) in (0_i64..).zip(counting(visit)) {
        event.execute((n, item, Day::of(happened.at.date()).0, &happened.to))?;
    }
    if let Some(spot) = &visit.bright_spot {
        let field = spot.field.as_ref().map_or("", |code| code.as_str());
        let stage = spot.stage.as_ref().map_or("", |code| code.as_str());
        connection
            .prepare_cached(
                "INSERT INTO bright_spot_row (n, title, field, difficulty, stage) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((n, spot.title.as_deref().unwrap_or(""), field, &spot.difficulty, stage))?;
    }
    let mut finding = connection.prepare_cached(
        "INSERT INTO supervision_row (n, item, kind, recommended, response) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (item, found) in (0_i64..).zip(&visit.supervision) {
        // A recommendation nobody has answered is pending.
        let response = found.response.as_ref().unwrap_or(&FindingResponse::Pending);
        finding.execute((n, item, found.kind.as_str(), found.recommendation.is_some(), response.as_str()))?;
    }
    Ok(())
}
