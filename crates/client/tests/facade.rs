//! The whole client against a server in memory: what an app sees, and what bad roads and servers do to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::record::Record;
use gandan_client::model::visit::Visit;
use gandan_client::{Cancel, Client, Page, RecordState, Remedy, SyncFailure, SyncOptions, SyncReport, VisitFilter};
use gandan_sync::Refusal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Fate, MORNING, Road, World};

fn visit(client: &Client, note: &str) -> DocId {
    let edits = [FieldEdit::new("note", note), FieldEdit::new("planned_on", "2026-09-13")];
    client.create(DocKind::Visit, None, &edits).unwrap().id
}

fn set(client: &Client, id: DocId, field: &str, value: impl Into<serde_json::Value>) {
    assert!(client.patch(id, &[FieldEdit::new(field, value)]).unwrap().changed);
}

fn shown(client: &Client, id: DocId) -> Visit {
    match client.show(id, 10).unwrap().record {
        Record::Visit(visit) => *visit,
        other => panic!("{other:?}"),
    }
}

async fn sync(client: &Client) -> SyncReport {
    client.sync_once(SyncOptions::default()).await.unwrap()
}

async fn failing(client: &Client) -> SyncFailure {
    client.sync_once(SyncOptions::default()).await.unwrap_err()
}

fn state(client: &Client, id: DocId) -> RecordState {
    client.show(id, 1).unwrap().state
}

