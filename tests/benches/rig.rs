//! A server, visits, and devices to measure with.

use crate::Options;
use gandan_client::transport::http::Http;
use gandan_client::transport::{Answer, Meter, Pending, Post, Transport, TransportError};
use gandan_client::{Client, Environment};
use gandan_tests::generator::{Generator, units};
use gandan_tests::processes::Server;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;
use tokio::sync::Barrier;

/// What a run works with.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    /// The lines of each device; device `n` works in unit `n`.
    pub(crate) lines: Vec<Vec<String>>,
    /// Lines of the same kind that are pushed by nobody, to train the yardstick's dictionary with.
    pub(crate) training: Vec<String>,
    /// Codes of all units.
    pub(crate) units: Vec<String>,
}

impl Rig {
    pub(crate) fn new(options: &Options) -> Self {
        let units = units();
        let codes = units.iter().map(|(code, _)| code.clone()).collect();
        let folder = tempfile::Builder::new().prefix("gandan-bench").tempdir().expect("a folder");
        let (lines, training) = match &options.visits {
            Some(file) => from_file(file, options, &units),
            None => made_up(options, &units),
        };
        Self { folder, lines, training, units: codes }
    }

    /// Number of visits that are pushed.
    pub(crate) fn visits(&self) -> usize {
        self.lines.iter().map(Vec::len).sum()
    }

    /// A new server.
    pub(crate) fn server(&self, name: &str) -> Server {
        Server::started(&self.folder.path().join(name))
    }

    /// A folder for a device.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn made_up(options: &Options, units: &[(String, String)]) -> (Vec<Vec<String>>, Vec<String>) {
    let mut generator = Generator::new(options.seed);
    let lines = (0..options.devices)
        .map(|device| (0..options.per_device).map(|_| generator.line(&units[device..=device])).collect())
        .collect();
    let mut other = Generator::new(options.seed + 1_000_000);
    (lines, (0..2_000).map(|_| other.line(units)).collect())
}

/// Even lines are pushed, odd ones train the yardstick: it must not have seen what it is measured with.
fn from_file(file: &Path, options: &Options, units: &[(String, String)]) -> (Vec<Vec<String>>, Vec<String>) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let training = all.iter().skip(1).step_by(2).map(|line| (*line).to_owned()).collect();
    let mut lines = vec![Vec::new(); options.devices];
    for (number, line) in all.iter().step_by(2).enumerate() {
        let device = number % options.devices;
        let mut visit: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        visit["unit_code"] = units[device].0.clone().into();
        lines[device].push(visit.to_string());
    }
    (lines, training)
}

/// A device in this process, enrolled for these units.
pub(crate) async fn client(
    server: &Server,
    home: &Path,
    units: &[&str],
    road: SocketAddr,
    transport: impl Transport + 'static,
) -> Client {
    let environment = Environment { transport: Arc::new(transport), ..Environment::native() };
    let client = Client::open(home, [7; 32], environment).expect("a device");
    let name = home.file_name().and_then(|name| name.to_str()).unwrap_or("device");
    client.enrol(&server.link(name, units, road), false).await.expect("enrolled");
    client
}

/// HTTP that waits at a gate before its first exchange and notes when each answer came.
pub(crate) struct Gated {
    pub(crate) http: Arc<Http>,
    pub(crate) gate: Arc<Gate>,
    /// Whether this device has been let go.
    pub(crate) gone: AtomicBool,
}

/// Lets all devices go at the same moment.
pub(crate) struct Gate {
    pub(crate) barrier: Barrier,
    pub(crate) opened: Mutex<Option<Instant>>,
    pub(crate) answers: Mutex<Vec<Instant>>,
}

impl Gate {
    pub(crate) fn new(devices: usize) -> Arc<Self> {
        let (opened, answers) = (Mutex::new(None), Mutex::new(Vec::new()));
        Arc::new(Self { barrier: Barrier::new(devices), opened, answers })
    }
}

impl Transport for Gated {
    fn post<'a>(&'a self, post: Post, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(async move {
            let is_first = post.url.ends_with("/sync") && !self.gone.swap(true, Ordering::SeqCst);
            if is_first {
                self.gate.barrier.wait().await;
                self.gate.opened.lock().unwrap().get_or_insert_with(Instant::now);
            }
            let answer = self.http.post(post, meter).await;
            if is_first {
                self.gate.answers.lock().unwrap().push(Instant::now());
            }
            answer
        })
    }
}
