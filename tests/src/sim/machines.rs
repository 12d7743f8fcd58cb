//! The machines of a scenario: a server and devices that can be switched off, start again, and lose what was not synced.

use super::dice::Dice;
use super::disk::{Disk, Faults};
use super::template::{name, options};
use gandan_client::transport::{Answer, Meter, Pending, Post, Transport, TransportError};
use gandan_client::{Client, ClientError, Clock, Environment, Errand, Exchange, Random};
use gandan_model::ids::DeviceId;
use gandan_server::clock::ManualClock;
use gandan_server::core::Core;
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

/// A device.
pub struct Phone {
    /// Its id.
    pub id: DeviceId,
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
    folder: PathBuf,
    key: [u8; 32],
    dice: PhoneDice,
}

impl Phone {
    /// A device that is switched off.
    pub fn new(id: DeviceId, folder: PathBuf, key: [u8; 32], disk: Arc<Disk>) -> Self {
        let clock = PhoneClock(Arc::default());
        let dice = PhoneDice(Arc::new(Mutex::new(Dice::new(0))));
        Self { id, disk, clock, skew_ms: 0, client: None, talk: Talk::default(), folder, key, dice }
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

/// The server.
pub struct Station {
    /// Its disk.
    pub disk: Arc<Disk>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// The running server; none while it is switched off.
    pub core: Option<Core>,
    /// Its data folder.
    pub folder: PathBuf,
}

impl Station {
    /// A server that is switched off.
    pub fn new(folder: PathBuf, disk: Arc<Disk>, now_ms: i64) -> Self {
        Self { disk, clock: Arc::new(ManualClock::at(now_ms)), core: None, folder }
    }

    /// Switches it on, unless it is.
    pub fn start(&mut self) -> Result<(), gandan_server::error::ServerError> {
        if self.core.is_none() {
            self.core = Some(Core::open(&options(&self.folder, Arc::clone(&self.clock)))?);
        }
        Ok(())
    }

    /// Switches it off in the middle of whatever it does. With `power` it loses what was not synced.
    pub fn crash(&mut self, power: Option<&mut Dice>) {
        self.disk.set_faults(Faults { dead: true, ..self.disk.faults() });
        self.core = None;
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

    /// The disk's name, for its replacement.
    pub fn name(&self) -> &str {
        name(&self.folder)
    }
}
