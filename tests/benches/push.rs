//! Pushing by all devices at once, pulling by a fresh one, and what the server makes of it.

use crate::figures::{Bound, Figures, median};
use crate::rig::{Gate, Gated, Rig, client};
use crate::yardsticks;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::transport::http::Http;
use gandan_client::{Client, SyncOptions};
use gandan_tests::api;
use gandan_tests::processes::{Device, Server};
use gandan_tests::usage::{cpu, cpu_of_threads, folder_size, peak_memory, reset_peak_memory};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// All of it.
pub(crate) async fn measure(rig: &Rig, figures: &mut Figures) {
    let server = rig.server("server");
    let clients = push(rig, &server, figures).await;
    pull(rig, &server, figures);
    one_change(&server, rig, &clients, figures).await;
}

/// Devices that recorded offline and sealed what they will send.
struct Recorded {
    clients: Vec<Client>,
    envelopes: usize,
    body_bytes: usize,
    changes: u64,
}

async fn record(rig: &Rig, server: &Server, gate: &Arc<Gate>) -> Recorded {
    let http = Arc::new(Http::default());
    let mut clients = Vec::new();
    let (mut envelopes, mut body_bytes, mut changes) = (0, 0, 0);
    for (number, lines) in rig.lines.iter().enumerate() {
        let transport = Gated { http: http.clone(), gate: gate.clone(), gone: AtomicBool::new(false) };
        let home = rig.home(&format!("d{number}"));
        let device = client(server, &home, &[&rig.units[number]], server.address(), transport).await;
        let report = device.import(lines.join("\n").as_bytes(), |_| {}).expect("recorded");
        assert_eq!(report.bad_lines, 0, "{:?}", report.bad);
        let sealed = device.seal_outbox().expect("sealed");
        envelopes += sealed.envelopes as usize;
        body_bytes += sealed.body_bytes as usize;
        changes += sealed.changes;
        clients.push(device);
    }
    Recorded { clients, envelopes, body_bytes, changes }
}

async fn push(rig: &Rig, server: &Server, figures: &mut Figures) -> Vec<Client> {
    figures.group("push, all devices at once");
    let gate = Gate::new(rig.lines.len());
    let Recorded { clients, envelopes, body_bytes, changes } = record(rig, server, &gate).await;
    let visits = rig.visits() as f64;
    let before_size = folder_size(server.data());
    reset_peak_memory(server.pid());
    let (before, before_views) = (cpu(server.pid()), views(server));
    let tasks: Vec<_> = clients
        .iter()
        .cloned()
        .map(|device| tokio::spawn(async move { device.sync_once(SyncOptions::default()).await }))
        .collect();
    // The moment of the last acknowledgement, not of the last device's own bookkeeping.
    let answered = || gate.answers.lock().unwrap().len();
    while answered() < clients.len() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let (after, after_views) = (cpu(server.pid()), views(server));
    for task in tasks {
        let report = task.await.expect("a task").expect("an exchange");
        assert_eq!((report.waiting, report.refused.len()), (0, 0));
    }
    let opened = gate.opened.lock().unwrap().expect("the gate opened");
    let last = *gate.answers.lock().unwrap().iter().max().expect("answers");
    let wall = last.duration_since(opened);
    let yardstick: Duration = yardsticks::sqlite(rig.folder.path(), body_bytes, envelopes).into_iter().sum();
    let caught_up = caught_up(server, rig.visits(), last);

    let per_second = visits / wall.as_secs_f64();
    let beside = format!(
        "{:.1} × SQLite FULL with the same bytes in {envelopes} commits ({:.0} ms)",
        wall.as_secs_f64() / yardstick.as_secs_f64(),
        millis(yardstick)
    );
    figures.add("visits acknowledged durably", per_second, "/s", Bound::AtLeast(5_000.0), beside);
    figures.note("wall time until the last acknowledgement", millis(wall), "ms");
    let total = millis(after.saturating_sub(before));
    let in_views = millis(after_views.saturating_sub(before_views));
    let beside = format!("{total:.0} ms in all, of which {in_views:.0} ms in the projector meanwhile");
    figures.add(
        "server CPU a visit until acknowledged",
        (total - in_views) / visits,
        "ms",
        Bound::AtMost(0.15),
        beside,
    );
    let memory = peak_memory(server.pid()) as f64 / 1e6;
    figures.add("server memory, peak", memory, "MB", Bound::AtMost(60.0), "");
    figures.note("projector caught up after the last acknowledgement", millis(caught_up), "ms");
    let projector = millis(cpu(server.pid()).saturating_sub(after)) / visits;
    figures.note("server CPU a visit for the views", projector, "ms");
    let growth = (folder_size(server.data()) - before_size) as f64;
    figures.note("server database growth a visit", growth / visits, "bytes");
    figures.note("changes", changes as f64, "");
    clients
}

