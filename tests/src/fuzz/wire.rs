//! Everything that travels: requests, answers, queries, envelopes, chunks, changes.

use super::Target;
use crate::generator::Generator;
use crate::generator::units;
use ed25519_dalek::SigningKey;
use gandan_model::document::{Document, Stamp};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_model::sample::read_line;
use gandan_sync::client::{DeviceView, Session, Start};
use gandan_sync::dictionary;
use gandan_sync::envelope::{EnvelopeFile, Sealer, seal};
use gandan_sync::error::StorageError;
use gandan_sync::limits::MAX_MESSAGE_RAW;
use gandan_sync::request::{Flags, UnverifiedRequest, claimed_device, salvage};
use gandan_sync::resolve::{Nothing, Resolver};
use gandan_sync::response::{Problem, SyncResponse};
use gandan_sync::{Encoding, EnvelopeHash, Outgoing, RelayedEnvelope, SealedEnvelope, SpacePosition, compact, query};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

const SPACE: SpaceId = SpaceId([0xa5; 16]);
const DEVICE: DeviceId = DeviceId([0x11; 8]);

/// The golden files of the protocol whose names begin like this.
fn golden(prefix: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sync/tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder).expect("golden files").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let is_wanted = |path: &&std::path::PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix))
    };
    files.iter().filter(is_wanted).map(|path| fs::read(path).expect("a golden file")).collect()
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[0x42; 32])
}

/// Changes as an app writes them: new documents, and an edit of each.
fn changes() -> Vec<(DocId, Vec<u8>)> {
    let mut generator = Generator::new(1);
    let unit = &units()[..1];
    let stamp = |now_ms| Stamp { device: DEVICE, author: "CB-001".to_owned(), now_ms };
    let mut changes = Vec::new();
    for line in crate::sample_lines().into_iter().take(6).chain((0..4).map(|_| generator.line(unit))) {
        for wanted in read_line(&line).expect("a line").documents {
            let mut document = Document::new(wanted.kind);
            changes.extend(
                document.patch(&stamp(1), &wanted.edits).expect("an edit").map(|change| (wanted.id, change.raw)),
            );
        }
    }
    changes
}

fn sealed(changes: &[(DocId, Vec<u8>)], encoding: Encoding) -> SealedEnvelope {
    let outgoing: Vec<Outgoing<'_>> = changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
    let key = key();
    let sealer = Sealer { space: SPACE, device: DEVICE, key: &key, device_seq: 1, prev: EnvelopeHash::ZERO };
    seal(&sealer, &outgoing, &Nothing, encoding).expect("sealed")
}

fn start<'a>(key: &'a SigningKey, outbox: &'a [SealedEnvelope], positions: &'a [SpacePosition]) -> Start<'a> {
    Start {
        device: DEVICE,
        key,
        schema: 1,
        now_ms: 1,
        token: None,
        positions,
        held_seq: 0,
        outbox,
        byte_budget: 0,
        flags: Flags::default(),
    }
}

/// Some of the size of a number, so that labels do not differ by every one of them.
fn about(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
}

/// Where the compressed part of a body begins: behind its names and their length.
fn behind_names(body: &[u8]) -> usize {
    let digits = body.iter().take(9).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let length = body.iter().take(digits).rev().fold(0_usize, |length, byte| length << 7 | usize::from(byte & 0x7f));
    digits.saturating_add(length).min(body.len())
}

/// A body with its compressed part inflated.
fn inflated(dict: u32, body: &[u8]) -> Vec<u8> {
    let (names, packed) = body.split_at(behind_names(body));
    [names, &dictionary::decompress(dict, packed, MAX_MESSAGE_RAW).expect("a body")].concat()
}

/// The way back.
fn deflated(dict: u32, body: &[u8]) -> Vec<u8> {
    let (names, plain) = body.split_at(behind_names(body));
    [names, &dictionary::compress(dict, Some(1), plain).expect("compressed")].concat()
}

/// What a device sends.
pub(super) struct Request;

impl Target for Request {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = golden("request");
        let (key, all) = (key(), changes());
        let outbox = [sealed(&all[..3], Encoding::default()), sealed(&all[..9], Encoding::FULL)];
        seeds.push(Session::start(&start(&key, &outbox, &[SpacePosition::start(SPACE)])).expect("a request").1);
        seeds
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let claimed = claimed_device(input);
        let decoded = UnverifiedRequest::decode(input);
        if let Ok(request) = &decoded
            && claimed != Some(request.device())
        {
            return Err("the device that was claimed is not the one that was decoded".to_owned());
        }
        let saved = salvage(input).map(|request| request.envelopes.len());
        let word = match decoded {
            Err(error) => error.code().to_owned(),
            Ok(request) => match request.verify(&key().verifying_key()) {
                Err(error) => error.code().to_owned(),
                Ok(request) => format!("{} envelopes", about(request.envelopes.len())),
            },
        };
        Ok(format!("{word} {:?}", saved.map(about).map_err(|error| error.code())))
    }
}

