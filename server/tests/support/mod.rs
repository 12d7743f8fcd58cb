//! The real router on a loopback port, over a real database in a temporary folder.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::struct_field_names,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub mod files;
pub mod http;
pub mod peer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gandan_model::org::{OrgTree, UNITS_CSV, UnitRow};
use gandan_server::auth::{Role, ScopeLine, new_secret};
use gandan_server::clock::{Clock as _, ManualClock};
use gandan_server::compactor::{self, Compacted, Compactor};
use gandan_server::db::sqlite::people::{Official, Purpose};
use gandan_server::db::sqlite::{org, people};
use gandan_server::db::{Db, DbOptions};
use gandan_server::folder::Folder;
use gandan_server::front::FrontOptions;
use gandan_server::http::router::router;
use gandan_server::server::{Server, ServerOptions};
use tempfile::TempDir;

/// The server's clock when a test begins.
pub const START_MS: i64 = 1_790_000_000_000;

/// Two units that tests use.
pub const UNIT_A: &str = "23059";
pub const UNIT_B: &str = "24682";

/// A server in this process.
pub struct TestApp {
    runtime: Option<tokio::runtime::Runtime>,
    server: Option<Server>,
    pub address: SocketAddr,
    pub clock: Arc<ManualClock>,
    folder: Arc<TempDir>,
}

/// A data folder with all units, not served.
pub fn data_folder() -> Arc<TempDir> {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let folder = Folder::create(&data).unwrap();
    let rows: Vec<UnitRow> =
        csv::Reader::from_reader(UNITS_CSV.as_bytes()).into_deserialize().collect::<Result<_, _>>().unwrap();
    let tree = OrgTree::from_rows(rows).unwrap();
    let db = Db::open_core(&data, DbOptions::default()).unwrap();
    let mut next = 0u128;
    let new_space = || {
        next += 1;
        Ok(next.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
    };
    db.write(|transaction| org::import(transaction, &tree, new_space)).unwrap();
    folder.new_incarnation(START_MS).unwrap();
    Arc::new(temp)
}

impl TestApp {
    pub fn new() -> Self {
        Self::serve(data_folder(), DbOptions::default())
    }

    /// Serves a data folder.
    pub fn serve(folder: Arc<TempDir>, db: DbOptions) -> Self {
        Self::serve_with(folder, FrontOptions::default(), |options| options.db = db)
    }

    /// Serves a data folder behind this door, with the usual options changed.
    pub fn serve_with(folder: Arc<TempDir>, door: FrontOptions, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let clock = Arc::new(ManualClock::at(START_MS));
        let mut options = ServerOptions::new(folder.path().join("data"));
        options.clock = Arc::<ManualClock>::clone(&clock);
        // Tests say themselves when documents are packed.
        options.compaction = None;
        change(&mut options);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = Server::start(options).unwrap();
        let app = router(server.state().clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (metrics, stopping) = (server.state().metrics().clone(), server.state().stopping());
        runtime.spawn(gandan_server::front::serve(listener, app, door, metrics, stopping));
        Self { runtime: Some(runtime), server: Some(server), address, clock, folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn db(&self) -> &Db {
        self.server().state().db()
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Packs the documents of all spaces and drops bodies older than this.
    pub fn compact(&self, keep_ms: i64) -> Compacted {
        let options = compactor::Options { keep_ms, force: true };
        let done = Compactor::new(self.db().clone()).run(self.clock.now_ms(), &options, &|| false).unwrap();
        done.expect("nobody else compacts")
    }

    /// Waits until the views hold everything that was acknowledged.
    pub fn project(&self) {
        assert!(self.block_on(self.server().state().projector().caught_up()));
    }

    /// Ends the server as SIGTERM does, and gives the folder.
    pub fn stop(mut self) -> Arc<TempDir> {
        self.end();
        Arc::clone(&self.folder)
    }

    fn end(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        }
    }

    /// Ends the server and serves the same folder again.
    pub fn restart(self) -> Self {
        let folder = self.stop();
        Self::serve(folder, DbOptions::default())
    }

    /// A one-time code for a device.
    pub fn code(&self, official: &str, role: Role, lines: &[ScopeLine]) -> String {
        let code = new_secret::<16>().unwrap();
        let official = Official { id: official.to_owned(), name: official.to_owned(), role };
        self.db()
            .write(|transaction| {
                people::put_official(transaction, &official, lines, START_MS)?;
                people::put_code(transaction, &code, Purpose::Device, &official.id, START_MS, START_MS + 1_000_000)
            })
            .unwrap();
        code
    }

    /// A bearer token.
    pub fn token(&self, name: &str, role: Role, lines: &[ScopeLine]) -> String {
        let token = new_secret::<32>().unwrap();
        self.db()
            .write(|transaction| people::put_token(transaction, &token, (name, role), lines, START_MS, None))
            .unwrap();
        token
    }

    /// An enrolled field official's device for these units.
    pub fn official(&self, name: &str, units: &[&str]) -> peer::Peer {
        let lines: Vec<ScopeLine> = units.iter().map(|unit| ScopeLine::Unit((*unit).to_owned())).collect();
        peer::Peer::enrol(self, name, &self.code(name, Role::FieldOfficial, &lines))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.end();
    }
}
