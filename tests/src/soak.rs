//! A day of a province, shortened: devices come and go, new ones load everything, others are revoked; documents are
//! packed, backups made, views built anew, the server and devices killed. All the while the server's memory, files and
//! handles are measured, for what grows without an end.

use crate::generator::{Generator, units};
use crate::phone::{Phone, address};
use crate::processes::{Device, Server, path};
use crate::usage::{cpu, folder_size, handles, memory};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Hours of the day.
const HOURS: u32 = 24;
/// Phones that live through the whole day.
const PHONES: usize = 12;
/// Units that devices and phones share.
const UNITS: usize = 4;

/// What was measured at the end of an hour.
#[derive(Clone, Copy, Debug)]
pub struct Hour {
    /// Visits acknowledged by then.
    pub visits: usize,
    /// The server's resident memory, bytes.
    pub memory: u64,
    /// Its open handles.
    pub handles: usize,
    /// Its processor time since its last start.
    pub cpu: Duration,
    /// Bytes of its data folder.
    pub folder: u64,
    /// Bytes of write-ahead logs in it.
    pub journals: u64,
    /// Bytes of the folder of a device that has everything of its unit.
    pub device: u64,
}

/// What came of the day.
#[derive(Debug)]
pub struct Soaked {
    /// Every hour of it.
    pub hours: Vec<Hour>,
    /// Times that the server was killed, and devices.
    pub kills: (u32, u32),
    /// Devices that came new, and were revoked.
    pub devices: (u32, u32),
    /// Visits acknowledged that are not in the lists, and visits that are there twice.
    pub lost: usize,
    /// See `lost`.
    pub doubled: usize,
}

impl Soaked {
    /// What grew as nothing should; empty if all is well. Compared are the second quarter of the day, when everything has
    /// been done once, and the last.
    pub fn complaints(&self) -> Vec<String> {
        let quarter = self.hours.len() / 4;
        let (early, late) = (&self.hours[quarter..2 * quarter], &self.hours[self.hours.len() - quarter..]);
        let most = |hours: &[Hour], of: fn(&Hour) -> u64| hours.iter().map(of).max().unwrap_or_default();
        let mut found = Vec::new();
        let mut check = |what: &str, early: u64, late: u64, bound: u64| {
            if late > bound {
                found.push(format!("{what}: {early} in the second quarter of the day, {late} in the last"));
            }
        };
        let (before, after) = (most(early, |hour| hour.memory), most(late, |hour| hour.memory));
        check("memory", before, after, before + before / 2 + (16 << 20));
        let (before, after) = (most(early, |hour| hour.handles as u64), most(late, |hour| hour.handles as u64));
        check("handles", before, after, before + 32);
        let (before, after) = (most(early, |hour| hour.journals), most(late, |hour| hour.journals));
        // The server's logs are copied back at 64 MiB each (`wal_autocheckpoint`), or when nothing arrives for a second;
        // there are two, of the core and of the views.
        check("write-ahead logs", before, after, 2 * (64 << 20));
        let each = |hour: &Hour| hour.folder / (hour.visits as u64).max(1);
        let (before, after) = (most(early, each), most(late, each));
        check("bytes of files a visit", before, after, before + before / 2);
        if self.lost + self.doubled > 0 {
            found.push(format!("{} visits lost, {} doubled", self.lost, self.doubled));
        }
        found
    }
}

/// Lives a day of so many minutes in `folder`. `tell` hears of every hour.
pub fn run(folder: &Path, minutes: f64, seed: u64, tell: impl Fn(u32, &Hour)) -> Soaked {
    let mut province = Province::begin(folder, seed);
    let length = Duration::from_secs_f64(minutes * 60.0 / f64::from(HOURS));
    let mut hours = Vec::new();
    for hour in 0..HOURS {
        let end = Instant::now() + length;
        province.events(hour);
        while Instant::now() < end {
            province.everyday();
        }
        hours.push(province.measure());
        tell(hour + 1, &hours[hours.len() - 1]);
    }
    province.end(hours)
}

struct Province {
    folder: PathBuf,
    server: Server,
    runtime: Runtime,
    rng: ChaCha8Rng,
    generator: Generator,
    units: Vec<(String, String)>,
    phones: Vec<(usize, Phone)>,
    /// Devices with their units; the first lives through the whole day.
    devices: Vec<(usize, Device)>,
    made: u32,
    /// What was acknowledged.
    ledger: BTreeSet<String>,
    kills: (u32, u32),
    revoked: u32,
}

