//! Photographs and other files on the wire: which of them the server lacks, and who asks for the bytes.
//!
//! Files are named by their hash, so nothing has to be agreed about them but who has them. A device offers names in a
//! signed query ([`crate::query::Ask::Files`]) and hears for each what the server has of it ([`Holding`]). Bytes travel
//! over HTTP beside the frames: up by the resumable uploads of tus 1.0, down by ranges. Each of those requests carries a
//! [`Pass`]: the device's signature over what the request does.
//!
//! ```text
//! Files{names} ──▶ Holdings{Held | Lacking(offset) | …}
//! POST  /v1/files              creates an upload, with its first piece    201  upload-offset
//! PATCH /v1/files/<hash>       the next piece                             204  upload-offset; the last one: on disk
//! HEAD  /v1/files/<hash>       how much has arrived                       200  upload-offset
//! GET   /v1/files/<hash>       a range of the bytes                       206
//! ```

use crate::sign::{self, PASS, Signature};
use crate::status::Refusal;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use gandan_model::ids::{DeviceId, FileHash, SpaceId};
use serde::{Deserialize, Serialize};

/// Path of uploads and downloads; a file's own is below it.
pub const FILES: &str = "/v1/files";
/// Scheme of the `authorization` header that carries a [`Pass`].
pub const SCHEME: &str = "GandanDevice";
/// The version of tus that both sides speak.
pub const TUS_VERSION: &str = "1.0.0";
/// Content type of a piece of an upload.
pub const PIECE_TYPE: &str = "application/offset+octet-stream";
/// Most bytes of a piece.
pub const MAX_PIECE: usize = 1 << 20;
/// Most files offered at once.
pub const MAX_OFFERED: usize = 256;

/// A file that a device could send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The space of the record that names it.
    pub space: SpaceId,
    /// The file.
    pub hash: FileHash,
    /// Its length in bytes.
    pub length: u64,
}

/// What the server has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holding {
    /// All of it, on its disk.
    Held,
    /// So many bytes from the beginning: the upload goes on there.
    Lacking {
        /// Bytes that have arrived; 0 for an upload that was not begun.
        offset: u64,
    },
    /// It was removed on privacy grounds and must not come back.
    Gone,
    /// It does not want it. The code says whether offering it again can help.
    Refused(Refusal),
}

/// What a request with a [`Pass`] does: nothing else can be done with its signature.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The value of `upload-offset`; empty if there is none.
    pub offset: &'a str,
    /// The value of `upload-metadata`; empty if there is none.
    pub metadata: &'a str,
}

/// Who makes a request, and the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The device.
    pub device: DeviceId,
    /// Its clock, Unix milliseconds.
    pub time_ms: u64,
    signature: Signature,
}

impl Pass {
    /// Signs a request.
    pub fn sign(key: &SigningKey, device: DeviceId, time_ms: u64, doing: Doing<'_>) -> Self {
        Self { device, time_ms, signature: sign::sign(key, &signed(&device, time_ms, doing)) }
    }

    /// Whether the owner of `key` signed exactly this.
    pub fn proves(&self, key: &VerifyingKey, doing: Doing<'_>) -> bool {
        sign::verify(key, &signed(&self.device, self.time_ms, doing), &self.signature)
    }

    /// The value of the `authorization` header.
    pub fn header(&self) -> String {
        let bytes = [self.device.0.as_slice(), &self.time_ms.to_be_bytes(), &self.signature.0].concat();
        format!("{SCHEME} {}", BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads the value of an `authorization` header; `None` if it is another one.
    pub fn from_header(value: &str) -> Option<Self> {
        let (scheme, text) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case(SCHEME) || text.len() != BASE64URL_NOPAD.encode_len(80) {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (device, rest) = bytes.split_first_chunk::<8>()?;
        let (time, signature) = rest.split_first_chunk::<8>()?;
        let signature = Signature(signature.try_into().ok()?);
        Some(Self { device: DeviceId(*device), time_ms: u64::from_be_bytes(*time), signature })
    }
}

fn signed(device: &DeviceId, time_ms: u64, doing: Doing<'_>) -> [u8; 32] {
    let Doing { method, path, offset, metadata } = doing;
    // No value of a header has a line break in it, so the lines cannot be read in two ways.
    let lines = [method, path, offset, metadata].join("\n");
    sign::sha256(&[PASS, &device.0, &time_ms.to_be_bytes(), lines.as_bytes()])
}

/// What a new upload is about, as `upload-metadata` of tus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The file.
    pub hash: FileHash,
    /// The space of the record that names it.
    pub space: SpaceId,
}

impl Metadata {
    /// The header's value.
    pub fn header(&self) -> String {
        let encode = |text: String| data_encoding::BASE64.encode(text.as_bytes());
        format!("sha256 {},space {}", encode(self.hash.to_string()), encode(self.space.to_string()))
    }

    /// Reads a header's value. Members that are not known are left out.
    pub fn from_header(value: &str) -> Option<Self> {
        let member = |name: &str| {
            let found = value.split(',').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix(' '))?;
            String::from_utf8(data_encoding::BASE64.decode(found.as_bytes()).ok()?).ok()
        };
        Some(Self { hash: member("sha256")?.parse().ok()?, space: member("space")?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doing(offset: &str) -> Doing<'_> {
        Doing { method: "PATCH", path: "/v1/files/00", offset, metadata: "" }
    }

    #[test]
    fn a_pass_is_good_for_one_thing_only() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let pass = Pass::sign(&key, DeviceId([3; 8]), 1_790_000_000_000, doing("5"));
        let read = Pass::from_header(&pass.header()).unwrap();
        assert_eq!(read, pass);
        assert!(read.proves(&key.verifying_key(), doing("5")));
        assert!(!read.proves(&other.verifying_key(), doing("5")));
        assert!(!read.proves(&key.verifying_key(), doing("6")));
        assert!(!read.proves(&key.verifying_key(), Doing { method: "GET", ..doing("5") }));
        assert!(!Pass { device: DeviceId([4; 8]), ..read }.proves(&key.verifying_key(), doing("5")));
        assert!(!Pass { time_ms: 0, ..read }.proves(&key.verifying_key(), doing("5")));
        for bad in ["", "Bearer x", SCHEME, &pass.header()[..100], &format!("{}A", pass.header())] {
            assert_eq!(Pass::from_header(bad), None, "{bad}");
        }
    }

    #[test]
    fn metadata_is_read_as_it_was_written() {
        let metadata = Metadata { hash: FileHash([0xab; 32]), space: SpaceId([7; 16]) };
        assert_eq!(Metadata::from_header(&metadata.header()), Some(metadata));
        assert_eq!(Metadata::from_header(&format!("filename Li4vLi4,{}", metadata.header())), Some(metadata));
        for bad in ["", "sha256", "sha256 !,space !", "sha256 Li4vLi4v,space Li4v"] {
            assert_eq!(Metadata::from_header(bad), None, "{bad}");
        }
    }
}
