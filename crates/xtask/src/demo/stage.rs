//! The acts of the demo, in their order. Each says what it does and counts while it works.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use super::concurrent::{self, Encounter};
use super::names;
use super::process::{Device, Server};
use super::random::Random;
use super::sample::{MEETING_UNIT, Official, Sample};
use super::traffic::{self, Traffic};
use super::{figures, http, units_file};
use crate::Outcome;
use crate::cargo::Binaries;
use crate::json::{items, number, text, to_lines};
use crate::table::{bold, clip, time};

/// Rounds after which a sync that still moves something is taken for one that never ends.
const MOST_ROUNDS: usize = 12;

/// Everything that the demo holds.
pub(super) struct Stage {
    sample: Sample,
    officials: BTreeMap<String, Official>,
    server: Server,
    devices: Vec<Device>,
    encounters: Vec<Encounter>,
    traffic: BTreeMap<String, Traffic>,
    random: Random,
    folder: PathBuf,
    token: String,
    /// The inspectorate's token: it alone may know of sealed stubs.
    inspector: String,
    device_binary: PathBuf,
}

/// A line that counts while work goes on.
struct Progress {
    what: String,
    start: Instant,
}

impl Progress {
    fn new(what: &str) -> Self {
        let progress = Self { what: what.to_owned(), start: Instant::now() };
        progress.show("…");
        progress
    }

    /// Only for a person who looks: in a log the last line is enough.
    fn show(&self, state: &str) {
        if std::io::stdout().is_terminal() {
            print!("\r  {}: {state}\u{1b}[K", self.what);
            // A terminal that is gone is no reason to stop.
            let _ = std::io::stdout().flush();
        }
    }

    fn done(self, state: &str) {
        let end = if std::io::stdout().is_terminal() { "\r\u{1b}[K" } else { "" };
        println!("{end}  {}: {state} ({})", self.what, time(self.start.elapsed()));
    }
}

impl Stage {
    pub(super) fn new(binaries: &Binaries, folder: &Path, port: u16, seed: u64) -> Outcome<Self> {
        let sample = Sample::read()?;
        let mut random = Random::new(seed);
        Ok(Self {
            officials: sample.officials(),
            encounters: Encounter::all(&sample.cases, &mut random),
            sample,
            server: Server::new(&binaries.server, folder, port),
            devices: Vec::new(),
            traffic: BTreeMap::new(),
            random,
            folder: folder.to_owned(),
            token: String::new(),
            inspector: String::new(),
            device_binary: binaries.device.clone(),
        })
    }

    /// Sets the server up and enrols one phone for each official.
    pub(super) fn open_office(&mut self) -> Outcome {
        let progress = Progress::new("server with the communes, wards and the special zone");
        let units = units_file();
        self.server.command("init", &["--units", &units.to_string_lossy()])?;
        self.server.start()?;
        self.token = self.token_of(names::ROLE_STAFF)?;
        self.inspector = self.token_of(names::ROLE_INSPECTOR)?;
        progress.done(&format!("ready on {}", self.server.address));

        let progress = Progress::new("phones enrolled");
        let base = format!("http://{}", self.server.address);
        for (id, official) in &self.officials {
            let mut args = vec!["--name", id, "--role", names::ROLE_OFFICIAL, "--base-url", &base];
            args.extend(official.units.iter().flat_map(|unit| ["--unit", unit.as_str()]));
            let answer = self.server.command("enrol", &args)?;
            let device = Device::new(&self.device_binary, &self.folder, id);
            device.run(&["enrol", text(&answer, names::LINK)])?;
            self.devices.push(device);
            progress.show(&self.devices.len().to_string());
        }
        let grants: usize = self.officials.values().map(|official| official.units.len()).sum();
        progress.done(&format!("{}, for {grants} communes counted per phone", self.devices.len()));
        Ok(())
    }

