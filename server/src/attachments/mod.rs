//! Files' bytes: taking them in, giving them out, letting them go.
//!
//! A file is accepted when its bytes have the hash that names it, are of a kind that may be attached, and say nothing but
//! what is to be seen in them ([`gandan_model::attachment::check`]). It is acknowledged when it lies under its name on the
//! disk. Who may read a record may read its files; whoever may write in a space, or knows the name of a file that a
//! record there has, may bring one.
//!
//! Bytes go when their photograph was taken away on privacy grounds or their record was erased, as soon as the views know
//! it; the name stays closed, and the decision stands in the ledger, so that no restore brings it back. Bytes that no
//! record names go after a time of grace.

mod store;
mod sweep;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gandan_model::attachment::{MAX_BYTES, Unfit, check, hash};
use gandan_model::ids::{DeviceId, FileHash, SpaceId};
use gandan_sync::Refusal;
use gandan_sync::attachment::{Holding, Metadata, Offered};

use crate::clock::SharedClock;
use crate::db::sqlite::attachments::{self, Stored};
use crate::db::storage::DeviceRow;
use crate::db::{Db, DbError, Storage};
use crate::ingest::refusal_for;

pub use store::{Arrived, DiskStore, FileStore, Upload};

/// Folder of the files in the data folder.
pub const FOLDER: &str = "attachments";
/// Uploads that one device may have open.
const OPEN_UPLOADS: usize = 32;
/// How long a request waits for another one that works on the same upload.
const PATIENCE: Duration = Duration::from_secs(15);
const DAY_MS: i64 = 24 * 3_600_000;

/// Bounds.
#[derive(Debug, Clone, Copy)]
pub struct AttachmentOptions {
    /// Bytes that a device may bring in 24 hours.
    pub bytes_a_day: u64,
    /// How long bytes that no record names are kept, in milliseconds: records may arrive after their files, and what is
    /// in quarantine counts as no record.
    pub grace_ms: i64,
}

impl Default for AttachmentOptions {
    fn default() -> Self {
        Self { bytes_a_day: 2 << 30, grace_ms: 90 * DAY_MS }
    }
}

