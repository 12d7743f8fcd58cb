//! Where each photograph of a visit stands on its way to the server, or from it.

use crate::client::Client;
use crate::error::ClientError;
use gandan_model::ids::DocId;
use gandan_model::visit::Photo;
use gandan_store::{Attachment, AttachmentState, Store};
use serde::Serialize;

/// Where a photograph stands between this device and the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoState {
    /// Belongs to a draft: it travels once that is saved.
    Drafted,
    /// Made here; nothing of it is with the server.
    Waiting,
    /// Staff see its thumbnail; the original waits, for a network that costs nothing, say.
    ThumbnailSent,
    /// The original is on its way at this moment.
    Sending {
        /// Bytes that the server has.
        sent: u64,
        /// Bytes altogether.
        of: u64,
    },
    /// The server has it on its disk.
    Sent,
    /// The server does not take it; it stays here.
    Refused {
        /// Why, as a stable code.
        code: String,
    },
    /// Made elsewhere, and its original is not here: [`TransferOptions::fetch`](crate::TransferOptions::fetch) gets it.
    Elsewhere,
    /// Made elsewhere, and its original is on its way here.
    Arriving {
        /// Bytes that are here.
        here: u64,
        /// Bytes altogether.
        of: u64,
    },
}

/// A photograph of a visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhotoStanding {
    /// What the record, or its draft, says of it.
    pub photo: Photo,
    /// Whether its thumbnail can be shown without a network.
    pub thumbnail_here: bool,
    /// Whether its original can.
    pub original_here: bool,
    /// Where it stands.
    pub state: PhotoState,
}

impl Client {
    /// The photographs of a visit, those of its draft included, and where each stands. `Client::live_photos` tells it again
    /// while they move.
    ///
    /// # Errors
    ///
    /// `not_found` if neither the visit nor a draft of it is here; those of the disk.
    pub fn photos(&self, visit: DocId) -> Result<Vec<PhotoStanding>, ClientError> {
        let photos = self.photos_described(visit)?;
        let store = self.store();
        photos.into_iter().map(|photo| self.photo_standing(&store, photo)).collect()
    }

    fn photo_standing(&self, store: &Store, photo: Photo) -> Result<PhotoStanding, ClientError> {
        let (mut original, mut thumbnail) = (None, None);
        for file in photo.files() {
            let known = store.attachment(file.hash)?;
            if file.thumbnail { thumbnail = known } else { original = known }
        }
        let here =
            |file: &Option<Attachment>| file.as_ref().is_some_and(|file| file.state != AttachmentState::Arriving);
        let thumbnail_here = here(&thumbnail);
        let thumbnail_sent = thumbnail.is_some_and(|file| file.state == AttachmentState::Held);
        Ok(PhotoStanding {
            thumbnail_here,
            original_here: here(&original),
            state: self.photo_state(store, original, thumbnail_sent)?,
            photo,
        })
    }

    fn photo_state(
        &self,
        store: &Store,
        original: Option<Attachment>,
        thumbnail_sent: bool,
    ) -> Result<PhotoState, ClientError> {
        let Some(file) = original else { return Ok(PhotoState::Elsewhere) };
        Ok(match file.state {
            AttachmentState::Drafted => PhotoState::Drafted,
            AttachmentState::Held => PhotoState::Sent,
            AttachmentState::Refused => PhotoState::Refused { code: file.code.unwrap_or_default() },
            AttachmentState::Arriving => {
                PhotoState::Arriving { here: store.arrived_bytes(file.hash)?, of: file.length }
            }
            AttachmentState::Waiting => match self.inner.sending.sent(file.hash) {
                Some(sent) => PhotoState::Sending { sent, of: file.length },
                None if thumbnail_sent => PhotoState::ThumbnailSent,
                None => PhotoState::Waiting,
            },
        })
    }
}
