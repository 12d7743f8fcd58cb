//! A server that holds the sixty sample visits, pushed by a device.

use gandan_model::ids::{Compartment, DocId, SpaceId};
use gandan_model::sample::read_line;
use gandan_server::auth::{Role, ScopeLine};
use gandan_sync::Status;
use serde_json::Value as Json;

use crate::support::http::{self, Answer};
use crate::support::peer::Peer;
use crate::support::{START_MS, TestApp};

pub const LINES: &str = include_str!("../../../tests/fixtures/visits-sample.jsonl");
pub const EXPECTED: &str = include_str!("../../../tests/fixtures/visits-sample.expected.json");

/// Noon of 22 November 2026 in UTC+7: the day after the one on which the expected figures are judged.
const NOON_MS: i64 = 1_795_323_600_000;

/// The denunciation that the sample hides inside a visit.
pub const SEALED_TITLE_WORD: &str = "denunciation";

/// A server and tokens of every kind of reader.
pub struct Office {
    pub app: TestApp,
    pub device: Peer,
    pub inspector: String,
    pub province: String,
}

/// Lets a device record the sample and push it.
pub fn office() -> Office {
    let app = TestApp::new();
    let code = app.code("CB-001", Role::FieldOfficial, &[ScopeLine::Province]);
    let mut device = Peer::enrol(&app, "CB-001", &code);
    app.clock.advance_ms(NOON_MS - START_MS);
    for line in LINES.lines() {
        let visit = read_line(line).unwrap();
        let mut changes: Vec<(SpaceId, DocId, Vec<u8>)> = Vec::new();
        for document in &visit.documents {
            let space = match document.kind.compartment() {
                Compartment::Sealed => device.space("68", "sealed"),
                compartment => device.space(&visit.unit, compartment.as_str()),
            };
            let edits: Vec<(&str, Json)> =
                document.edits.iter().map(|edit| (edit.field.as_str(), edit.value.clone())).collect();
            let raw = device.edit(space, document.id, document.kind, &edits);
            changes.push((space, document.id, raw));
        }
        let spaces: std::collections::BTreeSet<SpaceId> = changes.iter().map(|(space, ..)| *space).collect();
        for space in spaces {
            let own: Vec<_> =
                changes.iter().filter(|(of, ..)| *of == space).map(|(_, doc, raw)| (*doc, raw.clone())).collect();
            device.seal(space, &own);
        }
    }
    let statuses = device.sync(&app);
    assert!(statuses.iter().all(|(_, status)| matches!(status, Status::Durable { .. })), "{statuses:?}");
    app.project();
    let inspector = app.token("thanh-tra", Role::Inspector, &[ScopeLine::Province]);
    let province = app.token("tinh", Role::ProvinceStaff, &[ScopeLine::Province]);
    Office { app, device, inspector, province }
}

impl Office {
    pub fn get(&self, path: &str, token: &str) -> Answer {
        http::get(self.app.address, path, Some(token))
    }

    /// Ends the server, which writes down what it had put off, and serves the same data at the same hour.
    pub fn restarted(self) -> Self {
        let app = self.app.restart();
        app.clock.advance_ms(NOON_MS - START_MS);
        Self { app, ..self }
    }

    /// A page that must be there.
    pub fn json(&self, path: &str, token: &str) -> Json {
        let answer = self.get(path, token);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// All items of a list, page by page.
    pub fn all(&self, path: &str, token: &str) -> Vec<Json> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.json(&format!("{path}{join}limit=7{next}"), token);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(cursor) => next = format!("&next={cursor}"),
                None => return items,
            }
        }
    }

    pub fn staff_of(&self, unit: &str) -> String {
        self.app.token(&format!("xa-{unit}"), Role::CommuneStaff, &[ScopeLine::Unit(unit.to_owned())])
    }
}

/// The lines of the sample as plain JSON.
pub fn lines() -> Vec<Json> {
    LINES.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
