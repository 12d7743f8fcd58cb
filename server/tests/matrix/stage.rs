//! One server with a visit and an issue for every caller, so that what one does changes nothing for another.

use gandan_model::attachment;
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_server::auth::{Role, ScopeLine};
use serde_json::json;

use crate::support::files;
use crate::support::peer::Peer;
use crate::support::{TestApp, UNIT_A, UNIT_B};

/// The agency to which every issue is assigned.
pub(crate) const AGENCY: &str = "Phòng Kinh tế";
/// A denunciation's stub, in the sealed compartment.
pub(crate) const STUB: DocId = DocId([0xee; 16]);
/// The unit of the sealed compartment.
const PROVINCE: &str = "68";

/// Somebody at the door.
pub(crate) struct Caller {
    /// The column of the table.
    pub(crate) column: usize,
    /// Whether the records asked for are in this caller's area.
    pub(crate) inside: bool,
    pub(crate) token: Option<String>,
    pub(crate) visit: DocId,
    pub(crate) issue: DocId,
}

/// The columns of the table: somebody without a token, a device with the token for its stream, every role.
pub(crate) fn columns() -> Vec<String> {
    let roles = Role::ALL.iter().map(|role| role.as_str().to_owned());
    ["nobody".to_owned(), "device".to_owned()].into_iter().chain(roles).collect()
}

pub(crate) struct Stage {
    pub(crate) app: TestApp,
    pub(crate) phone: Peer,
    pub(crate) callers: Vec<Caller>,
}

/// What a role has for its area when records of unit A lie in it.
fn inside(role: Role) -> ScopeLine {
    match role {
        Role::FieldOfficial | Role::CommuneStaff | Role::AreaStaff => ScopeLine::Unit(UNIT_A.to_owned()),
        Role::Agency | Role::ProvinceStaff | Role::Inspector | Role::Administrator => ScopeLine::Province,
    }
}

pub(crate) fn stage() -> Stage {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A, UNIT_B]);
    let second = app.official("CB-002", &[UNIT_A]);
    let callers = callers(&app, &phone);
    let stage = fill(app, &mut phone, second, callers);
    Stage { phone, ..stage }
}

/// The number of the late work in quarantine that this caller looks at.
pub(crate) fn late(caller: &Caller) -> i64 {
    i64::from(caller.visit.0[0])
}

/// The second phone's device.
pub(crate) fn second() -> DeviceId {
    Peer::stranger("CB-002").device
}

/// Damaged late work in unit A, one item for each caller.
fn late_work(app: &TestApp, field: SpaceId, callers: &[Caller]) {
    let sql = "INSERT INTO quarantine (id, space, device, device_seq, reason, received_ms, body)
               SELECT ?1, s.no, d.no, 99, 'revoked_device', 5, X'00' FROM space s, device d WHERE s.id = ?2 AND d.id = ?3";
    for caller in callers {
        app.db().write(|write| Ok(write.execute(sql, (late(caller), field.0, second().0))?)).unwrap();
    }
}

fn callers(app: &TestApp, phone: &Peer) -> Vec<Caller> {
    let events = phone.bundle["events_token"].as_str().unwrap().to_owned();
    let mut who = vec![(0, true, None), (1, true, Some(events))];
    for (place, role) in Role::ALL.into_iter().enumerate() {
        // An agency is inside where an issue is assigned to it.
        let names = if role == Role::Agency { [AGENCY, "Sở Y tế"] } else { ["inside", "outside"] };
        who.push((place + 2, true, Some(app.token(names[0], role, &[inside(role)]))));
        who.push((place + 2, false, Some(app.token(names[1], role, &[ScopeLine::Unit(UNIT_B.to_owned())]))));
    }
    let caller = |(place, (column, inside, token)): (usize, _)| {
        let number = u8::try_from(place).unwrap();
        Caller { column, inside, token, visit: DocId([0x10 + number; 16]), issue: DocId([0x40 + number; 16]) }
    };
    who.into_iter().enumerate().map(caller).collect()
}

