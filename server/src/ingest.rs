//! Taking in what devices send: one thread writes, many requests share one commit.
//!
//! A request's envelopes are opened and their signatures checked before they come here, on the request's own thread
//! ([`crate::exchange`]). What is left is to see whether each continues what the log knows, to give it its place, and to
//! commit. While one commit waits for the disk, the next requests gather in the queue; the writer takes all of them into
//! its next transaction. Nobody is answered before the commit that holds the answer's truth.
//!
//! An envelope is checked completely before its first row is written, so a bad one leaves nothing behind and delays no
//! other. Should the database itself fail, the group is undone and every request tried again alone: one that cannot be
//! stored takes no other with it.

mod admit;
mod aside;
mod batch;
mod resolve;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gandan_model::ids::DeviceId;
use gandan_model::mutant;
use gandan_sync::server::Admitted;
use gandan_sync::{Refusal, Status};

use crate::clock::SharedClock;
use crate::db::storage::{DbResult, HealthRow, No, SeenRow, WriteLog};
use crate::db::{DbError, Storage};
use crate::error::ServerError;
use crate::events::{EventHub, SpaceEvent};
use crate::metrics::Metrics;
use crate::projector::Signal;
use batch::Batch;

pub(crate) use aside::{GivenBack, Giver, alongside};
pub(crate) use batch::{device_head, status_of};
pub use resolve::LogResolver;

/// Requests that may wait; more are told to come back.
const QUEUE: usize = 512;
/// Most requests in one transaction.
const MAX_GROUP: usize = 256;
/// How long what is written without haste may wait.
const HASTE: Duration = Duration::from_secs(1);

/// What became of a request's envelopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// One status per envelope.
    pub statuses: Vec<(u64, Status)>,
    /// Highest device sequence held of the device.
    pub device_seq: u64,
}

/// The envelopes of one request.
struct Job {
    device: DeviceId,
    envelopes: Vec<Admitted>,
    reply: SyncSender<Receipt>,
}

enum Command {
    Push(Job),
    Position { device: No, token: u64, position: Vec<u8> },
    Seen(SeenRow),
    Health(HealthRow),
    Stop,
}

/// The way to the writer; clones share it.
#[derive(Clone)]
pub struct Ingest(Way);

#[derive(Clone)]
enum Way {
    /// A thread of its own.
    Thread(SyncSender<Command>),
    /// Whoever calls.
    Caller(Arc<Mutex<Writer>>),
}

/// What the writer tells others after a commit.
#[derive(Clone)]
pub struct Listeners {
    /// Who wants to know when a space has news.
    pub events: EventHub,
    /// Wakes the projector.
    pub projector: Arc<Signal>,
    /// Figures.
    pub metrics: Metrics,
}

impl Ingest {
    /// Starts the writer. The thread ends after [`Ingest::stop`], with everything queued before it written.
    pub fn start(
        storage: &dyn Storage,
        clock: SharedClock,
        listeners: Listeners,
    ) -> Result<(Self, JoinHandle<()>), ServerError> {
        let writer = Writer::new(storage, clock, listeners)?;
        let (queue, commands) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("ingest".to_owned())
            .spawn(move || writer.run(&commands))
            .map_err(ServerError::io("start the ingest thread"))?;
        Ok((Self(Way::Thread(queue)), thread))
    }

    /// A writer without a thread: every request is one transaction, written in the caller's thread by the same code. For
    /// a simulator, in which nothing may happen by itself; what is written without haste waits for the next push or for
    /// [`Ingest::quiet`].
    pub fn in_callers_thread(
        storage: &dyn Storage,
        clock: SharedClock,
        listeners: Listeners,
    ) -> Result<Self, ServerError> {
        Ok(Self(Way::Caller(Arc::new(Mutex::new(Writer::new(storage, clock, listeners)?)))))
    }

    /// Holds what is pushed from now on, in the order in which it comes, until [`Ingest::release`]: as while a commit of the
    /// thread waits for the disk. Who pushes waits, and `arrived` hears of it. Without a thread only.
    pub fn hold(&self, arrived: Sender<()>) {
        if let Way::Caller(writer) = &self.0 {
            held(writer).held = Some(Held { jobs: Vec::new(), arrived });
        }
    }

    /// Writes what was held in one transaction, as the thread writes what has gathered in its queue.
    pub fn release(&self) {
        if let Way::Caller(writer) = &self.0 {
            let mut writer = held(writer);
            let jobs = writer.held.take().map(|held| held.jobs);
            writer.group(jobs.unwrap_or_default());
        }
    }

