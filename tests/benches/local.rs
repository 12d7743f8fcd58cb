//! A large device: opening, looking, searching, saving; and an idle exchange with many documents.

use crate::Options;
use crate::figures::{Bound, Figures, median};
use crate::rig::client;
use crate::yardsticks;
use gandan_client::model::patch::FieldEdit;
use gandan_client::transport::http::Http;
use gandan_client::{Client, Environment, Page, SyncOptions, VisitFilter};
use gandan_tests::generator::{Generator, units};
use gandan_tests::processes::{Device, Said, Server};
use gandan_tests::usage::{cpu, peak_memory};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Makes the device, lets it push everything, and looks at it from a process of its own.
pub(crate) async fn measure(options: &Options, figures: &mut Figures) {
    figures.group("a large device");
    let folder = tempfile::Builder::new().prefix("gandan-bench").tempdir().expect("a folder");
    let server = Server::started(&folder.path().join("server"));
    let all = units();
    let mut generator = Generator::new(options.seed + 7);
    let lines: Vec<String> = (0..options.local).map(|_| generator.line(&all[..3])).collect();
    let home = folder.path().join("large");
    let three: Vec<&str> = all[..3].iter().map(|(code, _)| code.as_str()).collect();
    let large = client(&server, &home, &three, server.address(), Http::default()).await;
    let (start, before) = (Instant::now(), cpu(std::process::id()));
    let report = large.import(lines.join("\n").as_bytes(), |_| {}).expect("recorded");
    let took = start.elapsed().as_secs_f64() * 1e3 / options.local as f64;
    let worked = cpu(std::process::id()).saturating_sub(before).as_secs_f64() * 1e3 / options.local as f64;
    assert_eq!(report.bad_lines, 0);
    figures.note("recording a visit with its issues from a line", took, "ms");
    figures.note("recording a visit with its issues, CPU", worked, "ms");
    let report = large.sync_once(SyncOptions::default()).await.expect("an exchange");
    figures.note("documents", report.pushed as f64, "");
    let idle = large.sync_once(SyncOptions::default()).await.expect("an exchange");
    for (name, value, bound) in [
        ("nothing changed, 3 units, round trips", f64::from(idle.round_trips), 1.0),
        ("nothing changed, 3 units, up", idle.bytes_up as f64, 150.0),
        ("nothing changed, 3 units, down", idle.bytes_down as f64, 150.0),
    ] {
        figures.add(name, value, "bytes", Bound::AtMost(bound), "bodies");
    }
    assert!(large.close().expect("closed"));
    look(&home, folder.path(), figures);

    let codes: Vec<&str> = all.iter().map(|(code, _)| code.as_str()).collect();
    let everything = Device::enrolled(&folder.path().join("all"), &server, "all", &codes, server.address());
    let pulled = everything.sync();
    let number = |report: &Value, name: &str| report[name].as_f64().expect("a number");
    figures.note("pull of all of it by a fresh device, wall", number(&pulled, "wall_ms"), "ms");
    figures.note("pull of all of it, CPU a visit", number(&pulled, "cpu_ms") / options.local as f64, "ms");
    figures.add(
        "pull of all of it, memory, peak",
        number(&pulled, "peak_memory_kb") / 1e3,
        "MB",
        Bound::AtMost(80.0),
        "",
    );
    let idle = everything.sync();
    for (name, bound) in [("round_trips", 1.0), ("bytes_up", 150.0), ("bytes_down", 150.0)] {
        let shown = format!("nothing changed, {} units, {name}", codes.len());
        figures.add(shown, number(&idle, name), "", Bound::AtMost(bound), "bodies");
    }
}

fn look(home: &Path, folder: &Path, figures: &mut Figures) {
    let this = std::env::current_exe().expect("this program");
    // Twice: the first one finds a cold cache of pages.
    let probe = || Said::run(Command::new(&this).arg("--probe").arg(home), b"").json();
    probe();
    let seen = probe();
    let number = |name: &str| seen[name].as_f64().expect("a number");
    // A save writes its change, the list's row, the words for search and the outbox's mark: as many bytes for the other.
    let written = number("save_bytes");
    let commits = yardsticks::sqlite(folder, (written * 200.0) as usize, 200);
    let commit = median(commits.iter().map(|took| took.as_secs_f64() * 1e3).collect());
    figures.add("open", number("open_ms"), "ms", Bound::AtMost(100.0), "");
    figures.add("first page of a list", number("list_ms"), "ms", Bound::AtMost(10.0), "");
    figures.add("search", number("search_ms"), "ms", Bound::AtMost(30.0), "");
    let beside = format!(
        "{:.1} × a bare SQLite FULL commit of the same {written:.0} bytes ({commit:.2} ms)",
        number("save_ms") / commit
    );
    figures.add("save", number("save_ms"), "ms", Bound::AtMost(3.0 * commit), beside);
    figures.add("memory, peak", number("peak_memory") / 1e6, "MB", Bound::AtMost(80.0), "");
}

/// What a process sees that opens the device in `home` and looks around; as JSON.
pub(crate) fn probe(home: &Path) -> Value {
    let millis = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let client = Client::open(home, [7; 32], Environment::native()).expect("a device");
    let open_ms = millis(start);
    let start = Instant::now();
    let page = client.visits(&VisitFilter::default(), &Page::first(50)).expect("a page");
    let list_ms = millis(start);
    let searches = ["thoat nuoc", "rác thải", "nguyen van", "duong", "khong co gi"].map(|query| {
        let filter = VisitFilter { query: Some(query.to_owned()), ..VisitFilter::default() };
        let start = Instant::now();
        client.visits(&filter, &Page::first(50)).expect("a page");
        millis(start)
    });
    let log = home.join("gandan.db-wal");
    let log_bytes = || std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
    let before = log_bytes();
    let saves = page.items.iter().take(40).enumerate().map(|(number, item)| {
        let edits = [FieldEdit::new("counts.residents", number + 1_000)];
        let start = Instant::now();
        client.patch(item.row.id, &edits).expect("saved");
        millis(start)
    });
    let saves: Vec<f64> = saves.collect();
    let save_bytes = (log_bytes() - before) / saves.len().max(1) as u64;
    let save_ms = median(saves);
    let worst = searches.iter().copied().fold(0.0, f64::max);
    json!({"open_ms": open_ms, "list_ms": list_ms, "search_ms": worst, "save_ms": save_ms, "save_bytes": save_bytes,
        "peak_memory": peak_memory(std::process::id())})
}
