//! A server that is killed again and again under load, and a ledger outside of it of everything that it acknowledged.

use crate::generator::{Generator, units};
use crate::phone::{Phone, address};
use crate::processes::{Server, gandan_server};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Phones that write all the while.
const PHONES: usize = 4;
/// Longest time between two kills.
const LONGEST_MS: u64 = 250;
/// Longest time that the views may take to catch up at the end.
const VIEWS: Duration = Duration::from_secs(600);

/// What came of it.
#[derive(Debug)]
pub struct Killed {
    /// Times that the server was killed.
    pub kills: u32,
    /// Of them, while another command worked on the same folder and was killed too.
    pub with_command: u32,
    /// Visits that were acknowledged before the end.
    pub acknowledged: usize,
    /// Exchanges that a kill cut off.
    pub cut_off: u64,
    /// Visits acknowledged that are not there, and visits that are there twice.
    pub lost: usize,
    /// See `lost`.
    pub doubled: usize,
    /// From the start of the process until it takes requests, sorted.
    pub restarts: Vec<Duration>,
}

/// What the phones' tasks share.
struct Shared {
    server: std::net::SocketAddr,
    ledger: Mutex<Vec<String>>,
    cut_off: AtomicU64,
    done: AtomicBool,
}

/// Kills a server in `folder` so many times at moments that the seed chooses.
pub fn run(folder: &Path, kills: u32, seed: u64) -> Killed {
    let limits = ["--requests-per-address", "0", "--requests-per-device", "0"];
    let mut server = Server::started_with(&folder.join("server"), &limits);
    let units: Vec<(String, String)> = units().into_iter().take(PHONES).collect();
    let phones: Vec<Phone> = (0..PHONES)
        .map(|number| {
            let name = format!("CB-{number}");
            let link = server.link(&name, &[&units[number].0], server.address());
            Phone::enrol(server.address(), &name, &link, number as u64, address(number))
        })
        .collect();
    let shared = Arc::new(Shared {
        server: server.address(),
        ledger: Mutex::default(),
        cut_off: AtomicU64::new(0),
        done: AtomicBool::new(false),
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tasks: Vec<_> = phones
        .into_iter()
        .zip(units)
        .enumerate()
        .map(|(number, (phone, unit))| runtime.spawn(write(phone, unit, seed + number as u64, shared.clone())))
        .collect();

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut restarts, mut with_command) = (Vec::new(), 0);
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(rng.random_range(5..LONGEST_MS)));
        let command = command(&server, folder, kill, rng.random_range(0..6));
        if let Some(mut child) = command {
            with_command += 1;
            std::thread::sleep(Duration::from_millis(rng.random_range(0..60)));
            let _ = (child.kill(), child.wait());
        }
        server.kill();
        let start = Instant::now();
        server.start();
        restarts.push(start.elapsed());
    }
    shared.done.store(true, Ordering::SeqCst);
    for task in tasks {
        runtime.block_on(task).expect("a phone");
    }
    restarts.sort_unstable();
    let (lost, doubled) = compare(&server, &shared.ledger.lock().expect("the ledger"));
    let acknowledged = shared.ledger.lock().expect("the ledger").len();
    let cut_off = shared.cut_off.load(Ordering::SeqCst);
    Killed { kills, with_command, acknowledged, cut_off, lost, doubled, restarts }
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
            shared.ledger.lock().expect("the ledger").append(&mut pending);
        } else {
            shared.cut_off.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        if done && pending.is_empty() {
            return;
        }
    }
}

/// Something that works on the same folder, to be killed in the middle.
fn command(server: &Server, folder: &Path, kill: u32, which: u32) -> Option<Child> {
    let backup = folder.join(format!("backup-{kill}.db"));
    let words: Vec<&std::ffi::OsStr> = match which {
        0 => vec!["backup".as_ref(), "--to".as_ref(), backup.as_os_str()],
        1 => vec!["reproject".as_ref()],
        2 => vec!["gc".as_ref()],
        _ => return None,
    };
    let mut call = Command::new(gandan_server());
    call.args(words).arg("--data").arg(server.data()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    call.spawn().ok()
}

/// Log entries that the views do not hold yet.
fn behind(server: &Server) -> u64 {
    let figures = crate::api::call(server.address(), "GET", "/metrics", None, None).text();
    let line = figures.lines().find_map(|line| line.strip_prefix("gandan_projector_behind "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(u64::MAX)
}

/// How many visits of the ledger the server's lists lack, and how many stand there twice.
fn compare(server: &Server, ledger: &[String]) -> (usize, usize) {
    let token = server.province_token();
    let began = Instant::now();
    // A thousand kills leave minutes of work for the views.
    while behind(server) > 0 && began.elapsed() < VIEWS {
        std::thread::sleep(Duration::from_millis(200));
    }
    let current = crate::api::call(server.address(), "GET", "/healthz?views_current=true", None, None);
    assert_eq!(current.status, 200, "the views are {} entries behind: {}", behind(server), current.text());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for visit in crate::api::list(server.address(), "/api/v1/visits", &token) {
        *seen.entry(visit["id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let lost = ledger.iter().filter(|id| !seen.contains_key(*id)).count();
    (lost, seen.values().filter(|count| **count > 1).count())
}
