//! What stands on a map: units as bubbles, visits and issues as points gathered by a grid.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use gandan_model::ids::DocId;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::day::Day;
use super::facts::{Facts, IssueRecord, Name, Table, has_left, is_held, is_settled};
use super::figures::{Share, rows};
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
    pub id: Option<DocId>,
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

/// What is counted of a unit.
#[derive(Default)]
struct Counted {
    visits: i64,
    issues: i64,
    open: i64,
    overdue: i64,
    hot: i64,
    in_time: i64,
    judged: i64,
}

/// Every unit of the scope, with what happened in the period, judged on `today`.
pub fn units(
    connection: &Connection,
    facts: &Facts,
    scope: &Scope,
    wanted: &Wanted,
    today: Day,
) -> Result<Vec<UnitPoint>, DbError> {
    facts.at_one_moment(connection, |moment, facts| {
        let counted = count(facts, scope, wanted, today);
        let mut sql = Conditions::default();
        scope.units_on("u.code", &mut sql);
        let text = format!(
            "SELECT u.code, u.name, u.lat, u.lon FROM unit u WHERE u.kind <> 'province' AND {} ORDER BY u.code",
            sql.sql()
        );
        let none = Counted::default();
        rows(moment, &text, &sql, |row| {
            let unit: String = row.get(0)?;
            let of = facts.names.find(&unit).and_then(|name| counted.get(&name)).unwrap_or(&none);
            Ok(UnitPoint {
                unit,
                name: row.get(1)?,
                lat: row.get(2)?,
                lon: row.get(3)?,
                visits: of.visits,
                issues: of.issues,
                open: of.open,
                overdue: of.overdue,
                hot_spots: of.hot,
                on_time: Share::of(of.in_time, of.judged),
            })
        })
    })
}

fn count(facts: &Table, scope: &Scope, wanted: &Wanted, today: Day) -> HashMap<Name, Counted> {
    let (lens, days) = (scope.lens(&facts.names), wanted.days());
    let mut counted: HashMap<Name, Counted> = HashMap::new();
    for visit in facts.visits.values() {
        let held = is_held(facts.names.text(visit.status));
        if !visit.aside && held && days.contains(&visit.day.into()) && lens.shows_visit(visit) {
            counted.entry(visit.unit).or_default().visits += 1;
        }
    }
    for issue in facts.issues.values() {
        if !issue.countable || issue.sealed || !days.contains(&issue.received.into()) || !lens.shows_issue(issue) {
            continue;
        }
        let unit = counted.entry(issue.unit).or_default();
        let due = issue.due.get();
        let (settled, open) = (is_settled(facts.names.text(issue.status)), is_open(facts, issue));
        let late = due.is_some_and(|due| due < today.0);
        unit.issues += 1;
        unit.open += i64::from(open);
        unit.overdue += i64::from(open && late);
        unit.hot += i64::from(open && issue.hot_spot);
        unit.in_time += i64::from(settled && issue.settled.get().zip(due).is_some_and(|(settled, due)| settled <= due));
        unit.judged += i64::from(due.is_some() && (settled || (open && late)));
    }
    counted
}

/// Countable, neither settled nor out of the line.
fn is_open(facts: &Table, issue: &IssueRecord) -> bool {
    let status = facts.names.text(issue.status);
    issue.countable && !has_left(status) && !is_settled(status)
}

impl Wanted {
    fn days(&self) -> RangeInclusive<i64> {
        self.from.unwrap_or(Day::FIRST).0..=self.to.unwrap_or(Day::LAST).0
    }
}

impl Frame {
    fn cell(self) -> f64 {
        // A world of 256 pixels at zoom 0.
        360.0 / f64::from(1_u32 << self.zoom.min(20)) * 48.0 / 256.0
    }

    fn holds(self, (lat, lon): (f64, f64)) -> bool {
        (self.south..=self.north).contains(&lat) && (self.west..=self.east).contains(&lon)
    }
}

/// A record on the map.
struct Spot<'f> {
    place: (f64, f64),
    id: DocId,
    status: &'f str,
    late: bool,
    hot: bool,
}

