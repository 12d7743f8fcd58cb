//! Devices whose processes are killed at any moment.

use super::Plan;
use super::ledger::Ledger;
use crate::generator::{Generator, units};
use crate::processes::{Device, Server};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A process that is to be killed lives so long at most, in milliseconds; one that ends before was lucky.
const LONGEST_MS: u64 = 300;
/// Visits recorded at once.
const AT_ONCE: usize = 3;

/// Devices at work.
pub(super) struct Devices {
    threads: Vec<JoinHandle<u64>>,
    done: Arc<AtomicBool>,
}

impl Devices {
    pub(super) fn begin(server: &Server, folder: &Path, plan: Plan, ledger: &Ledger) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let threads = (0..plan.devices).map(|number| {
            let unit = units().swap_remove(number);
            let home = folder.join(format!("device-{number}"));
            let device = Device::enrolled(&home, server, &format!("MT-{number}"), &[&unit.0], server.address());
            let life = Life {
                device,
                unit,
                generator: Generator::new(plan.seed.wrapping_mul(31) + 1_000 + number as u64),
                rng: ChaCha8Rng::seed_from_u64(plan.seed.wrapping_mul(17) + number as u64),
                ledger: ledger.clone(),
                kills: 0,
            };
            let done = done.clone();
            thread::spawn(move || life.lead(&done))
        });
        Self { threads: threads.collect(), done }
    }

    /// Lets every device send what it holds; gives how often one was killed.
    pub(super) fn end(self) -> u64 {
        self.done.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().expect("a device")).sum()
    }
}

/// One device and what it does.
struct Life {
    device: Device,
    unit: (String, String),
    generator: Generator,
    rng: ChaCha8Rng,
    ledger: Ledger,
    kills: u64,
}

impl Life {
    fn lead(mut self, done: &AtomicBool) -> u64 {
        let mut last = None;
        while !done.load(Ordering::SeqCst) {
            last = Some(self.record());
            if let Some(id) = &last {
                let edit = self.device.command(&["edit", id, &format!("counts.residents={}", self.kills + 1)]);
                self.run(edit, &[]);
            }
            let sync = self.device.command(&["sync"]);
            self.run(sync, &[]);
        }
        // The server is there for good now.
        let report = self.device.sync();
        assert_eq!(report["waiting"], 0, "something was not sent: {report}");
        drop(last);
        self.kills
    }

    /// Records visits, and the same again, until the process says that they are saved.
    fn record(&mut self) -> String {
        let units = [self.unit.clone()];
        let lines: Vec<String> = (0..AT_ONCE).map(|_| self.generator.line(&units)).collect();
        let ids: Vec<String> = lines.iter().map(|line| visit_id(line)).collect();
        let input = lines.join("\n") + "\n";
        loop {
            let command = self.device.command(&["record", "--jsonl", "-"]);
            if self.run(command, input.as_bytes()) {
                self.ledger.saved(ids.iter().cloned());
                return ids[0].clone();
            }
        }
    }

    /// Runs a command and kills it at some moment, every other time; true if it ended by itself and as it should.
    fn run(&mut self, mut command: Command, input: &[u8]) -> bool {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process of a device");
        // Input this small fits into the pipe. A process that is killed reads nothing.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        if self.rng.random_bool(0.5) {
            thread::sleep(Duration::from_millis(self.rng.random_range(0..LONGEST_MS)));
            if child.try_wait().expect("its state").is_none() {
                self.kills += 1;
                let _ = child.kill();
            }
        }
        child.wait().expect("its end").success()
    }
}

fn visit_id(line: &str) -> String {
    let visit: Value = serde_json::from_str(line).expect("a line");
    visit["visit_id"].as_str().expect("an id").to_owned()
}
