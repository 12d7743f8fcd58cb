//! Visits and issues as figures see them: one reading of each table, row by row.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::scope::{Conditions, Question, STATUS_AT, VISIT_STATUS_AT};

/// A countable issue, judged at the end of the judgement day. Texts are borrowed from the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IssueFact<'r> {
    pub(crate) n: i64,
    pub(crate) unit: &'r str,
    pub(crate) status: &'r str,
    pub(crate) kind: &'r str,
    pub(crate) field: &'r str,
    pub(crate) priority: &'r str,
    pub(crate) reporter_mode: &'r str,
    pub(crate) received: i64,
    pub(crate) accepted: Option<i64>,
    pub(crate) agency: Option<&'r str>,
    pub(crate) notice_due: Option<i64>,
    pub(crate) notice: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) basis: Option<&'r str>,
    /// Day of the first settling event, if the issue is settled on the judgement day.
    pub(crate) settled: Option<i64>,
    pub(crate) reopened: Option<i64>,
    pub(crate) last_event: Option<i64>,
    pub(crate) outcome: Option<&'r str>,
    pub(crate) confirmation: Option<&'r str>,
    pub(crate) hot_spot: bool,
    pub(crate) long_since: Option<i64>,
    pub(crate) long_times: Option<i64>,
    pub(crate) visit: Option<[u8; 16]>,
    /// The day promised to the residents.
    pub(crate) promised: Option<i64>,
    pub(crate) review: bool,
    pub(crate) ticket: Option<&'r str>,
    as_of: i64,
}

const ISSUE_COLUMNS: &str = "i.n, i.unit, i.kind, i.field, i.priority, i.reporter_mode, i.received_day, i.accepted_day, \
    i.agency, i.first_notice_due, i.first_notice_day, i.resolve_due, i.resolve_basis, i.first_settled_day, i.reopened_day, \
    i.last_event_day, i.outcome, i.confirmation, i.hot_spot, i.long_since, i.long_times, i.visit, i.review, i.ticket, i.promised_day";

impl<'r> IssueFact<'r> {
    fn read(row: &'r Row<'_>, as_of: Day) -> rusqlite::Result<Self> {
        let until = |day: Option<i64>| day.filter(|day| *day <= as_of.0);
        let status = text(row, 25)?.unwrap_or("");
        let settled = matches!(status, "resolved" | "replied" | "closed");
        let visit = match row.get_ref(21)? {
            ValueRef::Blob(id) => id.try_into().ok(),
            _ => None,
        };
        Ok(Self {
            n: row.get(0)?,
            unit: text(row, 1)?.unwrap_or(""),
            kind: text(row, 2)?.unwrap_or(""),
            field: text(row, 3)?.unwrap_or(""),
            priority: text(row, 4)?.unwrap_or(""),
            reporter_mode: text(row, 5)?.unwrap_or(""),
            received: row.get(6)?,
            accepted: until(row.get(7)?),
            agency: text(row, 8)?,
            notice_due: row.get(9)?,
            notice: until(row.get(10)?),
            due: row.get(11)?,
            basis: text(row, 12)?,
            settled: row.get::<_, Option<i64>>(13)?.filter(|_| settled),
            reopened: until(row.get(14)?),
            last_event: until(row.get(15)?),
            outcome: text(row, 16)?,
            confirmation: text(row, 17)?,
            hot_spot: row.get(18)?,
            long_since: row.get(19)?,
            long_times: row.get(20)?,
            visit,
            review: row.get::<_, i64>(22)? > 0,
            ticket: text(row, 23)?,
            promised: row.get(24)?,
            status,
            as_of: as_of.0,
        })
    }

