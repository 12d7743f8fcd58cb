//! The table of addresses.

use std::collections::BTreeSet;
use std::io::BufRead;

use gandan_model::genesis::DocKind;
use gandan_model::ids::DocId;
use serde_json::{Value as Json, json};

use crate::stage::{AGENCY, Caller, STUB, Stage, an_edit, columns, contact, late, paper, second, stage};
use crate::strangers::{WITHOUT_TOKEN, stranger};
use crate::support::http::{self, Answer};
use crate::support::{UNIT_A, UNIT_B};
use crate::{admin, document};

/// A row: the address, what is asked of it, and what each column gets. A cell with a stroke is inside / outside of the
/// caller's area; `open`: the same for everybody, the token does not matter.
pub(crate) type Row = (&'static str, &'static str, [&'static str; 9]);

const OPEN: [&str; 9] = ["open"; 9];

/// What must come out. Columns: nobody, device, field official, commune, agency, area, province, inspector,
/// administrator.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET /api/v1/visits", "a visit in the list", ["401", "401", "yes / empty", "yes / empty", "empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/visits/{id}", "a visit", ["401", "401", "yes / 404", "yes / 404", "404", "yes / 404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/visits/{id}/files/{hash}", "a file of the visit", ["401", "401", "yes / 404", "yes / 404", "404", "yes / 404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/issues", "an issue in the list", ["401", "401", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/issues", "a denunciation's stub in the list", ["401", "401", "empty", "empty", "empty", "empty", "empty", "yes / empty", "empty"]),
    ("GET /api/v1/issues/{id}", "an issue", ["401", "401", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/issues/{id}", "which resident it is about", ["401", "401", "yes / 404", "yes / 404", "empty / 404", "empty / 404", "empty / 404", "empty / 404", "empty / 404"]),
    ("GET /api/v1/issues/{id}", "a denunciation's stub", ["401", "401", "404", "404", "404", "404", "404", "yes / 404", "404"]),
    ("GET /api/v1/review", "a difference to settle", ["401", "401", "yes / empty", "yes / empty", "empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/audit", "the audit trail of the unit", ["401", "401", "403", "403", "403", "403", "403", "yes / empty", "empty"]),
    ("GET /api/v1/reports/summary", "figures that count the visit", ["401", "401", "yes / empty", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("POST /api/v1/review/{doc}/{field}/resolve", "settles a difference", ["401", "401", "403 / 404", "yes / 404", "404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/visits/{id}/verify", "verifies a visit", ["401", "401", "403 / 404", "403 / 404", "404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/visits/{id}/return", "returns a visit", ["401", "401", "403 / 404", "403 / 404", "404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/issues/{id}/assign", "assigns an issue", ["401", "401", "403 / 404", "yes / 404", "403 / 404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/issues/{id}/events", "moves an issue on", ["401", "401", "403 / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/issues/{id}/reply", "replies", ["401", "401", "403 / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "403 / 404", "403 / 404"]),
    ("POST /api/v1/assignments", "sends an official to the unit", ["401", "401", "403", "yes / 403", "403", "yes / 403", "yes / 403", "403", "403"]),
    ("POST /api/v1/plans", "enters a plan for the unit", ["401", "401", "403", "yes / 403", "403", "yes / 403", "yes / 403", "403", "403"]),
    ("POST /api/v1/records/{id}/erase", "erases a document for good", ["401", "401", "403", "yes / 404", "403", "403", "403", "403", "yes / 404"]),
    ("GET /api/v1/quarantine", "late work of the unit", ["401", "401", "403", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "403"]),
    ("POST /api/v1/quarantine/{id}/admit", "takes late work in (here: damaged)", ["401", "401", "403", "409 / 404", "403", "409 / 404", "409 / 404", "403 / 404", "403"]),
    ("POST /api/v1/quarantine/{id}/discard", "puts late work away", ["401", "401", "403", "yes / 404", "403", "yes / 404", "yes / 404", "403 / 404", "403"]),
    ("GET /api/v1/devices", "the devices of the unit's officials", ["401", "401", "403", "403", "403", "403", "403", "403", "yes / empty"]),
    ("POST /api/v1/devices/{id}/revoke", "takes a device out of service", ["401", "401", "403", "403", "403", "403", "403", "403", "yes / 404"]),
    ("POST /api/v1/officials/{id}/scope", "moves an official", ["401", "401", "403", "403", "403", "403", "403", "403", "yes / 404"]),
    ("GET /v1/events", "hears that there is news in `field`", ["401", "yes", "yes / no", "yes / no", "yes / no", "yes / no", "yes / no", "yes / no", "yes / no"]),
    ("GET /v1/events", "hears that there is news in `contacts`", ["401", "yes", "yes / no", "yes / no", "no", "no", "no", "no", "no"]),
    ("GET /v1/events", "hears that there is news in `sealed`", ["401", "no", "no", "no", "no", "no", "no", "yes / no", "no"]),
    ("GET /api/v1/export/{file}", "a visit in the file", ["401", "401", "yes / empty", "yes / empty", "empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/export/{file}", "an issue in the file", ["401", "401", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/export/{file}", "a denunciation's stub in the file", ["401", "401", "empty", "empty", "empty", "empty", "empty", "yes / empty", "empty"]),
    ("GET /api/v1/queue", "counters that count the issue", ["401", "401", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/map/units", "the unit on the map", ["401", "401", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/map/{layer}/points", "the issue on the map", ["401", "401", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/issues/{id}/duplicates", "what may be the same matter", ["401", "401", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/records/{id}/at/{change}", "the visit as it was", ["401", "401", "yes / 404", "yes / 404", "404", "yes / 404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/views", "its own saved views", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("POST /api/v1/views", "saves a view of its own", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("DELETE /api/v1/views/{id}", "forgets a view of somebody else", ["401", "401", "404", "404", "404", "404", "404", "404", "404"]),
    ("GET /api/v1/live", "its own counters, as they change", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("POST /api/v1/issues/bulk", "assigns the issue among others", ["401", "401", "empty", "yes / empty", "empty", "yes / empty", "yes / empty", "empty", "empty"]),
    ("POST /api/v1/visits/bulk", "returns the visit among others", ["401", "401", "empty", "empty", "empty", "yes / empty", "yes / empty", "empty", "empty"]),
    ("GET /api/v1/public/ticket/{code}", "a ticket; no name, no text, 60 questions at once", OPEN),
    ("GET /api/v1/public/units/{unit}/issues", "a unit whose list is posted; no name, no text", OPEN),
    ("GET /api/v1/reports/series", "rows that count the visit", ["401", "401", "yes / empty", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/reports/villages", "the village of the visit", ["401", "401", "yes / empty", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/reports/devices", "whose phones in the unit are waited for", ["401", "401", "empty", "empty", "403", "empty", "empty", "empty", "empty"]),
    ("GET /api/v1/reports/emulation", "the unit of the visit", ["401", "401", "yes / empty", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/reports/digest", "counters that count the issue", ["401", "401", "yes / empty", "yes / empty", "403", "yes / empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("POST /api/v1/reports/snapshots", "freezes a report of its own area", ["401", "401", "403", "yes", "403", "yes", "yes", "yes", "403"]),
    ("GET /api/v1/reports/snapshots", "a frozen report of the province", ["401", "401", "empty", "empty", "403", "empty", "yes / empty", "yes / empty", "yes / empty"]),
    ("GET /api/v1/reports/snapshots/{id}", "a frozen report of the province", ["401", "401", "404", "404", "403", "404", "yes / 404", "yes / 404", "yes / 404"]),
    ("GET /api/v1/me", "its own account", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("POST /api/v1/session", "name and password, on a page of the server", OPEN),
    ("GET /api/v1/session/oidc", "nothing: what its button says, if there is a sign-in service", OPEN),
    ("GET /api/v1/session/oidc/start", "nothing: sends to the sign-in service, if there is one", OPEN),
    ("GET /api/v1/session/oidc/return", "a sign-in that this browser began", OPEN),
    ("DELETE /api/v1/session", "the cookie of a session", OPEN),
    ("DELETE /api/v1/sessions", "the cookie of a session", OPEN),
    ("PUT /api/v1/me/password", "the cookie of a session", OPEN),
    ("POST /api/v1/me/totp", "the cookie of a session", OPEN),
    ("PUT /api/v1/me/totp", "the cookie of a session", OPEN),
    ("POST /v1/sync", "the signature of a device's key", OPEN),
    ("POST /v1/query", "the signature of a device's key", OPEN),
    ("OPTIONS /v1/files", "nothing: what of tus is spoken", OPEN),
    ("POST /v1/files", "the signature of a device's key", OPEN),
    ("PATCH /v1/files/{hash}", "the signature of a device's key", OPEN),
    ("HEAD /v1/files/{hash}", "the signature of a device's key", OPEN),
    ("GET /v1/files/{hash}", "the signature of a device's key", OPEN),
    ("POST /v1/enrol", "a one-time code", OPEN),
    ("POST /api/v1/login", "a one-time code", OPEN),
    ("GET /healthz", "nothing: that it works", OPEN),
    ("GET /metrics", "nothing: figures without names", OPEN),
    ("GET /api/openapi.json", "nothing: the description", OPEN),
];

/// What a caller got: `yes`, `empty` for a list without the record, or the status of a refusal.
pub(crate) fn cell(answer: &Answer, shows: impl Fn(&str) -> bool) -> String {
    match answer.status {
        200 | 201 | 204 if shows(&answer.text()) => "yes".to_owned(),
        200 | 201 | 204 => "empty".to_owned(),
        status => status.to_string(),
    }
}

pub(crate) fn anything(_: &str) -> bool {
    true
}

/// Asks one question for a caller.
pub(crate) fn get(stage: &Stage, caller: &Caller, path: &str, needle: &str) -> String {
    cell(&stage.ask("GET", path, caller.token.as_deref(), None), |text| text.contains(needle))
}

pub(crate) fn post(stage: &Stage, caller: &Caller, path: &str, body: &Json) -> String {
    let body = (!body.is_null()).then_some(body);
    cell(&stage.ask("POST", path, caller.token.as_deref(), body), anything)
}

pub(crate) fn put(stage: &Stage, caller: &Caller, path: &str, body: &Json) -> String {
    cell(&stage.ask("PUT", path, caller.token.as_deref(), Some(body)), anything)
}

/// One action on several records: the answer is there in any case, what became of the record stands in it.
fn many(stage: &Stage, caller: &Caller, path: &str, body: &Json) -> String {
    cell(&stage.ask("POST", path, caller.token.as_deref(), Some(body)), |text| text.contains("\"ok\":true"))
}

/// How a cell is found out.
pub(crate) type Question = (&'static str, &'static str, fn(&Stage, &Caller) -> String);

/// Every row.
fn table() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().chain(admin::TABLE)
}

/// Every question, in an order in which each finds what it needs: reading before writing, deciding before verifying.
const QUESTIONS: &[Question] = &[
    ("GET /api/v1/visits", "a visit in the list", |s, c| get(s, c, "/api/v1/visits?limit=200", &c.visit.to_string())),
    ("GET /api/v1/visits/{id}", "a visit", |s, c| get(s, c, &format!("/api/v1/visits/{}", c.visit), "")),
    ("GET /api/v1/visits/{id}/files/{hash}", "a file of the visit", |s, c| {
        let hash = gandan_model::attachment::hash(&paper(c.visit));
        get(s, c, &format!("/api/v1/visits/{}/files/{hash}", c.visit), "%PDF")
    }),
    ("GET /api/v1/issues", "an issue in the list", |s, c| get(s, c, "/api/v1/issues?limit=200", &c.issue.to_string())),
    ("GET /api/v1/issues", "a denunciation's stub in the list", |s, c| {
        get(s, c, "/api/v1/issues?limit=200&all=true", &STUB.to_string())
    }),
    ("GET /api/v1/issues/{id}", "an issue", |s, c| get(s, c, &format!("/api/v1/issues/{}", c.issue), "")),
    ("GET /api/v1/issues/{id}", "which resident it is about", |s, c| {
        get(s, c, &format!("/api/v1/issues/{}", c.issue), &contact(c))
    }),
    ("GET /api/v1/issues/{id}", "a denunciation's stub", |s, c| get(s, c, &format!("/api/v1/issues/{STUB}"), "")),
    ("GET /api/v1/review", "a difference to settle", |s, c| {
        get(s, c, "/api/v1/review?limit=200", &c.visit.to_string())
    }),
    ("GET /api/v1/audit", "the audit trail of the unit", |s, c| get(s, c, "/api/v1/audit", "issue.assign")),
    ("GET /api/v1/export/{file}", "a visit in the file", |s, c| {
        get(s, c, "/api/v1/export/visits.csv", &c.visit.to_string())
    }),
    ("GET /api/v1/export/{file}", "an issue in the file", |s, c| {
        get(s, c, "/api/v1/export/issues.jsonl", &c.issue.to_string())
    }),
    ("GET /api/v1/export/{file}", "a denunciation's stub in the file", |s, c| {
        get(s, c, "/api/v1/export/issues.geojson?all=true", &STUB.to_string())
    }),
    ("GET /api/v1/queue", "counters that count the issue", |s, c| {
        let answer = s.ask("GET", "/api/v1/queue", c.token.as_deref(), None);
        cell(&answer, |_| answer.json()["open"].as_i64() > Some(0))
    }),
    ("GET /api/v1/map/units", "the unit on the map", |s, c| get(s, c, "/api/v1/map/units", UNIT_A)),
    ("GET /api/v1/map/{layer}/points", "the issue on the map", |s, c| {
        let path = "/api/v1/map/issues/points?west=100&south=5&east=115&north=25&zoom=8";
        let answer = s.ask("GET", path, c.token.as_deref(), None);
        cell(&answer, |_| answer.json()["total"].as_i64() > Some(0))
    }),
    ("GET /api/v1/issues/{id}/duplicates", "what may be the same matter", |s, c| {
        get(s, c, &format!("/api/v1/issues/{}/duplicates", c.issue), "items")
    }),
    ("GET /api/v1/records/{id}/at/{change}", "the visit as it was", |s, c| {
        let province = s.callers.iter().find(|other| other.inside && other.column == 6).unwrap();
        let path = format!("/api/v1/visits/{}", c.visit);
        let whole = s.ask("GET", &path, province.token.as_deref(), None).json();
        let change = whole["history"][0]["hash"].as_str().unwrap();
        get(s, c, &format!("/api/v1/records/{}/at/{change}", c.visit), "planned_on")
    }),
    ("GET /api/v1/views", "its own saved views", |s, c| get(s, c, "/api/v1/views", "items")),
    ("POST /api/v1/views", "saves a view of its own", |s, c| {
        post(s, c, "/api/v1/views", &json!({"list": "issues", "name": "Của tôi", "query": "overdue=true"}))
    }),
    ("DELETE /api/v1/views/{id}", "forgets a view of somebody else", |s, c| {
        cell(&s.ask("DELETE", "/api/v1/views/999999", c.token.as_deref(), None), anything)
    }),
    ("GET /api/v1/live", "its own counters, as they change", |s, c| {
        match http::begin(s.app.address, "/api/v1/live", c.token.as_deref()) {
            200 => "yes".to_owned(),
            status => status.to_string(),
        }
    }),
    ("GET /api/v1/reports/series", "rows that count the visit", |s, c| {
        let answer = s.ask("GET", "/api/v1/reports/series", c.token.as_deref(), None);
        cell(&answer, |_| answer.json()["weeks"][0]["visits_held"].as_i64() > Some(0))
    }),
    ("GET /api/v1/reports/villages", "the village of the visit", |s, c| {
        get(s, c, "/api/v1/reports/villages", &format!("\"unit\":\"{UNIT_A}\""))
    }),
    ("GET /api/v1/reports/devices", "whose phones in the unit are waited for", |s, c| {
        get(s, c, "/api/v1/reports/devices", "CB-")
    }),
    ("GET /api/v1/reports/emulation", "the unit of the visit", |s, c| {
        get(s, c, "/api/v1/reports/emulation", &format!("\"unit\":\"{UNIT_A}\""))
    }),
    ("GET /api/v1/reports/digest", "counters that count the issue", |s, c| {
        let answer = s.ask("GET", "/api/v1/reports/digest", c.token.as_deref(), None);
        cell(&answer, |_| answer.json()["queue"]["open"].as_i64() > Some(0))
    }),
    ("POST /api/v1/reports/snapshots", "freezes a report of its own area", |s, c| {
        let body = json!({"name": format!("bc-{}-{}", c.column, c.inside), "report": {}});
        post(s, c, "/api/v1/reports/snapshots", &body)
    }),
    ("GET /api/v1/reports/snapshots", "a frozen report of the province", |s, c| {
        get(s, c, "/api/v1/reports/snapshots", "bc-6-true")
    }),
    ("GET /api/v1/reports/snapshots/{id}", "a frozen report of the province", |s, c| {
        let province = s.callers.iter().find(|other| other.inside && other.column == 6).unwrap();
        let list = s.ask("GET", "/api/v1/reports/snapshots", province.token.as_deref(), None).json();
        let found = list["items"].as_array().unwrap().iter().find(|item| item["name"] == "bc-6-true").unwrap().clone();
        get(s, c, &format!("/api/v1/reports/snapshots/{}", found["id"]), "as_of")
    }),
    ("GET /api/v1/me", "its own account", |s, c| get(s, c, "/api/v1/me", "permissions")),
    ("GET /api/v1/reports/summary", "figures that count the visit", |s, c| {
        let answer = s.ask("GET", "/api/v1/reports/summary?as_of=2026-11-21", c.token.as_deref(), None);
        cell(&answer, |_| answer.json()["visits"]["lines"].as_u64() > Some(0))
    }),
    ("POST /api/v1/review/{doc}/{field}/resolve", "settles a difference", |s, c| {
        post(s, c, &format!("/api/v1/review/{}/place.name/resolve", c.visit), &json!({"value": "Thôn 1"}))
    }),
    ("POST /api/v1/visits/{id}/verify", "verifies a visit", |s, c| {
        post(s, c, &format!("/api/v1/visits/{}/verify", c.visit), &Json::Null)
    }),
    ("POST /api/v1/visits/{id}/return", "returns a visit", |s, c| {
        post(s, c, &format!("/api/v1/visits/{}/return", c.visit), &json!({"reason": "thiếu ảnh"}))
    }),
    ("POST /api/v1/visits/bulk", "returns the visit among others", |s, c| {
        let body = json!({"ids": [c.visit.to_string()], "return": {"reason": "thiếu ảnh"}});
        many(s, c, "/api/v1/visits/bulk", &body)
    }),
    ("POST /api/v1/issues/bulk", "assigns the issue among others", |s, c| {
        let body = json!({"ids": [c.issue.to_string()], "assign": {"agency": AGENCY}});
        many(s, c, "/api/v1/issues/bulk", &body)
    }),
    ("POST /api/v1/issues/{id}/assign", "assigns an issue", |s, c| {
        post(s, c, &format!("/api/v1/issues/{}/assign", c.issue), &json!({"agency": AGENCY}))
    }),
    ("POST /api/v1/issues/{id}/events", "moves an issue on", |s, c| {
        post(s, c, &format!("/api/v1/issues/{}/events", c.issue), &json!({"to": "in_progress"}))
    }),
    ("POST /api/v1/issues/{id}/reply", "replies", |s, c| {
        let reply = json!({"channel": "direct", "text": "Đã thông cống", "outcome": "fully_met"});
        post(s, c, &format!("/api/v1/issues/{}/reply", c.issue), &reply)
    }),
    ("POST /api/v1/assignments", "sends an official to the unit", |s, c| {
        let body = json!({"unit": UNIT_A, "official": "CB-001", "from": "2026-10-01"});
        post(s, c, "/api/v1/assignments", &body)
    }),
    ("POST /api/v1/plans", "enters a plan for the unit", |s, c| {
        let body = json!({"unit": UNIT_A, "number": "88/KH", "date": "2026-09-01", "title": "Kế hoạch"});
        post(s, c, "/api/v1/plans", &body)
    }),
    ("GET /api/v1/quarantine", "late work of the unit", |s, c| {
        get(s, c, "/api/v1/quarantine?limit=50", &format!("\"id\":{},", late(c)))
    }),
    ("POST /api/v1/quarantine/{id}/admit", "takes late work in (here: damaged)", |s, c| {
        post(s, c, &format!("/api/v1/quarantine/{}/admit", late(c)), &json!({"reason": "đã hỏi"}))
    }),
    ("POST /api/v1/quarantine/{id}/discard", "puts late work away", |s, c| {
        post(s, c, &format!("/api/v1/quarantine/{}/discard", late(c)), &json!({"reason": "đã hỏi"}))
    }),
    ("GET /api/v1/devices", "the devices of the unit's officials", |s, c| {
        get(s, c, "/api/v1/devices", &second().to_string())
    }),
    ("POST /api/v1/devices/{id}/revoke", "takes a device out of service", |s, c| {
        post(s, c, &format!("/api/v1/devices/{}/revoke", second()), &json!({"reason": "mất máy"}))
    }),
    ("POST /api/v1/officials/{id}/scope", "moves an official", |s, c| {
        let scope = json!([{"kind": "unit", "value": UNIT_A}]);
        post(s, c, "/api/v1/officials/CB-002/scope", &json!({"scope": scope, "reason": "điều động"}))
    }),
    ("POST /api/v1/records/{id}/erase", "erases a document for good", |s, c| {
        post(s, c, &format!("/api/v1/records/{}/erase", c.visit), &json!({"reason": "yêu cầu"}))
    }),
];

/// The cells of one row in the order of the columns, inside and outside joined.
fn joined(stage: &Stage, cells: &[String]) -> Vec<String> {
    let mut row: Vec<String> = vec![String::new(); columns().len()];
    for (caller, cell) in stage.callers.iter().zip(cells) {
        let place = &mut row[caller.column];
        *place = match (place.as_str(), caller.inside) {
            ("", _) => cell.clone(),
            (inside, _) if inside == cell => continue,
            (inside, _) => format!("{inside} / {cell}"),
        };
    }
    row
}

/// What really comes out.
fn found(stage: &mut Stage) -> Vec<(String, String, Vec<String>)> {
    let mut rows = Vec::new();
    for (route, what, question) in QUESTIONS.iter().chain(admin::QUESTIONS) {
        stage.app.project();
        let cells: Vec<String> = stage.callers.iter().map(|caller| question(stage, caller)).collect();
        rows.push(((*route).to_owned(), (*what).to_owned(), joined(stage, &cells)));
    }
    for (compartment, cells) in heard(stage) {
        let what = format!("hears that there is news in `{compartment}`");
        rows.push(("GET /v1/events".to_owned(), what, joined(stage, &cells)));
    }
    for (route, asks, status) in WITHOUT_TOKEN {
        for caller in &stage.callers {
            assert_eq!(stranger(stage, route, caller.token.as_deref()).status, *status, "{route}");
        }
        rows.push(((*route).to_owned(), (*asks).to_owned(), vec!["open".to_owned(); columns().len()]));
    }
    rows
}

/// What each caller's stream tells of, compartment by compartment.
fn heard(stage: &mut Stage) -> Vec<(&'static str, Vec<String>)> {
    let mut streams: Vec<_> = Vec::new();
    for caller in &stage.callers {
        let answered = caller.token.as_ref().map(|token| http::open(stage.app.address, "/v1/events", token));
        streams.push(answered);
    }
    let refused = http::get(stage.app.address, "/v1/events", None);
    assert_eq!(refused.status, 401);
    let phone = &mut stage.phone;
    let spaces = [phone.space(UNIT_A, "field"), phone.space(UNIT_A, "contacts"), phone.space("68", "sealed")];
    let kinds = [DocKind::Visit, DocKind::Contact, DocKind::SealedStub];
    for (place, (space, kind)) in spaces.into_iter().zip(kinds).enumerate() {
        let id = DocId([0xd0 + u8::try_from(place).unwrap(); 16]);
        let raw = phone.edit(space, id, kind, &[an_edit(kind)]);
        phone.seal(space, &[(id, raw)]);
        phone.sync(&stage.app);
    }
    // Last, news that somebody hears who heard nothing so far: those inside of unit B, and those inside of A once more.
    let ends = [phone.space(UNIT_B, "field"), spaces[0]];
    for (place, space) in ends.into_iter().enumerate() {
        let id = DocId([0xc0 + u8::try_from(place).unwrap(); 16]);
        let raw = phone.edit(space, id, DocKind::Plan, &[an_edit(DocKind::Plan)]);
        phone.seal(space, &[(id, raw)]);
        phone.sync(&stage.app);
    }
    let texts: Vec<Option<String>> = streams.into_iter().map(|stream| stream.map(|s| until_end(s, ends))).collect();
    let heard = |space: gandan_model::ids::SpaceId| {
        let word = |text: &Option<String>| match text {
            None => "401".to_owned(),
            Some(text) if text.contains(&space.to_string()) => "yes".to_owned(),
            Some(_) => "no".to_owned(),
        };
        texts.iter().map(word).collect()
    };
    vec![("field", heard(spaces[0])), ("contacts", heard(spaces[1])), ("sealed", heard(spaces[2]))]
}

/// Everything before the last news that this listener will get.
fn until_end(mut stream: impl BufRead, ends: [gandan_model::ids::SpaceId; 2]) -> String {
    let [b, a] = ends.map(|space| space.to_string());
    let (mut text, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        text.push_str(&line);
        // Inside of A comes the second news of A; elsewhere that of B is the last.
        if text.matches(&a).count() == 2 || (text.contains(&b) && !text.contains(&a)) {
            return text;
        }
    }
}

/// Method and path of every address in the description.
fn described() -> BTreeSet<String> {
    let document = serde_json::to_value(gandan_server::http::router::openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "head", "options", "post", "put", "patch", "delete"] {
            if item[method].is_object() {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

#[test]
fn every_address_has_a_row() {
    let listed: BTreeSet<String> = table().map(|(route, ..)| (*route).to_owned()).collect();
    assert_eq!(described(), listed, "an address without a row, or a row without an address");
    // Nothing is registered past the description.
    let router = include_str!("../../src/http/router.rs");
    for hidden in [".route(", ".route_service(", ".nest(", ".nest_service(", ".fallback_service("] {
        assert!(!router.contains(hidden), "{hidden} in the router: describe it, or test who may have it here");
    }
}

#[test]
fn everybody_gets_what_the_table_says_and_nothing_else() {
    let mut stage = stage();
    let mut found = found(&mut stage);
    found.sort();
    let mut wanted: Vec<(String, String, Vec<String>)> = table()
        .map(|(route, what, cells)| {
            ((*route).to_owned(), (*what).to_owned(), cells.iter().map(|cell| (*cell).to_owned()).collect())
        })
        .collect();
    wanted.sort();
    let lines = |rows: &[(String, String, Vec<String>)]| {
        rows.iter().fold(String::new(), |text, (route, what, cells)| {
            text + &format!("    ({route:?}, {what:?}, {cells:?}),\n")
        })
    };
    assert!(found == wanted, "found:\n{}\nexpected:\n{}", lines(&found), lines(&wanted));
}

#[test]
fn the_document_shows_the_table() {
    let mut text = format!("| address | what | {} |\n", columns().join(" | "));
    text += &format!("|---|---|{}\n", "---|".repeat(columns().len()));
    for (route, what, cells) in table() {
        text += &format!("| `{route}` | {what} | {} |\n", cells.join(" | "));
    }
    document::compare("access", &text);
}