    /// One official records the visits that two will edit, and everybody of that commune gets them.
    pub(super) fn share_visits(&mut self) -> Outcome {
        let (code, name) = MEETING_UNIT;
        let progress = Progress::new(&format!("visits in {name} ({code}), July 2026"));
        let lines = to_lines(self.encounters.iter().map(|encounter| &encounter.visit));
        let lead = self.device("CB-001")?.clone();
        self.record_lines(&lead, &lines, self.encounters.len())?;
        self.sync(&lead)?;
        let circle = self.circle();
        for device in &circle {
            self.sync(device)?;
        }
        let holders: Vec<&str> = circle.iter().map(|device| device.official.as_str()).collect();
        progress.done(&format!("{}, held by {}", self.encounters.len(), holders.join(", ")));
        println!("  July lies before the period of the report: these visits leave its figures alone.");
        Ok(())
    }

    /// Those who edit, and one more who only looks.
    fn circle(&self) -> Vec<Device> {
        let mut wanted: BTreeSet<&str> = BTreeSet::from(["CB-003"]);
        wanted.extend(self.encounters.iter().flat_map(Encounter::officials));
        let devices = self.devices.iter();
        devices.filter(|device| wanted.contains(device.official.as_str())).cloned().collect()
    }

    fn token_of(&mut self, role: &str) -> Outcome<String> {
        let answer = self.server.command("token", &["--name", role, "--role", role, "--province"])?;
        Ok(text(&answer, names::TOKEN).to_owned())
    }

