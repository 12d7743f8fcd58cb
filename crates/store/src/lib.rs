//! What the phone remembers.
//!
//! One folder, one encrypted database file (SQLCipher), one process, one connection. The database holds
//! the *changes* of every document exactly as they were written or received; everything else about
//! records, the rows of lists and the words for search, is derived from them and can be built again.
//!
//! # One save, one transaction
//!
//! [`Store::commit`] writes a change, the list row and search words that follow from it, the mark that it
//! has to be sent, and removes the draft it came from, in one transaction that is on disk when the call
//! returns. Only then may the app say "saved". Drafts ([`Store::save_draft`]) are on disk as soon, but in a
//! table of their own: typing costs no history.
//!
//! # To the server and back
//!
//! Saved changes are [unsealed](Store::unsealed) until the client signs them into an envelope and
//! [seals](Store::seal) it; the envelope stays until the server [acknowledges](Store::acknowledge) it.
//! Nothing refused is deleted. What comes from the server is [applied](Store::apply_remote) in one
//! transaction a batch: twice or once, in any order in which a document's history can make sense. A change
//! that does not fit its document is put in quarantine and holds up no other; one that comes too early
//! waits for what it builds on.
//!
//! # In a browser
//!
//! On `wasm32` the same database, encrypted by the same engine, lies in the origin's private storage (`pool`); only
//! files and the salvage of damaged ones differ.
//!
//! # Files
//!
//! Photographs and other files lie in the same encrypted database, in pieces, named by their hash
//! ([`Attachment`]). They are saved in the transaction of the record that names them, sent on a road of their own, and
//! leave the phone when the last record that names them does; but never before the server has them.
//!
//! # Damage
//!
//! A wrong key, a newer version, a full disk, a folder that cannot be written, a second process: each has
//! its [error](StoreError), and nothing is changed. A damaged file is detected when it is opened or read,
//! set aside under a new name, never deleted, and everything that is still readable is moved to a fresh
//! file ([`Store::salvage_notes`]).
//!
//! Time and randomness are arguments, as everywhere.

mod adopt;
mod attachment;
mod commit;
mod cursor;
mod decision;
mod document;
mod draft;
mod error;
mod export;
#[cfg(not(target_family = "wasm"))]
mod files;
mod key;
mod line;
mod list;
mod open;
mod outbox;
#[cfg(target_family = "wasm")]
pub mod pool;
mod project;
mod query;
mod raw;
mod reauthor;
mod remote;
mod reproject;
mod salvage;
mod schema;
mod setting;
mod space;
mod state;

use std::cell::Cell;

use gandan_model::rules::Rules;
#[cfg(target_family = "wasm")]
use pool as files;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use adopt::Adopted;
pub use attachment::{Attachment, AttachmentCounts, AttachmentState, NewAttachment, PIECE_BYTES};
pub use commit::Commit;
pub use cursor::{Page, PageCursor};
pub use decision::{Decision, HeldBack};
pub use document::{DocumentInfo, Stored, StoredChange};
pub use draft::{Draft, DraftId, MAX_DRAFT_BYTES};
pub use error::{Remedy, StoreError};
pub use export::Exported;
pub use key::DatabaseKey;
pub use line::{Line, Returnable, Rewound, SignedLine};
pub use list::{Counts, Listed, ListedPage, ReviewEntry, ReviewRow};
pub use outbox::{Ack, EnvelopeState, OutboxEnvelope, OwnChange, PendingChange, SealedEnvelope};
pub use query::{IssueFilter, VisitFilter};
pub use remote::{Applied, Rejected, RemoteBatch, RemoteChange};
pub use reproject::Reprojected;
pub use salvage::{SalvageNote, SalvageReport};
pub use setting::{Identity, SyncState};
pub use space::{Access, Cursor, Digest, SpaceGrant, SpaceState, TakenGrant};
pub use state::RecordState;

/// The phone's database. It is used by one thread at a time and may move between threads.
pub struct Store {
    connection: Connection,
    files: files::Files,
    rules: Rules,
    /// Held until the store is dropped; fields are dropped in this order, so after the connection.
    _lock: files::Lock,
}

impl Store {
    /// Closes the database, after moving everything into its main file.
    ///
    /// Dropping the store does the same but cannot tell of an error.
    pub fn close(self) -> Result<(), StoreError> {
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// The rules by which due dates are derived: at first those that the app ships.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sets the rules for everything saved or received from now on. Rows derived before keep their dates
    /// until [`Store::reproject`] has run.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Limits the database file to so many bytes (whole pages of 4,096); more is
    /// [`DiskFull`](StoreError::DiskFull). `None`: no limit but the disk. Counts until the store is closed.
    pub fn set_max_bytes(&self, bytes: Option<u64>) -> Result<(), StoreError> {
        let pages = bytes.map_or(i64::from(u32::MAX - 1), |bytes| i64::try_from(bytes / 4096).unwrap_or(i64::MAX));
        self.read(|connection| {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
    }

    /// Runs a read, and remembers it if the file turns out to be damaged.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let result = work(&self.connection);
        self.note_damage(&result);
        result
    }

    /// Runs one transaction: all of it is on disk when this returns, or nothing of it.
    fn write<T>(&mut self, work: impl FnOnce(&Writing<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let result = transaction.map_err(StoreError::from).and_then(|transaction| {
            let writing = Writing { transaction, rules: &self.rules, wiped: Cell::new(false) };
            let value = work(&writing)?;
            let wiped = writing.wiped.get();
            writing.transaction.commit()?;
            Ok((value, wiped))
        });
        let result = result.and_then(|(value, wiped)| if wiped { self.empty_log().map(|()| value) } else { Ok(value) });
        self.note_damage(&result);
        result
    }

    fn note_damage<T>(&self, result: &Result<T, StoreError>) {
        if let Err(StoreError::Damaged(detail)) = result {
            self.files.set_suspect(detail);
        }
    }
}

/// A transaction under way, and what is needed to derive rows in it.
struct Writing<'a> {
    transaction: Transaction<'a>,
    rules: &'a Rules,
    /// Something was removed that must not stay in the write-ahead log either.
    wiped: Cell<bool>,
}

impl std::ops::Deref for Writing<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("folder", &self.files.folder()).finish_non_exhaustive()
    }
}
