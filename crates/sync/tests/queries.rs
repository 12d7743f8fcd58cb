//! Chunks of whole documents, and the frames beside the round trip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Device, SPACE, doc, genesis_raw, outgoing};
use gandan_model::ids::{ChangeHash, DeviceId, DocId};
use gandan_sync::compact::{self, Chunk, chunk_len};
use gandan_sync::digest::{BUCKETS, Buckets, bucket, short_heads};
use gandan_sync::error::{EnvelopeError, FrameError};
use gandan_sync::limits::{MAX_CHUNK, MAX_CHUNKS};
use gandan_sync::query::{
    Ask, Decision, Failure, Health, MAX_VERSION, Query, Reply, Returned, UnverifiedQuery, Verdict, decode_chunks,
    encode_chunks, pack_rules, proves_renewal, renewal_proof, unpack_rules,
};
use gandan_sync::{Cursor, Status};

/// Two devices write the same documents; the changes of each document stand together, as in a chunk.
fn written(documents: u32) -> Vec<(DocId, Vec<u8>)> {
    let (mut first, mut second) = (Device::new(1), Device::new(2));
    let mut all = Vec::new();
    for number in 0..documents {
        let id = doc(number);
        let raw = first.visit(id, number);
        second.apply(id, std::slice::from_ref(&raw));
        all.push((id, raw));
        let raw = second.set(id, "status", "closed");
        first.apply(id, std::slice::from_ref(&raw));
        all.push((id, raw));
        all.push((id, first.set(id, "note", "đường vào buôn bị sạt lở")));
    }
    all
}

#[test]
fn a_chunk_gives_back_every_byte_by_every_author() {
    let changes = written(20);
    let erased = [DocId([3; 16]), DocId([4; 16])];
    let bytes = compact::encode(&outgoing(&changes), &erased).unwrap();
    let chunk = compact::decode(&SPACE, &bytes).unwrap();
    let raws: Vec<(DocId, Vec<u8>)> = chunk.changes.into_iter().map(|change| (change.doc, change.raw)).collect();
    assert_eq!(raws, changes);
    assert_eq!(chunk.erased, erased);
    assert_eq!(compact::encode(&outgoing(&changes), &erased).unwrap(), bytes, "the same content has the same name");
    assert_eq!(compact::decode(&SPACE, &compact::encode(&[], &[]).unwrap()).unwrap(), Chunk::default());
}

#[test]
fn a_document_goes_on_in_the_next_chunk() {
    let changes = written(1);
    let bytes = compact::encode(&outgoing(&changes[2..]), &[]).unwrap();
    assert_eq!(compact::decode(&SPACE, &bytes).unwrap().changes[0].raw, changes[2].1);
}

#[test]
fn a_genesis_may_travel() {
    let changes = [(doc(1), genesis_raw().to_vec())];
    let bytes = compact::encode(&outgoing(&changes), &[]).unwrap();
    assert_eq!(compact::decode(&SPACE, &bytes).unwrap().changes[0].raw, changes[0].1);
}

#[test]
fn chunks_are_bounded() {
    let many = written(200);
    let outgoing = outgoing(&many);
    let length = chunk_len(&outgoing);
    assert!(length > 0 && length < outgoing.len());
    assert!(compact::encode(&outgoing[..length], &[]).unwrap().len() <= MAX_CHUNK);
    assert!(matches!(compact::encode(&outgoing, &[]), Err(EnvelopeError::TooLarge(_))));
    assert_eq!(chunk_len(&[]), 0);
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_chunk_is_an_error_or_the_hash_tells() {
    let bytes = compact::encode(&outgoing(&written(2)), &[DocId([3; 16])]).unwrap();
    for end in 0..bytes.len() {
        let _ = compact::decode(&SPACE, &bytes[..end]);
    }
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        let _ = compact::decode(&SPACE, &other);
        assert_ne!(compact::hash(&other), compact::hash(&bytes));
    }
}

#[test]
fn what_arrived_of_chunks_that_were_cut_can_be_used() {
    let chunks: Vec<Vec<u8>> = vec![vec![1; 10], vec![], vec![2; 300]];
    let bytes = encode_chunks(chunks.iter().map(Vec::as_slice));
    assert_eq!(decode_chunks(&bytes).unwrap(), chunks);
    assert_eq!(decode_chunks(&bytes[..bytes.len() - 1]).unwrap(), chunks[..2]);
    for end in 3..bytes.len() {
        assert!(decode_chunks(&bytes[..end]).unwrap().len() < chunks.len());
    }
    let huge = [&bytes[..3], &u32::MAX.to_be_bytes()].concat();
    assert!(matches!(decode_chunks(&huge), Err(FrameError::TooLarge { .. })));
    let many = encode_chunks(std::iter::repeat_n([].as_slice(), MAX_CHUNKS + 1));
    assert!(decode_chunks(&many).is_err());
}

#[test]
fn buckets_show_which_documents_differ() {
    let hash = |n: u8| ChangeHash([n; 32]);
    let ids: Vec<DocId> = (0..500).map(doc).collect();
    let (mut here, mut there) = (Buckets::default(), Buckets::default());
    for id in &ids {
        here.add(id, &[hash(1)]);
        there.add(id, &[hash(if *id == ids[77] { 2 } else { 1 })]);
    }
    let (here, there) = (here.short(), there.short());
    assert_eq!(here.len(), BUCKETS);
    let differ: Vec<usize> = (0..BUCKETS).filter(|n| here[*n] != there[*n]).collect();
    assert_eq!(differ, [usize::from(bucket(&ids[77]))]);
    assert_ne!(short_heads(&ids[77], &[hash(1)]), short_heads(&ids[77], &[hash(2)]));
    assert_eq!(short_heads(&ids[77], &[hash(1), hash(2)]), short_heads(&ids[77], &[hash(2), hash(1)]));
}

