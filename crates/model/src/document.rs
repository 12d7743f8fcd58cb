//! One document: an automerge document whose root map is flat.
//!
//! Keys are paths (`title`, `event/k3f9`, `counts/residents/CB-001`), values are scalars. What is
//! written once and never edited (an event, a photo's description) is one compact JSON string, so that
//! fields of newer apps survive in it; what is edited has a key of its own. The only nested objects are
//! the long texts, which the [genesis](crate::genesis) creates.
//!
//! Every change carries its author (automerge's `message`) and a hybrid logical time in milliseconds
//! (automerge's `time`): never less than the writer's clock, and greater than the time of everything in
//! this document that the writer had seen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, Change, ROOT, ReadDoc, ScalarValue};
use sha2::{Digest, Sha256};

use crate::facts::{Changes, Facts, Value};
use crate::genesis::{DocKind, GENESIS_ACTOR_PREFIX, genesis};
use crate::ids::{ChangeHash, DeviceId};
use crate::text::nfc;

/// Why a document refuses something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not a change, or not one that fits this document.
    #[error("the change cannot be applied: {0}")]
    BadChange(String),
    /// Something that the change builds on has not arrived yet.
    #[error("an earlier change is missing")]
    MissingDependency,
    /// The stored document is damaged.
    #[error("the stored document cannot be read: {0}")]
    BadSnapshot(String),
    /// One edit writes more than a change may hold.
    #[error("the edit is too large for one change; save it in parts")]
    TooLarge,
    /// A value could not be written.
    #[error("the edit failed: {0}")]
    Edit(String),
}

impl DocumentError {
    /// A stable code for logs and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadChange(_) => "bad_change",
            Self::MissingDependency => "missing_dependency",
            Self::BadSnapshot(_) => "bad_snapshot",
            Self::TooLarge => "too_large",
            Self::Edit(_) => "edit_failed",
        }
    }
}

/// The most bytes of one raw change. The sync crate refuses larger ones.
pub const MAX_CHANGE_BYTES: usize = 256 * 1024;
/// The most operations of one change: a note of 20,000 characters replaced by another one, and then some.
pub const MAX_CHANGE_OPS: usize = 48_000;
/// A text that changes by more characters than this is replaced between its common ends: comparing grows
/// with the square.
const MAX_COMPARED: usize = 1_000;

/// Who writes a change, where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The device whose actor writes.
    pub device: DeviceId,
    /// The person: an official's id or a staff login. Never a resident.
    pub author: String,
    /// The device's clock, in milliseconds since 1970, corrected by what is known of its error.
    pub now_ms: i64,
}

/// A change that was just written: what is stored, signed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The change's hash.
    pub hash: ChangeHash,
    /// The raw (uncompressed) change chunk.
    pub raw: Vec<u8>,
}

/// A document in memory.
#[derive(Clone)]
pub struct Document {
    pub(crate) doc: Automerge,
}

impl Document {
    /// A new document of this kind, with nothing in it but the genesis.
    pub fn new(kind: DocKind) -> Self {
        Self { doc: genesis(kind).document() }
    }

    /// The document that [`Document::save`] wrote.
    pub fn load(snapshot: &[u8]) -> Result<Self, DocumentError> {
        let bad = |reason: String| DocumentError::BadSnapshot(reason);
        catch_unwind(|| Automerge::load(snapshot))
            .map_err(|_| bad("decoder panicked".to_owned()))?
            .map(|doc| Self { doc })
            .map_err(|error| bad(error.to_string()))
    }