#[tokio::test]
async fn a_record_goes_from_phone_to_phone() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let id = visit(&a, "Bà con nêu hai việc.");
    assert_eq!(state(&a, id), RecordState::Saved);
    let sealed = a.seal_outbox().unwrap();
    assert_eq!((sealed.envelopes, sealed.changes), (1, 1));
    assert_eq!(state(&a, id), RecordState::Waiting);
    let report = sync(&a).await;
    assert_eq!((report.pushed, report.envelopes, report.waiting, report.pulled), (1, 1, 0, 0));
    assert_eq!(state(&a, id), RecordState::Synced);

    let told = Arc::new(AtomicUsize::new(0));
    let counter = told.clone();
    let subscription = b.on_change(move |ids| {
        assert_eq!(ids, [id]);
        counter.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(sync(&b).await.pulled, 1);
    assert_eq!(told.load(Ordering::SeqCst), 1);
    drop(subscription);
    assert_eq!(shown(&b, id).note.as_deref(), Some("Bà con nêu hai việc."));

    // Concurrent edits of one text.
    set(&a, id, "note", "Bà con nêu hai việc. Một: cống.");
    set(&b, id, "note", "Bà con nêu hai việc. Hai: đèn.");
    for client in [&a, &b, &a] {
        sync(client).await;
    }
    assert_eq!(shown(&a, id), shown(&b, id));
    let note = shown(&a, id).note.unwrap();
    assert!(note.contains("cống") && note.contains("đèn"), "{note}");
    assert_eq!(told.load(Ordering::SeqCst), 1, "nobody listens any more");
    let page =
        b.visits(&VisitFilter { query: Some("cong".into()), ..VisitFilter::default() }, &Page::first(10)).unwrap();
    assert_eq!(page.items.len(), 1);
}

/// Each write waits for the disk, which takes a phone longer than the work does.
#[tokio::test]
async fn many_small_envelopes_arrive_in_few_writes() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let id = visit(&a, "Chuyến 0");
    a.seal_outbox().unwrap();
    for n in 1..40 {
        set(&a, id, "note", format!("Chuyến {n}"));
        a.seal_outbox().unwrap();
    }
    assert_eq!(sync(&a).await.envelopes, 40);
    let writes = Arc::new(AtomicUsize::new(0));
    let counter = writes.clone();
    let _subscription = b.on_change(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let report = sync(&b).await;
    assert_eq!((report.pulled, report.round_trips), (40, 1));
    assert_eq!(writes.load(Ordering::SeqCst), 3, "16, 16 and 8 changes");
    assert_eq!(shown(&b, id).note.as_deref(), Some("Chuyến 39"));
    let report = sync(&b).await;
    assert_eq!((report.round_trips, report.pulled), (1, 0), "digests agree");
}

#[tokio::test]
async fn nothing_new_is_one_small_round_trip_that_writes_nothing() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    for n in 0..300 {
        visit(&a, &format!("Chuyến {n}"));
    }
    sync(&a).await;
    let report = sync(&a).await;
    assert_eq!((report.round_trips, report.more), (1, false));
    assert!(report.bytes_up <= 150 && report.bytes_down <= 150, "{report:?}");
    // A server that has forgotten the position is told in full, once.
    world.server.lock().unwrap().forget_tokens();
    assert_eq!(sync(&a).await.round_trips, 2);
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn a_phone_that_is_opened_again_goes_on_where_it_was() {
    let world = World::new();
    let (a, road) = world.client("a").await;
    let id = visit(&a, "Một");
    a.seal_outbox().unwrap();
    assert!(a.close().unwrap());
    let a = support::open(&world.folder.path().join("a"), &road, &world.clock, 99);
    let report = sync(&a).await;
    assert_eq!((report.pushed, report.round_trips), (1, 1));
    assert!(a.close().unwrap());
    let a = support::open(&world.folder.path().join("a"), &road, &world.clock, 100);
    assert_eq!(state(&a, id), RecordState::Synced);
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn bad_roads_lose_nothing_and_double_nothing() {
    let world = World::new();
    let ((a, road), (b, _)) = (world.client("a").await, world.client("b").await);
    let cases = [
        (Fate::Lost, "offline"),
        (Fate::AnswerLost, "cut"),
        (Fate::Proxy(403), "not_our_server"),
        (Fate::Proxy(200), "not_our_server"),
        (Fate::Server("busy", 503), "busy"),
    ];
    for (round, (fate, code)) in cases.into_iter().enumerate() {
        let id = visit(&a, &format!("Lần {round}"));
        road.expect(&[fate]);
        let failure = failing(&a).await;
        assert_eq!((failure.error.code(), failure.error.remedy()), (code, Remedy::RetryLater));
        assert_eq!(failure.report.waiting, 1);
        assert_ne!(state(&a, id), RecordState::Synced);
        let report = sync(&a).await;
        assert_eq!((report.pushed, report.waiting), (1, 0), "after {code}");
        assert_eq!(world.server.lock().unwrap().envelopes(), round + 1);
        assert_eq!(state(&a, id), RecordState::Synced);
    }
    assert_eq!(sync(&b).await.pulled, 5);
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn what_only_enrolling_again_can_mend_says_so() {
    let world = World::new();
    let (a, road) = world.client("a").await;
    let id = visit(&a, "Một");
    for (code, remedy) in [("revoked", Remedy::EnrolAgain), ("version", Remedy::UpdateApp)] {
        road.expect(&[Fate::Server(code, 403)]);
        let failure = failing(&a).await;
        assert_eq!((failure.error.code(), failure.error.remedy()), (code, remedy));
        assert_eq!(state(&a, id), RecordState::Waiting);
    }
    assert_eq!(sync(&a).await.pushed, 1);
}

#[tokio::test]
async fn an_envelope_that_the_server_cannot_read_is_sent_in_plain_form() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    world.server.lock().unwrap().refuse = Some(Refusal::UNKNOWN_DICTIONARY);
    visit(&a, "Một");
    visit(&a, "Hai");
    let report = sync(&a).await;
    assert_eq!((report.pushed, report.waiting, report.refused.len()), (2, 0, 0));
    assert_eq!(world.server.lock().unwrap().plain_pushes, 1);
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn what_is_refused_is_kept_and_holds_up_nothing() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    let bad = visit(&a, "Bị từ chối");
    world.server.lock().unwrap().refuse = Some(Refusal::BAD_CHANGE);
    let report = sync(&a).await;
    assert_eq!((report.refused.len(), report.refused[0].code.as_str()), (1, "bad_change"));
    assert_eq!(report.refused[0].records, [bad]);
    assert_eq!(state(&a, bad), RecordState::Quarantined);
    assert_eq!(shown(&a, bad).note.as_deref(), Some("Bị từ chối"));

    world.server.lock().unwrap().refuse = None;
    let good = visit(&a, "Tốt");
    let report = sync(&a).await;
    assert_eq!((report.pushed, report.waiting), (1, 0), "{report:?}");
    assert_eq!(state(&a, good), RecordState::Synced);
    assert_eq!(a.standing().unwrap().refused_envelopes, 1);
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn a_busy_server_is_left_alone_and_asked_again_later() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    let id = visit(&a, "Một");
    world.server.lock().unwrap().refuse = Some(Refusal::NO_SPACE);
    let failure = failing(&a).await;
    assert_eq!((failure.error.code(), failure.error.remedy()), ("no_space", Remedy::RetryLater));
    assert_eq!((failure.report.round_trips, failure.report.waiting), (1, 1));
    assert_eq!(state(&a, id), RecordState::Waiting);
    world.server.lock().unwrap().refuse = None;
    assert_eq!(sync(&a).await.pushed, 1);
}

#[tokio::test]
async fn a_space_that_is_taken_leaves_the_phone_once_the_server_holds_what_was_unsent() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("a").await, world.client("b").await);
    let theirs = visit(&b, "Của người khác");
    sync(&b).await;
    sync(&a).await;
    let mine = visit(&a, "Chưa gửi");
    world.server.lock().unwrap().granted = false;
    let report = sync(&a).await;
    assert_eq!(report.grants.len(), 1);
    assert!(!report.grants[0].given);
    assert_eq!(report.refused[0].code, "quarantined");
    assert_eq!(a.show(theirs, 1).unwrap_err().code(), "not_found");
    assert_eq!(a.show(mine, 1).unwrap_err().code(), "not_found", "a manager has it now");
    assert_eq!(a.standing().unwrap().counts.quarantined_changes, 0);
    assert_eq!(a.create(DocKind::Visit, None, &[]).unwrap_err().code(), "no_grant");

    // Given again, all comes back, also what this phone wrote itself.
    world.server.lock().unwrap().granted = true;
    let report = sync(&a).await;
    assert!(report.grants[0].given);
    assert_eq!(shown(&a, theirs).note.as_deref(), Some("Của người khác"));
    assert_eq!(sync(&a).await.round_trips, 1);
}

