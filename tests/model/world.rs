//! The world: what can happen, and what must hold.

use stateright::{Model, Property};
use std::collections::BTreeSet;

/// Phones in the world.
const PHONES: usize = 3;
/// Perfect rounds after which all must agree.
const ROUNDS: usize = 2;
/// The phone that is revoked, if one is.
const LOST: usize = 1;

/// A change: its author's name, its number there, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Change {
    device: u8,
    device_seq: u8,
    says: u8,
}

/// A phone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Phone {
    device: u8,
    /// Number of its last envelope.
    sealed: u8,
    /// How many of its edits it has made.
    edits: u8,
    /// What its documents hold.
    held: BTreeSet<Change>,
    /// The log as it has read it: cursor and chain.
    read: Vec<Change>,
    /// Whether it has met the server since that was restored: the incarnation.
    met_restored: bool,
    outbox: Vec<Change>,
}

/// What became of a change that was pushed or returned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Held,
    SequenceReused,
}

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Server {
    log: Vec<Change>,
    quarantine: BTreeSet<Change>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    server: Server,
    backup: Option<Server>,
    restored: bool,
    cloned: bool,
    phones: Vec<Phone>,
    /// Devices that were revoked, and how long the log was then. Outside of every backup.
    ledger: Option<(u8, usize)>,
    /// Whether somebody revoked one, whatever the server remembers of it.
    revoked: bool,
    /// The next name for a device.
    next_device: u8,
    /// What somebody was told to be safe.
    acknowledged: BTreeSet<u8>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Edit(usize),
    Sync(usize),
    /// The request arrives, the answer does not.
    AnswerLost(usize),
    Backup,
    Restore,
    Revoke,
    /// Phone 2 becomes a copy of phone 0.
    Clone,
}

/// A rule of the protocol that can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// UNIQUE (device, number): the first received wins.
    FirstWins,
    /// A phone behind the server's number for it becomes a new device.
    Renew,
    /// What stood only under the old name is written again.
    Reauthor,
    /// A phone whose chain does not match goes back.
    Rewind,
    /// What a restored server lost is given back.
    Return,
    /// Also by a phone that has to leave.
    ReturnBeforeLeaving,
    /// Revocations outlive a restore.
    Ledger,
    /// What a revoked device brings goes to quarantine.
    Quarantine,
}

impl Rule {
    pub(crate) const ALL: [Self; 8] = [
        Self::FirstWins,
        Self::Renew,
        Self::Reauthor,
        Self::Rewind,
        Self::Return,
        Self::ReturnBeforeLeaving,
        Self::Ledger,
        Self::Quarantine,
    ];
}

/// What may happen in this world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Edits that each phone makes.
    pub(crate) edits: [u8; PHONES],
    pub(crate) may_clone: bool,
    pub(crate) may_revoke: bool,
    pub(crate) may_restore: bool,
    pub(crate) without: Option<Rule>,
}

impl World {
    /// Two edits each, and everything may happen.
    pub(crate) const ALL: Self =
        Self { edits: [2, 2, 2], may_clone: true, may_revoke: true, may_restore: true, without: None };

    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    fn push(&self, state: &mut State, change: Change) -> Status {
        let server = &mut state.server;
        if server.log.contains(&change) || server.quarantine.contains(&change) {
            return Status::Held;
        }
        let taken = |other: &Change| (other.device, other.device_seq) == (change.device, change.device_seq);
        if self.has(Rule::FirstWins) && (server.log.iter().any(taken) || server.quarantine.iter().any(taken)) {
            return Status::SequenceReused;
        }
        let revoked = state.ledger.is_some_and(|(device, _)| device == change.device);
        if revoked && self.has(Rule::Quarantine) {
            server.quarantine.insert(change);
        } else {
            server.log.push(change);
        }
        Status::Held
    }

    /// The server's part of a round trip: takes what is pushed.
    fn request(&self, state: &mut State, phone: usize) -> Vec<(Change, Status)> {
        let outbox = state.phones[phone].outbox.clone();
        outbox.into_iter().map(|change| (change, self.push(state, change))).collect()
    }

