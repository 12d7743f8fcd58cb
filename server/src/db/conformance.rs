//! What every database must do. Each backend makes a [`Fixture`] and runs [`all`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use gandan_sync::query::Health;

use super::Storage;
use super::storage::{
    Access, ChangeRow, Content, EnvelopeState, Form, HeadRow, HealthRow, HeldRow, LineQuery, NewContent, NewLine,
    NewQuarantine, SeenRow, WaitingRow, WriteLog,
};

/// A database with two devices of one official and two spaces of one unit. The first device may read and write the
/// first space and only write the second; the second device has no grant.
pub(crate) struct Fixture {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) devices: [DeviceId; 2],
    pub(crate) spaces: [SpaceId; 2],
}

/// Runs the suite; `fresh` makes a new database each time.
pub(crate) fn all(fresh: &dyn Fn() -> Fixture) {
    grants_are_what_the_fixture_says(&fresh());
    nothing_is_there_before_the_commit(&fresh());
    a_log_reads_back_in_order_and_within_bounds(&fresh());
    documents_and_changes_are_found_by_prefix(&fresh());
    an_actors_number_is_used_once(&fresh());
    envelopes_outside_the_log(&fresh());
    the_last_two_positions_stay(&fresh());
    a_view_is_of_one_moment(&fresh());
    writers_exclude_each_other(&fresh());
}

struct Ids {
    device: i64,
    space: i64,
}

fn ids(fixture: &Fixture) -> Ids {
    fixture
        .storage
        .read(|log| {
            Ok(Ids {
                device: log.device(&fixture.devices[0])?.unwrap().no,
                space: log.space(&fixture.spaces[0])?.unwrap().no,
            })
        })
        .unwrap()
}

fn committed(fixture: &Fixture, write: impl FnOnce(&dyn WriteLog)) {
    let writer = fixture.storage.writer().unwrap();
    writer.begin().unwrap();
    write(writer.as_ref());
    writer.commit().unwrap();
}