#[tokio::test]
async fn clocks_are_corrected_by_what_the_server_says() {
    let world = World::new();
    // The phone is nine minutes fast.
    world.server.lock().unwrap().now_ms = MORNING - 540_000;
    let (a, _) = world.client("a").await;
    assert_eq!(a.skew_s(), 540);
    assert!(a.standing().unwrap().clock_is_off);
    let id = visit(&a, "Một");
    assert_eq!(a.show(id, 1).unwrap().history[0].at_ms, MORNING - 540_000);
    world.server.lock().unwrap().now_ms = MORNING;
    assert_eq!(sync(&a).await.skew_s, 0);
    let id = visit(&a, "Hai");
    assert_eq!(a.show(id, 1).unwrap().history[0].at_ms, MORNING);
}

#[tokio::test]
async fn enrolment_survives_a_lost_answer_and_happens_once() {
    let world = World::new();
    let road = Road::to(&world.server);
    let a = support::open(&world.folder.path().join("a"), &road, &world.clock, 5);
    assert_eq!(a.create(DocKind::Visit, None, &[]).unwrap_err().code(), "not_enrolled");
    road.expect(&[Fate::AnswerLost]);
    let link = "https://memory/enrol#CB-001";
    assert_eq!(a.enrol(link, false).await.unwrap_err().remedy(), Remedy::RetryLater);
    assert_eq!(a.device().unwrap(), None);
    assert!(a.close().unwrap());
    // Even after the app was started anew: the same device, the same key.
    let a = support::open(&world.folder.path().join("a"), &road, &world.clock, 6);
    let device = a.enrol(link, false).await.unwrap();
    assert_eq!((device.official.as_str(), a.device().unwrap().unwrap().device), ("CB-001", device.device));
    assert_eq!(a.enrol(link, false).await.unwrap_err().code(), "already_enrolled");
    let b = support::open(&world.folder.path().join("b"), &road, &world.clock, 7);
    assert_eq!(b.enrol(link, false).await.unwrap_err().code(), "code_used");
    visit(&a, "Một");
    assert_eq!(sync(&a).await.pushed, 1);
}

#[tokio::test]
async fn one_exchange_at_a_time_and_it_can_be_given_up() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    visit(&a, "Một");
    let cancel = Cancel::new();
    cancel.cancel();
    let failure = a.sync_once(SyncOptions { cancel, ..SyncOptions::default() }).await.unwrap_err();
    assert_eq!((failure.error.code(), failure.report.waiting), ("cancelled", 1));
    let (first, second) = tokio::join!(a.sync_once(SyncOptions::default()), a.sync_once(SyncOptions::default()));
    assert_eq!(second.unwrap_err().error.code(), "syncing");
    assert_eq!(first.unwrap().pushed, 1);
    // A future that is dropped in the middle gives the turn back.
    let mut unfinished = Box::pin(a.sync_once(SyncOptions::default()));
    assert!(futures_poll(unfinished.as_mut()).is_none());
    drop(unfinished);
    sync(&a).await;
}

/// Polls once.
fn futures_poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn saves_in_the_background_reach_the_server_by_themselves() {
    let world = World::new();
    let (a, _) = world.client("a").await;
    let mut standing = a.watch();
    let handle = a.sync_in_background(false);
    visit(&a, "Một");
    standing
        .wait_for(|standing| {
            standing.counts.visits == 1 && standing.counts.saved_changes + standing.counts.waiting_changes == 0
        })
        .await
        .unwrap();
    assert_eq!(world.server.lock().unwrap().envelopes(), 1);
    visit(&a, "Hai");
    standing
        .wait_for(|standing| {
            standing.counts.visits == 2 && standing.counts.saved_changes + standing.counts.waiting_changes == 0
        })
        .await
        .unwrap();
    handle.stop().await;
    visit(&a, "Ba");
    assert_eq!(world.server.lock().unwrap().envelopes(), 2);
}

#[tokio::test]
async fn review_items_are_shown_and_decided() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let id = visit(&a, "Một");
    sync(&a).await;
    sync(&b).await;
    set(&a, id, "place.name", "Thôn 1");
    set(&b, id, "place.name", "Thôn 2");
    for client in [&a, &b, &a] {
        sync(client).await;
    }
    let (lines, next) = a.review(&Page::first(10)).unwrap();
    assert_eq!((lines.len(), next), (1, None));
    assert_eq!((lines[0].id, lines[0].item.field.as_str(), lines[0].item.values.len()), (id, "place.name", 2));
    assert_eq!(state(&a, id), RecordState::NeedsReview);
    a.resolve(id, "place.name", json!("Thôn 1")).unwrap();
    sync(&a).await;
    sync(&b).await;
    assert!(b.review(&Page::first(10)).unwrap().0.is_empty());
    assert_eq!(shown(&b, id).place.name.as_deref(), Some("Thôn 1"));
    assert_eq!(a.resolve(id, "place.name", json!("x")).unwrap_err().code(), "not_allowed");
}
