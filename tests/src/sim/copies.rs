//! Devices that are copied, or get an older copy of their storage back; and what has to be true of a device that says
//! again, under another name, what it could not send.

use super::disk::Disk;
use super::machines::{Past, Phone, Talk};
use super::oracle::{Verdict, broken};
use super::step::MAX_COPIES;
use super::template::{name, phone_folder};
use super::watch::applied;
use super::world::{World, none};
use gandan_model::document::Document;
use gandan_model::ids::{ChangeHash, DocId};
use gandan_store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What a document says to its reader, and the changes that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Every value that stands beside another, by field.
    values: BTreeMap<String, BTreeSet<String>>,
    /// The long texts.
    texts: String,
    changes: BTreeSet<ChangeHash>,
}

/// What the documents of a device say.
pub type Sayings = BTreeMap<DocId, Saying>;

impl World {
    /// A copy of a device's storage is made, as a phone's own backup does.
    pub(super) fn copy_storage(&mut self, index: usize) -> String {
        let phone = &mut self.phones[index];
        phone.image = Some((phone.disk.image(), phone.past.clone()));
        "made".to_owned()
    }

    /// A device is copied to another machine, and both go on.
    pub(super) fn copy(&mut self, index: usize) -> Verdict<String> {
        let number = self.phones.len();
        if number >= self.originals + MAX_COPIES {
            return Ok(none());
        }
        let folder = phone_folder(&self.base, number);
        std::fs::create_dir_all(&folder).unwrap();
        let source = &mut self.phones[index];
        source.has_twin = true;
        let disk = Disk::mount(name(&folder), &source.disk.image());
        let mut twin = Phone::new(source.past.clone(), source.official, folder, source.key, disk);
        (twin.has_twin, twin.skew_ms) = (true, source.skew_ms);
        (twin.ever_lost, twin.before) = (source.ever_lost.clone(), source.before.clone());
        twin.prepare(self.now_ms, number as u64);
        self.phones.push(twin);
        self.start_phone(number)?;
        Ok(format!("device {number}"))
    }

    /// A device gets back an older copy of its storage.
    pub(super) fn revert(&mut self, index: usize) -> Verdict<String> {
        let phone = &mut self.phones[index];
        let Some((image, past)) = phone.image.clone() else { return Ok(none()) };
        phone.crash(None);
        phone.disk.put_back(&image);
        (phone.past, phone.has_twin, phone.talk, phone.before) = (past, true, Talk::default(), None);
        // What it signed since, it does not remember.
        phone.sent.clear();
        self.note_rights();
        self.excuse_what_is_gone()?;
        self.start_phone(index)?;
        Ok(self.phones[index].past.id.to_string())
    }

    /// Changes that are in no log and on no device any more are nobody's fault: something was restored or emptied, and
    /// whoever had them is gone.
    pub(super) fn excuse_what_is_gone(&mut self) -> Verdict {
        self.excuse_of(self.oracle.saved.keys().copied().collect())
    }

    /// Of these changes, those that are in no log and on no device any more are nobody's fault.
    pub(super) fn excuse_of(&mut self, changes: BTreeSet<ChangeHash>) -> Verdict {
        let held = self.held_by(|_| true)?;
        let oracle = &mut self.oracle;
        let gone = changes.into_iter().filter(|hash| !oracle.admitted.contains(hash) && !held.contains(hash));
        oracle.excused.extend(gone);
        Ok(())
    }

    /// Every change that is part of a document on one of these devices.
    pub(super) fn held_by(&self, which: impl Fn(&Phone) -> bool) -> Verdict<BTreeSet<ChangeHash>> {
        let mut held = BTreeSet::new();
        for (index, phone) in self.phones.iter().enumerate().filter(|(_, phone)| which(phone)) {
            let Some(client) = &phone.client else { continue };
            for doc in self.documents_on(index)? {
                let changes = client.inspect(|store| applied(store, doc.id));
                let changes = changes.or_else(|error| broken(2, format!("device {index} cannot be read: {error}")))?;
                held.extend(changes.into_iter().map(|change| change.hash));
            }
        }
        Ok(held)
    }

    /// What a device's documents say; nothing if it is off.
    pub(super) fn sayings(&self, index: usize) -> Verdict<Sayings> {
        let mut all = Sayings::new();
        for doc in self.documents_on(index)? {
            all.extend(self.saying(index, doc.id).map(|saying| (doc.id, saying)));
        }
        Ok(all)
    }

    fn saying(&self, index: usize, doc: DocId) -> Option<Saying> {
        let client = self.phones[index].client.as_ref()?;
        let found = client.inspect(|store| Ok::<_, StoreError>((store.document(doc)?, applied(store, doc)?)));
        let Ok((Some(stored), changes)) = found else { return None };
        Some(says(&stored.document, changes.into_iter().map(|change| change.hash).collect()))
    }

    /// Somebody has changed a document on a device that still has to say things again.
    pub(super) fn say_anew(&mut self, index: usize, doc: DocId) {
        if self.phones[index].before.is_some()
            && let Some(saying) = self.saying(index, doc)
            && let Some(before) = &mut self.phones[index].before
        {
            before.insert(doc, saying);
        }
    }