    /// The document made of these raw changes, in an order in which each follows what it builds on.
    ///
    /// The first change tells the kind by the genesis that it depends on, or is a genesis itself.
    pub fn from_changes<'a>(raws: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DocumentError> {
        let changes = raws.into_iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let kind =
            changes.iter().flat_map(Change::deps).find_map(|dep| crate::genesis::kind_of_genesis(&ChangeHash(dep.0)));
        let mut document = match kind {
            Some(kind) => Self::new(kind),
            None => Self { doc: Automerge::new_with_encoding(automerge::TextEncoding::UnicodeCodePoint) },
        };
        document.apply_decoded(changes)?;
        Ok(document)
    }

    /// Applies raw changes that the sender's device wrote; known ones are skipped.
    ///
    /// All or nothing: on an error the document is as before. Changes must have passed the scan of the
    /// sync crate first, which bounds what decoding can cost; a panic of the decoder is caught here.
    pub fn apply<'a>(&mut self, raws: impl IntoIterator<Item = &'a [u8]>) -> Result<(), DocumentError> {
        let changes = raws.into_iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let mut scratch = self.clone();
        scratch.apply_decoded(changes)?;
        *self = scratch;
        Ok(())
    }

    /// Like [`Document::apply`], and proves that the result can be saved and read again: for what comes
    /// from devices that nobody has vouched for. About twice as expensive.
    pub fn apply_untrusted<'a>(&mut self, raws: impl IntoIterator<Item = &'a [u8]>) -> Result<(), DocumentError> {
        let mut scratch = self.clone();
        scratch.apply(raws)?;
        let again = Self::load(&scratch.save())?;
        if again.heads() != scratch.heads() {
            return Err(DocumentError::BadChange("the saved document differs".to_owned()));
        }
        *self = scratch;
        Ok(())
    }

    /// After an error the document must be thrown away: a caught panic may have left it half changed.
    fn apply_decoded(&mut self, changes: Vec<Change>) -> Result<(), DocumentError> {
        let wanted: Vec<_> = changes.iter().map(Change::hash).collect();
        catch_unwind(AssertUnwindSafe(|| self.doc.apply_changes(changes)))
            .map_err(|_| DocumentError::BadChange("decoder panicked".to_owned()))?
            .map_err(|error| DocumentError::BadChange(error.to_string()))?;
        // automerge keeps changes whose dependencies are missing in a queue; here they must wait outside.
        if wanted.iter().any(|hash| self.doc.get_change_meta_by_hash(hash).is_none()) {
            return Err(DocumentError::MissingDependency);
        }
        Ok(())
    }

    /// Runs an edit and returns the one change that it made, or nothing if it changed nothing.
    pub fn edit<E: From<DocumentError>>(
        &mut self,
        stamp: &Stamp,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<(), E>,
    ) -> Result<Option<NewChange>, E> {
        let time = self.next_time(stamp.now_ms);
        let mut scratch = self.clone();
        scratch.doc.set_actor(ActorId::from(stamp.device.0));
        {
            let kind = self.kind();
            let mut editor = Editor { transaction: scratch.doc.transaction(), kind, time };
            edit(&mut editor)?;
            match editor.transaction.pending_ops() {
                0 => return Ok(None),
                1..=MAX_CHANGE_OPS => {}
                _ => return Err(DocumentError::TooLarge.into()),
            }
            let options = CommitOptions::default().with_time(time).with_message(&stamp.author);
            editor.transaction.commit_with(options);
        }
        let change = scratch
            .doc
            .get_last_local_change()
            .ok_or_else(|| DocumentError::Edit("the change was not recorded".to_owned()))?;
        let raw = change.raw_bytes().to_vec();
        if raw.len() > MAX_CHANGE_BYTES {
            return Err(DocumentError::TooLarge.into());
        }
        *self = scratch;
        Ok(Some(NewChange { hash: ChangeHash(change.hash().0), raw }))
    }

    /// Writes as one change what `other` says and this document does not: for what was written by a device whose changes
    /// cannot be used. Values that both hold are left alone, conflicts included. Nothing is written if both say the same.
    pub fn say_again(&mut self, other: &Self, stamp: &Stamp) -> Result<Option<NewChange>, DocumentError> {
        let edits = self.differences(other)?;
        let text = self.kind().and_then(|kind| genesis(kind).text.clone());
        let text = text.map(|object| other.doc.text(&object)).transpose().map_err(|error| edit_error(&error))?;
        self.edit(stamp, |editor| {
            for (key, value) in edits {
                match value {
                    Some(value) => editor.set_again(&key, value)?,
                    None => editor.remove(&key)?,
                }
            }
            text.map_or(Ok(()), |text| editor.set_text(&text))
        })
    }

    /// Keys of the root map whose values in `other` are others than here, with the one that `other` shows.
    fn differences(&self, other: &Self) -> Result<Vec<(String, Option<Value>)>, DocumentError> {
        let keys: std::collections::BTreeSet<String> = self.doc.keys(ROOT).chain(other.doc.keys(ROOT)).collect();
        let values = |doc: &Automerge, key: &str| -> Result<Vec<Value>, DocumentError> {
            let all = doc.get_all(ROOT, key).map_err(|error| edit_error(&error))?;
            Ok(all.iter().filter(|(value, _)| value.is_scalar()).map(|(value, _)| Value::from(value)).collect())
        };
        let mut edits = Vec::new();
        for key in keys {
            let (here, there) = (values(&self.doc, &key)?, values(&other.doc, &key)?);
            let same = here.len() == there.len() && here.iter().all(|value| there.contains(value));
            if !same {
                // automerge shows the last of concurrent values.
                edits.push((key, there.last().cloned()));
            }
        }
        Ok(edits)
    }

    /// The hybrid logical time for the next change of this document.
    fn next_time(&self, now_ms: i64) -> i64 {
        let seen = self.doc.get_changes_meta(&[]).iter().map(|meta| meta.timestamp).max();
        now_ms.max(seen.unwrap_or(0).saturating_add(1))
    }

    /// The hashes of the latest changes, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let mut heads: Vec<_> = self.doc.get_heads().iter().map(|hash| ChangeHash(hash.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// The kind, by the genesis, which no later change can alter; `None` for a kind of a newer app.
    pub fn kind(&self) -> Option<DocKind> {
        let holds = |kind: &DocKind| {
            let hash = automerge::ChangeHash(genesis(*kind).hash.0);
            self.doc.get_change_meta_by_hash(&hash).is_some()
        };
        DocKind::ALL.into_iter().find(holds)
    }

    /// The whole document in automerge's compact form.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// What the document says now.
    pub fn facts(&self) -> Facts {
        Facts::read(&self.doc, self.kind(), &Changes::of(&self.doc), None)
    }

    /// What the document said when these were its heads.
    pub fn facts_at(&self, heads: &[ChangeHash]) -> Facts {
        self.facts_of(&Changes::of(&self.doc), heads)
    }

    /// The list of changes, for reading facts at many points of the history.
    pub(crate) fn changes(&self) -> Changes {
        Changes::of(&self.doc)
    }

    /// What the document said when these were its heads.
    pub(crate) fn facts_of(&self, changes: &Changes, heads: &[ChangeHash]) -> Facts {
        let heads: Vec<_> = heads.iter().map(|hash| automerge::ChangeHash(hash.0)).collect();
        Facts::read(&self.doc, self.kind(), changes, Some(&heads))
    }
}

