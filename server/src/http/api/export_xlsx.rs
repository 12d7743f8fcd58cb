//! Exports for spreadsheets: typed cells, two frozen lines at the top (names, codes), memory that does not grow with the
//! number of rows. Text is stored as text: a spreadsheet never takes it for a formula, whatever it begins with.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::civil::Date;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::export_cells::{Cell, TableRow};
use super::export_stream::{Stream, for_each_page};
use crate::db::{Db, DbError};
use crate::reports::list::{Cursor, Page};

/// Rows of a worksheet, less the two at the top.
pub(crate) const MAX_ROWS: i64 = 1_048_574;

struct Sheet<'w> {
    page: &'w mut Worksheet,
    date: Format,
    instant: Format,
    row: u32,
}

impl Sheet<'_> {
    fn put(&mut self, column: u16, cell: Cell) -> Result<(), XlsxError> {
        match cell {
            Cell::Empty => {}
            Cell::Text(text) => {
                self.page.write_string(self.row, column, short(text))?;
            }
            Cell::Int(number) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a spreadsheet's numbers are doubles; counts are small"
                )]
                self.page.write_number(self.row, column, number as f64)?;
            }
            Cell::Date(date) => {
                self.page.write_number_with_format(self.row, column, serial(date), &self.date)?;
            }
            Cell::At(at) => {
                // The hour as people there read it: UTC+7.
                let local = at.ms() + 7 * 3600 * 1000;
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit a double")]
                let days = local as f64 / 86_400_000.0 + 25_569.0;
                self.page.write_number_with_format(self.row, column, days, &self.instant)?;
            }
        }
        Ok(())
    }
}

/// A cell holds at most 32,767 characters.
fn short(text: String) -> String {
    if text.len() <= 32_767 { text } else { text.chars().take(32_767).collect() }
}

/// A spreadsheet's number of a day: days since 1899-12-30.
fn serial(date: Date) -> f64 {
    f64::from(i32::try_from(crate::reports::day::Day::of(date).0).unwrap_or(i32::MAX)) + 25_569.0
}

/// Writes a workbook with one sheet. Rows go to a temporary file in `folder`, which nobody else can read.
pub(crate) fn write<R, F>(
    mut stream: Stream,
    db: &Db,
    folder: &Path,
    (name, units): (&str, &BTreeMap<String, String>),
    read: F,
) where
    R: TableRow,
    F: Fn(&rusqlite::Connection, Option<&Cursor>, usize) -> Result<Page<R>, DbError>,
{
    let write = || {
        let mut book = Workbook::new();
        book.set_tempdir(folder).map_err(io::Error::other)?;
        let sheet = book.add_worksheet_with_constant_memory().map_err(io::Error::other)?;
        head::<R>(sheet, name).map_err(io::Error::other)?;
        let mut sheet = Sheet {
            page: sheet,
            date: Format::new().set_num_format("dd/mm/yyyy"),
            instant: Format::new().set_num_format("dd/mm/yyyy hh:mm"),
            row: 2,
        };
        for_each_page(db, read, |rows: Vec<R>| {
            if stream.is_closed() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            for row in rows {
                for (column, cell) in (0..).zip(row.cells(units).map_err(io::Error::other)?) {
                    sheet.put(column, cell).map_err(io::Error::other)?;
                }
                sheet.row += 1;
            }
            Ok(())
        })?;
        book.save_to_writer(&mut stream).map_err(io::Error::other)
    };
    let done = write();
    stream.finish(done);
}

fn head<R: TableRow>(sheet: &mut Worksheet, name: &str) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    sheet.set_freeze_panes(2, 0)?;
    let bold = Format::new().set_bold();
    let grey = Format::new().set_font_color("#666666");
    for (column, (_, name)) in (0..).zip(R::COLUMNS) {
        sheet.set_column_width(column, f64::from(u8::try_from(name.chars().count()).unwrap_or(30).max(10)) + 2.0)?;
    }
    for (column, (_, name)) in (0..).zip(R::COLUMNS) {
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    for (column, (code, _)) in (0..).zip(R::COLUMNS) {
        sheet.write_string_with_format(1, column, *code, &grey)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers")]
    fn days_are_numbered_as_spreadsheets_number_them() {
        assert_eq!(serial(jiff::civil::date(1900, 3, 1)), 61.0);
        assert_eq!(serial(jiff::civil::date(2026, 11, 21)), 46_347.0);
    }
}
