//! `cargo xtask bench web`: what the pages of the web app ask of the server, with a province's years in the database.
//!
//! A part of the records comes in through the real exchange, from phones, and their rows are copied; then each page's calls are made again and again, one after
//! the other, as a browser on the same machine makes them. Bounds: a call takes at most 100 ms at the median and 300 ms in
//! 99 of 100 cases, the overview as a whole at most 300 ms at the median.

mod browser;
mod copies;
mod data;

use crate::Options;
use crate::figures::{Bound, Figures};
use gandan_tests::api;
use gandan_tests::generator::units;
use gandan_tests::load::percentile;
use gandan_tests::processes::Server;
use gandan_tests::usage::{cpu, peak_memory, reset_peak_memory};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Times that each call is made.
const TIMES: usize = 60;

/// How large, and where the data lies.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// Visits; there are some 1.8 times as many issues.
    pub(crate) visits: usize,
    /// The data folder; none: one for this size and seed, which later runs use again.
    pub(crate) data: Option<PathBuf>,
}

impl Size {
    /// Reads the arguments behind `web`.
    pub(crate) fn parse(args: &[String]) -> Result<(Self, Options), String> {
        let mut size = Self { visits: 112_000, data: None };
        let mut options = Options { visits: None, devices: 0, per_device: 0, local: 0, seed: 1, json: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            let number = |text: &String| text.parse::<u64>().map_err(|_| format!("{arg} needs a number"));
            match arg.as_str() {
                "--visits" => size.visits = number(value()?)?.clamp(1_000, 1_000_000) as usize,
                "--data" => size.data = Some(value()?.into()),
                "--seed" => options.seed = number(value()?)?,
                "--json" => options.json = true,
                other => return Err(format!("unknown argument {other}")),
            }
        }
        options.per_device = size.visits;
        Ok((size, options))
    }
}

/// All of it.
pub(crate) async fn measure(size: Size, options: &Options) -> Figures {
    let mut figures = Figures::default();
    let folder = size.data.unwrap_or_else(|| data::folder(size.visits, options.seed));
    let (server, [visits, issues]) = data::server(&folder, size.visits, options.seed, &mut figures).await;
    let desk = Desk::new(&server, visits, issues, options.seed);
    data::count(&server, &desk.token, &mut figures);
    reset_peak_memory(server.pid());
    figures.group("what the pages ask, call by call: 99 of 100 below, median beside it");
    for (page, call) in PAGES {
        desk.ask(&server, &mut figures, page, call);
    }
    figures.group("the overview as a whole");
    desk.overview(&mut figures);
    figures.group("the server meanwhile");
    figures.note("memory, peak", peak_memory(server.pid()) as f64 / 1e6, "MB");
    browser::measure(&server, &desk.token, &mut figures);
    figures
}

/// A page and one of its calls; `{unit}`, `{visit}`, `{issue}` and `{word}` are drawn anew each time.
const PAGES: &[(&str, &str)] = &[
    ("overview, counters", "queue"),
    ("overview, figures of a month", "reports/summary?from=2026-08-15&to=2026-09-14"),
    ("overview, rows of a month", "reports/series?from=2026-08-15&to=2026-09-14"),
    ("reports, figures of the whole time", "reports/summary"),
    ("reports, figures of a unit", "reports/summary?area={unit}"),
    ("reports, rows of the whole time", "reports/series"),
    ("reports, emulation of the whole time", "reports/emulation"),
    ("reports, digest", "reports/digest"),
    ("visits, first page", "visits?limit=50"),
    ("visits of a unit", "visits?limit=50&unit={unit}"),
    ("visits, words", "visits?limit=50&q={word}"),
    ("visits to verify", "visits?limit=50&status=submitted"),
    ("a visit", "visits/{visit}"),
    ("issues, first page", "issues?limit=50"),
    ("issues by date", "issues?limit=50&sort=due_asc"),
    ("issues of a unit", "issues?limit=50&unit={unit}"),
    ("issues, words", "issues?limit=50&q={word}"),
    ("issues past their date", "issues?limit=50&overdue=true&sort=due_asc"),
    ("an issue", "issues/{issue}"),
    ("an issue, what may repeat it", "issues/{issue}/duplicates"),
    ("map, units", "map/units"),
    ("map, visits of the province", "map/visits/points?west=106.8&south=10.3&east=109.2&north=12.9&zoom=8"),
    ("map, issues of the province", "map/issues/points?west=106.8&south=10.3&east=109.2&north=12.9&zoom=8"),
    ("map, issues close by", "map/issues/points?west=108.3&south=11.8&east=108.6&north=12.1&zoom=12"),
    ("review", "review?limit=50"),
];

/// Somebody at a desk, with the whole province before them.
struct Desk {
    address: SocketAddr,
    token: String,
    units: Vec<String>,
    visits: Vec<String>,
    issues: Vec<String>,
    seed: u64,
}

impl Desk {
    fn new(server: &Server, visits: Vec<String>, issues: Vec<String>, seed: u64) -> Self {
        let units = units().into_iter().map(|(code, _)| code).collect();
        Self { address: server.address(), token: server.province_token(), units, visits, issues, seed }
    }

    fn path(&self, call: &str, rng: &mut ChaCha8Rng) -> String {
        const WORDS: [&str; 6] = ["duong", "nuoc sach", "kenh muong", "dat", "dien", "rac thai"];
        let one = |of: &[String], rng: &mut ChaCha8Rng| of.choose(rng).cloned().unwrap_or_default();
        let path = call.replace("{unit}", &one(&self.units, rng)).replace("{visit}", &one(&self.visits, rng));
        let word = WORDS[rng.random_range(0..WORDS.len())].replace(' ', "%20");
        format!("/api/v1/{}", path.replace("{issue}", &one(&self.issues, rng)).replace("{word}", &word))
    }

    fn time(&self, path: &str) -> Duration {
        let began = Instant::now();
        let answer = api::call(self.address, "GET", path, Some(&self.token), None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let took = began.elapsed();
        assert!(serde_json::from_slice::<Value>(&answer.bytes).is_ok(), "{path}: no JSON");
        took
    }

    fn ask(&self, server: &Server, figures: &mut Figures, page: &str, call: &str) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let before = cpu(server.pid());
        let mut times: Vec<Duration> = (0..TIMES).map(|_| self.time(&self.path(call, &mut rng))).collect();
        // What the machine does besides does not count here.
        let cpu = millis(cpu(server.pid()).saturating_sub(before)) / TIMES as f64;
        times.sort_unstable();
        let (median, p99) = (millis(percentile(&times, 50)), millis(percentile(&times, 99)));
        let mark = if median <= 100.0 { "✓" } else { "✗" };
        figures.add(
            page,
            p99,
            "ms",
            Bound::AtMost(300.0),
            format!("median {median:.1} ms {mark} ≤ 100, CPU {cpu:.1} ms"),
        );
    }

    fn overview(&self, figures: &mut Figures) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let calls = PAGES.iter().filter(|(page, _)| page.starts_with("overview")).map(|(_, call)| *call);
        let calls: Vec<&str> = calls.chain(["map/units"]).collect();
        let mut times: Vec<Duration> =
            (0..TIMES).map(|_| calls.iter().map(|call| self.time(&self.path(call, &mut rng))).sum()).collect();
        times.sort_unstable();
        figures.add(
            "all its calls one after the other, median",
            millis(percentile(&times, 50)),
            "ms",
            Bound::AtMost(300.0),
            "",
        );
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
