//! After the last step: the network is good, the disks are in order, and within a few rounds everybody must agree.

use super::dice::Dice;
use super::oracle::{Verdict, broken, digest};
use super::watch::reads;
use super::world::World;
use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_store::Store;
use gandan_sync::response::SyncResponse;
use std::collections::{BTreeMap, BTreeSet};

/// Within so many exchanges of each device everything has to be settled.
const ROUNDS: usize = 3;
/// What an exchange without news may cost each way, in bytes.
const IDLE_BYTES: usize = 150;

type Documents = BTreeMap<DocId, (Vec<ChangeHash>, BTreeSet<ChangeHash>)>;

impl World {
    /// Heals everything and demands that everybody agrees.
    pub fn heal(&mut self, seed: u64) -> Verdict {
        let mut dice = Dice::new(seed ^ 0x4ea1);
        self.prepare(dice.roll());
        self.calm(&mut dice)?;
        for round in 0..ROUNDS {
            for phone in 0..self.phones.len() {
                self.now_ms += 1_000;
                self.station.clock.advance_ms(1_000);
                self.prepare(dice.roll());
                let said = self.sync(phone)?;
                self.trace.push(format!("heal {round}, device {phone}: {said}"));
            }
        }
        self.nothing_waits()?;
        self.nothing_is_lost()?;
        for index in 0..self.oracle.spaces.len() {
            let (space, no) = (self.oracle.spaces[index].id, self.oracle.spaces[index].no);
            let documents = self.oracle.documents(&space);
            self.server_agrees(no, &space, &documents)?;
            let reference = references(self, &documents)?;
            for phone in 0..self.phones.len() {
                if self.oracle.may_read(phone, &space) {
                    self.phone_agrees(phone, space, &documents, &reference)?;
                }
            }
        }
        for phone in 0..self.phones.len() {
            self.nothing_erased_is_on(phone)?;
            self.nothing_remains_of_what_was_taken(phone)?;
            self.idle_is_cheap(phone)?;
        }
        Ok(())
    }

    /// Every queue is empty, but for what stands in quarantine or builds on it.
    fn nothing_waits(&self) -> Verdict {
        for (index, phone) in self.phones.iter().enumerate() {
            let Some(client) = &phone.client else { return broken(7, format!("device {index} is off")) };
            let waiting = client.inspect(|store| {
                let sealed = store.sealed(100)?.into_iter().map(|envelope| envelope.space);
                let unsealed = store.unsealed(100)?.into_iter().map(|change| change.space);
                Ok::<_, gandan_store::StoreError>(sealed.chain(unsealed).collect::<BTreeSet<SpaceId>>())
            });
            let waiting = waiting.or_else(|error| broken(2, format!("device {index} cannot be read: {error}")))?;
            let lost = &self.oracle.rights[index].ever_lost;
            if let Some(space) = waiting.iter().find(|space| !lost.contains(*space)) {
                return broken(7, format!("device {index} still waits to send something of {space}"));
            }
        }
        Ok(())
    }

    /// Every saved change is in the log; of those who lost a space, in quarantine or still on the device.
    fn nothing_is_lost(&self) -> Verdict {
        for (hash, saved) in self.oracle.saved.iter().filter(|(hash, _)| !self.oracle.admitted.contains(*hash)) {
            if self.oracle.erased.contains(&saved.doc) {
                continue;
            }
            if !self.oracle.rights[saved.phone].ever_lost.contains(&saved.space) {
                return broken(2, format!("change {hash} of device {} never reached the log", saved.phone));
            }
            let kept = self.phones[saved.phone].client.as_ref().is_some_and(|client| {
                let found = client.inspect(|store| store.changes(saved.doc));
                found.is_ok_and(|found| found.iter().any(|change| change.hash == *hash))
            });
            if !kept && self.quarantined(saved.phone, &saved.space)? == 0 {
                return broken(2, format!("change {hash} of device {} is nowhere", saved.phone));
            }
        }
        Ok(())
    }

