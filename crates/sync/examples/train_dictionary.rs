//! Trains the dictionary for envelope bodies.
//!
//! ```text
//! cargo run --release -p gandan-sync --example train_dictionary -- SAMPLES|- OUT.dict [MAX_BYTES]
//! ```
//!
//! SAMPLES is a file (or `-` for the standard input) of bodies before compression, as the example `export_samples` or
//! `gandan_sync::envelope::training_sample` gives them, each behind its length as four bytes, little-endian. What the
//! dictionary is worth depends on how much the samples look like real traffic: single visits, single field changes and
//! batches in about the proportion in which devices send them.
//!
//! A dictionary that a release has used must never change: give the new one a new number.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::io::{self, Read};

/// Samples held back to measure with.
const HELD_BACK: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: train_dictionary SAMPLES|- OUT.dict [MAX_BYTES]".into());
    };
    let max = arguments.next().map_or(Ok(gandan_sync::limits::MAX_DICTIONARY), |text| text.parse())?;
    let mut bytes = Vec::new();
    if from == "-" {
        io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = fs::read(&from)?;
    }
    let samples = split(&bytes)?;
    let (held, used): (Vec<_>, Vec<_>) = samples.iter().enumerate().partition(|(index, _)| index % HELD_BACK == 0);
    let used: Vec<&[u8]> = used.into_iter().map(|(_, sample)| *sample).collect();
    let held: Vec<&[u8]> = held.into_iter().map(|(_, sample)| *sample).collect();
    let dictionary = zstd::dict::from_samples(&used, max)?;
    report(&held, &dictionary)?;
    fs::write(&to, &dictionary)?;
    println!("{} bytes from {} samples written to {to}", dictionary.len(), used.len());
    Ok(())
}

fn split(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Box<dyn Error>> {
    let mut samples = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length))?;
        let (sample, rest) = rest.split_at_checked(length).ok_or("the last sample is cut off")?;
        samples.push(sample);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(samples) } else { Err("bytes left over behind the last sample".into()) }
}

/// Prints what the dictionary is worth on samples it was not made from.
fn report(held: &[&[u8]], dictionary: &[u8]) -> Result<(), Box<dyn Error>> {
    let level = gandan_sync::dictionary::LEVEL;
    let mut with = zstd::bulk::Compressor::with_dictionary(level, dictionary)?;
    let mut without = zstd::bulk::Compressor::new(level)?;
    for (name, range) in [("up to 256 bytes", 0..257), ("up to 4 KiB", 257..4097), ("larger", 4097..usize::MAX)] {
        let (mut count, mut raw, mut plain, mut small) = (0, 0, 0, 0);
        for sample in held.iter().filter(|sample| range.contains(&sample.len())) {
            count += 1;
            raw += sample.len();
            plain += without.compress(sample)?.len();
            small += with.compress(sample)?.len();
        }
        let mean = |sum: usize| sum.checked_div(count).unwrap_or(0);
        println!(
            "bodies {name}: {count} held back, mean {} bytes, zstd-{level} {}, with the dictionary {}",
            mean(raw),
            mean(plain),
            mean(small)
        );
    }
    Ok(())
}
