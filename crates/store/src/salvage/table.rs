//! Reading a damaged database table by table, as far as the engine gets: for engines that read single pages only as a
//! part of their table.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;

use crate::error::StoreError;
use crate::key::DatabaseKey;
use crate::open::connect;

use super::LooseRow;

/// The tables whose rows nobody can derive again.
const TABLES: &[&str] = &[
    "setting",
    "space",
    "document",
    "change",
    "envelope",
    "draft",
    "attachment",
    "attachment_piece",
    "erased",
    "salvage_note",
];

/// Reads every row that can be reached and hands it to `take`. The file stays as it is.
///
/// Behind a damaged page the walk goes on at growing distances until it finds rows again, so that one leaf that is lost
/// costs the rows on it and few others.
pub(super) fn read(
    path: &Path,
    key: &DatabaseKey,
    take: &mut dyn FnMut(LooseRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for table in TABLES {
        let (mut after, mut skip) = (i64::MIN, 1_i64);
        loop {
            // A connection that has met a damaged page reads no other any more.
            let (reached, whole) = walk(&look(path, key)?, table, after, take)?;
            if whole || after == i64::MAX {
                break;
            }
            if reached > after {
                skip = 1;
            }
            // Numbers of rows begin at 1: what lies below needs no search.
            after = reached.max(0).saturating_add(skip);
            skip = skip.saturating_mul(2);
        }
    }
    Ok(())
}

/// A connection that leaves the file as it is, also when it is closed.
pub(super) fn look(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    let connection = connect(path, key)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Reads the rows of a table behind one number. Gives the last number read, and whether the end was reached.
fn walk(
    damaged: &Connection,
    table: &str,
    after: i64,
    take: &mut dyn FnMut(LooseRow) -> Result<(), StoreError>,
) -> Result<(i64, bool), StoreError> {
    let sql = format!("SELECT rowid, * FROM {table} WHERE rowid > ?1 ORDER BY rowid");
    // Without a first page there is no schema, and nothing to be had.
    let Ok(mut statement) = damaged.prepare(&sql) else { return Ok((after, true)) };
    let width = statement.column_count();
    let Ok(mut rows) = statement.query([after]) else { return Ok((after, false)) };
    let mut reached = after;
    loop {
        match rows.next() {
            Ok(None) => return Ok((reached, true)),
            Err(_) => return Ok((reached, false)),
            Ok(Some(row)) => {
                let columns = (1..width).map(|place| row.get(place)).collect::<Result<Vec<Value>, _>>();
                let (Ok(n), Ok(mut columns)) = (row.get(0), columns) else { return Ok((reached, false)) };
                reached = n;
                // In the record itself the number of the row is empty.
                if *table != *"setting"
                    && let Some(number) = columns.first_mut()
                {
                    *number = Value::Null;
                }
                take(LooseRow { n, columns })?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::open::configure;
    use crate::schema;

    const ROWS: i64 = 2_000;

    /// Numbers of the rows that can be read after these pages were overwritten.
    fn left(damaged: &[usize]) -> Vec<i64> {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = (folder.path().join("x.db"), DatabaseKey::new([7; 32]));
        let mut connection = connect(&path, &key).unwrap();
        configure(&connection).unwrap();
        schema::migrate(&mut connection, 0).unwrap();
        let mut insert = connection.prepare("INSERT INTO envelope VALUES (?1, ?2, ?2, 0, NULL, NULL, ?3)").unwrap();
        for n in 1..=ROWS {
            insert.execute((n, vec![1_u8; 32], vec![2_u8; 300])).unwrap();
        }
        drop(insert);
        connection.close().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let pages = bytes.len() / 4096;
        for place in damaged {
            // In parts of a hundred of the file, from its end, where the rows lie.
            let page = pages - 1 - pages * place / 100;
            bytes[page * 4096 + 100..page * 4096 + 200].fill(0);
        }
        std::fs::write(&path, bytes).unwrap();
        let mut found = Vec::new();
        let mut take = |row: LooseRow| {
            found.push(row.n);
            Ok(())
        };
        read(&path, &key, &mut take).unwrap();
        found
    }

    #[test]
    fn a_sound_table_is_read_whole_and_in_order() {
        assert_eq!(left(&[]), (1..=ROWS).collect::<Vec<_>>());
    }

    #[test]
    fn lost_pages_cost_their_rows_and_few_others() {
        let found = left(&[20, 40, 60]);
        assert!(found.is_sorted());
        // A page holds ten of these rows; as many again may be skipped while the next one is looked for.
        let lost = ROWS - i64::try_from(found.len()).unwrap();
        assert!((1..=120).contains(&lost), "{lost} rows were lost");
        assert_eq!(found.last(), Some(&ROWS));
    }
}
