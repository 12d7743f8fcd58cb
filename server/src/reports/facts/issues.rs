//! Issues as figures and maps see them.

use gandan_model::ids::DocId;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Table;
use super::names::{Maybe, Name, Names, Word, narrow};
use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::scope::Question;

/// The columns of an issue's row.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug)]
pub(crate) struct IssueRecord {
    pub(crate) id: DocId,
    pub(crate) unit: Name,
    pub(crate) status: Name,
    pub(crate) agency_key: Option<Name>,
    pub(crate) received: i32,
    pub(crate) due: Maybe,
    pub(crate) settled: Maybe,
    pub(crate) visit: Option<DocId>,
    pub(crate) countable: bool,
    pub(crate) sealed: bool,
    pub(crate) deleted: bool,
    pub(crate) hot_spot: bool,
    kind: Name,
    field: Name,
    priority: Name,
    reporter_mode: Name,
    agency: Option<Name>,
    basis: Option<Name>,
    outcome: Option<Name>,
    confirmation: Option<Name>,
    accepted: Maybe,
    notice_due: Maybe,
    notice: Maybe,
    reopened: Maybe,
    last_event: Maybe,
    long_since: Maybe,
    long_times: Maybe,
    promised: Maybe,
    review: bool,
    ticket: Option<Box<str>>,
}

const COLUMNS: &str = "n, id, unit, status, agency_key, received_day, resolve_due, first_settled_day, visit, countable, sealed, \
    deleted, hot_spot, kind, field, priority, reporter_mode, agency, resolve_basis, outcome, confirmation, accepted_day, \
    first_notice_due, first_notice_day, reopened_day, last_event_day, long_since, long_times, promised_day, review, ticket";

impl IssueRecord {
    fn read(row: &Row<'_>, names: &mut Names) -> rusqlite::Result<Self> {
        let mut name = |column: usize| Ok::<_, rusqlite::Error>(names.name(row.get_ref(column)?.as_str()?));
        let (unit, status, kind, field) = (name(2)?, name(3)?, name(13)?, name(14)?);
        let (priority, reporter_mode) = (name(15)?, name(16)?);
        let mut named = |column: usize| {
            Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?.map(|text| names.name(text)))
        };
        let (agency_key, agency, basis) = (named(4)?, named(17)?, named(18)?);
        let (outcome, confirmation) = (named(19)?, named(20)?);
        let maybe = |column: usize| row.get(column).map(Maybe::of);
        Ok(Self {
            id: DocId(row.get(1)?),
            received: narrow(row.get(5)?),
            due: maybe(6)?,
            settled: maybe(7)?,
            visit: row.get::<_, Option<[u8; 16]>>(8)?.map(DocId),
            countable: row.get(9)?,
            sealed: row.get(10)?,
            deleted: row.get(11)?,
            hot_spot: row.get(12)?,
            accepted: maybe(21)?,
            notice_due: maybe(22)?,
            notice: maybe(23)?,
            reopened: maybe(24)?,
            last_event: maybe(25)?,
            long_since: maybe(26)?,
            long_times: maybe(27)?,
            promised: maybe(28)?,
            review: row.get::<_, i64>(29)? > 0,
            ticket: row.get_ref(30)?.as_str_or_null()?.map(Into::into),
            unit,
            status,
            agency_key,
            kind,
            field,
            priority,
            reporter_mode,
            agency,
            basis,
            outcome,
            confirmation,
        })
    }
}

/// The status of an issue before its first event.
const RECORDED: &str = "recorded";

/// Reads every issue.
pub(super) fn read_all(connection: &Connection, table: &mut Table) -> Result<(), DbError> {
    table.names.name(RECORDED);
    table.name_all(connection, "SELECT DISTINCT to_status FROM issue_event_row", [])?;
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM issue_row"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        table.issues.insert(row.get(0)?, IssueRecord::read(row, &mut table.names)?);
    }
    Ok(())
}

/// Reads one issue again; takes it out if it is gone.
pub(super) fn read_one(connection: &Connection, table: &mut Table, n: i64) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM issue_row WHERE n = ?1"))?;
    let mut rows = statement.query([n])?;
    table.name_all(connection, "SELECT to_status FROM issue_event_row WHERE n = ?1", [n])?;
    match rows.next()? {
        Some(row) => table.issues.insert(n, IssueRecord::read(row, &mut table.names)?),
        None => table.issues.remove(&n),
    };
    Ok(())
}

