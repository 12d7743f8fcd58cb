//! What a phone does when the server, or the phone itself, is not what it was: going back in a log, giving back, writing
//! again under a new name, losing everything on purpose.

use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, DeviceId};
use gandan_store::{Ack, Cursor, Digest, EnvelopeState, Identity, Line, RecordState, SealedEnvelope, SignedLine};
use serde_json::json;

use crate::help::{ME, NOW, OTHER, Phone, SPACE, batch, doc, edit, foreign};

const NEXT: DeviceId = DeviceId([3; 8]);

fn line(seq: u64, content: Option<Vec<(gandan_model::ids::DocId, ChangeHash)>>) -> Line {
    let byte = u8::try_from(seq).unwrap();
    let signed = content.map(|content| SignedLine {
        device: OTHER,
        device_seq: seq,
        prev: [byte - 1; 32],
        signature: [byte; 64],
        content,
    });
    Line { cursor: Cursor { seq, chain: [byte; 32] }, hash: [byte; 32], signed }
}

fn identity(device: DeviceId) -> Identity {
    Identity {
        device,
        signing_key: [4; 32],
        official: "CB-001".to_owned(),
        name: "Nguyễn Văn CB-001".to_owned(),
        role: "field_official".to_owned(),
        server_url: "https://gandan.example".to_owned(),
    }
}

/// A phone that has read three lines of a log: two of another device, about one visit, and one of its own.
fn phone_at_three() -> (Phone, Vec<gandan_model::document::NewChange>, gandan_model::document::NewChange) {
    let mut phone = Phone::new();
    phone.store.set_identity(&identity(ME)).unwrap();
    let (_, changes) = foreign(OTHER, &[&[("place.name", json!("Thôn 1"))], &[("note", json!("hai"))]]);
    for (seq, change) in (1..).zip(&changes) {
        let mut stretch = batch(seq, &[(doc(1), change)]);
        stretch.log_heads = vec![(doc(1), vec![change.hash])];
        stretch.lines = vec![line(seq, Some(vec![(doc(1), change.hash)]))];
        phone.store.apply_remote(&stretch).unwrap();
    }
    let own = phone.save(DocKind::Visit, doc(2), NOW, &[("place.name", json!("Thôn 2"))]);
    let envelope = SealedEnvelope {
        device_seq: 1,
        space: SPACE,
        hash: [3; 32],
        bytes: vec![1],
        changes: vec![(doc(2), own.hash)],
    };
    phone.store.seal(&envelope).unwrap();
    phone.store.acknowledge(1, &Ack::Durable { seq: 3 }).unwrap();
    let mut stretch = batch(3, &[]);
    stretch.log_heads = vec![(doc(2), vec![own.hash])];
    stretch.lines = vec![line(3, None)];
    phone.store.apply_remote(&stretch).unwrap();
    assert_eq!((phone.state(doc(1)), phone.state(doc(2))), (RecordState::Synced, RecordState::Synced));
    (phone, changes, own)
}

