//! The simulator, a short run: fixed seeds, and the same seed twice. Seeds that nobody has seen before are for
//! `cargo xtask sim`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod found;
mod migration;

use gandan_client::model::patch::FieldEdit;
use gandan_model::genesis::DocKind;
use gandan_server::db::sqlite::people::{self, Official};
use gandan_server::folder::OfficialLine;
use gandan_store::{DatabaseKey, Store};
use gandan_tests::sim::dice::Dice;
use gandan_tests::sim::disk::{Disk, Faults, Image};
use gandan_tests::sim::machines::{Past, Phone, Station};
use gandan_tests::sim::run::{play, play_seed, shrink};
use gandan_tests::sim::step::{Size, Step};
use gandan_tests::sim::template::{
    START_MS, Template, UNITS, lay_server_folder, name, official, phone_folder, phone_key, server_folder,
};
use gandan_tests::sim::{disk, work_folder};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

const SIZE: Size = Size { phones: 5, steps: 200 };
/// Seeds that always run.
const FIXED: u64 = 100;

fn holds(template: &Template, base: &Path, seed: u64) {
    let outcome = play_seed(template, base, SIZE, seed);
    let Some(violation) = outcome.violation else { return };
    let steps = shrink(template, base, SIZE, seed, violation.invariant);
    let small = play(template, base, SIZE, seed, &steps);
    let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
    panic!(
        "seed {seed}: {violation}\nagain: cargo xtask sim --from {seed} --seeds 1\n{}\n{}\n{:?}",
        steps.join("\n"),
        small.trace.join("\n"),
        small.violation
    );
}

#[test]
fn fixed_seeds_hold() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), SIZE.phones);
    (0..FIXED).for_each(|seed| holds(&template, base.path(), seed));
}

/// Scenarios that found something once, made small. Each is played with the seed of its healing.
#[test]
fn what_was_found_stays_mended() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), SIZE.phones);
    for (what, seed, steps) in found::all() {
        let steps: Vec<Step> = steps.iter().map(|&(act, seed)| Step { act, seed }).collect();
        let outcome = play(&template, base.path(), SIZE, *seed, &steps);
        assert_eq!(outcome.violation, None, "{what}\n{}", outcome.trace.join("\n"));
    }
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    disk::install();
    // Another folder and another template: nothing of them may show.
    let traces: Vec<Vec<Vec<String>>> = (0..2)
        .map(|_| {
            let base = work_folder();
            let template = Template::make(&base.path().join("template"), SIZE.phones);
            (900..906).map(|seed| play_seed(&template, base.path(), SIZE, seed).trace).collect()
        })
        .collect();
    assert!(traces[0].iter().all(|trace| trace.len() > SIZE.steps));
    assert_eq!(traces[0], traces[1]);
}

/// A commit that is written whole and refused by the disk only when it is to be synced is there after a kill; what is there
/// once must not go any more.
#[test]
fn what_the_server_shows_after_a_kill_no_power_failure_takes() {
    disk::install();
    let base = work_folder();
    let folder = server_folder(base.path());
    lay_server_folder(&folder, "");
    let is_there = |station: &Station| {
        let core = station.core.as_ref().unwrap();
        let sql = "SELECT count(*) FROM official WHERE id = 'CB-9'";
        core.db.read(|connection| Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)).unwrap() == 1
    };
    let mut shown = 0;
    for (refused, seed) in (0..12).flat_map(|refused| (0..8).map(move |seed| (refused, seed))) {
        let disk = Disk::mount(name(&folder), &Image::default());
        let mut station = Station::new(folder.clone(), Arc::clone(&disk), START_MS);
        station.start().unwrap();
        disk.set_faults(Faults { error_in: Some(refused), ..Faults::default() });
        let OfficialLine { name, role, .. } = official(9, &UNITS);
        let nine = Official { id: "CB-9".to_owned(), name, role };
        let db = &station.core.as_ref().unwrap().db;
        let written = db.write(|transaction| people::put_official(transaction, &nine, &[], START_MS));
        station.crash(None);
        station.start().unwrap();
        if written.is_err() && is_there(&station) {
            shown += 1;
            station.crash(Some(&mut Dice::new(seed)));
            station.start().unwrap();
            assert!(is_there(&station), "write {refused} refused, seed {seed}");
        }
    }
    assert!(shown > 0, "no write was refused after the commit was whole");
}

/// The pages in a phone's log, each with the header before it.
fn pages(image: &Image) -> impl Iterator<Item = &[u8]> {
    image.bytes("gandan.db-wal").get(32..).unwrap_or_default().chunks(24 + 4096)
}

/// On a full disk a phone is emptied, but pages as they were before stay in its log until there is room to move what follows
/// them: at the next opening.
#[test]
fn what_was_wiped_leaves_the_log_once_there_is_room() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), SIZE.phones);
    let folder = phone_folder(base.path(), 0);
    std::fs::create_dir_all(&folder).unwrap();
    let disk = Disk::mount(name(&folder), &template.phones[0].disk);
    let mut phone = Phone::new(Past::of(template.phones[0].id), 0, folder.clone(), phone_key(0), Arc::clone(&disk));
    phone.prepare(START_MS, 1);
    let mut stayed = 0;
    for saved in (60..400).step_by(20) {
        disk.put_back(&template.phones[0].disk);
        phone.start().unwrap();
        let client = phone.client.clone().unwrap();
        for number in 0..saved {
            let edits = [FieldEdit::new("place.name", format!("Thôn {number}")), FieldEdit::new("unit", "23059")];
            client.create(DocKind::Visit, None, &edits).unwrap();
        }
        disk.set_faults(Faults { full: true, ..Faults::default() });
        drop(client);
        phone.crash(None);
        let mut store = Store::open(&folder, &DatabaseKey::new(phone_key(0)), START_MS).unwrap();
        let wiped = store.wipe();
        let log = disk.image();
        let before: HashSet<&[u8]> = pages(&log).collect();
        stayed += usize::from(wiped.is_ok() && !before.is_empty());
        disk.set_faults(Faults { dead: true, ..Faults::default() });
        drop(store);
        disk.crash(None);
        phone.start().unwrap();
        assert!(!pages(&disk.image()).any(|page| before.contains(page)), "after {saved} records");
        phone.crash(None);
    }
    assert!(stayed > 0, "there was room for everything");
}
