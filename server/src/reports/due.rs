//! Due dates of rows, derived from what stands in the row: after a change of the rules, and before one, to see what it
//! would do.

use gandan_model::codes::IssueStatus;
use gandan_model::deadlines::Due;
use gandan_model::duplicates::Canonical;
use gandan_model::ids::DocId;
use gandan_model::issue::Clock;
use gandan_model::rows::IssueRow;
use gandan_model::rules::Rules;
use jiff::civil::Date;
use rusqlite::{Connection, Row};
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::duplicates::circle;
use crate::reports::figures::{First, bound};
use crate::reports::scope::{Conditions, Scope};

/// A row's dates and what they follow from.
struct Dated {
    n: i64,
    id: DocId,
    unit: String,
    /// An issue that repeats another and counts all the same: it stands for a circle.
    stands: bool,
    first_notice_due: Option<i64>,
    resolve_due: Option<i64>,
    resolve_basis: Option<String>,
    clock: Clock,
}

const DATED: &str = "i.n, i.id, i.unit, i.countable = 1 AND i.alone_countable = 0, i.first_notice_due, i.resolve_due, \
    i.resolve_basis, c.clock";

/// Where [`DATED`] is read from.
const FROM: &str = "issue_row i JOIN issue_clock c ON c.n = i.n";

impl Dated {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            n: row.get(0)?,
            id: DocId(row.get(1)?),
            unit: row.get(2)?,
            stands: row.get(3)?,
            first_notice_due: row.get(4)?,
            resolve_due: row.get(5)?,
            resolve_basis: row.get(6)?,
            clock: serde_json::from_str(row.get_ref(7)?.as_str().map_err(DbError::internal)?)?,
        })
    }

    fn due(&self, connection: &Connection, rules: &Rules) -> Result<Due, DbError> {
        let matter = if self.stands { circle(connection, self.id)? } else { None };
        Ok(self.clock.due(rules, &self.unit, matter.as_ref()))
    }

    fn differs(&self, due: &Due) -> bool {
        (self.first_notice_due, self.resolve_due) != days(due)
            || self.resolve_basis.as_deref() != due.resolve.as_ref().map(|due| due.basis.as_str())
    }

    fn write(&self, connection: &Connection, due: &Due) -> Result<(), DbError> {
        let (notice, resolve) = days(due);
        let basis = due.resolve.as_ref().map(|due| &due.basis);
        connection
            .prepare_cached(
                "UPDATE issue_row SET first_notice_due = ?2, resolve_due = ?3, resolve_basis = ?4 WHERE n = ?1",
            )?
            .execute((self.n, notice, resolve, basis))?;
        let mut read = connection.prepare_cached("SELECT json FROM issue_text WHERE n = ?1")?;
        let mut row: IssueRow = serde_json::from_str(&read.query_row([self.n], |row| row.get::<_, String>(0))?)?;
        row.set_due(due);
        connection
            .prepare_cached("UPDATE issue_text SET json = ?2 WHERE n = ?1")?
            .execute((self.n, serde_json::to_string(&row)?))?;
        Ok(())
    }
}

fn days(due: &Due) -> (Option<i64>, Option<i64>) {
    let day = |due: &Option<gandan_model::deadlines::DueDate>| due.as_ref().map(|due| Day::of(due.on).0);
    (day(&due.first_notice), day(&due.resolve))
}

/// Derives the dates of one issue; `matter`: what is known of a circle that it is part of.
pub(super) fn derive(
    connection: &Connection,
    rules: &Rules,
    id: DocId,
    matter: Option<&Canonical>,
) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {DATED} FROM {FROM} WHERE i.id = ?1"))?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        let dated = Dated::read(row)?;
        let due = dated.clock.due(rules, &dated.unit, matter);
        if dated.differs(&due) {
            dated.write(connection, &due)?;
        }
    }
    Ok(())
}

