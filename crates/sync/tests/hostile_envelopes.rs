//! Envelopes that lie: about their content, their references, their size, or who wrote them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::craft::{ACTION, Craft, run, unsigned};
use common::{Device, Replica, SPACE, doc, outgoing};
use ed25519_dalek::VerifyingKey;
use gandan_model::ids::{ChangeHash, DocId, SpaceId};
use gandan_sync::dictionary::{PLAIN, compress, decompress};
use gandan_sync::envelope::{Outgoing, Sealer, SpaceRef, seal};
use gandan_sync::error::{EnvelopeError, ScanError, StorageError};
use gandan_sync::limits::{MAX_CHANGE_RAW, MAX_CHANGES, MAX_DEPS};
use gandan_sync::resolve::{Nothing, Resolver};
use gandan_sync::{Class, Encoding, EnvelopeHash, Form, RelayedEnvelope, Signature};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// The wire form, written down a second time so that tests can write what the crate never would.
#[derive(Serialize, Clone)]
struct Wire {
    doc: Doc,
    genesis: Option<u8>,
    deps: Vec<Dep>,
    omitted: Option<(u32, u32)>,
    #[serde(serialize_with = "bytes")]
    tail: Vec<u8>,
    #[serde(skip)]
    names: Vec<u8>,
}

#[derive(Serialize, Clone)]
enum Doc {
    Earlier(u32),
    Known,
    Full,
}

#[derive(Serialize, Clone)]
enum Dep {
    Genesis(u8),
    Earlier(u32),
    Known,
    Full,
}