    /// The device may have to say things again: remembers what its documents say.
    pub(super) fn remember_sayings(&mut self, index: usize) -> Verdict {
        if self.phones[index].before.is_none() {
            self.phones[index].before = Some(self.sayings(index)?);
        }
        Ok(())
    }

    /// If the device has said again what it had to, its documents must still say all of that, and what was replaced by it
    /// need not reach anybody any more.
    pub(super) fn look_for_sayings(&mut self, index: usize) -> Verdict {
        self.learn_name(index)?;
        let phone = &self.phones[index];
        let Some(client) = phone.client.as_ref().filter(|_| phone.before.is_some() && !phone.disk.faults().dead) else {
            return Ok(());
        };
        let settled = client.inspect(|store| {
            Ok::<_, StoreError>(
                store.value("next identity")?.is_none() && store.orphaned()?.is_empty() && !store.has_twin()?,
            )
        });
        if settled.ok() != Some(true) {
            return Ok(());
        }
        for doc in self.documents_on(index)? {
            self.learn(index, doc, None)?;
        }
        let after = self.sayings(index)?;
        for (doc, before) in self.phones[index].before.take().unwrap_or_default() {
            // What a grant took away, or an erasure, said nothing again.
            if let Some(after) = after.get(&doc) {
                self.still_says(index, doc, &before, after)?;
            }
        }
        Ok(())
    }

    fn still_says(&mut self, index: usize, doc: DocId, before: &Saying, after: &Saying) -> Verdict {
        let replaced: Vec<ChangeHash> = before.changes.difference(&after.changes).copied().collect();
        for hash in &replaced {
            let word = self.oracle.saved.get(hash).and_then(|saved| saved.word.clone());
            let stands =
                |saying: &Saying, word: &str| saying.values.values().flatten().any(|value| value.contains(word));
            if word.is_some_and(|word| stands(before, &word) && !stands(after, &word)) {
                return broken(2, format!("device {index}: what {hash} said of {doc} was not said again"));
            }
            self.phones[index].past.own.remove(hash);
            self.oracle.excused.insert(*hash);
        }
        // Unless something of the twin's has joined it, the document reads as before.
        let name = self.phones[index].past.id;
        let joined = after.changes.difference(&before.changes).filter_map(|hash| self.oracle.saved.get(hash));
        let is_alone =
            joined.into_iter().all(|saved| gandan_sync::scan(&saved.raw).is_ok_and(|header| header.actor == name));
        if !replaced.is_empty() && is_alone && (&before.values, &before.texts) != (&after.values, &after.texts) {
            return broken(
                2,
                format!("device {index}: {doc} reads\n  {after:?}\n  and before it was said again\n  {before:?}"),
            );
        }
        Ok(())
    }

    /// The name by which a device goes now.
    pub(super) fn learn_name(&mut self, index: usize) -> Verdict {
        let phone = &mut self.phones[index];
        let Some(client) = phone.client.as_ref().filter(|_| !phone.disk.faults().dead) else { return Ok(()) };
        let Ok(Some(identity)) = client.inspect(Store::identity) else { return Ok(()) };
        if identity.device != phone.past.id {
            if !phone.has_twin {
                return broken(0, format!("device {index} takes itself for a clone"));
            }
            phone.past.id = identity.device;
            phone.past.names.insert(identity.device);
            self.note_rights();
        }
        Ok(())
    }

    /// A lost device that was emptied holds nothing.
    pub(super) fn was_emptied(&mut self, index: usize) -> Verdict {
        let phone = &mut self.phones[index];
        let device = self.oracle.rights.device(phone.past.id);
        if !device.is_some_and(|device| device.wipe) {
            return broken(2, format!("device {index} was emptied, and nobody wanted that"));
        }
        phone.past = Past { wiped: true, own: BTreeSet::new(), ..phone.past.clone() };
        phone.before = None;
        self.is_empty(index)?;
        self.excuse_what_is_gone()
    }

    /// Nothing is left on a device that was emptied.
    pub(super) fn is_empty(&self, index: usize) -> Verdict {
        let Some(client) = &self.phones[index].client else { return Ok(()) };
        let left = client.inspect(|store| Ok::<_, StoreError>((store.identity()?.is_some(), store.spaces()?.len())));
        let (is_enrolled, spaces) =
            left.or_else(|error| broken(2, format!("device {index} cannot be read: {error}")))?;
        let documents = self.documents_on(index)?.len();
        if is_enrolled || spaces > 0 || documents > 0 {
            return broken(
                6,
                format!("device {index} was lost, and still holds {spaces} spaces, {documents} documents"),
            );
        }
        Ok(())
    }
}

/// What a reader sees of a document. In which order changes came that were made apart is nobody's business.
pub(super) fn says(document: &Document, changes: BTreeSet<ChangeHash>) -> Saying {
    let facts = document.facts();
    let values = |facts: &[gandan_model::facts::Fact]| facts.iter().map(|fact| format!("{:?}", fact.value)).collect();
    let values = facts.keys.iter().map(|(key, facts)| (key.clone(), values(facts))).collect();
    Saying { values, texts: format!("{:?}", facts.texts), changes }
}
