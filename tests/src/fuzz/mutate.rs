//! Changes to bytes.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// Numbers at which programs err.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 48, u64::MAX >> 1, u64::MAX];

/// A changed copy of one of these.
pub(super) fn mutate(rng: &mut impl Rng, pool: &[Vec<u8>], words: &[Vec<u8>], longest: usize) -> Vec<u8> {
    let mut bytes = pool.choose(rng).cloned().unwrap_or_default();
    for _ in 0..1 << rng.random_range(0..4) {
        step(rng, &mut bytes, pool, words);
    }
    bytes.truncate(longest);
    bytes
}

/// One change.
pub(super) fn step(rng: &mut impl Rng, bytes: &mut Vec<u8>, pool: &[Vec<u8>], words: &[Vec<u8>]) {
    let place = rng.random_range(0..=bytes.len());
    match rng.random_range(0..10) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = rng.random();
            }
        }
        3 => bytes.truncate(place),
        4 => {
            let end = (place + rng.random_range(1..=16)).min(bytes.len());
            bytes.drain(place..end);
        }
        5 => {
            let end = (place + rng.random_range(1..=64)).min(bytes.len());
            let piece = bytes[place..end].to_vec();
            let times = if rng.random_bool(0.05) { 200 } else { 1 };
            insert(bytes, place, &piece.repeat(times));
        }
        6 => insert(bytes, place, &number(rng)),
        7 => {
            // A number in the place of bytes.
            let number = number(rng);
            let end = (place + number.len()).min(bytes.len());
            bytes.splice(place..end, number);
        }
        8 => match words.choose(rng) {
            Some(word) => insert(bytes, place, word),
            None => insert(bytes, place, &[rng.random()]),
        },
        _ => {
            let Some(other) = pool.choose(rng).filter(|other| !other.is_empty()) else { return };
            let start = rng.random_range(0..other.len());
            let end = (start + rng.random_range(1..=256)).min(other.len());
            let over = (place + rng.random_range(0..=end - start)).min(bytes.len());
            bytes.splice(place..over, other[start..end].iter().copied());
        }
    }
}

/// A number as a variable-length integer, or in fixed length either way round.
fn number(rng: &mut impl Rng) -> Vec<u8> {
    let mut value = *NUMBERS.choose(rng).unwrap_or(&0);
    if rng.random_bool(0.3) {
        value = value.wrapping_add(rng.random_range(0..5)).wrapping_sub(2);
    }
    match rng.random_range(0..3) {
        0 => value.to_be_bytes()[rng.random_range(0..8)..].to_vec(),
        1 => value.to_le_bytes()[..rng.random_range(1..=8)].to_vec(),
        _ => {
            let mut out = Vec::new();
            loop {
                let byte = u8::try_from(value & 0x7f).unwrap_or(0);
                value >>= 7;
                if value == 0 {
                    out.push(byte);
                    return out;
                }
                out.push(byte | 0x80);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, place: usize, piece: &[u8]) {
    bytes.splice(place..place, piece.iter().copied());
}