    fn quarantined(&self, phone: usize, space: &SpaceId) -> Verdict<i64> {
        let device = self.phones[phone].id;
        self.read(|connection| {
            let sql =
                "SELECT count(*) FROM quarantine q JOIN device d ON d.no = q.device JOIN space s ON s.no = q.space
                       WHERE d.id = ?1 AND s.id = ?2";
            Ok(connection.query_row(sql, (device.0, space.0), |row| row.get(0))?)
        })
    }

    fn server_agrees(&self, no: i64, space: &SpaceId, documents: &Documents) -> Verdict {
        let (count, sum) = self.read(|connection| {
            let sql = "SELECT digest_count, digest_sum FROM space WHERE no = ?1";
            Ok(connection.query_row(sql, [no], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, [u8; 32]>(1)?)))?)
        })?;
        if (count, sum) != digest(documents) {
            return broken(1, format!("space {space}: the server's digest is not that of its changes"));
        }
        let heads = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, heads FROM document WHERE space = ?1")?;
            let rows = statement.query_map([no], |row| Ok((DocId(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))?;
            Ok(rows.collect::<Result<BTreeMap<_, _>, _>>()?)
        })?;
        if let Some(doc) = heads.keys().find(|doc| self.oracle.erased.contains(*doc)) {
            return broken(9, format!("document {doc} was erased and is still there"));
        }
        for (doc, (_, wanted)) in documents {
            let bytes = heads.get(doc).map(Vec::as_slice).unwrap_or_default();
            let found: BTreeSet<_> =
                bytes.chunks(40).filter_map(|row| ChangeHash::from_slice(row.get(..32)?)).collect();
            if found != *wanted {
                return broken(1, format!("document {doc}: the server's heads are not those of its changes"));
            }
        }
        Ok(())
    }

    fn phone_agrees(
        &self,
        index: usize,
        space: SpaceId,
        documents: &Documents,
        reference: &BTreeMap<DocId, Document>,
    ) -> Verdict {
        let Some(client) = &self.phones[index].client else { return broken(7, format!("device {index} is off")) };
        let bad = |what: &str| broken(1, format!("device {index}, space {space}: {what}"));
        let Ok(spaces) = client.inspect(Store::spaces) else { return bad("cannot be read") };
        let Some(state) = spaces.into_iter().find(|state| state.space == space && reads(state.access)) else {
            return bad("was granted and is not there");
        };
        let head = self.oracle.logs.get(&space).map_or(0, |log| log.lines.len() as u64);
        if state.cursor.seq != head {
            return bad(&format!("stands at {} of {head}", state.cursor.seq));
        }
        if (state.digest.count, state.digest.sum) != digest(documents) {
            return bad("the digest is another");
        }
        for (doc, (hashes, heads)) in documents {
            let found = client.inspect(|store| {
                Ok::<_, gandan_store::StoreError>((
                    store.document(*doc)?,
                    store.log_heads(space, *doc)?,
                    store.changes(*doc)?,
                ))
            });
            let Ok((Some(stored), log_heads, changes)) = found else { return bad(&format!("{doc} is not there")) };
            if !log_heads.iter().eq(heads.iter()) {
                return bad(&format!("{doc} has other heads of the log"));
            }
            // What is in quarantine, or builds on it, stays in its writer's document alone.
            let own = changes.iter().any(|change| !hashes.contains(&change.hash));
            if own && self.oracle.rights[index].ever_lost.contains(&space) {
                continue;
            }
            let reads_the_same = || texts(&stored.document) == texts(&reference[doc]);
            if stored.document.heads() != reference[doc].heads() || !reads_the_same() {
                let (found, wanted) = (texts(&stored.document), texts(&reference[doc]));
                return bad(&format!("{doc} reads\n  {found}\n  and its changes say\n  {wanted}"));
            }
        }
        Ok(())
    }

    /// What was erased has left every device that still hears of its space.
    fn nothing_erased_is_on(&self, index: usize) -> Verdict {
        for doc in self.documents_on(index)? {
            let heard = || {
                let saved = self.oracle.saved.values().find(|saved| saved.doc == doc);
                saved.is_some_and(|saved| self.oracle.may_read(index, &saved.space))
            };
            if self.oracle.erased.contains(&doc) && heard() {
                return broken(9, format!("document {doc} was erased and is still on device {index}"));
            }
        }
        Ok(())
    }

    /// Of a space that was taken only what the server does not have is left.
    fn nothing_remains_of_what_was_taken(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        let spaces = client.inspect(Store::spaces).unwrap_or_default();
        let readable = spaces.iter().filter(|state| reads(state.access));
        if let Some(state) = readable.into_iter().find(|state| !self.oracle.may_read(index, &state.space)) {
            return broken(6, format!("device {index} still reads space {}", state.space));
        }
        for doc in self.documents_on(index)? {
            let Some((_, space)) = self.oracle.docs.iter().find(|(known, _)| *known == doc) else { continue };
            let sealed = self.oracle.spaces.iter().any(|info| info.id == *space && info.unit.is_empty());
            if sealed || self.oracle.may_read(index, space) {
                continue;
            }
            let changes = client.inspect(|store| store.changes(doc)).unwrap_or_default();
            if changes.iter().all(|change| self.oracle.admitted.contains(&change.hash)) {
                return broken(6, format!("device {index} still holds {doc}, of which the server has everything"));
            }
        }
        Ok(())
    }

    fn idle_is_cheap(&mut self, index: usize) -> Verdict {
        if self.oracle.rights[index].revoked {
            return Ok(());
        }
        let waits = self.phones[index]
            .client
            .as_ref()
            .is_some_and(|client| client.inspect(|store| store.sealed(1)).is_ok_and(|sealed| !sealed.is_empty()));
        let (request, bytes) = match self.request(index, 0)? {
            Ok(sent) => sent,
            Err(why) => return broken(13, format!("device {index} sends nothing: {why}")),
        };
        let Some(answer) = self.serve(index, request.query, &bytes)? else { return broken(13, "no answer") };
        self.at_phone(index, request, &answer)?;
        let is_idle = SyncResponse::decode(&answer).is_ok_and(|response| {
            response.parts.is_empty() && response.grants.is_empty() && !response.need_full && !response.more
        });
        if !waits && (!is_idle || bytes.len() > IDLE_BYTES || answer.len() > IDLE_BYTES) {
            return broken(13, format!("device {index}: nothing changed: {} up, {} down", bytes.len(), answer.len()));
        }
        Ok(())
    }
}

/// What a reader sees of a document, in one text: every value that stands beside another, and the long texts. In which
/// order changes came that were made apart is nobody's business.
fn texts(document: &Document) -> String {
    let facts = document.facts();
    let values = |facts: &[gandan_model::facts::Fact]| facts.iter().map(|fact| format!("{:?}", fact.value)).collect();
    let keys: BTreeMap<&String, Vec<String>> = facts.keys.iter().map(|(key, facts)| (key, values(facts))).collect();
    format!("{keys:?} {:?}", facts.texts)
}

/// Every document built anew from the changes that were saved, in the order of the log.
fn references(world: &World, documents: &Documents) -> Verdict<BTreeMap<DocId, Document>> {
    let mut all = BTreeMap::new();
    for (doc, (hashes, _)) in documents {
        let raws = hashes.iter().filter_map(|hash| world.oracle.saved.get(hash)).map(|saved| saved.raw.as_slice());
        match Document::from_changes(raws) {
            Ok(document) => all.insert(*doc, document),
            Err(error) => return broken(1, format!("the log of document {doc} makes no document: {error}")),
        };
    }
    Ok(all)
}