fn decode(raw: &[u8]) -> Result<Change, DocumentError> {
    catch_unwind(|| Change::from_bytes(raw.to_vec()))
        .map_err(|_| DocumentError::BadChange("decoder panicked".to_owned()))?
        .map_err(|error| DocumentError::BadChange(error.to_string()))
}

/// True if changes of this actor are genesis changes, which no device may write.
pub fn is_genesis_actor(actor: DeviceId) -> bool {
    actor.0.starts_with(&GENESIS_ACTOR_PREFIX)
}

/// Writes into a document. Writing what is there already writes nothing.
pub struct Editor<'a> {
    transaction: Transaction<'a>,
    kind: Option<DocKind>,
    time: i64,
}

impl Editor<'_> {
    /// The hybrid logical time that this change will carry, in milliseconds since 1970.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Sets a key. A value that already stands there alone is left as it is; concurrent values are
    /// replaced by this one, which settles them.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Result<(), DocumentError> {
        let value = value.into().normalised();
        let current = self.transaction.get_all(ROOT, key).map_err(|error| edit_error(&error))?;
        if matches!(current.as_slice(), [(only, _)] if Value::from(only) == value) {
            return Ok(());
        }
        self.set_again(key, value)
    }

    /// Sets a key even to what it reads already: a deliberate act that must win over a removal beside it.
    pub fn set_again(&mut self, key: &str, value: impl Into<Value>) -> Result<(), DocumentError> {
        let value = value.into().normalised();
        let current = self.transaction.get(ROOT, key).map_err(|error| edit_error(&error))?;
        if current.is_some_and(|(there, _)| Value::from(&there) == value) {
            // automerge passes over a put of what is there already.
            self.transaction.delete(ROOT, key).map_err(|error| edit_error(&error))?;
        }
        self.transaction.put(ROOT, key, ScalarValue::from(value)).map_err(|error| edit_error(&error))
    }

    /// Removes a key. A value that somebody wrote without having seen the removal comes back.
    pub fn remove(&mut self, key: &str) -> Result<(), DocumentError> {
        if self.transaction.get(ROOT, key).map_err(|error| edit_error(&error))?.is_none() {
            return Ok(());
        }
        self.transaction.delete(ROOT, key).map_err(|error| edit_error(&error))
    }

    /// Makes the document's long text read `text`. Small changes are found character by character; of a
    /// text that is largely new, what lies between the common beginning and end is replaced.
    pub fn set_text(&mut self, text: &str) -> Result<(), DocumentError> {
        let Some(object) = self.kind.and_then(|kind| genesis(kind).text.as_ref()) else {
            return Err(DocumentError::Edit("the document has no long text".to_owned()));
        };
        let new = nfc(text);
        let old = self.transaction.text(object).map_err(|error| edit_error(&error))?;
        if old == new {
            return Ok(());
        }
        let (old, wanted): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
        let start = old.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        let rest = old[start..].iter().rev().zip(wanted[start..].iter().rev());
        let end = rest.take_while(|(a, b)| a == b).count();
        let (gone, fresh) = (old.len() - start - end, wanted.len() - start - end);
        if gone + fresh <= MAX_COMPARED {
            return self.transaction.update_text(object, new).map_err(|error| edit_error(&error));
        }
        let middle: String = wanted[start..start + fresh].iter().collect();
        let gone = isize::try_from(gone).unwrap_or(isize::MAX);
        self.transaction.splice_text(object, start, gone, &middle).map_err(|error| edit_error(&error))
    }

    /// Writes an element once, under a short name made from its content: two devices that write the same
    /// element write the same key. Another element that happens to have that name gets a longer one; if
    /// two devices do that beside each other, both values survive under the key.
    pub fn append(&mut self, prefix: &str, element: &str) -> Result<(), DocumentError> {
        let value = Value::from(element).normalised();
        let hash = Sha256::digest(value.as_str().unwrap_or_default());
        for length in 4..=hash.len() {
            let key = format!("{prefix}/{}", short_name(&hash[..length]));
            let current = self.transaction.get_all(ROOT, key.as_str()).map_err(|error| edit_error(&error))?;
            if current.iter().any(|(there, _)| Value::from(there) == value) {
                return Ok(());
            }
            if current.is_empty() {
                return self.set_again(&key, value);
            }
        }
        Err(DocumentError::Edit("no name is left for the element".to_owned()))
    }
}

/// One character of base 32 for each byte.
fn short_name(hash: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    hash.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

fn edit_error(error: &automerge::AutomergeError) -> DocumentError {
    DocumentError::Edit(error.to_string())
}