#[test]
fn going_back_in_a_log_loses_nothing_and_names_what_to_give_back() {
    let (mut phone, changes, own) = phone_at_three();
    let before = phone.store.document(doc(1)).unwrap().unwrap().document.heads();
    let to = phone.store.line_at_or_before(SPACE, 1).unwrap().unwrap();
    assert_eq!(to, Cursor { seq: 1, chain: [1; 32] });
    let mut rewound = Vec::new();
    phone
        .store
        .rewind(SPACE, to, |documents| {
            rewound = documents.to_vec();
            Digest { count: 1, sum: [1; 32] }
        })
        .unwrap();
    rewound.sort_by_key(|document| document.doc);
    assert_eq!((rewound[0].before.clone(), rewound[0].now.clone()), (vec![changes[1].hash], vec![changes[0].hash]));
    assert_eq!((rewound[1].before.clone(), rewound[1].now.clone()), (vec![own.hash], Vec::new()));
    let space = phone.store.spaces().unwrap().remove(0);
    assert_eq!((space.cursor, space.digest.count), (to, 1));
    assert_eq!(phone.store.document(doc(1)).unwrap().unwrap().document.heads(), before, "no record changes");
    assert_eq!((phone.state(doc(1)), phone.state(doc(2))), (RecordState::Waiting, RecordState::Waiting));
    // Its own it sends again; what the other wrote it can give back, signed.
    let sealed = phone.store.sealed(10).unwrap();
    assert_eq!((sealed[0].device_seq, sealed[0].state, sealed[0].bytes.len()), (1, EnvelopeState::Sealed, 0));
    let returnable = phone.store.returnable(SPACE, None, 10).unwrap();
    assert_eq!(returnable.len(), 1);
    assert_eq!(returnable[0].signed.content, [(doc(1), changes[1].hash)]);
    assert_eq!(phone.store.unvouched(SPACE, 10).unwrap(), []);
    assert_eq!(phone.store.line_at_or_before(SPACE, 9).unwrap(), Some(to));
    // It is all there again after the app was closed, and once the new log has it nothing is left to give.
    let mut phone = phone.reopen();
    assert_eq!(phone.store.returnable(SPACE, None, 10).unwrap(), returnable);
    let mut stretch = batch(2, &[(doc(1), &changes[1])]);
    stretch.log_heads = vec![(doc(1), vec![changes[1].hash])];
    stretch.lines = vec![Line { hash: [2; 32], ..line(2, Some(vec![(doc(1), changes[1].hash)])) }];
    phone.store.apply_remote(&stretch).unwrap();
    assert_eq!(phone.store.returnable(SPACE, None, 10).unwrap(), []);
    assert_eq!(phone.state(doc(1)), RecordState::Synced);
}

#[test]
fn what_came_without_a_signature_is_known_after_going_back() {
    let (mut phone, changes, _) = phone_at_three();
    phone.store.rewind(SPACE, Cursor::default(), |_| Digest::default()).unwrap();
    assert_eq!(phone.store.unvouched(SPACE, 10).unwrap(), [], "both lines are signed");
    phone.store.returned(SPACE).unwrap();
    let unvouched = phone.store.unvouched(SPACE, 10).unwrap();
    assert_eq!(unvouched, [(doc(1), changes[0].hash), (doc(1), changes[1].hash)]);
    assert_eq!(phone.store.unvouched(SPACE, 1).unwrap().len(), 1);
    assert_eq!(phone.store.all_log_heads(SPACE).unwrap(), []);
}

#[test]
fn a_document_that_the_log_does_not_have_is_kept_apart() {
    let (mut phone, ..) = phone_at_three();
    assert_eq!(phone.store.all_log_heads(SPACE).unwrap().len(), 2);
    phone.store.unlog(SPACE, &[doc(1), doc(99)]).unwrap();
    assert_eq!(phone.store.all_log_heads(SPACE).unwrap().len(), 1);
    assert_eq!(phone.store.unvouched(SPACE, 10).unwrap().len(), 2);
    assert_eq!(phone.state(doc(1)), RecordState::Waiting);
}

#[test]
fn old_lines_are_forgotten_but_for_one_to_go_back_to() {
    let (mut phone, ..) = phone_at_three();
    phone.store.forget_lines(SPACE, 3).unwrap();
    assert_eq!(phone.store.line_at_or_before(SPACE, 2).unwrap(), None);
    assert_eq!(phone.store.line_at_or_before(SPACE, 3).unwrap().map(|line| line.seq), Some(3));
}

#[test]
fn values_change_together_with_a_stretch() {
    let (mut phone, changes, _) = phone_at_three();
    let mut stretch = batch(4, &[(doc(5), &changes[0])]);
    stretch.values = vec![("loaded/x".to_owned(), Some(vec![7])), ("loaded/y".to_owned(), Some(vec![8]))];
    phone.store.apply_remote(&stretch).unwrap();
    stretch.values = vec![("loaded/x".to_owned(), None)];
    phone.store.apply_remote(&stretch).unwrap();
    assert_eq!(phone.store.values("loaded/").unwrap(), [("loaded/y".to_owned(), vec![8])]);
    assert_eq!(phone.store.values("load").unwrap().len(), 1);
    assert_eq!(phone.store.values("x").unwrap(), []);
}

