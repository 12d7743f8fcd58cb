//! Decoding, making smaller, encoding.

use super::PhotoScale;
use gandan_model::attachment::{Clean, MAX_PIXELS, MAX_THUMBNAIL_BYTES, MAX_THUMBNAIL_SIDE, Media, Unfit, clean};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage};
use std::io::Cursor;
use zune_png::PngDecoder;
use zune_png::zune_core::bytestream::ZCursor;
use zune_png::zune_core::colorspace::ColorSpace;
use zune_png::zune_core::options::DecoderOptions;
use zune_png::zune_core::result::DecodingResult;

/// Qualities tried for a thumbnail, until it is small enough.
const THUMBNAIL_QUALITIES: [u8; 4] = [70, 50, 30, 15];

/// Makes a picture as small as `scale` wants, and a thumbnail if one is wanted. A picture that is small already stays as
/// it is, byte for byte.
pub(super) fn apply(
    original: Clean,
    scale: Option<PhotoScale>,
    wants_thumbnail: bool,
) -> Result<(Clean, Option<Vec<u8>>), Unfit> {
    let sides = original.size.unwrap_or_default();
    let too_large = scale.filter(|scale| sides.0.max(sides.1) > scale.longest_side);
    if too_large.is_none() && !wants_thumbnail {
        return Ok((original, None));
    }
    let mut picture = decode(&original)?;
    let mut kept = original;
    if let Some(scale) = too_large {
        let side = scale.longest_side.max(1);
        picture = picture.resize(side, side, FilterType::CatmullRom);
        // Through the same door as everything else: what the encoder adds is taken out as well.
        kept = clean(&encode(&picture, scale.quality)?)?;
    }
    let thumbnail = if wants_thumbnail { Some(thumbnail(&picture)?) } else { None };
    Ok((kept, thumbnail))
}

/// The picture, turned as it is to be seen.
fn decode(file: &Clean) -> Result<DynamicImage, Unfit> {
    let mut picture = match file.media {
        Media::Jpeg => with_image(file, ImageFormat::Jpeg)?,
        Media::Png => png(&file.bytes)?,
        _ => with_image(file, ImageFormat::WebP)?,
    };
    picture.apply_orientation(Orientation::from_exif(file.orientation).unwrap_or(Orientation::NoTransforms));
    Ok(picture)
}

fn with_image(file: &Clean, format: ImageFormat) -> Result<DynamicImage, Unfit> {
    let mut limits = Limits::default();
    // Eight bytes a pixel are the widest form; the number of pixels was looked at before.
    limits.max_alloc = Some(MAX_PIXELS * 8);
    let mut reader = ImageReader::with_format(Cursor::new(&file.bytes), format);
    reader.limits(limits);
    reader.decode().map_err(|_| Unfit::Damaged)
}

/// `image` reads PNG too, but with a second copy of zlib.
fn png(bytes: &[u8]) -> Result<DynamicImage, Unfit> {
    let options = DecoderOptions::default().png_set_strip_to_8bit(true);
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(bytes), options);
    let decoded = decoder.decode().map_err(|_| Unfit::Damaged)?;
    let (Some((width, height)), DecodingResult::U8(pixels)) = (decoder.dimensions(), decoded) else {
        return Err(Unfit::Damaged);
    };
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else { return Err(Unfit::Damaged) };
    let picture = match decoder.colorspace() {
        Some(ColorSpace::Luma) => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Some(ColorSpace::LumaA) => GrayAlphaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Some(ColorSpace::RGB) => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        Some(ColorSpace::RGBA) => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        _ => None,
    };
    picture.ok_or(Unfit::Damaged)
}

fn encode(picture: &DynamicImage, quality: u8) -> Result<Vec<u8>, Unfit> {
    let mut out = Vec::new();
    // JPEG knows no transparency: what is not there becomes white.
    let flat = flatten(picture);
    flat.write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100)))
        .map_err(|_| Unfit::Damaged)?;
    Ok(out)
}

fn flatten(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8().into();
    }
    let mut white = RgbaImage::from_pixel(picture.width(), picture.height(), image::Rgba([255; 4]));
    image::imageops::overlay(&mut white, &picture.to_rgba8(), 0, 0);
    DynamicImage::from(white).to_rgb8().into()
}

fn thumbnail(picture: &DynamicImage) -> Result<Vec<u8>, Unfit> {
    let mut side = MAX_THUMBNAIL_SIDE;
    loop {
        let is_larger = picture.width().max(picture.height()) > side;
        let small = if is_larger { picture.thumbnail(side, side) } else { picture.clone() };
        for quality in THUMBNAIL_QUALITIES {
            let bytes = clean(&encode(&small, quality)?)?.bytes;
            if bytes.len() <= MAX_THUMBNAIL_BYTES {
                return Ok(bytes);
            }
        }
        // Noise of a dark room. A handful of pixels fits in any case.
        side /= 2;
    }
}
