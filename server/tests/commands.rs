//! The program as an operator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use gandan_model::org::UNITS_CSV;
use serde_json::Value;
use tempfile::TempDir;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gandan-server")).args(args).output().unwrap()
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asserts exit code 1 and a message that names this stable code.
#[track_caller]
fn fails(args: &[&str], code: &str) {
    let output = run(args);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
    assert!(message.contains(&format!("[{code}]")), "{args:?}: {message}");
    assert!(output.stdout.is_empty());
}

fn data() -> (TempDir, String, String) {
    let temp = tempfile::tempdir().unwrap();
    let units = temp.path().join("units.csv");
    std::fs::write(&units, UNITS_CSV).unwrap();
    let data = temp.path().join("data").to_str().unwrap().to_owned();
    let units = units.to_str().unwrap().to_owned();
    (temp, data, units)
}

struct Serving(Child, String);

impl Serving {
    fn start(data: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gandan-server"))
            .args(["serve", "--data", data, "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self(child, said["listening"].as_str().unwrap().to_owned())
    }

    fn get(&self, path: &str, token: &str) -> String {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// SIGTERM; gives what was logged.
    fn end(mut self) -> String {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.0.wait().unwrap().success(), "{log}");
        log
    }
}

#[test]
fn from_init_to_restore() {
    let (temp, data, units) = data();
    let said = json(&["init", "--data", &data, "--units", &units, "--json"]);
    assert_eq!((said["units"].as_u64(), said["new_spaces"].as_u64()), (Some(124), Some(249)));
    assert!(said["login"]["code"].as_str().unwrap().len() >= 20);
    fails(&["init", "--data", &data, "--units", &units], "already_initialised");
    let said = json(&["init", "--data", &data, "--units", &units, "--update", "--json"]);
    assert_eq!(said["new_spaces"], 0);

    let serving = Serving::start(&data);
    fails(&["serve", "--data", &data, "--listen", "127.0.0.1:0"], "already_serving");
    // Accounts are made while the server runs, and are valid at once.
    let said = json(&["token", "--data", &data, "--name", "p", "--role", "province_staff", "--province", "--json"]);
    let token = said["token"].as_str().unwrap().to_owned();
    assert!(serving.get("/api/v1/visits", &token).starts_with("HTTP/1.1 200"));
    assert!(serving.get("/api/v1/visits", "wrong-token-wrong-token-wrong").starts_with("HTTP/1.1 401"));
    let enrol = ["enrol", "--data", &data, "--name", "Nguyễn Văn A", "--role", "field_official", "--unit", "25000"];
    let said = json(&[&enrol[..], &["--base-url", "https://gandan.example/", "--json"]].concat());
    let link = said["link"].as_str().unwrap();
    assert!(link.starts_with("https://gandan.example/enrol#"), "{link}");
    assert_eq!(said["official"], "nguyen-van-a");
    let text = String::from_utf8(run(&enrol).stdout).unwrap();
    assert!(text.contains('█') || text.contains('▀'), "a picture for the camera: {text}");

    let backup = temp.path().join("backup.db").to_str().unwrap().to_owned();
    let said = json(&["backup", "--data", &data, "--to", &backup, "--json"]);
    assert!(said["bytes"].as_u64().unwrap() > 0);
    fails(&["restore", "--data", &data, "--from", &backup], "already_serving");
    assert_eq!(json(&["gc", "--data", &data, "--photo-months", "24", "--json"])["photos"], 0);
    json(&["reproject", "--data", &data, "--json"]);
    let log = serving.end();
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    for secret in [token.as_str(), "Nguyễn"] {
        assert!(!log.contains(secret), "the log tells {secret}");
    }

    let other = temp.path().join("other").to_str().unwrap().to_owned();
    json(&["restore", "--data", &other, "--from", &backup, "--json"]);
    let serving = Serving::start(&other);
    assert!(serving.get("/api/v1/visits", &token).starts_with("HTTP/1.1 200"), "accounts are in the backup");
    serving.end();
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let (temp, data, units) = data();
    fails(&["serve", "--data", &data], "not_initialised");
    fails(&["token", "--data", &data, "--name", "x", "--role", "inspector", "--province"], "not_initialised");
    fails(&["init", "--data", &data, "--units", "no-such-file.csv"], "io");
    let bad = temp.path().join("bad.csv");
    std::fs::write(&bad, "code,name\n1,A\n").unwrap();
    fails(&["init", "--data", &data, "--units", bad.to_str().unwrap()], "bad_units");
    assert!(!Path::new(&data).exists(), "a failed init leaves nothing");
    json(&["init", "--data", &data, "--units", &units, "--json"]);
    let token = |extra: &[&'static str]| {
        let mut args = vec!["token", "--data", data.as_str(), "--name", "x", "--role", "commune_staff"];
        args.extend_from_slice(extra);
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (extra, code) in
        [(&["--unit", "99999"][..], "unknown_unit"), (&["--area", "nowhere"], "unknown_unit"), (&[], "no_scope")]
    {
        let args = token(extra);
        fails(&args.iter().map(String::as_str).collect::<Vec<_>>(), code);
    }
    fails(&["revoke", "--data", &data, "--device", "0123456789abcdef"], "unknown_device");
    fails(&["restore", "--data", &data, "--from", &units], "bad_backup");
    for usage in [&["nonsense"][..], &["init"], &["token", "--data", &data, "--name", "x", "--role", "king"], &[]] {
        assert_eq!(run(usage).status.code(), Some(2), "{usage:?}");
    }
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
