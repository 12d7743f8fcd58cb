//! Taking in what others wrote: any order, twice or once, and whatever is wrong with it.

use gandan_model::document::{Document, NewChange};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{ChangeHash, SpaceId};
use gandan_store::{Ack, Page, RecordState, ReviewRow, SealedEnvelope, VisitFilter};
use serde_json::json;

use crate::help::{ME, NOW, OTHER, Phone, SPACE, batch, doc, edit, field_grant, foreign};

#[test]
fn a_remote_visit_is_listed_found_and_synced() {
    let mut phone = Phone::new();
    let (_, changes) = foreign(OTHER, &[&[("place.name", json!("Thôn Xa")), ("planned_on", json!("2026-11-15"))]]);
    let mut stretch = batch(3, &[(doc(1), &changes[0])]);
    stretch.log_heads = vec![(doc(1), vec![changes[0].hash])];
    let applied = phone.store.apply_remote(&stretch).unwrap();
    assert_eq!(applied.changed, [doc(1)]);
    let filter = VisitFilter { query: Some("xa".into()), ..VisitFilter::default() };
    assert_eq!(phone.visits(&filter), [(doc(1), RecordState::Synced)]);
    let space = phone.store.spaces().unwrap().remove(0);
    assert_eq!((space.cursor, space.digest), (stretch.cursor, stretch.digest));
    assert_eq!(phone.store.log_heads(SPACE, doc(1)).unwrap(), [changes[0].hash]);
    assert!(phone.store.knows(doc(1)).unwrap());
    assert!(phone.store.unsealed(10).unwrap().is_empty(), "what came from there is not sent there");
    // The same stretch again.
    let again = phone.store.apply_remote(&stretch).unwrap();
    assert_eq!(again, gandan_store::Applied::default());
    assert_eq!(phone.store.changes(doc(1)).unwrap().len(), 1);
    assert_eq!(phone.store.changes(doc(1)).unwrap()[0].seq, Some(3));
}

#[test]
fn any_order_gives_the_same_record() {
    let (document, changes) = foreign(
        OTHER,
        &[
            &[("place.name", json!("A")), ("note", json!("một"))],
            &[("place.name", json!("B"))],
            &[("note", json!("một hai"))],
        ],
    );
    let expected = document.heads();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        // One by one, and all in one batch.
        let mut phone = Phone::new();
        let mut came = Vec::new();
        for (seq, place) in (1..).zip(order) {
            let applied = phone.store.apply_remote(&batch(seq, &[(doc(1), &changes[place])])).unwrap();
            came.push(place);
            let ready = (0..=place).all(|earlier| came.contains(&earlier));
            assert!(applied.rejected.is_empty());
            assert_eq!(!applied.changed.is_empty(), ready, "{order:?} {place}");
        }
        assert_eq!(phone.store.document(doc(1)).unwrap().unwrap().document.heads(), expected, "{order:?}");
        assert_eq!(phone.state(doc(1)), RecordState::Synced);

        let mut phone = Phone::new();
        let together: Vec<_> = order.iter().map(|place| (doc(1), &changes[*place])).collect();
        let applied = phone.store.apply_remote(&batch(1, &together)).unwrap();
        assert_eq!((applied.changed, applied.waiting), (vec![doc(1)], vec![]));
        let row = phone.store.visits(&VisitFilter::default(), &Page::first(1)).unwrap().items.remove(0).row;
        assert_eq!(row.place_name.as_deref(), Some("B"));
    }
}

#[test]
fn a_change_that_comes_early_waits_and_delays_nobody() {
    let mut phone = Phone::new();
    let (_, early) = foreign(OTHER, &[&[("place.name", json!("A"))], &[("place.name", json!("B"))]]);
    let (_, other) = foreign(OTHER, &[&[("place.name", json!("Khác"))]]);
    let applied = phone.store.apply_remote(&batch(1, &[(doc(1), &early[1]), (doc(2), &other[0])])).unwrap();
    assert_eq!((applied.waiting, applied.changed), (vec![doc(1)], vec![doc(2)]));
    assert_eq!(phone.visits(&VisitFilter::default()).len(), 1);
    assert_eq!(phone.store.changes_with_prefix(SPACE, doc(1), prefix(early[1].hash)).unwrap(), [early[1].hash]);
    let mut phone = phone.reopen();
    let applied = phone.store.apply_remote(&batch(2, &[(doc(1), &early[0])])).unwrap();
    assert_eq!((applied.waiting, applied.changed), (vec![], vec![doc(1)]));
    assert_eq!(phone.visits(&VisitFilter::default()).len(), 2);
}

