#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use proptest::prelude::*;
use zune_png::zune_core::{bit_depth::BitDepth, bytestream::ZCursor, colorspace::ColorSpace, options::EncoderOptions};
use zune_png::{PngDecoder, PngEncoder};

use super::*;

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let low = |number: u32| number.to_le_bytes()[0];
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([low(x), low(y), low(x * y)]));
    if format == ImageFormat::Png {
        let options = EncoderOptions::new(width as usize, height as usize, ColorSpace::RGB, BitDepth::Eight);
        let mut bytes = Vec::new();
        PngEncoder::new(image.as_raw(), options).encode(&mut bytes).unwrap();
        return bytes;
    }
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// An EXIF block with an orientation, a camera's name and a place.
fn camera(orientation: u8) -> Vec<u8> {
    let mut block = turned(orientation).unwrap().to_vec();
    block.extend_from_slice(b"CAMERA 4711 GPS 11.9404N 108.4583E");
    block
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), contents].concat()
}

/// A JPEG with everything that cameras and programs hide in one.
fn talkative() -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg, 24, 16);
    let end = plain.len() - 2;
    [
        &plain[..2],
        &segment(0xe1, &[b"Exif\0\0".as_slice(), &camera(6)].concat()),
        &segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET PLACE</x:xmpmeta>"),
        &segment(0xed, b"Photoshop 3.0\08BIM SECRET PLACE"),
        &segment(0xe2, b"MPF\0 SECRET PLACE"),
        &segment(0xfe, b"SECRET PLACE"),
        &plain[2..end],
        // Between the scans, and a film behind the end.
        &segment(0xfe, b"SECRET PLACE"),
        &plain[end..],
        b"ftypmp42 SECRET PLACE",
    ]
    .concat()
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn what_a_camera_says_goes_and_the_picture_stays() {
    let before = talkative();
    let clean = clean(&before).unwrap();
    assert_eq!((clean.media, clean.size, clean.orientation), (Media::Jpeg, Some((24, 16)), 6));
    for word in [b"SECRET".as_slice(), b"CAMERA", b"GPS", b"Photoshop", b"ftyp", b"MPF"] {
        assert!(!holds(&clean.bytes, word), "{word:?}");
    }
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
    assert_eq!(pixels(&clean.bytes), pixels(&before));
    assert_eq!(orientation(img_parts::jpeg::Jpeg::from_bytes(clean.bytes.clone().into()).unwrap().exif()), 6);
    assert_eq!(check(&clean.bytes), Ok(Media::Jpeg));
    assert_eq!(check(&before), Err(Unfit::NotClean));
}

