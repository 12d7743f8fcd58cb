//! What ingest and answers need of a database, and nothing more.
//!
//! A second database implements these traits and passes the suite `conformance`. Everything is keyed by space, and the
//! head of a space is read and written in the transaction that appends to its log: the order of numbers is the order of
//! visibility, without gaps.

use gandan_model::ids::{ChangeHash, Compartment, DeviceId, DocId, SpaceId};

use super::DbError;
pub use super::seen::{HealthRow, SeenRow};
use crate::reports::audit::NewEntry;

/// The result of everything here.
pub type DbResult<T> = Result<T, DbError>;

/// The database's own short number of a device or a space.
pub type No = i64;

/// What a device may do in a space, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access(pub u8);

impl Access {
    /// Nothing (any more).
    pub const NONE: Self = Self(0);
    /// Receives the space's log.
    pub const READ: Self = Self(1);
    /// Adds to the space's log.
    pub const WRITE: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    /// Whether the log may be received.
    pub const fn reads(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether envelopes may be added.
    pub const fn writes(self) -> bool {
        self.0 & 2 != 0
    }

    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self.0 {
            1 => "read",
            2 => "write",
            3 => "both",
            _ => "none",
        }
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its number here.
    pub no: No,
    /// Its id.
    pub id: DeviceId,
    /// Its ed25519 public key.
    pub key: [u8; 32],
    /// Whose it is; `None` for the server's own.
    pub official: Option<String>,
    /// When it was revoked, Unix milliseconds.
    pub revoked_ms: Option<i64>,
    /// The highest device sequence held.
    pub last_seq: u64,
    /// Hash of that envelope; zeros if there is none.
    pub last_hash: [u8; 32],
    /// Whether everything on it has to go at its next contact.
    pub wipe: bool,
}

/// A space and the head of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceRow {
    /// Its number here.
    pub no: No,
    /// Its id.
    pub id: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// Its compartment.
    pub compartment: Compartment,
    /// The last place in its log; 0 when empty.
    pub head: u64,
    /// The chain at the head.
    pub chain: [u8; 32],
    /// Number of documents in the digest.
    pub digest_count: u64,
    /// Sum of the digest.
    pub digest_sum: [u8; 32],
    /// Oldest place still served as envelopes.
    pub horizon: u64,
}

/// A right of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// The space's number.
    pub space_no: No,
    /// The space.
    pub space: SpaceId,
    /// What the device may do there.
    pub access: Access,
}

/// Where an envelope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeState {
    /// In the log.
    Logged,
    /// Outside, until what it builds on arrives.
    Waiting,
    /// Outside, until a person decides.
    Quarantined,
    /// Erased.
    Gone,
}

impl EnvelopeState {
    pub(crate) const ALL: [Self; 4] = [Self::Logged, Self::Waiting, Self::Quarantined, Self::Gone];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Logged => 0,
            Self::Waiting => 1,
            Self::Quarantined => 2,
            Self::Gone => 3,
        }
    }
}

/// An envelope that a device gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRow {
    /// Its signature.
    pub signature: [u8; 64],
    /// Where it is.
    pub state: EnvelopeState,
    /// Its place in the log, if it is there; else 0.
    pub seq: u64,
}

/// A head of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadRow {
    /// The change.
    pub hash: ChangeHash,
    /// Counter of its last operation.
    pub max_op: u64,
}

/// A change, as the log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its hash.
    pub hash: ChangeHash,
    /// Who wrote it.
    pub actor: DeviceId,
    /// The actor's sequence number in the document.
    pub actor_seq: u64,
    /// The place in the log that brought it.
    pub seq: u64,
    /// Counter of its last operation.
    pub max_op: u64,
}

/// A line of a log to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewLine<'a> {
    /// The space's number.
    pub space: No,
    /// The next place.
    pub seq: u64,
    /// The envelope's hash.
    pub hash: [u8; 32],
    /// The device's number.
    pub device: No,
    /// Its sequence number there.
    pub device_seq: u64,
    /// The chain up to and including this line.
    pub chain: [u8; 32],
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// What it holds.
    pub content: NewContent<'a>,
}

