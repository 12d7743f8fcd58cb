//! A scenario under way: the machines, the network between them, and what each step does.

use super::decide::Backup;
use super::dice::Dice;
use super::disk::{Disk, Faults};
use super::machines::{Past, Phone, Station, Talk};
use super::network::Message;
use super::oracle::{Doc, Oracle, Verdict, broken};
use super::step::{Act, Age, Size, Step, Who};
use super::template::{
    START_MS, SpaceInfo, Template, UNITS, lay_server_folder, name, phone_folder, phone_key, server_folder,
};
use gandan_client::model::patch::FieldEdit;
use gandan_model::genesis::DocKind;
use gandan_model::ids::ChangeHash;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A scenario under way.
pub struct World {
    pub(super) phones: Vec<Phone>,
    pub(super) station: Station,
    pub(super) oracle: Oracle,
    pub(super) trace: Vec<String>,
    pub(super) now_ms: i64,
    pub(super) network: Vec<Message>,
    pub(super) requests: u64,
    /// Devices that the scenario began with.
    pub(super) originals: usize,
    pub(super) backups: Vec<Backup>,
    pub(super) restores: u64,
    /// What a device held before it took in an answer from before a restore, in this step.
    pub(super) heard_of_the_past: BTreeSet<ChangeHash>,
    /// Whether the views are looked at in this scenario.
    pub(super) has_views: bool,
    pub(super) base: PathBuf,
}

impl World {
    /// Lays the template's disks into the folder `base` and switches everything on.
    pub fn new(template: &Template, base: &Path, size: Size) -> Verdict<Self> {
        let folder = server_folder(base);
        lay_server_folder(&folder, &template.ledger);
        let disk = Disk::mount(name(&folder), &template.server);
        let station = Station::new(folder, disk, START_MS);
        let phones = template.phones.iter().take(size.phones).enumerate().map(|(index, phone)| {
            let folder = phone_folder(base, index);
            std::fs::create_dir_all(&folder).unwrap();
            let disk = Disk::mount(name(&folder), &phone.disk);
            Phone::new(Past::of(phone.id), index, folder, phone_key(index), disk)
        });
        let mut world = Self {
            phones: phones.collect(),
            station,
            oracle: Oracle::of(template, size.phones),
            trace: Vec::new(),
            now_ms: START_MS,
            network: Vec::new(),
            requests: 0,
            originals: size.phones,
            backups: Vec::new(),
            restores: 0,
            heard_of_the_past: BTreeSet::new(),
            has_views: false,
            base: base.to_owned(),
        };
        world.note_rights();
        world.start_server()?;
        for phone in 0..size.phones {
            world.start_phone(phone)?;
        }
        Ok(world)
    }

    /// What happened, a line for each step.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// One step, and everything that can be checked after it.
    pub fn step(&mut self, step: &Step) -> Verdict {
        self.wait(1_000);
        self.prepare(step.seed);
        let mut dice = Dice::new(step.seed);
        let said = self.act(step.act, &mut dice)?;
        self.trace.push(format!("{:03} {:?}: {said}", self.trace.len(), step.act));
        self.bury(&mut dice)?;
        let had = std::mem::take(&mut self.heard_of_the_past);
        if had.is_empty() { Ok(()) } else { self.excuse_of(had) }
    }

    /// Clocks and dice for what comes.
    pub(super) fn prepare(&self, seed: u64) {
        for (index, phone) in self.phones.iter().enumerate() {
            phone.prepare(self.now_ms, seed ^ (index as u64) << 56);
        }
        self.station.dice.load(seed ^ 0x5e4);
    }

    fn act(&mut self, act: Act, dice: &mut Dice) -> Verdict<String> {
        let machine = |phone: usize| phone % self.phones.len();
        match act {
            Act::Save(phone) => self.save(machine(phone), dice),
            Act::Seal(phone) => Ok(self.seal(machine(phone))),
            Act::Send(phone, budget) => self.send(machine(phone), budget),
            Act::Deliver(pick) => self.deliver(pick),
            Act::Lose(pick) => Ok(self.lose(pick)),
            Act::Duplicate(pick) => Ok(self.duplicate(pick)),
            Act::Cut(pick) => Ok(self.spoil(pick, dice, true)),
            Act::Spoil(pick) => Ok(self.spoil(pick, dice, false)),
            Act::Sync(phone) => self.sync(machine(phone)),
            Act::Crawl(phone, budget) => self.crawl(machine(phone), budget),
            Act::Rush => self.rush(),
            Act::Age(phone, age) => {
                let phone = machine(phone);
                self.phones[phone].age = age;
                Ok("set".to_owned())
            }
            Act::Quiet => self.quiet(),
            Act::Crash(who, power) => self.crash(self.machine(who), power.then_some(dice)),
            Act::Dying(who, after) => Ok(self.fault(who, |faults| Faults { dies_in: Some(after), ..faults })),
            Act::Refusing(who, after) => Ok(self.fault(who, |faults| Faults { error_in: Some(after), ..faults })),
            Act::Full(who, full) => Ok(self.fault(who, |faults| Faults { full, ..faults })),
            Act::Clock(phone, seconds) => {
                let phone = machine(phone);
                self.phones[phone].skew_ms = seconds * 1_000;
                Ok(format!("{seconds} s off"))
            }
            Act::Wait(seconds) => {
                self.wait(seconds * 1_000);
                Ok(format!("{seconds} s"))
            }
            Act::Compact(keep_s) => self.compact(keep_s),
            Act::Views => self.build_views(),
            Act::Move(phone, units) => Ok(self.move_official(machine(phone), units)),
            Act::Judge(pick, admit) => self.judge(pick, admit),
            Act::Revoke(phone, wipe) => Ok(self.revoke(machine(phone), wipe)),
            Act::Erase(pick) => self.erase(pick),
            Act::Backup => Ok(self.back_up()),
            Act::Restore(pick) => self.restore(pick),
            Act::Image(phone) => Ok(self.copy_storage(machine(phone))),
            Act::Copy(phone) => self.copy(machine(phone)),
            Act::Revert(phone) => self.revert(machine(phone)),
        }
    }

