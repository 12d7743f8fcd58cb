//! The form of the database and the steps from older forms to it.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// The whole schema of this version, for a new file.
pub(crate) const CURRENT: &str = include_str!("schema/current.sql");

/// Step `n` makes format `n + 1` of format `n`. Steps are never changed once released; a new one is added
/// at the end and `current.sql` is changed to what it leads to.
pub(crate) const STEPS: &[&str] = &[
    // 0 -> 1 does not exist: format 0 is an empty file, which gets `CURRENT`.
    "",
    include_str!("schema/to_2.sql"),
    include_str!("schema/to_3.sql"),
    include_str!("schema/to_4.sql"),
];

/// The format that this version writes.
pub(crate) const VERSION: u32 = 4;

/// Brings the database to [`VERSION`], in one transaction.
pub(crate) fn migrate(connection: &mut Connection, found: u32) -> Result<(), StoreError> {
    if found == VERSION {
        return Ok(());
    }
    if found > VERSION {
        return Err(StoreError::NewerVersion { found, known: VERSION });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if found == 0 {
        transaction.execute_batch(CURRENT)?;
    } else {
        for step in STEPS.iter().skip(found as usize) {
            transaction.execute_batch(step)?;
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// The first released form, kept as it was.
    const FIRST: &str = include_str!("schema/version_1.sql");

    /// What the form is, without the accidents of how the text was written.
    fn describe(connection: &Connection) -> Vec<String> {
        let mut out = Vec::new();
        let list = |sql: &str| -> Vec<Vec<String>> {
            let mut statement = connection.prepare(sql).unwrap();
            let columns = statement.column_count();
            let rows = statement
                .query_map([], |row| (0..columns).map(|i| row.get_ref(i).map(|v| format!("{v:?}"))).collect())
                .unwrap();
            rows.map(Result::unwrap).collect()
        };
        let names = "SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2";
        for object in list(names) {
            out.push(object.join(" "));
        }
        let tables = "SELECT t.name, c.cid, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden
             FROM pragma_table_list t, pragma_table_xinfo(t.name) c WHERE t.schema = 'main' ORDER BY 1, 2";
        let indexes = "SELECT t.name, i.name, i.\"unique\", i.origin, i.partial, c.seqno, c.name, c.desc
             FROM pragma_table_list t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) c
             WHERE t.schema = 'main' ORDER BY 1, 2, 6";
        let keys = "SELECT t.name, k.* FROM pragma_table_list t, pragma_foreign_key_list(t.name) k ORDER BY 1, 2";
        let partial = "SELECT name, substr(sql, instr(sql, ' WHERE ')) FROM sqlite_schema
             WHERE type = 'index' AND sql LIKE '% WHERE %' ORDER BY 1";
        let virtual_tables = "SELECT name, replace(replace(sql, char(10), ''), ' ', '') FROM sqlite_schema
             WHERE sql LIKE 'CREATE VIRTUAL%' ORDER BY 1";
        for sql in [tables, indexes, keys, partial, virtual_tables] {
            out.extend(list(sql).into_iter().map(|row| row.join(" ")));
        }
        out
    }

    #[test]
    fn an_upgraded_file_equals_a_fresh_one() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, 0).unwrap();
        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(FIRST).unwrap();
        assert_ne!(describe(&old), describe(&fresh));
        migrate(&mut old, 1).unwrap();
        assert_eq!(describe(&old), describe(&fresh));
        let version = |c: &Connection| c.pragma_query_value(None, "user_version", |r| r.get::<_, u32>(0));
        assert_eq!(version(&old).unwrap(), version(&fresh).unwrap());
        assert_eq!(STEPS.len(), VERSION as usize);
    }

    #[test]
    fn a_failed_step_changes_nothing() {
        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(FIRST).unwrap();
        // Something that makes the step fail half-way: the name of what it creates is taken.
        old.execute_batch("CREATE TABLE salvage_note (x)").unwrap();
        let before = describe(&old);
        assert!(migrate(&mut old, 1).is_err());
        assert_eq!(describe(&old), before);
    }

    #[test]
    fn a_newer_file_is_refused() {
        let mut newer = Connection::open_in_memory().unwrap();
        let error = migrate(&mut newer, VERSION + 1).unwrap_err();
        assert_eq!(error.code(), "newer_version");
    }
}
