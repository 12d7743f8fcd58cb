//! The server's views: lists and reports are built from them, so they have to hold what the log holds.

use super::disk::Faults;
use super::machines::Station;
use super::oracle::{Verdict, broken};
use super::world::{World, none};
use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_server::db::sqlite::VIEWS;
use gandan_server::db::{Db, DbError};
use gandan_server::metrics::Metrics;
use gandan_server::projector::Pass;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

impl World {
    /// Builds what is new, as the server's thread for it does.
    pub(super) fn build_views(&mut self) -> Verdict<String> {
        let station = &mut self.station;
        let Some(core) = station.core.as_ref().filter(|_| station.disk.faults() == Faults::default()) else {
            return Ok(none());
        };
        self.has_views = true;
        let kept = std::mem::take(&mut station.views).into_inner().unwrap_or_else(PoisonError::into_inner);
        let opened = kept.map_or_else(|| open_views(station, &core.db), Ok);
        match opened.and_then(|mut views| views.run(&|| false).map(|()| views)) {
            Ok(views) => {
                station.views = Some(views).into();
                Ok("built".to_owned())
            }
            Err(error) => broken(1, format!("views cannot be built on a disk that is in order: {error}")),
        }
    }

    /// Views are written without waiting for the disk: after a power failure they are built anew.
    pub(super) fn lose_views(&self) {
        self.station.disk.remove(VIEWS);
    }

    /// Lists and snapshots hold every document of a space as its changes make it, and nothing else.
    pub(super) fn views_agree(&self, no: i64, space: &SpaceId, reference: &BTreeMap<DocId, Document>) -> Verdict {
        let snapshots = self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT document, body FROM views.snapshot WHERE space = ?1")?;
            let rows = statement.query_map([no], |row| Ok((DocId(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))?;
            Ok(rows.collect::<Result<BTreeMap<_, _>, _>>()?)
        })?;
        if !snapshots.keys().eq(reference.keys()) {
            return broken(
                1,
                format!("space {space}: the views have {} of {} documents", snapshots.len(), reference.len()),
            );
        }
        for (doc, body) in &snapshots {
            let heads = Document::load(body).map(|document| document.heads());
            if heads.ok() != reference.get(doc).map(Document::heads) {
                return broken(1, format!("document {doc} is another one in the views"));
            }
        }
        for (kind, table) in [(DocKind::Visit, "visit_row"), (DocKind::Issue, "issue_row")] {
            let listed: BTreeSet<DocId> = self.read(|connection| {
                let sql = format!("SELECT id FROM views.{table} WHERE space = ?1");
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map([space.0], |row| row.get(0).map(DocId))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })?;
            let of_kind = reference.iter().filter(|(_, document)| document.kind() == Some(kind)).map(|(doc, _)| *doc);
            if !listed.iter().copied().eq(of_kind) {
                return broken(1, format!("space {space}: {table} lists other documents than the log has"));
            }
        }
        Ok(())
    }
}

fn open_views(station: &Station, db: &Db) -> Result<Pass, DbError> {
    // Whether there are views the server asks the real file system.
    let file = station.folder.join(VIEWS);
    if station.disk.has(VIEWS) { std::fs::write(file, []) } else { std::fs::remove_file(file).or(Ok(())) }?;
    db.open_views()?;
    Pass::new(db.clone(), Metrics::default())
}