fn asks() -> Vec<Ask> {
    let device = Device::new(7);
    let cursor = Cursor { seq: 9, chain: [2; 32] };
    vec![
        Ask::Chunks { space: SPACE, hashes: vec![[1; 32], [2; 32]] },
        Ask::Compare { space: SPACE, cursor, buckets: vec![[5; 8]; BUCKETS] },
        Ask::Differ { space: SPACE, cursor, bucket: 4, documents: vec![(doc(1), [6; 8])] },
        Ask::Offer { space: SPACE, envelopes: vec![[7; 8]], changes: vec![(doc(2), [8; 8])] },
        Ask::Return { space: SPACE, envelopes: vec![Returned(vec![1, 2, 3])], unsigned: vec![4] },
        Ask::Renew {
            device: DeviceId([9; 8]),
            key: device.public().to_bytes(),
            proof: renewal_proof(&device.key, &DeviceId([1; 8]), &DeviceId([9; 8])),
        },
        Ask::Decisions { device_seqs: vec![3, 900] },
        Ask::Health(health()),
    ]
}

fn health() -> Health {
    let failure = Some(Failure { code: "no_space".to_owned(), at_ms: 1_790_000_000_000 });
    Health { app: "0.1.0 android".to_owned(), waiting: 12, held_back: 1, files: 3, failure }
}

#[test]
fn what_a_device_says_of_itself_is_short() {
    let device = Device::new(1);
    let encode =
        |health| Query { device: device.id, time_ms: 5, ask: Ask::Health(health) }.encode(&device.key).unwrap();
    assert!(encode(Health { app: "0.1.0 android".to_owned(), ..Health::default() }).len() < 100);
    let long = Health { app: "x".repeat(MAX_VERSION + 1), ..health() };
    assert!(UnverifiedQuery::decode(&encode(long)).is_err());
}

#[test]
fn a_query_is_signed() {
    let (device, other) = (Device::new(1), Device::new(2));
    for ask in asks() {
        let query = Query { device: device.id, time_ms: 5, ask };
        let bytes = query.encode(&device.key).unwrap();
        let unverified = UnverifiedQuery::decode(&bytes).unwrap();
        assert_eq!(unverified.device(), device.id);
        assert_eq!(unverified.clone().verify(&device.public()).unwrap(), query);
        assert!(unverified.verify(&other.public()).is_err());
        for end in 0..bytes.len() {
            let cut = UnverifiedQuery::decode(&bytes[..end]);
            assert!(cut.is_err() || cut.unwrap().verify(&device.public()).is_err());
        }
    }
}

fn decision(verdict: Verdict, reason: &str) -> Decision {
    Decision { device_seq: 3, verdict, at_ms: 1_790_000_000_000, reason: reason.to_owned() }
}

#[test]
fn replies_come_back() {
    let replies = [
        Reply::Moved,
        Reply::Buckets(vec![1, 200]),
        Reply::Healing {
            chunks: vec![vec![1, 2]],
            heads: vec![(doc(1), vec![ChangeHash([4; 32])])],
            unknown: vec![doc(2)],
            more: true,
        },
        Reply::Wanted { envelopes: vec![0, 7], changes: vec![3] },
        Reply::Returned { statuses: vec![Status::Durable { seq: 3 }], unsigned: Some(Status::Quarantined) },
        Reply::Renewed { events_token: "abc".to_owned() },
        Reply::Decided {
            decisions: vec![
                decision(Verdict::Admitted { seq: 8 }, ""),
                decision(Verdict::Discarded, "đã có ở máy khác"),
            ],
            unknown: vec![4],
        },
        Reply::Noted,
    ];
    for reply in replies {
        let bytes = reply.encode().unwrap();
        assert_eq!(Reply::decode(&bytes).unwrap(), reply);
        for end in 0..bytes.len() {
            assert!(Reply::decode(&bytes[..end]).is_err());
        }
    }
}

#[test]
fn a_renewal_is_proved_by_the_next_key() {
    let next = Device::new(3);
    let (old, new) = (DeviceId([1; 8]), DeviceId([2; 8]));
    let proof = renewal_proof(&next.key, &old, &new);
    assert!(proves_renewal(&next.public(), &old, &new, &proof));
    assert!(!proves_renewal(&next.public(), &new, &old, &proof));
    assert!(!proves_renewal(&Device::new(4).public(), &old, &new, &proof));
}

#[test]
fn rules_travel_packed_and_within_bounds() {
    let json = gandan_model::rules::Rules::default().data().to_json().unwrap();
    let packed = pack_rules(&json).unwrap();
    assert_eq!(unpack_rules(&packed).unwrap(), json);
    let reply = Reply::Rules { number: 7, packed };
    assert_eq!(Reply::decode(&reply.encode().unwrap()).unwrap(), reply);
    let bomb = pack_rules(&vec![b' '; gandan_model::rules::MAX_RULES_BYTES + 1]).unwrap();
    assert!(matches!(unpack_rules(&bomb), Err(EnvelopeError::Compression)));
}
