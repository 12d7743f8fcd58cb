//! JPEG: tables, frames and scans stay; application data, comments, and what follows the end go.

use img_parts::jpeg::{Jpeg, JpegSegment, markers};
use img_parts::{Bytes, ImageEXIF};

use super::{Unfit, orientation, turned};

/// The length of a JFIF header without a preview in it.
const JFIF: usize = 14;

pub(super) fn clean(bytes: &[u8]) -> Result<(Vec<u8>, u8), Unfit> {
    let mut jpeg = Jpeg::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|_| Unfit::Damaged)?;
    let orientation = orientation(jpeg.exif());
    let segments = jpeg.segments_mut();
    segments.retain(|segment| is_picture(segment.marker()) || is_colour(segment));
    let first = segments.last_mut().filter(|segment| segment.marker() == markers::SOS).ok_or(Unfit::Damaged)?;
    // `img_parts` takes everything after the head of the first scan as it is.
    let length = first.len_with_entropy() - first.len();
    let scans = scans(&bytes[bytes.len().saturating_sub(length)..])?;
    *first = JpegSegment::new_with_entropy(markers::SOS, first.contents().clone(), scans.into());
    jpeg.set_exif(turned(orientation));
    Ok((jpeg.encoder().bytes().to_vec(), orientation))
}

/// Frames, tables, scans, restart intervals, numbers of lines.
fn is_picture(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf | markers::DQT | markers::DRI | markers::DNL | markers::SOS)
}

/// The plain JFIF header, the colour profile, and Adobe's word on how colours are coded.
fn is_colour(segment: &JpegSegment) -> bool {
    let contents = segment.contents();
    match segment.marker() {
        markers::APP0 => contents.starts_with(b"JFIF\0") && contents.len() == JFIF,
        markers::APP2 => contents.starts_with(b"ICC_PROFILE\0"),
        markers::APP14 => contents.starts_with(b"Adobe") && contents.len() == 12,
        _ => false,
    }
}

/// What follows the head of the first scan, up to the end of the picture.
fn scans(mut rest: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut out = Vec::with_capacity(rest.len());
    loop {
        let place = rest.iter().position(|byte| *byte == markers::P).ok_or(Unfit::Damaged)?;
        out.extend_from_slice(&rest[..place]);
        rest = &rest[place..];
        match rest.get(1).copied().ok_or(Unfit::Damaged)? {
            // A byte of the scan that looks like a marker, and the marks from which a decoder can go on.
            marker @ (markers::Z | markers::RST0..=markers::RST7) => {
                out.extend([markers::P, marker]);
                rest = &rest[2..];
            }
            markers::P => rest = &rest[1..],
            markers::EOI => {
                out.extend([markers::P, markers::EOI]);
                return Ok(out);
            }
            marker => {
                let length = rest.get(2..4).map_or(0, |size| usize::from(size[0]) << 8 | usize::from(size[1]));
                if length < 2 {
                    return Err(Unfit::Damaged);
                }
                let segment = rest.get(..length + 2).ok_or(Unfit::Damaged)?;
                if is_picture(marker) {
                    out.extend_from_slice(segment);
                }
                rest = &rest[length + 2..];
            }
        }
    }
}
