//! Addresses that look at no token.

use serde_json::json;

use crate::stage::Stage;
use crate::support::http::Answer;

/// Addresses at which no token counts: what they ask instead, and the status that a stranger's request gets.
pub(crate) const WITHOUT_TOKEN: &[(&str, &str, u16)] = &[
    ("GET /healthz", "nothing: that it works", 200),
    ("GET /metrics", "nothing: figures without names", 200),
    ("GET /api/openapi.json", "nothing: the description", 200),
    ("POST /v1/sync", "the signature of a device's key", 400),
    ("POST /v1/query", "the signature of a device's key", 400),
    ("OPTIONS /v1/files", "nothing: what of tus is spoken", 204),
    ("POST /v1/files", "the signature of a device's key", 401),
    ("PATCH /v1/files/{hash}", "the signature of a device's key", 401),
    ("HEAD /v1/files/{hash}", "the signature of a device's key", 401),
    ("GET /v1/files/{hash}", "the signature of a device's key", 401),
    ("POST /v1/enrol", "a one-time code", 404),
    ("POST /api/v1/login", "a one-time code", 404),
    ("GET /api/v1/public/ticket/{code}", "a ticket; no name, no text, 60 questions at once", 404),
    ("GET /api/v1/public/units/{unit}/issues", "a unit whose list is posted; no name, no text", 404),
    ("POST /api/v1/session", "name and password, on a page of the server", 403),
    ("GET /api/v1/session/oidc", "nothing: what its button says, if there is a sign-in service", 404),
    ("GET /api/v1/session/oidc/start", "nothing: sends to the sign-in service, if there is one", 404),
    ("GET /api/v1/session/oidc/return", "a sign-in that this browser began", 404),
    ("DELETE /api/v1/session", "the cookie of a session", 401),
    ("DELETE /api/v1/sessions", "the cookie of a session", 401),
    ("PUT /api/v1/me/password", "the cookie of a session", 401),
    ("POST /api/v1/me/totp", "the cookie of a session", 401),
    ("PUT /api/v1/me/totp", "the cookie of a session", 401),
];

/// What somebody gets who has nothing to show.
pub(crate) fn stranger(stage: &Stage, route: &str, token: Option<&str>) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let body = match path {
        "/v1/enrol" => Some(json!({"code": "doan-mo", "device": "0123456789abcdef", "public_key": key})),
        "/api/v1/login" => Some(json!({"code": "doan-mo"})),
        "/v1/sync" | "/v1/query" => Some(json!("not a frame")),
        "/api/v1/session" => Some(json!({"login": "doan-mo", "password": "doan-mo"})),
        _ => None,
    };
    stage.ask(method, &path.replace(['{', '}'], "x"), token, body.as_ref())
}
