//! One unit with a visit and an issue, a phone that holds them, and staff.

use std::cell::Cell;

use gandan_model::codes::IssueStatus;
use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use gandan_model::issue::Issue;
use gandan_model::rules::Rules;
use gandan_model::visit::Visit;
use gandan_server::auth::{Role, ScopeLine};
use serde_json::{Value as Json, json};

use crate::support::http::{self, Answer};
use crate::support::peer::Peer;
use crate::support::{TestApp, UNIT_A, UNIT_B};

pub const VISIT: DocId = DocId([1; 16]);
pub const ISSUE: DocId = DocId([2; 16]);
pub const AGENCY: &str = "Phòng Kinh tế";

pub struct World {
    pub app: TestApp,
    pub phone: Peer,
    pub commune: String,
    pub other_commune: String,
    pub agency: String,
    pub area: String,
    pub province: String,
    pub inspector: String,
    clock_ms: Cell<i64>,
}

pub fn world() -> World {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A, UNIT_B]);
    let space = phone.space(UNIT_A, "field");
    let visit = phone.edit(
        space,
        VISIT,
        DocKind::Visit,
        &[
            ("programme", json!("sunday_with_people")),
            ("planned_on", json!("2026-09-20")),
            ("team.CB-001", json!({"role": "lead", "name": "A"})),
            ("counts.residents", json!(46)),
            ("event", json!({"to": "submitted", "at": "2026-09-20T11:30:00+07:00"})),
        ],
    );
    let issue = phone.edit(
        space,
        ISSUE,
        DocKind::Issue,
        &[
            ("visit", json!(VISIT.to_string())),
            ("kind", json!("feedback")),
            ("field", json!("transport")),
            ("title", json!("Cống nghẹt")),
            ("received_on", json!("2026-09-20")),
            ("event", json!({"to": "recorded", "at": "2026-09-20T09:00:00+07:00"})),
        ],
    );
    phone.seal(space, &[(VISIT, visit), (ISSUE, issue)]);
    phone.sync(&app);
    app.project();
    let unit = |code: &str| [ScopeLine::Unit(code.to_owned())];
    let commune = app.token("xa-a", Role::CommuneStaff, &unit(UNIT_A));
    let other_commune = app.token("xa-b", Role::CommuneStaff, &unit(UNIT_B));
    let agency = app.token(AGENCY, Role::Agency, &[ScopeLine::Province]);
    let area = app.token("khu-vuc", Role::AreaStaff, &unit(UNIT_A));
    let province = app.token("tinh", Role::ProvinceStaff, &[ScopeLine::Province]);
    let inspector = app.token("thanh-tra", Role::Inspector, &[ScopeLine::Province]);
    World { app, phone, commune, other_commune, agency, area, province, inspector, clock_ms: Cell::new(0) }
}

impl World {
    pub fn post(&self, path: &str, token: &str, body: &Json) -> Answer {
        // No two actions at the same millisecond: a later one is later.
        self.app.clock.advance_ms(1_000);
        self.clock_ms.set(self.clock_ms.get() + 1_000);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        http::request(self.app.address, "POST", &format!("/api/v1/{path}"), &headers, &body)
    }

    /// An action that must succeed.
    pub fn done(&self, path: &str, token: &str, body: &Json) -> Json {
        let answer = self.post(path, token, body);
        assert!(matches!(answer.status, 200 | 201), "{path}: {}", String::from_utf8_lossy(&answer.body));
        self.app.project();
        answer.json()
    }

    /// Status and code of an action that must not succeed.
    pub fn refused(&self, path: &str, token: &str, body: &Json) -> (u16, String) {
        let answer = self.post(path, token, body);
        (answer.status, answer.code().to_owned())
    }

    pub fn get(&self, path: &str, token: &str) -> Json {
        let answer = http::get(self.app.address, &format!("/api/v1/{path}"), Some(token));
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    #[expect(clippy::unused_self, reason = "reads as a sentence")]
    pub fn issue(&self, action: &str) -> String {
        format!("issues/{ISSUE}/{action}")
    }

    #[expect(clippy::unused_self, reason = "reads as a sentence")]
    pub fn visit(&self, action: &str) -> String {
        format!("visits/{VISIT}/{action}")
    }

    /// The issue as the phone has it after syncing.
    pub fn issue_on_phone(&mut self) -> Issue {
        self.phone.sync(&self.app);
        let space = self.phone.space(UNIT_A, "field");
        Issue::of(&self.phone.docs[&(space, ISSUE)].document, &Rules::default(), UNIT_A)
    }

    /// The visit as the phone has it after syncing.
    pub fn visit_on_phone(&mut self) -> Visit {
        self.phone.sync(&self.app);
        let space = self.phone.space(UNIT_A, "field");
        Visit::of(&self.phone.docs[&(space, VISIT)].document)
    }

    pub fn status(&self) -> IssueStatus {
        let issue = self.get(&format!("issues/{ISSUE}"), &self.province);
        IssueStatus::from(issue["issue"]["status"].as_str().unwrap())
    }

    /// Assigns the issue to the agency.
    pub fn assigned(self) -> Self {
        self.done(&self.issue("assign"), &self.commune, &json!({"agency": AGENCY}));
        self
    }
}
