//! Writing as staff: an edit becomes a change by the server's own device and travels like every other.
//!
//! The server is one more device of the log: it has a key, a chain of envelopes and an actor. What staff change through
//! the API is sealed with that key and goes through the same ingest, so it reaches phones, history and reports on the
//! same way as what phones write. The person stands in the change as its author.

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use gandan_model::document::{Document, NewChange, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DeviceId, DocId, SpaceId};
use gandan_model::patch::{FieldEdit, PatchError};
use gandan_sync::envelope::{Sealer, seal};
use gandan_sync::resolve::Nothing;
use gandan_sync::server::Admitted;
use gandan_sync::{Encoding, EnvelopeHash, Outgoing, Status};

use crate::auth::Principal;
use crate::clock::SharedClock;
use crate::db::storage::SpaceRow;
use crate::db::{Db, DbError, Storage};
use crate::documents::{Assembled, assemble, changes};
use crate::error::ServerError;
use crate::ingest::{Ingest, LogResolver};

/// Which document an edit is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A document that is there.
    Existing {
        /// The unit in whose space it lies.
        unit: String,
        /// The compartment of that space.
        compartment: Compartment,
        /// The document.
        doc: DocId,
    },
    /// A new document, in the compartment where its kind belongs.
    New {
        /// The unit in whose space it will lie.
        unit: String,
        /// What it is.
        kind: DocKind,
    },
}

impl Target {
    fn place(&self) -> (&str, Compartment) {
        match self {
            Self::Existing { unit, compartment, .. } => (unit, *compartment),
            Self::New { unit, kind } => (unit, kind.compartment()),
        }
    }
}

/// A document as it is now, log and all.
pub struct Loaded {
    /// The space.
    pub space: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
    /// The document's id.
    pub doc: DocId,
    /// What it says.
    pub document: Document,
}

/// What a staff edit led to.
pub struct Written {
    /// The document after the edit.
    pub loaded: Loaded,
    /// The place in the space's log; `None` if everything read so already.
    pub seq: Option<u64>,
}

/// Why a staff edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    /// No such document, or the principal may not see it: the two look the same from outside.
    #[error("no such record")]
    NotFound,
    /// The principal's role does not write.
    #[error("this account may not change records")]
    Forbidden,
    /// A field was not accepted.
    #[error("{field}: {message}")]
    Field {
        /// The field.
        field: String,
        /// A stable code.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
}

impl From<DbError> for StaffError {
    fn from(error: DbError) -> Self {
        Self::Server(error.into())
    }
}

impl From<PatchError> for StaffError {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Field { field, code, message } => Self::Field { field, code: code.to_owned(), message },
            PatchError::Document(error) => Self::Server(ServerError::Internal(error.to_string())),
        }
    }
}

/// The server's own device.
#[derive(Clone)]
pub struct ServerDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its key.
    pub key: SigningKey,
}

/// Writes for staff; clones share it.
#[derive(Clone)]
pub struct StaffWriter(Arc<Inner>);

struct Inner {
    db: Db,
    ingest: Ingest,
    clock: SharedClock,
    device: ServerDevice,
    /// One edit at a time: each is the next link of the device's chain.
    turn: Mutex<()>,
}

impl StaffWriter {
    /// Writes with this device, which must be in the database.
    pub fn new(db: Db, ingest: Ingest, clock: SharedClock, device: ServerDevice) -> Self {
        Self(Arc::new(Inner { db, ingest, clock, device, turn: Mutex::new(()) }))
    }

    /// Loads a document that the principal may see, with everything that is in the log. Blocks.
    pub fn load(
        &self,
        principal: &Principal,
        unit: &str,
        compartment: Compartment,
        doc: DocId,
    ) -> Result<Loaded, StaffError> {
        check(principal, unit, compartment)?;
        self.0.load(unit, compartment, doc)
    }

    /// [`StaffWriter::load`], made of these changes alone, which must be whole: none builds on one that is not among
    /// them. Blocks.
    pub fn load_of(
        &self,
        principal: &Principal,
        unit: &str,
        compartment: Compartment,
        doc: DocId,
        only: &std::collections::HashSet<gandan_model::ids::ChangeHash>,
    ) -> Result<Loaded, StaffError> {
        check(principal, unit, compartment)?;
        self.0.load_of(unit, compartment, doc, Some(only))
    }

    /// Makes an edit and waits until it is durable.
    ///
    /// `edits` is called with the document as it is now (an empty one for [`Target::New`]) and gives the fields to
    /// change; it may refuse. Between its call and the change nobody else writes through this server, but phones may have
    /// written what has not arrived yet: the change merges like any other.
    pub async fn write<F>(&self, principal: Principal, target: Target, edits: F) -> Result<Written, StaffError>
    where
        F: FnOnce(&Document) -> Result<Vec<FieldEdit>, StaffError> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || inner.write(&principal, &target, edits)).await;
        written.map_err(|error| ServerError::Internal(error.to_string()))?
    }
}

