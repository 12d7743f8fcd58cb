//! Applying a write-ahead log to a copy of its database, without the database engine, which would refuse
//! to open a damaged file.
//!
//! The log is a header of 32 bytes and frames of 24 bytes and a page each. Frames count up to the last one
//! that ends a transaction, as long as salts and checksums are those of the header. The pages in it are as
//! encrypted as those in the file.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::StoreError;

use super::system::PAGE;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// Copies every committed page of the log into the file.
pub(super) fn apply(wal: &Path, database: &Path) -> Result<(), StoreError> {
    let Ok(file) = File::open(wal) else { return Ok(()) };
    let mut log = BufReader::new(file);
    let mut header = [0; HEADER];
    if log.read_exact(&mut header).is_err() {
        return Ok(());
    }
    let Some(mut sum) = Checksum::of_header(&header) else { return Ok(()) };
    let mut target = File::options().write(true).open(database)?;
    // Pages of a transaction whose end has not been read yet.
    let mut open: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut frame = vec![0; FRAME + PAGE];
    while log.read_exact(&mut frame).is_ok() {
        let (head, page) = frame.split_at(FRAME);
        if head[8..16] != header[16..24] {
            break;
        }
        sum.add(&head[..8]);
        sum.add(page);
        if (sum.a, sum.b) != (big(head, 16), big(head, 20)) {
            break;
        }
        open.push((big(head, 0), page.to_vec()));
        if big(head, 4) != 0 {
            for (number, page) in open.drain(..) {
                target.seek(SeekFrom::Start(u64::from(number.saturating_sub(1)) * PAGE as u64))?;
                target.write_all(&page)?;
            }
        }
    }
    target.sync_all()?;
    Ok(())
}

fn big(bytes: &[u8], place: usize) -> u32 {
    bytes[place..place + 4].iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn little(bytes: &[u8], place: usize) -> u32 {
    bytes[place..place + 4].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The running checksum of a log.
struct Checksum {
    a: u32,
    b: u32,
    read: fn(&[u8], usize) -> u32,
}

impl Checksum {
    /// The checksum after the header; nothing if this is not the header of such a log.
    fn of_header(header: &[u8; HEADER]) -> Option<Self> {
        let read = match big(header, 0) {
            0x377f_0682 => little,
            0x377f_0683 => big,
            _ => return None,
        };
        if big(header, 8) as usize != PAGE {
            return None;
        }
        let mut sum = Self { a: 0, b: 0, read };
        sum.add(&header[..24]);
        ((sum.a, sum.b) == (big(header, 24), big(header, 28))).then_some(sum)
    }

    fn add(&mut self, bytes: &[u8]) {
        for place in (0..bytes.len()).step_by(8) {
            self.a = self.a.wrapping_add((self.read)(bytes, place)).wrapping_add(self.b);
            self.b = self.b.wrapping_add((self.read)(bytes, place + 4)).wrapping_add(self.a);
        }
    }
}
