//! A running server: its threads, and how they start and end.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, watch};

use crate::attachments::{AttachmentOptions, Attachments};
use crate::clock::{SharedClock, SystemClock};
use crate::compactor::{self, CompactorThread};
use crate::db::{Db, DbError, DbOptions};
use crate::error::ServerError;
use crate::events::EventHub;
use crate::exchange::{Exchange, Indexes};
use crate::folder::Folder;
use crate::front::Pace;
use crate::ingest::{Ingest, Listeners};
use crate::limits::{LimitOptions, Limits};
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::positions::Positions;
use crate::projector::{AfterPass, Projector, Signal};
use crate::random::{SharedRandom, SystemRandom};
use crate::staff_writer::{ServerDevice, StaffWriter};
use crate::state::{AppState, Parts};

/// Upload buffers of all requests together, in pieces of 64 KiB.
pub(crate) const UPLOAD_PIECES: usize = 1024;
/// Sync requests that are worked on at the same time. More would not be faster, the work is the processor's; but each
/// thread keeps some megabytes of memory to itself.
const WORKERS: usize = 8;
/// Sync requests that wait for one of these; more are told to come back.
const QUEUE: usize = 1024;
/// Open event streams.
const LISTENERS: usize = 4096;

/// Passwords that are hashed at the same time, 19 MiB each.
const HASHING: usize = 2;

/// Exports under way; each holds a thread and, for a spreadsheet, a temporary file.
pub(crate) const EXPORTS: u32 = 4;

/// How to run.
#[derive(Clone)]
pub struct ServerOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Bounds of the database.
    pub db: DbOptions,
    /// The clock.
    pub clock: SharedClock,
    /// The source of chance of exchanges with devices.
    pub random: SharedRandom,
    /// When devices should call again, in seconds.
    pub poll_after_s: u32,
    /// How often somebody may knock.
    pub limits: LimitOptions,
    /// How slowly a body may come.
    pub pace: Pace,
    /// Whether a proxy stands in front: then the last address in `x-forwarded-for`, which the proxy wrote, is the
    /// caller's.
    pub behind_proxy: bool,
    /// Whether the server speaks TLS itself. With TLS, its own or a proxy's, cookies are for TLS alone.
    pub tls: bool,
    /// How documents are packed beside the serving; `None`: only by `gandan-server compact`.
    pub compaction: Option<compactor::Options>,
    /// The province's own sign-in service; none: accounts sign in with passwords only.
    pub oidc: Option<Arc<Oidc>>,
    /// Bounds of photographs and other files.
    pub attachments: AttachmentOptions,
}

impl ServerOptions {
    /// The usual: this folder, the machine's clock, a call every quarter of an hour.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            db: DbOptions::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            poll_after_s: 900,
            limits: LimitOptions::default(),
            pace: Pace::default(),
            behind_proxy: false,
            tls: false,
            compaction: Some(compactor::Options::default()),
            oidc: None,
            attachments: AttachmentOptions::default(),
        }
    }
}

/// A running server.
pub struct Server {
    state: AppState,
    ingest: Ingest,
    projector: Projector,
    compactor: Option<CompactorThread>,
    shutdown: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    _lock: File,
}

impl Server {
    /// Opens the data folder and starts the threads. Fails if the folder was never initialised or is served already.
    pub fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let folder = Folder::at(&options.data);
        Db::check_exists(folder.path())?;
        let lock = folder.lock()?;
        let db = Db::open(folder.path(), options.db)?;
        let device = folder.server_device()?;
        prepare(&db, &folder, &device, &options.clock)?;
        gandan_sync::dictionary::prepare(gandan_sync::dictionary::CURRENT, false);

