//! Phones that fill a server, and phones that write all the while it is killed.

use super::ledger::Ledger;
use crate::generator::{Generator, units};
use crate::phone::{Phone, address};
use crate::processes::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Phones that write while the server is killed.
const PHONES: usize = 4;
/// Phones that fill the server; the numbers of all others are below.
const FILLING: usize = 10_000;
/// Visits of one of their envelopes.
const AT_ONCE: usize = 50;
/// Envelopes of one exchange.
const ENVELOPES: usize = 10;
/// Of these, as many fill at once: most of the time each waits for the disk.
const WORKERS: usize = 4;

/// Fills a server with so many visits, over all units.
pub(super) fn fill(server: &Server, visits: usize, seed: u64, ledger: &Ledger, tell: &impl Fn(&str)) {
    if visits == 0 {
        return;
    }
    let units = units();
    let each = visits.div_ceil(units.len());
    let left = Arc::new(AtomicU64::new(visits as u64));
    let at = server.address();
    let links: Vec<String> = (0..units.len())
        .map(|number| server.link(&format!("CB-{}", FILLING + number), &[&units[number].0], at))
        .collect();
    let jobs: Vec<_> = units.into_iter().zip(links).enumerate().collect();
    let threads: Vec<_> = jobs
        .chunks(jobs.len().div_ceil(WORKERS))
        .map(|part| {
            let (part, left, ledger) = (part.to_vec(), left.clone(), ledger.clone());
            thread::spawn(move || {
                let runtime = Runtime::new().expect("a runtime");
                for (number, (unit, link)) in part {
                    let name = format!("CB-{}", FILLING + number);
                    let mut phone =
                        Phone::enrol(at, &name, &link, (FILLING + number) as u64, address(FILLING + number));
                    let mut generator = Generator::new(seed.wrapping_mul(7_919) + number as u64);
                    let mut wanted = each;
                    while wanted > 0 {
                        let mut ids = Vec::new();
                        while ids.len() < wanted.min(ENVELOPES * AT_ONCE) {
                            ids.extend(phone.record(&mut generator, &unit, AT_ONCE.min(wanted - ids.len())));
                        }
                        runtime.block_on(phone.sync(at));
                        wanted -= ids.len();
                        left.fetch_sub((ids.len() as u64).min(left.load(Ordering::Relaxed)), Ordering::Relaxed);
                        ledger.there_before(ids);
                    }
                }
            })
        })
        .collect();
    let mut told = Instant::now();
    while threads.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(Duration::from_millis(100));
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            tell(&format!("{} visits still to be written before the first kill", left.load(Ordering::Relaxed)));
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("phones"));
}

/// Phones at work.
pub(super) struct Load {
    runtime: Runtime,
    tasks: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    ledger: Ledger,
    cut_off: AtomicU64,
    done: AtomicBool,
}

impl Load {
    pub(super) fn begin(server: &Server, seed: u64, ledger: &Ledger) -> Self {
        let at = server.address();
        let (cut_off, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { server: at, ledger: ledger.clone(), cut_off, done });
        let runtime = Runtime::new().expect("a runtime");
        let units = units().into_iter().take(PHONES).enumerate();
        let tasks = units.map(|(number, unit)| {
            let name = format!("CB-{number}");
            let link = server.link(&name, &[&unit.0], at);
            let phone = Phone::enrol(at, &name, &link, number as u64, address(number));
            runtime.spawn(write(phone, unit, seed + number as u64, shared.clone()))
        });
        let tasks = tasks.collect();
        Self { runtime, tasks, shared }
    }

    /// Lets every phone finish; gives how many exchanges were cut off.
    pub(super) fn end(self) -> u64 {
        self.shared.done.store(true, Ordering::SeqCst);
        for task in self.tasks {
            self.runtime.block_on(task).expect("a phone");
        }
        self.shared.cut_off.load(Ordering::SeqCst)
    }
}

/// Writes visits one by one; each is in the ledger once the server has acknowledged it, and not before.
async fn write(mut phone: Phone, unit: (String, String), seed: u64, shared: Arc<Shared>) {
    let mut generator = Generator::new(seed);
    let mut pending: Vec<String> = Vec::new();
    loop {
        let done = shared.done.load(Ordering::SeqCst);
        if !done && pending.is_empty() {
            pending = phone.record(&mut generator, &unit, 1);
        }
        if phone.try_sync(shared.server).await.is_ok() {
            shared.ledger.acknowledged(std::mem::take(&mut pending));
        } else {
            shared.cut_off.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        if done && pending.is_empty() {
            return;
        }
    }
}
