//! Photographs and other files: attaching them, looking at them, taking them away.
//!
//! The bytes lie in the device's encrypted database and travel on a road of their own ([`Transfer`]). What a camera
//! writes beside the picture is taken out before anything is kept; people who can be recognised need their consent.

mod drive;
#[cfg(feature = "scale")]
mod scale;
mod sending;
mod standing;
mod transfer;

pub use drive::{TransferFailure, TransferOptions};
pub(crate) use sending::Sending;
pub use standing::{PhotoStanding, PhotoState};
pub use transfer::{Transfer, TransferErrand, TransferMessage, TransferProgress, TransferReport};

use crate::client::Client;
use crate::error::ClientError;
use data_encoding::HEXLOWER;
use gandan_model::attachment::{self, Clean, MAX_THUMBNAIL_BYTES, MAX_THUMBNAIL_SIDE, Unfit};
use gandan_model::codes::{PeopleVisible, PhotoConsent};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, FileHash};
use gandan_model::moment::Moment;
use gandan_model::patch::FieldEdit;
use gandan_model::visit::{Photo, Visit};
use gandan_store::{Attachment, AttachmentCounts, Draft, NewAttachment, Store};
use serde::Serialize;
use std::sync::atomic::Ordering;

/// How a picture is made smaller before it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhotoScale {
    /// The longest side that it may have, in pixels. Smaller pictures stay as they are.
    pub longest_side: u32,
    /// Quality of the JPEG that comes out, 1 to 100.
    pub quality: u8,
}

impl Default for PhotoScale {
    /// What can be read on paper and is a tenth of what cameras give: 2,048 pixels, quality 80.
    fn default() -> Self {
        Self { longest_side: 2_048, quality: 80 }
    }
}

/// A photograph or another file to attach.
#[derive(Clone, Debug)]
pub struct NewPhoto {
    /// The bytes, as the camera or a file has them. What they are is told by their content.
    pub bytes: Vec<u8>,
    /// A thumbnail that the caller has made: JPEG, at most 320 pixels and 24 KiB. `None`: it is made here, if the crate
    /// was built with the feature `scale`; a browser makes its own.
    pub thumbnail: Option<Vec<u8>>,
    /// Makes the picture smaller. `None`: the caller has done it. Needs the feature `scale`.
    pub scale: Option<PhotoScale>,
    /// What is to be seen, at most 200 characters.
    pub caption: Option<String>,
    /// When it was taken; `None` for now.
    pub taken_at: Option<Moment>,
    /// Whether people can be seen.
    pub people_visible: PeopleVisible,
    /// On what ground they may be seen.
    pub consent: PhotoConsent,
}

impl NewPhoto {
    /// A photograph without people.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            thumbnail: None,
            scale: None,
            caption: None,
            taken_at: None,
            people_visible: PeopleVisible::None,
            consent: PhotoConsent::NotNeeded,
        }
    }
}

/// What was attached.
#[derive(Clone, Debug, Serialize)]
pub struct Attached {
    /// The photograph's id in its visit.
    pub photo_id: String,
    /// SHA-256 of the bytes that were kept.
    pub sha256: FileHash,
    /// SHA-256 of the thumbnail, if there is one.
    pub thumb_sha256: Option<FileHash>,
    /// Bytes that were kept.
    pub bytes: u64,
    /// What they are.
    pub mime: &'static str,
    /// `true`: belongs to a draft and travels once that is saved.
    pub drafted: bool,
}

/// Which of a photograph's two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoSize {
    /// The thumbnail.
    Thumbnail,
    /// The original, as it was kept.
    Original,
}