/// What a new line of a log holds.
#[derive(Debug, Clone, Copy)]
pub enum NewContent<'a> {
    /// The relayed form of an envelope.
    Envelope(&'a [u8]),
    /// A chunk of changes that no signature vouches for any more, but a person did.
    Chunk(&'a [u8]),
    /// The erasure of a document.
    Erased(DocId),
}

/// What a line of a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The relayed form of an envelope; empty for lines whose body was not asked for.
    Envelope(Vec<u8>),
    /// Nothing any more: erased as a whole.
    Gone,
    /// Nothing any more: below the horizon. Its changes stand in the chunks of the last manifest.
    Compacted,
    /// A chunk: what an erasure left of an envelope, or what a person admitted without a signature.
    Redacted(Vec<u8>),
    /// The erasure of this document.
    Erased(DocId),
}

/// Whole documents as of one place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// Its number here.
    pub id: i64,
    /// The place.
    pub seq: u64,
    /// The chain there.
    pub chain: [u8; 32],
    /// Number of documents in the digest.
    pub digest_count: u64,
    /// Sum of the digest.
    pub digest_sum: [u8; 32],
    /// Its chunks, newest documents first.
    pub chunks: Vec<ChunkRow>,
}

/// A chunk of a manifest, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its number here.
    pub id: i64,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// Its length.
    pub bytes: u32,
    /// Number of documents in it.
    pub documents: u32,
}

/// A line of a log as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Its place.
    pub seq: u64,
    /// The chain there.
    pub chain: [u8; 32],
    /// The envelope's hash.
    pub hash: [u8; 32],
    /// The device that sealed it.
    pub device: DeviceId,
    /// Its sequence number there.
    pub device_seq: u64,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// What it holds.
    pub content: Content,
}

/// Which lines of a log to read.
#[derive(Debug, Clone, Copy)]
pub struct LineQuery {
    /// The space's number.
    pub space: No,
    /// The place before the first.
    pub after: u64,
    /// Most lines.
    pub max_lines: usize,
    /// Most bytes of bodies, but at least one line.
    pub max_bytes: usize,
    /// Lines of this device come without their bodies.
    pub without_bodies_of: Option<DeviceId>,
}

/// An envelope outside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRow {
    /// Its number among the waiting.
    pub id: i64,
    /// The device's number.
    pub device: No,
    /// Its sequence number there.
    pub device_seq: u64,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// The relayed form.
    pub body: Vec<u8>,
}

/// Something for a person to look at.
#[derive(Debug, Clone, Copy)]
pub struct NewQuarantine<'a> {
    /// The space's number.
    pub space: No,
    /// The device's number.
    pub device: No,
    /// The envelope's sequence number there.
    pub device_seq: u64,
    /// A stable code of the reason.
    pub reason: &'a str,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// What it holds.
    pub body: &'a [u8],
    /// How it is written.
    pub form: Form,
    /// Hash of the envelope or the chunk. What lies there already is not kept twice.
    pub hash: [u8; 32],
    /// Who signed it, if that is not the device that brought it.
    pub author: Option<DeviceId>,
}

/// Something in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRow {
    /// Its number.
    pub id: i64,
    /// The space.
    pub space: SpaceId,
    /// Number of the device that brought it.
    pub device: No,
    /// That device.
    pub device_id: DeviceId,
    /// The envelope's sequence number there; 0 if it is none.
    pub device_seq: u64,
    /// Who signed it, if that is somebody else.
    pub author: Option<DeviceId>,
    /// A stable code of the reason.
    pub reason: String,
    /// When it arrived, Unix milliseconds.
    pub received_ms: i64,
    /// How it is written.
    pub form: Form,
    /// Hash of the envelope or the chunk.
    pub hash: Option<[u8; 32]>,
    /// What it holds; none after an erasure.
    pub body: Option<Vec<u8>>,
    /// When somebody decided, Unix milliseconds.
    pub resolved_ms: Option<i64>,
}

