//! No secret and no name where others look: logs, process lists, figures, messages.

use crate::stage::{Stage, UNIT, lines};
use gandan_tests::api;
use gandan_tests::processes::{Device, Said, Server, folder, holds};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Watches the command lines of the programs under test, again and again until dropped.
struct ProcessList {
    seen: Option<thread::JoinHandle<BTreeSet<String>>>,
    done: Arc<AtomicBool>,
}

impl ProcessList {
    fn watch() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = done.clone();
        let seen = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !until.load(Ordering::SeqCst) {
                for process in fs::read_dir("/proc").unwrap().flatten() {
                    // A process may end while we look.
                    let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).replace('\0', " ");
                    if line.contains("gandan") {
                        seen.insert(line);
                    }
                }
                thread::yield_now();
            }
            seen
        });
        Self { seen: Some(seen), done }
    }

    fn seen(mut self) -> BTreeSet<String> {
        self.done.store(true, Ordering::SeqCst);
        self.seen.take().unwrap().join().unwrap()
    }
}

/// A visit with everything personal in it that a visit can hold.
fn telling_line() -> String {
    let mut visit: Value = serde_json::from_str(&lines(900, 1)[0]).unwrap();
    visit["note"] = "Gặp Kpuih Hờlen ở Kơnbờlang về việc đất".into();
    visit["place"]["name"] = "Buôn Kơnbờlang".into();
    visit["officials"][0]["name"] = "Rơ Ông Đámbri".into();
    visit.to_string()
}

#[test]
#[cfg(target_os = "linux")]
fn no_secret_and_no_name_is_in_logs_process_lists_or_figures() {
    let folder = folder();
    let mut server = Server::init(&folder.path().join("server"));
    server.set_log_level("debug");
    server.start();
    let stage = Stage { server, folder };
    let address = stage.server.address();
    let link = stage.server.link("CB-XYZZY", &[UNIT], address);
    let token = stage.server.province_token();
    let watched = ProcessList::watch();

    let device = Device::new(&stage.folder.path().join("a"));
    let mut said: Vec<Said> = Vec::new();
    said.push(Said::run(&mut device.command(&["enrol", "-"]), link.as_bytes()));
    assert_eq!(said[0].code, 0, "{}", said[0].err);
    said.push(device.record(&[telling_line()]));
    let contact = Said::run(&mut device.command(&["record", "--jsonl", "-"]), b"{\"visit_id\": \"Kpuih\"}\n");
    said.push(contact);
    said.push(device.run(&["sync"]));
    said.push(Said::run(&mut device.command(&["enrol", "-"]), link.as_bytes()));
    stage.await_visits(1);
    // A search, a wrong token, a wrong login, somebody else's frame: all that an error message could repeat.
    api::get(address, "/api/v1/visits?q=K%C6%A1nb%E1%BB%9Dlang", &token);
    api::call(address, "GET", "/api/v1/visits", Some("plugh-plugh-plugh-plugh-plugh-plugh"), None);
    let code = json!({"code": "xyzzy-xyzzy-xyzzy"}).to_string();
    api::call(address, "POST", "/api/v1/login", None, Some(("application/json", code.as_bytes())));
    api::call(address, "POST", "/v1/sync", None, Some(("application/octet-stream", b"G\x01\x01Kpuih")));
    let figures = api::call(address, "GET", "/metrics", None, None).text();

    let (_, one_time) = link.split_once('#').unwrap();
    let key = fs::read_to_string(device.home().join("key")).unwrap();
    let secrets = [one_time, token.as_str(), key.trim(), "plugh", "xyzzy-xyzzy"];
    let names = ["Kpuih", "Kơnbờlang", "K%C6%A1nb", "Đámbri", "CB-XYZZY"];
    let log = stage.server.log();
    assert!(log.contains("serving") && log.contains("answered"), "the log is not what it was: {log}");
    let lists = watched.seen();
    assert!(lists.iter().any(|line| line.contains("enrol")), "{lists:?}");
    for word in secrets.iter().chain(&names) {
        assert!(!log.contains(word), "{word} in the log");
        assert!(!figures.contains(word), "{word} in the figures");
        for line in &lists {
            assert!(!line.contains(word), "{word} in a process list: {line}");
        }
        // Its own holder is told whose phone it is.
        for said in said.iter().filter(|_| *word != "CB-XYZZY") {
            assert!(!said.err.contains(word), "{word} in a message: {}", said.err);
        }
    }
    // Tokens and codes are on the server's disk as hashes, and the phone's secrets nowhere in the clear.
    for secret in [one_time, token.as_str()] {
        assert!(!holds(stage.server.data(), secret.as_bytes()), "{secret} on the server's disk");
    }
    for secret in [one_time, "Kpuih", "Kơnbờlang"] {
        assert!(!holds(device.home(), secret.as_bytes()), "{secret} on the phone's disk");
    }
}
