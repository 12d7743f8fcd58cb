//! The data folder of `bench web`: made once, kept, and used again by later runs.

use super::copies;
use crate::figures::Figures;
use gandan_tests::api;
use gandan_tests::load::{Plan, all_come_online, prepare};
use gandan_tests::processes::Server;
use gandan_tests::usage::{cpu, folder_size};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Phones that bring their visits at the same time.
const PHONES: usize = 124;
/// Of how many visits one comes through the exchange; the others are its rows once more.
const COPIES: usize = 40;
/// Names the records that came through the exchange, and says that a folder is complete. Lies beside the server's own
/// files, which mind no stranger.
const COMPLETE: &str = "bench-complete.json";
/// How often it is said how far the views are.
const PROGRESS: Duration = Duration::from_secs(5);

/// Where a run of this size and seed keeps its data: every run with the same ones finds it there.
pub(super) fn folder(visits: usize, seed: u64) -> PathBuf {
    std::env::temp_dir().join(format!("gandan-bench-web-{visits}-{seed}"))
}

/// A server over the folder, filled now unless an earlier run filled it, and the ids of visits and issues of which there is
/// more than rows.
pub(super) async fn server(
    folder: &Path,
    visits: usize,
    seed: u64,
    figures: &mut Figures,
) -> (Server, [Vec<String>; 2]) {
    let options = ["--enrolments-per-address", "0", "--requests-per-address", "0"];
    let complete = folder.join(COMPLETE);
    if let Ok(ids) = fs::read(&complete) {
        eprintln!("  using {} (delete it to have it made anew)", folder.display());
        return (Server::over(folder, &options), serde_json::from_slice(&ids).expect("ids"));
    }
    eprintln!("  making {}, once", folder.display());
    // What an interrupted run left is of no use.
    let _ = fs::remove_dir_all(folder);
    let mut server = Server::started_with(folder, &options);
    figures.group("filling the database");
    let began = Instant::now();
    let token = server.province_token();
    let brought = fill(&server, visits / COPIES, seed).await;
    views_have(&server, brought, &token).await;
    figures.note("a part of it through the exchange, to the last row", began.elapsed().as_secs_f64(), "s");
    figures.note("server CPU", cpu(server.pid()).as_secs_f64(), "s");
    let ids = ["visits", "issues"].map(|list| {
        let page = api::get(server.address(), &format!("/api/v1/{list}?limit=200"), &token);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect::<Vec<String>>()
    });
    server.stop();
    copies::write(folder, COPIES).expect("copies");
    fs::write(complete, serde_json::to_vec(&ids).expect("JSON")).expect("the mark of a complete folder");
    server.start();
    (server, ids)
}

/// What is in it.
pub(super) fn count(server: &Server, token: &str, figures: &mut Figures) {
    figures.group("the database");
    let summary = api::get(server.address(), "/api/v1/reports/summary", token);
    figures.note("visits", summary["visits"]["lines"].as_f64().unwrap_or(0.0), "");
    figures.note("issues", summary["issues"]["countable"].as_f64().unwrap_or(0.0), "");
    figures.note("data folder", folder_size(server.data()) as f64 / 1e6, "MB");
}

/// Lets phones bring at least so many visits; gives how many they were.
async fn fill(server: &Server, visits: usize, seed: u64) -> usize {
    let within = Duration::from_secs(1);
    let plan = Plan { phones: PHONES, visits: visits.div_ceil(PHONES), within, seed, one_address: false };
    let phones = prepare(server, plan);
    drop(all_come_online(server, plan, phones).await);
    plan.visits * PHONES
}

/// Waits until the views have all visits. That the projector lags behind nothing it says also before it has looked.
async fn views_have(server: &Server, visits: usize, token: &str) {
    let mut told = Instant::now();
    loop {
        let summary = api::get(server.address(), "/api/v1/reports/summary", token);
        let there = summary["visits"]["lines"].as_u64().and_then(|lines| usize::try_from(lines).ok()).unwrap_or(0);
        let metrics = api::call(server.address(), "GET", "/metrics", None, None).text();
        if there >= visits && metrics.lines().any(|line| line == "gandan_projector_behind 0") {
            return;
        }
        if told.elapsed() >= PROGRESS {
            eprintln!("  {there} of {visits} visits are in the views");
            told = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