/// Derives the dates of at most so many rows after a row number, of sealed ones too. Gives the number of the last row
/// looked at; `None` when there is none left.
pub(crate) fn derive_after(
    connection: &Connection,
    rules: &Rules,
    after: i64,
    limit: usize,
) -> Result<Option<i64>, DbError> {
    let sql = format!("SELECT {DATED} FROM {FROM} WHERE i.n > ?1 ORDER BY i.n LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((after, limit))?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let dated = Dated::read(row)?;
        last = Some(dated.n);
        let due = dated.due(connection, rules)?;
        if dated.differs(&due) {
            dated.write(connection, &due)?;
        }
    }
    Ok(last)
}

/// What other rules would do to the due dates of the issues that count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Effect {
    /// Issues looked at.
    pub issues: i64,
    /// Issues whose day for the first notice would be another.
    pub first_notice: i64,
    /// Issues whose day for settlement would be another.
    pub resolve: i64,
    /// Open issues that would be overdue today and are not.
    pub becoming_overdue: i64,
    /// Open issues that are overdue today and would not be.
    pub no_longer_overdue: i64,
    /// Some of them, open ones first, then by the new day: at most 500.
    pub examples: Vec<Moved>,
}

/// An issue whose dates would be others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MovedIssue)]
pub struct Moved {
    /// The issue.
    #[schema(value_type = String, format = "uuid")]
    pub id: DocId,
    /// Its ticket.
    pub ticket: Option<String>,
    /// Code of its unit.
    pub unit: String,
    /// Status.
    pub status: String,
    /// Day for the first notice, now.
    #[schema(value_type = Option<String>, format = Date)]
    pub first_notice_old: Option<Date>,
    /// Day for the first notice, then.
    #[schema(value_type = Option<String>, format = Date)]
    pub first_notice_new: Option<Date>,
    /// Day for settlement, now.
    #[schema(value_type = Option<String>, format = Date)]
    pub resolve_old: Option<Date>,
    /// Day for settlement, then.
    #[schema(value_type = Option<String>, format = Date)]
    pub resolve_new: Option<Date>,
}

/// Counts what `rules` would change for the issues of a scope; `today` decides what is overdue. Writes nothing.
pub fn effect(connection: &Connection, scope: &Scope, rules: &Rules, today: Day) -> Result<Effect, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.push("i.countable = 1 AND i.sealed = 0");
    let text = format!("SELECT {DATED}, i.status, i.ticket FROM {FROM} WHERE {}", sql.sql());
    let mut statement = connection.prepare_cached(&text)?;
    let parameters = bound(&statement, &sql)?;
    let mut rows = statement.query(parameters.as_slice())?;
    let mut effect = Effect::default();
    let mut examples = First::new();
    while let Some(row) = rows.next()? {
        effect.issues += 1;
        let dated = Dated::read(row)?;
        let (notice, resolve) = days(&dated.due(connection, rules)?);
        if (notice, resolve) == (dated.first_notice_due, dated.resolve_due) {
            continue;
        }
        let status: String = row.get(8)?;
        let open = IssueStatus::from(status.as_str()).is_open();
        let overdue = |due: Option<i64>| open && due.is_some_and(|due| due < today.0);
        effect.first_notice += i64::from(notice != dated.first_notice_due);
        effect.resolve += i64::from(resolve != dated.resolve_due);
        effect.becoming_overdue += i64::from(overdue(resolve) && !overdue(dated.resolve_due));
        effect.no_longer_overdue += i64::from(!overdue(resolve) && overdue(dated.resolve_due));
        let date = |day: Option<i64>| day.map(|day| Day(day).date());
        let ticket: Option<String> = row.get(9)?;
        examples.offer((!open, resolve.unwrap_or(i64::MAX), dated.n), || Moved {
            id: dated.id,
            ticket,
            unit: dated.unit.clone(),
            status,
            first_notice_old: date(dated.first_notice_due),
            first_notice_new: date(notice),
            resolve_old: date(dated.resolve_due),
            resolve_new: date(resolve),
        });
    }
    effect.examples = examples.into_values();
    Ok(effect)
}
