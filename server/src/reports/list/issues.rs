//! The list of issues.

use gandan_model::ids::DocId;
use gandan_model::rows::IssueRow;
use gandan_model::text::fold;
use rusqlite::Connection;

use super::{Cursor, Found, Order, Page, Table, match_words};
use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::figures::rows;
use crate::reports::queue::OPEN;
use crate::reports::scope::{Conditions, Scope};

/// What a list of issues is asked.
#[derive(Debug, Clone, Default)]
pub struct IssueFilter {
    /// Status.
    pub status: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Field of work.
    pub field: Option<String>,
    /// Priority.
    pub priority: Option<String>,
    /// Responsible agency; compared after folding.
    pub agency: Option<String>,
    /// Programme of the visit at which it was raised.
    pub programme: Option<String>,
    /// The visit at which it was raised.
    pub visit: Option<DocId>,
    /// Received from this day.
    pub from: Option<Day>,
    /// Received until this day.
    pub to: Option<Day>,
    /// Open with a date before this day (or, for `false`, not so).
    pub overdue: Option<(bool, Day)>,
    /// That somebody still has to settle, or not.
    pub open: Option<bool>,
    /// Without a responsible agency, or with one.
    pub unassigned: Option<bool>,
    /// To be settled on this day or later.
    pub due_from: Option<Day>,
    /// To be settled on this day or earlier.
    pub due_to: Option<Day>,
    /// Marked as a hot spot, or not.
    pub hot_spot: Option<bool>,
    /// Raised before, or not.
    pub long_standing: Option<bool>,
    /// Words to search for.
    pub words: Option<String>,
    /// Only those with (or without) something to review.
    pub needs_review: Option<bool>,
    /// Deleted issues too.
    pub aside: bool,
}

/// Issues without a due date sort after those with one.
const NO_DATE: &str = "coalesce(i.resolve_due, 9999999)";

/// The orders of the list: `received_desc` (the default), `received_asc`, `due_asc`, `updated_desc`.
const ORDERS: [Order; 4] = [
    Order { name: "received_desc", key: "i.received_day", descending: true },
    Order { name: "received_asc", key: "i.received_day", descending: false },
    Order { name: "due_asc", key: NO_DATE, descending: false },
    Order { name: "updated_desc", key: "i.updated_ms", descending: true },
];

/// The order of this name; the default without one.
pub(crate) fn order(name: Option<&str>) -> Option<Order> {
    let name = name.unwrap_or(ORDERS[0].name);
    ORDERS.into_iter().find(|order| order.name == name)
}

/// Open, with a date that lies before `:today`.
const OVERDUE: &str = "(i.resolve_due IS NOT NULL AND i.resolve_due < :today AND i.countable = 1 \
    AND i.status NOT IN ('resolved', 'replied', 'closed', 'withdrawn', 'out_of_competence', 'not_accepted'))";

const ISSUES: Table = Table { rows: "issue_row", alias: "i", texts: "issue_text" };

/// Reads a page.
pub(crate) fn query(
    connection: &Connection,
    scope: &Scope,
    filter: &IssueFilter,
    order: Order,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<IssueRow>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    if !conditions(filter, &mut sql) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    ISSUES.page(connection, sql, order, after, limit, |row: &IssueRow| row.id)
}

/// How many records the list has.
pub(crate) fn count(connection: &Connection, scope: &Scope, filter: &IssueFilter) -> Result<i64, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    if !conditions(filter, &mut sql) {
        return Ok(0);
    }
    ISSUES.count(connection, &sql)
}

/// Adds the filter; `false` if nothing can match.
fn conditions(filter: &IssueFilter, sql: &mut Conditions) -> bool {
    if !filter.aside {
        sql.push("i.deleted = 0");
    }
    sql.equals("i.status", ":status", filter.status.as_deref());
    sql.equals("i.kind", ":kind", filter.kind.as_deref());
    sql.equals("i.field", ":field", filter.field.as_deref());
    sql.equals("i.priority", ":priority", filter.priority.as_deref());
    sql.equals("i.agency_key", ":asked_agency", filter.agency.as_deref().map(fold).as_deref());
    if let Some(programme) = &filter.programme {
        sql.push("EXISTS (SELECT 1 FROM visit_row v WHERE v.id = i.visit AND v.programme = :programme)");
        sql.bind(":programme", programme.clone());
    }
    if let Some(visit) = filter.visit {
        sql.push("i.visit = :visit");
        sql.bind(":visit", visit.0);
    }
    if let Some(from) = filter.from {
        sql.push("i.received_day >= :from");
        sql.bind(":from", from.0);
    }
    if let Some(to) = filter.to {
        sql.push("i.received_day <= :to");
        sql.bind(":to", to.0);
    }
    // By the expression of the index; a row without a date is due on no day.
    if filter.due_from.is_some() || filter.due_to.is_some() {
        sql.push("i.resolve_due IS NOT NULL");
    }
    if let Some(from) = filter.due_from {
        sql.push(&format!("{NO_DATE} >= :due_from"));
        sql.bind(":due_from", from.0);
    }
    if let Some(to) = filter.due_to {
        sql.push(&format!("{NO_DATE} <= :due_to"));
        sql.bind(":due_to", to.0);
    }
    if let Some((overdue, today)) = filter.overdue {
        sql.push(&if overdue { OVERDUE.to_owned() } else { format!("NOT {OVERDUE}") });
        sql.bind(":today", today.0);
    }
    flags(filter, sql);
    if let Some(words) = &filter.words {
        let Some(words) = match_words(words) else { return false };
        sql.push("i.n IN (SELECT rowid FROM issue_fts WHERE issue_fts MATCH :words)");
        sql.bind(":words", words);
    }
    true
}

fn flags(filter: &IssueFilter, sql: &mut Conditions) {
    let mut flag = |wanted: Option<bool>, yes: &str, no: &str| {
        if let Some(wanted) = wanted {
            sql.push(if wanted { yes } else { no });
        }
    };
    flag(filter.open, OPEN, &format!("NOT ({OPEN})"));
    flag(filter.unassigned, "i.agency IS NULL", "i.agency IS NOT NULL");
    flag(filter.hot_spot, "i.hot_spot = 1", "i.hot_spot = 0");
    flag(filter.long_standing, "i.long_since IS NOT NULL", "i.long_since IS NULL");
    flag(filter.needs_review, "i.review > 0", "i.review = 0");
}

/// The row of one issue in the scope; `None` if there is none, or none that the scope holds.
pub fn one(connection: &Connection, scope: &Scope, id: DocId) -> Result<Option<Found<IssueRow>>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.push("i.id = :id");
    sql.bind(":id", id.0);
    let text = format!(
        "SELECT t.json, i.unit, i.compartment FROM issue_row i JOIN issue_text t ON t.n = i.n WHERE {} ORDER BY i.n LIMIT 1",
        sql.sql()
    );
    Found::read(connection, &text, &sql)
}

/// Ids of the issues of a visit in the scope, in the order of receipt.
pub fn of_visit(connection: &Connection, scope: &Scope, visit: DocId) -> Result<Vec<DocId>, DbError> {
    let mut sql = Conditions::default();
    scope.on_issues("i", &mut sql);
    sql.push("i.visit = :visit AND i.deleted = 0");
    sql.bind(":visit", visit.0);
    let text = format!("SELECT i.id FROM issue_row i WHERE {} ORDER BY i.received_day, i.id LIMIT 500", sql.sql());
    rows(connection, &text, &sql, |row| Ok(DocId(row.get(0)?)))
}
