//! Who may know whom. The arrows of ARCHITECTURE.md against the dependency tables, dev-dependencies
//! included, and the doors that keep the core free of clock, network and chance.

use super::lex::{code_only, line_of};
use super::{Finding, Ground};
use crate::json::{items, text};

/// A room, and which rooms it may see. A new crate is entered here and in ARCHITECTURE.md together.
const ARROWS: &[(&str, &[&str])] = &[
    ("gandan-model", &[]),
    ("gandan-sync", &["gandan-model"]),
    ("gandan-store", &["gandan-model"]),
    ("gandan-client", &["gandan-model", "gandan-sync", "gandan-store"]),
    ("gandan-cli", &["gandan-client"]),
    ("gandan-ffi", &["gandan-client"]),
    ("gandan-web", &["gandan-client"]),
    ("gandan-bindgen", &[]),
    ("gandan-server", &["gandan-model", "gandan-sync"]),
    ("gandan-tests", &["gandan-client", "gandan-server", "gandan-sync", "gandan-store", "gandan-model"]),
    ("gandan-xtask", &[]),
];

/// Crates from outside that only some rooms may name in what they ship: the fence is the reason why
/// these rooms are crates of their own.
const FENCES: &[(&str, &[&str])] = &[
    ("automerge", &["gandan-model", "gandan-tests"]),
    ("axum", &["gandan-server"]),
    ("reqwest", &["gandan-client", "gandan-server", "gandan-tests"]),
    ("uniffi", &["gandan-ffi"]),
    ("uniffi_bindgen", &["gandan-bindgen"]),
    ("rusqlite", &["gandan-store", "gandan-server", "gandan-tests"]),
    ("tokio", &["gandan-client", "gandan-cli", "gandan-ffi", "gandan-server", "gandan-tests"]),
    ("getrandom", &["gandan-client", "gandan-cli", "gandan-ffi", "gandan-web", "gandan-server", "gandan-tests"]),
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let members = ground.members();
    let mut findings = Vec::new();
    for package in &members {
        let name = text(package, "name");
        let manifest = ground.relative(text(package, "manifest_path"));
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == name) else {
            let message = format!("{name} has no arrows: enter it in ARCHITECTURE.md and in tidy");
            findings.push(Finding::new(&manifest, 0, message));
            continue;
        };
        for dependency in items(package, "dependencies") {
            let other = text(dependency, "name");
            let is_room = members.iter().any(|member| text(member, "name") == other);
            // A room may be seen in tests of its own, as a dev-dependency of itself.
            if is_room && other != name && !allowed.contains(&other) {
                let message = format!("{name} must not see {other}");
                findings.push(Finding::new(&manifest, 0, message));
            }
            let shipped = text(dependency, "kind") != "dev";
            let fence = FENCES.iter().find(|(outside, _)| *outside == other);
            if let Some((outside, rooms)) = fence
                && shipped
                && !rooms.contains(&name)
            {
                let message = format!("{name} must not name {outside}: only {}", rooms.join(", "));
                findings.push(Finding::new(&manifest, 0, message));
            }
        }
    }
    findings
}

/// Folders whose shipped code takes time, chance and the outside world as arguments.
const PURE: &[&str] = &["crates/model/src/", "crates/sync/src/", "crates/store/src/"];
/// What they must not call.
const DOORS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::new_v4",
    "std::net",
    "thread::spawn",
    "thread::sleep",
];
/// And the two that touch no disk either.
const DISKLESS: &[&str] = &["crates/model/src/", "crates/sync/src/"];

pub(super) fn check_purity(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in ground.tree.rust() {
        if !PURE.iter().any(|folder| path.starts_with(folder)) || is_test_module(path) {
            continue;
        }
        let mut doors = DOORS.to_vec();
        if DISKLESS.iter().any(|folder| path.starts_with(folder)) {
            doors.push("std::fs");
        }
        let mut code = code_only(source);
        // By custom the tests are the last thing in a file.
        code.truncate(source.find("#[cfg(test)]\nmod ").unwrap_or(source.len()));
        for door in doors {
            for (at, _) in code.match_indices(door) {
                let message = format!("{door}: here time, chance and I/O come as arguments");
                findings.push(Finding::new(path, line_of(&code, at), message));
            }
        }
    }
    findings
}

/// A module file that holds nothing but tests.
fn is_test_module(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{on, on_files};
    use serde_json::{Value, json};

    fn workspace(name: &str, dependencies: &Value) -> Value {
        let package = |name: &str, dependencies: &Value| {
            json!({
                "id": name, "name": name, "dependencies": dependencies,
                "manifest_path": format!("/top/crates/{name}/Cargo.toml"),
            })
        };
        json!({
            "workspace_members": [name, "gandan-store"],
            "packages": [package(name, dependencies), package("gandan-store", &json!([]))],
        })
    }

    fn found(name: &str, dependencies: &Value) -> Vec<String> {
        on(check, &[], &workspace(name, dependencies)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_arrow_against_the_grain_is_found_in_dev_dependencies_too() {
        for kind in [json!(null), json!("dev"), json!("build")] {
            let dependencies = json!([{"name": "gandan-store", "kind": kind}]);
            assert_eq!(found("gandan-sync", &dependencies), ["gandan-sync must not see gandan-store"]);
            assert!(found("gandan-client", &dependencies).is_empty());
        }
    }

    #[test]
    fn a_crate_without_arrows_is_found() {
        assert_eq!(found("gandan-new", &json!([])).len(), 1);
    }

    #[test]
    fn a_fence_holds_for_what_is_shipped() {
        let shipped = json!([{"name": "rusqlite", "kind": null}]);
        assert_eq!(found("gandan-client", &shipped).len(), 1);
        assert!(found("gandan-server", &shipped).is_empty());
        assert!(found("gandan-client", &json!([{"name": "rusqlite", "kind": "dev"}])).is_empty());
    }

    #[test]
    fn a_clock_in_the_core_is_found_but_not_in_its_tests_or_comments() {
        let bad = "fn f() { let t = std::time::Instant::now(); }\n";
        let good = format!("// Instant::now\n#[cfg(test)]\nmod tests {{ {bad} }}\n");
        let files =
            [("crates/sync/src/a.rs", bad), ("crates/sync/src/b.rs", good.as_str()), ("crates/client/src/c.rs", bad)];
        let found = on_files(check_purity, &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "crates/sync/src/a.rs");
    }

    #[test]
    fn only_the_store_may_touch_the_disk() {
        let source = "use std::fs;\n";
        let files = [("crates/model/src/a.rs", source), ("crates/store/src/a.rs", source)];
        assert_eq!(on_files(check_purity, &files).len(), 1);
    }
}
