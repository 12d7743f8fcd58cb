//! The part of the table that is about administration.

use serde_json::json;

use crate::routes::{Question, Row, anything, cell, get, post, put};
use crate::support::UNIT_A;

/// Columns as in [`crate::routes`].
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    ("GET /api/v1/accounts", "who has an account", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("POST /api/v1/accounts", "makes an account", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("PUT /api/v1/accounts/{login}", "changes an account", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("POST /api/v1/accounts/{login}/reset", "gives a new first password", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("GET /api/v1/officials", "who is an official", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("PUT /api/v1/officials/{id}", "makes or moves an official", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("POST /api/v1/officials/{id}/enrolment", "gives a link for a phone", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("GET /api/v1/settings", "the settings", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("PUT /api/v1/settings", "changes the settings", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("GET /api/v1/org", "names of units and areas", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("PUT /api/v1/org/areas/{id}", "draws an area", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("POST /api/v1/org/import/{kind}", "takes in what is no table", ["401", "401", "403", "403", "403", "403", "403", "403", "422"]),
    ("GET /api/v1/villages", "names of villages", ["401", "401", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]),
    ("DELETE /api/v1/villages/{id}", "takes out what is not in the register", ["401", "401", "403", "403", "403", "403", "403", "403", "404"]),
    ("GET /api/v1/map/boundaries", "lines on the map (here: none)", ["401", "401", "404", "404", "404", "404", "404", "404", "404"]),
    ("PUT /api/v1/admin/map/boundaries", "takes in what is no boundary", ["401", "401", "403", "403", "403", "403", "403", "403", "422"]),
    ("DELETE /api/v1/admin/map/boundaries", "takes the lines off the map", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("GET /api/v1/admin/rules", "limits and holidays", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
    ("POST /api/v1/admin/rules", "what other limits would do", ["401", "401", "403", "403", "403", "403", "403", "403", "yes"]),
];

/// The questions behind the rows.
pub(crate) const QUESTIONS: &[Question] = &[
    ("GET /api/v1/accounts", "who has an account", |s, c| get(s, c, "/api/v1/accounts", "items")),
    ("POST /api/v1/accounts", "makes an account", |s, c| {
        let login = format!("tk-{}-{}", c.column, c.inside);
        let province = json!([{"kind": "province"}]);
        let body = json!({"login": login, "name": "A", "role": "province_staff", "scope": province});
        post(s, c, "/api/v1/accounts", &body)
    }),
    ("PUT /api/v1/accounts/{login}", "changes an account", |s, c| {
        let scope = json!([{"kind": "unit", "value": UNIT_A}]);
        let body = json!({"name": "B", "role": "area_staff", "scope": scope, "disabled": false});
        put(s, c, "/api/v1/accounts/tk-8-true", &body)
    }),
    ("POST /api/v1/accounts/{login}/reset", "gives a new first password", |s, c| {
        post(s, c, "/api/v1/accounts/tk-8-true/reset", &json!({"totp": true}))
    }),
    ("GET /api/v1/officials", "who is an official", |s, c| get(s, c, "/api/v1/officials", "CB-001")),
    ("PUT /api/v1/officials/{id}", "makes or moves an official", |s, c| {
        let scope = json!([{"kind": "unit", "value": UNIT_A}]);
        put(s, c, "/api/v1/officials/CB-777", &json!({"name": "A", "role": "field_official", "scope": scope}))
    }),
    ("POST /api/v1/officials/{id}/enrolment", "gives a link for a phone", |s, c| {
        post(s, c, "/api/v1/officials/CB-001/enrolment", &json!({}))
    }),
    ("GET /api/v1/settings", "the settings", |s, c| get(s, c, "/api/v1/settings", "")),
    ("PUT /api/v1/settings", "changes the settings", |s, c| {
        put(s, c, "/api/v1/settings", &json!({"programme_label": "Ngày Chủ nhật với dân"}))
    }),
    ("GET /api/v1/org", "names of units and areas", |s, c| get(s, c, "/api/v1/org", UNIT_A)),
    ("PUT /api/v1/org/areas/{id}", "draws an area", |s, c| {
        put(s, c, "/api/v1/org/areas/khu-vuc-1", &json!({"name": "Khu vực 1", "members": [{"unit": UNIT_A}]}))
    }),
    ("POST /api/v1/org/import/{kind}", "takes in what is no table", |s, c| {
        post(s, c, "/api/v1/org/import/officials", &json!("x"))
    }),
    ("GET /api/v1/villages", "names of villages", |s, c| get(s, c, "/api/v1/villages", "items")),
    ("DELETE /api/v1/villages/{id}", "takes out what is not in the register", |s, c| {
        cell(&s.ask("DELETE", "/api/v1/villages/999999", c.token.as_deref(), None), anything)
    }),
    ("GET /api/v1/map/boundaries", "lines on the map (here: none)", |s, c| get(s, c, "/api/v1/map/boundaries", "")),
    ("PUT /api/v1/admin/map/boundaries", "takes in what is no boundary", |s, c| {
        put(s, c, "/api/v1/admin/map/boundaries", &json!({"type": "FeatureCollection"}))
    }),
    ("DELETE /api/v1/admin/map/boundaries", "takes the lines off the map", |s, c| {
        cell(&s.ask("DELETE", "/api/v1/admin/map/boundaries", c.token.as_deref(), None), anything)
    }),
    ("GET /api/v1/admin/rules", "limits and holidays", |s, c| get(s, c, "/api/v1/admin/rules", "deadlines")),
    ("POST /api/v1/admin/rules", "what other limits would do", |s, c| {
        post(s, c, "/api/v1/admin/rules", &json!({"edition": 0, "change": {}}))
    }),
];
