//! What every request handler can reach.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Semaphore, watch};

use crate::clock::SharedClock;
use crate::db::Db;
use crate::events::EventHub;
use crate::exchange::Exchange;
use crate::front::Pace;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::projector::Projector;
use crate::reports::facts::Facts;
use crate::staff_writer::StaffWriter;

/// The running server's parts; clones share them.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// See the methods of [`AppState`].
pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) facts: Arc<Facts>,
    pub(crate) clock: SharedClock,
    pub(crate) events: EventHub,
    pub(crate) staff: StaffWriter,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) projector: Projector,
    pub(crate) metrics: Metrics,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) poll_after_s: u32,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) workers: Arc<Semaphore>,
    pub(crate) listeners: Arc<Semaphore>,
    pub(crate) queue: Arc<Semaphore>,
    pub(crate) limits: Limits,
    pub(crate) pace: Pace,
    pub(crate) behind_proxy: bool,
    pub(crate) secure: bool,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) oidc: Option<Arc<Oidc>>,
    /// Origin of the map's tiles.
    pub(crate) tiles: RwLock<Option<String>>,
}

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// What figures and maps read.
    pub fn facts(&self) -> &Arc<Facts> {
        &self.0.facts
    }

    /// The clock.
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// Now, in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Who wants to know when a space has news.
    pub fn events(&self) -> &EventHub {
        &self.0.events
    }

    /// Writes for staff.
    pub fn staff(&self) -> &StaffWriter {
        &self.0.staff
    }

    /// Round trips with devices.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.0.exchange
    }

    /// The thread behind the views.
    pub fn projector(&self) -> &Projector {
        &self.0.projector
    }

    /// Figures about the server.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Becomes true when the server is going down.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.clone()
    }

    /// When devices should call again, in seconds.
    pub fn poll_after_s(&self) -> u32 {
        self.0.poll_after_s
    }

    /// Bounds the bytes of uploads in memory, in pieces of 64 KiB.
    pub(crate) fn uploads(&self) -> &Arc<Semaphore> {
        &self.0.uploads
    }

    /// Bounds the sync requests that are worked on.
    pub(crate) fn workers(&self) -> &Arc<Semaphore> {
        &self.0.workers
    }

    /// Bounds the sync requests that wait for their turn.
    pub(crate) fn queue(&self) -> &Arc<Semaphore> {
        &self.0.queue
    }

    /// How often somebody may knock.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How slowly a body may come.
    pub(crate) fn pace(&self) -> Pace {
        self.0.pace
    }

    /// Whether a proxy stands in front, which says who calls.
    pub(crate) fn behind_proxy(&self) -> bool {
        self.0.behind_proxy
    }

    /// Whether browsers reach the server over TLS.
    pub(crate) fn secure(&self) -> bool {
        self.0.secure
    }

    /// Bounds the passwords that are hashed at the same time.
    pub(crate) fn hashing(&self) -> &Arc<Semaphore> {
        &self.0.hashing
    }

    /// The sign-in service, if one is set up.
    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.0.oidc.as_deref()
    }

    /// Where the pages may load tiles from; the one place besides this server.
    pub(crate) fn tiles(&self) -> Option<String> {
        self.0.tiles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The setting has changed.
    pub(crate) fn set_tiles(&self, origin: Option<String>) {
        *self.0.tiles.write().unwrap_or_else(PoisonError::into_inner) = origin;
    }

    /// Returns when no export is under way. Those that ask meanwhile are told to wait.
    pub async fn all_exports_ended(&self) {
        // Closed is as ended.
        drop(self.0.exports.acquire_many(crate::server::EXPORTS).await);
    }

    /// Bounds the exports under way.
    pub(crate) fn exports(&self) -> &Arc<Semaphore> {
        &self.0.exports
    }

    /// Bounds the open event streams.
    pub(crate) fn listeners(&self) -> &Arc<Semaphore> {
        &self.0.listeners
    }
}