/// CPU of the threads that make views.
fn views(server: &Server) -> Duration {
    cpu_of_threads(server.pid(), |name| name.contains("project"))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Waits until the lists have so many visits.
fn caught_up(server: &Server, visits: usize, since: Instant) -> Duration {
    let token = server.province_token();
    loop {
        let metrics = api::call(server.address(), "GET", "/metrics", None, None).text();
        let behind = metrics.lines().find(|line| line.contains("projector_behind") && !line.starts_with('#'));
        if behind.is_none_or(|line| line.ends_with(" 0")) {
            let count = api::list(server.address(), "/api/v1/visits", &token).len();
            if count >= visits {
                return since.elapsed();
            }
        }
        assert!(since.elapsed() < Duration::from_mins(5), "the projector never catches up: {behind:?}");
    }
}

fn pull(rig: &Rig, server: &Server, figures: &mut Figures) {
    figures.group("pull of everything by a fresh device with all units");
    let units: Vec<&str> = rig.units.iter().map(String::as_str).collect();
    let device = Device::enrolled(&rig.home("fresh"), server, "fresh", &units, server.address());
    let before = cpu(server.pid());
    let report = device.sync();
    let server_cpu = millis(cpu(server.pid()).saturating_sub(before));
    let visits = rig.visits() as f64;
    let number = |name: &str| report[name].as_f64().expect("a number");
    let idle = device.sync();
    let start_up = idle["cpu_ms"].as_f64().expect("a number");
    let cpu_ms = (number("cpu_ms") - start_up) / visits;
    let beside = format!("{:.0} ms in all, {start_up:.0} ms of it for starting", number("cpu_ms"));
    figures.add("device CPU a visit", cpu_ms, "ms", Bound::AtMost(1.5), beside);
    figures.note("wall time", number("wall_ms"), "ms");
    figures.note("device memory, peak", number("peak_memory_kb") / 1e3, "MB");
    figures.note("round trips", number("round_trips"), "");
    figures.note("server CPU a visit", server_cpu / visits, "ms");
    figures.note("body bytes down a visit", number("bytes_down") / visits, "bytes");

    figures.group("nothing changed");
    let units = |name: &str| format!("{name} (device with all {} units)", rig.units.len());
    for (name, bound) in [("round_trips", 1.0), ("bytes_up", 150.0), ("bytes_down", 150.0)] {
        figures.add(units(name), idle[name].as_f64().expect("a number"), "", Bound::AtMost(bound), "bodies");
    }
    figures.note("wall time of the process", idle["wall_ms"].as_f64().expect("a number"), "ms");
}

/// One field, saved on one device, until another one shows it.
async fn one_change(server: &Server, rig: &Rig, clients: &[Client], figures: &mut Figures) {
    figures.group("one field changed until another device has it");
    let writer = &clients[0];
    writer.sync_once(SyncOptions::default()).await.expect("an exchange");
    let home = rig.home("listener");
    let listener = client(server, &home, &[&rig.units[0]], server.address(), Http::default()).await;
    listener.sync_once(SyncOptions::default()).await.expect("an exchange");
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let _subscription = listener.on_change(move |_| {
        let _ = sender.send(Instant::now());
    });
    let _handle = listener.sync_in_background(true);
    let visit: DocId = serde_json::from_str::<Value>(&rig.lines[0][0]).expect("a line")["visit_id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an id");
    let (mut after_save, mut after_push, mut saves, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut idle = 0.0;
    for round in 0..30 {
        idle = writer.sync_once(SyncOptions::default()).await.expect("an exchange").bytes_up as f64;
        let start = Instant::now();
        writer.patch(visit, &[FieldEdit::new("counts.residents", round)]).expect("saved");
        saves.push(millis(start.elapsed()));
        let report = writer.sync_once(SyncOptions::default()).await.expect("an exchange");
        let pushed = Instant::now();
        bytes.push(report.bytes_up as f64 - idle);
        let Ok(Some(arrived)) = tokio::time::timeout(Duration::from_secs(20), seen.recv()).await else {
            panic!("the change never arrived");
        };
        // The first rounds open connections and prepare dictionaries.
        if round >= 5 {
            after_save.push(millis(arrived.duration_since(start)));
            after_push.push(millis(arrived.saturating_duration_since(pushed)));
        }
    }
    figures.add(
        "from the push until it is shown there, median",
        median(after_push),
        "ms",
        Bound::AtMost(20.0),
        "over the held connection",
    );
    figures.note("from the tap on \"save\" until it is shown there, median", median(after_save), "ms");
    figures.note("the save itself, median", median(saves), "ms");
    figures.add(
        "envelope in all",
        median(bytes),
        "bytes",
        Bound::AtMost(150.0),
        format!("an idle request has {idle:.0}"),
    );
}
