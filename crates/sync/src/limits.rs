//! Every bound of the protocol in one place.
//!
//! Whatever comes from outside is measured against these before memory is taken for it. Both ends use the same
//! numbers: a sender checks them while it builds, so that nothing gets stuck in a queue that no receiver would take.

/// Most bytes of a request frame, signature included.
pub const MAX_REQUEST: usize = 4 << 20;
/// Most bytes of a response frame.
pub const MAX_RESPONSE: usize = 8 << 20;
/// Most envelopes in one request.
pub const MAX_ENVELOPES: usize = 256;
/// Most spaces a device can name or be told about in one frame.
pub const MAX_SPACES: usize = 2048;
/// Most log items of one space in one response.
pub const MAX_ITEMS: usize = 4096;
/// Most grant changes in one response.
pub const MAX_GRANTS: usize = MAX_SPACES * 2;
/// Most bytes of a unit code or another short name.
pub const MAX_NAME: usize = 64;

/// Most bytes of an envelope's compressed body. A little above [`MAX_CHANGE_RAW`]: one change that does not compress
/// at all must still fit.
pub const MAX_ENVELOPE_BODY: usize = (256 << 10) + 4096;
/// Most bytes a body may inflate to.
pub const MAX_ENVELOPE_INFLATED: usize = 1 << 20;
/// Most bytes of the raw changes rebuilt from one body (short references grow back to full hashes).
pub const MAX_ENVELOPE_RAW: usize = 2 << 20;
/// Bytes of raw changes after which [`crate::envelope::batch_len`] starts a new envelope.
pub const BATCH_RAW: usize = 192 << 10;
/// Most changes in one envelope.
pub const MAX_CHANGES: usize = 512;
/// Most bytes of relayed envelope in one log item: body, signature, and the rest of the header.
pub const MAX_RELAYED: usize = MAX_ENVELOPE_BODY + 256;
/// Most bytes of raw changes that one request or one response may come to, all envelopes together.
pub const MAX_MESSAGE_RAW: usize = 32 << 20;

/// Most bytes of one raw change chunk.
pub const MAX_CHANGE_RAW: usize = 256 << 10;
/// Most operations in one change. A note of 20,000 characters is 20,000 operations, and twice as many when it takes the
/// place of another one as long.
pub const MAX_OPS: u64 = 49_152;
/// Most predecessors in one change, all operations together.
pub const MAX_PREDS: u64 = 65_536;
/// Most dependencies of one change.
pub const MAX_DEPS: usize = 256;
/// Most actors a change may name besides its own.
pub const MAX_ACTORS: usize = 256;
/// Most bytes of a change's message (the author's id).
pub const MAX_MESSAGE: usize = 128;
/// Most bytes of one map key or mark name.
pub const MAX_KEY: u64 = 1024;
/// Most bytes that the keys of one change may come to after expansion.
pub const MAX_KEYS_EXPANDED: u64 = 4 << 20;
/// Highest operation counter, so that no document can be driven near the end of its number space.
pub const MAX_OP_COUNTER: u64 = 1 << 31;
/// Highest sequence number of an actor, a device or a log.
pub const MAX_SEQ: u64 = 1 << 48;

/// Most bytes of a dictionary.
pub const MAX_DICTIONARY: usize = 256 << 10;

/// Bytes of items a server puts into an answer when the device names no budget.
pub const DEFAULT_BYTE_BUDGET: u32 = 512 << 10;
/// Most bytes of items a server puts into one answer, whatever the device asks for.
pub const MAX_BYTE_BUDGET: u32 = 4 << 20;

/// Most bytes of a chunk of whole documents, frame header included.
pub const MAX_CHUNK: usize = MAX_ENVELOPE_BODY + 16;
/// Most chunks in one query and in its answer.
pub const MAX_CHUNKS: usize = 64;
/// Most chunks in a manifest: with some hundred documents each, far more than a space will ever hold.
pub const MAX_MANIFEST: usize = 4096;
/// Most ids in one query.
pub const MAX_IDS: usize = 8192;
/// Most bytes of rules, packed.
pub const MAX_RULES_PACKED: usize = 256 << 10;
/// Most bytes of envelopes or chunks in one query or reply.
pub const MAX_QUERY: usize = 2 << 20;
