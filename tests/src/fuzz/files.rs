//! Files that somebody attaches: told by their content, cleaned, and named in headers.

use super::Target;
use crate::pictures::{PLACE, photo, plain_png};
use gandan_model::attachment::{check, clean};
use gandan_sync::attachment::{Metadata, Pass};

/// What a camera, a gallery or an attacker hands over.
pub(super) struct File;

impl Target for File {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";
        let others: [&[u8]; 5] = [
            webp,
            b"%PDF-1.7\n1 0 obj",
            b"ID3\x04\0\0\0\0\0\0",
            b"OggS\0\x02\0\0\0\0",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1",
        ];
        let mut seeds = vec![photo(1, 24, 16), photo(2, 64, 64), plain_png(16, 16)];
        seeds.extend(others.map(<[u8]>::to_vec));
        seeds
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words: [&[u8]; 16] = [
            b"\xff\xd8",
            b"\xff\xd9",
            b"\xff\xda",
            b"\xff\xe1",
            b"\xff\xfe",
            b"\xff\xc0",
            b"\xff\xff",
            b"Exif\0\0",
            b"II*\0",
            b"MM\0*",
            b"IHDR",
            b"IDAT",
            b"eXIf",
            b"VP8X",
            b"EXIF",
            PLACE.as_bytes(),
        ];
        words.map(<[u8]>::to_vec).to_vec()
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let text = String::from_utf8_lossy(input);
        let pass = Pass::from_header(&text).is_some();
        let metadata = Metadata::from_header(&text).is_some();
        let clean = match clean(input) {
            Ok(clean) => clean,
            Err(unfit) => return Ok(format!("{} {pass} {metadata}", unfit.code())),
        };
        if let Err(unfit) = check(&clean.bytes) {
            return Err(format!("what was cleaned is not clean: {}", unfit.code()));
        }
        Ok(format!("{} {}", clean.media.mime(), clean.orientation))
    }
}