impl Province {
    fn begin(folder: &Path, seed: u64) -> Self {
        let limits = ["--requests-per-address", "0", "--requests-per-device", "0", "--enrolments-per-address", "0"];
        let server = Server::started_with(&folder.join("server"), &limits);
        let units: Vec<(String, String)> = units().into_iter().take(UNITS).collect();
        let phones = (0..PHONES).map(|number| {
            let (name, unit) = (format!("CB-{number}"), number % UNITS);
            let link = server.link(&name, &[&units[unit].0], server.address());
            (unit, Phone::enrol(server.address(), &name, &link, number as u64, address(number)))
        });
        let phones = phones.collect();
        let mut province = Self {
            folder: folder.to_owned(),
            server,
            runtime: Runtime::new().expect("a runtime"),
            rng: ChaCha8Rng::seed_from_u64(seed),
            generator: Generator::new(seed),
            units,
            phones,
            devices: Vec::new(),
            made: 0,
            ledger: BTreeSet::new(),
            kills: (0, 0),
            revoked: 0,
        };
        province.new_device();
        province
    }

    fn new_device(&mut self) {
        let (number, unit) = (self.made, self.made as usize % UNITS);
        self.made += 1;
        let home = self.folder.join(format!("device-{number}"));
        let name = format!("MT-{number}");
        let device = Device::enrolled(&home, &self.server, &name, &[&self.units[unit].0], self.server.address());
        device.sync();
        self.devices.push((unit, device));
    }

    /// What happens once in an hour.
    fn events(&mut self, hour: u32) {
        match hour % 6 {
            1 => self.new_device(),
            2 => {
                let said = self.server.command("compact", &["--keep-days", "0"]);
                // The server may be at it by itself just now.
                assert!(said.code == 0 || said.err.contains("already_compacting"), "{}", said.err);
            }
            3 => {
                let file = self.folder.join("backup.db");
                let _ = fs::remove_file(&file);
                self.server.command("backup", &["--to", path(&file)]).json();
            }
            4 => {
                self.server.command("reproject", &[]).json();
                self.server.command("gc", &[]).json();
            }
            5 => {
                self.server.kill();
                self.server.start();
                self.kills.0 += 1;
                self.revoke();
            }
            _ => {}
        }
    }

    /// Takes the newest device out of service, if there are several.
    fn revoke(&mut self) {
        if self.devices.len() < 2 {
            return;
        }
        let (_, device) = self.devices.pop().expect("a device");
        let standing = device.run(&["status"]).json();
        let id = standing["device"]["device"].as_str().expect("an id").to_owned();
        self.server.command("revoke", &["--device", &id]).json();
        // Its next contact takes everything from it.
        let _ = device.run(&["sync"]);
        let _ = fs::remove_dir_all(device.home());
        self.revoked += 1;
    }

    /// What goes on all the time.
    fn everyday(&mut self) {
        let place = self.rng.random_range(0..self.phones.len());
        let count = self.rng.random_range(1..=3);
        let (unit, phone) = &mut self.phones[place];
        let ids = phone.record(&mut self.generator, &self.units[*unit], count);
        self.runtime.block_on(phone.sync(self.server.address()));
        self.ledger.extend(ids);
        if self.rng.random_bool(0.1) {
            self.device_works();
        }
    }

    /// A device records, is killed every other time, and exchanges.
    fn device_works(&mut self) {
        let place = self.rng.random_range(0..self.devices.len());
        let (unit, device) = self.devices[place].clone();
        let line = self.generator.line(std::slice::from_ref(&self.units[unit]));
        let visit: serde_json::Value = serde_json::from_str(&line).expect("a line");
        device.record(&[line]).json();
        if self.rng.random_bool(0.5) {
            let mut sync = device.command(&["sync"]);
            let quiet = std::process::Stdio::null;
            let mut child = sync.stdout(quiet()).stderr(quiet()).spawn().expect("a process");
            thread::sleep(Duration::from_millis(self.rng.random_range(0..80)));
            let _ = (child.kill(), child.wait());
            self.kills.1 += 1;
        }
        assert_eq!(device.sync()["waiting"], 0);
        self.ledger.insert(visit["visit_id"].as_str().expect("an id").to_owned());
    }

    fn measure(&self) -> Hour {
        let journals = fs::read_dir(self.server.data()).expect("the folder").flatten();
        let journals = journals.filter(|entry| entry.file_name().to_string_lossy().ends_with("-wal"));
        Hour {
            visits: self.ledger.len(),
            memory: memory(self.server.pid()),
            handles: handles(self.server.pid()),
            cpu: cpu(self.server.pid()),
            folder: folder_size(self.server.data()),
            journals: journals.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum(),
            device: folder_size(self.devices[0].1.home()),
        }
    }

    fn end(self, hours: Vec<Hour>) -> Soaked {
        crate::kill::views_current(&self.server, &|_: &str| {});
        let ids: Vec<String> = crate::api::list(self.server.address(), "/api/v1/visits", &self.server.province_token())
            .iter()
            .map(|visit| visit["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        let there: BTreeSet<&String> = ids.iter().collect();
        Soaked {
            hours,
            kills: self.kills,
            devices: (self.made, self.revoked),
            lost: self.ledger.iter().filter(|id| !there.contains(id)).count(),
            doubled: ids.len() - there.len(),
        }
    }
}
