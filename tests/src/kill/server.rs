//! Commands on the folder of a server, killed in the middle, and waiting for its views.

use crate::processes::{Said, Server, gandan_server, path};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// At every so manieth kill `restore` is killed as well.
pub(super) const RESTORE_EVERY: u32 = 40;
/// Times that one `restore` is begun anew and killed.
const RESTORES: u32 = 3;
/// Longest time in which the figure of what the views lack must change.
const PATIENCE: Duration = Duration::from_secs(120);

/// Something that works on the same folder beside the server, to be killed in the middle.
pub(super) fn command(server: &Server, folder: &Path, which: u32) -> Option<Child> {
    let backup = folder.join("backup.db");
    // Only one that was killed at its very end is there.
    let _ = fs::remove_file(&backup);
    let words: Vec<&OsStr> = match which {
        0 => vec!["backup".as_ref(), "--to".as_ref(), backup.as_os_str()],
        1 => vec!["reproject".as_ref()],
        2 => vec!["gc".as_ref()],
        3 => vec!["compact".as_ref()],
        _ => return None,
    };
    Some(begun(Command::new(gandan_server()).args(words).arg("--data").arg(server.data())))
}

fn begun(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a command of the server")
}

/// Backs everything up, kills `restore` of it again and again, at any moment of it, and lets the server start on whatever
/// that left each time; the last one is left in peace. Gives how often it was killed.
///
/// The backup holds everything that was acknowledged, so that nothing may be missing afterwards: a killed `restore` leaves
/// the old data or the backup's, and never half of either.
pub(super) fn restore_under_kills(server: &mut Server, folder: &Path, rng: &mut ChaCha8Rng) -> u32 {
    let file = folder.join("whole.db");
    let _ = fs::remove_file(&file);
    server.command("backup", &["--to", path(&file)]).json();
    let mut restore = Command::new(gandan_server());
    restore.args(["restore", "--from", path(&file), "--data"]).arg(server.data());
    let start = Instant::now();
    let said = Said::run(&mut restore, b"");
    assert_eq!(said.code, 0, "a restore in peace: {said:?}");
    let longest = start.elapsed();
    let mut kills = 0;
    for _ in 0..RESTORES {
        let mut child = begun(&mut restore);
        thread::sleep(longest.mul_f64(rng.random_range(0.0..1.0)));
        kills += u32::from(child.try_wait().expect("its state").is_none());
        let _ = (child.kill(), child.wait());
        server.start();
        server.kill();
    }
    let _ = fs::remove_file(&file);
    for entry in fs::read_dir(server.data()).expect("the folder").flatten() {
        if entry.file_name().to_string_lossy().contains(".before-") {
            let _ = fs::remove_file(entry.path());
        }
    }
    kills
}

/// Log entries that the views do not hold yet.
fn behind(server: &Server) -> u64 {
    let figures = crate::api::call(server.address(), "GET", "/metrics", None, None).text();
    let line = figures.lines().find_map(|line| line.strip_prefix("gandan_projector_behind "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(u64::MAX)
}

/// Waits until the views are current, as long as something moves. The figure counts the pass under way, and begins anew with
/// the next one: only the server's own word ends it.
pub(crate) fn views_current(server: &Server, tell: &impl Fn(&str)) {
    let (mut last, mut since, mut told) = (u64::MAX, Instant::now(), Instant::now());
    loop {
        let now = behind(server);
        if now == 0 && is_current(server) {
            return;
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "the views stay {now} entries behind");
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            tell(&format!("the views are {now} log entries behind"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The server waits a while for its views before it answers.
fn is_current(server: &Server) -> bool {
    crate::api::call(server.address(), "GET", "/healthz?views_current=true", None, None).status == 200
}
