//! Files: the last resort of a phone that cannot reach its server, and visits by the thousand.

use crate::client::Client;
use crate::error::GandanError;
use gandan_client::{BadLine as ClientBadLine, ClientError, ImportReport as ClientReport, Rescued as ClientRescued};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What an export wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Exported {
    /// Changes that the server has not confirmed.
    pub changes: u64,
    /// Drafts.
    pub drafts: u64,
}

/// What was taken over from another phone.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Rescued {
    /// Records whose changes are saved here now and go out with the next exchange.
    pub records: u64,
    /// Drafts that are here now.
    pub drafts: u64,
    /// Records and drafts that were here already.
    pub known: u64,
    /// Records that build on something that is not here: sync, then read the file again.
    pub incomplete: u64,
    /// Records of units that this device may not write.
    pub not_allowed: u64,
    /// Lines that cannot be used, the first hundred of them.
    pub bad: Vec<BadLine>,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct BadLine {
    /// Its number, from 1; 0 if several lines together are not right.
    pub line: u64,
    /// Why, as a stable code.
    pub code: String,
    /// Why, in words.
    pub detail: String,
}

impl From<ClientBadLine> for BadLine {
    fn from(bad: ClientBadLine) -> Self {
        Self { line: bad.line, code: bad.code, detail: bad.message }
    }
}

impl From<ClientRescued> for Rescued {
    fn from(rescued: ClientRescued) -> Self {
        let ClientRescued { records, drafts, known, incomplete, not_allowed, bad, .. } = rescued;
        Self { records, drafts, known, incomplete, not_allowed, bad: bad.into_iter().map(BadLine::from).collect() }
    }
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ImportReport {
    /// Lines that hold something.
    pub lines: u64,
    /// Lines that are kept now, also those that were before.
    pub saved: u64,
    /// Lines of these that changed nothing.
    pub unchanged: u64,
    /// Records that were created or changed.
    pub records: u64,
    /// Lines that were not taken, the first thousand of them.
    pub bad: Vec<BadLine>,
}

impl From<ClientReport> for ImportReport {
    fn from(report: ClientReport) -> Self {
        let ClientReport { lines, saved, unchanged, documents, bad, .. } = report;
        Self { lines, saved, unchanged, records: documents, bad: bad.into_iter().map(BadLine::from).collect() }
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Writes everything that the server has not confirmed into a new file. **Not encrypted**: keep it safe and delete it
    /// afterwards. Nothing is removed here. For the day when a device cannot reach its server any more.
    ///
    /// Fails with `io` if the file exists or cannot be written.
    pub async fn export_unsent(&self, path: String) -> Result<Exported, GandanError> {
        let exported = self.door.run(move |client| client.export_unsent(Path::new(&path))).await?;
        Ok(Exported { changes: exported.changes, drafts: exported.drafts })
    }

    /// Takes over what `export_unsent` wrote on another phone of the same official. Sync first: what the server has of
    /// these records should be here. The same file again changes nothing.
    ///
    /// Fails with `not_enrolled`, `bad_export`, `not_yours`, `too_large`, `file`.
    pub async fn import_unsent(&self, path: String) -> Result<Rescued, GandanError> {
        Ok(self.door.run(move |client| client.import_unsent(open(path)?)).await?.into())
    }

    /// Takes in visits from a file, one JSON object of the form `visit-sample/1` a line, many at a time. A bad line spoils
    /// no other, and a line that was taken in before changes nothing.
    ///
    /// Fails with `not_enrolled`, `file`.
    pub async fn import_visits(&self, path: String) -> Result<ImportReport, GandanError> {
        Ok(self.door.run(move |client| client.import(open(path)?, |_| {})).await?.into())
    }
}

fn open(path: String) -> Result<BufReader<File>, ClientError> {
    let path = PathBuf::from(path);
    let file = File::open(&path).map_err(|error| ClientError::File(format!("{}: {error}", path.display())))?;
    Ok(BufReader::new(file))
}