impl Client {
    /// Attaches a photograph, a PDF or a sound to a visit: to its draft if there is one, otherwise to the record. On disk
    /// when this returns. Takes tens of milliseconds, scaling a large picture up to a second.
    ///
    /// ```no_run
    /// # fn example(client: &gandan_client::Client, visit: gandan_client::model::ids::DocId, bytes: Vec<u8>)
    /// # -> Result<(), gandan_client::ClientError> {
    /// use gandan_client::{NewPhoto, PhotoScale};
    ///
    /// let photo = NewPhoto { scale: Some(PhotoScale::default()), caption: Some("Cầu hỏng".into()), ..NewPhoto::new(bytes) };
    /// let attached = client.attach(visit, photo)?;
    /// println!("{} has {} bytes", attached.photo_id, attached.bytes);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `attachment_too_large`, `attachment_too_many_pixels`, `attachment_unknown_kind`, `attachment_heic`,
    /// `attachment_damaged`, `attachment_moving`; `photo_needs_consent` for people who can be recognised; `not_found`,
    /// `not_a_visit`, `cannot_scale`, those of [`Client::patch`] and of the disk. Nothing was kept then.
    pub fn attach(&self, visit: DocId, photo: NewPhoto) -> Result<Attached, ClientError> {
        if !photo.consent.allows(&photo.people_visible) {
            let message = "a photograph that shows who somebody is needs that person's consent";
            return Err(ClientError::input("photo_needs_consent", message));
        }
        let ready = prepare(&photo)?;
        let photo_id = HEXLOWER.encode(&self.environment().rng.bytes::<6>());
        let description = Photo {
            photo_id: String::new(),
            caption: photo.caption,
            taken_at: photo.taken_at.or_else(|| Some(Moment::from_ms(self.corrected_ms()))),
            mime: Some(ready.original.media.mime().to_owned()),
            bytes: Some(ready.original.bytes.len() as u64),
            sha256: Some(ready.hash.to_string()),
            thumb_sha256: ready.thumbnail.as_ref().map(|(_, hash)| hash.to_string()),
            exif_stripped: ready.original.media.is_image(),
            people_visible: Some(photo.people_visible.as_str().to_owned()),
            consent: Some(photo.consent.as_str().to_owned()),
            extra: std::collections::BTreeMap::new(),
        };
        let value = serde_json::to_value(description).map_err(ClientError::internal)?;
        let drafted = self.keep(visit, FieldEdit::new(format!("photos.{photo_id}"), value), &ready.files())?;
        Ok(Attached {
            photo_id,
            sha256: ready.hash,
            thumb_sha256: ready.thumbnail.as_ref().map(|(_, hash)| *hash),
            bytes: ready.original.bytes.len() as u64,
            mime: ready.original.media.mime(),
            drafted,
        })
    }

    /// [`Client::attach`] of a file on this machine.
    ///
    /// # Errors
    ///
    /// `file` if it cannot be read; those of [`Client::attach`].
    #[cfg(feature = "native")]
    pub fn attach_file(&self, visit: DocId, path: &std::path::Path, photo: NewPhoto) -> Result<Attached, ClientError> {
        let cannot = |error: std::io::Error| ClientError::File(format!("{} cannot be read: {error}", path.display()));
        // Looked at before it is in memory.
        if std::fs::metadata(path).map_err(cannot)?.len() > attachment::MAX_BYTES as u64 {
            return Err(unfit(Unfit::TooLarge));
        }
        self.attach(visit, NewPhoto { bytes: std::fs::read(path).map_err(cannot)?, ..photo })
    }

    /// Takes a photograph away on privacy grounds, for good and everywhere: its bytes leave this device now, the server
    /// and other devices at their next contact. One that only a draft has leaves no trace.
    ///
    /// # Errors
    ///
    /// `not_found`; those of [`Client::patch`].
    pub fn remove_photo(&self, visit: DocId, photo_id: &str) -> Result<(), ClientError> {
        let mut store = self.store();
        if let Some(draft) = store.draft(visit)? {
            let mut edits = crate::drafts::edits_of(&draft)?;
            let drafted = photos_in(&edits).into_iter().find(|photo| photo.photo_id == photo_id);
            if let Some(photo) = drafted {
                let field = format!("photos.{photo_id}");
                edits.retain(|edit| edit.field != field && !edit.field.starts_with(&format!("{field}.")));
                let draft = with_edits(draft, &edits)?;
                let files: Vec<FileHash> = photo.files().map(|file| file.hash).collect();
                return Ok(store.save_draft_without_files(&draft, &files, self.now_ms())?);
            }
        }
        let target = Self::existing(&store, visit)?;
        let edit = FieldEdit::new(format!("photos.{photo_id}.privacy_remove"), true);
        self.save(store, target, &[edit], None).map(|_| ())
    }