    /// The judgement day.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of
    }

    /// Left the line without being settled: no rate is built on it.
    pub(crate) fn left(&self) -> bool {
        matches!(self.status, "withdrawn" | "out_of_competence" | "not_accepted")
    }

    /// Neither settled nor out of the line.
    pub(crate) fn open(&self) -> bool {
        self.settled.is_none() && !self.left()
    }

    /// Open, and its date lies before the judgement day.
    pub(crate) fn overdue(&self) -> bool {
        self.open() && self.due.is_some_and(|due| due < self.as_of)
    }

    /// Has a date, and is settled or past it: what the rate of settling in time is taken of.
    pub(crate) fn timed(&self) -> bool {
        self.due.is_some_and(|due| !self.left() && (self.settled.is_some() || due < self.as_of))
    }

    /// Settled on or before its date.
    pub(crate) fn in_time(&self) -> bool {
        self.settled.zip(self.due).is_some_and(|(settled, due)| settled <= due)
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// Gives every issue of the question to `each`.
pub(crate) fn issues(
    connection: &Connection,
    question: &Question,
    mut each: impl FnMut(&IssueFact<'_>),
) -> Result<(), DbError> {
    let conditions = question.issues();
    let sql = format!("SELECT {ISSUE_COLUMNS}, {STATUS_AT} FROM issue_row i WHERE {}", conditions.sql());
    scan(connection, &sql, &conditions, |row| {
        each(&IssueFact::read(row, question.as_of)?);
        Ok(())
    })
}

/// A visit, judged at the end of the judgement day. Texts are borrowed from the row.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct VisitFact<'r> {
    pub(crate) unit: &'r str,
    pub(crate) status: &'r str,
    pub(crate) programme: &'r str,
    pub(crate) day: i64,
    pub(crate) residents: Option<i64>,
    pub(crate) businesses: Option<i64>,
    pub(crate) has_note: bool,
    pub(crate) has_gps: bool,
    pub(crate) hot_spot: &'r str,
    /// Cards from very satisfied to very dissatisfied, and those without an answer; none collected: `None`.
    pub(crate) cards: Option<([i64; 5], i64)>,
    pub(crate) follows_up: bool,
    pub(crate) amendment: bool,
    pub(crate) review: bool,
    /// Minutes from the end to the arrival at the server.
    pub(crate) minutes_to_sync: Option<i64>,
}

const VISIT_COLUMNS: &str = "v.unit, v.programme, v.day, v.residents, v.businesses, v.has_note, v.has_gps, v.hot_spot, \
    v.very_satisfied, v.satisfied, v.neutral, v.dissatisfied, v.very_dissatisfied, v.no_answer, v.follow_up_of IS NOT NULL, \
    v.amendment, v.review, v.ended_ms, v.arrived_ms";

impl<'r> VisitFact<'r> {
    fn read(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        let cards = match row.get::<_, Option<i64>>(8)? {
            None => None,
            Some(very) => Some(([very, row.get(9)?, row.get(10)?, row.get(11)?, row.get(12)?], row.get(13)?)),
        };
        let (ended, arrived): (Option<i64>, Option<i64>) = (row.get(17)?, row.get(18)?);
        Ok(Self {
            unit: text(row, 0)?.unwrap_or(""),
            programme: text(row, 1)?.unwrap_or(""),
            day: row.get(2)?,
            residents: row.get(3)?,
            businesses: row.get(4)?,
            has_note: row.get(5)?,
            has_gps: row.get(6)?,
            hot_spot: text(row, 7)?.unwrap_or(""),
            cards,
            follows_up: row.get(14)?,
            amendment: row.get(15)?,
            review: row.get::<_, i64>(16)? > 0,
            // A phone whose clock is fast gives a negative delay: none.
            minutes_to_sync: ended.zip(arrived).map(|(ended, arrived)| ((arrived - ended) / 60_000).max(0)),
            status: text(row, 19)?.unwrap_or(""),
        })
    }

    /// Took place: submitted, returned or verified.
    pub(crate) fn held(&self) -> bool {
        matches!(self.status, "submitted" | "returned" | "verified")
    }
}

/// Gives every visit of the question to `each`.
pub(crate) fn visits(
    connection: &Connection,
    question: &Question,
    mut each: impl FnMut(&VisitFact<'_>),
) -> Result<(), DbError> {
    let conditions = question.visits();
    let sql = format!("SELECT {VISIT_COLUMNS}, {VISIT_STATUS_AT} FROM visit_row v WHERE {}", conditions.sql());
    scan(connection, &sql, &conditions, |row| {
        each(&VisitFact::read(row)?);
        Ok(())
    })
}

fn scan(
    connection: &Connection,
    sql: &str,
    conditions: &Conditions,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(sql)?;
    let parameters = super::bound(&statement, conditions)?;
    let mut rows = statement.query(parameters.as_slice())?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}
