//! Lists as a text table, streamed page by page (`?format=csv` of a list).

use std::collections::BTreeMap;

use axum::response::Response;

use super::export_cells::TableRow;
use super::export_stream::{Encoder, Stream, answer};
use crate::db::{Db, DbError};
use crate::reports::list::{Cursor, Page};

/// How a text table is written.
pub(crate) struct Csv {
    /// Begin with a byte order mark, which some spreadsheets need to read Vietnamese.
    pub(crate) bom: bool,
    /// A second line with the stable codes of the columns.
    pub(crate) codes: bool,
    /// Names of units, by code.
    pub(crate) units: BTreeMap<String, String>,
}

impl<R: TableRow> Encoder<R> for Csv {
    fn head(&mut self) -> Result<Vec<u8>, DbError> {
        let mut bytes = Vec::new();
        if self.bom {
            bytes.extend_from_slice("\u{feff}".as_bytes());
        }
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(bytes);
        writer.write_record(R::COLUMNS.iter().map(|(_, name)| name)).map_err(DbError::internal)?;
        if self.codes {
            writer.write_record(R::COLUMNS.iter().map(|(code, _)| code)).map_err(DbError::internal)?;
        }
        writer.into_inner().map_err(|error| DbError::internal(error.error()))
    }

    fn rows(&mut self, rows: Vec<R>) -> Result<Vec<u8>, DbError> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for row in rows {
            for cell in row.cells(&self.units)? {
                writer.write_field(cell.into_text()).map_err(DbError::internal)?;
            }
            writer.write_record(None::<&[u8]>).map_err(DbError::internal)?;
        }
        writer.into_inner().map_err(|error| DbError::internal(error.error()))
    }

    fn tail(&mut self) -> Result<Vec<u8>, DbError> {
        Ok(Vec::new())
    }
}

/// Answers with a table of all pages. `read` reads the page after a cursor; it runs on a thread that may block, and no
/// faster than the caller takes what it gives.
pub(crate) fn stream<R, F>(db: Db, name: &'static str, bom: bool, units: BTreeMap<String, String>, read: F) -> Response
where
    R: TableRow,
    F: Fn(&rusqlite::Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError> + Send + 'static,
{
    let (stream, body) = Stream::new();
    let csv = Csv { bom, codes: false, units };
    tokio::task::spawn_blocking(move || stream.pump(&db, read, csv));
    answer(body, "text/csv; charset=utf-8", &format!("{name}.csv"), None)
}

#[cfg(test)]
mod tests {
    use gandan_model::rows::{IssueRow, VisitRow};

    use super::*;

    #[test]
    fn a_mark_of_byte_order_stands_once_at_the_start() {
        let mut csv = Csv { bom: true, codes: true, units: BTreeMap::new() };
        let head = Encoder::<IssueRow>::head(&mut csv).unwrap();
        assert!(head.starts_with(b"\xef\xbb\xbf"));
        let text = String::from_utf8(head).unwrap();
        assert!(text.contains("Mã phiếu") && text.contains("\r\nid,ticket,"), "{text}");
        assert!(Encoder::<IssueRow>::rows(&mut csv, Vec::new()).unwrap().is_empty());
        csv.bom = false;
        assert!(!Encoder::<VisitRow>::head(&mut csv).unwrap().starts_with(b"\xef"));
    }
}
