//! Both ends against each other: phones and a server in memory, with the network's bad days.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use common::memory::{Phone, Server};
use common::{SPACE, doc};
use gandan_model::ids::SpaceId;
use gandan_sync::client::{Item, Outcome, Stopped};
use gandan_sync::error::SessionError;
use gandan_sync::response::{GrantChange, LogItem, Manifest, Notice, SyncResponse, erasure_hash};
use gandan_sync::server::{SpaceRight, StoredContent};
use gandan_sync::{Class, Cursor, Digest, Encoding, EnvelopeHash, Refusal, SpacePosition, Status};

fn world(phones: u8) -> (Server, Vec<Phone>) {
    let mut server = Server { now_ms: 1_000_400, ..Server::default() };
    let phones: Vec<Phone> = (1..=phones).map(Phone::new).collect();
    for phone in &phones {
        server.enrol(&phone.device, &[SPACE]);
    }
    (server, phones)
}

/// A phone writes `count` visits, one envelope each.
fn visits(phone: &mut Phone, from: u32, count: u32) {
    for number in from..from + count {
        let raw = phone.device.visit(doc(number), number * 77);
        phone.write(&[(doc(number), raw)], Encoding::default());
    }
}

#[test]
fn one_round_trip_gives_and_takes() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 3);
    let outcome = phones[0].sync(&mut server);
    assert!(matches!(outcome.grants[..], [GrantChange::Given { space: SPACE, .. }]));
    assert!(outcome.acks.iter().all(|ack| matches!(ack.status, Status::Durable { .. })));
    assert!(outcome.parts[0].items.iter().all(|item| matches!(item, Item::Own { .. })));
    assert_eq!((outcome.skew_ms, outcome.more, outcome.cloned), (300, false, false));
    phones[1].sync_all(&mut server);
    assert_eq!(phones[1].replica.heads, server.replica.heads);
    assert_eq!(phones[1].positions[&SPACE], phones[0].positions[&SPACE]);
    let raw = phones[0].device.set(doc(1), "status", "verified");
    phones[0].write(&[(doc(1), raw)], Encoding::default());
    phones[0].sync_all(&mut server);
    phones[1].sync_all(&mut server);
    assert_eq!(phones[1].replica.heads, server.replica.heads);
    assert_eq!(phones[1].digests[&SPACE], server.logs[&SPACE].digest);
}

#[test]
fn nothing_new_costs_little() {
    for spaces in [3_u8, 124] {
        let (mut server, mut phones) = world(1);
        let spaces: Vec<SpaceId> = (1..=spaces).map(|n| SpaceId([n; 16])).collect();
        server.enrol(&phones[0].device, &spaces);
        phones[0].sync_all(&mut server);
        let token = phones[0].token;
        let outcome = phones[0].sync(&mut server);
        assert!(outcome.is_idle());
        assert_eq!(phones[0].token, token);
        println!("idle with {} spaces: {:?} bytes", spaces.len(), phones[0].bytes);
        assert!(phones[0].bytes.0 <= 150 && phones[0].bytes.1 <= 150);
    }
}

#[test]
fn a_lost_answer_changes_nothing() {
    let (mut server, mut phones) = world(2);
    phones[0].sync_all(&mut server);
    visits(&mut phones[0], 0, 4);
    let (_, request) = phones[0].start();
    server.handle(&request);
    server.handle(&request);
    assert_eq!(server.logs[&SPACE].entries.len(), 4);
    let outcome = phones[0].sync(&mut server);
    let seqs: Vec<Status> = outcome.acks.iter().map(|ack| ack.status).collect();
    assert_eq!(seqs, (1..=4).map(|seq| Status::Duplicate { seq }).collect::<Vec<_>>());
    assert!(phones[0].outbox.is_empty());
    assert_eq!(server.logs[&SPACE].entries.len(), 4);
    phones[1].sync_all(&mut server);
    assert_eq!(phones[1].replica.heads, phones[0].replica.heads);
}

