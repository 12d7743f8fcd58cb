//! After a restore: which of what a device holds is lost here, and taking it back. And devices that become others.

use ed25519_dalek::VerifyingKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::query::{Reply, Returned, proves_renewal};
use gandan_sync::resolve::Overlay;
use gandan_sync::server::Admitted;
use gandan_sync::{Refusal, RelayedEnvelope, Signature, Status, compact};

use super::{Exchange, Trouble, verifying_key};
use crate::auth::{hash_secret, secret_text};
use crate::db::DbError;
use crate::db::sqlite::{devices, people};
use crate::db::storage::{DbResult, DeviceRow, ReadLog, SpaceRow};
use crate::enrolment::key_text;
use crate::folder::{Decision, Folder, OfficialLine};
use crate::ingest::{GivenBack, Giver, LogResolver, alongside};
use crate::ledger;
use crate::reports::audit::{self, NewEntry};

/// Devices that an official may make out of others in a day.
const RENEWALS: i64 = 4;
/// One day in milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What of this is not here.
pub(super) fn offer(
    log: &dyn ReadLog,
    space: &SpaceRow,
    envelopes: &[[u8; 8]],
    changes: &[(DocId, [u8; 8])],
) -> DbResult<Reply> {
    let place = |place: usize| u16::try_from(place).map_err(DbError::internal);
    let (mut lacking, mut wanted) = (Vec::new(), Vec::new());
    for (at, prefix) in envelopes.iter().enumerate() {
        if !log.has_line(space.no, *prefix)? {
            lacking.push(place(at)?);
        }
    }
    // Changes of one document stand together.
    let mut last: Option<(DocId, bool, Vec<ChangeHash>)> = None;
    for (at, (doc, prefix)) in changes.iter().enumerate() {
        if last.as_ref().is_none_or(|(id, ..)| id != doc) {
            let known = log.changes(space.no, doc)?.into_iter().map(|row| row.hash).collect();
            last = Some((*doc, log.is_erased(space.no, doc)?, known));
        }
        let wants = |(_, erased, known): &(DocId, bool, Vec<ChangeHash>)| {
            !erased && known.iter().all(|hash| !hash.0.starts_with(prefix))
        };
        if last.as_ref().is_some_and(wants) {
            wanted.push(place(at)?);
        }
    }
    Ok(Reply::Wanted { envelopes: lacking, changes: wanted })
}

impl Exchange {
    /// Takes back what a device has kept. A device that was revoked, or may not write here any more, is taken at its word
    /// only so far that a person looks at it.
    pub(super) fn take_back(
        &self,
        device: &DeviceRow,
        space: &SpaceId,
        envelopes: Vec<Returned>,
        unsigned: &[u8],
    ) -> Result<Reply, Trouble> {
        let found = self.storage.read(|log| {
            let (Some(row), Some(space)) = (log.device(&device.id)?, log.space(space)?) else { return Ok(None) };
            if log.grants(row.no)?.iter().all(|grant| grant.space_no != space.no) {
                return Ok(None);
            }
            let granted = log.access(row.no, space.no)?.writes();
            let aside = row.revoked_ms.map(|_| "revoked_device").or((!granted).then_some("no_grant"));
            let given = opened(log, &space, envelopes)?;
            Ok(Some((Giver { no: row.no, aside }, space, given)))
        })?;
        let (giver, space, given) = found.ok_or(Trouble::new(Refusal::NO_GRANT))?;
        let chunk = if unsigned.is_empty() { None } else { Some(compact::decode(&space.id, unsigned)) };
        let entry = NewEntry {
            at_ms: self.clock.now_ms(),
            who: device.official.clone().unwrap_or_default(),
            role: "device",
            action: "quarantine.keep",
            unit: space.unit.clone(),
            doc: None,
            seq: None,
            result: "done".to_owned(),
            reason: Some("given back after a restore".to_owned()),
        };
        let reply = alongside(self.storage.as_ref(), &self.listeners, self.clock.now_ms(), |batch| {
            let statuses = batch.given_back(&giver, &space, &given)?;
            let unsigned = match chunk {
                None => None,
                Some(Err(error)) => Some(Status::Refused(error.refusal())),
                Some(Ok(chunk)) => Some(batch.recovered(&giver, &space, chunk.changes)?),
            };
            if unsigned == Some(Status::Quarantined) || statuses.contains(&Status::Quarantined) {
                batch.log().audit(&entry)?;
            }
            Ok(Reply::Returned { statuses, unsigned })
        })?;
        Ok(reply)
    }

