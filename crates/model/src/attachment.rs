//! Photographs and other files: what they may be, told by their content, and what is taken out of them.
//!
//! A file is named by the SHA-256 of its bytes ([`FileHash`]) and never changes. Before it gets its name, everything that
//! a camera writes beside the picture is taken out ([`clean`]): place, time, maker, serial numbers, comments, previews,
//! films hidden behind the end. Of all that only the orientation and the colours stay. Cleaning what is clean changes
//! nothing, so that a server can tell whether somebody else has cleaned.
//!
//! ```
//! use gandan_model::attachment::{Unfit, clean};
//!
//! assert_eq!(clean(b"<html>").unwrap_err(), Unfit::UnknownKind);
//! assert_eq!(clean(b"%PDF-1.7\n").unwrap().media.mime(), "application/pdf");
//! ```

mod jpeg;

use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF};
use sha2::{Digest, Sha256};

use crate::ids::FileHash;

/// Most bytes of a file.
pub const MAX_BYTES: usize = 20 << 20;
/// Most pixels of a picture: what a decoder must be ready to unfold, four bytes each.
pub const MAX_PIXELS: u64 = 50_000_000;
/// Most bytes of a thumbnail.
pub const MAX_THUMBNAIL_BYTES: usize = 24 << 10;
/// Longest side of a thumbnail, in pixels.
pub const MAX_THUMBNAIL_SIDE: u32 = 320;
/// As much of a file as tells its kind.
const HEAD: usize = 8 << 10;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// A photograph.
    Jpeg,
    /// A picture without loss.
    Png,
    /// Either, by newer devices.
    Webp,
    /// A document.
    Pdf,
    /// Sound: MP3.
    Mp3,
    /// Sound: AAC in MP4.
    M4a,
    /// Sound: Vorbis or Opus.
    Ogg,
    /// Sound: AAC alone.
    Aac,
    /// Sound: speech of old phones.
    Amr,
    /// Sound without loss.
    Flac,
    /// Sound, uncompressed.
    Wav,
}

impl Media {
    /// Its media type.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Ogg => "audio/ogg",
            Self::Aac => "audio/aac",
            Self::Amr => "audio/amr",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
        }
    }

    /// Whether it is a picture.
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }

    /// Tells by the first bytes what a file is; its name and what others say about it do not count.
    ///
    /// # Errors
    ///
    /// [`Unfit::Heic`], [`Unfit::UnknownKind`].
    pub fn sniff(bytes: &[u8]) -> Result<Self, Unfit> {
        let head = bytes.get(..HEAD).unwrap_or(bytes);
        Ok(match infer::get(head).map(|kind| kind.mime_type()) {
            Some("image/jpeg") => Self::Jpeg,
            Some("image/png") => Self::Png,
            Some("image/webp") => Self::Webp,
            Some("image/heif" | "image/heic" | "image/avif") => return Err(Unfit::Heic),
            Some("application/pdf") => Self::Pdf,
            Some("audio/mpeg") => Self::Mp3,
            Some("audio/m4a") => Self::M4a,
            Some("audio/ogg" | "audio/opus") => Self::Ogg,
            Some("audio/aac") => Self::Aac,
            Some("audio/amr") => Self::Amr,
            Some("audio/x-flac") => Self::Flac,
            Some("audio/x-wav") => Self::Wav,
            _ => return Err(Unfit::UnknownKind),
        })
    }
}

/// Why a file cannot be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// More than [`MAX_BYTES`], or a thumbnail of more than [`MAX_THUMBNAIL_BYTES`].
    #[error("the file is larger than {} MB", MAX_BYTES >> 20)]
    TooLarge,
    /// More than [`MAX_PIXELS`], or a thumbnail with a side of more than [`MAX_THUMBNAIL_SIDE`].
    #[error("the picture has more than {} million pixels", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// Nothing of what can be attached.
    #[error("the file is none of: JPEG, PNG, WebP, PDF, sound (MP3, M4A, AAC, OGG, AMR, FLAC, WAV)")]
    UnknownKind,
    /// The place where it was taken cannot be taken out of such a picture here.
    #[error("a HEIC picture: let the camera or the gallery give it as JPEG")]
    Heic,
    /// It begins like a picture and does not go on like one.
    #[error("the picture is damaged or not complete")]
    Damaged,
    /// A picture that moves.
    #[error("a moving picture; attach a single one")]
    Moving,
    /// There is more in it than the picture; see [`check`].
    #[error("the picture still holds data of its camera")]
    NotClean,
}

impl Unfit {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "attachment_too_large",
            Self::TooManyPixels => "attachment_too_many_pixels",
            Self::UnknownKind => "attachment_unknown_kind",
            Self::Heic => "attachment_heic",
            Self::Damaged => "attachment_damaged",
            Self::Moving => "attachment_moving",
            Self::NotClean => "attachment_not_clean",
        }
    }
}

/// A file that says nothing but what is to be seen or heard in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it is.
    pub media: Media,
    /// Width and height of a picture as stored, in pixels; see `orientation`.
    pub size: Option<(u32, u32)>,
    /// How a picture is to be turned (1 to 8, as in EXIF); 1: as stored.
    pub orientation: u8,
}

/// The name of these bytes.
pub fn hash(bytes: &[u8]) -> FileHash {
    FileHash(Sha256::digest(bytes).into())
}

