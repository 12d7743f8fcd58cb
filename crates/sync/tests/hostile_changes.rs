//! Changes that would hurt whoever opens them, and real ones of every shape that must pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ObjType, ROOT, ReadDoc, ScalarValue};
use common::craft::{
    ACTION, Craft, INSERT, KEY_COUNTER, KEY_TEXT, PRED_ACTOR, PRED_COUNT, PRED_COUNTER, VALUE, VALUE_META, chunk, join,
    run, signed, unsigned,
};
use common::{Device, doc};
use gandan_model::ids::ChangeHash;
use gandan_sync::error::ScanError;
use gandan_sync::limits::{MAX_CHANGE_RAW, MAX_OPS};
use gandan_sync::scan;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[track_caller]
fn refused(craft: &Craft, error: ScanError) {
    assert_eq!(scan(&craft.raw()), Err(error));
}

#[test]
fn the_crafted_change_is_good_before_it_is_spoilt() {
    let header = scan(&Craft::good().raw()).unwrap();
    assert_eq!((header.seq, header.start_op, header.ops, header.max_op()), (1, 2, 1, 2));
    Change::from_bytes(Craft::good().raw()).unwrap();
}

#[test]
fn a_tiny_change_that_unfolds_to_a_million_operations() {
    let bomb = Craft { deps: Vec::new(), message: Vec::new(), ..Craft::good() };
    let bomb = bomb.column(ACTION, run(1_000_000, 1)).column(VALUE_META, run(1_000_000, 0)).column(VALUE, Vec::new());
    println!("bomb of {} bytes", bomb.raw().len());
    assert!(bomb.raw().len() <= 70);
    refused(&bomb, ScanError::Expansion);
    refused(&Craft::good().column(ACTION, run(i64::MAX, 1)), ScanError::Expansion);
    refused(&Craft::good().column(ACTION, join(&[signed(i64::MIN), vec![1; 20]])), ScanError::Expansion);
    refused(&Craft::good().column(ACTION, join(&[signed(0), unsigned(u64::MAX)])), ScanError::Expansion);
    let limit = i64::try_from(MAX_OPS).unwrap();
    refused(&Craft::good().column(ACTION, run(limit + 1, 1)), ScanError::Expansion);
}

#[test]
fn columns_longer_than_the_operations() {
    for column in [KEY_TEXT, VALUE_META, PRED_COUNT] {
        refused(&Craft::good().column(column, run(2, 0)), ScanError::Expansion);
    }
    refused(&Craft::good().column(INSERT, unsigned(2)), ScanError::Expansion);
    refused(&Craft::good().column(INSERT, join(&[vec![1], unsigned(u64::MAX)])), ScanError::Expansion);
    refused(&Craft::good().column(VALUE_META, run(1, u64::MAX)), ScanError::Expansion);
    refused(&Craft::good().column(VALUE_META, run(1, 0x43)), ScanError::Expansion);
    refused(&Craft::good().column(KEY_COUNTER, join(&[signed(2), signed(1)])), ScanError::Expansion);
}

#[test]
fn predecessors_without_end() {
    refused(&Craft::good().column(PRED_COUNT, run(1, u64::MAX)), ScanError::Expansion);
    refused(&Craft::good().column(PRED_COUNT, run(1, 1_000_000)), ScanError::Expansion);
    refused(&Craft::good().column(PRED_ACTOR, run(1, 0)), ScanError::Expansion);
    let one = Craft::good().column(PRED_COUNT, run(1, 1)).column(PRED_ACTOR, run(1, 0));
    scan(&one.clone().column(PRED_COUNTER, join(&[signed(1), signed(1)])).raw()).unwrap();
    refused(&one.clone().column(PRED_ACTOR, run(1, 1)), ScanError::Range);
    refused(&one.clone().column(PRED_COUNTER, join(&[signed(1), signed(-1)])), ScanError::Range);
    refused(&one.column(PRED_COUNTER, join(&[signed(1), signed(i64::MAX)])), ScanError::Range);
}

#[test]
fn numbers_at_the_end_of_their_space() {
    for start_op in [0, 1 << 31, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        refused(&Craft { start_op, ..Craft::good() }, ScanError::Range);
    }
    for seq in [0, u64::MAX] {
        refused(&Craft { seq, ..Craft::good() }, ScanError::Range);
    }
    refused(&Craft::good().column(ACTION, run(1, 8)), ScanError::Range);
    refused(&Craft::good().column(KEY_COUNTER, join(&[signed(1), signed(3)])), ScanError::Range);
    refused(&Craft::good().column(0x01, run(1, 1)), ScanError::Range);
    refused(&Craft::good().column(0x02, run(1, u64::MAX)), ScanError::Range);
}

