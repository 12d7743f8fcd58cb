//! A server and devices that are killed again and again under load, and a ledger outside of them of everything that the
//! server acknowledged and everything that a device called saved.
//!
//! Killed are: the server under the load of phones; beside it `backup`, `reproject`, `gc` and `compact` at work on the same
//! folder; the server while it brings an older database up to date, as it starts; `restore` while it puts a backup in the
//! place of the data; and `gandan` on devices while it records, edits and exchanges. At the end the server must have every
//! visit of both ledgers, once.

mod devices;
mod ledger;
mod older;
mod phones;
mod server;

pub(crate) use server::views_current;

use crate::processes::Server;
use ledger::Ledger;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::time::Duration;

/// Longest time between two kills.
const LONGEST_MS: u64 = 250;

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Times that the serving process is killed.
    pub kills: u32,
    /// Of everything.
    pub seed: u64,
    /// Visits that are there before the first kill.
    pub visits: usize,
    /// Devices whose processes are killed as well.
    pub devices: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Killed {
    /// Times that the server was killed while it served.
    pub kills: u32,
    /// Of them, while another command worked on the same folder and was killed too.
    pub with_command: u32,
    /// Times that the server was killed while it brought an older database up to date.
    pub migrations: u32,
    /// Times that `restore` was killed.
    pub restores: u32,
    /// Times that a device's process was killed.
    pub devices: u64,
    /// Visits in the server's lists at the end.
    pub visits: usize,
    /// Visits that the server acknowledged to phones while it was killed.
    pub acknowledged: usize,
    /// Visits that devices called saved.
    pub saved: usize,
    /// Exchanges that a kill cut off.
    pub cut_off: u64,
    /// Visits acknowledged or saved that are not there.
    pub lost: usize,
    /// Visits that are there twice.
    pub doubled: usize,
    /// From the start of the process until it takes requests, sorted.
    pub restarts: Vec<Duration>,
}

/// Runs the plan in `folder`. `tell` hears how far it has come.
pub fn run(folder: &Path, plan: Plan, tell: impl Fn(&str)) -> Killed {
    let limits = ["--requests-per-address", "0", "--requests-per-device", "0", "--enrolments-per-address", "0"];
    let mut server = Server::started_with(&folder.join("server"), &limits);
    let ledger = Ledger::default();
    phones::fill(&server, plan.visits, plan.seed, &ledger, &tell);
    views_current(&server, &tell);

    let mut killed = Killed { migrations: older::migrate_under_kills(&mut server, plan), ..Killed::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let load = phones::Load::begin(&server, plan.seed, &ledger);
    let devices = devices::Devices::begin(&server, folder, plan, &ledger);
    for kill in 0..plan.kills {
        std::thread::sleep(Duration::from_millis(rng.random_range(5..LONGEST_MS)));
        if let Some(mut child) = server::command(&server, folder, rng.random_range(0..8)) {
            killed.with_command += 1;
            std::thread::sleep(Duration::from_millis(rng.random_range(0..60)));
            let _ = (child.kill(), child.wait());
        }
        server.kill();
        if (kill + 1).is_multiple_of(server::RESTORE_EVERY) {
            killed.restores += server::restore_under_kills(&mut server, folder, &mut rng);
        }
        killed.restarts.push(server.start_timed());
        killed.kills += 1;
        if killed.kills.is_multiple_of(50) {
            tell(&format!("{} kills, {} visits acknowledged, {} saved", kill + 1, ledger.count().0, ledger.count().1));
        }
    }
    (killed.devices, killed.cut_off) = (devices.end(), load.end());
    killed.restarts.sort_unstable();
    views_current(&server, &tell);
    (killed.acknowledged, killed.saved) = ledger.count();
    ledger.compare(&server, &mut killed);
    killed
}
