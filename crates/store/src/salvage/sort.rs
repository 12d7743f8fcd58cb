//! Telling loose rows apart by their form, and making a sound database of them.

use gandan_model::ids::{ChangeHash, SpaceId};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::error::StoreError;
use crate::space::{SPACES, SpaceCopy};
use crate::state::change;
use crate::{attachment, raw, setting};

use super::{LooseRow, SalvageReport};

/// Puts a row into the table from which it comes. Rows of derived tables, and what is none of ours, are
/// left out.
pub(super) fn put(connection: &Connection, row: LooseRow) -> Result<(), StoreError> {
    let Some((table, width)) = table_of(&row.columns) else { return Ok(()) };
    let mut columns = row.columns;
    // The number of a row is not in its record but beside it.
    if table != "setting" {
        columns[0] = Value::Integer(row.n);
    }
    if table == "draft" && columns[8] == Value::Null {
        columns[8] = Value::Text(String::new());
    }
    let places: Vec<String> = (1..=width).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT OR IGNORE INTO {table} VALUES ({})", places.join(", "));
    connection.prepare_cached(&sql)?.execute(params_from_iter(columns.into_iter().take(width)))?;
    Ok(())
}

/// The table whose rows have this form, and how many columns it has.
fn table_of(columns: &[Value]) -> Option<(&'static str, usize)> {
    use Value::{Blob, Integer, Null, Text};
    let hashes = |bytes: &[u8]| bytes.len().is_multiple_of(32);
    let number = |value: &Value| matches!(value, Integer(_) | Null);
    let rest = |from: usize| columns[from..].iter().all(|value| *value == Null);
    Some(match columns {
        [Text(_), Blob(_), ..] if rest(2) => ("setting", 2),
        [Null, Blob(id), Text(_), Integer(_), Integer(_), Integer(_), Blob(chain), Integer(_), Blob(sum), ..]
            if id.len() == 16 && chain.len() == 32 && sum.len() == 32 && rest(9) =>
        {
            ("space", 9)
        }
        [Null, Blob(id), Integer(_), Integer(_), Integer(_), Blob(heads), Blob(log_heads), ..]
            if id.len() == 16 && hashes(heads) && hashes(log_heads) && rest(7) =>
        {
            ("document", 7)
        }
        [Null, Integer(_), Blob(id), Integer(_), Blob(hash), Integer(state), seq, device_seq, at, _, Blob(raw)]
            if id.len() == 16 && number(seq) && number(device_seq) && number(at) && is_change(hash, *state, raw) =>
        {
            ("change", 11)
        }
        [Null, Blob(space), Blob(hash), Integer(_), seq, Text(_) | Null, Blob(_) | Null, ..]
            if space.len() == 16 && hash.len() == 32 && number(seq) && rest(7) =>
        {
            ("envelope", 7)
        }
        [Null, Blob(id), Blob(space), Integer(_), Blob(base), Integer(_), Integer(_), Text(_), Text(_) | Null, ..]
            if id.len() == 16 && space.len() == 16 && hashes(base) && rest(9) =>
        {
            ("draft", 9)
        }
        [Null, Blob(hash), Blob(space), Integer(_), Text(_), Integer(_), Integer(_), Text(_) | Null, ..]
            if hash.len() == 32 && space.len() == 16 && rest(8) =>
        {
            ("attachment", 8)
        }
        [Null, Blob(hash), Integer(_), Blob(_), ..] if hash.len() == 32 && rest(4) => ("attachment_piece", 4),
        [Null, Text(reason), Blob(id), ..] if reason == "erased" && id.len() == 16 && rest(3) => ("erased", 3),
        [Null, Integer(_), Text(_), ..] if rest(3) => ("salvage_note", 3),
        _ => return None,
    })
}

/// A change proves itself by its hash; one that was rejected need not.
fn is_change(hash: &[u8], state: i64, bytes: &[u8]) -> bool {
    let Some(hash) = ChangeHash::from_slice(hash) else { return false };
    state == change::REJECTED || raw::head(bytes).is_some_and(|head| head.hash == hash)
}

/// Closes the gaps that lost rows have left, and counts what is there.
pub(super) fn mend(connection: &Connection, report: &mut SalvageReport) -> Result<(), StoreError> {
    let copies: Vec<SpaceCopy> = setting::json(connection, SPACES).ok().flatten().unwrap_or_default();
    for copy in copies {
        put_space(connection, copy.n, copy.id, &copy.unit, i64::from(copy.compartment), copy.access)?;
    }
    let homeless = {
        let mut statement = connection
            .prepare("SELECT space FROM change UNION SELECT space FROM document EXCEPT SELECT n FROM space")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    for n in homeless {
        report.homeless_changes += connection.query_row(
            "SELECT count(*) FROM change WHERE space = ?1 AND state < ?2 AND state <> ?3",
            [n, change::NOT_APPLIED, change::LOGGED],
            |row| row.get::<_, u64>(0),
        )?;
        // A space that nobody grants: its changes are shown, kept and can be exported.
        let mut id = [0; 16];
        id[8..].copy_from_slice(&n.to_be_bytes());
        put_space(connection, n, SpaceId(id), "", 2, 0)?;
    }
    connection.execute_batch(
        "INSERT OR IGNORE INTO document (n, id, space, kind, state, heads, log_heads)
             SELECT doc, doc_id, space, 0, 0, x'', x'' FROM change GROUP BY doc;
         DELETE FROM change WHERE doc NOT IN (SELECT n FROM document);
         UPDATE document SET heads = x'', log_heads = x'';
         UPDATE space SET cursor_seq = 0, cursor_chain = zeroblob(32), digest_count = 0, digest_sum = zeroblob(32);
         UPDATE change SET state = 0, device_seq = NULL
             WHERE state = 1 AND device_seq NOT IN (SELECT device_seq FROM envelope);
         DELETE FROM setting WHERE name IN ('sync', 'rows');
         INSERT OR REPLACE INTO setting (name, value) VALUES ('rows_place', CAST('0' AS BLOB));",
    )?;
    attachment::mend(connection)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    report.changes = count("SELECT count(*) FROM change")?;
    report.unsent_changes = count("SELECT count(*) FROM change WHERE state IN (0, 1)")?;
    report.envelopes = count("SELECT count(*) FROM envelope")?;
    report.drafts = count("SELECT count(*) FROM draft")?;
    report.identity = count("SELECT count(*) FROM setting WHERE name = 'identity'")? > 0;
    Ok(())
}

fn put_space(
    connection: &Connection,
    n: i64,
    id: SpaceId,
    unit: &str,
    compartment: i64,
    access: i64,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT OR IGNORE INTO space VALUES (?1, ?2, ?3, ?4, ?5, 0, zeroblob(32), 0, zeroblob(32))",
        params![n, id.0, unit, compartment, access],
    )?;
    Ok(())
}
