//! Documents out of the log.

use std::collections::BTreeSet;

use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::{Change, RelayedEnvelope};

use crate::db::storage::{DbResult, LineQuery, LineRow, ReadLog, SpaceRow};
use crate::ingest::LogResolver;

/// A change as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its hash.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
    /// Its place in the log.
    pub seq: u64,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
}

/// A document and what could not become part of it.
pub struct Assembled {
    /// The document.
    pub document: Document,
    /// The same, saved: reading this gives the same document.
    pub snapshot: Vec<u8>,
    /// Changes that do not apply, with a stable code each.
    pub unapplied: Vec<(ChangeHash, &'static str)>,
}

/// The changes of one line of a log. An erased line has none; neither has one that cannot be opened, which is a bug or
/// damage and is told to the log of the program.
pub fn open_line(log: &dyn ReadLog, space: SpaceId, line: &LineRow) -> Vec<Change> {
    let Some(body) = &line.body else { return Vec::new() };
    // What the sender meant by a short reference stood before this line.
    let resolver = LogResolver::up_to(log, line.seq);
    let opened =
        RelayedEnvelope::from_bytes(body).map_err(Into::into).and_then(|relayed| relayed.open(space, None, &resolver));
    match opened {
        Ok(envelope) => envelope.changes,
        Err(error) => {
            tracing::error!(%space, seq = line.seq, code = error.code(), "a line of the log cannot be opened");
            Vec::new()
        }
    }
}

/// Every change of a document, in the order of the log.
pub fn changes(log: &dyn ReadLog, space: &SpaceRow, doc: &DocId) -> DbResult<Vec<LoggedChange>> {
    let places: BTreeSet<u64> = log.changes(space.no, doc)?.into_iter().map(|change| change.seq).collect();
    let mut found: Vec<LoggedChange> = Vec::new();
    for seq in places {
        let query =
            LineQuery { space: space.no, after: seq - 1, max_lines: 1, max_bytes: usize::MAX, without_bodies_of: None };
        for line in log.lines(&query)? {
            for change in open_line(log, space.id, &line).into_iter().filter(|change| change.doc == *doc) {
                if found.iter().all(|known| known.hash != change.header.hash) {
                    let received_ms = line.received_ms;
                    found.push(LoggedChange { hash: change.header.hash, raw: change.raw, seq, received_ms });
                }
            }
        }
    }
    Ok(found)
}

/// A document from its changes in the order of the log; none if not even one of them makes a document.
///
/// What devices send is not trusted: the result is proved to be readable again, and a change that does not apply is left
/// out, with those that build on it.
pub fn assemble(base: Option<Document>, changes: &[LoggedChange]) -> Option<Assembled> {
    let raws = || changes.iter().map(|change| change.raw.as_slice());
    let together = match &base {
        Some(base) => {
            let mut document = base.clone();
            document.apply(raws()).map(|()| document)
        }
        None => Document::from_changes(raws()),
    };
    if let Some((document, snapshot)) = together.ok().and_then(proved) {
        return Some(Assembled { document, snapshot, unapplied: Vec::new() });
    }
    one_by_one(base, changes)
}

fn one_by_one(base: Option<Document>, changes: &[LoggedChange]) -> Option<Assembled> {
    let mut best = base.and_then(proved);
    let mut unapplied = Vec::new();
    for change in changes {
        let next = match &best {
            Some((document, _)) => {
                let mut document = document.clone();
                document.apply([change.raw.as_slice()]).map(|()| document)
            }
            None => Document::from_changes([change.raw.as_slice()]),
        };
        match next {
            Ok(document) => match proved(document) {
                Some(proved) => best = Some(proved),
                None => unapplied.push((change.hash, "not_readable_again")),
            },
            Err(error) => unapplied.push((change.hash, error.code())),
        }
    }
    best.map(|(document, snapshot)| Assembled { document, snapshot, unapplied })
}

/// The document with its saved form, if reading that gives the same document.
fn proved(document: Document) -> Option<(Document, Vec<u8>)> {
    let snapshot = document.save();
    let again = Document::load(&snapshot).ok()?;
    (again.heads() == document.heads()).then_some((document, snapshot))
}
