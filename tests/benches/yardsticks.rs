//! What the figures are measured against, in the same run on the same machine.

use crate::rig::Rig;
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// Largest dictionary of the yardstick.
const DICTIONARY: usize = 110 << 10;

/// Mean bytes of a visit as JSON under zstd-19 with a dictionary that was trained on other visits of the same kind.
pub(crate) fn dictionary_floor(rig: &Rig) -> f64 {
    let dictionary = zstd::dict::from_samples(&rig.training, DICTIONARY).expect("enough visits to train with");
    let mut compressor = zstd::bulk::Compressor::with_dictionary(19, &dictionary).expect("a compressor");
    let lines = rig.lines.iter().flatten();
    let total: usize = lines.map(|line| compressor.compress(line.as_bytes()).expect("compressed").len()).sum();
    total as f64 / rig.visits() as f64
}

/// Times to insert `bytes` bytes into SQLite with `synchronous=FULL` in `commits` commits, in this folder; one each.
pub(crate) fn sqlite(folder: &Path, bytes: usize, commits: usize) -> Vec<Duration> {
    let path = folder.join("yardstick.db");
    let database = Connection::open(&path).expect("a database");
    database
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (seq INTEGER PRIMARY KEY, body BLOB);")
        .expect("a table");
    let body = vec![0x5a_u8; (bytes / commits.max(1)).max(1)];
    let commit = |_| {
        let start = Instant::now();
        database.execute("INSERT INTO log (body) VALUES (?1)", [&body]).expect("a row");
        start.elapsed()
    };
    let took = (0..commits).map(commit).collect();
    drop(database);
    let _ = std::fs::remove_file(path);
    took
}
