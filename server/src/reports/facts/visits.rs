//! Visits as figures and maps see them.

use gandan_model::ids::DocId;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Table;
use super::names::{Maybe, Name, Names, Word, narrow};
use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::scope::{Lens, Question};

/// The columns of a visit's row, and who was there.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug)]
pub(crate) struct VisitRecord {
    pub(crate) id: DocId,
    pub(crate) unit: Name,
    pub(crate) status: Name,
    pub(crate) programme: Name,
    pub(crate) hot_spot: Name,
    pub(crate) day: i32,
    /// Degrees.
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) aside: bool,
    pub(crate) review: bool,
    village: Option<Name>,
    residents: Maybe,
    businesses: Maybe,
    last_event: Maybe,
    /// Minutes from the end to the arrival at the server.
    minutes_to_sync: Maybe,
    /// Cards from very satisfied to very dissatisfied, and those without an answer.
    cards: Option<Box<([i64; 5], i64)>>,
    officials: Box<[Name]>,
    has_note: bool,
    has_gps: bool,
    follows_up: bool,
    amendment: bool,
}

const COLUMNS: &str = "v.n, v.id, v.unit, v.status, v.programme, v.hot_spot, v.day, v.lat, v.lon, v.aside, v.review, v.village, \
    v.residents, v.businesses, v.last_event_day, v.ended_ms, v.arrived_ms, v.very_satisfied, v.satisfied, v.neutral, \
    v.dissatisfied, v.very_dissatisfied, v.no_answer, v.has_note, v.has_gps, v.follow_up_of IS NOT NULL, v.amendment, \
    (SELECT group_concat(o.official, char(10)) FROM visit_official o WHERE o.n = v.n)";

impl VisitRecord {
    fn read(row: &Row<'_>, names: &mut Names) -> rusqlite::Result<Self> {
        let mut name = |column: usize| Ok::<_, rusqlite::Error>(names.name(row.get_ref(column)?.as_str()?));
        let (unit, status, programme, hot_spot) = (name(2)?, name(3)?, name(4)?, name(5)?);
        let village = row.get_ref(11)?.as_str_or_null()?.map(|text| names.name(text));
        let team = row.get_ref(27)?.as_str_or_null()?.unwrap_or("");
        let officials = team.lines().map(|official| names.name(official)).collect();
        let maybe = |column: usize| row.get(column).map(Maybe::of);
        let cards = match row.get::<_, Option<i64>>(17)? {
            None => None,
            Some(very) => {
                let counts = [very, row.get(18)?, row.get(19)?, row.get(20)?, row.get(21)?];
                Some(Box::new((counts, row.get(22)?)))
            }
        };
        let (ended, arrived): (Option<i64>, Option<i64>) = (row.get(15)?, row.get(16)?);
        // A phone whose clock is fast gives a negative delay: none.
        let minutes = ended.zip(arrived).map(|(ended, arrived)| ((arrived - ended) / 60_000).max(0));
        Ok(Self {
            id: DocId(row.get(1)?),
            day: narrow(row.get(6)?),
            place: row.get::<_, Option<f64>>(7)?.zip(row.get(8)?),
            aside: row.get(9)?,
            review: row.get::<_, i64>(10)? > 0,
            residents: maybe(12)?,
            businesses: maybe(13)?,
            last_event: maybe(14)?,
            minutes_to_sync: Maybe::of(minutes),
            has_note: row.get(23)?,
            has_gps: row.get(24)?,
            follows_up: row.get(25)?,
            amendment: row.get(26)?,
            unit,
            status,
            programme,
            hot_spot,
            village,
            cards,
            officials,
        })
    }
}

/// The status of a visit before its first event, after its day and before it.
const DRAFT: &str = "draft";
const PLANNED: &str = "planned";

/// Reads every visit.
pub(super) fn read_all(connection: &Connection, table: &mut Table) -> Result<(), DbError> {
    for status in [DRAFT, PLANNED] {
        table.names.name(status);
    }
    table.name_all(connection, "SELECT DISTINCT to_status FROM visit_event_row", [])?;
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM visit_row v"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let visit = VisitRecord::read(row, &mut table.names)?;
        table.put_visit(row.get(0)?, visit);
    }
    Ok(())
}

/// Reads one visit again; takes it out if it is gone.
pub(super) fn read_one(connection: &Connection, table: &mut Table, n: i64) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM visit_row v WHERE v.n = ?1"))?;
    let mut rows = statement.query([n])?;
    table.name_all(connection, "SELECT to_status FROM visit_event_row WHERE n = ?1", [n])?;
    if let Some(gone) = table.visits.remove(&n) {
        table.visit_rows.remove(&(gone.id, gone.unit));
    }
    if let Some(row) = rows.next()? {
        let visit = VisitRecord::read(row, &mut table.names)?;
        table.put_visit(n, visit);
    }
    Ok(())
}

