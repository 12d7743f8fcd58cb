//! A new device that loads everything while the road is cut again and again, with the bytes counted.

use crate::processes::{Server, path};
use crate::proxy::Proxy;
use gandan_client::{Client, Environment, Page, SyncOptions, VisitFilter};
use gandan_server::db::sqlite::CORE;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, OpenFlags};
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Times that the road was cut.
    pub cuts: u64,
    /// Bytes that came down in all, HTTP heads included.
    pub down: u64,
    /// Bytes that came down to another new device whose road nobody cut.
    pub uncut: u64,
    /// Bytes of the largest chunk.
    pub largest: u64,
    /// Chunks.
    pub chunks: u64,
    /// Visits in the list at the end.
    pub visits: usize,
    /// Visits in the list when about half of the documents were there.
    pub half: Vec<String>,
    /// The longest time that the first page of the list took in the middle of it.
    pub page: Duration,
}

impl Loaded {
    /// Bytes that came down again for each cut.
    pub fn again(&self) -> u64 {
        self.down.saturating_sub(self.uncut) / self.cuts.max(1)
    }

    /// What a cut may cost: the chunk that it hit, and for the next attempt an answer with the list of chunks (48 bytes
    /// each) and two heads.
    pub fn allowed(&self) -> u64 {
        self.largest + 48 * self.chunks + 1_000
    }

    /// Of a hundred visits that the list had half-way, so many are among the later half of `recorded`.
    pub fn newest_first(&self, recorded: &[String]) -> usize {
        let later: HashSet<&String> = recorded[recorded.len() / 2..].iter().collect();
        self.half.iter().filter(|id| later.contains(id)).count() * 100 / self.half.len().max(1)
    }
}

/// Loads everything of `unit` into a new device, with so many cuts at bytes that the seed chooses; and once without. The
/// server must have packed its documents.
pub async fn load(server: &Server, folder: &Path, unit: &str, cuts: u64, seed: u64) -> Loaded {
    let (chunks, largest) = packed(server);
    let mut loaded = Loaded { largest, chunks, ..Loaded::default() };
    let whole = Proxy::start(server.address());
    let device = enrolled(server, &folder.join("uncut"), unit, &whole).await;
    let before = whole.traffic();
    device.sync_once(SyncOptions::default()).await.expect("an exchange");
    loaded.uncut = whole.traffic().since(before).down;

    let proxy = Proxy::start(server.address());
    let device = enrolled(server, &folder.join("cut"), unit, &proxy).await;
    let before = proxy.traffic();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut progress = 0;
    while loaded.cuts < cuts {
        // Mostly in the middle of a chunk; now and then late enough that something gets through, but never all of it. With more
        // chunks than cuts, more than one at a time, so that the cuts are spread over all of it.
        let through = loaded.cuts * chunks / cuts > progress && progress + 2 < chunks;
        let several = chunks.div_ceil(cuts) * largest;
        let reach = if through { several + largest / 2..several + largest } else { 1..largest };
        proxy.cut_down_after(Some(u32::try_from(rng.random_range(reach)).expect("a chunk's size")));
        let failure = device.sync_once(SyncOptions::default()).await.expect_err("an exchange over a cut road");
        loaded.cuts += 1;
        let report = failure.report;
        if let Some(now) = (report.documents_loaded * chunks).checked_div(report.documents_to_load) {
            progress = now;
        }
        if loaded.half.is_empty() && progress * 2 >= chunks {
            loaded.half = list(&device);
        }
        let start = Instant::now();
        device.visits(&VisitFilter::default(), &Page::first(50)).expect("a page");
        loaded.page = loaded.page.max(start.elapsed());
    }
    proxy.cut_down_after(None);
    device.sync_once(SyncOptions::default()).await.expect("an exchange");
    loaded.down = proxy.traffic().since(before).down;
    loaded.visits = list(&device).len();
    loaded
}

async fn enrolled(server: &Server, home: &Path, unit: &str, road: &Proxy) -> Client {
    let client = Client::open(home, [7; 32], Environment::native()).expect("a device");
    let name = home.file_name().and_then(|name| name.to_str()).expect("a name");
    client.enrol(&server.link(name, &[unit], road.address()), false).await.expect("enrolled");
    client
}

/// Number and largest size of the chunks of the last manifests.
fn packed(server: &Server) -> (u64, u64) {
    let core = Connection::open_with_flags(path(&server.data().join(CORE)), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let sql = "SELECT count(*), coalesce(max(length(body)), 0) FROM chunk
               WHERE id IN (SELECT chunk FROM manifest_chunk
                            WHERE manifest IN (SELECT max(id) FROM manifest GROUP BY space))";
    let found = core.and_then(|core| core.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
    found.expect("the server's chunks")
}

/// Ids of all visits in a device's list.
fn list(client: &Client) -> Vec<String> {
    let (mut ids, mut page) = (Vec::new(), Page::first(500));
    loop {
        let found = client.visits(&VisitFilter::default(), &page).expect("a page");
        ids.extend(found.items.iter().map(|item| item.row.id.to_string()));
        match found.next {
            Some(next) => page = Page::after(next, 500),
            None => return ids,
        }
    }
}
