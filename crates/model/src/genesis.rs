//! The first change of every document, the same on every device.
//!
//! Two phones may create the same visit (its id comes from the plan or was handed over by a QR code)
//! before they ever meet. If each made the nested text of the note by itself, a merge would hide one of
//! the two. So all start from one deterministic change per kind, which nobody sends: both ends know it.

use std::sync::LazyLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, TextEncoding};
use serde::{Deserialize, Serialize};

use crate::ids::ChangeHash;

/// The actor of every genesis change starts with these bytes; the last byte is the kind.
pub const GENESIS_ACTOR_PREFIX: [u8; 7] = *b"gdn-gen";

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocKind {
    /// A field visit.
    Visit,
    /// One matter that a resident raised.
    Issue,
    /// A resident's name and address, in the `contacts` compartment.
    Contact,
    /// That a denunciation was handed to the inspectorate, in the `sealed` compartment.
    SealedStub,
    /// Who is sent where, and until when.
    Assignment,
    /// A plan or decision that visits carry out.
    Plan,
    /// A resident's request about personal data, with its clocks, in the `contacts` compartment.
    DataSubjectRequest,
}

impl DocKind {
    /// Every kind that this version knows.
    pub const ALL: [Self; 7] = [
        Self::Visit,
        Self::Issue,
        Self::Contact,
        Self::SealedStub,
        Self::Assignment,
        Self::Plan,
        Self::DataSubjectRequest,
    ];

    /// The number that stands for the kind in genesis actors and databases.
    pub const fn number(self) -> u8 {
        match self {
            Self::Visit => 1,
            Self::Issue => 2,
            Self::Contact => 3,
            Self::SealedStub => 4,
            Self::Assignment => 5,
            Self::Plan => 6,
            Self::DataSubjectRequest => 7,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind's name, as it stands in the document and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Issue => "issue",
            Self::Contact => "contact",
            Self::SealedStub => "sealed_stub",
            Self::Assignment => "assignment",
            Self::Plan => "plan",
            Self::DataSubjectRequest => "data_subject_request",
        }
    }

    /// The key of the kind's long text that several people write at once, if it has one.
    pub const fn text_key(self) -> Option<&'static str> {
        match self {
            Self::Visit => Some("note"),
            Self::Issue => Some("description"),
            _ => None,
        }
    }

    /// The compartment in which documents of this kind live.
    pub const fn compartment(self) -> crate::ids::Compartment {
        match self {
            Self::Contact | Self::DataSubjectRequest => crate::ids::Compartment::Contacts,
            Self::SealedStub => crate::ids::Compartment::Sealed,
            _ => crate::ids::Compartment::Field,
        }
    }
}

/// The first change of one kind of document.
pub struct Genesis {
    /// The kind that it begins.
    pub kind: DocKind,
    /// Its hash: what the first real change of every such document depends on.
    pub hash: ChangeHash,
    /// The raw change chunk.
    pub raw: Vec<u8>,
    /// The kind's long text, reached by its own id: whatever else is put under its key hides nothing.
    pub(crate) text: Option<ObjId>,
    document: Automerge,
}

impl Genesis {
    fn make(kind: DocKind) -> Self {
        let mut actor = GENESIS_ACTOR_PREFIX.to_vec();
        actor.push(kind.number());
        let mut document =
            Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(ActorId::from(actor));
        let mut transaction = document.transaction();
        // Neither call can fail: the root is a map and takes any key.
        let _ = transaction.put(ROOT, "kind", kind.as_str());
        let text = kind.text_key().and_then(|key| transaction.put_object(ROOT, key, ObjType::Text).ok());
        transaction.commit_with(CommitOptions::default().with_time(0));
        let change = document.get_last_local_change();
        let (hash, raw) = change.map_or((ChangeHash([0; 32]), Vec::new()), |change| {
            (ChangeHash(change.hash().0), change.raw_bytes().to_vec())
        });
        Self { kind, hash, raw, text, document }
    }

    /// A document that holds nothing but this change.
    pub(crate) fn document(&self) -> Automerge {
        self.document.clone()
    }
}

static ALL: LazyLock<Vec<Genesis>> = LazyLock::new(|| DocKind::ALL.into_iter().map(Genesis::make).collect());

/// The numbers of all kinds whose genesis is known here.
pub const GENESIS_KINDS: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];

/// The genesis of a kind.
pub fn genesis(kind: DocKind) -> &'static Genesis {
    // `ALL` is made from `DocKind::ALL`, whose numbers run from 1 without gaps.
    &ALL[usize::from(kind.number()) - 1]
}

/// The hash of the genesis of the kind with this number, if it is known here.
pub fn genesis_hash(kind: u8) -> Option<ChangeHash> {
    DocKind::from_number(kind).map(|kind| genesis(kind).hash)
}

/// The kind that starts with this change, if it is a known genesis.
pub fn kind_of_genesis(hash: &ChangeHash) -> Option<DocKind> {
    ALL.iter().find(|genesis| genesis.hash == *hash).map(|genesis| genesis.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [&str; 7] = [
        "b0569cbcd18c51df",
        "fbe02be2353f8091",
        "ef71d69acb9c7f6d",
        "14986b9aa1371c51",
        "05278127224c050e",
        "4dd71b0c73dcdce2",
        "4b23f48936c57771",
    ];

    /// These hashes are part of the wire form: a change here would make every old document unreadable.
    #[test]
    fn genesis_never_changes() {
        let hashes: Vec<String> =
            DocKind::ALL.iter().map(|kind| genesis(*kind).hash.to_string()[..16].to_owned()).collect();
        assert_eq!(hashes, HASHES);
        for (kind, number) in DocKind::ALL.into_iter().zip(GENESIS_KINDS) {
            assert_eq!(kind.number(), number);
            assert!(genesis(kind).raw.len() < 128, "{}", genesis(kind).raw.len());
            assert_eq!(kind_of_genesis(&genesis(kind).hash), Some(kind));
        }
    }
}