    /// A whole exchange.
    fn sync(&self, state: &mut State, number: usize) {
        let statuses = self.request(state, number);
        let revoked = state.ledger.is_some_and(|(device, _)| device == state.phones[number].device);
        for (change, status) in &statuses {
            if *status == Status::Held {
                state.acknowledged.insert(change.says);
                state.phones[number].outbox.retain(|waiting| waiting != change);
            }
        }
        let restored = std::mem::replace(&mut state.phones[number].met_restored, state.restored) != state.restored;
        if revoked {
            if restored && self.has(Rule::ReturnBeforeLeaving) {
                self.give_back(state, number);
            }
            // Every grant is taken: all that the server holds, in its log or in quarantine, leaves the phone.
            let phone = &mut state.phones[number];
            (phone.held, phone.read) = (phone.outbox.iter().copied().collect(), Vec::new());
            return;
        }
        self.read(state, number);
        let reused = statuses.iter().any(|(_, status)| *status == Status::SequenceReused);
        self.renew(state, number, reused);
        self.give_back(state, number);
        self.read(state, number);
    }

    /// The phone's part: reads the log, after going back if it is another one.
    fn read(&self, state: &mut State, number: usize) {
        let log = state.server.log.clone();
        let phone = &mut state.phones[number];
        if !log.starts_with(&phone.read) {
            if !self.has(Rule::Rewind) {
                return;
            }
            let same = if phone.read.starts_with(&log) { log.len() } else { 0 };
            let behind: Vec<Change> = phone.read.drain(same..).collect();
            // Its own it sends again.
            let own = behind.into_iter().filter(|change| change.device == phone.device);
            phone.outbox.extend(own.filter(|change| !log.contains(change)));
        }
        phone.held.extend(&log);
        phone.read = log;
    }

    fn renew(&self, state: &mut State, number: usize, reused: bool) {
        let device = state.phones[number].device;
        let all = || state.server.log.iter().chain(&state.server.quarantine);
        let highest = all().filter(|change| change.device == device).map(|change| change.device_seq).max();
        let phone = &mut state.phones[number];
        let other = phone.outbox.iter().any(|own| {
            all()
                .any(|there| (there.device, there.device_seq) == (own.device, own.device_seq) && there.says != own.says)
        });
        if !(highest.unwrap_or(0) > phone.sealed || reused || other) || !self.has(Rule::Renew) {
            return;
        }
        let orphans = std::mem::take(&mut phone.outbox);
        phone.held.retain(|change| !orphans.contains(change));
        (phone.device, phone.sealed) = (state.next_device, 0);
        state.next_device += 1;
        if self.has(Rule::Reauthor) {
            for orphan in orphans {
                phone.sealed += 1;
                let change = Change { device: phone.device, device_seq: phone.sealed, says: orphan.says };
                phone.held.insert(change);
                phone.outbox.push(change);
            }
        }
    }

    /// Sends what waits, and offers what the log does not have.
    fn give_back(&self, state: &mut State, number: usize) {
        for (change, status) in self.request(state, number) {
            if status == Status::Held {
                state.acknowledged.insert(change.says);
                state.phones[number].outbox.retain(|waiting| *waiting != change);
            }
        }
        if self.has(Rule::Return) {
            let lost: Vec<Change> = state.phones[number].held.iter().copied().collect();
            for change in lost {
                if state.phones[number].outbox.contains(&change) {
                    continue;
                }
                if self.push(state, change) == Status::SequenceReused && self.has(Rule::Reauthor) {
                    // Its author has a twin that was faster this time: it is said again under this phone's name.
                    let phone = &mut state.phones[number];
                    phone.held.remove(&change);
                    phone.sealed += 1;
                    let again = Change { device: phone.device, device_seq: phone.sealed, says: change.says };
                    phone.held.insert(again);
                    phone.outbox.push(again);
                }
            }
        }
    }

    /// What is left when nothing goes wrong any more.
    fn healed(&self, state: &State) -> State {
        let mut state = state.clone();
        let rounds =
            |state: &mut State| (0..ROUNDS).for_each(|_| (0..PHONES).for_each(|phone| self.sync(state, phone)));
        rounds(&mut state);
        // A manager looks through the quarantine; here everything is admitted.
        let admitted = std::mem::take(&mut state.server.quarantine);
        state.server.log.extend(admitted);
        rounds(&mut state);
        state
    }
}

