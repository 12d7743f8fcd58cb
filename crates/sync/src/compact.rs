//! Chunks: whole documents, for those who were not there when they were written.
//!
//! A chunk holds the changes of some documents from their first on, by any authors, in the order of the log, and the ids
//! of documents that were erased. It is named by the SHA-256 of its bytes, so that it can be fetched from anywhere, once.
//! There are no signatures in it: who takes a chunk trusts the server that named its hash, and can check the sum of all
//! chunks against the digest in the manifest.
//!
//! A document whose changes do not fit into one chunk goes on in the next; what a change builds on stands before it.

use crate::body::{self, Body};
use crate::bounded;
use crate::dictionary;
use crate::envelope::{Change, Form, Outgoing};
use crate::error::EnvelopeError;
use crate::frame::{self, Kind};
use crate::limits::{BATCH_RAW, MAX_CHANGES, MAX_CHUNK, MAX_IDS};
use crate::resolve::Nothing;
use crate::sign::sha256;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use serde::{Deserialize, Serialize};

/// Level of compression: a chunk is made once and sent often.
const LEVEL: i32 = 19;

/// What a chunk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The changes, a document after the other.
    pub changes: Vec<Change>,
    /// Documents that were erased.
    pub erased: Vec<DocId>,
}

/// What stands before the changes.
#[derive(Default, Serialize, Deserialize)]
struct Preface {
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_IDS>")]
    erased: Vec<DocId>,
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_CHANGES>")]
    actors: Vec<DeviceId>,
    /// For every change the place of its author in `actors`; 0 and without meaning for a genesis.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_CHANGES>")]
    authors: Vec<u16>,
}

/// The name of a chunk: SHA-256 of its bytes.
pub fn hash(chunk: &[u8]) -> [u8; 32] {
    sha256(&[chunk])
}

/// How many of `changes`, from the first, belong into one chunk. Zero only for no changes.
pub fn chunk_len(changes: &[Outgoing<'_>]) -> usize {
    let mut raw = 0;
    let fitting = changes.iter().take(MAX_CHANGES).take_while(|change| {
        raw += change.raw.len();
        raw <= BATCH_RAW
    });
    fitting.count().max(usize::from(!changes.is_empty()))
}

/// Writes a chunk. The same content gives the same bytes.
pub fn encode(changes: &[Outgoing<'_>], erased: &[DocId]) -> Result<Vec<u8>, EnvelopeError> {
    let mut preface = Preface { erased: erased.to_vec(), ..Preface::default() };
    let mut body = Body { names: Vec::new(), changes: Vec::new() };
    if erased.len() > MAX_IDS {
        return Err(EnvelopeError::TooLarge("erased documents"));
    }
    if !changes.is_empty() {
        let (written, headers) = body::encode(None, changes, &Nothing, Form::Short)?;
        body = written;
        for header in &headers {
            let place = preface.actors.iter().position(|actor| *actor == header.actor).unwrap_or_else(|| {
                preface.actors.push(header.actor);
                preface.actors.len() - 1
            });
            preface.authors.push(u16::try_from(place).map_err(|_| EnvelopeError::TooLarge("actors"))?);
        }
    }
    let mut content = postcard::to_allocvec(&preface).map_err(|_| EnvelopeError::Malformed)?;
    content.append(&mut body.changes);
    body.changes = content;
    let mut out = frame::header(Kind::Chunk).to_vec();
    out.extend_from_slice(&dictionary::CURRENT.to_be_bytes());
    out.extend_from_slice(&body.pack(dictionary::CURRENT, Some(LEVEL))?);
    Ok(out)
}

/// Reads a chunk of documents of `space`. Every change passes the scan.
pub fn decode(space: &SpaceId, chunk: &[u8]) -> Result<Chunk, EnvelopeError> {
    let rest = frame::body(chunk, Kind::Chunk, MAX_CHUNK)?;
    let (dict, rest) = rest.split_first_chunk::<4>().ok_or(EnvelopeError::Malformed)?;
    let mut body = Body::unpack(u32::from_be_bytes(*dict), rest)?;
    let (preface, changes): (Preface, &[u8]) =
        postcard::take_from_bytes(&body.changes).map_err(|_| EnvelopeError::Malformed)?;
    let Preface { erased, actors, authors } = preface;
    body.changes = changes.to_vec();
    if authors.is_empty() {
        let empty = body.changes.is_empty() && body.names.is_empty();
        return if empty { Ok(Chunk { changes: Vec::new(), erased }) } else { Err(EnvelopeError::Malformed) };
    }
    let author = |index: usize| authors.get(index).and_then(|place| actors.get(usize::from(*place))).copied();
    let changes = body::decode(&body, space, &author, &Nothing)?;
    if changes.len() == authors.len() { Ok(Chunk { changes, erased }) } else { Err(EnvelopeError::Malformed) }
}