/// Visits that have a place, gathered by a grid.
pub fn visits(
    connection: &Connection,
    facts: &Facts,
    scope: &Scope,
    wanted: &Wanted,
    frame: Frame,
) -> Result<Points, DbError> {
    facts.at_one_moment(connection, |_, facts| {
        let (lens, days) = (scope.lens(&facts.names), wanted.days());
        let spots = facts.visits.values().filter_map(|visit| {
            let place = visit.place.filter(|place| frame.holds(*place))?;
            let hot = matches!(facts.names.text(visit.hot_spot), "watch" | "active");
            let asked = !visit.aside && days.contains(&visit.day.into()) && (hot || !wanted.hot);
            let status = facts.names.text(visit.status);
            (asked && lens.shows_visit(visit)).then_some(Spot { place, id: visit.id, status, late: visit.review, hot })
        });
        Ok(gather(&spots.collect::<Vec<_>>(), frame))
    })
}

/// Issues, at the place of their visit, else at the point of their unit; gathered by a grid.
pub fn issues(
    connection: &Connection,
    facts: &Facts,
    scope: &Scope,
    wanted: &Wanted,
    frame: Frame,
    today: Day,
) -> Result<Points, DbError> {
    facts.at_one_moment(connection, |moment, facts| {
        let (lens, days) = (scope.lens(&facts.names), wanted.days());
        let units = centres(moment, facts)?;
        let spots = facts.issues.values().filter_map(|issue| {
            let own = issue.visit.and_then(|visit| facts.place(visit, issue.unit));
            let place = own.or_else(|| units.get(&issue.unit).copied()).filter(|place| frame.holds(*place))?;
            let late = is_open(facts, issue) && issue.due.get().is_some_and(|due| due < today.0);
            let asked = issue.countable
                && days.contains(&issue.received.into())
                && (issue.hot_spot || !wanted.hot)
                && (late || !wanted.overdue);
            let (id, status, hot) = (issue.id, facts.names.text(issue.status), issue.hot_spot);
            (asked && lens.shows_issue(issue)).then_some(Spot { place, id, status, late, hot })
        });
        Ok(gather(&spots.collect::<Vec<_>>(), frame))
    })
}

/// The points of units, where known.
fn centres(connection: &Connection, facts: &Table) -> Result<HashMap<Name, (f64, f64)>, DbError> {
    let text = "SELECT code, lat, lon FROM unit WHERE lat IS NOT NULL AND lon IS NOT NULL";
    let units = rows(connection, text, &Conditions::default(), |row| {
        Ok((row.get::<_, String>(0)?, (row.get(1)?, row.get(2)?)))
    })?;
    Ok(units.into_iter().filter_map(|(code, place)| Some((facts.names.find(&code)?, place))).collect())
}

/// What lies in one square of the grid.
struct Square<'s> {
    lat: f64,
    lon: f64,
    count: i64,
    late: i64,
    hot: i64,
    first: &'s Spot<'s>,
}

fn gather(spots: &[Spot<'_>], frame: Frame) -> Points {
    let mut cell = frame.cell();
    loop {
        let squares = squares(spots, cell);
        if squares.len() <= MAX_POINTS || cell > 90.0 {
            let points: Vec<Point> = squares.into_values().map(|square| square.point()).collect();
            let total = points.iter().map(|point| point.count).sum();
            return Points { points, total, cell_deg: cell };
        }
        cell *= 2.0;
    }
}

fn squares<'s>(spots: &'s [Spot<'s>], cell: f64) -> BTreeMap<(i32, i32), Square<'s>> {
    let mut squares: BTreeMap<(i32, i32), Square<'s>> = BTreeMap::new();
    for spot in spots {
        let (lat, lon) = spot.place;
        // Degrees by a cell of at least 0.0001: far inside 32 bits. Floor by a shift, so that no square straddles zero.
        #[allow(clippy::cast_possible_truncation)]
        let key = (((lat + 90.0) / cell) as i32, ((lon + 180.0) / cell) as i32);
        let none = || Square { lat: 0.0, lon: 0.0, count: 0, late: 0, hot: 0, first: spot };
        let square = squares.entry(key).or_insert_with(none);
        square.lat += lat;
        square.lon += lon;
        square.count += 1;
        square.late += i64::from(spot.late);
        square.hot += i64::from(spot.hot);
    }
    squares
}

impl Square<'_> {
    fn point(&self) -> Point {
        // A count of records: far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let count = self.count as f64;
        let alone = self.count == 1;
        Point {
            lat: self.lat / count,
            lon: self.lon / count,
            count: self.count,
            late: self.late,
            hot: self.hot,
            id: alone.then_some(self.first.id),
            status: alone.then(|| self.first.status.to_owned()),
        }
    }
}