    /// Lets a device go on as another one of the same official, with the same rights.
    pub(super) fn renew(
        &self,
        old: &DeviceRow,
        new: DeviceId,
        key: [u8; 32],
        proof: &Signature,
    ) -> Result<Reply, Trouble> {
        let new_key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak());
        let new_key = new_key.ok_or(Trouble::new(Refusal::BAD_SIGNATURE))?;
        if is_genesis_actor(new) || new == old.id || !proves_renewal(&new_key, &old.id, &new, proof) {
            return Err(Trouble::new(Refusal::BAD_SIGNATURE));
        }
        let mut secret = [0; 32];
        self.random.fill(&mut secret)?;
        let events_token = secret_text(&secret);
        let (now_ms, folder) = (self.clock.now_ms(), Folder::at(self.db.folder()));
        let renewed = self.db.write(|transaction| {
            let Some(row) = crate::db::sqlite::log_of(transaction).device(&old.id)? else {
                return Ok(Err(Refusal::UNKNOWN_DEVICE));
            };
            let Some(official) = row.official.as_deref().filter(|_| row.revoked_ms.is_none()) else {
                return Ok(Err(Refusal::REVOKED));
            };
            // Asked before, and the answer was lost. A restored database may not know of that, but the ledger has seen to
            // it that it knows the device.
            let known = crate::db::sqlite::log_of(transaction).device(&new)?;
            let again = known.is_some();
            if known.is_some_and(|known| known.revoked_ms.is_some() || known.key != key) {
                return Ok(Err(Refusal::SEQUENCE_REUSED));
            }
            if !again && devices::renewals_since(transaction, official, now_ms - DAY_MS)? >= RENEWALS {
                return Ok(Err(Refusal::BUSY));
            }
            let Some(no) = devices::put(transaction, &new, &key, Some(official), now_ms)? else {
                return Ok(Err(Refusal::SEQUENCE_REUSED));
            };
            devices::set_events_hash(transaction, no, hash_secret(&events_token))?;
            if again {
                return Ok(Ok(()));
            }
            devices::put_renewal(transaction, row.no, no, now_ms)?;
            let Some(person) = people::official(transaction, official)? else { return Ok(Err(Refusal::REVOKED)) };
            let entry = NewEntry {
                at_ms: now_ms,
                who: person.id.clone(),
                role: person.role.as_str(),
                action: "device.renew",
                unit: String::new(),
                doc: None,
                seq: None,
                result: "done".to_owned(),
                reason: Some(format!("{} goes on as {new}", old.id)),
            };
            audit::add(transaction, &entry)?;
            let scope = people::official_scope(transaction, official)?;
            let line = OfficialLine { id: person.id, name: person.name, role: person.role, scope };
            let decision =
                Decision::DeviceEnrolled { device: new, public_key: key_text(&key), official: line, at_ms: now_ms };
            ledger::decide(transaction, &folder, &decision)?;
            Ok(Ok(()))
        })?;
        renewed
            .map_err(|refusal| Trouble { refusal, retry_after_s: if refusal == Refusal::BUSY { 3600 } else { 0 } })?;
        Ok(Reply::Renewed { events_token })
    }
}

/// Opens envelopes with their authors' keys, in the order in which they were given.
fn opened(log: &dyn ReadLog, space: &SpaceRow, envelopes: Vec<Returned>) -> DbResult<Vec<GivenBack>> {
    let resolver = LogResolver::new(log);
    let mut overlay = Overlay::new(&resolver);
    let mut given = Vec::with_capacity(envelopes.len());
    for Returned(bytes) in envelopes {
        let Ok(relayed) = RelayedEnvelope::from_bytes(&bytes) else {
            given.push(GivenBack::Known(Status::Refused(Refusal::BAD_FORM)));
            continue;
        };
        let author = log.device(&relayed.device)?;
        let key = author.as_ref().map(verifying_key).transpose();
        let opened = match &key {
            Ok(key) => relayed.open(space.id, key.as_ref(), &overlay).map_err(|error| error.refusal()),
            Err(trouble) => Err(trouble.refusal),
        };
        given.push(match opened {
            Err(refusal) => GivenBack::Known(Status::Refused(refusal)),
            Ok(envelope) => {
                overlay.add(&envelope);
                let admitted =
                    Box::new(Admitted { envelope, signature: relayed.signature, stored: bytes, granted: true });
                if author.is_some() { GivenBack::Signed(admitted) } else { GivenBack::Stranger(admitted) }
            }
        });
    }
    Ok(given)
}
