//! Photographs and other files of a visit.

use crate::client::Client;
use crate::edit::id;
use crate::error::GandanError;
use gandan_client::model::codes::{PeopleVisible, PhotoConsent};
use gandan_client::{Attached as ClientAttached, Cancel, NewPhoto, PhotoScale, PhotoSize, TransferOptions};
use std::path::PathBuf;

/// What is to be attached, and how.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PhotoNote {
    /// What is to be seen, at most 200 characters.
    #[uniffi(default = None)]
    pub caption: Option<String>,
    /// Whether people can be seen: `none`, `crowd`, `identifiable`.
    #[uniffi(default = "none")]
    pub people_visible: String,
    /// On what ground they may be seen: `not_needed`, `public_activity_notice`, `given` …
    #[uniffi(default = "not_needed")]
    pub consent: String,
    /// The longest side that a picture may have, in pixels: a larger one is made smaller. 0: it stays as it is.
    #[uniffi(default = 2048)]
    pub longest_side: u32,
}

impl PhotoNote {
    fn on(self, bytes: Vec<u8>) -> NewPhoto {
        let usual = PhotoScale::default();
        let scale = PhotoScale { longest_side: self.longest_side, ..usual };
        NewPhoto {
            scale: Some(scale).filter(|scale| scale.longest_side > 0),
            caption: self.caption,
            people_visible: PeopleVisible::from(self.people_visible.as_str()),
            consent: PhotoConsent::from(self.consent.as_str()),
            ..NewPhoto::new(bytes)
        }
    }
}

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Attached {
    /// The photograph's id in its visit.
    pub photo: String,
    /// SHA-256 of the bytes that were kept.
    pub sha256: String,
    /// Bytes that were kept.
    pub bytes: u64,
    /// What they are.
    pub mime: String,
    /// True: belongs to a draft and travels once that is saved.
    pub drafted: bool,
}

impl From<ClientAttached> for Attached {
    fn from(attached: ClientAttached) -> Self {
        Self {
            photo: attached.photo_id,
            sha256: attached.sha256.to_string(),
            bytes: attached.bytes,
            mime: attached.mime.to_owned(),
            drafted: attached.drafted,
        }
    }
}

/// What a transfer of files did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FilesMoved {
    /// Files that the server confirmed to have on disk, thumbnails included.
    pub sent: u64,
    /// Files received.
    pub fetched: u64,
    /// Files that the server will not take; they stay on the device.
    pub refused: u64,
    /// Files that the server does not have yet.
    pub waiting: u64,
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Attaches a photograph, a PDF or a sound to a visit: to its draft if there is one, otherwise to the record. What a
    /// camera writes beside the picture (place, device) is removed, a thumbnail is made. On disk when it returns.
    ///
    /// Fails with `attachment_too_large` and its kin, `photo_needs_consent`, `not_found`, `not_a_visit`. Nothing was kept
    /// then.
    pub async fn attach(&self, visit: String, bytes: Vec<u8>, note: PhotoNote) -> Result<Attached, GandanError> {
        let visit = id(&visit)?;
        Ok(self.door.run(move |client| client.attach(visit, note.on(bytes))).await?.into())
    }

    /// Attaches a file on this device; as `attach`, and `file` if it cannot be read.
    pub async fn attach_file(&self, visit: String, path: String, note: PhotoNote) -> Result<Attached, GandanError> {
        let (visit, path) = (id(&visit)?, PathBuf::from(path));
        Ok(self.door.run(move |client| client.attach_file(visit, &path, note.on(Vec::new()))).await?.into())
    }

    /// A photograph's bytes, or its thumbnail's, as they lie here; null if only the server has them.
    pub async fn photo(&self, visit: String, photo: String, thumbnail: bool) -> Result<Option<Vec<u8>>, GandanError> {
        let visit = id(&visit)?;
        let size = if thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Original };
        self.door.run(move |client| client.photo(visit, &photo, size)).await
    }

    /// Takes a photograph away on privacy grounds, for good and everywhere.
    pub async fn remove_photo(&self, visit: String, photo: String) -> Result<(), GandanError> {
        let visit = id(&visit)?;
        self.door.run(move |client| client.remove_photo(visit, &photo)).await
    }

    /// Sends files that wait and gets thumbnails, after `sync`; the background exchange does it by itself. `originals`: not
    /// only thumbnails; a person's wish, on a metered network. Cut off, it goes on where it was.
    pub async fn sync_files(&self, originals: bool) -> Result<FilesMoved, GandanError> {
        let cancel = Cancel::new();
        let options = TransferOptions { originals, cancel: cancel.clone(), ..TransferOptions::default() };
        let moved = self
            .door
            .exchange(cancel, |client| async move { client.transfer(options).await.map_err(|failure| failure.error) });
        let report = moved.await?;
        let (sent, fetched, refused, waiting) = (report.sent, report.fetched, report.refused, report.waiting);
        Ok(FilesMoved { sent, fetched, refused, waiting })
    }
}
