//! Devices and the server, over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_model::genesis::DocKind;
use gandan_server::db::sqlite::devices;
use gandan_server::front::FrontOptions;
use gandan_server::limits::Rate;
use gandan_server::server::ServerOptions;
use gandan_sync::{Refusal, Status};
use serde_json::json;
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B, data_folder};

#[test]
fn what_one_device_pushes_another_pulls() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    let visit = a.visit(UNIT_A, 1, "Đường liên thôn ngập nước");
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
    b.sync(&app);
    assert_eq!(b.note(UNIT_A, visit), "Đường liên thôn ngập nước");

    // Both edit, apart; both see the same afterwards.
    let space = a.space(UNIT_A, "field");
    let of_a = a.edit(space, visit, DocKind::Visit, &[("counts.residents", json!(46))]);
    a.seal(space, &[(visit, of_a)]);
    let of_b = b.edit(space, visit, DocKind::Visit, &[("place.name", json!("Thôn 1"))]);
    b.seal(space, &[(visit, of_b)]);
    assert_eq!(b.sync(&app), [(1, Status::Durable { seq: 2 })]);
    assert_eq!(a.sync(&app), [(2, Status::Durable { seq: 3 })]);
    b.sync(&app);
    let heads = |peer: &Peer| peer.docs[&(space, visit)].document.heads();
    assert_eq!(heads(&a), heads(&b));
    assert_eq!(heads(&a).len(), 2);
}

#[test]
fn nothing_new_is_one_small_round_trip() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A, UNIT_B]);
    for n in 1..20 {
        a.visit(UNIT_A, n, "x");
    }
    a.sync(&app);
    let outcome = a.round_trip(&app);
    assert!(outcome.is_idle(), "{outcome:?}");
    let (up, down) = a.last_bytes;
    assert!(up <= 150 && down <= 150, "{up} up, {down} down");
    // The server remembers positions over a restart.
    let app = app.restart();
    assert!(a.round_trip(&app).is_idle());
}

#[test]
fn who_only_asks_is_seen_even_if_there_is_never_a_pause() {
    let open = |options: &mut ServerOptions| options.limits.device = Rate { per_minute: 0, burst: 0 };
    let app = TestApp::serve_with(data_folder(), FrontOptions::default(), open);
    let mut a = app.official("CB-001", &[UNIT_A]);
    let seen = || app.db().read(devices::list).unwrap().into_iter().any(|device| device.last_sync_ms.is_some());
    assert!(!seen());
    // Nothing is pushed, so nothing is committed with which this could go; and the writer never finds its queue quiet.
    let mut asked = 0;
    while !seen() {
        a.sync(&app);
        asked += 1;
        assert!(asked < 50_000, "it waits for a pause");
    }
}

#[test]
fn a_repeated_request_changes_nothing() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "một");
    a.visit(UNIT_A, 2, "hai");
    let (_, bytes) = a.request();
    let first = Peer::post(&app, &bytes);
    let again = Peer::post(&app, &bytes);
    assert_eq!((first.status, again.status), (200, 200));
    // As far as the device knows, nothing arrived; it sends all of it a third time.
    let statuses = a.sync(&app);
    assert_eq!(statuses, [(1, Status::Duplicate { seq: 1 }), (2, Status::Duplicate { seq: 2 })]);
    let space = a.space(UNIT_A, "field");
    assert_eq!(a.positions[&space].cursor.seq, 2);
}

#[test]
fn everything_survives_a_restart() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let visit = a.visit(UNIT_A, 1, "trước");
    a.sync(&app);
    let app = app.restart();
    let mut b = app.official("CB-002", &[UNIT_A]);
    b.sync(&app);
    assert_eq!(b.note(UNIT_A, visit), "trước");
    a.visit(UNIT_A, 2, "sau");
    assert_eq!(a.sync(&app), [(2, Status::Durable { seq: 2 })]);
}

#[test]
fn devices_see_their_own_units_only() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_B]);
    a.visit(UNIT_A, 1, "của A");
    a.sync(&app);
    b.sync(&app);
    assert!(b.docs.is_empty());
    // B writes into A's space, whose id it learned somewhere.
    let foreign = a.space(UNIT_A, "field");
    let doc = gandan_model::ids::DocId([9; 16]);
    let raw = b.edit(foreign, doc, DocKind::Visit, &[("note", json!("lạ"))]);
    b.seal(foreign, &[(doc, raw)]);
    b.outbox[0] = b.outbox[0]
        .rewrite(
            &[gandan_sync::Outgoing { doc, raw: &b.docs[&(foreign, doc)].changes[0].1 }],
            &gandan_sync::resolve::Nothing,
            gandan_sync::Encoding::FULL,
        )
        .unwrap();
    assert_eq!(b.sync(&app), [(1, Status::Refused(Refusal::NO_GRANT))]);
    assert_eq!(b.outbox.len(), 1, "what was refused is kept");
    a.sync(&app);
    assert_eq!(a.docs.len(), 1);
}

