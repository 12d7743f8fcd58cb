//! A phone for tests, and documents to put on it.

use std::path::Path;

use gandan_model::document::{Document, NewChange, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DeviceId, DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_store::{
    Access, Cursor, DatabaseKey, Digest, Page, RecordState, RemoteBatch, RemoteChange, SpaceGrant, Store, VisitFilter,
};
use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) const NOW: i64 = 1_790_000_000_000;
pub(crate) const UNIT: &str = "24847";
pub(crate) const SPACE: SpaceId = SpaceId([0x51; 16]);
pub(crate) const ME: DeviceId = DeviceId([1; 8]);
pub(crate) const OTHER: DeviceId = DeviceId([2; 8]);

pub(crate) fn key() -> DatabaseKey {
    DatabaseKey::new([0x6b; 32])
}

pub(crate) struct Phone {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        store.grant(&field_grant(SPACE, UNIT)).unwrap();
        Self { store, folder }
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, folder } = self;
        store.close().unwrap();
        let store = open(folder.path());
        Self { store, folder }
    }

    /// Saves an edit of a document, new or not, as this device.
    pub(crate) fn save(&mut self, kind: DocKind, id: DocId, now: i64, edits: &[(&str, Json)]) -> NewChange {
        let mut document =
            self.store.document(id).unwrap().map_or_else(|| Document::new(kind), |stored| stored.document);
        let change = edit(&mut document, ME, now, edits);
        self.store.commit(SPACE, id, &document, &change, Some(id), now).unwrap();
        change
    }

    pub(crate) fn visits(&self, filter: &VisitFilter) -> Vec<(DocId, RecordState)> {
        let page = self.store.visits(filter, &Page::first(500)).unwrap();
        page.items.into_iter().map(|item| (item.row.id, item.state)).collect()
    }

    pub(crate) fn state(&self, id: DocId) -> RecordState {
        self.store.document(id).unwrap().unwrap().state
    }
}

pub(crate) fn open(folder: &Path) -> Store {
    Store::open(folder, &key(), NOW).unwrap()
}

pub(crate) fn field_grant(space: SpaceId, unit: &str) -> SpaceGrant {
    SpaceGrant { space, unit: unit.to_owned(), compartment: Compartment::Field, access: Access::Both }
}

pub(crate) fn doc(number: u32) -> DocId {
    let mut id = [0xd0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    DocId(id)
}

pub(crate) fn edit(document: &mut Document, device: DeviceId, now: i64, edits: &[(&str, Json)]) -> NewChange {
    let stamp = Stamp { device, author: format!("CB-{:03}", device.0[0]), now_ms: now };
    let edits: Vec<_> = edits.iter().map(|(field, value)| FieldEdit::new(*field, value.clone())).collect();
    document.patch(&stamp, &edits).unwrap().expect("the edit changes something")
}

/// A visit written elsewhere: its changes, one per given edit.
pub(crate) fn foreign(device: DeviceId, edits: &[&[(&str, Json)]]) -> (Document, Vec<NewChange>) {
    let mut document = Document::new(DocKind::Visit);
    let changes = edits.iter().zip(NOW..).map(|(edits, now)| edit(&mut document, device, now, edits)).collect();
    (document, changes)
}

pub(crate) fn batch(seq: u64, changes: &[(DocId, &NewChange)]) -> RemoteBatch {
    let changes =
        changes.iter().map(|(doc, change)| RemoteChange { doc: *doc, hash: change.hash, raw: change.raw.clone(), seq });
    RemoteBatch {
        space: SPACE,
        changes: changes.collect(),
        erased: Vec::new(),
        log_heads: Vec::new(),
        cursor: Cursor { seq, chain: [7; 32] },
        digest: Digest { count: seq, sum: [9; 32] },
        lines: Vec::new(),
        values: Vec::new(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
