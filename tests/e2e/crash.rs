//! Power cuts, on either side: what was acknowledged or reported as saved is still there.

use crate::stage::{Stage, id_of, lines, list, number};
use gandan_tests::kill::{Plan, run};
use gandan_tests::processes::{Device, eventually};
use gandan_tests::usage::folder_size;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Ids of the visits that a device has.
fn visits(device: &Device) -> BTreeSet<String> {
    let page = device.run(&["visits", "--limit", "500"]).json();
    assert!(page["next"].is_null());
    list(&page).iter().map(|visit| visit["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_killed_server_acknowledged_is_there_when_it_comes_back() {
    let mut stage = Stage::new();
    let devices: Vec<Device> = (0..3).map(|n| stage.device(&format!("d{n}"))).collect();
    let witness = stage.device("witness");
    let acknowledged = Mutex::new(BTreeSet::new());
    let (rounds, reached) = (6, AtomicUsize::new(0));
    let all: BTreeSet<String> = thread::scope(|scope| {
        let workers: Vec<_> = devices
            .iter()
            .enumerate()
            .map(|(n, device)| {
                let (acknowledged, reached) = (&acknowledged, &reached);
                scope.spawn(move || {
                    let mut mine = BTreeSet::new();
                    for round in 0..rounds {
                        let records = lines((n * 100 + round) as u64, 8);
                        device.record(&records).json();
                        mine.extend(records.iter().map(|line| id_of(line)));
                        let said = device.run(&["sync"]);
                        if said.code == 0 {
                            assert_eq!(number(&said.json(), "waiting"), 0);
                            acknowledged.lock().unwrap().extend(mine.iter().cloned());
                        }
                        reached.fetch_add(1, Ordering::SeqCst);
                    }
                    mine
                })
            })
            .collect();
        // In the middle of it all, at no particular moment.
        eventually("half the work", || (reached.load(Ordering::SeqCst) >= 7).then_some(()));
        stage.server.kill();
        let before = acknowledged.lock().unwrap().clone();
        assert!(!before.is_empty());
        stage.server.start();
        witness.sync();
        let there = visits(&witness);
        assert!(before.is_subset(&there), "lost: {:?}", before.difference(&there).collect::<Vec<_>>());
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(all.len(), 3 * rounds * 8);
    for device in &devices {
        device.sync();
    }
    witness.sync();
    assert_eq!(visits(&witness), all);
    stage.await_visits(all.len());
    for device in &devices {
        device.sync();
        assert_eq!(number(&device.sync(), "round_trips"), 1);
        assert_eq!(visits(device), all);
    }
}

#[test]
fn a_phone_killed_in_the_middle_of_recording_goes_on_where_it_was() {
    let stage = Stage::new();
    let device = stage.device("a");
    let records = lines(900, 150);
    let before = folder_size(device.home());
    let mut recording = device.command(&["record", "--jsonl", "-"]);
    let mut recording = recording.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = recording.stdin.take().unwrap();
    // The input stays open: it is killed while it waits for more.
    input.write_all((records.join("\n") + "\n").as_bytes()).unwrap();
    eventually("something is saved", || (folder_size(device.home()) > before + 100_000).then_some(()));
    recording.kill().unwrap();
    recording.wait().unwrap();

    let kept = visits(&device);
    let wanted: BTreeSet<String> = records.iter().map(|line| id_of(line)).collect();
    assert!(!kept.is_empty() && kept.is_subset(&wanted));
    let report = device.record(&records).json();
    assert_eq!(number(&report, "saved"), 150);
    assert!(number(&report, "unchanged") >= kept.len() as u64 / 2, "{report}");
    assert_eq!(visits(&device), wanted);
    assert_eq!(number(&device.sync(), "waiting"), 0);
    stage.await_visits(150);
}

#[test]
fn a_phone_killed_in_the_middle_of_an_exchange_goes_on_where_it_was() {
    let stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    a.record(&lines(910, 250)).json();
    for _ in 0..4 {
        let mut exchange = a.command(&["sync"]);
        let mut exchange = exchange.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let before = folder_size(stage.server.data());
        eventually("something arrives, or it is over", || {
            (folder_size(stage.server.data()) != before || exchange.try_wait().unwrap().is_some()).then_some(())
        });
        let _ = exchange.kill();
        exchange.wait().unwrap();
    }
    let report = a.sync();
    assert_eq!((number(&report, "waiting"), report["refused"].as_array().unwrap().len()), (0, 0));
    b.sync();
    assert_eq!(visits(&b).len(), 250);
    assert_eq!(number(&a.sync(), "round_trips"), 1);
}

#[test]
fn nothing_promised_is_lost_however_often_server_and_devices_are_killed() {
    let folder = gandan_tests::processes::folder();
    // One more than it takes for a round of killed restores.
    let plan = Plan { kills: 42, seed: 1, visits: 124, devices: 2 };
    let killed = run(folder.path(), plan, |_| {});
    assert_eq!((killed.lost, killed.doubled), (0, 0), "{plan:?}: {killed:?}");
    assert!(killed.acknowledged > 20 && killed.cut_off > 0, "{plan:?}: nothing was under way: {killed:?}");
    assert!(killed.saved > 0 && killed.devices > 0, "{plan:?}: devices did nothing: {killed:?}");
    assert!(killed.migrations > 0 && killed.restores > 0, "{plan:?}: {killed:?}");
}
