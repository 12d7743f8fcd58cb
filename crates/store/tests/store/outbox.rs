//! Envelopes, acknowledgements, grants, identity, export.

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_store::{Ack, Decision, EnvelopeState, Identity, RecordState, SealedEnvelope, SyncState, VisitFilter};
use serde_json::{Value as Json, json};

use crate::help::{ME, NOW, Phone, SPACE, doc};

/// Seals everything that is unsealed.
fn seal(phone: &mut Phone, device_seq: u64) -> SealedEnvelope {
    let pending = phone.store.unsealed(100).unwrap();
    let envelope = SealedEnvelope {
        device_seq,
        space: SPACE,
        hash: [u8::try_from(device_seq).unwrap(); 32],
        bytes: vec![0xee; 100],
        changes: pending.iter().map(|change| (change.doc, change.hash)).collect(),
    };
    phone.store.seal(&envelope).unwrap();
    envelope
}

fn phone_with(count: u32) -> Phone {
    let mut phone = Phone::new();
    for number in 1..=count {
        phone.save(DocKind::Visit, doc(number), NOW, &[("place.name", json!(format!("Thôn {number}")))]);
    }
    phone
}

#[test]
fn a_change_goes_from_saved_over_waiting_to_synced() {
    let mut phone = phone_with(2);
    assert_eq!(phone.store.last_envelope().unwrap(), None);
    let pending = phone.store.unsealed(1).unwrap();
    assert_eq!((pending.len(), pending[0].doc, pending[0].space), (1, doc(1), SPACE));
    let envelope = seal(&mut phone, 1);
    assert!(phone.store.unsealed(10).unwrap().is_empty());
    assert_eq!(phone.state(doc(1)), RecordState::Waiting);
    assert!(!phone.store.knows(doc(1)).unwrap());

    let mut phone = phone.reopen();
    let sealed = phone.store.sealed(10).unwrap();
    assert_eq!((sealed[0].device_seq, &sealed[0].bytes, sealed[0].hash), (1, &envelope.bytes, envelope.hash));
    phone.store.reseal(1, b"other form").unwrap();
    assert_eq!(phone.store.sealed(10).unwrap()[0].bytes, b"other form");
    phone.store.acknowledge(1, &Ack::Waiting).unwrap();
    assert_eq!(phone.store.sealed(10).unwrap()[0].state, EnvelopeState::Waiting);
    phone.store.acknowledge(1, &Ack::Durable { seq: 40 }).unwrap();
    // Late and repeated answers change nothing any more.
    phone.store.acknowledge(1, &Ack::Refused("late".into())).unwrap();
    phone.store.acknowledge(7, &Ack::Gone).unwrap();
    assert!(phone.store.sealed(10).unwrap().is_empty());
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(2), RecordState::Synced), (doc(1), RecordState::Synced)]);
    assert!(phone.store.knows(doc(1)).unwrap());
    let (kept, changes) = phone.store.envelope(1).unwrap().unwrap();
    assert_eq!((kept.state, kept.bytes.len()), (EnvelopeState::Durable, 0));
    assert_eq!(changes.iter().map(|change| (change.doc, change.hash)).collect::<Vec<_>>(), envelope.changes);
    assert_eq!(changes[0].deps, [gandan_model::genesis::genesis(DocKind::Visit).hash]);
    assert_eq!(phone.store.last_envelope().unwrap(), Some((1, [1; 32])));
    assert_eq!(phone.store.reseal(1, b"").unwrap_err().code(), "unknown_envelope");
}

