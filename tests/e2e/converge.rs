//! Any order of edits and exchanges ends in one state, the same on every phone.

use crate::stage::{Stage, lines, list, number};
use gandan_tests::processes::Device;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// What a device shows of everything, without what is its own matter.
fn picture(device: &Device) -> Vec<Value> {
    let mut records = Vec::new();
    for kind in ["visits", "issues"] {
        for item in list(&device.run(&[kind, "--limit", "500"]).json()) {
            let mut shown = device.show(item["id"].as_str().unwrap());
            shown["state"] = Value::Null;
            records.push(shown);
        }
    }
    records.sort_by_key(|record| record["id"].to_string());
    records
}

fn edit(rng: &mut ChaCha8Rng, step: usize) -> String {
    let number = rng.random_range(0..100);
    match rng.random_range(0..8) {
        0 => format!("note=Ghi chép {step}: {number}"),
        1 => format!("counts.residents={number}"),
        2 => format!("place.name=Thôn {number}"),
        3 => format!("hot_spot={}", ["none", "watch", "active"].choose(rng).unwrap()),
        4 => format!("activities.add={}", ["listen", "mediation", "gift_support"].choose(rng).unwrap()),
        5 => "activities.remove=listen".to_owned(),
        6 => format!("satisfaction.cards.c{step}={}", ["satisfied", "neutral", "no_answer"].choose(rng).unwrap()),
        _ => format!("team.CB-00{}={}", rng.random_range(1..5), ["lead", "recorder", "member"].choose(rng).unwrap()),
    }
}

fn run(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let stage = Stage::new();
    let devices: Vec<Device> = (1..=4).map(|n| stage.device(&format!("CB-00{n}"))).collect();
    devices[0].record(&lines(seed, 3)).json();
    devices[0].sync();
    let visits: Vec<String> = list(&devices[0].run(&["visits"]).json())
        .iter()
        .map(|visit| visit["id"].as_str().unwrap().to_owned())
        .collect();
    for device in &devices {
        device.sync();
    }
    for step in 0..60 {
        let device = devices.choose(&mut rng).unwrap();
        if rng.random_range(0..4) == 0 {
            device.sync();
        } else {
            device.run(&["edit", visits.choose(&mut rng).unwrap(), &edit(&mut rng, step)]).json();
        }
    }
    let mut order: Vec<&Device> = devices.iter().chain(&devices).collect();
    order.shuffle(&mut rng);
    for device in order {
        device.sync();
    }
    for device in &devices {
        device.sync();
    }
    let wanted = picture(&devices[0]);
    assert_eq!(wanted.iter().filter(|record| record["record"] == "visit").count(), 3);
    for device in &devices[1..] {
        assert_eq!(picture(device), wanted, "seed {seed}");
    }
    // Digests agree as well: nobody has anything to add.
    for device in &devices {
        let report = device.sync();
        assert_eq!(number(&report, "round_trips"), 1, "seed {seed}: {report}");
        assert_eq!(number(&report, "quarantined"), 0, "seed {seed}");
    }
}

#[test]
fn any_order_ends_in_one_state() {
    for seed in [1, 2] {
        println!("seed {seed}");
        run(seed);
    }
}
