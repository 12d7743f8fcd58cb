//! What a device learns from an answer.

use crate::cursor::{EnvelopeHash, SpacePosition};
use crate::digest::Digest;
use crate::envelope::{Change, Envelope};
use crate::error::{Class, EnvelopeError};
use crate::request::Flags;
use crate::response::{GrantChange, Notice};
use crate::sign::Signature;
use crate::status::Status;
use gandan_model::ids::{DocId, SpaceId};

/// What a round trip brought.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one answer, not a state machine")]
pub struct Outcome {
    /// What became of the envelopes sent.
    pub acks: Vec<Ack>,
    /// News by space.
    pub parts: Vec<Part>,
    /// Spaces given (start at [`SpacePosition::start`], then the part) and taken (forget position and data).
    pub grants: Vec<GrantChange>,
    /// For [`super::Start::token`] next time.
    pub token: Option<u64>,
    /// For [`super::Start::held_seq`] next time: the highest device sequence the server holds.
    pub device_seq: u64,
    /// The server holds envelopes of this device that this device does not know of: it was cloned, or restored from a
    /// backup. It has to become a new device before it writes on.
    pub cloned: bool,
    /// The server could not place the token: ask again without one. Acks are valid; there are no parts.
    pub need_full: bool,
    /// Ask again at once: more waits.
    pub more: bool,
    /// Envelopes of the outbox that did not fit into the request.
    pub unsent: usize,
    /// For [`super::Start::flags`] next time.
    pub flags: Flags,
    /// Version of the document schema the server writes.
    pub schema: u32,
    /// How often the server was restored from a backup.
    pub incarnation: u64,
    /// Everything on this device has to go: it was reported lost.
    pub wipe: bool,
    /// Which rules are in force on the server ([`crate::response::SyncResponse::rules`]); `None`: it does not say.
    pub rules: Option<u32>,
    /// Server's clock minus the device's, milliseconds.
    pub skew_ms: i64,
    /// Seconds until the server wants to hear again; 0 for no wish.
    pub poll_after_s: u32,
}

impl Outcome {
    /// Whether nothing happened at all.
    pub fn is_idle(&self) -> bool {
        self.acks.is_empty() && self.parts.is_empty() && self.grants.is_empty() && !self.more && self.unsent == 0
    }
}

/// What became of one envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The envelope's number.
    pub device_seq: u64,
    /// The envelope's hash.
    pub hash: EnvelopeHash,
    /// The server's word.
    pub status: Status,
}

impl Ack {
    /// What is to be done about it; none when the server holds it.
    pub fn class(&self) -> Option<Class> {
        match self.status {
            Status::Refused(refusal) => Some(refusal.class()),
            _ => None,
        }
    }
}

/// What is new in one space.
#[derive(Debug)]
pub struct Part {
    /// The space.
    pub space: SpaceId,
    /// Log items in order.
    pub items: Vec<Item>,
    /// Where the device stands after `items`. The digest is the server's; when it is given and differs from the device's
    /// own at this point, keep the device's own, and the server will notice.
    pub position: SpacePosition,
    /// Whether more follows in this space.
    pub more: bool,
    /// Oldest seq still served as envelopes.
    pub horizon: u64,
    /// Something out of the ordinary. After [`Notice::ChainDiverged`] `position` is the start of the log: what comes again
    /// is known already, and nothing is to be deleted.
    pub notice: Option<Notice>,
    /// Why the part ends early, if it does.
    pub stopped: Option<Stopped>,
}

impl Part {
    /// The server's digest at the new position, if the device is at the head.
    pub fn server_digest(&self) -> Option<Digest> {
        self.position.digest
    }
}

/// A log item, opened.
#[derive(Debug)]
pub enum Item {
    /// Another device's envelope.
    Envelope {
        /// Its place in the log.
        seq: u64,
        /// The envelope.
        envelope: Envelope,
        /// Its author's signature, not checked here: with it the envelope can be given back to a server that lost it.
        signature: Signature,
    },
    /// One of this device's own.
    Own {
        /// Its place in the log.
        seq: u64,
        /// Its number among the device's envelopes.
        device_seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
    },
    /// Erased content.
    Gone {
        /// Its place in the log.
        seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
    },
    /// What is left of an envelope after an erasure.
    Redacted {
        /// Its place in the log.
        seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
        /// The changes that are left.
        changes: Vec<Change>,
    },
    /// A document is erased, for ever.
    Erased {
        /// Its place in the log.
        seq: u64,
        /// The document.
        doc: DocId,
        /// The item's hash.
        hash: EnvelopeHash,
    },
    /// Could not be opened even in full form; to be reported. The log goes on behind it.
    Unreadable {
        /// Its place in the log.
        seq: u64,
        /// Its hash.
        hash: EnvelopeHash,
        /// What is wrong.
        error: EnvelopeError,
    },
}

/// Why a part ends before its last item. [`Outcome::flags`] asks for what would help.
#[derive(Debug)]
pub enum Stopped {
    /// The device lost one of its own envelopes.
    OwnUnknown {
        /// Place in the log.
        seq: u64,
        /// Its number.
        device_seq: u64,
    },
    /// A gap, or a chain that does not lead to the cursor: nothing of the part was taken. When it holds envelopes of this
    /// device, the most likely reason is a clone that used the same numbers for other envelopes.
    Inconsistent {
        /// Whether the part names envelopes of this device.
        own: bool,
    },
    /// The answer unfolds to more than [`crate::limits::MAX_MESSAGE_RAW`] bytes: the rest is to be asked for again.
    Enough {
        /// Place in the log.
        seq: u64,
    },
    /// An envelope could not be opened.
    Unreadable {
        /// Place in the log.
        seq: u64,
        /// What is wrong.
        error: EnvelopeError,
    },
}

impl Stopped {
    pub(super) fn wish(&self) -> Flags {
        match self {
            Self::OwnUnknown { .. } | Self::Inconsistent { own: true } => Flags::OWN_ITEMS,
            Self::Inconsistent { own: false } | Self::Enough { .. } => Flags::default(),
            Self::Unreadable { .. } => Flags::FULL_ITEMS,
        }
    }
}