#[test]
fn a_forgotten_token_costs_one_more_round_trip() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 1);
    phones[0].sync_all(&mut server);
    server.tokens.clear();
    visits(&mut phones[0], 5, 1);
    let outcome = phones[0].sync(&mut server);
    assert!(outcome.need_full && outcome.parts.is_empty());
    assert!(matches!(outcome.acks[0].status, Status::Durable { seq: 2 }));
    assert_eq!(phones[0].sync_all(&mut server), 1);
    assert_eq!(phones[0].positions[&SPACE].cursor, server.logs[&SPACE].head());
}

#[test]
fn small_budgets_take_many_round_trips() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 20);
    phones[0].sync_all(&mut server);
    phones[1].budget = 1;
    assert_eq!(phones[1].sync_all(&mut server), 20);
    assert_eq!(phones[1].positions, phones[0].positions);
}

#[test]
fn a_budget_is_shared_by_all_spaces() {
    let (mut server, mut phones) = world(1);
    let other = SpaceId([0x77; 16]);
    for phone in &phones {
        server.enrol(&phone.device, &[SPACE, other]);
    }
    visits(&mut phones[0], 0, 5);
    phones[0].sync_all(&mut server);
    // The same log in a second space, which is later in order.
    let copy = server.logs[&SPACE].clone();
    server.logs.insert(other, copy);
    let mut reader = Phone::new(9);
    server.enrol(&reader.device, &[SPACE, other]);
    reader.budget = 1;
    let outcome = reader.sync(&mut server);
    assert!(outcome.more);
    assert_eq!(outcome.parts.len(), 1);
    assert_eq!(outcome.parts[0].items.len(), 1);
}

#[test]
fn rights_come_and_go() {
    let (mut server, mut phones) = world(1);
    let phone = &mut phones[0];
    visits(phone, 0, 1);
    phone.sync_all(&mut server);
    visits(phone, 1, 1);
    server.rights.insert(phone.device.id, vec![SpaceRight { space: SPACE, granted: false }]);
    let outcome = phone.sync(&mut server);
    assert_eq!(outcome.acks[0].status, Status::Quarantined);
    assert_eq!(outcome.grants, [GrantChange::Taken { space: SPACE }]);
    assert!(phone.positions.is_empty());
    assert_eq!(server.quarantine.len(), 1);
    assert!(phone.sync(&mut server).is_idle());
    visits(phone, 2, 1);
    server.rights.insert(phone.device.id, Vec::new());
    let outcome = phone.sync(&mut server);
    // A short name of a space that the device never had cannot be resolved; in full it is refused for good.
    assert_eq!(outcome.acks[0].status, Status::Refused(Refusal::UNRESOLVED));
    assert_eq!(outcome.acks[0].class(), Some(Class::ResendFull));
}

#[test]
fn a_server_restored_from_a_backup_is_noticed() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 2);
    phones[0].sync_all(&mut server);
    let backup = server.clone();
    visits(&mut phones[0], 2, 2);
    phones[0].sync_all(&mut server);
    let mut server = backup;
    visits(&mut phones[1], 50, 3);
    phones[1].sync_all(&mut server);
    let outcome = phones[0].sync(&mut server);
    // The restored server has forgotten the token too, so the first answer asks for the full position.
    assert!(outcome.need_full);
    let outcome = phones[0].sync(&mut server);
    assert!(matches!(outcome.parts[0].notice, Some(Notice::ChainDiverged { .. })));
    assert_eq!(phones[0].positions[&SPACE].cursor, Cursor::START);
    assert_eq!(outcome.device_seq, 2, "two of the phone's four envelopes are gone from the server");
}

