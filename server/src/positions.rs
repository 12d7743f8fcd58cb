//! Where devices stand, by the token of the answer that brought them there.
//!
//! A device names its whole position in a few bytes because the server remembers it: here, and soon after in the
//! database. What is forgotten costs one more round trip, in which the device names its position in full; so this memory
//! may be bounded, and written without haste.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gandan_sync::SpacePosition;
use gandan_sync::cursor::summary;
use gandan_sync::server::TokenRecord;

use crate::db::storage::{DbResult, No, ReadLog};

/// Most lines of positions kept in memory, about 100 bytes each.
const MAX_LINES: usize = 100_000;

/// Positions by device.
#[derive(Default)]
pub struct Positions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    devices: HashMap<No, Device>,
    lines: usize,
}

#[derive(Default)]
struct Device {
    last_token: u64,
    /// The last two: an answer may get lost.
    records: [Option<Arc<TokenRecord>>; 2],
}

impl Positions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position that was given under this token, from memory or else from the database.
    pub fn find(&self, log: &dyn ReadLog, device: No, token: u64) -> DbResult<Option<Arc<TokenRecord>>> {
        let here =
            self.lock().devices.get(&device).and_then(|device| {
                device.records.iter().flatten().find(|record| record.token == token).map(Arc::clone)
            });
        if here.is_some() {
            return Ok(here);
        }
        let stored = log.position(device, token)?;
        let positions: Option<Vec<SpacePosition>> = stored.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        let Some(positions) = positions else { return Ok(None) };
        let record = Arc::new(TokenRecord { token, summary: summary(&positions), positions });
        self.remember(device, &record);
        Ok(Some(record))
    }

    /// A token for this device's next position. Two requests of one device at the same time may get the same one; the
    /// summary that a device names with a token then tells that it means the other position.
    pub fn next_token(&self, log: &dyn ReadLog, device: No) -> DbResult<u64> {
        let known = self.lock().devices.get(&device).map_or(0, |device| device.last_token);
        Ok(if known == 0 { log.last_token(device)? } else { known } + 1)
    }

    /// Remembers a position; gives it in the form for the database.
    pub fn keep(&self, device: No, record: TokenRecord) -> Vec<u8> {
        let bytes = postcard::to_allocvec(&record.positions).unwrap_or_default();
        self.remember(device, &Arc::new(record));
        bytes
    }

    fn remember(&self, device: No, record: &Arc<TokenRecord>) {
        let mut inner = self.lock();
        if inner.lines + record.positions.len() > MAX_LINES {
            inner.devices.clear();
            inner.lines = 0;
        }
        let entry = inner.devices.entry(device).or_default();
        entry.last_token = entry.last_token.max(record.token);
        entry.records.swap(0, 1);
        let gone = entry.records[1].replace(Arc::clone(record));
        let gone = gone.map_or(0, |record| record.positions.len());
        inner.lines = inner.lines + record.positions.len() - gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gandan_model::ids::SpaceId;

    fn record(token: u64, lines: u8) -> TokenRecord {
        let positions: Vec<_> = (0..lines).map(|n| SpacePosition::start(SpaceId([n; 16]))).collect();
        TokenRecord { token, summary: summary(&positions), positions }
    }

    #[test]
    fn the_last_two_are_kept_in_memory_and_others_come_from_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let db = crate::db::Db::open(folder.path(), crate::db::DbOptions::default()).unwrap();
        let storage: &dyn crate::db::Storage = &db;
        let positions = Positions::default();
        let bytes = positions.keep(7, record(1, 3));
        positions.keep(7, record(2, 2));
        positions.keep(7, record(3, 1));
        storage
            .read(|log| {
                assert_eq!(positions.find(log, 7, 3)?.unwrap().positions.len(), 1);
                assert_eq!(positions.find(log, 7, 2)?.unwrap().positions.len(), 2);
                assert_eq!(positions.find(log, 7, 1)?, None);
                assert_eq!(positions.find(log, 8, 3)?, None);
                assert_eq!(positions.next_token(log, 7)?, 4);
                assert_eq!(positions.next_token(log, 8)?, 1);
                Ok(())
            })
            .unwrap();
        assert_eq!(postcard::from_bytes::<Vec<SpacePosition>>(&bytes).unwrap(), record(1, 3).positions);
    }
}