#[test]
fn nothing_refused_is_deleted() {
    for (ack, state) in [
        (Ack::Refused("not_granted".into()), EnvelopeState::Refused),
        (Ack::Quarantined, EnvelopeState::Quarantined),
        (Ack::Gone, EnvelopeState::Gone),
        (Ack::Discarded, EnvelopeState::Discarded),
    ] {
        let mut phone = phone_with(1);
        seal(&mut phone, 1);
        phone.store.acknowledge(1, &ack).unwrap();
        assert_eq!(phone.state(doc(1)), RecordState::Quarantined, "{ack:?}");
        assert!(phone.store.sealed(10).unwrap().is_empty());
        let refused = phone.store.refused(10).unwrap();
        assert_eq!((refused[0].state, refused[0].bytes.len()), (state, 100));
        assert!(phone.store.changes(doc(1)).unwrap()[0].code.is_some());
        assert_eq!(phone.store.counts().unwrap().quarantined_changes, 1);
        let stored = phone.store.document(doc(1)).unwrap().unwrap();
        assert_eq!(stored.document.facts().text("place/name"), Some("Thôn 1"));
        // An answer that the server corrects later.
        phone.store.acknowledge(1, &Ack::Duplicate { seq: 3 }).unwrap();
        assert_eq!(phone.state(doc(1)), RecordState::Synced);
    }
}

#[test]
fn what_was_given_up_is_to_be_sealed_again_and_is_not_refused() {
    let mut phone = phone_with(1);
    seal(&mut phone, 1);
    phone.store.break_up(1).unwrap();
    assert_eq!(phone.state(doc(1)), RecordState::Saved);
    assert_eq!((phone.store.sealed(10).unwrap().len(), phone.store.unsealed(10).unwrap().len()), (0, 1));
    assert_eq!((phone.store.refused(10).unwrap().len(), phone.store.refused_count().unwrap()), (0, 0));
    // Its number stays used.
    seal(&mut phone, 2);
    assert_eq!(phone.store.sealed(10).unwrap()[0].device_seq, 2);
}

#[test]
fn envelopes_follow_each_other_and_take_only_what_is_unsealed() {
    let mut phone = phone_with(1);
    let first = seal(&mut phone, 5);
    phone.save(DocKind::Visit, doc(2), NOW, &[("place.name", json!("Thôn 2"))]);
    let next = phone.store.unsealed(10).unwrap();
    let mut second = SealedEnvelope { changes: vec![(next[0].doc, next[0].hash)], ..first.clone() };
    for wrong in [5, 4, 7] {
        second.device_seq = wrong;
        assert!(phone.store.seal(&second).is_err(), "{wrong}");
    }
    second.device_seq = 6;
    second.changes = first.changes.clone();
    assert_eq!(phone.store.seal(&second).unwrap_err().code(), "unknown_document");
    assert_eq!(phone.store.last_envelope().unwrap().unwrap().0, 5, "a failed seal leaves nothing");
    second.changes = vec![(next[0].doc, next[0].hash)];
    phone.store.seal(&second).unwrap();
    assert_eq!(phone.store.sealed(10).unwrap().len(), 2);
}

#[test]
fn a_taken_grant_removes_what_the_server_has_and_keeps_the_rest() {
    let mut phone = phone_with(2);
    seal(&mut phone, 1);
    phone.store.acknowledge(1, &Ack::Durable { seq: 1 }).unwrap();
    phone.save(DocKind::Visit, doc(2), NOW, &[("note", json!("Chưa gửi"))]);
    let taken = phone.store.take_grant(SPACE).unwrap();
    assert_eq!((taken.removed, taken.kept), (1, vec![doc(2)]));
    // Asked again while it waits: nothing more to take, and not a page is written (each would get other random bytes).
    let database = || std::fs::read(phone.folder.path().join("gandan.db")).unwrap();
    let before = database();
    let taken = phone.store.take_grant(SPACE).unwrap();
    assert_eq!((taken.removed, taken.kept), (0, vec![doc(2)]));
    assert!(database() == before, "written again");
    let mut phone = phone.reopen();
    assert!(phone.store.document(doc(1)).unwrap().is_none());
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(2), RecordState::Saved)]);
    assert_eq!(phone.store.spaces().unwrap()[0].access, None);
    // Given back: everything is as before.
    phone.store.grant(&crate::help::field_grant(SPACE, "24847")).unwrap();
    assert!(phone.store.spaces().unwrap()[0].access.is_some());
    seal(&mut phone, 2);
    phone.store.acknowledge(2, &Ack::Durable { seq: 2 }).unwrap();
    assert_eq!(phone.store.take_grant(SPACE).unwrap().removed, 1);
    assert!(phone.store.spaces().unwrap().is_empty());
    assert_eq!(phone.store.take_grant(SPACE).unwrap(), gandan_store::TakenGrant::default());
    let gone = VisitFilter { query: Some("thon".into()), deleted: true, ..VisitFilter::default() };
    assert!(phone.visits(&gone).is_empty());
}

