//! A device's app dies while it brings its database up to date: at every write of it, killed or without power.

use gandan_client::model::patch::FieldEdit;
use gandan_client::{Client, ClientError};
use gandan_model::genesis::DocKind;
use gandan_store::{Page, Store, VisitFilter};
use gandan_tests::sim::dice::Dice;
use gandan_tests::sim::disk::{self, Disk, Faults, Image};
use gandan_tests::sim::machines::{Past, Phone};
use gandan_tests::sim::template::{START_MS, Template, name, phone_folder, phone_key};
use gandan_tests::sim::work_folder;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Takes out what the steps since the first form put in.
const FIRST_FORM: &str = "
    DROP TABLE salvage_note; ALTER TABLE draft DROP COLUMN title;
    DROP TABLE line; DROP TABLE offer;
    DROP TABLE attachment; DROP TABLE attachment_piece; DROP TABLE attachment_use;
    PRAGMA user_version = 1;";
const DATABASE: &str = "gandan.db";

/// What must be there before and after: the lists, the drafts and every change.
fn content(client: &Client) -> Vec<String> {
    let page = Page::first(50);
    let visits = client.visits(&VisitFilter::default(), &page).expect("visits");
    let mut all: Vec<String> = visits.items.iter().map(|row| format!("{row:?}")).collect();
    let drafts = client.drafts(&page).expect("drafts").0;
    all.extend(drafts.iter().map(|draft| format!("{:?} {}", draft.id, draft.edits)));
    let unsealed = client.inspect(|store| store.unsealed(50)).expect("changes");
    all.extend(unsealed.iter().map(|change| format!("{} {}", change.doc, change.hash)));
    all
}

/// A device with an older database, and what it holds.
fn older(template: &Template, folder: &Path) -> (Image, Vec<String>) {
    std::fs::create_dir_all(folder).unwrap();
    let disk = Disk::mount(name(folder), &template.phones[0].disk);
    let mut phone = device(template, folder, Arc::clone(&disk));
    phone.start().unwrap();
    let client = phone.client.take().unwrap();
    for number in 0..3 {
        let edits = [FieldEdit::new("place.name", format!("Thôn {number}")), FieldEdit::new("unit", "23059")];
        client.create(DocKind::Visit, None, &edits).unwrap();
    }
    client.save_draft(DocKind::Visit, None, &[FieldEdit::new("note", "Chưa xong")]).unwrap();
    let held = content(&client);
    client.close().unwrap();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let key = format!("x'{}{}'", hex(&phone_key(0)), hex(&disk.image().bytes(DATABASE)[..16]));
    let connection = Connection::open(folder.join(DATABASE)).unwrap();
    connection.pragma_update(None, "key", key).unwrap();
    connection.execute_batch(FIRST_FORM).unwrap();
    connection.close().unwrap();
    (disk.image(), held)
}

fn device(template: &Template, folder: &Path, disk: Arc<Disk>) -> Phone {
    let phone = Phone::new(Past::of(template.phones[0].id), 0, folder.to_owned(), phone_key(0), disk);
    phone.prepare(START_MS, 1);
    phone
}

/// Opens the older database on a disk that dies at the write `at`; what came of that, and the writes that it took.
fn dies(template: &Template, folder: &Path, image: &Image, at: u64, dice: Option<&mut Dice>) -> (Phone, bool) {
    let disk = Disk::mount(name(folder), image);
    disk.set_faults(Faults { dies_in: Some(at), ..Faults::default() });
    let mut phone = device(template, folder, Arc::clone(&disk));
    let opened: Result<(), ClientError> = phone.start();
    let died = disk.faults().dead;
    assert!(died || opened.is_ok(), "write {at}: {opened:?}");
    phone.crash(dice);
    (phone, died)
}

#[test]
fn an_older_database_survives_a_death_at_any_write_of_its_migration() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), 1);
    let folder = phone_folder(base.path(), 0);
    let (image, held) = older(&template, &folder);
    assert_eq!(held.len(), 7, "three visits, their changes and a draft: {held:?}");
    let mut deaths = 0;
    for power in [false, true] {
        for at in 0.. {
            let mut dice = Dice::new(at);
            let (mut phone, died) = dies(&template, &folder, &image, at, power.then_some(&mut dice));
            phone.start().unwrap_or_else(|error| panic!("after a death at write {at}, power: {power}: {error}"));
            let client = phone.client.take().expect("an open database");
            assert_eq!(content(&client), held, "after a death at write {at}, power: {power}");
            client.inspect(Store::check).expect("a sound database");
            client.close().unwrap();
            if !died {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths > 20, "{deaths} deaths: a migration writes more than that");
}