#[expect(clippy::ptr_arg, reason = "the shape serde asks for")]
fn bytes<S: serde::Serializer>(bytes: &Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// The tail of a crafted change: what follows dependencies and actor.
fn tail(craft: &Craft) -> Vec<u8> {
    let data = Craft { deps: Vec::new(), ..craft.clone() }.data();
    data[1 + 9..].to_vec()
}

fn good() -> Wire {
    let names = doc(1).0.to_vec();
    Wire {
        doc: Doc::Full,
        genesis: None,
        deps: vec![Dep::Genesis(1)],
        omitted: None,
        tail: tail(&Craft::good()),
        names,
    }
}

/// The same change again, in the document of the change before.
fn again() -> Wire {
    Wire { doc: Doc::Earlier(1), names: Vec::new(), ..good() }
}

fn relayed(body: &[u8]) -> RelayedEnvelope {
    RelayedEnvelope {
        device: Device::new(1).id,
        device_seq: 1,
        prev: EnvelopeHash::ZERO,
        signature: Signature([0; 64]),
        dict: PLAIN,
        body: [vec![0], compress(PLAIN, Some(1), body).unwrap()].concat(),
    }
}

fn packed(wire: &[Wire]) -> RelayedEnvelope {
    let names: Vec<u8> = wire.iter().flat_map(|wire| wire.names.clone()).collect();
    let changes = compress(PLAIN, Some(1), &postcard::to_allocvec(wire).unwrap()).unwrap();
    RelayedEnvelope { body: [unsigned(names.len() as u64), names, changes].concat(), ..relayed(b"") }
}

fn open(wire: &[Wire]) -> Result<gandan_sync::Envelope, EnvelopeError> {
    packed(wire).open(SPACE, None, &Nothing)
}

#[test]
fn the_mirrored_form_is_the_real_one() {
    let opened = open(&[good(), Wire { deps: vec![Dep::Earlier(1)], ..again() }]).unwrap();
    assert_eq!(opened.changes[1].header.deps, [opened.changes[0].header.hash]);
}

#[test]
fn references_into_nowhere() {
    let named = |names: &[u8]| [&doc(1).0, names].concat();
    let unresolved = [
        Wire { doc: Doc::Known, names: vec![1; 8], ..good() },
        Wire { deps: vec![Dep::Known], names: named(&[1; 4]), ..good() },
        Wire { deps: vec![Dep::Genesis(199)], ..good() },
    ];
    for wire in unresolved {
        let error = open(&[wire]).unwrap_err();
        assert!(matches!(error, EnvelopeError::Unresolved), "{error}");
        assert_eq!(error.class(), Class::ResendFull);
    }
    let malformed = [
        again(),
        Wire { doc: Doc::Earlier(0), ..again() },
        Wire { doc: Doc::Earlier(u32::MAX), ..again() },
        Wire { deps: vec![Dep::Earlier(1)], ..good() },
        Wire { deps: vec![Dep::Earlier(u32::MAX)], ..good() },
        Wire { names: vec![1; 15], ..good() },
        Wire { names: named(&[1]), ..good() },
        Wire { deps: vec![Dep::Full], names: named(&[1; 31]), ..good() },
    ];
    for wire in malformed {
        assert!(matches!(open(&[wire]), Err(EnvelopeError::Malformed)));
    }
}

#[test]
fn ambiguous_references() {
    let mut replica = Replica::default();
    let mut twin = doc(1);
    twin.0[15] ^= 1;
    let (one, mut two) = (ChangeHash([5; 32]), ChangeHash([5; 32]));
    two.0[4] = 6;
    replica.changes.insert((SPACE, doc(1)), [one, two].into());
    let wire = |dep, name: &[u8]| {
        let names = [&doc(1).0[..8], name].concat();
        Wire { doc: Doc::Known, deps: vec![dep], names, ..good() }
    };
    let open = |replica: &Replica, wire| packed(&[wire]).open(SPACE, None, replica);
    assert!(matches!(open(&replica, wire(Dep::Known, &[5; 4])), Err(EnvelopeError::Unresolved)));
    open(&replica, wire(Dep::Full, &one.0)).unwrap();
    replica.changes.insert((SPACE, twin), [one].into());
    assert!(matches!(open(&replica, wire(Dep::Full, &one.0)), Err(EnvelopeError::Unresolved)));
    // The same document in another space is another document.
    let moved = replica.changes.remove(&(SPACE, twin)).unwrap();
    replica.changes.insert((SpaceId([1; 16]), twin), moved);
    open(&replica, wire(Dep::Full, &one.0)).unwrap();
}

#[test]
fn too_much_of_anything() {
    let one = Wire { deps: vec![Dep::Full; MAX_DEPS + 1], ..good() };
    assert!(matches!(open(&[one]), Err(EnvelopeError::Malformed)));
    assert!(matches!(open(&vec![good(); MAX_CHANGES + 1]), Err(EnvelopeError::Malformed)));
    assert!(matches!(open(&[]), Err(EnvelopeError::Malformed)));
    let long = Wire { tail: vec![0; MAX_CHANGE_RAW + 1], ..good() };
    assert!(matches!(open(&[long]), Err(EnvelopeError::Malformed)));
}

#[test]
fn references_that_grow_are_bounded_together() {
    let mut replica = Replica::default();
    let hash = |byte: usize| ChangeHash([u8::try_from(byte).unwrap(); 32]);
    replica.changes.insert((SPACE, doc(1)), (0..MAX_DEPS).map(hash).collect());
    let names: Vec<u8> = (0..MAX_DEPS).flat_map(|byte| [u8::try_from(byte).unwrap(); 4]).collect();
    let wire =
        |doc, name: &[u8]| Wire { doc, deps: vec![Dep::Known; MAX_DEPS], names: [name, &names].concat(), ..good() };
    let open = |count| {
        let mut changes = vec![wire(Doc::Full, &doc(1).0)];
        changes.resize(count, wire(Doc::Earlier(1), &[]));
        packed(&changes).open(SPACE, None, &replica)
    };
    assert_eq!(open(1).unwrap().changes[0].header.deps.len(), MAX_DEPS);
    assert!(matches!(open(257), Err(EnvelopeError::TooLarge("raw changes"))));
}

#[test]
fn a_decompression_bomb_is_refused() {
    let bomb = relayed(&vec![0; 64 << 20]);
    assert!(bomb.body.len() < 8192);
    assert!(matches!(bomb.open(SPACE, None, &Nothing), Err(EnvelopeError::Compression)));
    let noise = RelayedEnvelope { body: vec![0; 300], ..bomb.clone() };
    assert!(matches!(noise.open(SPACE, None, &Nothing), Err(EnvelopeError::Compression)));
    let large = RelayedEnvelope { body: vec![0; gandan_sync::limits::MAX_ENVELOPE_BODY + 1], ..bomb.clone() };
    assert!(RelayedEnvelope::from_bytes(&large.to_bytes().unwrap()).is_err());
    let other = RelayedEnvelope { dict: 4_000_000, ..bomb };
    let error = other.open(SPACE, None, &Nothing).unwrap_err();
    assert!(matches!(error, EnvelopeError::UnknownDictionary(4_000_000)));
    assert_eq!(error.class(), Class::ResendFull);
}

/// Damage inside of the compression, where no checksum stands in the way.
#[test]
fn damaged_on_purpose() {
    let seed = 4711;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut device = Device::new(1);
    let changes: Vec<_> = (0..3).map(|n| (doc(n), device.visit(doc(n), n * 31))).collect();
    let sealed = device.seal(&changes, &Nothing, Encoding { form: Form::Full, dict: PLAIN, level: Some(1) });
    let body = &sealed.relayed.body;
    assert!(body[0] & 0x80 != 0 && body[1] == 1, "the names take two bytes of length");
    let names = usize::from(body[0] & 0x7f) + 128;
    let (names, packed) = body[2..].split_at(names);
    let inflated = decompress(PLAIN, packed, 1 << 20).unwrap();
    let mut opened = 0;
    for _ in 0..10_000 {
        let (mut names, mut inflated) = (names.to_vec(), inflated.clone());
        for _ in 0..rng.random_range(0..4) {
            let at = rng.random_range(0..inflated.len());
            inflated[at] = rng.random();
        }
        if rng.random_bool(0.3) {
            names.truncate(rng.random_range(0..names.len()));
        }
        let packed = compress(PLAIN, Some(1), &inflated).unwrap();
        let body = [unsigned(names.len() as u64), names, packed].concat();
        let relayed = RelayedEnvelope { body, ..sealed.relayed.clone() };
        if let Ok(envelope) = relayed.open(SPACE, None, &Nothing) {
            opened += 1;
            let signed = relayed.open(SPACE, Some(&device.public()), &Nothing).is_ok();
            assert_eq!(signed, envelope.hash == sealed.hash);
        }
    }
    assert!(opened > 100, "the damage must not always be noticed early: {opened}");
}

#[test]
fn a_hostile_change_is_refused_before_it_unfolds() {
    let bomb = Craft::good().column(ACTION, run(1_000_000, 1));
    let error = open(&[good(), Wire { tail: tail(&bomb), ..again() }]).unwrap_err();
    assert!(matches!(error, EnvelopeError::Change { index: 1, error: ScanError::Expansion }));
    assert_eq!((error.code(), error.class()), ("change_expansion", Class::Refused));
}

#[test]
fn a_genesis_is_the_only_foreign_actor() {
    let genesis = Wire { genesis: Some(200), deps: Vec::new(), ..good() };
    assert_eq!(open(std::slice::from_ref(&genesis)).unwrap().changes[0].header.genesis(), Some(200));
    let error = open(&[Wire { deps: vec![Dep::Genesis(1)], ..genesis }]).unwrap_err();
    assert!(matches!(error, EnvelopeError::Change { error: ScanError::Range, .. }));
    let (mut one, mut two) = (Device::new(1), Device::new(2));
    let foreign = [(doc(1), two.visit(doc(1), 3))];
    let by = Sealer { space: SPACE, device: one.id, key: &one.key, device_seq: 1, prev: EnvelopeHash::ZERO };
    let error = seal(&by, &outgoing(&foreign), &Nothing, Encoding::default()).unwrap_err();
    assert!(matches!(error, EnvelopeError::WrongActor { index: 0 }));
    assert!(matches!(seal(&by, &[], &Nothing, Encoding::default()), Err(EnvelopeError::Malformed)));
    let broken = [Outgoing { doc: doc(1), raw: b"none" }];
    assert!(matches!(seal(&by, &broken, &Nothing, Encoding::default()), Err(EnvelopeError::Change { .. })));
    let own = one.visit(doc(1), 3);
    let zero = Sealer { device_seq: 0, key: &two.key, device: one.id, space: SPACE, prev: EnvelopeHash::ZERO };
    assert!(seal(&zero, &outgoing(&[(doc(1), own)]), &Nothing, Encoding::default()).is_err());
}

#[test]
fn the_signature_covers_everything_but_the_bytes() {
    let mut device = Device::new(1);
    let changes = vec![(doc(1), device.visit(doc(1), 5)), (doc(2), device.visit(doc(2), 6))];
    let sealed = device.seal(&changes, &Nothing, Encoding::FULL);
    let key = device.public();
    let good = sealed.relayed.clone();
    good.open(SPACE, Some(&key), &Nothing).unwrap();
    let refused = |relayed: &RelayedEnvelope, space, key: &VerifyingKey| {
        assert!(matches!(relayed.open(space, Some(key), &Nothing), Err(EnvelopeError::Signature)));
    };
    refused(&good, SpaceId([1; 16]), &key);
    refused(&good, SPACE, &Device::new(2).public());
    refused(&RelayedEnvelope { device_seq: 2, ..good.clone() }, SPACE, &key);
    refused(&RelayedEnvelope { device: Device::new(2).id, ..good.clone() }, SPACE, &key);
    refused(&RelayedEnvelope { prev: EnvelopeHash([1; 32]), ..good.clone() }, SPACE, &key);
    let swapped = [changes[1].clone(), changes[0].clone()];
    assert!(sealed.rewrite(&outgoing(&swapped), &Nothing, Encoding::FULL).is_err());
    assert!(sealed.rewrite(&outgoing(&changes[..1]), &Nothing, Encoding::FULL).is_err());
    let moved = [(doc(3), changes[0].1.clone()), changes[1].clone()];
    assert!(sealed.rewrite(&outgoing(&moved), &Nothing, Encoding::FULL).is_err());
}

#[test]
fn short_names_of_spaces() {
    let (a, mut b) = (SpaceId([1; 16]), SpaceId([1; 16]));
    assert_eq!(SpaceRef::Prefix([1; 4]).resolve(None, &[a]).unwrap(), a);
    b.0[15] = 2;
    assert!(matches!(SpaceRef::Prefix([1; 4]).resolve(None, &[a, b]), Err(EnvelopeError::Unresolved)));
    assert!(matches!(SpaceRef::Prefix([9; 4]).resolve(None, &[a]), Err(EnvelopeError::Unresolved)));
    assert!(matches!(SpaceRef::Same.resolve(None, &[a]), Err(EnvelopeError::Malformed)));
    assert_eq!(SpaceRef::Same.resolve(Some(b), &[a]).unwrap(), b);
}

struct Broken;

impl Resolver for Broken {
    fn documents(&self, _: &SpaceId, _: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        Err(StorageError::new("disk on fire"))
    }

    fn changes(&self, _: &SpaceId, _: &DocId, _: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        Err(StorageError::new("disk on fire"))
    }
}

#[test]
fn a_broken_store_is_nobodys_fault() {
    let wire = Wire { doc: Doc::Known, names: vec![1; 8], ..good() };
    let error = packed(&[wire]).open(SPACE, None, &Broken).unwrap_err();
    assert_eq!((error.code(), error.class()), ("storage", Class::Retry));
}
