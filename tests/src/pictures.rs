//! Photographs for tests: of a wanted size in bytes, and with what cameras write into them.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zune_png::PngEncoder;
use zune_png::zune_core::bit_depth::BitDepth;
use zune_png::zune_core::colorspace::ColorSpace;
use zune_png::zune_core::options::EncoderOptions;

/// Where a photograph claims to have been taken: must be found nowhere.
pub const PLACE: &str = "GPS 11.9404N 108.4583E";

/// A JPEG of these sides that does not compress well, with the place in it.
pub fn photo(seed: u64, width: u32, height: u32) -> Vec<u8> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let image = RgbImage::from_fn(width, height, |_, _| image::Rgb(dice.random()));
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).expect("a picture");
    let exif = format!("Exif\0\0{PLACE}");
    let length = u16::try_from(exif.len() + 2).expect("a short block").to_be_bytes();
    let segment = [b"\xff\xe1", length.as_slice(), exif.as_bytes()].concat();
    [&bytes[..2], &segment, &bytes[2..]].concat()
}

/// The pixels of a picture, or what is wrong with it.
pub fn sides(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).expect("a picture");
    (picture.width(), picture.height())
}

/// A PNG of these sides, all of one colour: few bytes, many pixels.
pub fn plain_png(width: u32, height: u32) -> Vec<u8> {
    let [wide, high] = [width, height].map(|side| usize::try_from(side).expect("a side"));
    let pixels = vec![0; wide * high * 3];
    let mut bytes = Vec::new();
    let options = EncoderOptions::new(wide, high, ColorSpace::RGB, BitDepth::Eight);
    PngEncoder::new(&pixels, options).encode(&mut bytes).expect("a picture");
    bytes
}