/// Takes out of a picture whatever is not the picture. Documents and sound stay as they are.
///
/// # Errors
///
/// An [`Unfit`] for everything that cannot be attached. Nothing is decoded: sizes are read from headers.
pub fn clean(bytes: &[u8]) -> Result<Clean, Unfit> {
    if bytes.len() > MAX_BYTES {
        return Err(Unfit::TooLarge);
    }
    let media = Media::sniff(bytes)?;
    if !media.is_image() {
        return Ok(Clean { bytes: bytes.to_vec(), media, size: None, orientation: 1 });
    }
    let size = size(bytes)?;
    let (bytes, orientation) = match media {
        Media::Jpeg => jpeg::clean(bytes)?,
        Media::Png => png(bytes)?,
        _ => webp(bytes)?,
    };
    // Readers disagree about what is damaged in odd ways: what was taken out must not have been what told the size.
    if self::size(&bytes) != Ok(size) {
        return Err(Unfit::Damaged);
    }
    Ok(Clean { bytes, media, size: Some(size), orientation })
}

/// Width and height as the head of a picture claims them.
fn size(bytes: &[u8]) -> Result<(u32, u32), Unfit> {
    let found = imagesize::blob_size(bytes).map_err(|_| Unfit::Damaged)?;
    let width = u32::try_from(found.width).map_err(|_| Unfit::TooManyPixels)?;
    let height = u32::try_from(found.height).map_err(|_| Unfit::TooManyPixels)?;
    match u64::from(width) * u64::from(height) {
        0 => Err(Unfit::Damaged),
        1..=MAX_PIXELS => Ok((width, height)),
        _ => Err(Unfit::TooManyPixels),
    }
}

/// What a file is, if it is [`clean`] to the last byte.
///
/// # Errors
///
/// As [`clean`], and [`Unfit::NotClean`].
pub fn check(bytes: &[u8]) -> Result<Media, Unfit> {
    let clean = clean(bytes)?;
    if clean.bytes == bytes { Ok(clean.media) } else { Err(Unfit::NotClean) }
}

fn png(bytes: &[u8]) -> Result<(Vec<u8>, u8), Unfit> {
    /// The picture, its transparency, colours and density.
    const KEPT: [&[u8; 4]; 11] =
        [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs"];
    let mut png = Png::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|_| Unfit::Damaged)?;
    if png.chunk_by_type(*b"IDAT").is_none() || png.chunk_by_type(*b"IEND").is_none() {
        return Err(Unfit::Damaged);
    }
    if png.chunk_by_type(*b"acTL").is_some() {
        return Err(Unfit::Moving);
    }
    let orientation = orientation(png.exif());
    png.chunks_mut().retain(|chunk| KEPT.contains(&&chunk.kind()));
    png.set_exif(turned(orientation));
    Ok((png.encoder().bytes().to_vec(), orientation))
}

fn webp(bytes: &[u8]) -> Result<(Vec<u8>, u8), Unfit> {
    const KEPT: [&[u8; 4]; 5] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"];
    const XMP_FLAG: u8 = 0b100;
    let mut webp = WebP::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|_| Unfit::Damaged)?;
    if webp.has_chunk(*b"ANIM") || webp.has_chunk(*b"ANMF") {
        return Err(Unfit::Moving);
    }
    if !webp.has_chunk(*b"VP8 ") && !webp.has_chunk(*b"VP8L") {
        return Err(Unfit::Damaged);
    }
    let orientation = orientation(webp.exif());
    let mut kept = Vec::new();
    for chunk in webp.chunks() {
        let data = chunk.content().data().filter(|_| KEPT.contains(&&chunk.id()));
        let Some(data) = data else { continue };
        let mut data = data.to_vec();
        if let (b"VP8X", Some(flags)) = (&chunk.id(), data.first_mut()) {
            *flags &= !XMP_FLAG;
        }
        kept.push(img_parts::riff::RiffChunk::new(chunk.id(), img_parts::riff::RiffContent::Data(data.into())));
    }
    *webp.chunks_mut() = kept;
    webp.set_exif(turned(orientation));
    Ok((webp.encoder().bytes().to_vec(), orientation))
}

/// How a picture is to be turned, by its EXIF block.
fn orientation(exif: Option<Bytes>) -> u8 {
    exif.and_then(|block| tagged(&block, 0x0112))
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (2..=8).contains(value))
        .unwrap_or(1)
}

/// A short number of the first directory of a TIFF block, by its tag.
fn tagged(block: &[u8], tag: u16) -> Option<u16> {
    let little = match block.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let bytes = |at: usize, length: usize| block.get(at..at.checked_add(length)?);
    let short = |at: usize| -> Option<u16> {
        let two = bytes(at, 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    let four = bytes(4, 4)?.try_into().ok()?;
    let first = usize::try_from(if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }).ok()?;
    let entries = bytes(first.checked_add(2)?, 12 * usize::from(short(first)?))?;
    let place = entries.chunks_exact(12).position(|entry| {
        let two = [entry[0], entry[1]];
        tag == if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    })?;
    // Number, kind, count, and then the value.
    short(first + 2 + 12 * place + 8)
}

/// An EXIF block that says how the picture is to be turned, and nothing else; none for a picture that is not.
fn turned(orientation: u8) -> Option<Bytes> {
    let block = [
        b"II\x2a\x00\x08\x00\x00\x00".as_slice(), // little-endian TIFF, first directory at 8
        b"\x01\x00",                              // one entry
        b"\x12\x01\x03\x00\x01\x00\x00\x00",      // orientation, one short number
        &[orientation, 0, 0, 0],
        b"\x00\x00\x00\x00", // no further directory
    ];
    (orientation > 1).then(|| block.concat().into())
}

#[cfg(test)]
mod tests;