fn line(ids: &Ids, seq: u64, body: &'static [u8]) -> NewLine<'static> {
    let chain = [u8::try_from(seq).unwrap(); 32];
    NewLine {
        space: ids.space,
        seq,
        hash: chain,
        device: ids.device,
        device_seq: seq,
        chain,
        received_ms: 5,
        content: NewContent::Envelope(body),
    }
}

fn change(actor_seq: u64, seq: u64, byte: u8) -> ChangeRow {
    ChangeRow { hash: ChangeHash([byte; 32]), actor: DeviceId([1; 8]), actor_seq, seq, max_op: 10 * actor_seq }
}

fn grants_are_what_the_fixture_says(fixture: &Fixture) {
    fixture
        .storage
        .read(|log| {
            let [first, second] = fixture.devices.map(|id| log.device(&id).unwrap().unwrap());
            let readable: Vec<SpaceId> = log.readable_spaces(first.no)?.into_iter().map(|space| space.id).collect();
            assert_eq!(readable, [fixture.spaces[0]]);
            let mut grants: Vec<(SpaceId, Access)> =
                log.grants(first.no)?.into_iter().map(|grant| (grant.space, grant.access)).collect();
            grants.sort_by_key(|(_, access)| access.0);
            assert_eq!(grants, [(fixture.spaces[1], Access::WRITE), (fixture.spaces[0], Access::BOTH)]);
            let space = log.space(&fixture.spaces[0])?.unwrap();
            assert_eq!((space.head, space.chain, space.digest_count), (0, [0; 32], 0));
            assert_eq!(log.access(first.no, space.no)?, Access::BOTH);
            assert_eq!(log.access(second.no, space.no)?, Access::NONE);
            assert!(log.grants(second.no)?.is_empty());
            assert_eq!(log.device(&DeviceId([0xee; 8]))?, None);
            assert_eq!(log.space(&SpaceId([0xee; 16]))?, None);
            Ok(())
        })
        .unwrap();
}

fn nothing_is_there_before_the_commit(fixture: &Fixture) {
    let ids = ids(fixture);
    let writer = fixture.storage.writer().unwrap();
    let lines = LineQuery { space: ids.space, after: 0, max_lines: 9, max_bytes: 99, without_bodies_of: None };
    let count = || fixture.storage.read(|log| Ok(log.lines(&lines)?.len())).unwrap();
    writer.begin().unwrap();
    writer.append(&line(&ids, 1, b"one")).unwrap();
    assert_eq!(writer.lines(&lines).unwrap().len(), 1, "the writer sees its own");
    assert_eq!(count(), 0, "others do not");
    writer.rollback();
    writer.rollback();
    assert_eq!(writer.lines(&lines).unwrap().len(), 0);
    writer.begin().unwrap();
    writer.append(&line(&ids, 1, b"one")).unwrap();
    writer.commit().unwrap();
    assert_eq!(count(), 1);
    writer.begin().unwrap();
    assert!(writer.append(&line(&ids, 1, b"other")).is_err(), "a place is given once");
    writer.rollback();
}

fn a_log_reads_back_in_order_and_within_bounds(fixture: &Fixture) {
    let ids = ids(fixture);
    committed(fixture, |writer| {
        for seq in 1..=5 {
            writer.append(&line(&ids, seq, b"12345678")).unwrap();
        }
        let mut space = writer.space(&fixture.spaces[0]).unwrap().unwrap();
        (space.head, space.chain, space.digest_count, space.digest_sum) = (5, [5; 32], 2, [9; 32]);
        writer.put_space_head(&space).unwrap();
        writer.put_device_head(ids.device, 5, [5; 32]).unwrap();
    });
    fixture
        .storage
        .read(|log| {
            let query = |after, max_lines, max_bytes| {
                let without_bodies_of = None;
                let query = LineQuery { space: ids.space, after, max_lines, max_bytes, without_bodies_of };
                log.lines(&query).unwrap().into_iter().map(|line| line.seq).collect::<Vec<_>>()
            };
            assert_eq!(query(0, 9, 999), [1, 2, 3, 4, 5]);
            assert_eq!(query(2, 2, 999), [3, 4]);
            assert_eq!(query(0, 9, 17), [1, 2]);
            assert_eq!(query(3, 9, 1), [4], "at least one");
            assert!(query(5, 9, 999).is_empty());
            let own = LineQuery {
                space: ids.space,
                after: 4,
                max_lines: 1,
                max_bytes: 0,
                without_bodies_of: Some(fixture.devices[0]),
            };
            let row = log.lines(&own)?.remove(0);
            assert_eq!(
                (row.content, row.device, row.device_seq),
                (Content::Envelope(Vec::new()), fixture.devices[0], 5)
            );
            assert_eq!((log.chain_at(ids.space, 3)?, log.chain_at(ids.space, 6)?), (Some([3; 32]), None));
            let space = log.space(&fixture.spaces[0])?.unwrap();
            assert_eq!((space.head, space.digest_count, space.digest_sum), (5, 2, [9; 32]));
            let device = log.device(&fixture.devices[0])?.unwrap();
            assert_eq!((device.last_seq, device.last_hash), (5, [5; 32]));
            Ok(())
        })
        .unwrap();
}

fn documents_and_changes_are_found_by_prefix(fixture: &Fixture) {
    let ids = ids(fixture);
    let mut near = [7; 16];
    near[15] = 8;
    let docs = [DocId([7; 16]), DocId(near), DocId([6; 16])];
    let head = HeadRow { hash: ChangeHash([3; 32]), max_op: 77 };
    committed(fixture, |writer| {
        docs.iter().for_each(|doc| writer.put_heads(ids.space, doc, &[head]).unwrap());
        writer.put_heads(ids.space, &docs[2], &[]).unwrap();
        writer.put_change(ids.space, &docs[0], &change(1, 1, 3)).unwrap();
        writer.put_change(ids.space, &docs[0], &change(2, 4, 4)).unwrap();
    });
    fixture
        .storage
        .read(|log| {
            assert_eq!(log.documents_with_prefix(ids.space, [7; 8])?.len(), 2);
            assert_eq!(log.documents_with_prefix(ids.space, [6; 8])?, [docs[2]]);
            assert!(log.documents_with_prefix(ids.space, [5; 8])?.is_empty());
            assert_eq!(log.heads(ids.space, &docs[0])?, Some(vec![head]));
            assert_eq!(log.heads(ids.space, &docs[2])?, Some(Vec::new()));
            assert_eq!(log.heads(ids.space, &DocId([1; 16]))?, None);
            assert_eq!(log.changes(ids.space, &docs[0])?, [change(1, 1, 3), change(2, 4, 4)]);
            assert!(log.changes(ids.space, &docs[1])?.is_empty());
            Ok(())
        })
        .unwrap();
}

fn an_actors_number_is_used_once(fixture: &Fixture) {
    let ids = ids(fixture);
    let (doc, actor) = (DocId([7; 16]), DeviceId([1; 8]));
    committed(fixture, |writer| {
        writer.put_change(ids.space, &doc, &change(1, 1, 3)).unwrap();
        writer.put_change(ids.space, &doc, &change(2, 2, 4)).unwrap();
    });
    let writer = fixture.storage.writer().unwrap();
    assert_eq!(writer.last_of_actor(ids.space, &doc, &actor).unwrap(), Some(change(2, 2, 4)));
    assert_eq!(writer.last_of_actor(ids.space, &doc, &DeviceId([2; 8])).unwrap(), None);
    assert_eq!(writer.change_of_actor(ids.space, &doc, &actor, 1).unwrap(), Some(change(1, 1, 3)));
    assert_eq!(writer.change_of_actor(ids.space, &doc, &actor, 3).unwrap(), None);
    writer.begin().unwrap();
    assert!(writer.put_change(ids.space, &doc, &change(2, 3, 9)).is_err());
    writer.rollback();
}

fn envelopes_outside_the_log(fixture: &Fixture) {
    let ids = ids(fixture);
    let held = HeldRow { signature: [4; 64], state: EnvelopeState::Waiting, seq: 0 };
    let row = WaitingRow { id: 0, device: ids.device, device_seq: 3, received_ms: 9, body: b"late".to_vec() };
    committed(fixture, |writer| {
        writer.put_held(ids.device, 3, &held).unwrap();
        writer.put_waiting(ids.space, &row).unwrap();
        writer.put_waiting(ids.space, &WaitingRow { device_seq: 4, ..row.clone() }).unwrap();
        let quarantine = NewQuarantine {
            space: ids.space,
            device: ids.device,
            device_seq: 5,
            reason: "revoked_device",
            received_ms: 9,
            body: b"x",
            form: Form::Envelope,
            hash: [5; 32],
            author: None,
        };
        writer.put_quarantine(&quarantine).unwrap();
    });
    let writer = fixture.storage.writer().unwrap();
    let waiting = writer.waiting(ids.space, 9).unwrap();
    assert_eq!(waiting.iter().map(|row| row.device_seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(waiting[0], WaitingRow { id: waiting[0].id, ..row });
    assert_eq!(writer.waiting(ids.space, 1).unwrap().len(), 1);
    assert_eq!(writer.waiting_of(ids.device).unwrap(), 2);
    writer.begin().unwrap();
    writer.remove_waiting(waiting[0].id).unwrap();
    let logged = HeldRow { state: EnvelopeState::Logged, seq: 8, ..held };
    writer.put_held(ids.device, 3, &logged).unwrap();
    writer.commit().unwrap();
    assert_eq!(writer.held(ids.device, 3).unwrap(), Some(logged));
    assert_eq!(writer.held(ids.device, 4).unwrap(), None);
    assert_eq!(writer.waiting_of(ids.device).unwrap(), 1);
    assert!(!writer.is_erased(ids.space, &DocId([1; 16])).unwrap());
}

fn the_last_two_positions_stay(fixture: &Fixture) {
    let ids = ids(fixture);
    committed(fixture, |writer| {
        assert_eq!(writer.last_token(ids.device).unwrap(), 0);
        for token in 1..=3u8 {
            writer.put_position(ids.device, token.into(), &[token]).unwrap();
        }
        writer.put_position(ids.device, 3, &[33]).unwrap();
        writer.put_seen(&SeenRow { device: ids.device, at_ms: 1, skew_ms: -5, schema: 1 }).unwrap();
        writer.put_seen(&SeenRow { device: ids.device, at_ms: 2, skew_ms: 5, schema: 1 }).unwrap();
        let health = Health { app: "0.1.0".to_owned(), waiting: 3, ..Health::default() };
        for at_ms in [1, 2] {
            writer.put_health(&HealthRow { device: ids.device, at_ms, health: health.clone() }).unwrap();
        }
    });
    fixture
        .storage
        .read(|log| {
            assert_eq!(log.position(ids.device, 1)?, None);
            assert_eq!(log.position(ids.device, 2)?, Some(vec![2]));
            assert_eq!(log.position(ids.device, 3)?, Some(vec![33]));
            assert_eq!(log.last_token(ids.device)?, 3);
            Ok(())
        })
        .unwrap();
}

fn a_view_is_of_one_moment(fixture: &Fixture) {
    let ids = ids(fixture);
    let lines = LineQuery { space: ids.space, after: 0, max_lines: 9, max_bytes: 99, without_bodies_of: None };
    fixture
        .storage
        .read(|log| {
            assert!(log.lines(&lines)?.is_empty());
            committed(fixture, |writer| writer.append(&line(&ids, 1, b"one")).unwrap());
            assert!(log.lines(&lines)?.is_empty(), "what came later is not seen");
            Ok(())
        })
        .unwrap();
    assert_eq!(fixture.storage.read(|log| Ok(log.lines(&lines)?.len())).unwrap(), 1);
}

fn writers_exclude_each_other(fixture: &Fixture) {
    let ids = ids(fixture);
    let (first, second) = (fixture.storage.writer().unwrap(), fixture.storage.writer().unwrap());
    first.begin().unwrap();
    first.append(&line(&ids, 1, b"one")).unwrap();
    let space = ids.space;
    std::thread::scope(|scope| {
        // Begins only when the first is through, and then sees what it did.
        let other = scope.spawn(move || {
            second.begin().unwrap();
            let head = second.chain_at(space, 1).unwrap();
            second.rollback();
            head
        });
        first.commit().unwrap();
        assert_eq!(other.join().unwrap(), Some([1; 32]));
    });
}
