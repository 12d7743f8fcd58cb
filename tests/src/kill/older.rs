//! A server that is killed while it brings an older database up to date.

use super::Plan;
use crate::processes::Server;
use gandan_server::db::sqlite::{CORE, CORE_STEPS};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The first version that has all that a log is made of; what came later are accounts, settings and the like.
const VERSION: usize = 3;
/// Starts that are killed, each on the same older database.
const STARTS: u32 = 12;

/// Makes an older database of the server's, and kills the server at its starts until one of them is left in peace. Gives
/// how many of them were killed before the database was up to date.
pub(super) fn migrate_under_kills(server: &mut Server, plan: Plan) -> u32 {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed.wrapping_add(77));
    assert!(server.stop(), "a server that ends as it should");
    let core = server.data().join(CORE);
    let older = server.data().join("older.db");
    make_older(&core, &older);
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(server.data().join(format!("{CORE}{suffix}")));
    }
    fs::rename(&older, &core).expect("an older database in its place");
    let mut before = 0;
    for _ in 0..STARTS {
        let mut child = server.serving().spawn().expect("a start");
        thread::sleep(Duration::from_millis(rng.random_range(0..40)));
        let _ = (child.kill(), child.wait());
        let version = version(&core);
        assert!([VERSION, CORE_STEPS.len()].contains(&version), "half a migration: version {version}");
        before += u32::from(version == VERSION);
    }
    server.start();
    assert_eq!(version(&core), CORE_STEPS.len());
    before
}

fn version(core: &Path) -> usize {
    let connection = Connection::open(core).expect("the database");
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("its version")
}

/// Writes what `core` holds as an older program would have written it.
fn make_older(core: &Path, older: &Path) {
    let connection = Connection::open(older).expect("a new database");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF").expect("settings");
    for step in &CORE_STEPS[..VERSION] {
        connection.execute_batch(step).expect("a step");
    }
    connection.execute("ATTACH DATABASE ?1 AS new", [core.to_str().expect("a path in UTF-8")]).expect("the database");
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    for table in names(&connection, tables) {
        let common = format!(
            "SELECT o.name FROM pragma_table_info('{table}', 'main') o
             JOIN pragma_table_info('{table}', 'new') n ON n.name = o.name"
        );
        let columns =
            names(&connection, &common).iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let copy = format!("INSERT INTO main.\"{table}\" ({columns}) SELECT {columns} FROM new.\"{table}\"");
        connection.execute(&copy, []).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    let version = u32::try_from(VERSION).expect("a small number");
    connection.pragma_update(None, "user_version", version).expect("the version");
    connection.close().expect("an older database");
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("names")
}