fn prefix(hash: ChangeHash) -> [u8; 4] {
    [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
}

/// Changes that do not fit, with the code that each gets.
fn bad_changes() -> Vec<(&'static str, NewChange)> {
    let (_, good) = foreign(OTHER, &[&[("place.name", json!("A"))]]);
    let good = &good[0];
    let mut wrong_hash = good.clone();
    wrong_hash.hash.0[0] ^= 1;
    let mut torn = good.clone();
    torn.raw.truncate(40);
    let garbage = NewChange { hash: ChangeHash([3; 32]), raw: vec![0xff; 200] };
    let empty = NewChange { hash: ChangeHash([4; 32]), raw: Vec::new() };
    vec![("wrong_hash", wrong_hash), ("bad_change", torn), ("bad_change", garbage), ("bad_change", empty)]
}

#[test]
fn bad_changes_go_to_quarantine_and_delay_nobody() {
    for (place, (code, bad)) in bad_changes().into_iter().enumerate() {
        let mut phone = Phone::new();
        let (_, good) = foreign(OTHER, &[&[("place.name", json!("Tốt"))]]);
        let both = batch(1, &[(doc(1), &bad), (doc(2), &good[0]), (doc(3), &bad), (doc(3), &good[0])]);
        let applied = phone.store.apply_remote(&both).unwrap();
        let codes: Vec<_> = applied.rejected.iter().map(|bad| (bad.doc, bad.code.as_str())).collect();
        assert_eq!(codes, [(doc(1), code), (doc(3), code)], "case {place}");
        assert_eq!(applied.changed, [doc(2), doc(3)]);
        // The document that has something good in it shows it, and that somebody must look.
        assert_eq!(phone.state(doc(3)), RecordState::Quarantined);
        assert_eq!(phone.state(doc(2)), RecordState::Synced);
        assert_eq!(phone.store.spaces().unwrap()[0].cursor.seq, 1);
        assert_eq!(phone.store.counts().unwrap().quarantined_changes, 2);
        let kept = phone.store.changes(doc(1)).unwrap();
        assert_eq!((kept[0].applied, kept[0].code.as_deref(), &kept[0].raw), (false, Some(code), &bad.raw));
        assert!(phone.store.apply_remote(&both).unwrap().rejected.is_empty(), "rejected once");
    }
}

#[test]
fn the_second_of_two_changes_with_the_same_number_is_quarantined() {
    // A phone restored from a backup writes its second change again.
    let (mut document, changes) = foreign(OTHER, &[&[("place.name", json!("A"))]]);
    let mut twin_document = document.clone();
    let second = edit(&mut document, OTHER, NOW, &[("place.name", json!("B"))]);
    let twin = edit(&mut twin_document, OTHER, NOW, &[("place.name", json!("C"))]);
    let on_twin = edit(&mut twin_document, ME, NOW, &[("note", json!("sau"))]);
    let (_, others) = foreign(ME, &[&[("venue", json!("field"))]]);
    let mut phone = Phone::new();
    let all = [(doc(1), &changes[0]), (doc(1), &second), (doc(1), &twin), (doc(1), &on_twin), (doc(1), &others[0])];
    let applied = phone.store.apply_remote(&batch(1, &all)).unwrap();
    assert_eq!(applied.rejected.len(), 1);
    assert_eq!((applied.rejected[0].hash, applied.rejected[0].code.as_str()), (twin.hash, "bad_change"));
    assert_eq!(applied.waiting, [doc(1)], "what builds on it waits");
    let row = phone.store.visits(&VisitFilter::default(), &Page::first(1)).unwrap().items.remove(0).row;
    assert_eq!(row.place_name.as_deref(), Some("B"));
    assert!(row.venue.is_some(), "what stands beside it is taken in");
}

#[test]
fn a_document_stays_in_its_space() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Ở đây"))]);
    let elsewhere = SpaceId([8; 16]);
    phone.store.grant(&field_grant(elsewhere, "24850")).unwrap();
    let (_, changes) = foreign(OTHER, &[&[("place.name", json!("Ở kia"))]]);
    let mut stretch = batch(1, &[(doc(1), &changes[0])]);
    stretch.space = elsewhere;
    let applied = phone.store.apply_remote(&stretch).unwrap();
    assert_eq!(applied.rejected[0].code, "wrong_space");
    let stored = phone.store.document(doc(1)).unwrap().unwrap();
    assert_eq!(stored.document.facts().text("place/name"), Some("Ở đây"));
    assert!(phone.store.documents_with_prefix(elsewhere, [0, 0, 0, 1, 0xd0, 0xd0, 0xd0, 0xd0]).unwrap().is_empty());
    assert_eq!(phone.store.documents_with_prefix(SPACE, [0, 0, 0, 1, 0xd0, 0xd0, 0xd0, 0xd0]).unwrap(), [doc(1)]);
    assert!(phone.store.documents_with_prefix(SPACE, [0, 0, 0, 2, 0xd0, 0xd0, 0xd0, 0xd0]).unwrap().is_empty());
    stretch.space = SpaceId([7; 16]);
    assert_eq!(phone.store.apply_remote(&stretch).unwrap_err().code(), "unknown_space");
}

