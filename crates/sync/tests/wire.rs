//! Golden files: what went over the wire once must be readable for ever. `UPDATE_GOLDEN=1` writes them anew, which is
//! right only for forms that no release has used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::craft::{Craft, KEY_TEXT, join, signed};
use common::{Device, SPACE, doc};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::cursor::summary;
use gandan_sync::dictionary::{CURRENT, PLAIN};
use gandan_sync::envelope::{EnvelopeFile, PushEnvelope, SpaceRef, training_sample};
use gandan_sync::error::FrameError;
use gandan_sync::query::{Ask, Failure, Health, Query, Reply, UnverifiedQuery};
use gandan_sync::request::{Flags, Position, RequestHead, SyncRequest, UnverifiedRequest, salvage};
use gandan_sync::resolve::Nothing;
use gandan_sync::response::{ChunkRef, GrantChange, LogItem, Manifest, Notice, Problem, SpacePart, SyncResponse};
use gandan_sync::{
    Cursor, Digest, Encoding, EnvelopeHash, Form, Refusal, SealedEnvelope, Signature, SpacePosition, Status,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// The golden bytes; written first when updating.
fn golden(name: &str, now: &[u8]) -> Vec<u8> {
    if updating() {
        std::fs::create_dir_all(path("")).unwrap();
        std::fs::write(path(name), now).unwrap();
    }
    std::fs::read(path(name)).unwrap()
}

/// Checks that a form is still written as it was.
#[track_caller]
fn same(name: &str, now: &[u8]) {
    assert!(golden(name, now) == now, "{name} is written differently than it was");
}

fn push(seq: u64, space: SpaceRef, prev: Option<EnvelopeHash>) -> PushEnvelope {
    let byte = u8::try_from(seq % 251).unwrap();
    PushEnvelope { space, device_seq: seq, prev, signature: Signature([byte; 64]), dict: 1, body: vec![byte; 9] }
}

fn request(position: Position, envelopes: Vec<PushEnvelope>) -> SyncRequest {
    let head = RequestHead {
        schema: 3,
        device: DeviceId([1, 2, 3, 4, 5, 6, 7, 8]),
        time_ms: 1_763_000_000_123,
        position,
        byte_budget: 65_536,
        flags: Flags::FULL_ITEMS,
    };
    SyncRequest { head, envelopes }
}

fn requests() -> [(&'static str, SyncRequest); 2] {
    let digest = Digest { count: 7, sum: [0xd1; 32] };
    let positions = vec![
        SpacePosition { space: SPACE, cursor: Cursor { seq: 300, chain: [0xc4; 32] }, digest: Some(digest) },
        SpacePosition::start(SpaceId([2; 16])),
    ];
    let envelopes = vec![
        push(1000, SpaceRef::Full(SPACE), Some(EnvelopeHash([0x99; 32]))),
        push(1001, SpaceRef::Same, None),
        push(1002, SpaceRef::Prefix([2; 4]), None),
    ];
    [
        ("request_token.bin", request(Position::Token { token: 77, summary: [0x5a; 16] }, Vec::new())),
        ("request_full.bin", request(Position::Full(positions), envelopes)),
    ]
}

fn idle() -> SyncResponse {
    SyncResponse {
        schema: 3,
        server_time_ms: 1_763_000_000_456,
        incarnation: 2,
        token: 77,
        statuses: Vec::new(),
        device_seq: 1002,
        parts: Vec::new(),
        more: false,
        grants: Vec::new(),
        poll_after_s: 300,
        need_full: false,
        wipe: false,
        rules: None,
    }
}

fn busy() -> SyncResponse {
    let part = SpacePart {
        space: SPACE,
        items: vec![
            LogItem::Envelope { seq: 301, hash: None, relayed: vec![1, 2, 3] },
            LogItem::Envelope { seq: 302, hash: Some(EnvelopeHash([8; 32])), relayed: vec![4; 200] },
            LogItem::Own { seq: 303, device_seq: 1000 },
            LogItem::Gone { seq: 304, hash: EnvelopeHash([9; 32]) },
            LogItem::Redacted { seq: 305, hash: EnvelopeHash([7; 32]), chunk: vec![5; 20] },
            LogItem::Erased { seq: 306, doc: DocId([0xd0; 16]) },
        ],
        cursor: Cursor { seq: 306, chain: [0xc5; 32] },
        digest: Some(Digest { count: 8, sum: [0xd2; 32] }),
        more: false,
        horizon: 12,
        notice: None,
    };
    let chunk = ChunkRef { hash: [6; 32], bytes: 70_000, documents: 120 };
    let manifest = Manifest { cursor: Cursor::START, digest: Digest::default(), chunks: vec![chunk] };
    let notice =
        |notice| SpacePart { items: Vec::new(), notice: Some(notice), digest: None, more: true, ..part.clone() };
    SyncResponse {
        statuses: vec![
            (1, Status::Durable { seq: 301 }),
            (2, Status::Duplicate { seq: 1 }),
            (3, Status::Waiting),
            (4, Status::Quarantined),
            (5, Status::Gone),
            (6, Status::Refused(Refusal::UNRESOLVED)),
            (7, Status::Refused(Refusal(4000))),
        ],
        parts: vec![
            part.clone(),
            notice(Notice::ChainDiverged { head: Cursor { seq: 1, chain: [1; 32] } }),
            notice(Notice::DigestDiverged),
            notice(Notice::Chunks(manifest)),
        ],
        grants: vec![
            GrantChange::Given { space: SPACE, compartment: 1, unit: "24781".to_owned() },
            GrantChange::Taken { space: SpaceId([2; 16]) },
        ],
        more: true,
        need_full: true,
        wipe: true,
        ..idle()
    }
}

/// Two changes of one document and one of another, with every form of reference.
fn changes() -> Vec<(DocId, Vec<u8>)> {
    let device = Device::new(1);
    let craft = Craft { actor: device.id.0.to_vec(), ..Craft::good() };
    let genesis = gandan_model::genesis::genesis_hash(1).unwrap();
    let first = Craft { deps: vec![genesis], ..craft.clone() };
    let local = gandan_sync::scan(&first.raw()).unwrap().hash;
    let mut deps = vec![local, ChangeHash([0xee; 32])];
    deps.sort();
    let second = Craft { deps, seq: 2, start_op: 3, ..craft.clone() };
    let third = Craft { deps: vec![ChangeHash([0xdd; 32])], ..craft.clone() };
    let third = third.column(KEY_TEXT, join(&[signed(1), vec![6], b"status".to_vec()]));
    let foreign = Craft { actor: b"gdn-gen\xc8".to_vec(), deps: Vec::new(), ..craft };
    vec![(doc(1), first.raw()), (doc(1), second.raw()), (doc(2), third.raw()), (doc(3), foreign.raw())]
}

fn sealed(encoding: Encoding) -> SealedEnvelope {
    Device::new(1).seal(&changes(), &|known: &DocId| *known == doc(2), encoding)
}

#[test]
fn requests_are_written_as_they_were() {
    let device = Device::new(1);
    for (name, request) in requests() {
        let bytes = request.encode(&device.key).unwrap();
        same(name, &bytes);
        let read = UnverifiedRequest::decode(&golden(name, &bytes)).unwrap().verify(&device.public()).unwrap();
        assert_eq!(read, request);
        println!("{name}: {} bytes", bytes.len());
    }
}

#[test]
fn responses_are_written_as_they_were() {
    for (name, response) in [("response_idle.bin", idle()), ("response_full.bin", busy())] {
        let bytes = response.encode().unwrap();
        same(name, &bytes);
        assert_eq!(SyncResponse::decode(&golden(name, &bytes)).unwrap(), response);
        println!("{name}: {} bytes", bytes.len());
    }
    let problem = Problem { refusal: Refusal::BUSY, retry_after_s: 30, server_time_ms: 5, versions: (1, 1) };
    let bytes = problem.encode().unwrap();
    same("problem.bin", &bytes);
    assert_eq!(Problem::decode(&golden("problem.bin", &bytes)).unwrap(), problem);
}

#[test]
fn the_number_of_the_rules_stands_behind_a_response_for_those_who_ask() {
    let silent = idle();
    let telling = SyncResponse { rules: Some(70_000), ..silent.clone() };
    let bytes = telling.encode().unwrap();
    assert!(bytes.starts_with(&silent.encode().unwrap()), "older readers find what they know");
    assert_eq!(SyncResponse::decode(&bytes).unwrap(), telling);
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(SyncResponse::decode(&longer).is_err());
    assert!(SyncResponse::decode(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn what_a_device_says_of_itself_is_written_as_it_was() {
    let device = Device::new(1);
    let failure = Some(Failure { code: "no_space".to_owned(), at_ms: 1_763_000_000_000 });
    let health = Health { app: "0.1.0 android".to_owned(), waiting: 12, held_back: 1, files: 300, failure };
    let query = Query { device: DeviceId([1; 8]), time_ms: 1_763_000_000_123, ask: Ask::Health(health) };
    let bytes = query.encode(&device.key).unwrap();
    same("query_health.bin", &bytes);
    let read = UnverifiedQuery::decode(&golden("query_health.bin", &bytes)).unwrap();
    assert_eq!(read.verify(&device.public()).unwrap(), query);
    same("reply_noted.bin", &Reply::Noted.encode().unwrap());
    assert_eq!(Reply::decode(&std::fs::read(path("reply_noted.bin")).unwrap()).unwrap(), Reply::Noted);
}

#[test]
fn bodies_are_written_as_they_were() {
    let changes = changes();
    let device = Device::new(1);
    let body = training_sample(&device.id, &common::outgoing(&changes), &|known: &DocId| *known == doc(2)).unwrap();
    same("body_short.bin", &body);
}

/// How zstd packs may change with its version; what it packed must unfold for ever.
#[test]
fn old_envelopes_can_be_opened() {
    let mut known = common::Replica::default();
    let hash = ChangeHash([0xdd; 32]);
    known.changes.entry((SPACE, doc(2))).or_default().insert(hash);
    let forms = [
        ("envelope_full.bin", Encoding::FULL),
        ("envelope_short.bin", Encoding { form: Form::Short, dict: PLAIN, level: None }),
        ("envelope_dictionary_1.bin", Encoding { form: Form::Short, dict: CURRENT, level: None }),
    ];
    for (name, encoding) in forms {
        let sealed = sealed(encoding);
        let file = EnvelopeFile { space: SPACE, relayed: sealed.relayed.clone() };
        let file = EnvelopeFile::decode(&golden(name, &file.encode().unwrap())).unwrap();
        let opened = file.relayed.open(file.space, Some(&Device::new(1).public()), &known).unwrap();
        assert_eq!(opened.hash, sealed.hash);
        let raws: Vec<_> = opened.changes.iter().map(|change| (change.doc, change.raw.clone())).collect();
        assert_eq!(raws, changes());
        assert_eq!(opened.changes[3].header.genesis(), Some(200));
    }
    let sealed = sealed(Encoding::FULL);
    assert_eq!(SealedEnvelope::from_bytes(&sealed.to_bytes().unwrap()).unwrap(), sealed);
}

#[test]
fn hashes_are_computed_as_they_were() {
    let sealed = sealed(Encoding::default());
    let mut digest = Digest::default();
    digest.replace(&doc(1), &[], &[ChangeHash([2; 32]), ChangeHash([1; 32])]);
    digest.replace(&doc(2), &[], &[ChangeHash([255; 32])]);
    let cursor = Cursor::START.after(&sealed.hash).after(&EnvelopeHash([1; 32]));
    let positions =
        [SpacePosition { space: SPACE, cursor, digest: Some(digest) }, SpacePosition::start(SpaceId([1; 16]))];
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let text = format!(
        "envelope {}\nsignature {}\nchain {}\ndigest {} {}\nsummary {}\n",
        sealed.hash,
        hex(&sealed.relayed.signature.0),
        hex(&cursor.chain),
        digest.count,
        hex(&digest.sum),
        hex(&summary(&positions)),
    );
    same("hashes.txt", text.as_bytes());
}

/// Frames with what reads them; `true` for what must not be accepted.
type Reader = Box<dyn Fn(&[u8]) -> bool>;

fn frames() -> Vec<(Vec<u8>, Reader)> {
    let mut frames: Vec<(Vec<u8>, Reader)> = Vec::new();
    let device = Device::new(1);
    for (_, request) in requests() {
        let key = device.public();
        let reader = move |bytes: &[u8]| UnverifiedRequest::decode(bytes).is_ok_and(|read| read.verify(&key).is_ok());
        frames.push((request.encode(&device.key).unwrap(), Box::new(reader)));
    }
    for response in [idle(), busy()] {
        frames.push((response.encode().unwrap(), Box::new(|bytes| SyncResponse::decode(bytes).is_ok())));
    }
    let problem = Problem { refusal: Refusal::BUSY, retry_after_s: 30, server_time_ms: 5, versions: (1, 1) };
    frames.push((problem.encode().unwrap(), Box::new(|bytes| Problem::decode(bytes).is_ok())));
    let file = EnvelopeFile { space: SPACE, relayed: sealed(Encoding::FULL).relayed };
    frames.push((file.encode().unwrap(), Box::new(|bytes| EnvelopeFile::decode(bytes).is_ok())));
    frames
}

#[test]
fn frames_cut_anywhere_are_errors() {
    for (bytes, accepts) in frames() {
        assert!(accepts(&bytes));
        for cut in 0..bytes.len() {
            assert!(!accepts(&bytes[..cut]), "cut at {cut} of {}", bytes.len());
        }
        // Not a whole number either: behind a response one may stand.
        let longer = [&bytes[..], &[0x80]].concat();
        assert!(!accepts(&longer));
    }
}

#[test]
fn other_versions_and_kinds_are_told_apart() {
    for (bytes, accepts) in frames() {
        for (at, values) in [(0, 0..=255_u8), (1, 0..=255), (2, 0..=255)] {
            for value in values {
                let mut other = bytes.clone();
                other[at] = value;
                assert_eq!(accepts(&other), value == bytes[at]);
            }
        }
    }
    let mut bytes = idle().encode().unwrap();
    bytes[1] = 2;
    assert_eq!(SyncResponse::decode(&bytes), Err(FrameError::Version { got: 2 }));
}

#[test]
fn turned_bits_do_no_harm() {
    let seed = 7;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let device = Device::new(1);
    for (bytes, accepts) in frames() {
        for bit in 0..bytes.len() * 8 {
            let mut turned = bytes.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            let accepted = accepts(&turned);
            assert!(!(accepted && bytes[2] == 1), "a request is signed to the last bit ({bit})");
        }
        for _ in 0..2000 {
            let mut turned = bytes.clone();
            for _ in 0..rng.random_range(1..8) {
                let at = rng.random_range(3..turned.len());
                turned[at] = rng.random();
            }
            accepts(&turned);
        }
    }
    let sealed = sealed(Encoding::FULL);
    let file = EnvelopeFile { space: SPACE, relayed: sealed.relayed.clone() }.encode().unwrap();
    for bit in 24..file.len() * 8 {
        let mut turned = file.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        let Ok(read) = EnvelopeFile::decode(&turned) else { continue };
        if let Ok(opened) = read.relayed.open(read.space, Some(&device.public()), &Nothing) {
            // Some bits of a zstd frame carry no content.
            assert_eq!(opened.hash, sealed.hash);
        }
    }
}

#[test]
fn whole_envelopes_are_saved_from_a_cut_upload() {
    let (_, request) = requests().into_iter().nth(1).unwrap();
    let bytes = request.encode(&Device::new(1).key).unwrap();
    let mut most = 0;
    for cut in 0..bytes.len() {
        let Ok(saved) = salvage(&bytes[..cut]) else { continue };
        assert_eq!(saved.head, request.head);
        assert!(saved.envelopes.len() >= most);
        most = saved.envelopes.len();
        assert_eq!(saved.envelopes, request.envelopes[..most]);
    }
    assert_eq!(most, request.envelopes.len());
}

#[test]
fn lengths_are_checked_before_memory_is_taken() {
    let head = idle().encode().unwrap();
    // The number of statuses follows schema, time, incarnation and token.
    let at = 3 + 1 + 6 + 1 + 1;
    assert_eq!(head[at], 0);
    let mut huge = head[..at].to_vec();
    huge.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    huge.extend(&head[at + 1..]);
    assert_eq!(SyncResponse::decode(&huge), Err(FrameError::Malformed));
    let spaces = vec![SpacePosition::start(SPACE); gandan_sync::limits::MAX_SPACES + 1];
    let many = request(Position::Full(spaces), Vec::new()).encode(&Device::new(1).key).unwrap();
    assert_eq!(UnverifiedRequest::decode(&many).unwrap_err(), FrameError::Malformed);
    let long = vec![b'G'; gandan_sync::limits::MAX_RESPONSE + 1];
    assert!(matches!(SyncResponse::decode(&long), Err(FrameError::TooLarge { .. })));
}
