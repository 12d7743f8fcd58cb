//! Restores, revocations, moves, twins, and what people decide about what lies in quarantine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_model::genesis::DocKind;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_server::auth::{Role, ScopeLine};
use gandan_server::commands::{backup, restore};
use gandan_server::db::DbOptions;
use gandan_sync::query::{Ask, Reply, Returned, renewal_proof};
use gandan_sync::response::GrantChange;
use gandan_sync::{Outgoing, Refusal, Status, compact};
use serde_json::{Value as Json, json};
use support::http::{self, Answer};
use support::peer::Peer;
use support::{START_MS, TestApp, UNIT_A, UNIT_B};

fn ask(app: &TestApp, method: &str, path: &str, token: &str, body: &Json) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::request(app.address, method, path, &headers, body.as_bytes())
}

fn post(app: &TestApp, path: &str, token: &str, body: &Json) -> Answer {
    ask(app, "POST", path, token, body)
}

fn quarantine(app: &TestApp, token: &str) -> Vec<Json> {
    let answer = ask(app, "GET", "/api/v1/quarantine", token, &Json::Null);
    assert_eq!(answer.status, 200, "{}", answer.code());
    answer.json()["items"].as_array().unwrap().clone()
}

fn commune(app: &TestApp) -> String {
    app.token("xa-a", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_A.into())])
}

fn administrator(app: &TestApp) -> String {
    app.token("quan-tri", Role::Administrator, &[ScopeLine::Province])
}

/// An envelope of a peer's own, as it is given back.
fn kept(peer: &Peer, space: SpaceId, seq: u64) -> Returned {
    let relayed = &peer.own[&seq].relayed;
    let opened = relayed.open(space, None, peer).unwrap();
    Returned(relayed.to_full(&opened).unwrap().to_bytes().unwrap())
}

fn first_eight(hash: [u8; 32]) -> [u8; 8] {
    hash[..8].try_into().unwrap()
}

fn returned(
    peer: &Peer,
    app: &TestApp,
    space: SpaceId,
    envelopes: Vec<Returned>,
    unsigned: Vec<u8>,
) -> (Vec<Status>, Option<Status>) {
    match peer.reply(app, Ask::Return { space, envelopes, unsigned }) {
        Reply::Returned { statuses, unsigned } => (statuses, unsigned),
        other => panic!("{other:?}"),
    }
}

/// A server that lost everything after its backup: A wrote, and B, who is enrolled since, wrote on.
fn after_a_restore(with_ledger: bool) -> (TestApp, Peer, Peer, SpaceId) {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let space = a.space(UNIT_A, "field");
    a.visit(UNIT_A, 1, "trước");
    a.sync(&app);
    let copy = app.path().join("backup.db");
    backup(&app.data(), &copy).unwrap();
    a.visit(UNIT_A, 2, "sau, của A");
    a.sync(&app);
    let mut b = app.official("CB-002", &[UNIT_A]);
    b.sync(&app);
    let raw = b.edit(space, DocId([2; 16]), DocKind::Visit, &[("counts.residents", json!(46))]);
    b.seal(space, &[(DocId([2; 16]), raw)]);
    b.sync(&app);
    let folder = app.stop();
    let data = folder.path().join("data");
    if !with_ledger {
        std::fs::remove_file(data.join("ledger.jsonl")).unwrap();
    }
    restore(&data, &copy, START_MS + 5_000).unwrap();
    (TestApp::serve(folder, DbOptions::default()), a, b, space)
}

