//! What stands on a map: units as bubbles, visits and issues as points gathered by a grid.

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::day::Day;
use super::figures::{Share, rows};
use super::queue::OPEN;
use super::scope::{Conditions, Scope};
use crate::db::DbError;

/// Most points of one answer; beyond it the grid gets coarser.
pub const MAX_POINTS: usize = 2_000;

/// A unit on the map.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct UnitPoint {
    /// Code.
    pub unit: String,
    /// Name.
    pub name: String,
    /// Latitude in degrees; null: not known.
    pub lat: Option<f64>,
    /// Longitude in degrees.
    pub lon: Option<f64>,
    /// Visits held in the period.
    pub visits: i64,
    /// Countable issues received in the period.
    pub issues: i64,
    /// Of these, open.
    pub open: i64,
    /// Of these, open after their date.
    pub overdue: i64,
    /// Of these, marked as hot spots and open.
    pub hot_spots: i64,
    /// Settled on or before their date, of those with a date that are settled or whose date has passed.
    pub on_time: Share,
}

/// One point, or several that lie close together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// Mean latitude in degrees.
    pub lat: f64,
    /// Mean longitude in degrees.
    pub lon: f64,
    /// How many records.
    pub count: i64,
    /// Of these, issues open after their date; for visits, those with something to review.
    pub late: i64,
    /// Of these, hot spots.
    pub hot: i64,
    /// The record, if it is one alone.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub id: Option<gandan_model::ids::DocId>,
    /// Its status, if it is one alone.
    pub status: Option<String>,
}

/// Points of a part of the map.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Points {
    /// The points.
    pub points: Vec<Point>,
    /// How many records they stand for.
    pub total: i64,
    /// Size of a square of the grid, in degrees.
    pub cell_deg: f64,
}

/// A part of the map in degrees, and how fine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
    /// Zoom of the map, 0 to 20; a square of the grid is 48 pixels wide.
    pub zoom: u8,
}

/// What is asked beside the place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub to: Option<Day>,
    /// Hot spots only.
    pub hot: bool,
    /// Open issues whose date has passed only.
    pub overdue: bool,
}

// A plus before a day keeps the planner from the index by day, behind which it would have to read every row; those that
// hold all that is asked (`issue_row_map`, `visit_row_held`, `visit_row_map`) are read from end to end in their order.

/// Every unit of the scope, with what happened in the period, judged on `today`.
pub fn units(connection: &Connection, scope: &Scope, wanted: &Wanted, today: Day) -> Result<Vec<UnitPoint>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.bind(":today", today.0);
    sql.bind(":from", wanted.from.unwrap_or(Day::FIRST).0);
    sql.bind(":to", wanted.to.unwrap_or(Day::LAST).0);
    let settled = "i.status IN ('resolved', 'replied', 'closed')";
    let left = "i.status IN ('withdrawn', 'out_of_competence', 'not_accepted')";
    let issues = format!(
        "SELECT i.unit, count(*) AS issues, count(*) FILTER (WHERE {OPEN}) AS open, \
         count(*) FILTER (WHERE {OPEN} AND i.resolve_due < :today) AS overdue, \
         count(*) FILTER (WHERE {OPEN} AND i.hot_spot = 1) AS hot, \
         count(*) FILTER (WHERE {settled} AND i.first_settled_day <= i.resolve_due) AS in_time, \
         count(*) FILTER (WHERE i.resolve_due IS NOT NULL AND NOT {left} AND ({settled} OR i.resolve_due < :today)) AS judged \
         FROM issue_row i WHERE i.countable = 1 AND i.sealed = 0 AND +i.received_day BETWEEN :from AND :to AND {} \
         GROUP BY i.unit",
        sql.sql()
    );
    let mut on_visits = Conditions::default();
    scope.on_visits(&mut on_visits);
    let mut on_units = Conditions::default();
    scope.units_on("u.code", &mut on_units);
    let text = format!(
        "SELECT u.code, u.name, u.lat, u.lon, coalesce(h.visits, 0), coalesce(g.issues, 0), coalesce(g.open, 0), \
         coalesce(g.overdue, 0), coalesce(g.hot, 0), coalesce(g.in_time, 0), coalesce(g.judged, 0) FROM unit u \
         LEFT JOIN ({issues}) g ON g.unit = u.code \
         LEFT JOIN (SELECT v.unit, count(*) AS visits FROM visit_row v WHERE v.aside = 0 AND v.status IN {} AND \
         +v.day BETWEEN :from AND :to AND {} GROUP BY v.unit) h ON h.unit = u.code \
         WHERE u.kind <> 'province' AND {} ORDER BY u.code",
        super::scope::HELD,
        on_visits.sql(),
        on_units.sql()
    );
    rows(connection, &text, &sql, |row| {
        Ok(UnitPoint {
            unit: row.get(0)?,
            name: row.get(1)?,
            lat: row.get(2)?,
            lon: row.get(3)?,
            visits: row.get(4)?,
            issues: row.get(5)?,
            open: row.get(6)?,
            overdue: row.get(7)?,
            hot_spots: row.get(8)?,
            on_time: Share::of(row.get(9)?, row.get(10)?),
        })
    })
}

