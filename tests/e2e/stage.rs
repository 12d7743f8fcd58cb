//! A server with devices, for one test.

use gandan_tests::generator::{Generator, units};
use gandan_tests::processes::{Device, Said, Server, folder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Two communes that the tests work in: Xuân Hương - Đà Lạt and Mũi Né.
pub(crate) const UNIT: &str = "24781";
/// Another one.
pub(crate) const OTHER: &str = "22918";

/// A server and a folder for its devices.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// A server that serves.
    pub(crate) fn new() -> Self {
        let folder = folder();
        let server = Server::started(&folder.path().join("server"));
        Self { server, folder }
    }

    /// A device of the official `name` in [`UNIT`].
    pub(crate) fn device(&self, name: &str) -> Device {
        self.device_in(name, &[UNIT])
    }

    /// A device in these units.
    pub(crate) fn device_in(&self, name: &str, units: &[&str]) -> Device {
        let home = self.folder.path().join(name);
        Device::enrolled(&home, &self.server, name, units, self.server.address())
    }

    /// The JSON at a path of the API, seen by the province.
    pub(crate) fn api(&self, path: &str) -> Value {
        gandan_tests::api::get(self.server.address(), path, &self.server.province_token())
    }

    /// The same of what may not be shown yet: the server answers a sync before its lists have what came.
    pub(crate) fn find(&self, path: &str) -> Option<Value> {
        let token = self.server.province_token();
        let answer = gandan_tests::api::call(self.server.address(), "GET", path, Some(&token), None);
        assert!([200, 404].contains(&answer.status), "GET {path}: {}", answer.text());
        (answer.status == 200).then(|| answer.json())
    }

    /// Number of visits that the server's lists have.
    pub(crate) fn visits(&self) -> usize {
        gandan_tests::api::list(self.server.address(), "/api/v1/visits", &self.server.province_token()).len()
    }

    /// Waits until the server's lists have so many visits.
    #[track_caller]
    pub(crate) fn await_visits(&self, count: usize) {
        let mut seen = 0;
        gandan_tests::processes::eventually(&format!("{count} visits in the server's list"), || {
            seen = self.visits();
            assert!(seen <= count, "{seen} visits instead of {count}");
            (seen == count).then_some(())
        });
    }
}

/// The items of a list, in either form.
pub(crate) fn list(answer: &Value) -> Vec<Value> {
    answer.as_array().or_else(|| answer["items"].as_array()).cloned().unwrap_or_default()
}

/// Visits of [`UNIT`], as lines.
pub(crate) fn lines(seed: u64, count: usize) -> Vec<String> {
    lines_in(seed, count, UNIT)
}

/// Visits of a unit, as lines.
pub(crate) fn lines_in(seed: u64, count: usize, unit: &str) -> Vec<String> {
    let units: Vec<_> = units().into_iter().filter(|(code, _)| code == unit).collect();
    let mut generator = Generator::new(seed);
    (0..count).map(|_| generator.line(&units)).collect()
}

/// The id of the visit in a line.
pub(crate) fn id_of(line: &str) -> String {
    let visit: Value = serde_json::from_str(line).expect("a line");
    visit["visit_id"].as_str().expect("an id").to_owned()
}

/// A small visit made by `new`; gives its id.
#[track_caller]
pub(crate) fn new_visit(device: &Device, note: &str) -> String {
    let note = format!("note={note}");
    let said = device.run(&["new", "visit", "programme=ad_hoc", "planned_on=2026-09-13", &note]).json();
    said["id"].as_str().expect("an id").to_owned()
}

/// The stable code of a failure.
#[track_caller]
pub(crate) fn code(said: &Said) -> String {
    let words = said.failure();
    let error: Value = serde_json::from_str(words.trim().lines().last().unwrap_or_default()).unwrap_or(json!(null));
    error["error"]["code"].as_str().unwrap_or_else(|| panic!("no code in {words}")).to_owned()
}

/// A number in a report.
#[track_caller]
pub(crate) fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {report}"))
}