#[test]
fn texts_that_multiply() {
    let ops = 30_000;
    let long = join(&[signed(ops), unsigned(1000), vec![b'k'; 1000]]);
    let many = Craft::good()
        .column(ACTION, run(ops, 1))
        .column(VALUE_META, run(ops, 0))
        .column(VALUE, Vec::new())
        .column(KEY_TEXT, long);
    refused(&many, ScanError::Expansion);
    refused(&Craft::good().column(KEY_TEXT, join(&[signed(1), unsigned(u64::MAX)])), ScanError::Range);
    refused(&Craft::good().column(KEY_TEXT, join(&[signed(1), vec![1, 0xff]])), ScanError::Malformed);
    refused(&Craft { message: vec![0xff], ..Craft::good() }, ScanError::Malformed);
    refused(&Craft { message: vec![b'x'; 129], ..Craft::good() }, ScanError::Range);
}

#[test]
fn other_kinds_of_chunk() {
    let mut device = Device::new(1);
    let raw = device.visit(doc(1), 7);
    let mut change = Change::from_bytes(raw.clone()).unwrap();
    let deflated = change.bytes().to_vec();
    assert_eq!(deflated[8], 2, "automerge deflates a change of this size");
    assert_eq!(scan(&deflated), Err(ScanError::NotAChange));
    assert_eq!(scan(&device.docs[&doc(1)].save()), Err(ScanError::NotAChange));
    assert_eq!(scan(&chunk(3, &Craft::good().data())), Err(ScanError::NotAChange));
    assert_eq!(scan(&[raw.clone(), raw].concat()), Err(ScanError::NotAChange));
    assert_eq!(scan(&[]), Err(ScanError::NotAChange));
    assert_eq!(scan(&vec![0; MAX_CHANGE_RAW + 1]), Err(ScanError::TooLarge));
}

#[test]
fn columns_that_are_not_ours() {
    let spoilt = |columns| Craft { columns, ..Craft::good() };
    refused(&Craft::good().column(ACTION | 8, run(1, 1)), ScanError::Column);
    refused(&Craft::good().column(0xf2, run(1, 1)), ScanError::Column);
    refused(&Craft::good().column(u64::MAX, run(1, 1)), ScanError::Column);
    let twice = [Craft::good().columns, vec![(PRED_COUNT, run(1, 0))]].concat();
    refused(&spoilt(twice), ScanError::Malformed);
    refused(&spoilt(vec![(ACTION, run(1, 1)), (KEY_TEXT, run(1, 0))]), ScanError::Malformed);
    let mut data = Craft { columns: Vec::new(), ..Craft::good() }.data();
    data.pop();
    assert_eq!(scan(&chunk(1, &[data.clone(), unsigned(u64::MAX)].concat())), Err(ScanError::Column));
    let endless = [data, vec![1], unsigned(ACTION), unsigned(u64::MAX)].concat();
    assert_eq!(scan(&chunk(1, &endless)), Err(ScanError::Malformed));
}

#[test]
fn actors_and_dependencies() {
    refused(&Craft { actor: vec![1; 16], ..Craft::good() }, ScanError::Range);
    refused(&Craft { actor: Vec::new(), ..Craft::good() }, ScanError::Range);
    refused(&Craft { others: vec![vec![1; 16]], ..Craft::good() }, ScanError::Range);
    refused(&Craft { others: vec![vec![9; 8]], ..Craft::good() }, ScanError::Malformed);
    refused(&Craft { others: vec![vec![2; 8], vec![1; 8]], ..Craft::good() }, ScanError::Malformed);
    refused(&Craft { others: vec![vec![1; 8]; 300], ..Craft::good() }, ScanError::Range);
    let (one, two) = (ChangeHash([1; 32]), ChangeHash([2; 32]));
    refused(&Craft { deps: vec![two, one], ..Craft::good() }, ScanError::Malformed);
    refused(&Craft { deps: vec![one, one], ..Craft::good() }, ScanError::Malformed);
    refused(&Craft { deps: vec![one; 257], ..Craft::good() }, ScanError::Range);
    refused(&Craft { actor: b"gdn-gen\x01".to_vec(), ..Craft::good() }, ScanError::Range);
}

#[test]
fn checksums_count() {
    let mut raw = Craft::good().raw();
    raw[5] ^= 1;
    assert_eq!(scan(&raw), Err(ScanError::Checksum));
}