#[test]
fn concurrent_edits_merge_and_ask_for_review() {
    let mut phone = Phone::new();
    let mine = phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Của tôi")), ("unit", json!("24847"))]);
    let (_, theirs) = foreign(OTHER, &[&[("place.name", json!("Của họ")), ("unit", json!("24850"))]]);
    phone.store.apply_remote(&batch(1, &[(doc(1), &theirs[0])])).unwrap();
    assert_eq!(phone.state(doc(1)), RecordState::Saved, "unsent comes before review");
    let envelope = SealedEnvelope {
        device_seq: 1,
        space: SPACE,
        hash: [1; 32],
        bytes: vec![1],
        changes: vec![(doc(1), mine.hash)],
    };
    phone.store.seal(&envelope).unwrap();
    // The answer was lost, but the log shows that the server has it.
    phone.store.apply_remote(&batch(2, &[(doc(1), &mine)])).unwrap();
    assert_eq!(phone.state(doc(1)), RecordState::NeedsReview);
    phone.store.acknowledge(1, &Ack::Duplicate { seq: 2 }).unwrap();
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(1), RecordState::NeedsReview)]);
    let (entries, next) = phone.store.review_items(&Page::first(10)).unwrap();
    assert_eq!((entries.len(), next), (1, None));
    assert!(entries[0].review > 0);
    assert!(matches!(&entries[0].row, ReviewRow::Visit(row) if row.id == doc(1)));
    assert_eq!(phone.store.counts().unwrap().needs_review, 1);
    let filter = VisitFilter { state: Some(RecordState::NeedsReview), ..VisitFilter::default() };
    assert_eq!(phone.visits(&filter).len(), 1);
    // Settled by somebody who has seen both.
    phone.save(DocKind::Visit, doc(1), NOW + 1, &[("unit", json!("24847")), ("place.name", json!("Của tôi"))]);
    assert_eq!(phone.store.counts().unwrap().needs_review, 0);
}

#[test]
fn a_save_that_knows_less_than_the_store_keeps_both() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("A"))]);
    let mut open_on_screen = phone.store.document(doc(1)).unwrap().unwrap().document;
    let mut theirs = open_on_screen.clone();
    let change = edit(&mut theirs, OTHER, NOW + 1, &[("note", json!("từ máy khác"))]);
    phone.store.apply_remote(&batch(1, &[(doc(1), &change)])).unwrap();
    let mine = edit(&mut open_on_screen, ME, NOW + 2, &[("place.name", json!("B"))]);
    phone.store.commit(SPACE, doc(1), &open_on_screen, &mine, None, NOW + 2).unwrap();
    let row = phone.store.visits(&VisitFilter::default(), &Page::first(1)).unwrap().items.remove(0).row;
    assert_eq!((row.place_name.as_deref(), row.has_note), (Some("B"), true));
    let filter = VisitFilter { query: Some("tu may khac".into()), ..VisitFilter::default() };
    assert_eq!(phone.visits(&filter).len(), 1);
}

#[test]
fn an_unknown_kind_is_kept_and_passed_on() {
    // The beginning of a kind that a newer app knows travels as a change like any other.
    let mut phone = Phone::new();
    let known = gandan_model::genesis::genesis(DocKind::Plan);
    let begin = NewChange { hash: known.hash, raw: known.raw.clone() };
    let mut document = Document::new(DocKind::Plan);
    let change = edit(&mut document, OTHER, NOW, &[("title", json!("Kế hoạch"))]);
    let applied = phone.store.apply_remote(&batch(1, &[(doc(1), &begin), (doc(1), &change)])).unwrap();
    assert!(applied.rejected.is_empty(), "{applied:?}");
    assert_eq!(phone.store.document(doc(1)).unwrap().unwrap().document.heads(), document.heads());
    assert!(phone.visits(&VisitFilter::default()).is_empty());
    // A change that begins with another kind than its document cannot be part of it.
    let (_, visit) = foreign(ME, &[&[("place.name", json!("A"))]]);
    let applied = phone.store.apply_remote(&batch(2, &[(doc(1), &visit[0])])).unwrap();
    assert_eq!(applied.rejected.len(), 1);
    assert_eq!(phone.store.document(doc(1)).unwrap().unwrap().document.heads(), document.heads());
}

#[test]
fn an_erasure_from_the_log_wins_over_everything() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("note", json!("chưa gửi"))]);
    let (_, theirs) = foreign(OTHER, &[&[("place.name", json!("A"))]]);
    let mut stretch = batch(1, &[(doc(1), &theirs[0]), (doc(2), &theirs[0])]);
    stretch.erased = vec![doc(1)];
    let applied = phone.store.apply_remote(&stretch).unwrap();
    assert_eq!((applied.erased, applied.changed), (vec![doc(1)], vec![doc(2)]));
    assert!(phone.store.document(doc(1)).unwrap().is_none());
    assert!(phone.store.unsealed(10).unwrap().is_empty());
}
