//! Where a record stands between this phone and the server.

use gandan_model::ids::DocId;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// Where a record stands. If several are true, the one named first here is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// A change of it was refused, or does not fit: a person must look.
    Quarantined,
    /// Somebody is editing it here and has not saved.
    Draft,
    /// Saved here; not yet handed over for sending.
    Saved,
    /// Signed for sending; the server has not confirmed it.
    Waiting,
    /// Values stand against each other: a person must look.
    NeedsReview,
    /// The server has all of it, on disk.
    Synced,
}

impl RecordState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Quarantined, Self::Draft, Self::Saved, Self::Waiting, Self::NeedsReview, Self::Synced];

    /// The state's name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Draft => "draft",
            Self::Saved => "saved",
            Self::Waiting => "waiting",
            Self::NeedsReview => "needs_review",
            Self::Synced => "synced",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Quarantined => 0,
            Self::Draft => 1,
            Self::Saved => 2,
            Self::Waiting => 3,
            Self::NeedsReview => 4,
            Self::Synced => 5,
        }
    }

    pub(crate) fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| state.number() == number).unwrap_or(Self::Quarantined)
    }
}

/// Where a change stands; the numbers are in the database.
pub(crate) mod change {
    /// Written here, in no envelope yet.
    pub(crate) const SAVED: i64 = 0;
    /// In an envelope that is not confirmed.
    pub(crate) const SEALED: i64 = 1;
    /// In the server's log.
    pub(crate) const LOGGED: i64 = 2;
    /// Written here; the server put it in quarantine.
    pub(crate) const OWN_QUARANTINED: i64 = 3;
    /// Written here; the server refused it.
    pub(crate) const OWN_REFUSED: i64 = 4;
    /// Written here; the server says that the document was erased.
    pub(crate) const OWN_GONE: i64 = 5;
    /// Written elsewhere; it was in the server's log until the server was restored from a backup.
    pub(crate) const RETURNING: i64 = 6;
    /// Written here; a person decided that it stays out of the server's log.
    pub(crate) const OWN_DISCARDED: i64 = 7;
    /// From here on: not part of the document.
    pub(crate) const NOT_APPLIED: i64 = 10;
    /// What it builds on has not arrived.
    pub(crate) const EARLY: i64 = 10;
    /// It does not fit its document.
    pub(crate) const REJECTED: i64 = 11;
    /// Written here under a name that somebody else used too; another change says the same since.
    pub(crate) const REPLACED: i64 = 12;
    /// Written on another phone that could not send it, and said again here since. Should it come by the log after all, it
    /// is taken in like any other.
    pub(crate) const ADOPTED: i64 = 13;
}

/// Derives a document's state again from its changes, draft and review items, wherever it is kept.
pub(crate) fn refresh(connection: &Connection, doc: i64, id: DocId) -> Result<RecordState, StoreError> {
    let mut found = [false; 6];
    let mut statement = connection.prepare_cached("SELECT DISTINCT state FROM change WHERE doc = ?1")?;
    let mut rows = statement.query([doc])?;
    while let Some(row) = rows.next()? {
        let state = match row.get::<_, i64>(0)? {
            change::SAVED => RecordState::Saved,
            change::SEALED | change::RETURNING => RecordState::Waiting,
            // A change that came too early is nobody's fault: what is shown is complete as far as it goes.
            change::LOGGED | change::EARLY | change::REPLACED | change::ADOPTED => RecordState::Synced,
            _ => RecordState::Quarantined,
        };
        found[state as usize] = true;
    }
    found[RecordState::Draft as usize] =
        connection.prepare_cached("SELECT 1 FROM draft WHERE id = ?1")?.exists([id.0])?;
    let review: Option<i64> = connection
        .prepare_cached(
            "SELECT review FROM visit_list WHERE doc = ?1 UNION ALL SELECT review FROM issue_list WHERE doc = ?1",
        )?
        .query_row([doc], |row| row.get(0))
        .optional()?;
    found[RecordState::NeedsReview as usize] = review.is_some_and(|count| count > 0);
    let state = RecordState::ALL.into_iter().find(|state| found[*state as usize]).unwrap_or(RecordState::Synced);
    store(connection, doc, state)?;
    Ok(state)
}

fn store(connection: &Connection, doc: i64, state: RecordState) -> Result<(), StoreError> {
    for sql in [
        "UPDATE document SET state = ?2 WHERE n = ?1 AND state <> ?2",
        "UPDATE visit_list SET state = ?2 WHERE doc = ?1 AND state <> ?2",
        "UPDATE issue_list SET state = ?2 WHERE doc = ?1 AND state <> ?2",
    ] {
        connection.prepare_cached(sql)?.execute(params![doc, state.number()])?;
    }
    Ok(())
}