    /// A photograph's bytes as they lie here; `None` if only the server has them ([`TransferOptions::fetch`] gets them).
    ///
    /// # Errors
    ///
    /// `not_found` if the visit or its photograph is not here; those of the disk.
    pub fn photo(&self, visit: DocId, photo_id: &str, size: PhotoSize) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(hash) = self.photo_hash(visit, photo_id, size)? else { return Ok(None) };
        Ok(self.store().attachment_bytes(hash)?)
    }

    /// The name of a photograph's file, to [fetch](TransferOptions::fetch) it; `None` if the record names none.
    ///
    /// # Errors
    ///
    /// Those of [`Client::photo`].
    pub fn photo_hash(&self, visit: DocId, photo_id: &str, size: PhotoSize) -> Result<Option<FileHash>, ClientError> {
        let photo = self.photo_described(visit, photo_id)?;
        let thumbnail = size == PhotoSize::Thumbnail;
        Ok(photo.files().find(|file| file.thumbnail == thumbnail).map(|file| file.hash))
    }

    /// Where a photograph's files stand between this device and the server: the original, then the thumbnail, as far as
    /// something of them is here.
    ///
    /// # Errors
    ///
    /// Those of [`Client::photo`].
    pub fn photo_files(&self, visit: DocId, photo_id: &str) -> Result<Vec<Attachment>, ClientError> {
        let photo = self.photo_described(visit, photo_id)?;
        let store = self.store();
        let files: Vec<Option<Attachment>> =
            photo.files().map(|file| store.attachment(file.hash)).collect::<Result<_, _>>()?;
        Ok(files.into_iter().flatten().collect())
    }

    /// How many files wait to be sent, and how large they are.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn waiting_files(&self) -> Result<AttachmentCounts, ClientError> {
        Ok(self.store().attachment_counts()?)
    }

    /// Says whether the network costs money: then the background exchange sends thumbnails and keeps originals for later.
    /// `false` at first.
    pub fn set_metered(&self, metered: bool) {
        self.inner.metered.store(metered, Ordering::Relaxed);
        if !metered {
            // What was kept for later can go now.
            self.saved_something();
        }
    }

    /// Makes room: originals that the server has leave the device, the oldest first, until those that stay come to at
    /// most so many bytes. What the server does not have stays in any case. Gives the bytes that went.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn trim_photos(&self, keep_bytes: u64) -> Result<u64, ClientError> {
        Ok(self.store().trim_attachments(keep_bytes)?)
    }

    /// The descriptions of a visit's photographs: those of the record, then those that its draft adds.
    fn photos_described(&self, visit: DocId) -> Result<Vec<Photo>, ClientError> {
        let store = self.store();
        let (stored, draft) = (store.document(visit)?, store.draft(visit)?);
        if stored.is_none() && draft.is_none() {
            return Err(ClientError::input("not_found", format!("there is no record {visit} here")));
        }
        let mut photos = stored.map(|stored| Visit::of(&stored.document).photos).unwrap_or_default();
        if let Some(draft) = draft {
            photos.extend(photos_in(&crate::drafts::edits_of(&draft)?));
        }
        Ok(photos)
    }

    /// The description of a photograph, in the record or in the draft.
    fn photo_described(&self, visit: DocId, photo_id: &str) -> Result<Photo, ClientError> {
        let found = self.photos_described(visit)?.into_iter().find(|photo| photo.photo_id == photo_id);
        found.ok_or_else(|| ClientError::input("not_found", format!("there is no photograph {photo_id} here")))
    }

    /// Keeps files and the edit that names them, in the draft if there is one; `true` then.
    fn keep(&self, visit: DocId, edit: FieldEdit, files: &[NewAttachment<'_>]) -> Result<bool, ClientError> {
        let mut store = self.store();
        Self::identity(&store)?;
        let is_visit = |kind| kind == Some(DocKind::Visit);
        let not_a_visit = || ClientError::input("not_a_visit", "only visits have photographs");
        if let Some(draft) = store.draft(visit)? {
            if !is_visit(draft.kind) {
                return Err(not_a_visit());
            }
            let mut edits = crate::drafts::edits_of(&draft)?;
            edits.push(edit);
            store.save_draft_with_files(&with_edits(draft, &edits)?, files, self.now_ms())?;
            drop(store);
            self.refresh();
            return Ok(true);
        }
        let target = Self::existing(&store, visit)?;
        if !is_visit(target.document.kind()) {
            return Err(not_a_visit());
        }
        self.save_with_files(store, target, &[edit], None, files)?;
        Ok(false)
    }

    /// Throws away a draft with the files that nothing but it has named.
    pub(crate) fn discard_with_files(store: &mut Store, id: DocId) -> Result<bool, ClientError> {
        let Some(draft) = store.draft(id)? else { return Ok(false) };
        let photos = crate::drafts::edits_of(&draft).map(|edits| photos_in(&edits)).unwrap_or_default();
        let files: Vec<FileHash> = photos.iter().flat_map(Photo::files).map(|file| file.hash).collect();
        Ok(store.discard_draft_with_files(id, &files)?)
    }
}

