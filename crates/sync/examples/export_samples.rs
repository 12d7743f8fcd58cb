//! Turns visits into samples for `train_dictionary`.
//!
//! ```text
//! cargo run --release -p gandan-sync --example export_samples -- VISITS.jsonl|- > samples
//! ```
//!
//! Each line (in the form `visit-sample/1`) becomes what a device would send for it: one body with the new documents of
//! the visit, and for every sixth visit a few bodies with a change of one field. Several thousand lines make a good
//! dictionary; the 60 of the sample do not. The same lines give the same samples.
#![allow(clippy::print_stderr)]

use gandan_model::document::{Document, Stamp};
use gandan_model::ids::{DeviceId, DocId};
use gandan_model::patch::FieldEdit;
use gandan_model::sample::read_line;
use gandan_sync::Outgoing;
use gandan_sync::envelope::training_sample;
use gandan_sync::resolve::Nothing;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

/// Fields that are often changed alone; a kind of document takes those it has.
const EDITS: [(&str, &str); 6] = [
    ("status", "verified"),
    ("title", "Rác tồn đọng"),
    ("place.name", "Thôn 7"),
    ("venue", "school"),
    ("priority", "urgent"),
    ("note", "Bà con đề nghị trả lời trước cuối tháng."),
];
/// Every how many visits such changes are made.
const EDITED: usize = 6;
/// Milliseconds since 1970 of the earliest visit, and the span in which visits lie.
const TIMES: (i64, u64) = (1_785_000_000_000, 10_000_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let from = std::env::args().nth(1).ok_or("usage: export_samples VISITS.jsonl|- > samples")?;
    let input: Box<dyn BufRead> =
        if from == "-" { Box::new(io::stdin().lock()) } else { Box::new(BufReader::new(File::open(&from)?)) };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut refused = 0_usize;
    for (index, line) in input.lines().enumerate() {
        let line = line?;
        match samples(&line, index % EDITED == 0) {
            Some(samples) => samples.iter().try_for_each(|sample| put(&mut out, sample))?,
            None => refused += 1,
        }
    }
    if refused > 0 {
        eprintln!("{refused} lines were left out: the model does not take them");
    }
    Ok(out.flush()?)
}

fn put(out: &mut impl Write, sample: &[u8]) -> io::Result<()> {
    let length = u32::try_from(sample.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(sample)
}

fn samples(line: &str, edited: bool) -> Option<Vec<Vec<u8>>> {
    let hash: [u8; 32] = Sha256::digest(line).into();
    let device = DeviceId::from_slice(&hash[..8])?;
    let offset = i64::try_from(u64::from_le_bytes(hash[8..16].try_into().ok()?) % TIMES.1).ok()?;
    let mut stamp = Stamp { device, author: format!("CB-{:03}", hash[16] % 60), now_ms: TIMES.0 + offset };
    let mut documents: Vec<(DocId, Document)> = Vec::new();
    let mut changes = Vec::new();
    for asked in read_line(line).ok()?.documents {
        let mut document = Document::new(asked.kind);
        if let Some(change) = document.patch(&stamp, &asked.edits).ok()? {
            changes.push((asked.id, change.raw));
        }
        documents.push((asked.id, document));
    }
    let outgoing: Vec<Outgoing<'_>> = changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
    let mut samples = vec![training_sample(&device, &outgoing, &Nothing).ok()?];
    for (field, value) in EDITS.into_iter().filter(|_| edited) {
        stamp.now_ms += 3_600_000 + i64::from(hash[17]) * 1_733;
        for (doc, document) in &mut documents {
            if let Ok(Some(change)) = document.patch(&stamp, &[FieldEdit::new(field, value)]) {
                let one = [Outgoing { doc: *doc, raw: &change.raw }];
                samples.push(training_sample(&device, &one, &|_: &DocId| true).ok()?);
            }
        }
    }
    Some(samples)
}