#[test]
fn what_a_restored_server_lost_comes_back_as_it_was_signed() {
    let (app, mut a, mut b, space) = after_a_restore(true);
    let (of_a, of_b) = (a.own[&2].hash, b.own[&1].hash);
    let offered = vec![first_eight(a.own[&1].hash.0), first_eight(of_a.0), first_eight(of_b.0)];
    let change = a.docs[&(space, DocId([1; 16]))].changes[0].0;
    let changes = vec![(DocId([1; 16]), first_eight(change.0)), (DocId([2; 16]), [9; 8])];
    let wanted = a.reply(&app, Ask::Offer { space, envelopes: offered, changes });
    assert_eq!(wanted, Reply::Wanted { envelopes: vec![1, 2], changes: vec![1] });
    // One phone gives back both, B's before what it builds on.
    let given = || vec![kept(&b, space, 1), kept(&a, space, 2), Returned(vec![1, 2, 3])];
    let (statuses, unsigned) = returned(&a, &app, space, given(), Vec::new());
    assert!(
        matches!(statuses[..], [_, Status::Durable { seq: 2 }, Status::Refused(Refusal::BAD_FORM)]),
        "{statuses:?}"
    );
    assert_eq!(unsigned, None);
    let (statuses, _) = returned(&a, &app, space, given(), Vec::new());
    assert!(matches!(statuses[..2], [Status::Duplicate { seq: 3 }, Status::Duplicate { seq: 2 }]), "{statuses:?}");
    for peer in [&mut a, &mut b] {
        peer.sync(&app);
        peer.visit(UNIT_A, 10, "tiếp");
    }
    let mut c = app.official("CB-003", &[UNIT_A]);
    c.sync(&app);
    assert_eq!(c.docs.len(), 2);
    assert_eq!(c.positions[&space].digest, a.positions[&space].digest);
}