#[test]
fn an_erased_document_never_comes_back_and_leaves_no_bytes() {
    let mut phone = phone_with(1);
    let mark = "Nguyen Van Bi Mat";
    phone.save(DocKind::Visit, doc(9), NOW, &[("note", json!(mark))]);
    let change = phone.store.changes(doc(9)).unwrap().remove(0);
    assert!(phone.store.erase(doc(9)).unwrap());
    assert!(!phone.store.erase(doc(9)).unwrap());
    let mut phone = phone.reopen();
    assert!(phone.store.document(doc(9)).unwrap().is_none());
    assert_eq!(phone.visits(&VisitFilter::default()).len(), 1);
    let query = VisitFilter { query: Some("bi mat".into()), deleted: true, ..VisitFilter::default() };
    assert!(phone.visits(&query).is_empty());
    // Neither from the server nor from here.
    let change = gandan_model::document::NewChange { hash: change.hash, raw: change.raw };
    let applied = phone.store.apply_remote(&crate::help::batch(1, &[(doc(9), &change)])).unwrap();
    assert!(applied.changed.is_empty());
    let mut document = gandan_model::document::Document::new(DocKind::Visit);
    document.apply([change.raw.as_slice()]).unwrap();
    let error = phone.store.commit(SPACE, doc(9), &document, &change, None, NOW).unwrap_err();
    assert_eq!(error.code(), "erased");
}

#[test]
fn identity_and_settings_are_kept_and_not_shown() {
    let mut phone = Phone::new();
    assert_eq!(phone.store.identity().unwrap(), None);
    let identity = Identity {
        device: ME,
        signing_key: [0xcd; 32],
        official: "CB-001".into(),
        name: "Cán bộ 1".into(),
        role: "field_official".into(),
        server_url: "https://example.org".into(),
    };
    phone.store.set_identity(&identity).unwrap();
    phone.store.set_reference(&json!({ "units": [] })).unwrap();
    let state = SyncState { token: Some((u64::MAX, [1; 16])), clock_skew_ms: Some(-540_000), ..SyncState::default() };
    phone.store.set_sync_state(&state).unwrap();
    phone.store.set_value("theme", Some(b"dark")).unwrap();
    let mut phone = phone.reopen();
    assert!(!format!("{identity:?}").contains("205"), "the signing key is not shown");
    assert_eq!(phone.store.identity().unwrap(), Some(identity));
    assert_eq!(phone.store.reference().unwrap(), Some(json!({ "units": [] })));
    assert_eq!(phone.store.sync_state().unwrap(), state);
    assert_eq!(phone.store.value("theme").unwrap().as_deref(), Some(b"dark".as_slice()));
    phone.store.set_value("theme", None).unwrap();
    assert_eq!(phone.store.value("theme").unwrap(), None);
}

#[test]
fn another_device_begins_anew_and_keeps_what_the_first_could_not_send() {
    let identity = |device| Identity {
        device,
        signing_key: [1; 32],
        official: "CB-001".into(),
        name: "Cán bộ 1".into(),
        role: "field_official".into(),
        server_url: "https://example.org".into(),
    };
    let mut phone = phone_with(1);
    phone.store.set_identity(&identity(ME)).unwrap();
    seal(&mut phone, 1);
    phone.store.acknowledge(1, &Ack::Durable { seq: 1 }).unwrap();
    phone.save(DocKind::Visit, doc(2), NOW, &[("place.name", json!("Thôn 2"))]);
    seal(&mut phone, 2);
    phone.save(DocKind::Visit, doc(3), NOW, &[("place.name", json!("Thôn 3"))]);
    phone.store.set_identity(&identity(ME)).unwrap();
    assert_eq!(phone.store.last_envelope().unwrap().unwrap().0, 2, "the same device goes on");
    phone.store.set_identity(&identity(crate::help::OTHER)).unwrap();
    assert_eq!(phone.store.last_envelope().unwrap(), None);
    assert!(phone.store.unsealed(10).unwrap().is_empty());
    assert_eq!(phone.state(doc(1)), RecordState::Synced);
    for number in [2, 3] {
        assert_eq!(phone.state(doc(number)), RecordState::Quarantined);
        assert_eq!(phone.store.changes(doc(number)).unwrap()[0].code.as_deref(), Some("device_changed"));
    }
    let path = phone.folder.path().join("unsent.jsonl");
    assert_eq!(phone.store.export_unsent(&path).unwrap().changes, 2);
    phone.save(DocKind::Visit, doc(4), NOW, &[("place.name", json!("Thôn 4"))]);
    seal(&mut phone, 1);
}