/// Why a file is not taken, or not given.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// It will not be taken as it is.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The bytes are not those that the name stands for.
    #[error("the bytes are not those of the name")]
    WrongHash,
    /// More bytes than there will be, or than a file may have.
    #[error("more bytes than were announced, or than a file may have")]
    TooLarge,
    /// The upload stands elsewhere.
    #[error("the upload stands at another place")]
    WrongOffset,
    /// Another request works on the same upload.
    #[error("another request works on this upload")]
    Locked,
    /// No such file or upload, or not for this device.
    #[error("no such file here, or not for this device")]
    NotFound,
    /// It was removed on privacy grounds.
    #[error("it was removed and must not come back")]
    Gone,
    /// The device has no right to bring it.
    #[error("this device may not bring files into that space")]
    NoGrant,
    /// The device has brought too much.
    #[error("too many bytes or open uploads; go on later")]
    Quota,
    /// The disk.
    #[error("the disk: {0}")]
    Io(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The files; clones share them.
#[derive(Clone)]
pub struct Attachments(Arc<Inner>);

struct Inner {
    db: Db,
    store: Box<dyn FileStore>,
    clock: SharedClock,
    options: AttachmentOptions,
    /// Uploads that a request works on.
    busy: Mutex<HashSet<Upload>>,
    /// Rings when one of them is free again.
    freed: Condvar,
    /// When files that no record names were last looked for, Unix milliseconds.
    swept_ms: Mutex<i64>,
}

impl Attachments {
    /// The files of this database, in the folder beside it.
    pub fn new(db: Db, clock: SharedClock, options: AttachmentOptions) -> Self {
        let store = Box::new(DiskStore::at(db.folder().join(FOLDER)));
        Self(Arc::new(Inner {
            db,
            store,
            clock,
            options,
            busy: Mutex::default(),
            freed: Condvar::new(),
            swept_ms: Mutex::new(0),
        }))
    }

    /// What is here of a file that a device offers.
    pub fn holding(&self, device: &DeviceRow, offered: &Offered) -> Result<Holding, DbError> {
        let upload = Upload { device: device.id, hash: offered.hash };
        let looked = self.look(device, &upload, &offered.space, offered.length);
        Ok(match looked.and_then(|arrived| self.finish_what_arrived(upload, arrived)) {
            Ok(Arrived { offset, length }) if offset == length => Holding::Held,
            Ok(Arrived { offset, .. }) => Holding::Lacking { offset },
            Err(AttachmentError::WrongHash | AttachmentError::Unfit(_)) => Holding::Lacking { offset: 0 },
            Err(AttachmentError::Gone) => Holding::Gone,
            Err(AttachmentError::TooLarge) => Holding::Refused(Refusal::TOO_LARGE),
            Err(AttachmentError::NoGrant) => Holding::Refused(Refusal::NO_GRANT),
            Err(AttachmentError::Quota | AttachmentError::Locked) => Holding::Refused(Refusal::BUSY),
            Err(AttachmentError::Db(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "looking for a file failed");
                Holding::Refused(Refusal::INTERNAL)
            }
        })
    }

    /// All bytes of an upload may be here and the file not: the server was killed between the last of them and the look at
    /// them. It is not held before that look, whoever asks first.
    fn finish_what_arrived(&self, upload: Upload, arrived: Arrived) -> Result<Arrived, AttachmentError> {
        if arrived.offset == arrived.length {
            self.work_on(upload)?.at(arrived)?;
        }
        Ok(arrived)
    }

    /// How far a file has come, if the device may bring it.
    fn look(
        &self,
        device: &DeviceRow,
        upload: &Upload,
        space: &SpaceId,
        length: u64,
    ) -> Result<Arrived, AttachmentError> {
        self.may_bring(device, &upload.hash, space, length)?;
        if let Some(stored) = self.stored(&upload.hash)? {
            return Ok(Arrived { offset: stored.length, length: stored.length });
        }
        let begun = self.0.store.arrived(upload)?.filter(|arrived| arrived.length == length);
        Ok(begun.unwrap_or(Arrived { offset: 0, length }))
    }

    /// A file that is here, row and bytes.
    fn stored(&self, hash: &FileHash) -> Result<Option<Stored>, AttachmentError> {
        let stored = self.0.db.read(|connection| attachments::find(connection, hash))?;
        // The folder may be older than the database, after a restore: then the bytes are wanted again.
        Ok(if stored.is_some() && self.0.store.has(hash)? { stored } else { None })
    }

    fn may_bring(
        &self,
        device: &DeviceRow,
        hash: &FileHash,
        space: &SpaceId,
        length: u64,
    ) -> Result<(), AttachmentError> {
        if length == 0 || length > MAX_BYTES as u64 {
            return Err(AttachmentError::TooLarge);
        }
        let since_ms = self.0.clock.now_ms() - DAY_MS;
        let (gone, named, brought) = self.0.db.read(|connection| {
            let named = !attachments::spaces_naming(connection, hash)?.is_empty();
            let brought = attachments::brought_since(connection, &device.id, since_ms)?;
            Ok((attachments::is_gone(connection, hash)?, named, brought))
        })?;
        if gone {
            return Err(AttachmentError::Gone);
        }
        let storage: &dyn Storage = &self.0.db;
        let writes = storage.read(|log| {
            Ok(match log.space(space)? {
                Some(space) => log.access(device.no, space.no)?.writes(),
                None => false,
            })
        })?;
        // Whoever has the bytes that a record names does no harm by bringing them: an official who was moved meanwhile.
        if !writes && !named {
            return Err(AttachmentError::NoGrant);
        }
        if brought.saturating_add(length) > self.0.options.bytes_a_day {
            return Err(AttachmentError::Quota);
        }
        Ok(())
    }

    /// Begins an upload. Gives how far the file has come: at its end if it is here already.
    pub fn begin(&self, device: &DeviceRow, metadata: &Metadata, length: u64) -> Result<Uploading, AttachmentError> {
        let upload = Upload { device: device.id, hash: metadata.hash };
        let working = self.work_on(upload)?;
        let arrived = self.look(device, &upload, &metadata.space, length)?;
        if arrived.offset == 0 {
            if self.0.store.open_uploads(&device.id)? >= OPEN_UPLOADS {
                return Err(AttachmentError::Quota);
            }
            self.0.store.begin(&upload, length)?;
        } else if arrived.offset < length {
            // Bytes are here: to begin again would throw them away.
            return Err(AttachmentError::WrongOffset);
        }
        working.at(arrived)
    }

    /// Goes on with an upload; `offset`: where the device wants to. Without one it only asks.
    pub fn go_on(&self, device: DeviceId, hash: FileHash, offset: Option<u64>) -> Result<Uploading, AttachmentError> {
        let upload = Upload { device, hash };
        let working = self.work_on(upload)?;
        let arrived = match self.stored(&hash)? {
            Some(Stored { length, .. }) => Arrived { offset: length, length },
            None if self.0.db.read(|connection| attachments::is_gone(connection, &hash))? => {
                return Err(AttachmentError::Gone);
            }
            None => self.0.store.arrived(&upload)?.ok_or(AttachmentError::NotFound)?,
        };
        if offset.is_some_and(|offset| offset != arrived.offset) {
            return Err(AttachmentError::WrongOffset);
        }
        working.at(arrived)
    }

    fn work_on(&self, upload: Upload) -> Result<Uploading, AttachmentError> {
        // Whoever comes back after a cut often comes while the server still writes down what arrived before it.
        let busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.freed.wait_timeout_while(busy, PATIENCE, |busy| busy.contains(&upload));
        let (mut busy, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !busy.insert(upload) {
            return Err(AttachmentError::Locked);
        }
        Ok(Uploading { files: self.clone(), upload, arrived: Arrived { offset: 0, length: 0 } })
    }

    /// A file that a device may read: a record names it in a space that the device receives at this moment.
    pub fn for_device(&self, device: &DeviceRow, hash: &FileHash) -> Result<Stored, AttachmentError> {
        let spaces = self.0.db.read(|connection| attachments::spaces_naming(connection, hash))?;
        let storage: &dyn Storage = &self.0.db;
        let may_read = storage.read(|log| {
            for space in &spaces {
                if let Some(space) = log.space(space)?
                    && log.access(device.no, space.no)?.reads()
                {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        let stored = if may_read { self.stored(hash)? } else { None };
        stored.ok_or(AttachmentError::NotFound)
    }

    /// A file for somebody who was found to have a right to it.
    pub fn for_reader(&self, hash: &FileHash) -> Result<Stored, AttachmentError> {
        self.stored(hash)?.ok_or(AttachmentError::NotFound)
    }

    /// At most so many bytes of a file from an offset on.
    pub fn read(&self, hash: &FileHash, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        self.0.store.read(hash, offset, most)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// An upload that one request works on. Others are told to wait until it is dropped.
pub struct Uploading {
    files: Attachments,
    upload: Upload,
    /// How far it has come.
    pub arrived: Arrived,
}

impl Uploading {
    /// Stands where the upload does; finishes it if that is its end.
    fn at(mut self, arrived: Arrived) -> Result<Self, AttachmentError> {
        self.arrived = arrived;
        self.finish()?;
        Ok(self)
    }

    /// Adds bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), AttachmentError> {
        let after = self.arrived.offset + bytes.len() as u64;
        if after > self.arrived.length {
            return Err(AttachmentError::TooLarge);
        }
        self.files.0.store.append(&self.upload, bytes)?;
        self.arrived.offset = after;
        Ok(())
    }

    /// If all bytes are here: looks at them and keeps the file. Durable when this returns. What does not pass is thrown
    /// away.
    pub fn finish(&self) -> Result<(), AttachmentError> {
        let Inner { db, store, clock, .. } = &*self.files.0;
        let Upload { device, hash: name } = self.upload;
        if self.arrived.offset < self.arrived.length || self.files.stored(&name)?.is_some() {
            return Ok(());
        }
        let bytes = store.uploaded(&self.upload)?;
        let looked =
            if hash(&bytes) == name { check(&bytes).map_err(Into::into) } else { Err(AttachmentError::WrongHash) };
        let media = match looked {
            Ok(media) => media,
            Err(error) => {
                store.discard(&self.upload)?;
                return Err(error);
            }
        };
        store.keep(&self.upload)?;
        let stored = Stored { length: bytes.len() as u64, mime: media.mime().to_owned() };
        let closed = db.write(|transaction| {
            if attachments::is_gone(transaction, &name)? {
                return Ok(true);
            }
            attachments::put(transaction, &name, &stored, &device, clock.now_ms())?;
            Ok(false)
        })?;
        if closed {
            store.remove(&name)?;
            return Err(AttachmentError::Gone);
        }
        Ok(())
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.files.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
        self.files.0.freed.notify_all();
    }
}

impl AttachmentError {
    /// A stable code, as devices and staff see it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfit(unfit) => unfit.code(),
            Self::WrongHash => "wrong_hash",
            Self::TooLarge => "too_large",
            Self::WrongOffset => "wrong_offset",
            Self::Locked => "locked",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::NoGrant => "no_grant",
            Self::Quota => "busy",
            Self::Io(error) if is_full(error) => "no_space",
            Self::Io(_) => "internal",
            Self::Db(error) => refusal_for(error).name(),
        }
    }
}

/// Whether the disk has no room left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