    fn machine(&self, who: Who) -> Who {
        match who {
            Who::Server => Who::Server,
            Who::Phone(phone) => Who::Phone(phone % self.phones.len()),
        }
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
        self.station.clock.advance_ms(ms);
    }

    /// Somebody saves something small.
    fn save(&mut self, index: usize, dice: &mut Dice) -> Verdict<String> {
        let Some(client) = &self.phones[index].client else { return Ok(none()) };
        let known = self.oracle.docs.len();
        let fresh = known == 0 || dice.below(40) >= known as u64 || dice.one_in(5);
        let word = format!("{:08x}", dice.below(u64::from(u32::MAX)));
        let (result, kind, edits) = if fresh {
            let (kind, mut edits) = record(dice, &word);
            edits.push(FieldEdit::new("unit", UNITS[dice.index(UNITS.len())]));
            (client.create(kind, None, &edits), kind, edits)
        } else {
            let doc = self.oracle.docs[dice.index(known)];
            let edits = change_of(doc.kind, dice, &word);
            (client.patch(doc.id, &edits), doc.kind, edits)
        };
        // Of a long text only what differs is written: the word need not stand in it as a whole.
        let is_whole =
            edits.iter().any(|edit| ["place.name", "title", "name", "address"].contains(&edit.field.as_str()));
        match result {
            Ok(saved) => {
                let spaces = self.oracle.rights.spaces();
                let is_it = |info: &&SpaceInfo| info.unit == saved.unit && info.compartment == kind.compartment();
                let Some(info) = spaces.iter().find(is_it) else { return broken(5, "saved in no space") };
                let doc = Doc { id: saved.id, space: info.id, kind };
                let new = self.learn(index, doc, is_whole.then_some(word.as_str()))?;
                self.say_anew(index, saved.id);
                Ok(format!("{} {new} new", saved.id))
            }
            Err(error) => Ok(error.code().to_owned()),
        }
    }

    pub(super) fn seal(&self, index: usize) -> String {
        let Some(client) = &self.phones[index].client else { return none() };
        match client.seal_outbox() {
            Ok(report) => format!("{} envelopes, {} changes", report.envelopes, report.changes),
            Err(error) => error.code().to_owned(),
        }
    }

    /// The server has a quiet moment.
    fn quiet(&mut self) -> Verdict<String> {
        if let Some(core) = &self.station.core {
            core.exchange.ingest.quiet();
        }
        self.read_logs()?;
        Ok("done".to_owned())
    }

    fn fault(&self, who: Who, change: impl FnOnce(Faults) -> Faults) -> String {
        let disk = match self.machine(who) {
            Who::Server => &self.station.disk,
            Who::Phone(index) => &self.phones[index].disk,
        };
        disk.set_faults(change(disk.faults()));
        "set".to_owned()
    }

    /// Everything is calm: nothing in the network, disks in order, all machines on. What was broken stays repaired.
    pub(super) fn calm(&mut self, dice: &mut Dice) -> Verdict {
        self.empty_network();
        let disks = self.phones.iter().map(|phone| &phone.disk).chain([&self.station.disk]);
        disks.for_each(|disk| disk.set_faults(Faults { dead: disk.faults().dead, ..Faults::default() }));
        self.bury(dice)?;
        if self.station.core.is_none() {
            self.start_server()?;
        }
        for index in 0..self.phones.len() {
            self.start_phone(index)?;
            self.phones[index].talk = Talk::default();
            self.phones[index].age = Age::Now;
        }
        Ok(())
    }
}

/// Nobody looks at the disks any more: what closing would still tidy up there is not done.
impl Drop for World {
    fn drop(&mut self) {
        let disks = self.phones.iter().map(|phone| &phone.disk).chain([&self.station.disk]);
        disks.for_each(|disk| disk.set_faults(Faults { dead: true, ..Faults::default() }));
    }
}

pub(super) fn none() -> String {
    "nothing to do".to_owned()
}

/// The first bytes of a hash: enough to see that two runs are the same.
pub(super) fn short(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes)[..4])
}

/// A new small record.
fn record(dice: &mut Dice, word: &str) -> (DocKind, Vec<FieldEdit>) {
    match dice.below(5) {
        0 | 1 => (DocKind::Visit, vec![FieldEdit::new("place.name", format!("Thôn {word}"))]),
        2 | 3 => (DocKind::Issue, vec![FieldEdit::new("title", format!("Đường {word}"))]),
        _ => (DocKind::Contact, vec![FieldEdit::new("name", format!("Bà {word}"))]),
    }
}

/// A small change of a record.
fn change_of(kind: DocKind, dice: &mut Dice, word: &str) -> Vec<FieldEdit> {
    match (kind, dice.below(3)) {
        (DocKind::Visit, 0) => vec![FieldEdit::new("note", format!("Ghi chú {word}"))],
        (DocKind::Visit, _) => vec![FieldEdit::new("counts.residents", dice.below(500))],
        (DocKind::Issue, 0) => vec![FieldEdit::new("description", format!("Hỏng {word}"))],
        (DocKind::Issue, _) => vec![FieldEdit::new("title", format!("Cầu {word}"))],
        _ => vec![FieldEdit::new("address", format!("Số {word}"))],
    }
}