#[test]
fn other_documents_with_the_same_log_are_noticed() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 2);
    phones[0].sync_all(&mut server);
    server.logs.get_mut(&SPACE).unwrap().digest.sum[0] ^= 1;
    phones[0].token = None;
    let outcome = phones[0].sync(&mut server);
    assert_eq!(outcome.parts[0].notice, Some(Notice::DigestDiverged));
}

#[test]
fn behind_the_horizon() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 4);
    phones[0].sync_all(&mut server);
    let log = server.logs.get_mut(&SPACE).unwrap();
    log.horizon = 3;
    let cursor = log.entries.get(2).map(|(item, _)| Cursor { seq: item.seq, chain: item.chain }).unwrap();
    log.manifest = Some(Manifest { cursor, digest: Digest::default(), chunks: Vec::new() });
    let outcome = phones[1].sync(&mut server);
    assert!(matches!(&outcome.parts[0].notice, Some(Notice::Chunks(manifest)) if manifest.cursor == cursor));
    assert!(outcome.more && phones[1].positions[&SPACE].cursor == Cursor::START);
    assert!(phones[0].sync(&mut server).is_idle());
    // With the chunks loaded the phone stands where they end and goes on with the log.
    phones[1].token = None;
    phones[1].positions.insert(SPACE, SpacePosition { cursor, ..SpacePosition::start(SPACE) });
    let (session, request) = phones[1].start();
    let outcome = session.finish(&server.handle(&request), &phones[1], 0).unwrap();
    assert_eq!(outcome.parts[0].items.len(), 1);
    assert_eq!(outcome.parts[0].position.cursor, server.logs[&SPACE].head());
}

#[test]
fn erasures_and_what_they_leave_keep_the_chain() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 3);
    phones[0].sync_all(&mut server);
    let erased = gandan_model::ids::DocId([9; 16]);
    let log = server.logs.get_mut(&SPACE).unwrap();
    log.entries[1].0.content = StoredContent::Redacted(gandan_sync::compact::encode(&[], &[]).unwrap());
    let hash = erasure_hash(&SPACE, &erased);
    let after = log.head().after(&hash);
    let mut entry = log.entries[0].clone();
    entry.0.seq = after.seq;
    entry.0.chain = after.chain;
    entry.0.hash = hash;
    entry.0.content = StoredContent::Erased(erased);
    log.entries.push(entry);
    let (session, request) = phones[1].start();
    let outcome = session.finish(&server.handle(&request), &phones[1], 0).unwrap();
    let items = &outcome.parts[0].items;
    assert!(matches!(&items[1], Item::Redacted { seq: 2, changes, .. } if changes.is_empty()));
    assert!(matches!(items[3], Item::Erased { seq: 4, doc, .. } if doc == erased));
    assert_eq!(outcome.parts[0].position.cursor, server.logs[&SPACE].head());
}

#[test]
fn erased_content_keeps_the_chain() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 3);
    phones[0].sync_all(&mut server);
    server.logs.get_mut(&SPACE).unwrap().entries[1].0.content = StoredContent::Gone;
    let (session, request) = phones[1].start();
    let answer = server.handle(&request);
    let outcome = session.finish(&answer, &phones[1], 0).unwrap();
    assert!(matches!(outcome.parts[0].items[1], Item::Gone { seq: 2, .. }));
    assert_eq!(outcome.parts[0].position.cursor, server.logs[&SPACE].head());
}

#[test]
fn a_phone_that_lost_its_own_envelopes_gets_them_back() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 3);
    phones[0].sync_all(&mut server);
    let mut fresh = Phone::new(1);
    let outcome = fresh.sync(&mut server);
    assert!(outcome.cloned);
    assert!(matches!(outcome.parts[0].stopped, Some(Stopped::OwnUnknown { seq: 1, device_seq: 1 })));
    fresh.sync_all(&mut server);
    assert_eq!(fresh.replica.heads, phones[0].replica.heads);
}

