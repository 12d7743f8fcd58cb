//! A scenario under way: the machines, the network between them, and what each step does.

use super::dice::Dice;
use super::disk::{Disk, Faults};
use super::machines::{Phone, Station, Talk};
use super::oracle::{Oracle, Verdict, broken};
use super::step::{Act, Size, Step, Who};
use super::template::{
    START_MS, Template, UNITS, lay_server_folder, name, official, phone_folder, phone_key, server_folder,
};
use gandan_client::model::patch::FieldEdit;
use gandan_model::genesis::DocKind;
use gandan_server::compactor::{self, Compactor};
use gandan_server::db::Db;
use gandan_server::db::sqlite::devices;
use gandan_server::db::sqlite::people::{self, Official};
use gandan_server::erasure::{By, erase_everywhere};
use gandan_server::error::ServerError;
use gandan_server::folder::{Decision, Folder};
use gandan_server::ledger;
use std::path::Path;

/// Messages in the network at most; the oldest give way.
const MAX_MESSAGES: usize = 24;
/// Round trips in one exchange on a good road.
pub(super) const MAX_ROUNDS: usize = 64;

/// A request of a device: its number in the scenario, and which of the two routes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) query: bool,
}

/// Bytes on their way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    phone: usize,
    /// To the server.
    up: bool,
    request: Request,
    bytes: Vec<u8>,
    /// The end of it never comes.
    cut: bool,
}