fn fill(app: TestApp, phone: &mut Peer, mut second: Peer, callers: Vec<Caller>) -> Stage {
    let (field, sealed) = (phone.space(UNIT_A, "field"), phone.space(PROVINCE, "sealed"));
    let mut changes = Vec::new();
    for caller in &callers {
        changes.push((caller.visit, visit(phone, field, caller.visit, "Thôn 1")));
        let issue = [
            ("visit", json!(caller.visit.to_string())),
            ("kind", json!("feedback")),
            ("field", json!("transport")),
            ("title", json!("Cống nghẹt")),
            ("received_on", json!("2026-09-20")),
            ("reporter.contact_ref", json!(contact(caller))),
            ("event", json!({"to": "recorded", "at": "2026-09-20T09:00:00+07:00"})),
        ];
        changes.push((caller.issue, phone.edit(field, caller.issue, DocKind::Issue, &issue)));
        // A second phone writes another place apart: something for a person to decide.
        let apart = visit(&mut second, field, caller.visit, "Thôn 2");
        second.seal(field, &[(caller.visit, apart)]);
    }
    phone.seal(field, &changes);
    late_work(&app, field, &callers);
    let stub = [("unit", json!(PROVINCE)), ("month", json!("2026-09"))];
    let stub = phone.edit(sealed, STUB, DocKind::SealedStub, &stub);
    phone.seal(sealed, &[(STUB, stub)]);
    for peer in [&mut *phone, &mut second] {
        let statuses = peer.sync(&app);
        assert!(statuses.iter().all(|(_, status)| status.is_held()), "{statuses:?}");
    }
    for caller in &callers {
        files::bring(&app, phone, field, &paper(caller.visit));
    }
    app.project();
    let stage = Stage { app, phone: Peer::stranger("nobody"), callers };
    let province = stage.app.token("tinh", Role::ProvinceStaff, &[ScopeLine::Province]);
    for caller in &stage.callers {
        let path = format!("/api/v1/issues/{}/assign", caller.issue);
        let answer = stage.ask("POST", &path, Some(&province), Some(&json!({"agency": AGENCY})));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    stage.app.project();
    stage
}

fn visit(peer: &mut Peer, space: SpaceId, id: DocId, place: &str) -> Vec<u8> {
    let file = attachment::hash(&paper(id)).to_string();
    let fields = [
        ("photos.p1", json!({"mime": "application/pdf", "sha256": file})),
        ("planned_on", json!("2026-09-20")),
        ("place.kind", json!("thon")),
        ("place.name", json!(place)),
        ("event", json!({"to": "submitted", "at": "2026-09-20T11:30:00+07:00"})),
    ];
    peer.edit(space, id, DocKind::Visit, &fields)
}

/// A file of a visit.
pub(crate) fn paper(visit: DocId) -> Vec<u8> {
    files::pdf(&visit.to_string())
}

/// An edit that a document of this kind takes.
pub(crate) fn an_edit(kind: DocKind) -> (&'static str, serde_json::Value) {
    match kind {
        DocKind::Contact => ("name", json!("Nguyễn Thị B")),
        DocKind::SealedStub => ("month", json!("2026-09")),
        DocKind::Plan => ("number", json!("88/KH")),
        _ => ("note", json!("Nội dung")),
    }
}

/// The name under which a caller's issue names its resident.
pub(crate) fn contact(caller: &Caller) -> String {
    format!("nguoi-dan-{}", caller.issue)
}

impl Stage {
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> crate::support::http::Answer {
        // No two actions in one millisecond.
        self.app.clock.advance_ms(1_000);
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.iter().map(|value| ("authorization", value.as_str())));
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        crate::support::http::request(self.app.address, method, path, &headers, &body)
    }
}