#[test]
fn a_reference_that_a_phone_cannot_resolve_is_sent_in_full() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 1);
    phones[0].sync_all(&mut server);
    let raw = phones[0].device.set(doc(0), "status", "verified");
    phones[0].write(&[(doc(0), raw)], Encoding::default());
    phones[0].sync_all(&mut server);
    server.logs.get_mut(&SPACE).unwrap().entries[0].0.content = StoredContent::Gone;
    let (session, request) = phones[1].start();
    let answer = server.handle(&request);
    let outcome = session.finish(&answer, &phones[1], 0).unwrap();
    assert!(matches!(outcome.parts[0].stopped, Some(Stopped::Unreadable { seq: 2, .. })));
    assert_eq!((outcome.token, outcome.more), (None, true));
    phones[1].flags = outcome.flags;
    let (session, request) = phones[1].start();
    let answer = server.handle(&request);
    let outcome = session.finish(&answer, &phones[1], 0).unwrap();
    assert!(outcome.parts[0].stopped.is_none());
    assert!(matches!(outcome.parts[0].items[1], Item::Envelope { seq: 2, .. }));
}

#[test]
fn a_poisoned_entry_does_not_stop_the_log() {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 3);
    phones[0].sync_all(&mut server);
    if let StoredContent::Stored(stored) = &mut server.logs.get_mut(&SPACE).unwrap().entries[1].0.content {
        let last = stored.len() - 1;
        stored.truncate(last);
    }
    let (session, request) = phones[1].start();
    let answer = server.handle(&request);
    let outcome = session.finish(&answer, &phones[1], 0).unwrap();
    assert!(matches!(outcome.parts[0].stopped, Some(Stopped::Unreadable { seq: 2, .. })));
    phones[1].flags = outcome.flags;
    let (session, request) = phones[1].start();
    let answer = server.handle(&request);
    let outcome = session.finish(&answer, &phones[1], 0).unwrap();
    assert!(matches!(outcome.parts[0].items[1], Item::Unreadable { seq: 2, .. }));
    assert!(matches!(outcome.parts[0].items[2], Item::Envelope { seq: 3, .. }));
}

#[test]
fn an_unresolved_push_is_sent_again_in_full() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 1);
    phones[0].sync_all(&mut server);
    let raw = phones[0].device.set(doc(0), "status", "draft");
    let changes = [(doc(0), raw)];
    phones[0].write(&changes, Encoding::default());
    visits(&mut phones[0], 1, 1);
    server.replica.changes.clear();
    let outcome = phones[0].sync(&mut server);
    assert_eq!(outcome.acks.len(), 2);
    assert_eq!(outcome.acks[0].class(), Some(Class::ResendFull));
    assert_eq!(outcome.acks[1].status, Status::Refused(Refusal::OUT_OF_ORDER));
    let full = phones[0].outbox[0].rewrite(&common::outgoing(&changes), &gandan_sync::resolve::Nothing, Encoding::FULL);
    phones[0].outbox[0] = full.unwrap();
    let outcome = phones[0].sync(&mut server);
    assert!(outcome.acks.iter().all(|ack| ack.status.is_held()), "{:?}", outcome.acks);
}

#[test]
fn a_clone_is_told_apart() {
    let (mut server, mut phones) = world(1);
    let mut twin = Phone::new(1);
    visits(&mut phones[0], 0, 1);
    visits(&mut twin, 70, 1);
    phones[0].sync_all(&mut server);
    let outcome = twin.sync(&mut server);
    assert_eq!(outcome.acks[0].status, Status::Refused(Refusal::SEQUENCE_REUSED));
    assert!(outcome.cloned);
    assert_eq!(twin.outbox.len(), 1, "nothing refused is dropped");
    assert!(matches!(outcome.parts[0].stopped, Some(Stopped::Inconsistent { own: true })));
    let outcome = twin.sync(&mut server);
    assert!(outcome.cloned && outcome.parts[0].stopped.is_none());
    assert_eq!(twin.replica.heads, server.replica.heads);
}