/// What a server sends, taken in by a device that asked.
pub(super) struct Response {
    session: Session,
}

/// Knows nothing.
struct Empty;

impl Resolver for Empty {
    fn documents(&self, _: &SpaceId, _: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        Ok(Vec::new())
    }

    fn changes(&self, _: &SpaceId, _: &DocId, _: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        Ok(Vec::new())
    }
}

impl DeviceView for Empty {
    fn own_envelope(&self, _: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        Ok(None)
    }
}

impl Response {
    pub(super) fn new() -> Self {
        let positions = [SpacePosition::start(SPACE)];
        Self { session: Session::start(&start(&key(), &[], &positions)).expect("a request").0 }
    }
}

impl Target for Response {
    fn seeds(&self) -> Vec<Vec<u8>> {
        [golden("response"), golden("problem")].concat()
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let problem = Problem::decode(input).map(|problem| problem.refusal.name()).map_err(|error| error.code());
        let decoded = match SyncResponse::decode(input) {
            Ok(response) => {
                format!("{} parts {} statuses", about(response.parts.len()), about(response.statuses.len()))
            }
            Err(error) => error.code().to_owned(),
        };
        let finished = match self.session.clone().finish(input, &Empty, 2) {
            Ok(outcome) => format!("{} {} {}", outcome.more, outcome.need_full, about(outcome.parts.len())),
            Err(error) => error.code().to_owned(),
        };
        Ok(format!("{problem:?} {decoded} {finished}"))
    }
}

/// Questions beside the exchange, and their answers.
pub(super) struct Query;

impl Target for Query {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = golden("query");
        seeds.extend(golden("reply"));
        let chunks: [&[u8]; 3] = [b"one", b"", b"three"];
        seeds.push(query::encode_chunks(chunks));
        let ask = query::Ask::Decisions { device_seqs: vec![1, 900] };
        seeds.push(query::Query { device: DEVICE, time_ms: 1, ask }.encode(&key()).expect("a query"));
        let decision = |verdict| query::Decision { device_seq: 1, verdict, at_ms: 5, reason: "lý do".to_owned() };
        let decisions = vec![decision(query::Verdict::Admitted { seq: 9 }), decision(query::Verdict::Discarded)];
        seeds.push(query::Reply::Decided { decisions, unknown: vec![4] }.encode().expect("a reply"));
        seeds.push(vec![b'G', 1, 5, 1, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 1, 0, 0]);
        seeds.extend((0..12).map(|kind| [&[b'G', 1, kind][..], &[1; 90]].concat()));
        seeds
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let asked = query::UnverifiedQuery::decode(input).map_err(|error| error.code()).map(|query| {
            let verified = query.verify(&key().verifying_key());
            verified.map(|query| query.ask.space().is_some()).map_err(|error| error.code())
        });
        let replied = query::Reply::decode(input).map_err(|error| error.code());
        let chunks = query::decode_chunks(input).map(|chunks| about(chunks.len())).map_err(|error| error.code());
        Ok(format!("{asked:?} {:?} {chunks:?}", replied.map(|reply| std::mem::discriminant(&reply))))
    }
}

/// Envelopes. The first byte says whether the rest is a whole one, or a body before compression.
pub(super) struct Envelope {
    whole: RelayedEnvelope,
}

impl Envelope {
    pub(super) fn new() -> Self {
        Self { whole: sealed(&changes()[..4], Encoding::default()).relayed }
    }
}