#[test]
fn a_turn_is_read_in_either_order_of_bytes_and_nothing_is_read_behind_the_end() {
    let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
    for block in [little, big] {
        assert_eq!(tagged(block, 0x0112), Some(6));
        assert_eq!(tagged(block, 0x0113), None);
        for cut in 0..block.len() {
            assert_eq!(tagged(&block[..cut], 0x0112), None, "{cut}");
        }
    }
    assert_eq!(tagged(b"II*\0\xff\xff\xff\xff\x01\0", 0x0112), None);
    assert_eq!(orientation(turned(1)), 1);
    assert_eq!(orientation(Some(Bytes::from_static(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0"))), 1);
}

#[test]
fn the_other_forms_of_pictures() {
    let mut png = Png::from_bytes(picture(ImageFormat::Png, 8, 9).into()).unwrap();
    png.set_exif(Some(camera(3).into()));
    png.chunks_mut().insert(2, img_parts::png::PngChunk::new(*b"tEXt", Bytes::from_static(b"Author\0SECRET")));
    let mut bytes = png.encoder().bytes().to_vec();
    bytes.extend_from_slice(b"SECRET behind the end");
    let cleaned = clean(&bytes).unwrap();
    assert_eq!((cleaned.media, cleaned.size, cleaned.orientation), (Media::Png, Some((8, 9)), 3));
    assert!(!holds(&cleaned.bytes, b"SECRET") && !holds(&cleaned.bytes, b"CAMERA"));
    PngDecoder::new(ZCursor::new(&cleaned.bytes)).decode().unwrap();
    assert_eq!(check(&cleaned.bytes), Ok(Media::Png));

    let mut webp = WebP::from_bytes(picture(ImageFormat::WebP, 8, 9).into()).unwrap();
    webp.set_exif(Some(camera(8).into()));
    let secret = img_parts::riff::RiffContent::Data(Bytes::from_static(b"SECRET"));
    webp.chunks_mut().push(img_parts::riff::RiffChunk::new(*b"XMP ", secret));
    let cleaned = clean(&webp.encoder().bytes()).unwrap();
    assert_eq!((cleaned.media, cleaned.size, cleaned.orientation), (Media::Webp, Some((8, 9)), 8));
    assert!(!holds(&cleaned.bytes, b"SECRET") && !holds(&cleaned.bytes, b"CAMERA"));
    image::load_from_memory(&cleaned.bytes).unwrap();
    assert_eq!(check(&cleaned.bytes), Ok(Media::Webp));
}

#[test]
fn kinds_are_told_by_content() {
    let cases: [(&[u8], Result<Media, Unfit>); 12] = [
        (b"%PDF-1.7\n", Ok(Media::Pdf)),
        (b"ID3\x04\0\0\0\0\0\0", Ok(Media::Mp3)),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", Ok(Media::M4a)),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0", Ok(Media::Ogg)),
        (b"#!AMR\n\x3c\0\0\0\0\0\0", Ok(Media::Amr)),
        (b"fLaC\0\0\0\x22", Ok(Media::Flac)),
        (b"RIFF\x24\0\0\0WAVEfmt ", Ok(Media::Wav)),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Err(Unfit::Heic)),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Err(Unfit::UnknownKind)),
        (b"<!DOCTYPE html><script>", Err(Unfit::UnknownKind)),
        (b"MZ\x90\0", Err(Unfit::UnknownKind)),
        (b"", Err(Unfit::UnknownKind)),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(check(bytes), wanted, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn bombs_are_told_by_their_heads() {
    // A PNG of a hundred bytes that says it has 60,000 pixels a side.
    let mut png = picture(ImageFormat::Png, 8, 8);
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    assert_eq!(clean(&png), Err(Unfit::TooManyPixels));
    let jpeg = picture(ImageFormat::Jpeg, 24, 16);
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let mut wide = jpeg.clone();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(clean(&wide), Err(Unfit::TooManyPixels));
    assert_eq!(clean(&vec![0xff; MAX_BYTES + 1]), Err(Unfit::TooLarge));
}

#[test]
fn what_is_cut_or_moves_is_refused() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = picture(format, 24, 16);
        assert_eq!(check(&clean(&whole).unwrap().bytes).map(Media::is_image), Ok(true));
        for cut in (0..whole.len() - 1).step_by(7) {
            clean(&whole[..cut]).expect_err("a part of a picture");
        }
    }
    let mut png = Png::from_bytes(picture(ImageFormat::Png, 8, 8).into()).unwrap();
    png.chunks_mut().insert(1, img_parts::png::PngChunk::new(*b"acTL", Bytes::from_static(&[0; 8])));
    assert_eq!(clean(&png.encoder().bytes()), Err(Unfit::Moving));
}

proptest! {
    /// Whatever comes, cleaning does not panic, and what it gives is clean.
    #[test]
    fn cleaning_twice_is_cleaning_once(
        format in prop_oneof![Just(ImageFormat::Jpeg), Just(ImageFormat::Png), Just(ImageFormat::WebP)],
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = if format == ImageFormat::Jpeg { talkative() } else { picture(format, 24, 16) };
        for (place, byte) in hits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(once) = clean(&bytes) {
            prop_assert_eq!(clean(&once.bytes), Ok(once));
        }
    }
}
