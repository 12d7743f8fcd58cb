//! What a phone's app needs beside saving and exchanging: taking over from a broken phone, live answers, the day's bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::record::Record;
use gandan_client::model::visit::Visit;
use gandan_client::{Client, Conditions, Page, RecordState, Remedy, Rescued, SyncOptions, SyncPhase, VisitFilter};
use std::io::BufReader;
use std::path::PathBuf;
use support::{Road, World, open};

fn visit(client: &Client, note: &str) -> DocId {
    client.create(DocKind::Visit, None, &[FieldEdit::new("note", note)]).unwrap().id
}

fn shown(client: &Client, id: DocId) -> Visit {
    match client.show(id, 10).unwrap().record {
        Record::Visit(visit) => *visit,
        other => panic!("{other:?}"),
    }
}

async fn sync(client: &Client) {
    client.sync_once(SyncOptions::default()).await.unwrap();
}

/// Another phone of the same official.
async fn second_phone(world: &World, official: &str) -> Client {
    let road = Road::to(&world.server);
    let client = open(&world.folder.path().join("second"), &road, &world.clock, 4711);
    client.enrol(&format!("https://memory/enrol#{official}~2"), false).await.unwrap();
    client
}

fn export(client: &Client, world: &World) -> PathBuf {
    let path = world.folder.path().join("unsent.jsonl");
    client.export_unsent(&path).unwrap();
    path
}

fn import(client: &Client, path: &PathBuf) -> Rescued {
    client.import_unsent(BufReader::new(std::fs::File::open(path).unwrap())).unwrap()
}

#[tokio::test]
async fn another_phone_takes_over_what_a_broken_one_could_not_send() {
    let world = World::new();
    let ((old, _), (other, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let shared = visit(&old, "Một.");
    sync(&old).await;
    sync(&other).await;
    // Unsent: a new visit, an edit of one that others know, a draft. One of the changes is in an envelope already.
    old.patch(shared, &[FieldEdit::new("note", "Một. Hai từ máy hỏng.")]).unwrap();
    old.seal_outbox().unwrap();
    let fresh = visit(&old, "Mới.");
    old.patch(fresh, &[FieldEdit::new("counts.residents", 12)]).unwrap();
    let draft = old.save_draft(DocKind::Visit, None, &[FieldEdit::new("note", "Nháp")]).unwrap();
    let file = export(&old, &world);
    // Meanwhile somebody else writes into the shared one.
    other.patch(shared, &[FieldEdit::new("note", "Một. Ba từ máy khác.")]).unwrap();
    sync(&other).await;

    let new = second_phone(&world, "CB-001").await;
    let early = import(&new, &file);
    assert_eq!((early.records, early.incomplete, early.drafts), (1, 1, 1), "{early:?}");
    sync(&new).await;
    let rescued = import(&new, &file);
    assert_eq!((rescued.records, rescued.incomplete, rescued.known), (1, 0, 2), "{rescued:?}");
    assert_eq!(rescued.bad, []);
    assert_eq!((import(&new, &file).records, new.standing().unwrap().counts.drafts), (0, 1), "again is nothing");

    sync(&new).await;
    sync(&other).await;
    for client in [&new, &other] {
        let note = shown(client, shared).note.unwrap();
        assert!(note.contains("Hai từ máy hỏng") && note.contains("Ba từ máy khác"), "{note}");
        assert_eq!(shown(client, fresh).counts.residents.effective, Some(12));
        assert_eq!(client.show(fresh, 1).unwrap().state, RecordState::Synced);
        assert_eq!(client.show(fresh, 9).unwrap().history.last().unwrap().author, "CB-001");
    }
    new.submit_draft(draft).unwrap();

    // The broken phone comes to life after all: nothing is lost, and all say the same.
    sync(&old).await;
    for client in [&new, &other, &old] {
        sync(client).await;
    }
    assert_eq!(shown(&new, shared), shown(&other, shared));
    assert_eq!(shown(&old, fresh), shown(&other, fresh));
}

#[tokio::test]
async fn a_file_that_is_not_right_changes_nothing() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    visit(&a, "Một.");
    let text = std::fs::read_to_string(export(&a, &world)).unwrap();
    let code = |text: &str| b.import_unsent(text.as_bytes()).unwrap_err().code().to_owned();
    assert_eq!(code(&text), "not_yours");
    assert_eq!(code(""), "bad_export");
    assert_eq!(code("{\"export\":\"gandan-unsent/9\"}"), "bad_export");

    // The head of b's own file, and lines that somebody has played with.
    let head = text.lines().next().unwrap().replace("CB-001", "CB-002");
    let change = text.lines().nth(1).unwrap();
    let flipped = change.replacen("\"raw\":\"856f4a83", "\"raw\":\"856f4a84", 1);
    let elsewhere = change.replacen("\"space\":\"", "\"space\":\"00", 1);
    let bad = format!("{head}\n{flipped}\n{elsewhere}\nnonsense\n{{\"draft\":7}}\n");
    let rescued = b.import_unsent(bad.as_bytes()).unwrap();
    assert_eq!((rescued.records, rescued.drafts, rescued.bad_lines), (0, 0, 4), "{rescued:?}");
    assert_eq!(rescued.bad[0].code, "bad_change");
    assert_eq!(b.standing().unwrap().counts.visits, 0);
}

#[tokio::test]
async fn a_list_that_is_looked_at_stays_true() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let mut live = b.live(|client| client.visits(&VisitFilter::default(), &Page::first(10)));
    assert!(live.next().await.unwrap().unwrap().items.is_empty());
    let id = visit(&a, "Một.");
    sync(&a).await;
    sync(&b).await;
    assert_eq!(live.next().await.unwrap().unwrap().items[0].row.id, id);
    b.patch(id, &[FieldEdit::new("place.name", "Thôn 1")]).unwrap();
    let page = live.next().await.unwrap().unwrap();
    assert_eq!((page.items[0].row.place_name.as_deref(), page.items[0].state), (Some("Thôn 1"), RecordState::Saved));
    sync(&b).await;
    assert_eq!(live.next().await.unwrap().unwrap().items[0].state, RecordState::Synced);
}