        let metrics = Metrics::default();
        let events = EventHub::default();
        let signal = Arc::new(Signal::default());
        let listeners = Listeners { events: events.clone(), projector: Arc::clone(&signal), metrics: metrics.clone() };
        let (ingest, writer) = Ingest::start(&db, Arc::clone(&options.clock), listeners.clone())?;
        let mut threads = vec![writer];
        let compacting = options
            .compaction
            .map(|how| CompactorThread::start(db.clone(), Arc::clone(&options.clock), metrics.clone(), how));
        let compactor = compacting.transpose()?.map(|(compactor, thread)| {
            threads.push(thread);
            compactor
        });
        let attachments = Attachments::new(db.clone(), Arc::clone(&options.clock), options.attachments);
        attachments.remove_gone()?;
        let after = AfterPass { compactor: compactor.clone(), attachments: attachments.clone(), facts: Arc::default() };
        let (projector, follower) = Projector::start(&db, signal, metrics.clone(), after.clone())?;
        threads.push(follower);
        let exchange = Exchange {
            storage: Arc::new(db.clone()),
            db: db.clone(),
            ingest: ingest.clone(),
            listeners,
            positions: Positions::default(),
            indexes: Indexes::default(),
            clock: Arc::clone(&options.clock),
            random: options.random,
            metrics: metrics.clone(),
            incarnation: folder.incarnation()?,
            poll_after_s: options.poll_after_s,
            attachments,
        };
        let staff = StaffWriter::new(db.clone(), ingest.clone(), Arc::clone(&options.clock), device);
        let tiles = db.read(crate::http::api::admin_map::tiles_in_use)?;
        let (shutdown, stopping) = watch::channel(false);
        let state = AppState::new(Parts {
            db,
            facts: after.facts,
            clock: options.clock,
            events,
            staff,
            exchange: Arc::new(exchange),
            projector: projector.clone(),
            metrics,
            stopping,
            poll_after_s: options.poll_after_s,
            uploads: Arc::new(Semaphore::new(UPLOAD_PIECES)),
            workers: Arc::new(Semaphore::new(WORKERS)),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            queue: Arc::new(Semaphore::new(QUEUE)),
            limits: Limits::new(options.limits),
            pace: options.pace,
            behind_proxy: options.behind_proxy,
            secure: options.behind_proxy || options.tls,
            hashing: Arc::new(Semaphore::new(HASHING)),
            exports: Arc::new(Semaphore::new(EXPORTS as usize)),
            oidc: options.oidc,
            tiles: RwLock::new(tiles),
        });
        Ok(Self { state, ingest, projector, compactor, shutdown, threads, _lock: lock })
    }

    /// What handlers need.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Ends event streams and tells everybody who asks that the server is going down. The first step of an end: then
    /// requests under way are answered, then [`Server::stop`].
    pub fn begin_shutdown(&self) {
        let _ = self.shutdown.send(true);
    }

    /// Writes everything that was handed over, ends the threads and closes the database. Blocks.
    pub fn stop(mut self) {
        self.begin_shutdown();
        self.ingest.stop();
        self.projector.stop();
        if let Some(compactor) = &self.compactor {
            compactor.stop();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the server panicked");
            }
        }
        if let Err(error) = self.state.db().end_views() {
            // They are built anew if the machine goes down before they are opened again.
            tracing::warn!(code = error.code(), %error, "the views were not ended in order");
        }
    }
}

/// The server's own device, and decisions that a restore may have undone.
pub(crate) fn prepare(db: &Db, folder: &Folder, device: &ServerDevice, clock: &SharedClock) -> Result<(), ServerError> {
    db.wait_for_disk()?;
    let now_ms = clock.now_ms();
    db.write(|transaction| {
        let key = device.key.verifying_key();
        let no = crate::db::sqlite::devices::put(transaction, &device.id, key.as_bytes(), None, now_ms)?;
        no.ok_or_else(|| DbError::internal("the id of the server's device is taken"))
    })?;
    let replayed = crate::ledger::replay(db, folder)?;
    if replayed > 0 {
        tracing::info!(replayed, "decisions that this database did not know were carried out again");
    }
    Ok(())
}

impl Db {
    /// Runs `write` in one transaction of the core database, for what is written rarely: people, codes, grants. All or
    /// nothing. Blocks, and waits for the ingest's commit under way.
    pub fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> Result<T, DbError>) -> Result<T, DbError> {
        self.with_writer(|connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            let result = write(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    /// [`Db::write`] on a thread that may block.
    pub async fn write_async<T, F>(&self, write: F) -> Result<T, DbError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, DbError> + Send + 'static,
    {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.write(write)).await.map_err(DbError::internal)?
    }
}
