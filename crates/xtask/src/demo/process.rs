//! The real binaries, as an operator and an official would run them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{http, names};
use crate::json::text;
use crate::table::clip;
use crate::{Failure, Outcome, cargo};

/// Longest wait for the server to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often to look.
const GLANCE: Duration = Duration::from_millis(10);

/// Runs a command to its end and reads the JSON that it prints last. `null` if it prints nothing.
///
/// # Errors
/// Fails with the command's own words if it says that it failed.
pub(super) fn run(command: &mut Command) -> Outcome<Value> {
    let shown = cargo::show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::from(format!("cannot start `{shown}`: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` failed ({}): {} {said}", output.status, why.trim()).into());
    }
    let said = said.trim();
    if said.is_empty() {
        return Ok(Value::Null);
    }
    // One value over several lines, or one a line of which the last is the summary.
    serde_json::from_str(said)
        .or_else(|_| serde_json::from_str(said.lines().last().unwrap_or_default()))
        .map_err(|error| format!("`{shown}` printed no JSON ({error}): {}", clip(said, 200)).into())
}

/// A `gandan-server` with its data folder; running or not.
#[derive(Debug)]
pub(super) struct Server {
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    /// Where it listens. The port is chosen at the first start and kept, because links hold it.
    pub(super) address: SocketAddr,
}

impl Server {
    /// A server that is not set up yet. Port 0: any free one.
    pub(super) fn new(binary: &Path, folder: &Path, port: u16) -> Self {
        Self {
            binary: binary.to_owned(),
            data: folder.join("server"),
            log: folder.join("server.log"),
            child: None,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// `gandan-server COMMAND --data DIR ARGS --json`.
    pub(super) fn command(&self, command: &str, args: &[&str]) -> Outcome<Value> {
        let mut call = Command::new(&self.binary);
        run(call.arg(command).arg("--data").arg(&self.data).args(args).arg("--json"))
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Errors
    /// Fails with the end of its log if it ends or stays silent.
    pub(super) fn start(&mut self) -> Outcome {
        let log = File::create(&self.log)?;
        let errors = File::create(self.log.with_extension("err"))?;
        let child = Command::new(&self.binary)
            .args(["serve", "--json", "--listen", &self.address.to_string(), "--data"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()?;
        self.child = Some(child);
        let start = Instant::now();
        loop {
            if let Some(address) = self.announced() {
                self.address = address;
                if http::get(address, names::HEALTH, None).is_ok_and(|(status, _)| status == 200) {
                    return Ok(());
                }
            }
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended || start.elapsed() > PATIENCE {
                return Err(format!("the server did not start: {}", self.last_words()).into());
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// The address in its first line.
    fn announced(&self) -> Option<SocketAddr> {
        let log = fs::read_to_string(&self.log).ok()?;
        let (line, _) = log.split_once('\n')?;
        let value: Value = serde_json::from_str(line).ok()?;
        text(&value, names::LISTENING).parse().ok()
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let errors = fs::read_to_string(self.log.with_extension("err")).unwrap_or_default();
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = errors.lines().chain(log.lines()).collect();
        lines[lines.len().saturating_sub(8)..].join("\n  ")
    }

    /// Asks it to end, as a service manager would, and waits.
    ///
    /// # Errors
    /// Fails if it does not end in time; it is killed then.
    pub(super) fn stop(&mut self) -> Outcome {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        terminate(&mut child)?;
        let start = Instant::now();
        while child.try_wait()?.is_none() {
            if start.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                return Err("the server did not end when it was asked to".into());
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

impl Drop for Server {
    /// A demo that fails leaves nothing running.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nothing more can be done about an error here.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> Outcome {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let id = Pid::from_raw(i32::try_from(child.id())?);
    Ok(kill(id, Signal::SIGTERM)?)
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) -> Outcome {
    Ok(child.kill()?)
}

/// Waits until the person at the terminal has enough (Ctrl-C), or the machine asks us to end.
///
/// # Errors
/// Fails if signals cannot be waited for.
#[cfg(unix)]
pub(super) fn wait_for_interrupt() -> Outcome {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    signals.wait()?;
    Ok(())
}

/// Waits for the end of input, where signals cannot be waited for.
#[cfg(not(unix))]
pub(super) fn wait_for_interrupt() -> Outcome {
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The phone of one official: a home folder of `gandan`.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// Whose it is, for example `CB-001`.
    pub(super) official: String,
    binary: PathBuf,
    /// Where it keeps its data.
    pub(super) home: PathBuf,
}

impl Device {
    pub(super) fn new(binary: &Path, folder: &Path, official: &str) -> Self {
        Self { official: official.to_owned(), binary: binary.to_owned(), home: folder.join("devices").join(official) }
    }

    /// `gandan --home DIR ARGS --json`.
    ///
    /// # Errors
    /// Fails with the device's own words.
    pub(super) fn run(&self, args: &[&str]) -> Outcome<Value> {
        let mut call = Command::new(&self.binary);
        run(call.arg("--home").arg(&self.home).args(args).arg("--json"))
            .map_err(|error| format!("device of {}: {error}", self.official).into())
    }
}