    /// What the thread does in a quiet moment: writes what could wait, and moves what was committed to its final place.
    /// With a thread, it does so by itself.
    pub fn quiet(&self) {
        if let Way::Caller(writer) = &self.0 {
            let mut writer = held(writer);
            writer.write_unhurried();
            writer.tidy();
        }
    }

    /// Hands over the envelopes of one request and waits until they are durable or refused. Blocks: not for async code.
    ///
    /// The raw changes are not needed and are dropped here: what waits in the queue is small.
    pub fn push(&self, device: DeviceId, mut envelopes: Vec<Admitted>) -> Result<Receipt, ServerError> {
        for change in envelopes.iter_mut().flat_map(|admitted| &mut admitted.envelope.changes) {
            change.raw = Vec::new();
        }
        let (reply, receipt) = sync_channel(1);
        self.send(Command::Push(Job { device, envelopes, reply }))?;
        // The sender is dropped without a receipt only if the writer died.
        receipt.recv().map_err(|_| ServerError::Busy)
    }

    /// Keeps the position behind a token, soon. If the queue is full it is not kept: the device names its position in
    /// full next time.
    pub fn keep_position(&self, device: No, token: u64, position: Vec<u8>) {
        self.soon(Command::Position { device, token, position });
    }

    /// Remembers what a device said of itself, soon.
    pub fn keep_seen(&self, seen: SeenRow) {
        self.soon(Command::Seen(seen));
    }

    /// Remembers how a device says that it is, soon.
    pub fn keep_health(&self, health: HealthRow) {
        self.soon(Command::Health(health));
    }

    /// Asks the writer to finish what is queued and to end.
    pub fn stop(&self) {
        match &self.0 {
            Way::Thread(queue) => drop(queue.send(Command::Stop)),
            Way::Caller(_) => self.quiet(),
        }
    }

    fn send(&self, command: Command) -> Result<(), ServerError> {
        match &self.0 {
            Way::Thread(queue) => queue.try_send(command).map_err(|error| match error {
                TrySendError::Full(_) | TrySendError::Disconnected(_) => ServerError::Busy,
            }),
            Way::Caller(writer) => {
                let mut writer = held(writer);
                let jobs: Vec<Job> = writer.note(command).into_iter().collect();
                match &mut writer.held {
                    Some(held) => held.add(jobs),
                    None => writer.group(jobs),
                }
                Ok(())
            }
        }
    }

    fn soon(&self, command: Command) {
        match &self.0 {
            Way::Thread(queue) => drop(queue.try_send(command)),
            Way::Caller(writer) => drop(held(writer).note(command)),
        }
    }
}

fn held(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    // A panic in another thread leaves a transaction that the next `begin` reports.
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    log: Box<dyn WriteLog + Send>,
    clock: SharedClock,
    listeners: Listeners,
    positions: BTreeMap<(No, u64), Vec<u8>>,
    seen: BTreeMap<No, SeenRow>,
    health: BTreeMap<No, HealthRow>,
    /// Requests that wait for [`Ingest::release`], if they have to.
    held: Option<Held>,
}

/// Requests that are held, and who hears of each.
struct Held {
    jobs: Vec<Job>,
    arrived: Sender<()>,
}

impl Held {
    fn add(&mut self, jobs: Vec<Job>) {
        self.jobs.extend(jobs);
        // Whoever does not listen any more need not be told.
        self.arrived.send(()).ok();
    }
}

impl Writer {
    fn new(storage: &dyn Storage, clock: SharedClock, listeners: Listeners) -> Result<Self, ServerError> {
        let log = storage.writer()?;
        Ok(Self {
            log,
            clock,
            listeners,
            positions: BTreeMap::new(),
            seen: BTreeMap::new(),
            health: BTreeMap::new(),
            held: None,
        })
    }