#[test]
fn everything_unsent_can_be_exported() {
    let mut phone = phone_with(3);
    seal(&mut phone, 1);
    phone.store.acknowledge(1, &Ack::Durable { seq: 1 }).unwrap();
    phone.save(DocKind::Visit, doc(1), NOW, &[("note", json!("sealed"))]);
    seal(&mut phone, 2);
    phone.save(DocKind::Visit, doc(2), NOW, &[("note", json!("saved"))]);
    phone
        .store
        .save_draft(
            &gandan_store::Draft {
                id: DocId([3; 16]),
                space: SPACE,
                kind: Some(DocKind::Visit),
                title: String::new(),
                base: Vec::new(),
                edits: json!(["draft"]),
                created_ms: 0,
                updated_ms: 0,
            },
            NOW,
        )
        .unwrap();
    let path = phone.folder.path().join("unsent.jsonl");
    let exported = phone.store.export_unsent(&path).unwrap();
    assert_eq!((exported.changes, exported.envelopes, exported.drafts), (2, 1, 1));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let raw = phone.store.unsealed(1).unwrap().remove(0).raw;
    assert_eq!(lines[2]["change"]["raw"], crate::help::hex(&raw));
    assert_eq!(phone.store.export_unsent(&path).unwrap_err().code(), "io", "it never overwrites a file");
}

#[test]
fn a_decision_is_kept_with_its_reason_until_the_space_leaves() {
    let mut phone = phone_with(1);
    seal(&mut phone, 1);
    phone.store.acknowledge(1, &Ack::Quarantined).unwrap();
    assert_eq!(phone.store.undecided(10).unwrap(), [1]);
    let reason = "đã có ở máy khác".to_owned();
    let decision = Decision { device_seq: 1, ack: Ack::Discarded, at_ms: NOW, reason: reason.clone() };
    phone.store.decide(&[decision]).unwrap();
    assert!(phone.store.undecided(10).unwrap().is_empty());
    let held = phone.store.held_back(10).unwrap();
    assert_eq!((held[0].state, &held[0].reason, held[0].decided_ms), (EnvelopeState::Discarded, &reason, Some(NOW)));
    assert_eq!(held[0].records, [doc(1)]);
    assert_eq!(phone.state(doc(1)), RecordState::Quarantined);
    let file = phone.folder.path().join("out.jsonl");
    assert_eq!(phone.store.export_unsent(&file).unwrap().changes, 1, "it is here and can be exported");

    let taken = phone.store.take_grant(SPACE).unwrap();
    assert_eq!((taken.removed, taken.kept.len()), (1, 0), "the server has it, beside its log");
    let held = phone.store.held_back(10).unwrap();
    assert_eq!((held[0].reason.as_str(), held[0].records.len()), ("", 0));
}

#[test]
fn what_a_restored_server_had_set_aside_is_sent_again() {
    let mut phone = phone_with(1);
    seal(&mut phone, 1);
    phone.store.acknowledge(1, &Ack::Quarantined).unwrap();
    assert_eq!(phone.store.send_again(&[1, 7]).unwrap(), 1);
    assert_eq!(phone.state(doc(1)), RecordState::Waiting);
    assert_eq!(phone.store.sealed(10).unwrap()[0].bytes.len(), 100);
    assert_eq!(phone.store.send_again(&[1]).unwrap(), 0);
}
