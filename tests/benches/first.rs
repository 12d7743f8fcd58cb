//! `cargo xtask bench first`: a new device loads everything of its unit, in chunks; then one whose road is cut fifty times.

use crate::Options;
use crate::figures::{Bound, Figures, median};
use crate::rig::{Rig, client};
use crate::yardsticks;
use gandan_client::SyncOptions;
use gandan_client::transport::http::Http;
use gandan_tests::first::load;
use gandan_tests::phone::{Phone, address};
use gandan_tests::processes::{Device, Server};
use gandan_tests::proxy::Proxy;
use gandan_tests::usage::cpu;
use std::time::Instant;

/// Times that the road is cut.
const CUTS: u64 = 50;

/// Reads the arguments behind `first`.
pub(crate) fn parse(args: &[String]) -> Result<((), Options), String> {
    let mut options = Options { visits: None, devices: 1, per_device: 10_000, local: 0, seed: 1, json: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse::<usize>().ok()).ok_or("a number is missing");
        match arg.as_str() {
            "--visits" => options.per_device = number()?.max(100),
            "--seed" => options.seed = number()? as u64,
            "--json" => options.json = true,
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(((), options))
}

/// All of it.
pub(crate) async fn measure((): (), options: &Options) -> Figures {
    let mut figures = Figures::default();
    let rig = Rig::new(options);
    let floor = yardsticks::dictionary_floor(&rig);
    let (server, unit) = (rig.server("server"), rig.units[0].as_str());
    let visits = rig.visits() as f64;
    let office = client(&server, &rig.home("office"), &[unit], server.address(), Http::default()).await;
    let report = office.import(rig.lines[0].join("\n").as_bytes(), |_| {}).expect("recorded");
    assert_eq!(report.bad_lines, 0);
    office.sync_once(SyncOptions::default()).await.expect("an exchange");
    differences(&server, unit, &mut figures).await;
    server.command("compact", &[]).json();

    figures.group("a new device loads everything of its unit, in a process of its own");
    let proxy = Proxy::start(server.address());
    let device = Device::enrolled(&rig.home("fresh"), &server, "fresh", &[unit], proxy.address());
    let (before, server_cpu) = (proxy.traffic(), cpu(server.pid()));
    let report = device.sync();
    let down = proxy.traffic().since(before).down as f64;
    let number = |name: &str| report[name].as_f64().expect("a number");
    let start_up = device.sync()["cpu_ms"].as_f64().expect("a number");
    figures.note("documents", number("documents_loaded"), "");
    let a_visit = number("bytes_down") / visits;
    let beside = format!(
        "{:.2} × the dictionary floor of {floor:.0} bytes; {:.0} on the socket",
        a_visit / floor,
        down / visits
    );
    figures.add("bytes down a visit, list of chunks included", a_visit, "bytes", Bound::AtMost(1.25 * floor), beside);
    let worked = (number("cpu_ms") - start_up) / visits;
    figures.add("device CPU a visit", worked, "ms", Bound::AtMost(3.0), format!("{:.0} ms in all", number("cpu_ms")));
    figures.add("device memory, peak", number("peak_memory_kb") / 1e3, "MB", Bound::AtMost(100.0), "");
    figures.note("wall time", number("wall_ms"), "ms");
    let serving = cpu(server.pid()).saturating_sub(server_cpu).as_secs_f64() * 1e3;
    figures.note("server CPU a visit", serving / visits, "ms");

    figures.group("another one, whose road is cut");
    let loaded = load(&server, rig.folder.path(), unit, CUTS, options.seed).await;
    assert_eq!(loaded.visits, rig.visits());
    figures.note("cuts", loaded.cuts as f64, "");
    let beside = format!("the largest of {} chunks has {} bytes", loaded.chunks, loaded.largest);
    let bound = Bound::AtMost(loaded.allowed() as f64);
    figures.add("bytes down again for each cut", loaded.again() as f64, "bytes", bound, beside);
    let recorded: Vec<String> = rig.lines[0].iter().map(|line| id_of(line)).collect();
    let newest = loaded.newest_first(&recorded) as f64;
    figures.add("of the list half-way are newest", newest, "%", Bound::AtLeast(90.0), "");
    let page = loaded.page.as_secs_f64() * 1e3;
    figures.add("first page of the list meanwhile, the longest", page, "ms", Bound::AtMost(50.0), "");
    figures
}

/// What it costs the server to find out where a device differs: every document is looked at, once for each state of the log.
async fn differences(server: &Server, unit: &str, figures: &mut Figures) {
    let name = "comparing";
    let mut phone = Phone::enrol(server.address(), name, &server.link(name, &[unit], server.address()), 1, address(1));
    phone.sync(server.address()).await;
    figures.group("where does a device differ? All documents of the unit");
    let mut took = Vec::new();
    for _ in 0..33 {
        let start = Instant::now();
        phone.compare(server.address()).await;
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let first = took.remove(0);
    figures.note("the first question", first, "ms");
    figures.add("each further one, median", median(took), "ms", Bound::AtMost(first / 2.0), "");
}

fn id_of(line: &str) -> String {
    let visit: serde_json::Value = serde_json::from_str(line).expect("a line");
    visit["visit_id"].as_str().expect("an id").to_owned()
}