    /// Cuts the network: the server is stopped, and a phone that tries says so.
    pub(super) fn go_offline(&mut self) -> Outcome {
        self.server.stop()?;
        let said = match self.device("CB-001")?.run(&["sync"]) {
            Ok(_) => return Err("a phone could sync although the server was stopped".into()),
            Err(error) => error.to_string(),
        };
        // What a person would read: the advice in the answer.
        let advice = said.split("\"advice\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or(&said);
        println!("  server stopped; a phone that tries to sync says: {}", clip(advice, 90));
        Ok(())
    }

    /// Every official records the visits that he or she led.
    pub(super) fn record(&mut self) -> Outcome {
        let progress = Progress::new("sample visits recorded offline");
        let mut done = 0;
        let mut issues = 0;
        for device in self.devices.clone() {
            let leads = self.officials.get(&device.official).map_or(&[][..], |o| &o.leads);
            if leads.is_empty() {
                continue;
            }
            let visits = leads.iter().filter_map(|index| self.sample.visits.get(*index));
            issues += visits.map(|visit| items(visit, "issues").len()).sum::<usize>();
            self.record_lines(&device, &self.sample.lines(leads), leads.len())?;
            done += leads.len();
            progress.show(&done.to_string());
        }
        progress.done(&format!("{done} visits with {issues} issues"));
        Ok(())
    }

    fn record_lines(&self, device: &Device, lines: &str, wanted: usize) -> Outcome {
        let file = self.folder.join(format!("{}.jsonl", device.official));
        fs::write(&file, lines)?;
        let answer = device.run(&["record", "--jsonl", &file.to_string_lossy()])?;
        let saved = number(&answer, names::record::SAVED);
        let bad = items(&answer, names::record::BAD);
        if usize::try_from(saved).ok() != Some(wanted) || !bad.is_empty() {
            let who = &device.official;
            return Err(format!("{who} saved {saved} of {wanted} visits: {answer}").into());
        }
        Ok(())
    }

    /// Both sides of every merge case, neither knowing of the other.
    pub(super) fn edit_concurrently(&mut self) -> Outcome {
        let progress = Progress::new("records edited on two phones at once");
        // In random order, but A writes before B in every case: where the later one is shown, the
        // cases say which that is.
        let mut order: Vec<usize> = (0..self.encounters.len()).flat_map(|n| [n, n]).collect();
        self.random.shuffle(&mut order);
        let mut begun = BTreeSet::new();
        for number in &order {
            let side = usize::from(!begun.insert(*number));
            if let Some(encounter) = self.encounters.get(*number) {
                encounter.edit(side, &self.devices)?;
            }
        }
        progress.done(&format!("{}, {} edits", self.encounters.len(), order.len()));
        Ok(())
    }

    /// Syncs in random order, with the network breaking once more in the middle of the first round,
    /// until a whole round moves nothing.
    pub(super) fn sync_until_quiet(&mut self) -> Outcome {
        self.server.start()?;
        let cut_after = 5 + self.random.below(self.devices.len().saturating_sub(10));
        for round in 1..=MOST_ROUNDS {
            let mut order = self.devices.clone();
            self.random.shuffle(&mut order);
            let names: Vec<&str> = order.iter().map(|d| d.official.trim_start_matches("CB-0")).collect();
            let progress = Progress::new(&format!("round {round}, order {}", names.join(" ")));
            let mut moved = 0;
            for (index, device) in order.iter().enumerate() {
                if round == 1 && index == cut_after {
                    self.server.stop()?;
                    if device.run(&["sync"]).is_ok() {
                        return Err("a phone could sync although the server was stopped".into());
                    }
                    self.server.start()?;
                }
                moved += usize::from(self.sync(device)?);
                progress.show(&format!("{} of {}", index + 1, order.len()));
            }
            progress.done(&format!("{moved} phones had something to send or to get"));
            if round == 1 {
                println!("  (the network broke again after {cut_after} phones, and came back)");
            }
            if moved == 0 {
                return Ok(());
            }
        }
        Err(format!("after {MOST_ROUNDS} rounds there was still something to sync").into())
    }

    /// One sync, counted. Says whether anything moved.
    fn sync(&mut self, device: &Device) -> Outcome<bool> {
        let answer = device.run(&["sync"])?;
        let refused = traffic::refusals(&answer);
        if !refused.is_empty() {
            let said = refused.join(", ");
            return Err(format!("the server refused work of {}: {said}", device.official).into());
        }
        Ok(self.traffic.entry(device.official.clone()).or_default().add(&answer))
    }

    fn device(&self, official: &str) -> Outcome<&Device> {
        let mut devices = self.devices.iter();
        let found = devices.find(|device| device.official == official);
        found.ok_or_else(|| format!("no device of {official}").into())
    }

    pub(super) fn account_of_merges(&self) -> Outcome<usize> {
        let circle = self.circle();
        println!(
            "  Each line: one field of one record, edited on two phones without a network. ✓ means the\n  \
             same on {} phones, as the domain wants it, and shown to a person exactly where one must\n  \
             decide. Two more cases, a derived value and a verification by staff, are in the test suite.\n",
            circle.len()
        );
        concurrent::account(&self.encounters, &circle)
    }

    pub(super) fn account_of_traffic(&self) {
        print!("{}", traffic::table(&self.traffic));
    }

    pub(super) fn account_of_figures(&self) -> Outcome<usize> {
        println!("  GET {}\n", names::SUMMARY);
        let (status, _) = http::get(self.server.address, names::VIEWS_CURRENT, None)?;
        if status != 200 {
            return Err(format!("GET {}: status {status}", names::VIEWS_CURRENT).into());
        }
        let report: Value = http::json(self.server.address, names::SUMMARY, &self.token)?;
        let inspectorate: Value = http::json(self.server.address, names::SUMMARY, &self.inspector)?;
        Ok(figures::compare(&self.sample.expected, &report, &inspectorate))
    }

    pub(super) fn say_where_to_look(&self) -> Outcome {
        let base = format!("http://{}", self.server.address);
        let binary = self.device_binary.display();
        let home = self.folder.join("devices/CB-001");
        let home = home.display();
        println!("  The server is running; Ctrl-C stops it and removes the data.\n");
        println!("  token={}\n", self.token);
        println!("  In a browser: what staff see (sign in with the token)\n    {base}/");
        let (unit, place) = MEETING_UNIT;
        let wanted = ["--name", names::VISITOR, "--role", names::ROLE_OFFICIAL, "--base-url", &base, "--unit", unit];
        let answer = self.server.command("enrol", &wanted)?;
        println!("  In a browser, best at the width of a phone: the officials' app, as one more official in {place}");
        println!("    {}\n", text(&answer, names::LINK));
        for (path, what) in names::PAGES {
            println!("  {what}:\n    curl -s -H \"Authorization: Bearer $token\" '{base}{path}'");
        }
        println!("\n  And the phone of an official, in this terminal or another:");
        for command in ["visits --query \"thuy loi\"", "review", "sync --json"] {
            println!("    {binary} --home {home} {command}");
        }
        println!("\n  {}", bold("Ctrl-C to end"));
        Ok(())
    }

    pub(super) fn close(mut self) -> Outcome {
        self.server.stop()
    }
}
