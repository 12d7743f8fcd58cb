//! Looking at single pages of a damaged file.
//!
//! Tables are trees of pages, and one damaged page high up makes everything below unreachable. But every
//! leaf of a table is itself the root of a small table. So the copy of the damaged file gets a first page of
//! our own making, in plain text, whose schema names fifty pages at a time as the roots of fifty tables; the
//! engine then decrypts and reads each as far as it can. SQLCipher allows for this: with a plaintext
//! header as long as the page, it does not give up at the first page whose checksum is wrong.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::key::DatabaseKey;

use super::LooseRow;
use super::system::PAGE;

/// Bytes at the end of every page that SQLCipher uses for its checksum.
const RESERVED: usize = 80;
const USABLE: usize = PAGE - RESERVED;
/// Tables that fit into one schema page.
pub(super) const AT_ONCE: u32 = 50;
/// At least as many columns as any table of ours has.
const COLUMNS: &str = "a,b,c,d,e,f,g,h,i,j,k";

/// Reads every row of every table leaf among `count` pages from `first` on, and hands it to `take`.
/// `pages` is the number of pages of the file.
pub(super) fn read(
    path: &Path,
    key: &DatabaseKey,
    pages: u32,
    first: u32,
    count: u32,
    take: &mut dyn FnMut(LooseRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&first_page(pages, first, count))?;
    drop(file);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    connection.pragma_update(None, "key", key.pragma())?;
    connection.execute_batch(&format!("PRAGMA cipher_plaintext_header_size = {USABLE}; PRAGMA cache_size = -4096;"))?;
    for page in first..first + count {
        // What is not a leaf of a table gives an error here: it is skipped.
        let Ok(mut statement) = connection.prepare(&format!("SELECT rowid, {COLUMNS} FROM p{page}")) else {
            continue;
        };
        let width = statement.column_count();
        let Ok(mut rows) = statement.query([]) else { continue };
        while let Ok(Some(row)) = rows.next() {
            let columns = (1..width).map(|place| row.get(place)).collect::<Result<Vec<Value>, _>>();
            if let (Ok(n), Ok(columns)) = (row.get(0), columns) {
                take(LooseRow { n, columns })?;
            }
        }
    }
    Ok(())
}

/// The first page of a database of so many pages, with a schema of `count` tables `p<page>`.
fn first_page(pages: u32, first: u32, count: u32) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    // Page size; rollback journal; reserved bytes; three constants.
    page[16..24].copy_from_slice(&[short(PAGE)[0], 0, 1, 1, short(RESERVED)[1], 64, 32, 32]);
    // Number of changes, and of pages; they count as valid if the former stands again at 92.
    page[24..28].copy_from_slice(&1_u32.to_be_bytes());
    page[28..32].copy_from_slice(&pages.to_be_bytes());
    page[40..44].copy_from_slice(&1_u32.to_be_bytes());
    page[44..48].copy_from_slice(&4_u32.to_be_bytes());
    page[56..60].copy_from_slice(&1_u32.to_be_bytes());
    page[92..96].copy_from_slice(&1_u32.to_be_bytes());
    page[96..100].copy_from_slice(&3_053_004_u32.to_be_bytes());
    // A table leaf: cells from the end of the page downwards, their places after the header of 8 bytes.
    let mut end = USABLE;
    for place in 0..count {
        let cell = cell(place + 1, first + place);
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        let pointer = 108 + 2 * place as usize;
        page[pointer..pointer + 2].copy_from_slice(&short(end));
    }
    page[100] = 0x0d;
    page[103..105].copy_from_slice(&short(count as usize));
    page[105..107].copy_from_slice(&short(end));
    page
}

/// The low 16 bits: all numbers here are at most 4,096.
fn short(number: usize) -> [u8; 2] {
    [low(number >> 8), low(number)]
}

fn low(number: usize) -> u8 {
    u8::try_from(number & 0xff).unwrap_or_default()
}

/// A row of `sqlite_schema`. All lengths are below 128, so that each takes one byte.
fn cell(row: u32, root: u32) -> Vec<u8> {
    let name = format!("p{root}");
    let sql = format!("CREATE TABLE {name}({COLUMNS})");
    let text = |text: &str| low(13 + 2 * text.len());
    let mut record = vec![6, text("table"), text(&name), text(&name), 4, text(&sql)];
    for part in ["table", &name, &name] {
        record.extend_from_slice(part.as_bytes());
    }
    record.extend_from_slice(&root.to_be_bytes());
    record.extend_from_slice(sql.as_bytes());
    let mut cell = vec![low(record.len()), low(row as usize)];
    cell.append(&mut record);
    cell
}