impl Frame {
    fn cell(self) -> f64 {
        // A world of 256 pixels at zoom 0.
        360.0 / f64::from(1_u32 << self.zoom.min(20)) * 48.0 / 256.0
    }

    fn on(self, sql: &mut Conditions, lat: &str, lon: &str) {
        sql.push(&format!("{lat} BETWEEN :south AND :north AND {lon} BETWEEN :west AND :east"));
        sql.bind(":south", self.south);
        sql.bind(":north", self.north);
        sql.bind(":west", self.west);
        sql.bind(":east", self.east);
    }
}

fn period(wanted: &Wanted, column: &str, sql: &mut Conditions) {
    if let Some(from) = wanted.from {
        sql.push(&format!("+{column} >= :from"));
        sql.bind(":from", from.0);
    }
    if let Some(to) = wanted.to {
        sql.push(&format!("+{column} <= :to"));
        sql.bind(":to", to.0);
    }
}

/// Visits that have a place, gathered by a grid.
pub fn visits(connection: &Connection, scope: &Scope, wanted: &Wanted, frame: Frame) -> Result<Points, DbError> {
    let mut sql = Conditions::default();
    scope.on_visits(&mut sql);
    sql.push("v.aside = 0");
    frame.on(&mut sql, "v.lat", "v.lon");
    period(wanted, "v.day", &mut sql);
    if wanted.hot {
        sql.push("v.hot_spot IN ('watch', 'active')");
    }
    let from = format!(
        "SELECT v.id AS id, v.lat AS lat, v.lon AS lon, v.status AS status, v.review > 0 AS late, \
         v.hot_spot IN ('watch', 'active') AS hot FROM visit_row v WHERE {}",
        sql.sql()
    );
    gather(connection, &from, &sql, frame)
}

/// Issues, at the place of their visit, else at the point of their unit; gathered by a grid.
pub fn issues(
    connection: &Connection,
    scope: &Scope,
    wanted: &Wanted,
    frame: Frame,
    today: Day,
) -> Result<Points, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.push("i.countable = 1");
    sql.bind(":today", today.0);
    frame.on(&mut sql, "coalesce(v.lat, u.lat)", "coalesce(v.lon, u.lon)");
    period(wanted, "i.received_day", &mut sql);
    if wanted.hot {
        sql.push("i.hot_spot = 1");
    }
    if wanted.overdue {
        sql.push(&format!("{OPEN} AND i.resolve_due < :today"));
    }
    let from = format!(
        "SELECT i.id AS id, coalesce(v.lat, u.lat) AS lat, coalesce(v.lon, u.lon) AS lon, i.status AS status, \
         ({OPEN} AND i.resolve_due < :today) AS late, i.hot_spot AS hot FROM issue_row i \
         LEFT JOIN visit_row v ON v.id = i.visit AND v.unit = i.unit LEFT JOIN unit u ON u.code = i.unit WHERE {}",
        sql.sql()
    );
    gather(connection, &from, &sql, frame)
}

fn gather(connection: &Connection, from: &str, sql: &Conditions, frame: Frame) -> Result<Points, DbError> {
    let mut cell = frame.cell();
    loop {
        // The size is a number of ours, never text from outside. Floor by a shift, so that no square straddles zero.
        let text = format!(
            "SELECT avg(p.lat), avg(p.lon), count(*), sum(coalesce(p.late, 0)), sum(p.hot), min(p.id), min(p.status) FROM ({from}) p \
             GROUP BY CAST((p.lat + 90.0) / {cell:.9} AS INTEGER), CAST((p.lon + 180.0) / {cell:.9} AS INTEGER) LIMIT {}",
            MAX_POINTS + 1
        );
        let points = rows(connection, &text, sql, |row| {
            let count: i64 = row.get(2)?;
            let alone = count == 1;
            Ok(Point {
                lat: row.get(0)?,
                lon: row.get(1)?,
                count,
                late: row.get(3)?,
                hot: row.get(4)?,
                id: row.get::<_, Option<[u8; 16]>>(5)?.filter(|_| alone).map(gandan_model::ids::DocId),
                status: row.get::<_, Option<String>>(6)?.filter(|_| alone),
            })
        })?;
        if points.len() <= MAX_POINTS || cell > 90.0 {
            let total = points.iter().map(|point| point.count).sum();
            return Ok(Points { points, total, cell_deg: cell });
        }
        cell *= 2.0;
    }
}