impl Target for Envelope {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let all = changes();
        let mut seeds: Vec<Vec<u8>> = golden("envelope").iter().map(|file| [&[0][..], file].concat()).collect();
        for encoding in [Encoding::default(), Encoding::FULL] {
            for count in [1, 5, all.len()] {
                let relayed = sealed(&all[..count], encoding).relayed;
                seeds.push([&[1][..], &relayed.to_bytes().expect("bytes")].concat());
                seeds.push([&[2][..], &inflated(relayed.dict, &relayed.body)].concat());
            }
        }
        seeds
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let Some((kind, rest)) = input.split_first() else { return Ok(String::new()) };
        let relayed = match kind % 3 {
            0 => match EnvelopeFile::decode(rest) {
                Ok(file) => file.relayed,
                Err(error) => return Ok(error.code().to_owned()),
            },
            1 => match RelayedEnvelope::from_bytes(rest) {
                Ok(relayed) => relayed,
                Err(error) => return Ok(error.code().to_owned()),
            },
            _ => RelayedEnvelope { body: deflated(self.whole.dict, rest), ..self.whole.clone() },
        };
        Ok(match relayed.open(SPACE, None, &Nothing) {
            Err(error) => format!("{kind} {}", error.code()),
            Ok(opened) => {
                // What can be opened can be written out in full, and is then the same.
                let full = relayed.to_full(&opened).map_err(|error| format!("not in full: {error}"))?;
                let again = full.open(SPACE, None, &Nothing).map_err(|error| format!("not again: {error}"))?;
                if again.hash != opened.hash {
                    return Err("another hash in full".to_owned());
                }
                format!("{kind} {} changes", about(opened.changes.len()))
            }
        })
    }
}

/// Chunks of the first exchange. The first byte says whether the rest is a whole one, or its inside.
pub(super) struct Chunk {
    whole: Vec<u8>,
}

impl Chunk {
    pub(super) fn new() -> Self {
        let all = changes();
        let outgoing: Vec<Outgoing<'_>> = all.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
        Self { whole: compact::encode(&outgoing, &[DocId([7; 16])]).expect("a chunk") }
    }
}

/// Bytes of a chunk before its compressed part: the frame's header and the dictionary.
const CHUNK_HEAD: usize = 7;

impl Target for Chunk {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let inside = inflated(dictionary::CURRENT, &self.whole[CHUNK_HEAD..]);
        let empty = compact::encode(&[], &[DocId([7; 16])]).expect("a chunk");
        vec![[&[0][..], &self.whole].concat(), [&[0][..], &empty].concat(), [&[1][..], &inside].concat()]
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let Some((kind, rest)) = input.split_first() else { return Ok(String::new()) };
        let chunk = if kind % 2 == 0 {
            rest.to_vec()
        } else {
            [&self.whole[..CHUNK_HEAD], &deflated(dictionary::CURRENT, rest)].concat()
        };
        Ok(match compact::decode(&SPACE, &chunk) {
            Ok(chunk) => format!("{kind} {} {}", about(chunk.changes.len()), about(chunk.erased.len())),
            Err(error) => format!("{kind} {}", error.code()),
        })
    }
}

/// Changes: the scan, and what it lets through.
pub(super) struct Scan {
    all: Vec<Vec<u8>>,
}

/// Before the content of a change: magic bytes, checksum, type.
const CHANGE_HEAD: usize = 9;

impl Scan {
    pub(super) fn new() -> Self {
        Self { all: changes().into_iter().map(|(_, raw)| raw).collect() }
    }
}

/// The content of a change with a length and a checksum that are right.
fn chunk_of(content: &[u8]) -> Vec<u8> {
    let mut typed = vec![1];
    let mut length = content.len();
    loop {
        let byte = u8::try_from(length & 0x7f).expect("seven bits");
        length >>= 7;
        typed.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
    typed.extend_from_slice(content);
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83];
    chunk.extend_from_slice(&Sha256::digest(&typed)[..4]);
    chunk.extend_from_slice(&typed);
    chunk
}

impl Target for Scan {
    /// Contents without the head, which is put before them again.
    fn seeds(&self) -> Vec<Vec<u8>> {
        let content = |raw: &Vec<u8>| {
            let length = raw[CHANGE_HEAD..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
            raw[CHANGE_HEAD + length..].to_vec()
        };
        self.all.iter().map(content).collect()
    }

    fn read(&mut self, input: &[u8]) -> Result<String, String> {
        let bare = gandan_sync::scan(input).map(|_| ());
        let raw = chunk_of(input);
        let header = match gandan_sync::scan(&raw) {
            Err(error) => return Ok(error.code().to_owned()),
            Ok(header) => header,
        };
        // What the scan lets through may be nonsense, but must not end the process or eat its memory; the library's own
        // panics are caught where changes of others are applied.
        let mut document = Document::load(&Document::from_changes([self.all[0].as_slice()]).expect("good").save())
            .map_err(|error| error.to_string())?;
        let applied = document.apply_untrusted([raw.as_slice()]).map_err(|error| error.code());
        Ok(format!("{bare:?} {} {} {applied:?}", about(header.deps.len()), header.genesis().is_some()))
    }
}
