//! Which files are being sent at this moment: no two transfers send one, and a screen shows how far it is.

use crate::client::{Client, Inner};
use gandan_model::ids::FileHash;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Files that transfers have in hand, with the bytes that the server has of each; `None`: its turn has not come.
#[derive(Debug, Default)]
pub(crate) struct Sending(Mutex<BTreeMap<FileHash, Option<u64>>>);

impl Sending {
    /// Bytes that the server has of a file that is being sent right now.
    pub(crate) fn sent(&self, hash: FileHash) -> Option<u64> {
        self.change(|files| files.get(&hash).copied().flatten())
    }

    fn change<T>(&self, work: impl FnOnce(&mut BTreeMap<FileHash, Option<u64>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One transfer's right to send a file. It goes with the transfer.
#[derive(Debug)]
pub(super) struct Claim {
    hash: FileHash,
    client: Weak<Inner>,
}

impl Claim {
    /// `None` if another transfer has the file in hand.
    pub(super) fn take(client: &Client, hash: FileHash) -> Option<Self> {
        client.inner.sending.change(|files| {
            let free = !files.contains_key(&hash);
            free.then(|| files.insert(hash, None))
        })?;
        Some(Self { hash, client: Arc::downgrade(&client.inner) })
    }

    /// Its turn has come, and the server has so many bytes of it.
    pub(super) fn reached(&self, sent: u64) {
        self.note(|files| files.insert(self.hash, Some(sent)));
    }

    fn note<T>(&self, work: impl FnOnce(&mut BTreeMap<FileHash, Option<u64>>) -> T) {
        if let Some(client) = self.client.upgrade() {
            client.sending.change(work);
            client.board.note_piece();
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.note(|files| files.remove(&self.hash));
    }
}
