//! Folders of devices as released versions left them, which every later version must open: `tests/fixtures/devices/v1` and on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_client::model::genesis::DocKind;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::record::Record;
use gandan_client::{Client, IssueFilter, Page, RecordState, SyncOptions, VisitFilter};
use std::fs;
use std::path::{Path, PathBuf};
use support::{Road, World, open};

/// The version whose folder is made by `UPDATE_GOLDEN=1`; the others were made by the versions that they are named after.
const CURRENT: &str = "v1";

fn devices() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/devices")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A phone in the middle of its life: synced, unsent, sealed and drafted records, an edit beside somebody else's.
async fn make(world: &World) {
    let ((a, _), (b, _)) = (world.client("CB-001").await, world.client("CB-002").await);
    let edit = |field: &str, value: &str| FieldEdit::new(field, value);
    let shared = a.create(DocKind::Visit, None, &[edit("note", "Chung"), edit("planned_on", "2026-09-13")]).unwrap().id;
    let issue = [edit("visit", &shared.to_string()), edit("title", "Cống hỏng"), edit("kind", "petition")];
    a.create(DocKind::Issue, None, &issue).unwrap();
    a.patch(shared, &[FieldEdit::new("counts.residents", 40)]).unwrap();
    sync(&a).await;
    sync(&b).await;
    b.patch(shared, &[FieldEdit::new("counts.residents", 55)]).unwrap();
    sync(&b).await;
    sync(&a).await;
    a.create(DocKind::Visit, None, &[edit("note", "Trong phong bì")]).unwrap();
    a.seal_outbox().unwrap();
    a.create(DocKind::Visit, None, &[edit("note", "Chưa gửi")]).unwrap();
    a.save_draft(DocKind::Visit, None, &[edit("note", "Nháp")]).unwrap();
    assert!(a.close().unwrap());
}

async fn sync(client: &Client) {
    client.sync_once(SyncOptions::default()).await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_version_left_is_all_there() {
    let world = World::new();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        make(&world).await;
        let kept = devices().join(CURRENT);
        let _ = fs::remove_dir_all(&kept);
        copy(&world.folder.path().join("CB-001"), &kept);
    }
    let mut versions: Vec<_> = fs::read_dir(devices()).unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    assert!(!versions.is_empty());
    for kept in versions {
        let folder = world.folder.path().join("copy").join(kept.file_name().unwrap());
        copy(&kept, &folder);
        let client = open(&folder, &Road::to(&world.server), &world.clock, 1);
        assert_eq!(client.device().unwrap().unwrap().official, "CB-001");
        let counts = client.standing().unwrap().counts;
        assert_eq!((counts.visits, counts.issues, counts.drafts, counts.needs_review), (3, 1, 1, 1), "{kept:?}");
        assert_eq!((counts.saved_changes, counts.waiting_changes), (1, 1), "{kept:?}");
        let page = client.visits(&VisitFilter::default(), &Page::first(9)).unwrap();
        let states: Vec<_> = page.items.iter().map(|item| item.state).collect();
        for state in [RecordState::NeedsReview, RecordState::Waiting, RecordState::Saved] {
            assert!(states.contains(&state), "{states:?}");
        }
        let words = |query: &str| VisitFilter { query: Some(query.to_owned()), ..VisitFilter::default() };
        let found = client.visits(&words("trong phong bi"), &Page::first(9)).unwrap();
        assert_eq!(found.items.len(), 1);
        let shared = client.issues(&IssueFilter::default(), &Page::first(1)).unwrap().items[0].row.visit.unwrap();
        let Record::Visit(visit) = client.show(shared, 9).unwrap().record else { panic!("no visit") };
        assert_eq!(visit.counts.residents.values.len(), 2);
        // And it goes on.
        client.patch(shared, &[FieldEdit::new("note", "Chung. Tiếp.")]).unwrap();
        let drafts = client.drafts(&Page::first(9)).unwrap().0;
        client.submit_draft(drafts[0].id).unwrap();
        assert_eq!(client.standing().unwrap().counts.visits, 4);
        assert!(client.close().unwrap());
    }
}
