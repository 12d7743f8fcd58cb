//! A day in the hills: a new device loads what its unit has, records a day's visits and sends them, all over a road that
//! is narrow, long and lossy. Everything must arrive, something must move all the while, and nothing may travel twice.

use crate::generator::{Generator, units};
use crate::link::{Carried, Link, Quality};
use crate::processes::{Device, Server};
use gandan_client::{Client, Environment, SyncOptions, SyncReport};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The road.
    pub quality: Quality,
    /// Visits that the unit has before.
    pub there: usize,
    /// Visits of the day.
    pub day: usize,
    /// Of visits and losses.
    pub seed: u64,
}

/// How an exchange went.
#[derive(Clone, Debug)]
pub struct Went {
    /// What the device says about it.
    pub report: SyncReport,
    /// How long it took.
    pub took: Duration,
    /// The longest time in which the device saw no byte move and no step end.
    pub stillest: Duration,
    /// What the road carried.
    pub carried: Carried,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Day {
    /// The first exchange: everything that the unit has.
    pub first: Went,
    /// Visits that the device's list showed when half of the first exchange's documents were there.
    pub half: usize,
    /// The day's visits on their way to the server.
    pub evening: Went,
    /// One more, with nothing to say.
    pub idle: Went,
    /// Visits in the server's lists at the end.
    pub visits: usize,
}

/// Lives the day.
pub fn run(folder: &Path, plan: Plan) -> Day {
    let server = Server::started(&folder.join("server"));
    let unit = units().swap_remove(0);
    let mut generator = Generator::new(plan.seed);
    let mut lines =
        |count: usize| -> Vec<String> { (0..count).map(|_| generator.line(std::slice::from_ref(&unit))).collect() };
    let office = Device::enrolled(&folder.join("office"), &server, "office", &[&unit.0], server.address());
    office.record(&lines(plan.there)).json();
    office.sync();
    server.command("compact", &[]).json();

    let link = Link::start(server.address(), plan.quality, plan.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let day = lines(plan.day);
    let (first, half, evening, idle) = runtime.block_on(async {
        let client = Client::open(&folder.join("field"), [7; 32], Environment::native()).expect("a device");
        client.enrol(&server.link("field", &[&unit.0], link.address()), false).await.expect("enrolled");
        let (first, half) = exchange(&client, &link).await;
        let report = client.import(day.join("\n").as_bytes(), |_| {}).expect("recorded");
        assert_eq!((report.saved, report.bad_lines), (plan.day as u64, 0));
        let (evening, _) = exchange(&client, &link).await;
        let (idle, _) = exchange(&client, &link).await;
        (first, half, evening, idle)
    });
    let token = server.province_token();
    let visits = crate::processes::eventually("every visit in the server's lists", || {
        let seen = crate::api::list(server.address(), "/api/v1/visits", &token).len();
        (seen >= plan.there + plan.day).then_some(seen)
    });
    Day { first, half, evening, idle, visits }
}

/// One exchange, watched.
async fn exchange(client: &Client, link: &Link) -> (Went, usize) {
    let (before, start) = (link.carried(), Instant::now());
    let steps = Arc::new(AtomicU64::new(0));
    let counted = steps.clone();
    let half = Arc::new(AtomicU64::new(0));
    let (seen, looking) = (half.clone(), client.clone());
    let options = SyncOptions {
        progress: Arc::new(move |progress| {
            counted.fetch_add(1, Ordering::SeqCst);
            if seen.load(Ordering::SeqCst) == 0 && progress.documents_loaded * 2 >= progress.documents_to_load.max(1) {
                seen.store(looking.standing().expect("where it stands").counts.visits, Ordering::SeqCst);
            }
        }),
        ..SyncOptions::default()
    };
    let meter = options.meter.clone();
    let exchange = client.sync_once(options);
    let mut exchange = std::pin::pin!(exchange);
    let (mut state, mut since, mut stillest) = ((0, 0, 0), Instant::now(), Duration::ZERO);
    let report = loop {
        tokio::select! {
            done = &mut exchange => break done.expect("an exchange over a bad road"),
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                let now = (meter.up(), meter.down(), steps.load(Ordering::SeqCst));
                if now != state {
                    (state, since) = (now, Instant::now());
                }
                stillest = stillest.max(since.elapsed());
            }
        }
    };
    let after = link.carried();
    let carried = Carried {
        up: after.up - before.up,
        down: after.down - before.down,
        connections: after.connections - before.connections,
        lost: after.lost - before.lost,
    };
    let half = half.load(Ordering::SeqCst);
    (Went { report, took: start.elapsed(), stillest, carried }, usize::try_from(half).expect("few visits"))
}