/// Where a visit stood at the end of a day on which what happened since had not happened: before its first event it was a
/// draft, or still to come.
fn status_at(connection: &Connection, n: i64, day: i64, as_of: Day) -> Result<String, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT to_status FROM visit_event_row WHERE n = ?1 AND day <= ?2 ORDER BY item DESC LIMIT 1",
    )?;
    let found: Option<String> = statement.query_row((n, as_of.0), |row| row.get(0)).optional()?;
    Ok(found.unwrap_or_else(|| if day <= as_of.0 { DRAFT } else { PLANNED }.to_owned()))
}

/// A visit, judged at the end of the judgement day. Texts are borrowed from the facts.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct VisitFact<'r> {
    pub(crate) unit: Word<'r>,
    pub(crate) status: Word<'r>,
    pub(crate) programme: Word<'r>,
    pub(crate) day: i64,
    pub(crate) village: Option<Name>,
    pub(crate) officials: &'r [Name],
    pub(crate) residents: Option<i64>,
    pub(crate) businesses: Option<i64>,
    pub(crate) has_note: bool,
    pub(crate) has_gps: bool,
    pub(crate) hot_spot: Word<'r>,
    /// Cards from very satisfied to very dissatisfied, and those without an answer; none collected: `None`.
    pub(crate) cards: Option<([i64; 5], i64)>,
    pub(crate) follows_up: bool,
    pub(crate) amendment: bool,
    pub(crate) review: bool,
    /// Minutes from the end to the arrival at the server.
    pub(crate) minutes_to_sync: Option<i64>,
    held: bool,
}

impl<'r> VisitFact<'r> {
    fn of(record: &'r VisitRecord, status: Word<'r>, names: &'r Names) -> Self {
        Self {
            unit: names.word(record.unit),
            status,
            programme: names.word(record.programme),
            day: i64::from(record.day),
            village: record.village,
            officials: &record.officials,
            residents: record.residents.get(),
            businesses: record.businesses.get(),
            has_note: record.has_note,
            has_gps: record.has_gps,
            hot_spot: names.word(record.hot_spot),
            cards: record.cards.as_deref().copied(),
            follows_up: record.follows_up,
            amendment: record.amendment,
            review: record.review,
            minutes_to_sync: record.minutes_to_sync.get(),
            held: is_held(&status),
        }
    }

    /// Took place: submitted, returned or verified.
    pub(crate) fn held(&self) -> bool {
        self.held
    }
}

/// Took place: submitted, returned or verified.
pub(crate) fn is_held(status: &str) -> bool {
    matches!(status, "submitted" | "returned" | "verified")
}

impl Table {
    fn put_visit(&mut self, n: i64, visit: VisitRecord) {
        self.visit_rows.insert((visit.id, visit.unit), n);
        self.visits.insert(n, visit);
    }

    /// Gives every visit that a question is about to `each`.
    pub(crate) fn each_visit<'r>(
        &'r self,
        connection: &Connection,
        question: &Question,
        mut each: impl FnMut(&VisitFact<'r>),
    ) -> Result<(), DbError> {
        let lens = question.scope.lens(&self.names);
        for (n, record) in &self.visits {
            if let Some(visit) = self.judge(connection, question, &lens, *n, record)? {
                each(&visit);
            }
        }
        Ok(())
    }

    /// Whether a question is about the visit with this row number, and it was held. `lens` is the question's.
    pub(crate) fn was_held(
        &self,
        connection: &Connection,
        question: &Question,
        lens: &Lens,
        n: i64,
    ) -> Result<bool, DbError> {
        let Some(record) = self.visits.get(&n) else { return Ok(false) };
        Ok(self.judge(connection, question, lens, n, record)?.is_some_and(|visit| visit.held()))
    }

    /// The visit as a question sees it; `None` if the question is not about it.
    fn judge<'r>(
        &'r self,
        connection: &Connection,
        question: &Question,
        lens: &Lens,
        n: i64,
        record: &'r VisitRecord,
    ) -> Result<Option<VisitFact<'r>>, DbError> {
        let day = i64::from(record.day);
        if record.aside || !(question.from.0..=question.to.0).contains(&day) || !lens.shows_visit(record) {
            return Ok(None);
        }
        let status = match record.last_event.get() {
            Some(last) if last > question.as_of.0 => self.past(&status_at(connection, n, day, question.as_of)?)?,
            _ => record.status,
        };
        let status = self.names.word(status);
        // What begins after the judgement day is only known as planned or called off.
        let is_known = day <= question.as_of.0 || matches!(&*status, PLANNED | "cancelled");
        Ok(is_known.then(|| VisitFact::of(record, status, &self.names)))
    }
}
