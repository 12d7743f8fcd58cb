//! Files' bytes as a device moves them, request by request.

#![allow(unreachable_pub)]

use gandan_model::attachment;
use gandan_model::ids::{FileHash, SpaceId};
use gandan_sync::attachment::{Doing, FILES, Metadata, PIECE_TYPE, Pass, TUS_VERSION};

use super::TestApp;
use super::http::{self, Answer};
use super::peer::Peer;

/// A PDF with this text in it: the smallest thing that may be attached.
pub fn pdf(text: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{text}").into_bytes()
}

/// A photograph.
pub fn jpeg() -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(16, 16).write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// The path of a file.
pub fn path(hash: &FileHash) -> String {
    format!("{FILES}/{hash}")
}

/// A request with a pass for it, and headers besides.
pub fn ask(app: &TestApp, peer: &Peer, doing: Doing<'_>, more: &[(&str, &str)], body: &[u8]) -> Answer {
    let pass = Pass::sign(&peer.key, peer.device, u64::try_from(peer.now_ms).unwrap(), doing).header();
    let mut headers = vec![("authorization", pass.as_str()), ("tus-resumable", TUS_VERSION)];
    if !doing.offset.is_empty() {
        headers.push(("upload-offset", doing.offset));
    }
    if !doing.metadata.is_empty() {
        headers.push(("upload-metadata", doing.metadata));
    }
    headers.extend(more);
    http::request(app.address, doing.method, doing.path, &headers, body)
}

/// Creates an upload of `length` bytes with these as the first.
pub fn create(app: &TestApp, peer: &Peer, (space, hash): (SpaceId, FileHash), length: usize, first: &[u8]) -> Answer {
    let metadata = Metadata { hash, space }.header();
    let doing = Doing { method: "POST", path: FILES, offset: "", metadata: &metadata };
    let length = length.to_string();
    ask(app, peer, doing, &[("upload-length", &length), ("content-type", PIECE_TYPE)], first)
}

/// Adds a piece.
pub fn append(app: &TestApp, peer: &Peer, hash: FileHash, offset: usize, piece: &[u8]) -> Answer {
    let (path, offset) = (path(&hash), offset.to_string());
    let doing = Doing { method: "PATCH", path: &path, offset: &offset, metadata: "" };
    ask(app, peer, doing, &[("content-type", PIECE_TYPE)], piece)
}

/// How much has arrived.
pub fn look(app: &TestApp, peer: &Peer, hash: FileHash) -> Answer {
    ask(app, peer, Doing { method: "HEAD", path: &path(&hash), offset: "", metadata: "" }, &[], b"")
}

/// The bytes, or a range of them.
pub fn read(app: &TestApp, peer: &Peer, hash: FileHash, headers: &[(&str, &str)]) -> Answer {
    ask(app, peer, Doing { method: "GET", path: &path(&hash), offset: "", metadata: "" }, headers, b"")
}

/// Brings a whole file.
#[track_caller]
pub fn bring(app: &TestApp, peer: &Peer, space: SpaceId, bytes: &[u8]) -> FileHash {
    let hash = attachment::hash(bytes);
    let answer = create(app, peer, (space, hash), bytes.len(), bytes);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("upload-offset"), Some(bytes.len().to_string().as_str()));
    hash
}