#[test]
fn a_bad_envelope_delays_no_other() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "tốt");
    a.visit(UNIT_A, 2, "xấu");
    a.visit(UNIT_A, 3, "cũng tốt");
    // The second loses its content on the way; its signature no longer fits.
    a.outbox[1].relayed.body = a.outbox[0].relayed.body.clone();
    // The third names its predecessor in full: the chain on the server has a hole.
    let space = a.space(UNIT_A, "field");
    let (doc, raw) =
        (gandan_model::ids::DocId([3; 16]), a.docs[&(space, gandan_model::ids::DocId([3; 16]))].changes[0].1.clone());
    a.outbox[2] = a.outbox[2]
        .rewrite(
            &[gandan_sync::Outgoing { doc, raw: &raw }],
            &gandan_sync::resolve::Nothing,
            gandan_sync::Encoding::FULL,
        )
        .unwrap();
    let statuses = a.round_trip(&app).acks.iter().map(|ack| ack.status).collect::<Vec<_>>();
    assert_eq!(statuses[0], Status::Durable { seq: 1 });
    assert!(matches!(statuses[1], Status::Refused(Refusal::BAD_SIGNATURE)), "{:?}", statuses[1]);
    assert_eq!(statuses[2], Status::Durable { seq: 2 });
}

#[test]
fn what_builds_on_something_missing_waits_for_it() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    let space = a.space(UNIT_A, "field");
    let visit = a.visit(UNIT_A, 1, "gốc");
    // B gets A's change by hand, before the server has it, and builds on it.
    let raw = a.docs[&(space, visit)].changes[0].1.clone();
    let document = gandan_model::document::Document::from_changes([raw.as_slice()]).unwrap();
    b.edit(space, visit, DocKind::Visit, &[("venue", json!("field"))]);
    b.docs.get_mut(&(space, visit)).unwrap().document = document;
    let next = b.edit(space, visit, DocKind::Visit, &[("venue", json!("household"))]);
    b.seal(space, &[(visit, next)]);
    assert_eq!(b.round_trip(&app).acks[0].status, Status::Waiting);
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
    // B's came in right behind it.
    assert_eq!(a.positions[&space].cursor.seq, 2);
    assert_eq!(a.docs[&(space, visit)].changes.len(), 2);
}

#[test]
fn what_waited_while_its_device_was_revoked_is_for_a_person_to_decide() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    let space = a.space(UNIT_A, "field");
    let visit = a.visit(UNIT_A, 1, "gốc");
    let raw = a.docs[&(space, visit)].changes[0].1.clone();
    let document = gandan_model::document::Document::from_changes([raw.as_slice()]).unwrap();
    b.edit(space, visit, DocKind::Visit, &[("venue", json!("field"))]);
    b.docs.get_mut(&(space, visit)).unwrap().document = document;
    let next = b.edit(space, visit, DocKind::Visit, &[("venue", json!("household"))]);
    b.seal(space, &[(visit, next)]);
    assert_eq!(b.round_trip(&app).acks[0].status, Status::Waiting);
    app.db().write(|c| devices::revoke(c, &b.device, false, START_MS)).unwrap();
    assert_eq!(a.sync(&app), [(1, Status::Durable { seq: 1 })]);
    assert_eq!(a.positions[&space].cursor.seq, 1, "nothing of the revoked device follows");
    let reason: String =
        app.db().read(|c| Ok(c.query_row("SELECT reason FROM quarantine", [], |row| row.get(0))?)).unwrap();
    assert_eq!(reason, "revoked_device");
}

#[test]
fn a_cloned_device_is_told_apart() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut clone = Peer::stranger("CB-001");
    clone.bundle = a.bundle.clone();
    clone.positions = a.positions.clone();
    let visit = a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    clone.visit(UNIT_A, 1, "khác");
    assert_eq!(clone.ask(&app), [Status::Refused(Refusal::SEQUENCE_REUSED)]);
    // The same actor and number in another envelope: still refused, the first stays.
    clone.next_seq = 2;
    let space = clone.space(UNIT_A, "field");
    let raw = clone.docs[&(space, visit)].changes[0].1.clone();
    clone.outbox = vec![clone.sealed(space, &[(visit, raw)])];
    assert_eq!(clone.ask(&app), [Status::Refused(Refusal::SEQUENCE_REUSED)]);
    a.sync(&app);
    assert_eq!(a.note(UNIT_A, visit), "một");
}

#[test]
fn concurrent_requests_share_commits() {
    let app = TestApp::new();
    let mut peers: Vec<Peer> = (0..16).map(|n| app.official(&format!("CB-{n:03}"), &[UNIT_A])).collect();
    for (n, peer) in peers.iter_mut().enumerate() {
        for visit in 0..8 {
            peer.visit(UNIT_A, u8::try_from(n * 8 + visit).unwrap(), "cùng lúc");
        }
    }
    std::thread::scope(|scope| {
        for peer in &mut peers {
            scope.spawn(|| {
                let (_, bytes) = peer.request();
                assert_eq!(Peer::post(&app, &bytes).status, 200);
            });
        }
    });
    let (commits, requests) = app.server().state().metrics().commits();
    assert_eq!(requests, 16);
    assert!(commits <= requests, "{commits} commits");
    let mut all = app.official("CB-100", &[UNIT_A]);
    all.sync(&app);
    assert_eq!(all.docs.len(), 128);
    let space = all.space(UNIT_A, "field");
    assert_eq!(all.positions[&space].cursor.seq, 128);
}