impl Model for World {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let phone = |device| Phone {
            device,
            sealed: 0,
            edits: 0,
            held: BTreeSet::new(),
            read: Vec::new(),
            outbox: Vec::new(),
            met_restored: false,
        };
        vec![State {
            server: Server::default(),
            backup: None,
            restored: false,
            cloned: false,
            phones: (0..3).map(phone).collect(),
            ledger: None,
            revoked: false,
            next_device: 3,
            acknowledged: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        for (number, phone) in state.phones.iter().enumerate() {
            if phone.edits < self.edits[number] {
                events.push(Event::Edit(number));
            }
            events.push(Event::Sync(number));
            if !phone.outbox.is_empty() {
                events.push(Event::AnswerLost(number));
            }
        }
        if !self.may_restore {
        } else if state.backup.is_none() {
            events.push(Event::Backup);
        } else if !state.restored {
            events.push(Event::Restore);
        }
        if self.may_revoke && !state.revoked {
            events.push(Event::Revoke);
        }
        if self.may_clone && !state.cloned && state.phones[2].edits == 0 {
            events.push(Event::Clone);
        }
    }

    fn next_state(&self, before: &State, event: Event) -> Option<State> {
        let mut state = before.clone();
        match event {
            Event::Edit(number) => {
                let phone = &mut state.phones[number];
                phone.sealed += 1;
                let says = u8::try_from(number).unwrap() * 8 + phone.edits;
                phone.edits += 1;
                let change = Change { device: phone.device, device_seq: phone.sealed, says };
                phone.held.insert(change);
                phone.outbox.push(change);
            }
            Event::Sync(number) => self.sync(&mut state, number),
            Event::AnswerLost(number) => drop(self.request(&mut state, number)),
            Event::Backup => state.backup = Some(state.server.clone()),
            Event::Restore => {
                state.server = state.backup.clone()?;
                state.restored = true;
                let length = state.server.log.len();
                state.ledger = state.ledger.map(|(device, at)| (device, at.min(length)));
                if !self.has(Rule::Ledger) {
                    state.ledger = None;
                }
            }
            Event::Revoke => {
                state.ledger = Some((state.phones[LOST].device, state.server.log.len()));
                state.revoked = true;
            }
            Event::Clone => {
                let edits = state.phones[2].edits;
                state.phones[2] = Phone { edits, ..state.phones[0].clone() };
                state.cloned = true;
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one change per author and number", |_, state: &State| {
                let mut seen = BTreeSet::new();
                let mut all = state.server.log.iter().chain(&state.server.quarantine);
                all.all(|change| seen.insert((change.device, change.device_seq)))
            }),
            Property::always("nothing in the log twice", |_, state: &State| {
                let mut seen = BTreeSet::new();
                state.server.log.iter().all(|change| seen.insert(change))
            }),
            Property::always("nothing of a revoked device behind its revocation", |_, state: &State| {
                let late =
                    |(device, at): (u8, usize)| state.server.log[at..].iter().any(|change| change.device == device);
                !state.ledger.is_some_and(late)
            }),
            Property::always("a revocation is for ever", |_, state: &State| state.revoked == state.ledger.is_some()),
            Property::always("what was acknowledged is safe until a restore", |_, state: &State| {
                let all = || state.server.log.iter().chain(&state.server.quarantine);
                state.restored || state.acknowledged.iter().all(|says| all().any(|change| change.says == *says))
            }),
            Property::always("heals", heals),
        ]
    }
}

/// After perfect rounds every phone that may holds what the log holds, and nothing that any phone held is missing from
/// log and quarantine.
fn heals(world: &World, state: &State) -> bool {
    let healed = world.healed(state);
    let kept: BTreeSet<u8> =
        healed.server.log.iter().chain(&healed.server.quarantine).map(|change| change.says).collect();
    let everything = state.phones.iter().flat_map(|phone| &phone.held).all(|change| kept.contains(&change.says));
    let log: BTreeSet<Change> = healed.server.log.iter().copied().collect();
    let agree = healed.phones.iter().all(|phone| {
        let revoked = healed.ledger.is_some_and(|(device, _)| device == phone.device);
        phone.outbox.is_empty() && if revoked { phone.held.is_empty() } else { phone.held == log }
    });
    everything && agree
}
