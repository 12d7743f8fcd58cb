//! Issues that repeat each other in a circle.
//!
//! As a rule the issue that others repeat counts, and the others do not. But two officials who each mark the other's
//! issue make a circle in which everybody repeats somebody, and the matter would count nowhere. Then the oldest counts.

use std::collections::BTreeSet;

use gandan_model::duplicates::{Canonical, Raised, canonical};
use gandan_model::ids::DocId;
use gandan_model::rules::Rules;
use rusqlite::{Connection, OptionalExtension};

use crate::db::DbError;
use crate::reports::day::Day;
use crate::reports::due;

/// Most issues that are looked at: a chain of duplicates is as a rule two long.
const MAX_MEMBERS: usize = 64;

/// Decides anew which of the issues around this one count, and by when.
pub(super) fn settle(connection: &Connection, rules: &Rules, id: DocId) -> Result<(), DbError> {
    let own = chain(connection, id)?;
    let repeats = own.first().is_some_and(|issue| issue.duplicate_of.is_some());
    let mut around: BTreeSet<DocId> = own.iter().map(|issue| issue.id).collect();
    // Issues that repeat this one may have been in a circle with it until now.
    let mut statement =
        connection.prepare_cached("SELECT id FROM issue_row WHERE duplicate_of = ?1 ORDER BY id LIMIT ?2")?;
    for repeating in statement.query_map((id.0, MAX_MEMBERS), |row| row.get(0))? {
        around.insert(DocId(repeating?));
    }
    if around.len() < 2 && !repeats {
        return Ok(());
    }
    for member in around {
        let matter = circle(connection, member)?;
        let stands = matter.is_some_and(|matter| matter.stands);
        connection
            .prepare_cached(
                "UPDATE issue_row SET countable = alone_countable OR (?2 AND sealed = 0 AND deleted = 0) WHERE id = ?1",
            )?
            .execute((member.0, stands))?;
        due::derive(connection, rules, member, matter.as_ref())?;
    }
    Ok(())
}

/// If the issue is one of a circle: which of them stands for the matter.
pub(crate) fn circle(connection: &Connection, id: DocId) -> Result<Option<Canonical>, DbError> {
    let chain = chain(connection, id)?;
    let closes = chain.last().and_then(|last| last.duplicate_of) == Some(id);
    Ok(if closes { canonical(&chain).remove(&id) } else { None })
}

/// This issue, the one it repeats, the one that that repeats, and so on until the end or the first met again.
fn chain(connection: &Connection, from: DocId) -> Result<Vec<Raised>, DbError> {
    let mut statement = connection.prepare_cached(
        "SELECT duplicate_of, received_day, created_ms FROM issue_row WHERE id = ?1 ORDER BY n LIMIT 1",
    )?;
    let mut chain: Vec<Raised> = Vec::new();
    let mut next = Some(from);
    while let Some(id) = next.filter(|id| chain.len() < MAX_MEMBERS && chain.iter().all(|issue| issue.id != *id)) {
        let found = statement.query_row([id.0], |row| {
            let duplicate_of = row.get::<_, Option<[u8; 16]>>(0)?.map(DocId);
            let received_on = Some(Day(row.get(1)?).date());
            Ok(Raised { id, duplicate_of, received_on, created_at_ms: row.get(2)? })
        });
        let Some(issue) = found.optional()? else { break };
        next = issue.duplicate_of;
        chain.push(issue);
    }
    Ok(chain)
}
