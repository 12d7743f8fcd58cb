//! Photographs and other files of a visit.

use crate::callbacks::{FilesListener, note};
use crate::client::Client;
use crate::edit::id;
use crate::error::GandanError;
use crate::exchange::CancelSwitch;
use gandan_client::model::codes::{PeopleVisible, PhotoConsent};
use gandan_client::{
    Attached as ClientAttached, Cancel, NewPhoto, PhotoScale, PhotoSize, PhotoStanding, PhotoState as ClientState,
    TransferOptions, TransferProgress, TransferReport,
};
use std::path::PathBuf;
use std::sync::Arc;

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

/// A photograph, a document or a sound of a visit.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PhotoView {
    /// Its id in the visit.
    pub photo: String,
    /// What is to be seen.
    pub caption: Option<String>,
    /// When it was taken, as `2026-11-27T08:30:00+07:00`.
    pub taken_at: Option<String>,
    /// What it is.
    pub mime: Option<String>,
    /// Bytes of the original.
    pub bytes: Option<u64>,
    /// Whether `photo` gives its thumbnail without a network.
    pub thumbnail_here: bool,
    /// Whether `photo` gives its original without a network.
    pub original_here: bool,
    /// Where it stands between this device and the server.
    pub state: PhotoState,
}

/// Where a photograph stands between this device and the server.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PhotoState {
    /// Belongs to a draft: it travels once that is saved.
    Drafted,
    /// Made here; nothing of it is with the server.
    Waiting,
    /// Staff see its thumbnail; the original waits, for a network that costs nothing, say.
    ThumbnailSent,
    /// The original is on its way at this moment: so many bytes of so many are with the server.
    Sending { sent: u64, total: u64 },
    /// The server has it on its disk.
    Sent,
    /// The server does not take it, for the reason in the stable `code`; it stays here.
    Refused { code: String },
    /// Made elsewhere, and its original is not here: `fetch_photo` gets it.
    Elsewhere,
    /// Made elsewhere, and its original is on its way here: so many bytes of so many have arrived.
    Arriving { here: u64, total: u64 },
}

impl From<ClientState> for PhotoState {
    fn from(state: ClientState) -> Self {
        match state {
            ClientState::Drafted => Self::Drafted,
            ClientState::Waiting => Self::Waiting,
            ClientState::ThumbnailSent => Self::ThumbnailSent,
            ClientState::Sending { sent, of } => Self::Sending { sent, total: of },
            ClientState::Sent => Self::Sent,
            ClientState::Refused { code } => Self::Refused { code },
            ClientState::Elsewhere => Self::Elsewhere,
            ClientState::Arriving { here, of } => Self::Arriving { here, total: of },
        }
    }
}

impl From<PhotoStanding> for PhotoView {
    fn from(standing: PhotoStanding) -> Self {
        let PhotoStanding { photo, thumbnail_here, original_here, state } = standing;
        Self {
            photo: photo.photo_id,
            caption: photo.caption,
            taken_at: photo.taken_at.map(|moment| moment.to_string()),
            mime: photo.mime,
            bytes: photo.bytes,
            thumbnail_here,
            original_here,
            state: state.into(),
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

impl From<TransferReport> for FilesMoved {
    fn from(report: TransferReport) -> Self {
        let TransferReport { sent, fetched, refused, waiting, .. } = report;
        Self { sent, fetched, refused, waiting }
    }
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

    /// The photographs of a visit, those of its draft included, and where each stands.
    pub async fn photos(&self, visit: String) -> Result<Vec<PhotoView>, GandanError> {
        let visit = id(&visit)?;
        let photos = self.door.run(move |client| client.photos(visit)).await?;
        Ok(photos.into_iter().map(PhotoView::from).collect())
    }

    /// A photograph's bytes, or its thumbnail's, as they lie here; null if only the server has them.
    pub async fn photo(&self, visit: String, photo: String, thumbnail: bool) -> Result<Option<Vec<u8>>, GandanError> {
        let visit = id(&visit)?;
        self.door.run(move |client| client.photo(visit, &photo, size(thumbnail))).await
    }

    /// As `photo`, but gets from the server what is not here; null if the server does not have it yet. Given up, it goes on
    /// where it was the next time.
    pub async fn fetch_photo(
        &self,
        visit: String,
        photo: String,
        thumbnail: bool,
        cancel: Option<Arc<CancelSwitch>>,
    ) -> Result<Option<Vec<u8>>, GandanError> {
        let here = self.photo(visit.clone(), photo.clone(), thumbnail).await?;
        if here.is_some() {
            return Ok(here);
        }
        let (record, name) = (id(&visit)?, photo.clone());
        let hash = self.door.run(move |client| client.photo_hash(record, &name, size(thumbnail))).await?;
        let fetch = hash.into_iter().collect();
        let options = TransferOptions { originals: false, thumbnails: 0, fetch, ..TransferOptions::default() };
        self.transfer(options, cancel).await?;
        self.photo(visit, photo, thumbnail).await
    }

    /// Takes a photograph away on privacy grounds, for good and everywhere.
    pub async fn remove_photo(&self, visit: String, photo: String) -> Result<(), GandanError> {
        let visit = id(&visit)?;
        self.door.run(move |client| client.remove_photo(visit, &photo)).await
    }

    /// Sends files that wait and gets thumbnails, after `sync`; the background exchange does it by itself. `originals`: not
    /// only thumbnails; a person's wish, on a metered network. `listener` hears how far it has come. Given up, by cancelling
    /// the call or by `cancel`, or cut off: it goes on where it was the next time.
    pub async fn sync_files(
        &self,
        originals: bool,
        listener: Option<Arc<dyn FilesListener>>,
        cancel: Option<Arc<CancelSwitch>>,
    ) -> Result<FilesMoved, GandanError> {
        let mut options = TransferOptions { originals, ..TransferOptions::default() };
        if let Some(listener) = listener {
            options.progress = Arc::new(move |progress: &TransferProgress| note(listener.progress(progress.into())));
        }
        Ok(self.transfer(options, cancel).await?.into())
    }
}

impl Client {
    async fn transfer(
        &self,
        options: TransferOptions,
        cancel: Option<Arc<CancelSwitch>>,
    ) -> Result<TransferReport, GandanError> {
        let cancel = cancel.map_or_else(Cancel::new, |switch| switch.0.clone());
        let options = TransferOptions { cancel: cancel.clone(), ..options };
        self.door
            .exchange(cancel, |client| async move { client.transfer(options).await.map_err(|failure| failure.error) })
            .await
    }
}

fn size(thumbnail: bool) -> PhotoSize {
    if thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Original }
}
