//! The machines of a scenario: a server and devices that can be switched off, start again, and lose what was not synced.

use super::copies::Sayings;
use super::dice::Dice;
use super::disk::{Disk, Faults, Image};
use super::step::Age;
use super::template::options;
use gandan_client::transport::{Answer, Meter, Pending, Post, Transport, TransportError};
use gandan_client::{Client, ClientError, Clock, Environment, Errand, Exchange, Random};
use gandan_model::ids::{ChangeHash, DeviceId, SpaceId};
use gandan_server::clock::ManualClock;
use gandan_server::core::Core;
use gandan_server::error::ServerError;
use gandan_server::projector::Pass;
use gandan_server::server::ServerOptions;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A device's clock.
#[derive(Clone, Debug)]
pub struct PhoneClock(pub Arc<AtomicI64>);

impl Clock for PhoneClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A device's source of chance, loaded anew at every step, so that a step does the same when others are left out.
#[derive(Clone, Debug)]
struct PhoneDice(Arc<Mutex<Dice>>);

impl Random for PhoneDice {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

/// Devices here have no road of their own: the scenario carries their bytes.
struct NoRoad;

impl Transport for NoRoad {
    fn post<'a>(&'a self, _: Post, _: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(async { Err(TransportError::Offline("the scenario carries the bytes".to_owned())) })
    }
}

/// An exchange under way.
#[derive(Default)]
pub struct Talk {
    /// The product's side of it.
    pub exchange: Exchange,
    /// The request that waits for its answer, and its number.
    pub open: Option<(u64, Errand)>,
}

/// What is known of a device and goes back with it when an older copy of its storage returns.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its name.
    pub id: DeviceId,
    /// Every name that it has had.
    pub names: BTreeSet<DeviceId>,
    /// Changes that were saved on it, and have to be on its disk.
    pub own: BTreeSet<ChangeHash>,
    /// Spaces whose data left it.
    pub taken: BTreeSet<SpaceId>,
    /// It was lost, and has been emptied.
    pub wiped: bool,
}

impl Past {
    /// Of a device that was just enrolled.
    pub fn of(id: DeviceId) -> Self {
        Self { id, names: BTreeSet::from([id]), own: BTreeSet::new(), taken: BTreeSet::new(), wiped: false }
    }
}

/// A device.
pub struct Phone {
    /// What is known of it.
    pub past: Past,
    /// Whose it is.
    pub official: usize,
    /// Another machine may go by its name: it was copied, or older storage of it came back.
    pub has_twin: bool,
    /// Spaces that it could not use at some moment: what it wrote then may be in quarantine.
    pub ever_lost: BTreeSet<SpaceId>,
    /// How old its app is.
    pub age: Age,
    /// What its documents said before it had to say something again, until it has.
    pub before: Option<Sayings>,
    /// The envelopes that it sent: the signature under each number of each name.
    pub sent: BTreeMap<(DeviceId, u64), [u8; 64]>,
    /// A copy of its storage, and what was known when it was made.
    pub image: Option<(Image, Past)>,
    /// Its disk.
    pub disk: Arc<Disk>,
    /// Its clock.
    pub clock: PhoneClock,
    /// Its clock minus the true time, milliseconds.
    pub skew_ms: i64,
    /// The running app; none while it is switched off.
    pub client: Option<Client>,
    /// Its exchange with the server.
    pub talk: Talk,
    /// The key of its database.
    pub key: [u8; 32],
    folder: PathBuf,
    dice: PhoneDice,
}

impl Phone {
    /// A device that is switched off.
    pub fn new(past: Past, official: usize, folder: PathBuf, key: [u8; 32], disk: Arc<Disk>) -> Self {
        Self {
            past,
            official,
            has_twin: false,
            ever_lost: BTreeSet::new(),
            age: Age::default(),
            before: None,
            sent: BTreeMap::new(),
            image: None,
            disk,
            clock: PhoneClock(Arc::default()),
            skew_ms: 0,
            client: None,
            talk: Talk::default(),
            key,
            folder,
            dice: PhoneDice(Arc::new(Mutex::new(Dice::new(0)))),
        }
    }

    /// Sets the clock and loads the dice for the step that follows.
    pub fn prepare(&self, now_ms: i64, seed: u64) {
        self.clock.0.store(now_ms + self.skew_ms, Ordering::Relaxed);
        *self.dice.0.lock().unwrap_or_else(PoisonError::into_inner) = Dice::new(seed);
    }

    /// Switches it on, unless it is.
    pub fn start(&mut self) -> Result<(), ClientError> {
        if self.client.is_none() {
            let environment = Environment::new(self.clock.clone(), self.dice.clone(), NoRoad);
            self.client = Some(Client::open(&self.folder, self.key, environment)?);
        }
        Ok(())
    }

    /// Switches it off in the middle of whatever it does. With `power` it loses what was not synced.
    pub fn crash(&mut self, power: Option<&mut Dice>) {
        self.talk = Talk::default();
        // A process that is killed closes nothing: what its files' last moments would write must not arrive.
        self.disk.set_faults(Faults { dead: true, ..self.disk.faults() });
        self.client = None;
        self.disk.crash(power);
    }
}

/// The server's source of chance.
#[derive(Debug)]
pub struct ServerDice(Mutex<Dice>);

impl Default for ServerDice {
    fn default() -> Self {
        Self(Mutex::new(Dice::new(0)))
    }
}

impl ServerDice {
    /// Loads the dice for the step that follows.
    pub fn load(&self, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Dice::new(seed);
    }
}

impl gandan_server::random::Random for ServerDice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), ServerError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
        Ok(())
    }
}

/// The server.
pub struct Station {
    /// Its disk.
    pub disk: Arc<Disk>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its chance, loaded anew at every step.
    pub dice: Arc<ServerDice>,
    /// The running server; none while it is switched off.
    pub core: Option<Core>,
    /// What builds its views, since they were first asked for.
    pub views: Mutex<Option<Pass>>,
    /// Its data folder.
    pub folder: PathBuf,
}

impl Station {
    /// A server that is switched off.
    pub fn new(folder: PathBuf, disk: Arc<Disk>, now_ms: i64) -> Self {
        let clock = Arc::new(ManualClock::at(now_ms));
        Self { disk, clock, dice: Arc::default(), core: None, views: Mutex::default(), folder }
    }

    /// Switches it on, unless it is.
    pub fn start(&mut self) -> Result<(), ServerError> {
        if self.core.is_none() {
            self.core = Some(Core::open(&self.options())?);
        }
        Ok(())
    }

    /// Its process ends.
    pub fn stop(&mut self) {
        self.core = None;
        self.views = Mutex::default();
    }

    /// How it is run.
    pub fn options(&self) -> ServerOptions {
        options(&self.folder, Arc::clone(&self.clock), self.dice.clone())
    }

    /// Switches it off in the middle of whatever it does. With `power` it loses what was not synced.
    pub fn crash(&mut self, power: Option<&mut Dice>) {
        self.disk.set_faults(Faults { dead: true, ..self.disk.faults() });
        self.stop();
        self.disk.crash(power);
    }

    /// Answers a request as the route for it does; none if it died meanwhile.
    pub fn answer(&self, query: bool, request: &[u8]) -> Option<Vec<u8>> {
        let exchange = &self.core.as_ref()?.exchange;
        let answer = if query { exchange.query(request) } else { exchange.round_trip(request) };
        let answer = answer.unwrap_or_else(|trouble| {
            let now_ms = gandan_server::clock::Clock::now_ms(self.clock.as_ref());
            trouble.frame(now_ms)
        });
        (!self.disk.faults().dead).then_some(answer)
    }
}
