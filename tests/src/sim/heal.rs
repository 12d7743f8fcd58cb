//! After the last step: the network is good, the disks are in order, and within a few rounds everybody must agree.

use super::copies::says;
use super::dice::Dice;
use super::machines::Phone;
use super::oracle::{Oracle, Verdict, broken, digest};
use super::watch::{applied, reads};
use super::world::World;
use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_server::ingest::LogResolver;
use gandan_store::{Store, StoreError, StoredChange};
use gandan_sync::response::SyncResponse;
use gandan_sync::{RelayedEnvelope, compact};
use std::collections::{BTreeMap, BTreeSet};

/// A day and an hour, in milliseconds.
const DAY_MS: i64 = 25 * 3_600_000;
/// Within so many exchanges of each device everything has to be settled.
const ROUNDS: usize = 3;
/// What an exchange without news may cost each way, in bytes.
const IDLE_BYTES: usize = 150;

/// What a device says that had nothing to send.
const NOTHING_SEALED: &str = "0 envelopes, 0 changes;";

type Documents = BTreeMap<DocId, (Vec<ChangeHash>, BTreeSet<ChangeHash>)>;

/// What lies in quarantine.
#[derive(Default)]
pub(super) struct Quarantine {
    changes: BTreeSet<ChangeHash>,
    /// Of these, what somebody decided to keep out of the log.
    pub(super) discarded: BTreeSet<ChangeHash>,
    /// Spaces in which something is held back by it.
    spaces: BTreeSet<SpaceId>,
    /// Spaces with something that cannot be opened.
    sealed: BTreeSet<SpaceId>,
}