/// Where an issue to which something happened since stood at the end of a day: where the last event until then had left it.
fn status_at(connection: &Connection, n: i64, as_of: Day) -> Result<String, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT to_status FROM issue_event_row WHERE n = ?1 AND day <= ?2 ORDER BY item DESC LIMIT 1",
    )?;
    let found: Option<String> = statement.query_row((n, as_of.0), |row| row.get(0)).optional()?;
    Ok(found.unwrap_or_else(|| RECORDED.to_owned()))
}

/// A countable issue, judged at the end of the judgement day. Texts are borrowed from the facts.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct IssueFact<'r> {
    pub(crate) n: i64,
    pub(crate) unit: Word<'r>,
    pub(crate) status: Word<'r>,
    pub(crate) kind: Word<'r>,
    pub(crate) field: Word<'r>,
    pub(crate) priority: Word<'r>,
    pub(crate) reporter_mode: Word<'r>,
    pub(crate) received: i64,
    pub(crate) accepted: Option<i64>,
    pub(crate) agency: Option<Word<'r>>,
    pub(crate) notice_due: Option<i64>,
    pub(crate) notice: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) basis: Option<Word<'r>>,
    /// Day of the first settling event, whatever came after, also after the judgement day.
    pub(crate) first_settled: Option<i64>,
    /// Settled as it stands now, whatever the judgement day.
    pub(crate) settled_now: bool,
    /// Day of the first settling event, if the issue is settled on the judgement day.
    pub(crate) settled: Option<i64>,
    pub(crate) reopened: Option<i64>,
    pub(crate) last_event: Option<i64>,
    pub(crate) outcome: Option<Word<'r>>,
    pub(crate) confirmation: Option<Word<'r>>,
    pub(crate) hot_spot: bool,
    pub(crate) long_since: Option<i64>,
    pub(crate) long_times: Option<i64>,
    pub(crate) visit: Option<DocId>,
    /// The day promised to the residents.
    pub(crate) promised: Option<i64>,
    pub(crate) review: bool,
    pub(crate) ticket: Option<&'r str>,
    left: bool,
    as_of: i64,
}

/// Resolved, replied or closed.
pub(crate) fn is_settled(status: &str) -> bool {
    matches!(status, "resolved" | "replied" | "closed")
}

/// Left the line without being settled.
pub(crate) fn has_left(status: &str) -> bool {
    matches!(status, "withdrawn" | "out_of_competence" | "not_accepted")
}

impl<'r> IssueFact<'r> {
    fn of(n: i64, record: &'r IssueRecord, status: Name, names: &'r Names, as_of: Day) -> Self {
        let until = |day: Maybe| day.get().filter(|day| *day <= as_of.0);
        let status = names.word(status);
        Self {
            n,
            unit: names.word(record.unit),
            status,
            kind: names.word(record.kind),
            field: names.word(record.field),
            priority: names.word(record.priority),
            reporter_mode: names.word(record.reporter_mode),
            received: i64::from(record.received),
            accepted: until(record.accepted),
            agency: names.maybe(record.agency),
            notice_due: record.notice_due.get(),
            notice: until(record.notice),
            due: record.due.get(),
            basis: names.maybe(record.basis),
            first_settled: record.settled.get(),
            settled_now: is_settled(names.text(record.status)),
            settled: record.settled.get().filter(|_| is_settled(&status)),
            reopened: until(record.reopened),
            last_event: until(record.last_event),
            outcome: names.maybe(record.outcome),
            confirmation: names.maybe(record.confirmation),
            hot_spot: record.hot_spot,
            long_since: record.long_since.get(),
            long_times: record.long_times.get(),
            visit: record.visit,
            promised: record.promised.get(),
            review: record.review,
            ticket: record.ticket.as_deref(),
            left: has_left(&status),
            as_of: as_of.0,
        }
    }

    /// The judgement day.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of
    }

    /// Left the line without being settled: no rate is built on it.
    pub(crate) fn left(&self) -> bool {
        self.left
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

impl Table {
    /// Gives every issue that a question is about to `each`.
    pub(crate) fn each_issue<'r>(
        &'r self,
        connection: &Connection,
        question: &Question,
        mut each: impl FnMut(&IssueFact<'r>),
    ) -> Result<(), DbError> {
        let lens = question.scope.lens(&self.names);
        let until = question.to.min(question.as_of).0;
        for (n, record) in &self.issues {
            let asked =
                record.countable && !record.sealed && (question.from.0..=until).contains(&record.received.into());
            if !asked || !lens.shows_issue(record) {
                continue;
            }
            let status = match record.last_event.get() {
                Some(last) if last > question.as_of.0 => self.past(&status_at(connection, *n, question.as_of)?)?,
                _ => record.status,
            };
            each(&IssueFact::of(*n, record, status, &self.names, question.as_of));
        }
        Ok(())
    }
}