    fn run(mut self, commands: &Receiver<Command>) {
        let mut untidy = false;
        let mut written = Instant::now();
        loop {
            match commands.recv_timeout(HASTE) {
                Ok(first) => {
                    let (jobs, stop) = self.gather(first, commands);
                    untidy |= !jobs.is_empty();
                    self.group(jobs);
                    if stop {
                        break;
                    }
                    // Phones that only ask, one after the other, leave no pause and no group to go with.
                    if written.elapsed() >= HASTE {
                        self.write_unhurried();
                        written = Instant::now();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.write_unhurried();
                    written = Instant::now();
                    if std::mem::take(&mut untidy) {
                        self.tidy();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.write_unhurried();
        self.tidy();
    }

    /// Everything that waits, and whether the last of it was the order to stop.
    fn gather(&mut self, first: Command, commands: &Receiver<Command>) -> (Vec<Job>, bool) {
        let mut jobs = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            if matches!(command, Command::Stop) {
                return (jobs, true);
            }
            jobs.extend(self.note(command));
            next = if jobs.len() < MAX_GROUP { commands.try_recv().ok() } else { None };
        }
        (jobs, false)
    }

    /// A request to write now; everything else is remembered for later.
    fn note(&mut self, command: Command) -> Option<Job> {
        match command {
            Command::Push(job) => return Some(job),
            Command::Position { device, token, position } => {
                self.positions.insert((device, token), position);
            }
            Command::Seen(seen) => {
                self.seen.insert(seen.device, seen);
            }
            Command::Health(health) => {
                self.health.insert(health.device, health);
            }
            Command::Stop => {}
        }
        None
    }

    fn group(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        match self.commit(&jobs) {
            Ok((receipts, events)) => {
                self.listeners.metrics.commit(jobs.len(), &receipts);
                if !events.is_empty() {
                    self.listeners.projector.committed();
                }
                for (job, receipt) in jobs.into_iter().zip(receipts) {
                    let _ = job.reply.send(receipt);
                }
                events.into_iter().for_each(|event| self.listeners.events.publish(event));
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, jobs = jobs.len(), "commit failed");
                self.log.rollback();
                self.after_failure(jobs, &error);
            }
        }
    }

    /// Nothing of the group was stored. Alone, those that are not the cause get through.
    fn after_failure(&mut self, mut jobs: Vec<Job>, error: &DbError) {
        if jobs.len() > 1 {
            jobs.into_iter().for_each(|job| self.group(vec![job]));
        } else if let Some(job) = jobs.pop() {
            let receipt = refuse_all(&job, refusal_for(error));
            self.listeners.metrics.commit(0, std::slice::from_ref(&receipt));
            let _ = job.reply.send(receipt);
        }
    }

    fn commit(&mut self, jobs: &[Job]) -> DbResult<(Vec<Receipt>, Vec<SpaceEvent>)> {
        self.log.begin()?;
        let mut batch = Batch::new(self.log.as_ref(), self.clock.now_ms());
        let receipts =
            jobs.iter().map(|job| batch.request(&job.device, &job.envelopes)).collect::<DbResult<Vec<_>>>()?;
        batch.flush()?;
        batch.admit_waiting()?;
        let events = batch.news();
        self.write_pending()?;
        self.log.commit()?;
        self.forget_pending();
        Ok((receipts, events))
    }

    fn write_pending(&self) -> DbResult<()> {
        for ((device, token), position) in &self.positions {
            self.log.put_position(*device, *token, position)?;
        }
        self.seen.values().try_for_each(|seen| self.log.put_seen(seen))?;
        self.health.values().try_for_each(|health| self.log.put_health(health))
    }

    fn forget_pending(&mut self) {
        self.positions.clear();
        self.seen.clear();
        self.health.clear();
    }

    /// Writes positions and sightings in a transaction of their own. If that fails they are forgotten: devices then name
    /// their positions in full once.
    fn write_unhurried(&mut self) {
        if self.positions.is_empty() && self.seen.is_empty() && self.health.is_empty() {
            return;
        }
        let written = self.log.begin().and_then(|()| self.write_pending()).and_then(|()| self.log.commit());
        if let Err(error) = written {
            self.log.rollback();
            tracing::warn!(code = error.code(), "positions of devices were not kept");
        }
        self.forget_pending();
    }

    fn tidy(&self) {
        if let Err(error) = self.log.tidy() {
            tracing::warn!(code = error.code(), "checkpoint failed");
        }
    }
}

fn refuse_all(job: &Job, refusal: Refusal) -> Receipt {
    let status = if mutant::on("early_ack") { Status::Durable { seq: 1 } } else { Status::Refused(refusal) };
    let refused = |admitted: &Admitted| (admitted.envelope.device_seq, status);
    // 0: what the device holds of its own chain is not known at this moment; it keeps what it knew.
    Receipt { statuses: job.envelopes.iter().map(refused).collect(), device_seq: 0 }
}

/// What a device is told when the database did not take its envelopes.
pub(crate) fn refusal_for(error: &DbError) -> Refusal {
    match error {
        DbError::Full => Refusal::NO_SPACE,
        DbError::Busy => Refusal::BUSY,
        _ => Refusal::INTERNAL,
    }
}