#[test]
fn what_nobody_vouches_for_waits_for_a_person() {
    let (app, mut a, b, space) = after_a_restore(false);
    let token = commune(&app);
    let (statuses, _) = returned(&a, &app, space, vec![kept(&a, space, 2), kept(&b, space, 1)], Vec::new());
    assert_eq!(statuses, [Status::Durable { seq: 2 }, Status::Quarantined]);
    // Again, by another: nothing twice.
    let (statuses, _) = returned(&a, &app, space, vec![kept(&b, space, 1)], Vec::new());
    assert_eq!(statuses, [Status::Quarantined]);
    // Changes without any signature, and rubbish.
    let mut x = Peer::stranger("X");
    let raw = x.edit(space, DocId([7; 16]), DocKind::Visit, &[("note", json!("không chữ ký"))]);
    let known = &a.docs[&(space, DocId([1; 16]))].changes[0].1;
    let changes = [Outgoing { doc: DocId([7; 16]), raw: &raw }, Outgoing { doc: DocId([1; 16]), raw: known }];
    let chunk = compact::encode(&changes, &[]).unwrap();
    assert_eq!(returned(&a, &app, space, Vec::new(), chunk.clone()).1, Some(Status::Quarantined));
    assert_eq!(returned(&a, &app, space, Vec::new(), chunk).1, Some(Status::Quarantined));
    assert_eq!(returned(&a, &app, space, Vec::new(), vec![9; 40]).1, Some(Status::Refused(Refusal::BAD_FORM)));

    let items = quarantine(&app, &token);
    let reasons: Vec<&str> = items.iter().map(|item| item["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["unknown_author", "recovered"]);
    assert_eq!(items[0]["author"], b.device.to_string());
    assert_eq!(items[0]["documents"][0]["changes"][0]["author"], "CB-002");
    assert_eq!(items[1]["documents"][0]["changes"][0]["changes"][0]["new"], "không chữ ký", "{}", items[1]);
    a.sync(&app);
    assert!(!a.docs.contains_key(&(space, DocId([7; 16]))), "nothing of it counts yet");

    for item in &items {
        let path = format!("/api/v1/quarantine/{}/admit", item["id"]);
        let answer = post(&app, &path, &token, &json!({"reason": "đã hỏi người ghi"}));
        assert_eq!((answer.status, answer.code()), (200, ""));
        assert_eq!(post(&app, &path, &token, &json!({"reason": "lần nữa"})).code(), "decided_before");
    }
    assert!(quarantine(&app, &token).is_empty());
    a.sync(&app);
    assert!(a.docs.contains_key(&(space, DocId([7; 16]))));
    assert_eq!(a.docs[&(space, DocId([2; 16]))].changes.len(), 2);
    app.compact(0);
    let mut c = app.official("CB-003", &[UNIT_A]);
    c.sync(&app);
    assert_eq!(c.positions[&space].digest, a.positions[&space].digest);
    app.project();
}

#[test]
fn a_lost_phone_gets_nothing_and_is_told_to_forget() {
    let app = TestApp::new();
    let (mut a, mut lost) = (app.official("CB-001", &[UNIT_A]), app.official("CB-002", &[UNIT_A]));
    let space = a.space(UNIT_A, "field");
    a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    lost.sync(&app);
    assert!(!lost.round_trip(&app).wipe);
    let (admin, staff) = (administrator(&app), commune(&app));
    let path = format!("/api/v1/devices/{}/revoke", lost.device);
    let order = json!({"wipe": true, "reason": "mất ở chợ"});
    assert_eq!(post(&app, &path, &staff, &order).status, 403);
    let elsewhere = app.token("khac", Role::Administrator, &[ScopeLine::Unit(UNIT_B.into())]);
    assert_eq!(post(&app, &path, &elsewhere, &order).status, 404);
    assert_eq!(post(&app, &path, &admin, &order).json()["changed"], true);
    assert_eq!(post(&app, &path, &admin, &order).json()["changed"], false);
    let devices = ask(&app, "GET", "/api/v1/devices", &admin, &Json::Null).json();
    assert_eq!(devices["items"][1]["wipe"], true, "{devices}");

    lost.visit(UNIT_A, 9, "sau khi mất");
    let (session, bytes) = lost.request();
    let answer = Peer::post(&app, &bytes);
    let outcome = session.finish(&answer.body, &lost, u64::try_from(START_MS).unwrap()).unwrap();
    assert!(outcome.wipe && outcome.grants.iter().all(|grant| matches!(grant, GrantChange::Taken { .. })));
    assert_eq!(outcome.acks[0].status, Status::Quarantined);
    assert_eq!(lost.query(&app, Ask::Chunks { space, hashes: vec![[1; 32]] }).code(), Refusal::REVOKED.name());
    // After a restore it may be the last that holds something: what is lacking of what it names is all it hears.
    let offer = Ask::Offer { space, envelopes: vec![[1; 8]], changes: vec![] };
    assert_eq!(lost.query(&app, offer).status, 200);
    // It may give back what it holds; that waits for a person, like everything else of it.
    let mut own = Peer::stranger("CB-002");
    own.bundle = lost.bundle.clone();
    let raw = own.edit(space, DocId([0x55; 16]), DocKind::Visit, &[("note", json!("trả lại"))]);
    let chunk = compact::encode(&[Outgoing { doc: DocId([0x55; 16]), raw: &raw }], &[]).unwrap();
    assert_eq!(returned(&lost, &app, space, vec![], chunk).1, Some(Status::Quarantined));
    let items = quarantine(&app, &staff);
    assert_eq!(items.len(), 2);
    assert_eq!((items[0]["reason"].as_str(), items[0]["official"].as_str()), (Some("revoked_device"), Some("CB-002")));
    assert_eq!(items[0]["documents"][0]["kind"], "visit");

    // One is admitted, the other put away. The phone that asks again hears of it.
    let path = |item: &Json, what: &str| format!("/api/v1/quarantine/{}/{what}", item["id"]);
    let reason = json!({"reason": "người ghi xác nhận"});
    assert_eq!(post(&app, &path(&items[0], "admit"), &elsewhere, &reason).status, 403);
    let other = app.token("xa-b", Role::CommuneStaff, &[ScopeLine::Unit(UNIT_B.into())]);
    assert_eq!(post(&app, &path(&items[0], "admit"), &other, &reason).status, 404);
    assert_eq!(post(&app, &path(&items[0], "admit"), &staff, &reason).json()["seq"], 2);
    assert_eq!(post(&app, &path(&items[1], "discard"), &staff, &reason).json()["outcome"], "discarded");
    assert_eq!(lost.ask(&app), [Status::Duplicate { seq: 2 }]);
    a.sync(&app);
    assert_eq!(a.note(UNIT_A, DocId([9; 16])), "sau khi mất");
    assert!(!a.docs.contains_key(&(space, DocId([0x55; 16]))));
    let inspector = app.token("thanh-tra", Role::Inspector, &[ScopeLine::Province]);
    let trail = ask(&app, "GET", "/api/v1/audit", &inspector, &Json::Null).text();
    for action in ["device.revoke", "quarantine.admit", "quarantine.discard", "mất ở chợ"] {
        assert!(trail.contains(action), "{action}: {trail}");
    }
}

#[test]
fn an_official_who_moves_brings_what_is_written_and_nothing_later_counts() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let (admin, staff) = (administrator(&app), commune(&app));
    a.visit(UNIT_A, 1, "xong");
    a.sync(&app);
    let copy = app.path().join("backup.db");
    backup(&app.data(), &copy).unwrap();
    let path = "/api/v1/officials/CB-001/scope";
    let to_b = json!({"scope": [{"kind": "unit", "value": UNIT_B}], "reason": "điều động"});
    assert_eq!(post(&app, path, &staff, &to_b).status, 403);
    let unknown = json!({"scope": [{"kind": "unit", "value": "99999"}], "reason": "điều động"});
    assert_eq!(post(&app, path, &admin, &unknown).code(), "bad_scope");
    assert_eq!(post(&app, "/api/v1/officials/CB-999/scope", &admin, &to_b).status, 404);
    assert_eq!(post(&app, path, &admin, &to_b).json()["devices"], 1);
    // What was not sent yet goes to those who decide about A.
    a.visit(UNIT_A, 2, "chưa gửi");
    let outcome = a.round_trip(&app);
    assert_eq!(outcome.acks[0].status, Status::Quarantined);
    assert!(outcome.grants.iter().any(|grant| matches!(grant, GrantChange::Given { unit, .. } if unit == UNIT_B)));
    assert!(a.docs.is_empty());
    assert_eq!(quarantine(&app, &staff)[0]["reason"], "no_grant");
    // A restore of older data does not give A back.
    let folder = app.stop();
    restore(&folder.path().join("data"), &copy, START_MS + 5_000).unwrap();
    let app = TestApp::serve(folder, DbOptions::default());
    let outcome = a.round_trip(&app);
    assert!(!outcome.grants.iter().any(|grant| matches!(grant, GrantChange::Given { unit, .. } if unit == UNIT_A)));
    assert!(a.docs.is_empty());
}

#[test]
fn a_twin_becomes_a_device_of_its_own() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    let mut new = Peer::stranger("twin");
    new.bundle = a.bundle.clone();
    let ask_as = |new: &Peer, device: DeviceId, proof| {
        a.query(&app, Ask::Renew { device, key: new.key.verifying_key().to_bytes(), proof })
    };
    let proof = renewal_proof(&new.key, &a.device, &new.device);
    // Another's proof, another's number, one that no device may have.
    let wrong = renewal_proof(&a.key, &a.device, &new.device);
    assert_eq!(ask_as(&new, new.device, wrong).code(), Refusal::BAD_SIGNATURE.name());
    assert_eq!(
        ask_as(&new, a.device, renewal_proof(&new.key, &a.device, &a.device)).code(),
        Refusal::BAD_SIGNATURE.name()
    );
    let other = app.official("CB-002", &[UNIT_A]);
    let taken = renewal_proof(&new.key, &a.device, &other.device);
    assert_eq!(ask_as(&new, other.device, taken).code(), Refusal::SEQUENCE_REUSED.name());

    for _ in 0..2 {
        let answer = ask_as(&new, new.device, proof);
        assert_eq!(answer.status, 200, "{}", answer.code());
        assert!(
            matches!(Reply::decode(&answer.body).unwrap(), Reply::Renewed { events_token } if events_token.len() > 20)
        );
    }
    new.sync(&app);
    new.visit(UNIT_A, 2, "của máy mới");
    assert_eq!(new.sync(&app), [(1, Status::Durable { seq: 2 })]);
    for n in 0..3 {
        let next = Peer::stranger(&format!("next-{n}"));
        let proof = renewal_proof(&next.key, &a.device, &next.device);
        assert_eq!(ask_as(&next, next.device, proof).status, 200);
    }
    let next = Peer::stranger("one-too-many");
    let proof = renewal_proof(&next.key, &a.device, &next.device);
    assert_eq!(ask_as(&next, next.device, proof).code(), Refusal::BUSY.name());
    app.clock.advance_ms(25 * 3600 * 1000);
    assert_eq!(ask_as(&next, next.device, proof).status, 200);
    let revoke = format!("/api/v1/devices/{}/revoke", a.device);
    post(&app, &revoke, &administrator(&app), &json!({"reason": "x"}));
    app.clock.advance_ms(25 * 3600 * 1000);
    let last = Peer::stranger("last");
    let proof = renewal_proof(&last.key, &a.device, &last.device);
    assert_eq!(ask_as(&last, last.device, proof).code(), Refusal::REVOKED.name());
}