#[test]
fn answers_that_are_none() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 2);
    let html = b"<html><body>502 Bad Gateway</body></html>";
    let finish = |phone: &Phone, answer: &[u8]| phone.start().0.finish(answer, phone, 0).unwrap_err();
    for answer in [&html[..], b"", b"G", b"G\x02\x02", b"G\x01\x09"] {
        assert_eq!(finish(&phones[0], answer).class(), Class::Protocol);
    }
    let (session, mut request) = phones[0].start();
    let last = request.len() - 1;
    request[last] ^= 1;
    let error = session.finish(&server.handle(&request), &phones[0], 0).unwrap_err();
    assert!(matches!(error, SessionError::Problem { refusal: Refusal::BAD_SIGNATURE, retry_after_s: 5 }));
    assert!(server.logs[&SPACE].entries.is_empty());
    request[1] = 2;
    let error = phones[0].start().0.finish(&server.handle(&request), &phones[0], 0).unwrap_err();
    assert!(matches!(error, SessionError::Problem { refusal: Refusal::VERSION, .. }));
    let stranger = Phone::new(200);
    let error = stranger.start().0.finish(&server.handle(&stranger.start().1), &stranger, 0).unwrap_err();
    assert_eq!(error.code(), "unknown_device");
}

/// Lets a good answer be spoilt and gives what the phone makes of it.
fn spoilt(spoil: &dyn Fn(&mut SyncResponse)) -> Result<Outcome, SessionError> {
    let (mut server, mut phones) = world(2);
    visits(&mut phones[0], 0, 3);
    phones[0].sync_all(&mut server);
    let (session, request) = phones[1].start();
    let mut response = SyncResponse::decode(&server.handle(&request)).unwrap();
    spoil(&mut response);
    session.finish(&response.encode().unwrap(), &phones[1], 0)
}

#[test]
fn a_part_that_contradicts_itself_is_not_taken() {
    let spoils: [&dyn Fn(&mut SyncResponse); 6] = [
        &|response| response.parts[0].items.swap(0, 1),
        &|response| drop(response.parts[0].items.remove(1)),
        &|response| drop(response.parts[0].items.pop()),
        &|response| response.parts[0].cursor.chain[0] ^= 1,
        &|response| response.parts[0].cursor.seq += 1,
        &|response| response.parts[0].items[1] = LogItem::Gone { seq: 2, hash: EnvelopeHash([3; 32]) },
    ];
    assert!(spoilt(&|_| ()).unwrap().parts[0].stopped.is_none());
    for spoil in spoils {
        let outcome = spoilt(spoil).unwrap();
        assert!(matches!(outcome.parts[0].stopped, Some(Stopped::Inconsistent { own: false })));
        assert!(outcome.parts[0].items.is_empty());
        assert_eq!(outcome.parts[0].position.cursor, Cursor::START);
        assert_eq!((outcome.token, outcome.more), (None, false));
    }
}

#[test]
fn answers_to_something_else_are_errors() {
    let spoils: [&dyn Fn(&mut SyncResponse); 3] = [
        &|response| response.parts[0].space = SpaceId([9; 16]),
        &|response| response.parts.push(response.parts[0].clone()),
        &|response| response.statuses.push((1, Status::Durable { seq: 1 })),
    ];
    for spoil in spoils {
        assert!(matches!(spoilt(spoil), Err(SessionError::Inconsistent(_))));
    }
}

#[test]
fn large_outboxes_go_in_several_requests() {
    let (mut server, mut phones) = world(1);
    visits(&mut phones[0], 0, 300);
    let outcome = phones[0].sync(&mut server);
    assert_eq!((outcome.acks.len(), outcome.unsent), (256, 44));
    assert_eq!(phones[0].sync_all(&mut server), 1);
    assert_eq!(server.logs[&SPACE].entries.len(), 300);
}