impl World {
    /// Heals everything and demands that everybody agrees.
    pub fn heal(&mut self, seed: u64) -> Verdict {
        let mut dice = Dice::new(seed ^ 0x4ea1);
        // Long enough that nobody is told any more that too much of something happened today.
        self.wait(DAY_MS);
        self.prepare(dice.roll());
        self.calm(&mut dice)?;
        self.rounds(ROUNDS, &mut dice)?;
        if dice.one_in(2) {
            self.admit_everything()?;
            self.rounds(ROUNDS, &mut dice)?;
        }
        if self.has_views {
            self.build_views()?;
        }
        let quarantine = self.quarantine()?;
        self.nothing_waits(&quarantine)?;
        self.nothing_is_lost(&quarantine)?;
        for index in 0..self.oracle.rights.spaces().len() {
            let (space, no) = self.space(index);
            let documents = self.oracle.documents(&space);
            self.server_agrees(no, &space, &documents)?;
            let reference = references(self, &documents)?;
            if self.has_views {
                self.views_agree(no, &space, &reference)?;
            }
            for phone in 0..self.phones.len() {
                if self.may_read(phone, &space) {
                    self.phone_agrees(phone, space, (&documents, &reference), &quarantine)?;
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

    /// So many exchanges of every device; fewer, if one moves nothing that another could bring on.
    fn rounds(&mut self, rounds: usize, dice: &mut Dice) -> Verdict {
        for round in 0..rounds {
            let (before, mut moved) = (self.places(), false);
            for phone in 0..self.phones.len() {
                self.wait(1_000);
                self.prepare(dice.roll());
                let asked = self.requests;
                let said = self.sync(phone)?;
                moved |= self.requests > asked + 1 || !said.starts_with(NOTHING_SEALED);
                self.trace.push(format!("heal {round}, device {phone}: {said}"));
            }
            if !moved && self.places() == before {
                break;
            }
        }
        Ok(())
    }

    /// Where every log ends, and every device stands.
    fn places(&self) -> Vec<u64> {
        let logs = self.oracle.logs.values().map(|log| log.lines.len() as u64);
        let clients = self.phones.iter().filter_map(|phone| phone.client.as_ref());
        let spaces = clients.flat_map(|client| client.inspect(Store::spaces).unwrap_or_default());
        logs.chain(spaces.map(|state| state.cursor.seq)).collect()
    }

    /// A manager looks through the quarantine and admits what can be: one thing may build on another.
    fn admit_everything(&mut self) -> Verdict {
        loop {
            let open = self.undecided()?;
            for id in &open {
                let said = self.judge_item(*id, true)?;
                self.trace.push(format!("admit {said}"));
            }
            if self.undecided()?.len() == open.len() {
                return Ok(());
            }
        }
    }

    fn may_read(&self, phone: usize, space: &SpaceId) -> bool {
        let past = &self.phones[phone].past;
        !past.wiped && self.oracle.rights.may_use(past.id, space)
    }

    /// What lies in quarantine, decided or not.
    pub(super) fn quarantine(&self) -> Verdict<Quarantine> {
        let rows = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.id, q.body, q.form, q.resolved_ms IS NULL, coalesce(q.outcome = 'discarded', 0) FROM quarantine q
                 JOIN space s ON s.no = q.space WHERE q.body IS NOT NULL",
            )?;
            let rows = statement.query_map([], |row| {
                let (is_open, is_discarded) = (row.get::<_, bool>(3)?, row.get::<_, bool>(4)?);
                let is_chunk = row.get::<_, u8>(2)? == 1;
                Ok((SpaceId(row.get(0)?), row.get::<_, Vec<u8>>(1)?, is_chunk, is_open, is_discarded))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        let Some(core) = &self.station.core else { return broken(0, "the server is off") };
        let mut all = Quarantine::default();
        let opened = core.exchange.storage.read(|log| {
            let resolver = LogResolver::new(log);
            for (space, body, is_chunk, is_open, is_discarded) in &rows {
                let changes = if *is_chunk {
                    compact::decode(space, body).ok().map(|chunk| chunk.changes)
                } else {
                    let relayed = RelayedEnvelope::from_bytes(body).ok();
                    relayed.and_then(|relayed| relayed.open(*space, None, &resolver).ok()).map(|opened| opened.changes)
                };
                if *is_open || *is_discarded {
                    all.spaces.insert(*space);
                }
                match changes {
                    Some(changes) => {
                        let hashes = changes.iter().map(|change| change.header.hash);
                        all.discarded.extend(hashes.clone().filter(|_| *is_discarded));
                        all.changes.extend(hashes);
                    }
                    // It refers to something that is not in the log.
                    None => drop(all.sealed.insert(*space)),
                }
            }
            Ok(())
        });
        opened.or_else(|error| broken(2, format!("quarantine cannot be read: {error}")))?;
        Ok(all)
    }

    /// Every queue is empty, but for what builds on something in quarantine.
    fn nothing_waits(&self, quarantine: &Quarantine) -> Verdict {
        for (index, phone) in self.phones.iter().enumerate() {
            let Some(client) = &phone.client else { return broken(7, format!("device {index} is off")) };
            let waiting = client.inspect(|store| {
                let sealed = store.sealed(100)?.into_iter().map(|envelope| envelope.space);
                let unsealed = store.unsealed(100)?.into_iter().map(|change| change.space);
                Ok::<_, gandan_store::StoreError>(sealed.chain(unsealed).collect::<BTreeSet<SpaceId>>())
            });
            let waiting = waiting.or_else(|error| broken(2, format!("device {index} cannot be read: {error}")))?;
            if let Some(space) = waiting.iter().find(|space| !quarantine.spaces.contains(*space)) {
                return broken(7, format!("device {index} still waits to send something of {space}"));
            }
        }
        Ok(())
    }

    /// A revoked device that has a twin has no name left under which it could be heard: what it wrote stays with it, also
    /// what the twin has brought, for nobody tells it of that.
    fn is_unheard(&self, phone: &Phone) -> bool {
        phone.has_twin && self.oracle.rights.device(phone.past.id).is_some_and(|device| device.revoked)
    }

    /// Every saved change is in the log, or in quarantine, or was discarded before a restore, or is still on a device because
    /// it builds on something in quarantine.
    fn nothing_is_lost(&self, quarantine: &Quarantine) -> Verdict {
        let held = self.held_by(|_| true)?;
        let stranded = self.held_by(|phone| self.is_unheard(phone))?;
        for (hash, saved) in &self.oracle.saved {
            let (doc, space) = (saved.doc, saved.space);
            let is_settled = self.oracle.admitted.contains(hash)
                || self.oracle.erased.contains(&doc)
                || quarantine.changes.contains(hash)
                || quarantine.sealed.contains(&space)
                || held.contains(hash) && quarantine.spaces.contains(&space)
                || stranded.contains(hash)
                || self.oracle.discarded.contains(hash)
                || self.oracle.excused.contains(hash) && !held.contains(hash);
            if !is_settled {
                // What the server once had, a restore has taken from it, and it was not given back.
                let invariant = if self.oracle.once.contains(hash) { 10 } else { 2 };
                return broken(
                    invariant,
                    format!("change {hash} of {doc}, written on device {}, is lost", saved.phone),
                );
            }
        }
        Ok(())
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
        (documents, reference): (&Documents, &BTreeMap<DocId, Document>),
        quarantine: &Quarantine,
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
            let found =
                client.inspect(|store| Ok::<_, StoreError>((store.log_heads(space, *doc)?, applied(store, *doc)?)));
            let Ok((log_heads, changes)) = found else { return bad(&format!("{doc} cannot be read")) };
            if !log_heads.iter().eq(heads.iter()) {
                return bad(&format!("{doc} has other heads of the log"));
            }
            // What is in quarantine, or builds on it, stays in its writer's document alone.
            let own = changes.iter().any(|change| !hashes.contains(&change.hash));
            if own && quarantine.spaces.contains(&space) {
                continue;
            }
            let is_saved = |change: &StoredChange| self.oracle.saved[&change.hash].raw == change.raw;
            if changes.len() != hashes.len() || !changes.iter().all(is_saved) {
                return bad(&format!("{doc} has other changes than the log"));
            }
            // Where everybody wrote after everybody else, the same changes leave no choice.
            if !is_forked(&self.oracle, hashes) {
                continue;
            }
            let stored = client.inspect(|store| store.document(*doc));
            let Ok(Some(stored)) = stored else { return bad(&format!("{doc} is not there")) };
            let (found, wanted) = (&stored.document, &reference[doc]);
            if found.heads() != wanted.heads() || says(found, BTreeSet::new()) != says(wanted, BTreeSet::new()) {
                let (found, wanted) = (says(found, BTreeSet::new()), says(wanted, BTreeSet::new()));
                return bad(&format!("{doc} reads\n  {found:?}\n  and its changes say\n  {wanted:?}"));
            }
        }
        Ok(())
    }

    /// What was erased has left every device that still hears of its space.
    fn nothing_erased_is_on(&self, index: usize) -> Verdict {
        for doc in self.documents_on(index)? {
            if self.oracle.erased.contains(&doc.id) && self.may_read(index, &doc.space) {
                return broken(9, format!("document {} was erased and is still on device {index}", doc.id));
            }
        }
        Ok(())
    }

    /// Of a space that was taken only what the server does not have is left.
    fn nothing_remains_of_what_was_taken(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        let device = self.oracle.rights.device(self.phones[index].past.id);
        if device.is_some_and(|device| device.wipe) {
            return self.is_empty(index);
        }
        let spaces = client.inspect(Store::spaces).unwrap_or_default();
        let readable = spaces.iter().filter(|state| reads(state.access));
        if let Some(state) = readable.into_iter().find(|state| !self.may_read(index, &state.space)) {
            return broken(6, format!("device {index} still reads space {}", state.space));
        }
        if self.is_unheard(&self.phones[index]) {
            return Ok(());
        }
        for doc in self.documents_on(index)? {
            if self.may_read(index, &doc.space) {
                continue;
            }
            let changes = client.inspect(|store| store.changes(doc.id)).unwrap_or_default();
            if changes.iter().all(|change| self.oracle.admitted.contains(&change.hash)) {
                return broken(6, format!("device {index} still holds {}, of which the server has everything", doc.id));
            }
        }
        Ok(())
    }

    fn idle_is_cheap(&mut self, index: usize) -> Verdict {
        let past = &self.phones[index].past;
        if past.wiped || self.oracle.rights.device(past.id).is_none_or(|device| device.revoked) {
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
        let Some(answer) = self.serve(&request, &bytes)? else { return broken(13, "no answer") };
        self.at_phone(index, &request, &answer)?;
        // The server keeps two positions of a device. Copies of a phone that never wrote cannot be told apart, and three of
        // them take those from each other: they name their positions in full, and nothing else.
        let copied = self.phones.iter().filter(|phone| phone.past.id == self.phones[index].past.id).count() > 2;
        let is_idle = SyncResponse::decode(&answer).is_ok_and(|response| {
            let news = response.more || !response.parts.is_empty() || !response.grants.is_empty();
            !news && (copied || !response.need_full)
        });
        if !waits && (!is_idle || bytes.len() > IDLE_BYTES || answer.len() > IDLE_BYTES) {
            return broken(13, format!("device {index}: nothing changed: {} up, {} down", bytes.len(), answer.len()));
        }
        Ok(())
    }
}

/// Whether some of the changes were made apart.
fn is_forked(oracle: &Oracle, hashes: &[ChangeHash]) -> bool {
    let mut built_on = BTreeSet::new();
    !hashes.iter().filter_map(|hash| oracle.saved.get(hash)).all(|saved| match saved.deps.as_slice() {
        [dep] => built_on.insert(*dep),
        _ => false,
    })
}

/// Documents built anew from the changes that were saved, in the order of the log: all of them if the views are looked at,
/// else those in which it could matter.
fn references(world: &World, documents: &Documents) -> Verdict<BTreeMap<DocId, Document>> {
    let mut all = BTreeMap::new();
    for (doc, (hashes, _)) in
        documents.iter().filter(|(_, (hashes, _))| world.has_views || is_forked(&world.oracle, hashes))
    {
        let raws = hashes.iter().filter_map(|hash| world.oracle.saved.get(hash)).map(|saved| saved.raw.as_slice());
        match Document::from_changes(raws) {
            Ok(document) => all.insert(*doc, document),
            Err(error) => return broken(1, format!("the log of document {doc} makes no document: {error}")),
        };
    }
    Ok(all)
}
