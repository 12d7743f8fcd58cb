//! Compression of envelope bodies with a shared dictionary.
//!
//! A small change repeats what every small change says: key names, column layouts, the author. A dictionary that both
//! ends have holds all that already. Dictionaries have numbers; number 0 is none. Once a release has used a number its
//! bytes never change, and receivers keep old ones for as long as envelopes made with them exist. `dict/1.dict` is made by
//! `cargo run --release -p gandan-sync --example train_dictionary`.
//!
//! What is compressed is a zstd frame without its four magic bytes, checksum, content size and dictionary id: the signature and the
//! envelope's header say all that already.

use crate::error::EnvelopeError;
use std::sync::{Mutex, OnceLock, PoisonError};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

/// No dictionary.
pub const PLAIN: u32 = 0;
/// The dictionary that senders use unless they are told that the receiver lacks it.
pub const CURRENT: u32 = 1;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bodies from this size on are compressed at [`FAST_LEVEL`].
const LARGE: usize = 64 << 10;
/// Level for ordinary bodies: a millisecond or two on the device, once in an envelope's life.
pub const LEVEL: i32 = 19;
/// Level for large bodies.
pub const FAST_LEVEL: i32 = 12;

struct Entry {
    id: u32,
    bytes: &'static [u8],
    decoder: OnceLock<DecoderDictionary<'static>>,
    encoder: OnceLock<EncoderDictionary<'static>>,
    fast_encoder: OnceLock<EncoderDictionary<'static>>,
    decompressors: Idle<Decompressor<'static>>,
    /// For [`LEVEL`].
    compressors: Idle<Compressor<'static>>,
}

static REGISTRY: [Entry; 1] = [Entry {
    id: 1,
    bytes: include_bytes!("../dict/1.dict"),
    decoder: OnceLock::new(),
    encoder: OnceLock::new(),
    fast_encoder: OnceLock::new(),
    decompressors: Idle::new(),
    compressors: Idle::new(),
}];

/// What zstd works with, kept for the next body: to get such memory from the system takes longer than a small body does.
struct Idle<T>(Mutex<Vec<T>>);

impl<T> Idle<T> {
    /// Most that are kept: some 160 KB each to inflate, a few MB each to compress.
    const MOST: usize = 2;

    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Lends one to `work`. After an error it is not used again.
    fn lend<R>(
        &self,
        make: impl FnOnce() -> std::io::Result<T>,
        work: impl FnOnce(&mut T) -> std::io::Result<R>,
    ) -> std::io::Result<R> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = idle.map_or_else(make, Ok)?;
        let done = work(&mut lent)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::MOST {
            kept.push(lent);
        }
        Ok(done)
    }
}

fn entry(id: u32) -> Result<&'static Entry, EnvelopeError> {
    REGISTRY.iter().find(|entry| entry.id == id).ok_or(EnvelopeError::UnknownDictionary(id))
}

/// The bytes of a dictionary, if this version has it.
pub fn bytes(id: u32) -> Option<&'static [u8]> {
    entry(id).ok().map(|entry| entry.bytes)
}

/// The numbers of all dictionaries this version has, without 0.
pub fn known() -> impl Iterator<Item = u32> {
    REGISTRY.iter().map(|entry| entry.id)
}

/// Prepares a dictionary now instead of at its first use. Preparing one for compression takes some tens of
/// milliseconds; an app may want that to happen while it starts. Unknown numbers do nothing.
pub fn prepare(id: u32, compression: bool) {
    if let Ok(entry) = entry(id) {
        decoder(entry);
        if compression {
            encoder(entry, LEVEL);
        }
    }
}

fn decoder(entry: &'static Entry) -> &'static DecoderDictionary<'static> {
    entry.decoder.get_or_init(|| DecoderDictionary::copy(entry.bytes))
}

fn encoder(entry: &'static Entry, level: i32) -> &'static EncoderDictionary<'static> {
    let cell = if level == LEVEL { &entry.encoder } else { &entry.fast_encoder };
    cell.get_or_init(|| EncoderDictionary::copy(entry.bytes, level))
}