fn check(principal: &Principal, unit: &str, compartment: Compartment) -> Result<(), StaffError> {
    let visible = principal.can_see_unit(unit)
        && match compartment {
            Compartment::Field => true,
            Compartment::Contacts => principal.role.reads_contacts(),
            Compartment::Sealed => principal.role.reads_sealed(),
        };
    if visible { Ok(()) } else { Err(StaffError::NotFound) }
}

impl Inner {
    fn space(&self, unit: &str, compartment: Compartment) -> Result<SpaceId, StaffError> {
        let unit = unit.to_owned();
        let found = self.db.read(|connection| crate::db::sqlite::spaces::find(connection, &unit, compartment))?;
        found.ok_or(StaffError::NotFound)
    }

    fn load(&self, unit: &str, compartment: Compartment, doc: DocId) -> Result<Loaded, StaffError> {
        self.load_of(unit, compartment, doc, None)
    }

    fn load_of(
        &self,
        unit: &str,
        compartment: Compartment,
        doc: DocId,
        only: Option<&std::collections::HashSet<gandan_model::ids::ChangeHash>>,
    ) -> Result<Loaded, StaffError> {
        let space = self.space(unit, compartment)?;
        let storage: &dyn Storage = &self.db;
        let mut changes = storage.read(|log| match log.space(&space)? {
            Some(row) => changes(log, &row, &doc),
            None => Ok(Vec::new()),
        })?;
        if let Some(only) = only {
            changes.retain(|change| only.contains(&change.hash));
        }
        let Assembled { document, .. } = assemble(None, &changes).ok_or(StaffError::NotFound)?;
        Ok(Loaded { space, unit: unit.to_owned(), compartment, doc, document })
    }

    fn write(
        &self,
        principal: &Principal,
        target: &Target,
        edits: impl FnOnce(&Document) -> Result<Vec<FieldEdit>, StaffError>,
    ) -> Result<Written, StaffError> {
        let (unit, compartment) = target.place();
        check(principal, unit, compartment)?;
        if !principal.role.writes() {
            return Err(StaffError::Forbidden);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loaded = match target {
            Target::Existing { doc, .. } => self.load(unit, compartment, *doc)?,
            Target::New { kind, .. } => Loaded {
                space: self.space(unit, compartment)?,
                unit: unit.to_owned(),
                compartment,
                doc: new_doc_id()?,
                document: Document::new(*kind),
            },
        };
        let edits = edits(&loaded.document)?;
        let stamp = Stamp { device: self.device.id, author: principal.name.clone(), now_ms: self.clock.now_ms() };
        let Some(change) = loaded.document.patch(&stamp, &edits)? else {
            return Ok(Written { loaded, seq: None });
        };
        let seq = self.push(loaded.space, loaded.doc, &change)?;
        Ok(Written { loaded, seq: Some(seq) })
    }

    fn push(&self, space: SpaceId, doc: DocId, change: &NewChange) -> Result<u64, StaffError> {
        let storage: &dyn Storage = &self.db;
        let admitted = storage.read(|log| {
            let row =
                log.device(&self.device.id)?.ok_or_else(|| DbError::internal("the server's device is missing"))?;
            self.seal(log.space(&space)?.as_ref(), log, (row.last_seq, row.last_hash), doc, change)
        })?;
        let receipt = self.ingest.push(self.device.id, vec![admitted])?;
        match receipt.statuses.first() {
            Some((_, Status::Durable { seq } | Status::Duplicate { seq })) => Ok(*seq),
            Some((_, Status::Refused(gandan_sync::Refusal::NO_SPACE))) => Err(DbError::Full.into()),
            Some((_, Status::Refused(gandan_sync::Refusal::BUSY))) => Err(ServerError::Busy.into()),
            status => Err(ServerError::Internal(format!("a staff edit was not taken in: {status:?}")).into()),
        }
    }

    fn seal(
        &self,
        space: Option<&SpaceRow>,
        log: &dyn crate::db::storage::ReadLog,
        (last_seq, last_hash): (u64, [u8; 32]),
        doc: DocId,
        change: &NewChange,
    ) -> Result<Admitted, DbError> {
        let space = space.ok_or_else(|| DbError::internal("the space is missing"))?;
        let sealer = Sealer {
            space: space.id,
            device: self.device.id,
            key: &self.device.key,
            device_seq: last_seq + 1,
            prev: EnvelopeHash(last_hash),
        };
        let outgoing = [Outgoing { doc, raw: &change.raw }];
        let known = !log.changes(space.no, &doc)?.is_empty();
        let sealed = if known {
            seal(&sealer, &outgoing, &|_: &DocId| true, Encoding::default())
        } else {
            seal(&sealer, &outgoing, &Nothing, Encoding::default())
        };
        let sealed = sealed.map_err(DbError::internal)?;
        let envelope = sealed
            .relayed
            .open(space.id, Some(&self.device.key.verifying_key()), &LogResolver::new(log))
            .map_err(DbError::internal)?;
        let stored = sealed.relayed.to_bytes().map_err(DbError::internal)?;
        Ok(Admitted { envelope, signature: sealed.relayed.signature, stored, granted: true })
    }
}

fn new_doc_id() -> Result<DocId, ServerError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| ServerError::Internal(error.to_string()))?;
    Ok(DocId(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()))
}
