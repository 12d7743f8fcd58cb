//! Random histories of real documents, written by several devices, through every form of envelope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use automerge::ROOT;
use automerge::transaction::Transactable;
use common::memory::{Phone, Server};
use common::{Device, Replica, SPACE, doc, outgoing};
use gandan_model::ids::DocId;
use gandan_sync::dictionary::{CURRENT, PLAIN};
use gandan_sync::resolve::Nothing;
use gandan_sync::{Encoding, Form};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A device writes: whole visit, one field, a number, a deletion.
    Write { device: usize, doc: u32, kind: u8, value: String },
    /// A device takes over everything another has.
    Merge { from: usize, to: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof!["[a-zà-ỹ ]{0,40}", Just(String::new()), "\\PC{1,300}"];
    prop_oneof![
        4 => (0..3_usize, 0..4_u32, 0..5_u8, value)
            .prop_map(|(device, doc, kind, value)| Step::Write { device, doc, kind, value }),
        1 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Step::Merge { from, to }),
    ]
}

fn write(device: &mut Device, id: DocId, kind: u8, value: &str) -> Vec<u8> {
    match kind {
        0 => device.visit(id, u32::try_from(value.len()).unwrap()),
        1 => device.edit(id, |tx| tx.put(ROOT, "counts/residents", value.len() as u64).unwrap()),
        2 => device.edit(id, |tx| drop(tx.delete(ROOT, "status"))),
        3 => device.edit(id, |tx| tx.put(ROOT, value.chars().take(200).collect::<String>() + "k", 1.5).unwrap()),
        _ => device.set(id, "status", value),
    }
}

/// Changes with their documents, in the order they were written.
type Written = Vec<(DocId, Vec<u8>)>;

/// Plays the steps and gives, per device, the changes in the order it wrote them.
fn play(steps: &[Step]) -> (Vec<Device>, Vec<Written>) {
    let mut devices: Vec<Device> = (1..=3).map(Device::new).collect();
    let mut written: Vec<Written> = vec![Vec::new(); devices.len()];
    let mut seen: Vec<BTreeMap<DocId, Vec<Vec<u8>>>> = vec![BTreeMap::new(); devices.len()];
    for step in steps {
        match step {
            Step::Write { device, doc: number, kind, value } => {
                let raw = write(&mut devices[*device], doc(*number), *kind, value);
                written[*device].push((doc(*number), raw.clone()));
                seen[*device].entry(doc(*number)).or_default().push(raw);
            }
            Step::Merge { from, to } if from != to => {
                for (id, raws) in seen[*from].clone() {
                    devices[*to].apply(id, &raws);
                    seen[*to].entry(id).or_default().extend(raws);
                }
            }
            Step::Merge { .. } => {}
        }
    }
    (devices, written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was written comes back byte for byte, in every form, and the envelope stays the same envelope.
    #[test]
    fn envelopes_come_back(steps in vec(step(), 1..40), batch in 1..12_usize) {
        let (mut devices, written) = play(&steps);
        let mut everything = Replica::default();
        for (device, changes) in devices.iter_mut().zip(&written) {
            for chunk in changes.chunks(batch) {
                let sealed = device.seal(chunk, &Nothing, Encoding { form: Form::Full, dict: PLAIN, level: Some(1) });
                let opened = sealed.relayed.open(SPACE, Some(&device.public()), &Nothing).unwrap();
                everything.add(&opened);
                for (form, dict) in [(Form::Full, CURRENT), (Form::Short, PLAIN), (Form::Short, CURRENT)] {
                    let encoding = Encoding { form, dict, level: Some(1) };
                    let again = sealed.rewrite(&outgoing(chunk), &|_: &DocId| false, encoding).unwrap();
                    let opened = again.relayed.open(SPACE, Some(&device.public()), &everything).unwrap();
                    prop_assert_eq!(opened.hash, sealed.hash);
                    let raws: Vec<_> = opened.changes.into_iter().map(|change| (change.doc, change.raw)).collect();
                    prop_assert_eq!(&raws[..], chunk);
                }
            }
        }
        // Now that a receiver holds everything, the shortest form of all reads there and nowhere else.
        for (device, changes) in devices.iter_mut().zip(&written) {
            for chunk in changes.chunks(batch) {
                let sealed = device.seal(chunk, &|_: &DocId| true, Encoding { level: Some(1), ..Encoding::default() });
                let opened = sealed.relayed.open(SPACE, Some(&device.public()), &everything).unwrap();
                let raws: Vec<_> = opened.changes.into_iter().map(|change| (change.doc, change.raw)).collect();
                prop_assert_eq!(&raws[..], chunk);
                prop_assert!(sealed.relayed.open(SPACE, None, &Nothing).is_err());
            }
        }
    }

    /// Phones that meet the server in any order, and lose any answers, end with the same heads and digests.
    #[test]
    fn everybody_agrees_in_the_end(
        meetings in vec((0..3_usize, 0..4_u32, any::<bool>(), 0..3_u32), 1..30),
    ) {
        let mut server = Server::default();
        let mut phones: Vec<Phone> = (1..=3).map(Phone::new).collect();
        for phone in &phones {
            server.enrol(&phone.device, &[SPACE]);
        }
        for (index, (who, number, lost, budget)) in meetings.into_iter().enumerate() {
            let phone = &mut phones[who];
            phone.budget = budget * 400;
            let raw = phone.device.set(doc(number), "status", &format!("s{index}"));
            phone.write(&[(doc(number), raw)], Encoding { level: Some(1), ..Encoding::default() });
            if lost {
                let (_, request) = phone.start();
                server.handle(&request);
            } else {
                phone.sync_all(&mut server);
            }
        }
        for _ in 0..2 {
            for phone in &mut phones {
                phone.sync_all(&mut server);
            }
        }
        for phone in &phones {
            prop_assert!(phone.outbox.is_empty());
            prop_assert_eq!(&phone.replica.heads, &server.replica.heads);
            prop_assert_eq!(phone.digests.get(&SPACE).copied().unwrap_or_default(), server.logs[&SPACE].digest);
            prop_assert_eq!(phone.positions[&SPACE].cursor, server.logs[&SPACE].head());
        }
    }
}