#[test]
fn cut_anywhere_and_any_bit_turned() {
    let mut device = Device::new(3);
    for raw in [device.visit(doc(1), 99), device.set(doc(1), "status", "draft"), Craft::good().raw()] {
        scan(&raw).unwrap();
        for cut in 0..raw.len() {
            assert!(scan(&raw[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..raw.len() * 8 {
            let mut turned = raw.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(scan(&turned).is_err(), "bit {bit}");
        }
    }
}

/// Damage behind a valid checksum: whatever passes stays within the limits.
#[test]
fn damaged_on_purpose() {
    let seed = 20_261_121;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut device = Device::new(4);
    let raws = [device.visit(doc(1), 5), device.set(doc(1), "status", "draft")];
    for round in 0..20_000 {
        let raw = &raws[round % raws.len()];
        let mut data = raw[if raw[9] & 0x80 == 0 { 10 } else { 11 }..].to_vec();
        for _ in 0..=rng.random_range(0..4) {
            let at = rng.random_range(0..data.len());
            data[at] = rng.random();
        }
        if let Ok(header) = scan(&chunk(1, &data)) {
            assert!(header.ops <= MAX_OPS);
            assert!(header.max_op() < 1 << 31);
        }
    }
}

/// What automerge says about a change and what the scan says are the same.
#[track_caller]
fn agrees(raw: &[u8]) {
    let header = scan(raw).unwrap();
    let change = Change::from_bytes(raw.to_vec()).unwrap();
    assert_eq!(header.hash.0, change.hash().0);
    assert_eq!(
        header.deps.iter().map(|dep| dep.0).collect::<Vec<_>>(),
        change.deps().iter().map(|dep| dep.0).collect::<Vec<_>>()
    );
    assert_eq!(header.actor.0, change.actor_id().to_bytes());
    assert_eq!((header.seq, header.start_op), (change.seq(), change.start_op().get()));
    assert_eq!(header.ops, change.len() as u64);
    assert_eq!(header.max_op(), change.max_op());
    assert_eq!(header.time_ms, change.timestamp());
    assert_eq!(header.message, change.message().unwrap_or_default());
}

#[test]
fn a_note_of_twenty_thousand_characters_passes() {
    let mut device = Device::new(5);
    let letters: Vec<char> = "Bà con thôn 3 đề nghị sửa đường, kéo điện. ".chars().collect();
    let note: String = letters.iter().cycle().take(20_000).collect();
    let raw = device.edit(doc(1), |tx| {
        let (_, text) = tx.get(ROOT, "note").unwrap().unwrap();
        tx.splice_text(&text, 0, 0, &note).unwrap();
    });
    println!("a note of 20,000 characters: {} bytes raw", raw.len());
    agrees(&raw);
    let other: String = letters.iter().rev().cycle().take(20_000).collect();
    let raw = device.edit(doc(1), |tx| {
        let (_, text) = tx.get(ROOT, "note").unwrap().unwrap();
        tx.splice_text(&text, 0, 20_000, &other).unwrap();
    });
    assert_eq!(scan(&raw).unwrap().ops, 40_000);
    agrees(&raw);
}

#[test]
fn every_kind_of_value_and_operation_passes() {
    let mut device = Device::new(6);
    agrees(common::genesis_raw());
    agrees(&device.visit(doc(1), 77));
    agrees(&device.edit(doc(1), |tx| {
        let values = [
            ScalarValue::Null,
            ScalarValue::Boolean(true),
            ScalarValue::Int(i64::MIN),
            ScalarValue::Uint(u64::MAX),
            ScalarValue::F64(1.5),
            ScalarValue::Bytes(vec![1, 2, 3]),
            ScalarValue::Str("".into()),
            ScalarValue::counter(5),
            ScalarValue::Timestamp(-1),
        ];
        for (index, value) in values.into_iter().enumerate() {
            tx.put(ROOT, format!("v{index}"), value).unwrap();
        }
        let list = tx.put_object(ROOT, "list", ObjType::List).unwrap();
        for index in 0..100 {
            tx.insert(&list, index, i64::try_from(index).unwrap()).unwrap();
        }
        tx.delete(&list, 50).unwrap();
        tx.put(&list, 3, "ba").unwrap();
        let map = tx.put_object(ROOT, "map", ObjType::Map).unwrap();
        tx.put(&map, "k", "v").unwrap();
    }));
    agrees(&device.edit(doc(1), |tx| {
        tx.increment(ROOT, "v7", 3).unwrap();
        tx.delete(ROOT, "v1").unwrap();
        let (_, list) = tx.get(ROOT, "list").unwrap().unwrap();
        (0..40).for_each(|_| tx.delete(&list, 0).unwrap());
    }));
}

#[test]
fn marks_and_empty_changes_pass() {
    use automerge::marks::{ExpandMark, Mark};
    let mut device = Device::new(7);
    device.visit(doc(1), 1);
    agrees(&device.edit(doc(1), |tx| {
        let (_, text) = tx.get(ROOT, "note").unwrap().unwrap();
        tx.mark(&text, Mark::new("bold".to_owned(), true, 1, 5), ExpandMark::Both).unwrap();
    }));
    let mut document = Automerge::new().with_actor(ActorId::from(vec![8; 8]));
    document.empty_commit(CommitOptions::default().with_time(-5));
    agrees(document.get_last_local_change().unwrap().raw_bytes());
}

#[test]
fn changes_over_many_concurrent_heads_pass() {
    let mut devices: Vec<Device> = (1..=30).map(Device::new).collect();
    let first = devices[0].visit(doc(1), 4);
    let edits: Vec<Vec<u8>> = devices
        .iter_mut()
        .enumerate()
        .map(|(index, device)| {
            if index > 0 {
                device.apply(doc(1), std::slice::from_ref(&first));
            }
            device.set(doc(1), "status", &format!("s{index}"))
        })
        .collect();
    let mut last = Device::new(99);
    last.apply(doc(1), &[vec![first], edits].concat());
    let raw = last.set(doc(1), "status", "verified");
    agrees(&raw);
    assert_eq!(scan(&raw).unwrap().deps.len(), 30);
}