/// A phone and its twin wrote about the same visit under the same number; the twin was faster.
#[test]
fn a_twin_writes_again_under_a_new_name_and_both_edits_stand_beside_each_other() {
    let mut phone = Phone::new();
    phone.store.set_identity(&identity(ME)).unwrap();
    let first = phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1")), ("note", json!("một"))]);
    let mut twins = phone.store.document(doc(1)).unwrap().unwrap().document;
    let ours = phone.save(DocKind::Visit, doc(1), NOW + 5, &[("place.name", json!("Chợ")), ("note", json!("một hai"))]);
    let theirs = edit(&mut twins, ME, NOW + 6, &[("place.name", json!("Đình"))]);
    // The first edit is in the log, then the twin's second.
    let mut stretch = batch(1, &[(doc(1), &first)]);
    stretch.log_heads = vec![(doc(1), vec![first.hash])];
    phone.store.apply_remote(&stretch).unwrap();
    let applied = phone.store.apply_remote(&batch(2, &[(doc(1), &theirs)])).unwrap();
    assert_eq!(applied.rejected.len(), 1, "two changes with one number do not fit into one document");

    phone.store.set_identity(&identity(NEXT)).unwrap();
    assert_eq!(phone.store.orphaned().unwrap(), [doc(1)]);
    let stamp = Stamp { device: NEXT, author: "CB-001".to_owned(), now_ms: NOW + 10 };
    let again = phone.store.reauthor(doc(1), &stamp, NOW + 10).unwrap().expect("the orphan said something");
    assert_eq!(phone.store.orphaned().unwrap(), []);
    let pending = phone.store.unsealed(10).unwrap();
    assert_eq!(pending.iter().map(|change| change.hash).collect::<Vec<_>>(), [again]);

    let document = phone.store.document(doc(1)).unwrap().unwrap().document;
    let mut heads = vec![theirs.hash, again];
    heads.sort_unstable();
    assert_eq!(document.heads(), heads, "beside each other, and the old change is gone");
    let facts = document.facts();
    assert_eq!(facts.texts["note"], "một hai");
    let mut names: Vec<_> = facts.keys["place/name"].iter().map(|fact| fact.value.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Chợ", "Đình"]);
    // The same document elsewhere, from what travels.
    let raw = &pending[0].raw;
    let elsewhere = Document::from_changes([first.raw.as_slice(), theirs.raw.as_slice(), raw.as_slice()]).unwrap();
    assert_eq!(elsewhere.heads(), document.heads());
    let held = phone.store.changes(doc(1)).unwrap();
    assert!(held.iter().any(|change| change.hash == ours.hash && !change.applied), "kept, for questions");
}

#[test]
fn a_whole_new_record_is_written_again() {
    let mut phone = Phone::new();
    phone.store.set_identity(&identity(ME)).unwrap();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    phone.save(DocKind::Visit, doc(1), NOW + 1, &[("note", json!("một"))]);
    phone.store.set_identity(&identity(NEXT)).unwrap();
    let stamp = Stamp { device: NEXT, author: "CB-001".to_owned(), now_ms: NOW + 10 };
    phone.store.reauthor(doc(1), &stamp, NOW + 10).unwrap().unwrap();
    assert_eq!(phone.store.reauthor(doc(1), &stamp, NOW + 11).unwrap(), None, "once is enough");
    let stored = phone.store.document(doc(1)).unwrap().unwrap();
    assert_eq!(stored.document.facts().texts["note"], "một");
    assert_eq!((stored.state, phone.store.unsealed(10).unwrap().len()), (RecordState::Saved, 1));
    assert_eq!(phone.store.reauthor(doc(9), &stamp, NOW).unwrap(), None);
}

#[test]
fn a_lost_phone_is_emptied() {
    let (mut phone, ..) = phone_at_three();
    phone.save(DocKind::Contact, doc(7), NOW, &[("phone", json!("0912345678"))]);
    phone.store.wipe().unwrap();
    assert_eq!(phone.store.identity().unwrap(), None);
    assert_eq!((phone.store.spaces().unwrap().len(), phone.store.counts().unwrap().visits), (0, 0));
    assert_eq!(phone.store.document(doc(1)).unwrap().map(|stored| stored.state), None);
    let phone = phone.reopen();
    phone.store.check().unwrap();
    let size = std::fs::metadata(phone.folder.path().join("gandan.db")).unwrap().len();
    let fresh = tempfile::tempdir().unwrap();
    drop(crate::help::open(fresh.path()));
    let empty = std::fs::metadata(fresh.path().join("gandan.db")).unwrap().len();
    assert!(size <= empty + 4 * 4096, "{size} bytes are left, a new file has {empty}");
}