/// How something outside the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The relayed form of an envelope.
    Envelope,
    /// A chunk of changes for which there is no signature.
    Chunk,
}

impl Form {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Envelope => 0,
            Self::Chunk => 1,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        if number == 0 { Self::Envelope } else { Self::Chunk }
    }
}

/// Reading. Within one [`Storage::view`] everything is of one moment.
pub trait ReadLog {
    /// A device by its id.
    fn device(&self, id: &DeviceId) -> DbResult<Option<DeviceRow>>;
    /// Every right that a device has or had.
    fn grants(&self, device: No) -> DbResult<Vec<GrantRow>>;
    /// The right of a device in one space.
    fn access(&self, device: No, space: No) -> DbResult<Access>;
    /// A space by its id.
    fn space(&self, id: &SpaceId) -> DbResult<Option<SpaceRow>>;
    /// The spaces whose log the device may receive now, in the order of their ids.
    fn readable_spaces(&self, device: No) -> DbResult<Vec<SpaceRow>>;
    /// An envelope that the device gave before.
    fn held(&self, device: No, device_seq: u64) -> DbResult<Option<HeldRow>>;
    /// Ids of documents that start so; may stop after two.
    fn documents_with_prefix(&self, space: No, prefix: [u8; 8]) -> DbResult<Vec<DocId>>;
    /// The current heads of a document; `None` if there is none. A document of which only the first change is here has no
    /// heads.
    fn heads(&self, space: No, doc: &DocId) -> DbResult<Option<Vec<HeadRow>>>;
    /// Every change of a document, in the order of actor and sequence.
    fn changes(&self, space: No, doc: &DocId) -> DbResult<Vec<ChangeRow>>;
    /// The last change of an actor in a document.
    fn last_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId) -> DbResult<Option<ChangeRow>>;
    /// The change of an actor with this sequence number in a document.
    fn change_of_actor(&self, space: No, doc: &DocId, actor: &DeviceId, seq: u64) -> DbResult<Option<ChangeRow>>;
    /// The chain at a place of a log.
    fn chain_at(&self, space: No, seq: u64) -> DbResult<Option<[u8; 32]>>;
    /// Lines of a log, in order.
    fn lines(&self, query: &LineQuery) -> DbResult<Vec<LineRow>>;
    /// Envelopes of a space that wait for something, oldest first, at most `limit`.
    fn waiting(&self, space: No, limit: usize) -> DbResult<Vec<WaitingRow>>;
    /// How many envelopes of a device wait, in all spaces.
    fn waiting_of(&self, device: No) -> DbResult<u64>;
    /// How much of a device lies in quarantine undecided.
    fn quarantined_of(&self, device: No) -> DbResult<u64>;
    /// Something in quarantine, by its number.
    fn quarantined(&self, id: i64) -> DbResult<Option<QuarantinedRow>>;
    /// Whether the document was erased for good.
    fn is_erased(&self, space: No, doc: &DocId) -> DbResult<bool>;
    /// Whether a line of the log has a hash that starts so.
    fn has_line(&self, space: No, prefix: [u8; 8]) -> DbResult<bool>;
    /// Every document of a space with its heads, in the order of their ids. Only documents that have heads.
    fn each_document(&self, space: No, each: &mut dyn FnMut(DocId, Vec<HeadRow>)) -> DbResult<()>;
    /// The last manifest of a space.
    fn manifest(&self, space: No) -> DbResult<Option<ManifestRow>>;
    /// A chunk of a space, by its name.
    fn chunk(&self, space: No, hash: &[u8; 32]) -> DbResult<Option<Vec<u8>>>;
    /// The names of the chunks of the last manifest that hold changes of a document, in their order.
    fn chunks_with(&self, space: No, doc: &DocId) -> DbResult<Vec<[u8; 32]>>;
    /// The position that was kept under a token.
    fn position(&self, device: No, token: u64) -> DbResult<Option<Vec<u8>>>;
    /// The highest token kept for a device; 0 if none.
    fn last_token(&self, device: No) -> DbResult<u64>;
}

