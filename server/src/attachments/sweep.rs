//! Letting bytes go.

use std::sync::PoisonError;
use std::time::{Duration, UNIX_EPOCH};

use gandan_model::ids::FileHash;

use super::Attachments;
use crate::db::sqlite::attachments;
use crate::error::ServerError;
use crate::folder::{Decision, Folder};
use crate::ledger;

/// How often files that no record names are looked for.
const EVERY_MS: i64 = 6 * 3_600_000;

impl Attachments {
    /// Removes what was taken away or erased, now that the views know it; and now and then what no record names.
    pub fn sweep(&self) -> Result<(), ServerError> {
        let now_ms = self.0.clock.now_ms();
        let due = {
            let mut swept_ms = self.0.swept_ms.lock().unwrap_or_else(PoisonError::into_inner);
            let due = now_ms >= swept_ms.saturating_add(EVERY_MS);
            if due {
                *swept_ms = now_ms;
            }
            due
        };
        let before_ms = now_ms - self.0.options.grace_ms;
        let removable = self.0.db.read(|connection| attachments::removable(connection, before_ms))?;
        removable.removed.iter().try_for_each(|hash| self.close(*hash, now_ms))?;
        if due {
            self.sweep_unnamed(&removable.unnamed, before_ms)?;
        }
        Ok(())
    }

    /// Lets go of pictures that came before then, thumbnails among them, and gives their number. Their names stay closed like
    /// those of pictures that were taken away: neither a phone nor a restore brings them back. The records stay as they are.
    pub fn retire_pictures(&self, before_ms: i64) -> Result<usize, ServerError> {
        let now_ms = self.0.clock.now_ms();
        let old = self.0.db.read(|connection| attachments::pictures_before(connection, before_ms))?;
        old.iter().try_for_each(|hash| self.close(*hash, now_ms))?;
        Ok(old.len())
    }

    /// The name is closed before the bytes go: were this process killed in between, the next start would remove them.
    fn close(&self, hash: FileHash, now_ms: i64) -> Result<(), ServerError> {
        let folder = Folder::at(self.0.db.folder());
        self.0.db.write(|transaction| {
            if attachments::close(transaction, &hash, now_ms)? {
                let decision = Decision::AttachmentRemoved { file: hash, at_ms: now_ms };
                ledger::decide(transaction, &folder, &decision)?;
            }
            Ok(())
        })?;
        self.remove(&hash)
    }

    /// Removes bytes whose name is closed: after a start, and after a restore.
    pub fn remove_gone(&self) -> Result<(), ServerError> {
        let gone = self.0.db.read(attachments::gone)?;
        gone.iter().try_for_each(|hash| self.remove(hash))
    }

    fn sweep_unnamed(&self, unnamed: &[FileHash], before_ms: i64) -> Result<(), ServerError> {
        for hash in unnamed {
            self.0.db.write(|transaction| attachments::forget(transaction, hash))?;
            self.remove(hash)?;
        }
        let before = UNIX_EPOCH + Duration::from_millis(u64::try_from(before_ms).unwrap_or(0));
        let what = || ServerError::io("look through the files");
        self.0.store.discard_older(before).map_err(what())?;
        // Bytes without a row: a crash came between the two, or the database is older than the folder.
        for hash in self.0.store.older(before).map_err(what())? {
            if self.0.db.read(|connection| attachments::find(connection, &hash))?.is_none() {
                self.remove(&hash)?;
            }
        }
        Ok(())
    }

    fn remove(&self, hash: &FileHash) -> Result<(), ServerError> {
        self.0.store.remove(hash).map_err(ServerError::io("remove a file"))
    }
}