/// A scenario under way.
pub struct World {
    pub(super) phones: Vec<Phone>,
    pub(super) station: Station,
    pub(super) oracle: Oracle,
    pub(super) trace: Vec<String>,
    pub(super) now_ms: i64,
    network: Vec<Message>,
    requests: u64,
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
            Phone::new(phone.id, folder, phone_key(index), disk)
        });
        let mut world = Self {
            phones: phones.collect(),
            station,
            oracle: Oracle::of(template, size.phones),
            trace: Vec::new(),
            now_ms: START_MS,
            network: Vec::new(),
            requests: 0,
        };
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
        self.now_ms += 1_000;
        self.station.clock.advance_ms(1_000);
        self.prepare(step.seed);
        let mut dice = Dice::new(step.seed);
        let said = self.act(step.act, &mut dice)?;
        self.trace.push(format!("{:03} {:?}: {said}", self.trace.len(), step.act));
        self.bury(&mut dice)
    }

    /// Clocks and dice for what comes.
    pub(super) fn prepare(&self, seed: u64) {
        for (index, phone) in self.phones.iter().enumerate() {
            phone.prepare(self.now_ms, seed ^ (index as u64) << 56);
        }
    }

    fn act(&mut self, act: Act, dice: &mut Dice) -> Verdict<String> {
        match act {
            Act::Save(phone) => self.save(phone, dice),
            Act::Seal(phone) => Ok(self.seal(phone)),
            Act::Send(phone, budget) => self.send(phone, budget),
            Act::Deliver(pick) => self.deliver(pick),
            Act::Lose(pick) => Ok(self.take_message(pick).map_or_else(none, |message| about(&message))),
            Act::Duplicate(pick) => Ok(self.duplicate(pick)),
            Act::Cut(pick) => Ok(self.spoil(pick, dice, true)),
            Act::Spoil(pick) => Ok(self.spoil(pick, dice, false)),
            Act::Sync(phone) => self.sync(phone),
            Act::Quiet => self.quiet(),
            Act::Crash(who, power) => self.crash(who, power.then_some(dice)),
            Act::Dying(who, after) => Ok(self.fault(who, |faults| Faults { dies_in: Some(after), ..faults })),
            Act::Refusing(who, after) => Ok(self.fault(who, |faults| Faults { error_in: Some(after), ..faults })),
            Act::Full(who, full) => Ok(self.fault(who, |faults| Faults { full, ..faults })),
            Act::Clock(phone, seconds) => {
                self.phones[phone].skew_ms = seconds * 1_000;
                Ok(format!("{seconds} s off"))
            }
            Act::Wait(seconds) => {
                self.now_ms += seconds * 1_000;
                self.station.clock.advance_ms(seconds * 1_000);
                Ok(format!("{seconds} s"))
            }
            Act::Revoke(phone) => Ok(self.revoke(phone)),
            Act::Erase(pick) => self.erase(pick),
            Act::Compact(keep_s) => self.compact(keep_s),
            Act::Move(phone, units) => Ok(self.move_official(phone, units)),
        }
    }

    /// Somebody saves something small.
    fn save(&mut self, index: usize, dice: &mut Dice) -> Verdict<String> {
        let Some(client) = &self.phones[index].client else { return Ok(none()) };
        let known = self.oracle.docs.len();
        let fresh = known == 0 || dice.below(40) >= known as u64 || dice.one_in(5);
        let word = format!("{:x}", dice.below(0xffff));
        let result = if fresh {
            let (kind, mut edits) = record(dice, &word);
            edits.push(FieldEdit::new("unit", UNITS[dice.index(UNITS.len())]));
            client.create(kind, None, &edits)
        } else {
            let (doc, _) = self.oracle.docs[dice.index(known)];
            let kind = client.inspect(|store| store.document(doc)).ok().flatten().and_then(|stored| stored.kind);
            client.patch(doc, &change_of(kind, dice, &word))
        };
        match result {
            Ok(saved) => {
                let new = self.learn(index, saved.id)?;
                Ok(format!("{} {new} new", saved.id))
            }
            Err(error) => Ok(error.code().to_owned()),
        }
    }

    fn seal(&self, index: usize) -> String {
        let Some(client) = &self.phones[index].client else { return none() };
        match client.seal_outbox() {
            Ok(report) => format!("{} envelopes, {} changes", report.envelopes, report.changes),
            Err(error) => error.code().to_owned(),
        }
    }

    /// A device sends a request; one that was under way counts as lost.
    fn send(&mut self, index: usize, budget: u32) -> Verdict<String> {
        let (request, bytes) = match self.request(index, budget)? {
            Ok(sent) => sent,
            Err(why) => return Ok(why),
        };
        let said = format!("request {}, {} bytes {}", request.number, bytes.len(), short(&bytes));
        if self.network.len() >= MAX_MESSAGES {
            self.network.remove(0);
        }
        self.network.push(Message { phone: index, up: true, request, bytes, cut: false });
        Ok(said)
    }

    /// What a device sends next; none, and why, when its exchange is over.
    pub(super) fn request(&mut self, index: usize, budget: u32) -> Verdict<Result<(Request, Vec<u8>), String>> {
        let phone = &mut self.phones[index];
        let Some(client) = &phone.client else { return Ok(Err("off".to_owned())) };
        if phone.talk.open.is_some() {
            phone.talk = Talk::default();
        }
        phone.talk.exchange.byte_budget = budget;
        let message = match phone.talk.exchange.next(client) {
            Ok(Some(message)) => message,
            Ok(None) => {
                phone.talk = Talk::default();
                return Ok(Err("done".to_owned()));
            }
            Err(error) => {
                phone.talk = Talk::default();
                return Ok(Err(error.code().to_owned()));
            }
        };
        self.requests += 1;
        let request = Request { number: self.requests, query: message.path != "/v1/sync" };
        phone.talk.open = Some((self.requests, message.errand));
        if !request.query {
            self.note_sent(&message.body)?;
        }
        Ok(Ok((request, message.body)))
    }

    fn deliver(&mut self, pick: u64) -> Verdict<String> {
        let Some(message) = self.take_message(pick) else { return Ok(none()) };
        let about = about(&message);
        let said = if message.up {
            self.at_server(&message)?
        } else {
            self.at_phone(message.phone, message.request, &message.bytes)?
        };
        Ok(format!("{about}: {said}"))
    }

    fn at_server(&mut self, message: &Message) -> Verdict<String> {
        if message.cut && message.request.query {
            return Ok("nothing of it counts".to_owned());
        }
        if message.cut {
            // What broke off in the middle is answered by nobody, and what is whole in it counts.
            let Some(core) = &self.station.core else { return Ok(none()) };
            let saved = core.exchange.salvage(&message.bytes);
            self.read_logs()?;
            return Ok(saved.map_or_else(|trouble| trouble.refusal.name().to_owned(), |count| format!("{count} saved")));
        }
        let Some(answer) = self.serve(message.phone, message.request.query, &message.bytes)? else {
            return Ok("no answer".to_owned());
        };
        let said = format!("{} bytes {}", answer.len(), short(&answer));
        self.network.push(Message { up: false, bytes: answer, ..message.clone() });
        Ok(said)
    }

    fn take_message(&mut self, pick: u64) -> Option<Message> {
        let place = Dice::new(pick).index(self.network.len());
        (place < self.network.len()).then(|| self.network.remove(place))
    }

    fn duplicate(&mut self, pick: u64) -> String {
        let Some(message) = self.take_message(pick) else { return none() };
        let about = about(&message);
        // An answer arrives once or not at all: its connection is gone afterwards.
        if message.up {
            self.network.push(message.clone());
        }
        self.network.push(message);
        about
    }

    /// Cuts a message, or flips bits of a request; answers come whole or not at all, as TLS sees to.
    fn spoil(&mut self, pick: u64, dice: &mut Dice, cut: bool) -> String {
        let Some(mut message) = self.take_message(pick) else { return none() };
        let at = dice.index(message.bytes.len());
        if cut || !message.up {
            message.bytes.truncate(at);
            message.cut = true;
        } else if let Some(byte) = message.bytes.get_mut(at) {
            *byte ^= 1 << dice.below(8);
        }
        let about = about(&message);
        self.network.push(message);
        about
    }

    fn quiet(&mut self) -> Verdict<String> {
        if let Some(core) = &self.station.core {
            core.exchange.ingest.quiet();
        }
        self.read_logs()?;
        Ok("done".to_owned())
    }

    fn compact(&mut self, keep_s: i64) -> Verdict<String> {
        let Some(core) = &self.station.core else { return Ok(none()) };
        let options = compactor::Options { keep_ms: keep_s * 1_000, force: true };
        let done = Compactor::new(core.db.clone())
            .map_err(ServerError::from)
            .and_then(|mut compactor| compactor.run(self.now_ms, &options, &|| false));
        self.read_logs()?;
        match done {
            Ok(Some(done)) if done.mismatches > 0 => broken(1, "chunks that do not add up to the log's digest"),
            Ok(Some(done)) => Ok(format!("{} manifests, {} bodies gone", done.manifests, done.dropped)),
            Ok(None) => broken(0, "another compaction is under way"),
            Err(error) => Ok(error.code().to_owned()),
        }
    }

    fn fault(&self, who: Who, change: impl FnOnce(Faults) -> Faults) -> String {
        let disk = match who {
            Who::Server => &self.station.disk,
            Who::Phone(index) => &self.phones[index].disk,
        };
        disk.set_faults(change(disk.faults()));
        "set".to_owned()
    }

    /// Everything is calm: nothing in the network, disks in order, all machines on. What was broken stays repaired.
    pub(super) fn calm(&mut self, dice: &mut Dice) -> Verdict {
        self.network.clear();
        let disks = self.phones.iter().map(|phone| &phone.disk).chain([&self.station.disk]);
        disks.for_each(|disk| disk.set_faults(Faults { dead: disk.faults().dead, ..Faults::default() }));
        self.bury(dice)?;
        if self.station.core.is_none() {
            self.start_server()?;
        }
        for index in 0..self.phones.len() {
            self.start_phone(index)?;
            self.phones[index].talk = Talk::default();
        }
        Ok(())
    }

    /// Decisions are rare, and made while the server's disk is in order.
    fn can_decide(&self) -> Option<&Db> {
        let healthy = self.station.disk.faults() == Faults::default();
        self.station.core.as_ref().filter(|_| healthy).map(|core| &core.db)
    }

    fn revoke(&mut self, index: usize) -> String {
        let (device, at_ms) = (self.phones[index].id, self.now_ms);
        let Some(db) = self.can_decide() else { return none() };
        let folder = Folder::at(&self.station.folder);
        db.write(|transaction| {
            devices::revoke(transaction, &device, false, at_ms)?;
            ledger::decide(transaction, &folder, &Decision::DeviceRevoked { device, at_ms, wipe: false })
        })
        .unwrap();
        let units = self.oracle.rights[index].units.clone();
        self.oracle.set_rights(index, units, true);
        "done".to_owned()
    }

    fn move_official(&mut self, index: usize, units: u8) -> String {
        let at_ms = self.now_ms;
        let Some(db) = self.can_decide() else { return none() };
        let chosen = UNITS.iter().enumerate().filter(|(place, _)| units & (1 << place) != 0);
        let units: Vec<&str> = chosen.map(|(_, unit)| *unit).collect();
        let line = official(index, &units);
        let folder = Folder::at(&self.station.folder);
        db.write(|transaction| {
            let official = Official { id: line.id.clone(), name: line.name.clone(), role: line.role };
            people::put_official(transaction, &official, &line.scope, at_ms)?;
            let scope = people::scope(transaction, &line.scope, at_ms)?;
            ledger::regrant(transaction, &line.id, line.role, &scope)?;
            ledger::decide(transaction, &folder, &Decision::OfficialMoved { official: line.clone(), at_ms })
        })
        .unwrap();
        let said = format!("{units:?}");
        let revoked = self.oracle.rights[index].revoked;
        self.oracle.set_rights(index, units.into_iter().map(str::to_owned).collect(), revoked);
        said
    }

    /// A document is erased for good.
    fn erase(&mut self, pick: u64) -> Verdict<String> {
        let at = Dice::new(pick).index(self.oracle.docs.len());
        let Some((doc, space)) = self.oracle.docs.get(at).copied() else { return Ok(none()) };
        let info = self.oracle.spaces.iter().find(|info| info.id == space);
        let places: Vec<_> = info.map(|info| (info.id, info.unit.clone(), info.compartment)).into_iter().collect();
        let Some(db) = self.can_decide() else { return Ok(none()) };
        let by = By { who: "sim", role: "administrator", reason: "asked for" };
        erase_everywhere(db, &places, &doc, &by, self.now_ms).unwrap();
        self.oracle.erased.insert(doc);
        self.read_logs()?;
        Ok(doc.to_string())
    }

    /// A whole exchange on a good road.
    pub(super) fn sync(&mut self, index: usize) -> Verdict<String> {
        let sealed = self.seal(index);
        self.phones[index].talk = Talk::default();
        for round in 0..MAX_ROUNDS {
            let (request, bytes) = match self.request(index, 0)? {
                Ok(sent) => sent,
                Err(why) => return Ok(format!("{sealed}; {why} after {round} round trips")),
            };
            let Some(answer) = self.serve(index, request.query, &bytes)? else {
                return Ok(format!("{sealed}; no answer"));
            };
            let said = self.at_phone(index, request, &answer)?;
            if said != "taken" {
                return Ok(format!("{sealed}; {said} after {} round trips, {}", round + 1, short(&answer)));
            }
        }
        broken(7, format!("device {index}: an exchange does not end in {MAX_ROUNDS} round trips"))
    }
}

fn none() -> String {
    "nothing to do".to_owned()
}

fn about(message: &Message) -> String {
    let way = if message.up { "request" } else { "answer" };
    format!("{way} {} of {}, {} bytes", message.request.number, message.phone, message.bytes.len())
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
fn change_of(kind: Option<DocKind>, dice: &mut Dice, word: &str) -> Vec<FieldEdit> {
    match (kind, dice.below(3)) {
        (Some(DocKind::Visit), 0) => vec![FieldEdit::new("note", format!("Ghi chú {word}"))],
        (Some(DocKind::Visit), _) => vec![FieldEdit::new("counts.residents", dice.below(500))],
        (Some(DocKind::Issue), 0) => vec![FieldEdit::new("description", format!("Hỏng {word}"))],
        (Some(DocKind::Issue), _) => vec![FieldEdit::new("title", format!("Cầu {word}"))],
        _ => vec![FieldEdit::new("address", format!("Số {word}"))],
    }
}