/// Writing: one writer, one transaction at a time. Everything between [`WriteLog::begin`] and
/// [`WriteLog::commit`] is durable together or not there at all.
pub trait WriteLog: ReadLog {
    /// Starts a transaction and takes the write lock.
    fn begin(&self) -> DbResult<()>;
    /// Makes everything since `begin` durable: when this returns, it survives a power cut.
    fn commit(&self) -> DbResult<()>;
    /// Forgets everything since `begin`. Without a transaction it does nothing.
    fn rollback(&self);
    /// Appends a line to a log.
    fn append(&self, line: &NewLine<'_>) -> DbResult<()>;
    /// Remembers a change of a document.
    fn put_change(&self, space: No, doc: &DocId, change: &ChangeRow) -> DbResult<()>;
    /// Sets the heads of a document.
    fn put_heads(&self, space: No, doc: &DocId, heads: &[HeadRow]) -> DbResult<()>;
    /// Sets head, chain and digest of a space.
    fn put_space_head(&self, space: &SpaceRow) -> DbResult<()>;
    /// Sets the last envelope of a device.
    fn put_device_head(&self, device: No, last_seq: u64, last_hash: [u8; 32]) -> DbResult<()>;
    /// Remembers an envelope of a device, or its new state.
    fn put_held(&self, device: No, device_seq: u64, held: &HeldRow) -> DbResult<()>;
    /// Keeps an envelope outside the log until what it builds on arrives.
    fn put_waiting(&self, space: No, row: &WaitingRow) -> DbResult<()>;
    /// Forgets a waiting envelope.
    fn remove_waiting(&self, id: i64) -> DbResult<()>;
    /// Keeps an envelope for a person to decide on.
    fn put_quarantine(&self, row: &NewQuarantine<'_>) -> DbResult<()>;
    /// Moves an envelope of a device to another state, if it is known.
    fn set_held(&self, device: No, device_seq: u64, state: EnvelopeState, seq: u64) -> DbResult<()>;
    /// Adds to the trail of who did what.
    fn audit(&self, entry: &NewEntry) -> DbResult<()>;
    /// Remembers what somebody decided about something in quarantine.
    fn decide_quarantined(&self, id: i64, outcome: &str, entry: &NewEntry) -> DbResult<()>;
    /// Keeps a position under a token; of each device the last two tokens stay.
    fn put_position(&self, device: No, token: u64, position: &[u8]) -> DbResult<()>;
    /// Remembers what a device said of itself.
    fn put_seen(&self, seen: &SeenRow) -> DbResult<()>;
    /// Remembers how a device says that it is, instead of what it said before.
    fn put_health(&self, health: &HealthRow) -> DbResult<()>;
    /// Moves what was committed to its final place in the file, as far as readers allow. For quiet moments.
    fn tidy(&self) -> DbResult<()>;
}

/// A database.
pub trait Storage: Send + Sync {
    /// Runs `read` on one consistent view.
    fn view(&self, read: &mut dyn FnMut(&dyn ReadLog) -> DbResult<()>) -> DbResult<()>;
    /// The writer. Opening a second one is allowed; their transactions exclude each other.
    fn writer(&self) -> DbResult<Box<dyn WriteLog + Send>>;
}

impl dyn Storage + '_ {
    /// [`Storage::view`] with a result.
    pub fn read<T>(&self, read: impl FnOnce(&dyn ReadLog) -> DbResult<T>) -> DbResult<T> {
        let mut read = Some(read);
        let mut result = None;
        self.view(&mut |log| {
            if let Some(read) = read.take() {
                result = Some(read(log)?);
            }
            Ok(())
        })?;
        result.ok_or_else(|| DbError::internal("the view was not read"))
    }
}
