//! Short references, looked up in the database.

use std::cell::RefCell;
use std::collections::HashMap;

use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::error::StorageError;
use gandan_sync::resolve::Resolver;

use crate::db::storage::{No, ReadLog};

/// A log as a resolver of short references.
pub struct LogResolver<'a> {
    log: &'a dyn ReadLog,
    /// Only what stood in the log up to here is looked at.
    up_to: u64,
    spaces: RefCell<HashMap<SpaceId, Option<No>>>,
}

impl<'a> LogResolver<'a> {
    /// Looks at everything in the log.
    pub fn new(log: &'a dyn ReadLog) -> Self {
        Self::up_to(log, u64::MAX)
    }

    /// Looks only at what stood in the log of a space up to `seq`: what an envelope's sender could have meant.
    pub fn up_to(log: &'a dyn ReadLog, seq: u64) -> Self {
        Self { log, up_to: seq, spaces: RefCell::default() }
    }

    fn no(&self, space: &SpaceId) -> Result<Option<No>, StorageError> {
        if let Some(no) = self.spaces.borrow().get(space) {
            return Ok(*no);
        }
        let no = self.log.space(space).map_err(StorageError::new)?.map(|row| row.no);
        self.spaces.borrow_mut().insert(*space, no);
        Ok(no)
    }
}

impl Resolver for LogResolver<'_> {
    fn documents(&self, space: &SpaceId, prefix: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        let Some(no) = self.no(space)? else { return Ok(Vec::new()) };
        self.log.documents_with_prefix(no, prefix).map_err(StorageError::new)
    }

    fn changes(&self, space: &SpaceId, doc: &DocId, prefix: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        let Some(no) = self.no(space)? else { return Ok(Vec::new()) };
        // Most references name a head; the history is read only when they do not.
        let heads = self.log.heads(no, doc).map_err(StorageError::new)?.unwrap_or_default();
        let mut found: Vec<ChangeHash> =
            heads.iter().map(|head| head.hash).filter(|hash| hash.0.starts_with(&prefix)).collect();
        if found.is_empty() || self.up_to != u64::MAX {
            let changes = self.log.changes(no, doc).map_err(StorageError::new)?;
            let known = changes.iter().filter(|change| change.seq <= self.up_to && change.hash.0.starts_with(&prefix));
            found = known.map(|change| change.hash).collect();
        }
        found.dedup();
        Ok(found)
    }
}