/// Compresses a body with dictionary `id` ([`PLAIN`] for none).
///
/// `level` overrides the usual choice of level; levels other than [`LEVEL`] and [`FAST_LEVEL`] prepare the dictionary
/// anew each time and are meant for measuring.
pub fn compress(id: u32, level: Option<i32>, data: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let level = level.unwrap_or(if data.len() < LARGE { LEVEL } else { FAST_LEVEL });
    let framed = if id == PLAIN {
        compressor(Compressor::new(level)).and_then(|mut compressor| compressor.compress(data))
    } else {
        let entry = entry(id)?;
        let make = || match level {
            LEVEL | FAST_LEVEL => compressor(Compressor::with_prepared_dictionary(encoder(entry, level))),
            _ => compressor(Compressor::with_dictionary(level, entry.bytes)),
        };
        if level == LEVEL {
            entry.compressors.lend(make, |compressor| compressor.compress(data))
        } else {
            make().and_then(|mut compressor| compressor.compress(data))
        }
    };
    let framed = framed.map_err(|_| EnvelopeError::Compression)?;
    framed.strip_prefix(&MAGIC).map(<[u8]>::to_vec).ok_or(EnvelopeError::Compression)
}

/// Set to write nothing that the envelope says already.
fn compressor(compressor: std::io::Result<Compressor<'_>>) -> std::io::Result<Compressor<'_>> {
    let mut compressor = compressor?;
    for parameter in
        [CParameter::ContentSizeFlag(false), CParameter::ChecksumFlag(false), CParameter::DictIdFlag(false)]
    {
        compressor.set_parameter(parameter)?;
    }
    Ok(compressor)
}

/// Inflates a body to at most `limit` bytes; more than that is an error, found out without writing past the limit.
pub fn decompress(id: u32, body: &[u8], limit: usize) -> Result<Vec<u8>, EnvelopeError> {
    let mut framed = Vec::with_capacity(MAGIC.len() + body.len());
    framed.extend_from_slice(&MAGIC);
    framed.extend_from_slice(body);
    // Most bodies inflate less than this far; only the rest pays for the large buffer.
    let guess = (body.len().saturating_mul(12) + 4096).min(limit);
    let inflate = |decompressor: &mut Decompressor<'_>| {
        let mut out = Vec::with_capacity(guess);
        if let Err(error) = decompressor.decompress_to_buffer(&framed, &mut out) {
            if guess == limit {
                return Err(error);
            }
            out = Vec::with_capacity(limit);
            decompressor.decompress_to_buffer(&framed, &mut out)?;
        }
        Ok(out)
    };
    let out = if id == PLAIN {
        Decompressor::new().and_then(|mut decompressor| inflate(&mut decompressor))
    } else {
        let entry = entry(id)?;
        entry.decompressors.lend(|| Decompressor::with_prepared_dictionary(decoder(entry)), inflate)
    };
    out.map_err(|_| EnvelopeError::Compression)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bodies_come_back_with_and_without_a_dictionary() {
        let data: Vec<u8> = (0..5000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for id in [PLAIN, CURRENT] {
            for level in [None, Some(3), Some(FAST_LEVEL)] {
                let body = compress(id, level, &data).unwrap();
                assert_eq!(decompress(id, &body, data.len()).unwrap(), data);
                assert!(decompress(id, &body, data.len() - 1).is_err());
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let body = compress(PLAIN, None, &vec![0; 64 << 20]).unwrap();
        assert!(body.len() < 8192);
        let error = decompress(PLAIN, &body, 1 << 20).unwrap_err();
        assert!(matches!(error, EnvelopeError::Compression));
    }

    #[test]
    fn unknown_dictionaries_are_named() {
        assert!(matches!(compress(77, None, b"x"), Err(EnvelopeError::UnknownDictionary(77))));
        assert!(matches!(decompress(77, b"x", 10), Err(EnvelopeError::UnknownDictionary(77))));
    }

    #[test]
    fn dictionaries_are_within_their_limit() {
        for id in known() {
            assert!(bytes(id).unwrap().len() <= crate::limits::MAX_DICTIONARY);
        }
    }
}