/// The photographs that edits describe.
fn photos_in(edits: &[FieldEdit]) -> Vec<Photo> {
    let described = |edit: &FieldEdit| {
        let photo_id = edit.field.strip_prefix("photos.").filter(|id| !id.contains('.'))?.to_owned();
        let photo: Photo = serde_json::from_value(edit.value.clone()).ok()?;
        Some(Photo { photo_id, ..photo })
    };
    edits.iter().filter_map(described).collect()
}

fn with_edits(draft: Draft, edits: &[FieldEdit]) -> Result<Draft, ClientError> {
    Ok(Draft { edits: serde_json::to_value(edits).map_err(ClientError::internal)?, ..draft })
}

fn unfit(reason: Unfit) -> ClientError {
    ClientError::input(reason.code(), reason.to_string())
}

/// Files that are ready to be kept.
struct Ready {
    original: Clean,
    hash: FileHash,
    thumbnail: Option<(Vec<u8>, FileHash)>,
}

impl Ready {
    fn files(&self) -> Vec<NewAttachment<'_>> {
        let Clean { bytes, media, .. } = &self.original;
        let mut files = vec![NewAttachment { hash: self.hash, bytes, mime: media.mime(), thumbnail: false }];
        files.extend(self.thumbnail.as_ref().map(|(bytes, hash)| NewAttachment {
            hash: *hash,
            bytes,
            mime: attachment::Media::Jpeg.mime(),
            thumbnail: true,
        }));
        files
    }
}

/// Cleans, scales and names. The slow part, without the store.
fn prepare(photo: &NewPhoto) -> Result<Ready, ClientError> {
    let original = attachment::clean(&photo.bytes).map_err(unfit)?;
    let (original, made) = if original.media.is_image() { smaller(original, photo)? } else { (original, None) };
    let given = photo.thumbnail.as_deref().map(thumbnail).transpose()?;
    let thumbnail = given.or(made).map(|bytes| {
        let hash = attachment::hash(&bytes);
        (bytes, hash)
    });
    Ok(Ready { hash: attachment::hash(&original.bytes), original, thumbnail })
}

/// A thumbnail that the caller has made, cleaned.
fn thumbnail(bytes: &[u8]) -> Result<Vec<u8>, ClientError> {
    let clean = attachment::clean(bytes).map_err(unfit)?;
    let sides = clean.size.unwrap_or_default();
    if clean.bytes.len() > MAX_THUMBNAIL_BYTES || sides.0.max(sides.1) > MAX_THUMBNAIL_SIDE {
        let message = format!("a thumbnail has at most {MAX_THUMBNAIL_SIDE} pixels and {MAX_THUMBNAIL_BYTES} bytes");
        return Err(ClientError::input("bad_thumbnail", message));
    }
    match clean.media {
        attachment::Media::Jpeg => Ok(clean.bytes),
        _ => Err(ClientError::input("bad_thumbnail", "a thumbnail is a JPEG")),
    }
}

/// The picture as it is to be kept, and its thumbnail if that has to be made.
#[cfg(feature = "scale")]
fn smaller(original: Clean, photo: &NewPhoto) -> Result<(Clean, Option<Vec<u8>>), ClientError> {
    scale::apply(original, photo.scale, photo.thumbnail.is_none()).map_err(unfit)
}

/// The picture as it is to be kept, and its thumbnail if that has to be made.
#[cfg(not(feature = "scale"))]
fn smaller(original: Clean, photo: &NewPhoto) -> Result<(Clean, Option<Vec<u8>>), ClientError> {
    match photo.scale {
        Some(_) => Err(ClientError::input("cannot_scale", "this build cannot scale; hand the picture over scaled")),
        None => Ok((original, None)),
    }
}
