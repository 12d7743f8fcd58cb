//! The list of visits.

use gandan_model::ids::DocId;
use gandan_model::rows::VisitRow;
use rusqlite::Connection;

use super::{Cursor, Found, Order, Page, Table, match_words};
use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::scope::{Conditions, Scope};

/// What a list of visits is asked.
#[derive(Debug, Clone, Default)]
pub struct VisitFilter {
    /// Status.
    pub status: Option<String>,
    /// Programme.
    pub programme: Option<String>,
    /// Hot spot level.
    pub hot_spot: Option<String>,
    /// Id of an official of the team.
    pub official: Option<String>,
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub to: Option<Day>,
    /// Words to search for.
    pub words: Option<String>,
    /// Only those with (or without) something to review.
    pub needs_review: Option<bool>,
    /// Only verified ones that were changed since, or the others.
    pub amended: Option<bool>,
    /// Deleted and doubly recorded visits too.
    pub aside: bool,
}

/// The orders of the list: `date_desc` (the default), `date_asc`, `updated_desc`.
const ORDERS: [Order; 3] = [
    Order { name: "date_desc", key: "v.day", descending: true },
    Order { name: "date_asc", key: "v.day", descending: false },
    Order { name: "updated_desc", key: "v.updated_ms", descending: true },
];

/// The order of this name; the default without one.
pub(crate) fn order(name: Option<&str>) -> Option<Order> {
    let name = name.unwrap_or(ORDERS[0].name);
    ORDERS.into_iter().find(|order| order.name == name)
}

const VISITS: Table = Table { rows: "visit_row", alias: "v", texts: "visit_text" };

/// Reads a page.
pub(crate) fn query(
    connection: &Connection,
    scope: &Scope,
    filter: &VisitFilter,
    order: Order,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<VisitRow>, DbError> {
    let mut sql = Conditions::default();
    scope.on_visits(&mut sql);
    if !conditions(filter, &mut sql) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    VISITS.page(connection, sql, order, after, limit, |row: &VisitRow| row.id)
}

/// How many records the list has.
pub(crate) fn count(connection: &Connection, scope: &Scope, filter: &VisitFilter) -> Result<i64, DbError> {
    let mut sql = Conditions::default();
    scope.on_visits(&mut sql);
    if !conditions(filter, &mut sql) {
        return Ok(0);
    }
    VISITS.count(connection, &sql)
}

/// Adds the filter; `false` if nothing can match.
fn conditions(filter: &VisitFilter, sql: &mut Conditions) -> bool {
    if !filter.aside {
        sql.push("v.aside = 0");
    }
    sql.equals("v.status", ":status", filter.status.as_deref());
    sql.equals("v.programme", ":programme", filter.programme.as_deref());
    sql.equals("v.hot_spot", ":hot_spot", filter.hot_spot.as_deref());
    if let Some(official) = &filter.official {
        sql.push("v.n IN (SELECT o.n FROM visit_official o WHERE o.official = :official)");
        sql.bind(":official", official.clone());
    }
    if let Some(from) = filter.from {
        sql.push("v.day >= :from");
        sql.bind(":from", from.0);
    }
    if let Some(to) = filter.to {
        sql.push("v.day <= :to");
        sql.bind(":to", to.0);
    }
    if let Some(needs) = filter.needs_review {
        sql.push(if needs { "v.review > 0" } else { "v.review = 0" });
    }
    if let Some(amended) = filter.amended {
        sql.push(if amended { "v.amendment = 1" } else { "v.amendment = 0" });
    }
    if let Some(words) = &filter.words {
        let Some(words) = match_words(words) else { return false };
        sql.push("v.n IN (SELECT rowid FROM visit_fts WHERE visit_fts MATCH :words)");
        sql.bind(":words", words);
    }
    true
}

/// The row of one visit in the scope; `None` if there is none, or none that the scope holds.
pub fn one(connection: &Connection, scope: &Scope, id: DocId) -> Result<Option<Found<VisitRow>>, DbError> {
    let mut sql = Conditions::default();
    scope.on_visits(&mut sql);
    sql.push("v.id = :id");
    sql.bind(":id", id.0);
    let text = format!(
        "SELECT t.json, v.unit, 0 FROM visit_row v JOIN visit_text t ON t.n = v.n WHERE {} ORDER BY v.n LIMIT 1",
        sql.sql()
    );
    Found::read(connection, &text, &sql)
}
