//! Envelopes of real documents: every form comes back byte for byte, and is as small as promised.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use automerge::ReadDoc;
use automerge::transaction::Transactable;
use common::{Device, Replica, SPACE, doc};
use gandan_model::ids::DocId;
use gandan_sync::dictionary::{CURRENT, PLAIN};
use gandan_sync::envelope::{EnvelopeFile, Outgoing, batch_len, training_sample};
use gandan_sync::error::EnvelopeError;
use gandan_sync::resolve::Nothing;
use gandan_sync::{Encoding, Form, RelayedEnvelope};

fn raws(changes: &[gandan_sync::Change]) -> Vec<(DocId, Vec<u8>)> {
    changes.iter().map(|change| (change.doc, change.raw.clone())).collect()
}

#[test]
fn every_form_comes_back_byte_for_byte() {
    let mut device = Device::new(1);
    let first = vec![(doc(1), device.visit(doc(1), 12345)), (doc(2), device.visit(doc(2), 999))];
    let second = vec![
        (doc(1), device.set(doc(1), "topic", "water")),
        (doc(1), device.set(doc(1), "status", "verified")),
        (doc(2), device.set(doc(2), "topic", "roads")),
    ];
    let mut server = Replica::default();
    let one = device.seal(&first, &Nothing, Encoding::default());
    let opened = one.relayed.open(SPACE, Some(&device.public()), &Nothing).unwrap();
    assert_eq!(raws(&opened.changes), first);
    assert_eq!(opened.hash, one.hash);
    server.add(&opened);
    let two = device.seal(&second, &|_: &DocId| true, Encoding::default());
    for form in [Form::Short, Form::Full] {
        for dict in [PLAIN, CURRENT] {
            let encoding = Encoding { form, dict, level: Some(3) };
            let again = two.rewrite(&common::outgoing(&second), &|_: &DocId| true, encoding).unwrap();
            let opened = again.relayed.open(SPACE, Some(&device.public()), &server).unwrap();
            assert_eq!(raws(&opened.changes), second);
            assert_eq!(opened.hash, two.hash);
            let bytes = again.relayed.to_bytes().unwrap();
            assert_eq!(RelayedEnvelope::from_bytes(&bytes).unwrap(), again.relayed);
        }
    }
    let full = two.relayed.to_full(&two.relayed.open(SPACE, None, &server).unwrap()).unwrap();
    let file = EnvelopeFile { space: SPACE, relayed: full };
    let read = EnvelopeFile::decode(&file.encode().unwrap()).unwrap();
    assert_eq!(raws(&read.relayed.open(SPACE, Some(&device.public()), &Nothing).unwrap().changes), second);
    assert!(matches!(two.relayed.open(SPACE, None, &Nothing), Err(EnvelopeError::Unresolved)));
}

#[test]
fn sizes() {
    let mut device = Device::new(2);
    let create: Vec<_> = (0..30).map(|n| (doc(n), device.visit(doc(n), n.wrapping_mul(2_654_435_761)))).collect();
    let change = vec![(doc(3), device.set(doc(3), "topic", "Đường vào thôn"))];
    let edits: Vec<_> = (0..30).map(|n| (doc(n), device.set(doc(n), "status", "submitted"))).collect();
    let size = |sealed: &gandan_sync::SealedEnvelope| {
        let mut buffer = Vec::new();
        buffer.extend(sealed.to_push(None, true).signature.0);
        let push = sealed.to_push(None, true);
        // space 5, sequence 1–2, prev 1, signature 64, dictionary 1, length 2
        push.body.len() + 5 + 2 + 1 + 64 + 1 + 2
    };
    let one_visit = device.seal(&create[..1], &Nothing, Encoding::default());
    let one_field = device.seal(&change, &|_: &DocId| true, Encoding::default());
    let visits = device.seal(&create, &Nothing, Encoding::default());
    let fields = device.seal(&edits, &|_: &DocId| true, Encoding::default());
    println!("raw visit {} bytes, raw field change {} bytes", create[0].1.len(), change[0].1.len());
    println!("envelope with one visit: {} bytes", size(&one_visit));
    println!("envelope with one field change: {} bytes", size(&one_field));
    println!("envelope with 30 visits: {} bytes each", size(&visits) / 30);
    println!("envelope with 30 field changes: {} bytes each", size(&fields) / 30);
    assert!(size(&one_field) <= 150, "{}", size(&one_field));
}

/// The lengths of a text's characters do not travel.
#[test]
fn texts_travel_as_texts() {
    let mut device = Device::new(3);
    let note = "Bà con đề nghị sửa đoạn đường đất trước mùa mưa. ".repeat(10);
    let raw = device.edit(doc(1), |tx| {
        let (_, text) = tx.get(automerge::ROOT, "note").unwrap().unwrap();
        tx.splice_text(&text, 0, 0, &note).unwrap();
    });
    let changes = [(doc(1), raw.clone())];
    let body = training_sample(&device.id, &common::outgoing(&changes), &Nothing).unwrap();
    println!("a text of {} bytes: {} bytes raw, {} bytes of body", note.len(), raw.len(), body.len());
    assert!(body.len() < note.len() + 100);
    let sealed = device.seal(&changes, &Nothing, Encoding::FULL);
    assert_eq!(raws(&sealed.relayed.open(SPACE, None, &Nothing).unwrap().changes), changes);
}

#[test]
fn batches_stay_within_the_limits() {
    let big = vec![0; 100 << 10];
    let changes: Vec<Outgoing<'_>> = (0..5).map(|n| Outgoing { doc: doc(n), raw: &big }).collect();
    assert_eq!(batch_len(&changes), 1);
    assert_eq!(batch_len(&[]), 0);
    let small = vec![0; 10];
    let changes: Vec<Outgoing<'_>> = (0..600).map(|n| Outgoing { doc: doc(n), raw: &small }).collect();
    assert_eq!(batch_len(&changes), gandan_sync::limits::MAX_CHANGES);
}