#[tokio::test]
async fn the_days_bytes_hold_up_the_background_and_nobody_who_asks() {
    let world = World::new();
    let (a, _) = world.client("CB-001").await;
    a.set_daily_budget(Some(100)).unwrap();
    visit(&a, "Một.");
    sync(&a).await;
    assert_eq!(a.budget().unwrap().used, 0, "nothing is counted where bytes are free");
    a.set_conditions(Conditions { metered: true, ..Conditions::default() });
    visit(&a, "Hai.");
    let within = || SyncOptions { within_budget: true, ..SyncOptions::default() };
    a.sync_once(within()).await.unwrap();
    let used = a.budget().unwrap().used;
    assert!(used > 100, "{used}");
    visit(&a, "Ba.");
    let failure = a.sync_once(within()).await.unwrap_err();
    assert_eq!((failure.error.code(), failure.error.remedy()), ("budget_used", Remedy::RetryLater));
    assert_eq!(failure.report.waiting, 1);
    sync(&a).await;
    assert!(a.budget().unwrap().used > used, "what is asked for by hand is counted");
    world.clock.advance(24 * 3_600_000);
    assert_eq!((a.budget().unwrap().used, a.budget().unwrap().limit), (0, Some(100)));
    a.sync_once(within()).await.unwrap();
}

#[tokio::test]
async fn without_a_network_nothing_is_tried_until_there_is_one() {
    let world = World::new();
    let (a, road) = world.client("CB-001").await;
    // Whoever tries would be told by a proxy.
    road.expect(&[support::Fate::Proxy(502)]);
    a.set_conditions(Conditions { online: false, ..Conditions::default() });
    let id = visit(&a, "Một.");
    let background = a.sync_in_background(true);
    let mut phase = background.phase();
    phase.wait_for(|phase| matches!(phase, SyncPhase::Offline)).await.unwrap();
    road.expect(&[]);
    a.set_conditions(Conditions::default());
    phase.wait_for(|phase| matches!(phase, SyncPhase::Idle(_))).await.unwrap();
    assert_eq!(a.show(id, 1).unwrap().state, RecordState::Synced);
    background.stop().await;
    assert!(a.close().unwrap(), "nobody else holds it any more");
}

#[tokio::test]
async fn closing_waits_for_whoever_is_still_inside() {
    let world = World::new();
    let (a, road) = world.client("CB-001").await;
    let clone = a.clone();
    let folder = world.folder.path().join("CB-001");
    let (closed, ()) = tokio::join!(a.close_when_idle(), async {
        tokio::task::yield_now().await;
        drop(clone);
    });
    closed.unwrap();
    assert!(open(&folder, &road, &world.clock, 5).device().unwrap().is_some());
}

#[tokio::test]
async fn a_card_counts_once_wherever_it_was_entered() {
    let world = World::new();
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let id = visit(&a, "Một.");
    sync(&a).await;
    sync(&b).await;
    a.add_card(id, "satisfied").unwrap();
    b.add_card(id, "satisfied").unwrap();
    b.add_card(id, "no_answer").unwrap();
    for client in [&a, &b, &a] {
        sync(client).await;
    }
    let cards = shown(&a, id).satisfaction.unwrap();
    assert_eq!((cards.satisfied, cards.no_answer, cards.answered()), (2, 1, 2));
    assert_eq!(shown(&b, id).satisfaction, Some(cards));
    assert_eq!(a.add_card(id, "Rất tốt").unwrap_err().code(), "bad_code");
}
