//! The real programs, run as an operator and an official would run them.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One of the two programs: named by an environment variable, or built beside this executable.
pub fn binary(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return PathBuf::from(path);
    }
    let mut folder = std::env::current_exe().expect("the path of this program");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not there: build it first (cargo build -p gandan-cli -p gandan-server) or set {variable}",
        path.display()
    );
    path
}

/// `gandan`.
pub fn gandan() -> PathBuf {
    binary("gandan", "GANDAN_BIN")
}

/// `gandan-server`.
pub fn gandan_server() -> PathBuf {
    binary("gandan-server", "GANDAN_SERVER_BIN")
}

/// What a program said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code; −1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Runs a program to its end with this on its standard input.
    pub fn run(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        let writer = thread::spawn(move || {
            // A program that stops reading early is no error of ours.
            let _ = stdin.write_all(&input);
        });
        let Output { status, stdout, stderr } = child.wait_with_output().expect("its output");
        writer.join().expect("the writer");
        Self {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// The JSON on standard output of a program that must have succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "failed: {} {}", self.err, self.out);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.out))
    }

    /// Asserts that it failed in the ordinary way, and gives what it said about it.
    #[track_caller]
    pub fn failure(&self) -> &str {
        assert_eq!(self.code, 1, "should have failed: {} {}", self.err, self.out);
        assert!(!self.err.trim().is_empty(), "failed without a word");
        &self.err
    }
}

/// A `gandan-server` with its data folder.
pub struct Server {
    data: PathBuf,
    child: Option<Child>,
    address: Option<SocketAddr>,
    options: Vec<String>,
    log_level: &'static str,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// A new data folder with the 124 units; not serving yet.
    pub fn init(data: &Path) -> Self {
        let (options, log) = (Vec::new(), Arc::default());
        let server = Self { data: data.to_owned(), child: None, address: None, options, log_level: "info", log };
        server.command("init", &["--units", path(&crate::units_file())]).json();
        server
    }

    /// A new data folder, serving on a free port.
    pub fn started(data: &Path) -> Self {
        let mut server = Self::init(data);
        server.start();
        server
    }

    /// A new data folder, serving on a free port with these options of `serve`.
    pub fn started_with(data: &Path, options: &[&str]) -> Self {
        let mut server = Self::init(data);
        server.set_options(options);
        server.start();
        server
    }

    /// A data folder that is there already, serving on a free port with these options of `serve`.
    pub fn over(data: &Path, options: &[&str]) -> Self {
        let (data, log) = (data.to_owned(), Arc::default());
        let mut server = Self { data, child: None, address: None, options: Vec::new(), log_level: "info", log };
        server.set_options(options);
        server.start();
        server
    }

    /// Options of `serve` from the next start on.
    pub fn set_options(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// How much it says from the next start on, as `GANDAN_LOG`.
    pub fn set_log_level(&mut self, level: &'static str) {
        self.log_level = level;
    }

    /// Runs `gandan-server COMMAND --data DIR ARGS --json`.
    pub fn command(&self, command: &str, args: &[&str]) -> Said {
        let mut call = Command::new(gandan_server());
        call.arg(command).arg("--data").arg(&self.data).args(args).arg("--json");
        Said::run(&mut call, b"")
    }

    /// The command that serves, not started: at the first time on a free port and then always on that one.
    pub fn serving(&self) -> Command {
        let listen = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut call = Command::new(gandan_server());
        call.args(["serve", "--json", "--listen", &listen, "--data"])
            .arg(&self.data)
            .args(&self.options)
            .env("GANDAN_LOG", self.log_level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        call
    }

    /// Starts serving, at the first time on a free port and then always on that one.
    pub fn start(&mut self) {
        let mut child = self.serving().spawn().expect("the server starts");
        collect(child.stderr.take().expect("a pipe"), self.log.clone());
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("its first line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let status = child.wait();
            panic!("the server did not start ({status:?}): {line} {}", self.log())
        });
        collect(out, self.log.clone());
        let address = said["listening"].as_str().and_then(|text| text.parse().ok());
        self.address = Some(address.unwrap_or_else(|| panic!("no address in {line}")));
        self.child = Some(child);
    }

    /// Starts serving; gives the time from the start of the process until it takes requests.
    pub fn start_timed(&mut self) -> Duration {
        let start = Instant::now();
        self.start();
        start.elapsed()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a server that was started")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a server that runs").id()
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Everything it has written to standard error, and to standard output after the first line.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Asks it to end and waits; true if it ended as it should.
    #[cfg(unix)]
    pub fn stop(&mut self) -> bool {
        use nix::sys::signal::{Signal, kill};
        let Some(mut child) = self.child.take() else { return true };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("a signal");
        child.wait().is_ok_and(|status| status.success())
    }

    /// Kills it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = (child.kill(), child.wait());
        }
    }

    /// A link with which a device of `name` becomes one of these units; for `road`, the address that devices use.
    pub fn link(&self, name: &str, units: &[&str], road: SocketAddr) -> String {
        let scheme = if self.options.iter().any(|option| option == "--tls-cert") { "https" } else { "http" };
        let base = format!("{scheme}://{road}");
        let mut args = vec!["--name", name, "--role", "field_official", "--base-url", &base];
        for unit in units {
            args.extend(["--unit", unit]);
        }
        let said = self.command("enrol", &args).json();
        said["link"].as_str().unwrap_or_else(|| panic!("no link in {said}")).to_owned()
    }

    /// A bearer token for the whole province.
    pub fn province_token(&self) -> String {
        let said = self.command("token", &["--name", "p", "--role", "province_staff", "--province"]).json();
        said["token"].as_str().unwrap_or_else(|| panic!("no token in {said}")).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            into.lock().expect("the log").push_str(&text);
        }
    });
}

/// A field device: a home folder of `gandan`.
#[derive(Clone, Debug)]
pub struct Device {
    home: PathBuf,
}

impl Device {
    /// A device in this folder, not enrolled.
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned() }
    }

    /// A device in this folder, enrolled by `server` for these units; it reaches the server by `road`.
    pub fn enrolled(home: &Path, server: &Server, name: &str, units: &[&str], road: SocketAddr) -> Self {
        let device = Self::new(home);
        device.run(&["enrol", &server.link(name, units, road)]).json();
        device
    }

    /// Its folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The command `gandan --home DIR ARGS --json`, not started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut call = Command::new(gandan());
        call.arg("--home").arg(&self.home).args(args).arg("--json").env_remove("GANDAN_KEY");
        call
    }

    /// Runs `gandan --home DIR ARGS --json`.
    pub fn run(&self, args: &[&str]) -> Said {
        Said::run(&mut self.command(args), b"")
    }

    /// Records these lines.
    pub fn record(&self, lines: &[String]) -> Said {
        let mut text = lines.join("\n");
        text.push('\n');
        Said::run(&mut self.command(&["record", "--jsonl", "-"]), text.as_bytes())
    }

    /// Syncs and gives the report.
    #[track_caller]
    pub fn sync(&self) -> Value {
        self.run(&["sync"]).json()
    }

    /// Shows a record.
    #[track_caller]
    pub fn show(&self, id: &str) -> Value {
        self.run(&["show", id]).json()
    }
}

/// A path as an argument.
pub fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Waits until `done` says so; the only waiting that tests do, for things other processes do in their own time.
#[track_caller]
pub fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(start.elapsed().as_secs() < 60, "never happened: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A folder of a test's own.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("gandan-test").tempdir().expect("a temporary folder")
}

/// Whether any file under `folder` holds these bytes.
pub fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    })
}
