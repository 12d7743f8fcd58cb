//! The description of the API.

use serde_json::Value as Json;

use crate::support::{TestApp, http};

/// Every address of the staff API and its method, as the program of the office would write them down.
const ROUTES: &[(&str, &str)] = &[
    ("get", "/api/v1/visits"),
    ("get", "/api/v1/visits/{id}"),
    ("get", "/api/v1/issues"),
    ("get", "/api/v1/issues/{id}"),
    ("get", "/api/v1/review"),
    ("get", "/api/v1/audit"),
    ("get", "/api/v1/reports/summary"),
    ("get", "/api/v1/export/{file}"),
    ("get", "/api/v1/reports/series"),
    ("get", "/api/v1/reports/devices"),
    ("get", "/api/v1/reports/emulation"),
    ("get", "/api/v1/reports/digest"),
    ("get", "/api/v1/reports/snapshots"),
    ("post", "/api/v1/reports/snapshots"),
    ("get", "/api/v1/reports/snapshots/{id}"),
    ("get", "/api/v1/accounts"),
    ("post", "/api/v1/accounts"),
    ("get", "/api/v1/officials"),
    ("get", "/api/v1/settings"),
    ("put", "/api/v1/settings"),
    ("get", "/api/v1/org"),
    ("get", "/api/v1/queue"),
    ("get", "/api/v1/map/units"),
    ("get", "/api/v1/issues/{id}/duplicates"),
    ("get", "/api/v1/records/{id}/at/{change}"),
    ("get", "/api/v1/views"),
    ("post", "/api/v1/views"),
    ("delete", "/api/v1/views/{id}"),
    ("get", "/api/v1/live"),
    ("post", "/api/v1/issues/bulk"),
    ("post", "/api/v1/visits/bulk"),
    ("post", "/api/v1/issues/{id}/assign"),
    ("post", "/api/v1/issues/{id}/events"),
    ("post", "/api/v1/issues/{id}/reply"),
    ("post", "/api/v1/visits/{id}/verify"),
    ("post", "/api/v1/visits/{id}/return"),
    ("post", "/api/v1/review/{doc}/{field}/resolve"),
    ("post", "/api/v1/assignments"),
    ("post", "/api/v1/plans"),
];

fn document() -> Json {
    serde_json::to_value(gandan_server::http::router::openapi()).unwrap()
}

#[test]
fn every_route_is_described_with_its_errors() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (method, path) in ROUTES {
        let operation = &document["paths"][path][method];
        assert!(operation.is_object(), "{method} {path}");
        assert!(operation["security"].to_string().contains("bearer"), "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("401"), "{method} {path}");
        for (status, response) in responses {
            let text = response.to_string();
            assert!(status.starts_with('2') || text.contains("ErrorBody"), "{method} {path} {status}");
        }
    }
}

#[test]
fn every_address_of_the_program_is_in_the_document() {
    // What the router file registers, read from its source: a handler without a description cannot hide there.
    let source = include_str!("../../src/http/router.rs");
    let registered: Vec<(String, String)> = source
        .lines()
        .filter(|line| line.contains("routes!("))
        .filter_map(|line| {
            let (method, path) = line.split_once("// ")?.1.trim().split_once(' ')?;
            Some((method.to_lowercase(), path.to_owned()))
        })
        .collect();
    assert!(registered.len() >= ROUTES.len(), "{registered:?}");
    let document = document();
    for (method, path) in &registered {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
    let described: usize =
        document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, registered.len(), "every description belongs to a line of the router");
    assert!(!source.contains(".route("), "a plain route has no description");
}

#[test]
fn every_described_address_answers() {
    let app = TestApp::new();
    for (method, path) in ROUTES {
        let path = path
            .replace("{id}", "x")
            .replace("{file}", "visits.csv")
            .replace("{change}", "x")
            .replace("{doc}", "x")
            .replace("{field}", "x");
        let answer = http::request(app.address, &method.to_uppercase(), &path, &[], b"");
        assert_eq!((answer.status, answer.code()), (401, "unauthorised"), "{method} {path}");
    }
    let served = http::get(app.address, "/api/openapi.json", None);
    assert_eq!(served.status, 200);
    assert_eq!(served.json(), document());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut todo = vec![&document];
    while let Some(json) = todo.pop() {
        match json {
            Json::Object(members) => {
                if let Some(Json::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                todo.extend(members.values());
            }
            Json::Array(items) => todo.extend(items),
            _ => {}
        }
    }
}
