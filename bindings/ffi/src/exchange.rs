//! Exchanging with the server: now, in the background, and by what the device can afford.

use crate::callbacks::{FilesProgress, Progress, ProgressListener, note};
use crate::client::Client;
use crate::error::GandanError;
use gandan_client::{
    Budget as ClientBudget, Cancel, Conditions as ClientConditions, Grant as ClientGrant, SyncHandle, SyncOptions,
    SyncPhase as ClientPhase, SyncReport as ClientReport,
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What an exchange did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SyncReport {
    /// Round trips.
    pub round_trips: u32,
    /// Bytes of HTTP bodies sent.
    pub bytes_up: u64,
    /// Bytes of HTTP bodies received.
    pub bytes_down: u64,
    /// Own changes that the server confirmed to have on disk.
    pub pushed: u64,
    /// Changes received from the server and applied.
    pub pulled: u64,
    /// Own changes that the server does not have yet.
    pub waiting: u64,
    /// Records that the server did not take, or set aside for a person to decide, with a stable code each. They stay here.
    pub refused: Vec<RefusedRecord>,
    /// Changes received that do not fit their documents; kept, shown to nobody.
    pub quarantined: u64,
    /// Documents loaded as a whole, by a device that is new in a unit or was away for long.
    pub documents_loaded: u64,
    /// Documents that differed from the server's and were set right.
    pub healed: u64,
    /// The server was restored from a backup.
    pub server_restored: bool,
    /// This device had a twin and became a new device.
    pub renewed: bool,
    /// Units given and taken away in this exchange.
    pub grants: Vec<Grant>,
    /// Whether more waits on either side: sync again.
    pub more: bool,
}

/// A record that the server did not take.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedRecord {
    /// The record.
    pub id: String,
    /// Why, as a stable code; `quarantined` when a person at the server decides.
    pub code: String,
}

/// A unit given or taken.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Grant {
    /// Code of the unit.
    pub unit: String,
    /// True: given; false: taken.
    pub given: bool,
}

impl From<ClientReport> for SyncReport {
    fn from(report: ClientReport) -> Self {
        let refused = report.refused.iter().flat_map(|refused| {
            refused.records.iter().map(|id| RefusedRecord { id: id.to_string(), code: refused.code.clone() })
        });
        let grant = |grant: ClientGrant| Grant { unit: grant.unit, given: grant.given };
        Self {
            refused: refused.collect(),
            round_trips: report.round_trips,
            bytes_up: report.bytes_up,
            bytes_down: report.bytes_down,
            pushed: report.pushed,
            pulled: report.pulled,
            waiting: report.waiting,
            quarantined: report.quarantined,
            documents_loaded: report.documents_loaded,
            healed: report.healed,
            server_restored: report.server_restored,
            renewed: report.renewed,
            grants: report.grants.into_iter().map(grant).collect(),
            more: report.more,
        }
    }
}

/// What the app knows of the device and the library cannot see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Conditions {
    /// There is a network. Without one nothing is tried; when it comes back, an exchange begins at once.
    #[uniffi(default = true)]
    pub online: bool,
    /// Bytes cost money: the daily budget counts.
    #[uniffi(default = false)]
    pub metered: bool,
    /// The battery is to be spared: no connection is held open, and what nobody waits for happens less often.
    #[uniffi(default = false)]
    pub battery_saver: bool,
}

impl From<Conditions> for ClientConditions {
    fn from(conditions: Conditions) -> Self {
        let Conditions { online, metered, battery_saver } = conditions;
        Self { online, metered, battery_saver }
    }
}

/// The daily budget of metered networks.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Budget {
    /// Bytes a day, both ways together; null: no bound.
    pub limit: Option<u64>,
    /// Bytes used today.
    pub used: u64,
}

impl From<ClientBudget> for Budget {
    fn from(budget: ClientBudget) -> Self {
        Self { limit: budget.limit, used: budget.used }
    }
}

/// What the background exchange is doing.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SyncPhase {
    /// Nothing yet.
    Starting,
    /// There is no network; it goes on when the app says that there is one.
    Offline,
    /// An exchange is under way.
    Running { progress: Progress },
    /// The records are exchanged, photographs and other files are on their way.
    Files { progress: FilesProgress },
    /// The last one went well.
    Idle { report: SyncReport },
    /// The last one did not; it is tried again by itself. `remedy` is the name of the error that a call would have thrown:
    /// `retry_later`, `enrol_again`, `update_app`, `fix_input`, `free_space`, `bug`.
    Failed { code: String, detail: String, remedy: String, retry_in_s: u64 },
}

impl From<ClientPhase> for SyncPhase {
    fn from(phase: ClientPhase) -> Self {
        match phase {
            ClientPhase::Starting => Self::Starting,
            ClientPhase::Offline => Self::Offline,
            ClientPhase::Running(progress) => Self::Running { progress: (&progress).into() },
            ClientPhase::Files(progress) => Self::Files { progress: (&progress).into() },
            ClientPhase::Idle(report) => Self::Idle { report: SyncReport::from((*report).clone()) },
            ClientPhase::Failed { code, message, remedy, retry_in, .. } => {
                Self::Failed { code, detail: message, remedy: remedy.code().to_owned(), retry_in_s: retry_in.as_secs() }
            }
        }
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Exchanges everything with the server now: sends what waits, takes in what is new. `listener` hears how far it has
    /// come. Given up, by cancelling the call or by `cancel`, it keeps what was exchanged before.
    ///
    /// Fails with `syncing` if an exchange is under way already, `cancelled`, `offline` and the other codes of the road;
    /// nothing is lost by any of them.
    pub async fn sync(
        &self,
        listener: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelSwitch>>,
    ) -> Result<SyncReport, GandanError> {
        let cancel = cancel.map_or_else(Cancel::new, |switch| switch.0.clone());
        let tell: Arc<dyn Fn(&gandan_client::Progress) + Send + Sync> = match listener {
            Some(listener) => Arc::new(move |progress| note(listener.progress(progress.into()))),
            None => Arc::new(|_| {}),
        };
        let options = SyncOptions { cancel: cancel.clone(), progress: tell, ..SyncOptions::default() };
        let synced = self
            .door
            .exchange(cancel, |client| async move { client.sync_once(options).await.map_err(|failure| failure.error) });
        Ok(synced.await?.into())
    }

    /// Exchanges in the background until the object is stopped or let go of: at once, after every save, when the network
    /// comes back, and as often as the server wishes. Failures are tried again with growing waits. `live`: also whenever
    /// the server says that there is news, over a connection that is held open; for an app that somebody is looking at.
    pub async fn background_sync(&self, live: bool) -> Result<Arc<BackgroundSync>, GandanError> {
        let handle = self.door.enter().await?.sync_in_background(live);
        let phase = tokio::sync::Mutex::new((handle.phase(), true));
        let sync = Arc::new(BackgroundSync { handle: Mutex::new(Some(handle)), phase });
        self.door.keep(&sync);
        Ok(sync)
    }

    /// Prepares what waits for sending: costs one to two milliseconds of processor time a visit, best while the device is
    /// idle and charging. An exchange does it by itself otherwise. Gives the number of changes prepared.
    pub async fn prepare(&self) -> Result<u64, GandanError> {
        Ok(self.door.run(gandan_client::Client::seal_outbox).await?.changes)
    }

    /// Says how the device stands now: network, price, battery. Cheap; call it whenever the operating system tells of a
    /// change.
    pub fn set_conditions(&self, conditions: Conditions) -> Result<(), GandanError> {
        self.door.peek()?.set_conditions(conditions.into());
        Ok(())
    }

    /// How many bytes a day exchanges in the background, of records and of files, may cost on metered networks; null: no
    /// bound. What a person asks for by hand is counted and not held up. Kept in the database.
    pub async fn set_daily_budget(&self, limit: Option<u64>) -> Result<(), GandanError> {
        self.door.run(move |client| client.set_daily_budget(limit)).await
    }

    /// The budget of today.
    pub async fn budget(&self) -> Result<Budget, GandanError> {
        Ok(self.door.run(gandan_client::Client::budget).await?.into())
    }
}

/// Gives up an exchange from elsewhere. Cancelling the call does the same where the language can.
#[derive(uniffi::Object)]
pub struct CancelSwitch(pub(crate) Cancel);

#[uniffi::export]
impl CancelSwitch {
    /// A switch for one exchange.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Cancel::new()))
    }

    /// Turns it. It cannot be turned back.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A background exchange. It ends when it is stopped, when the client is closed, or when this is let go of.
#[derive(uniffi::Object)]
pub struct BackgroundSync {
    handle: Mutex<Option<SyncHandle>>,
    /// The phase, and whether it was not told yet.
    phase: tokio::sync::Mutex<(watch::Receiver<ClientPhase>, bool)>,
}

#[uniffi::export(async_runtime = "tokio")]
impl BackgroundSync {
    /// What it is doing: at once the first time, then whenever that changes. Null when it has ended.
    pub async fn next_phase(&self) -> Option<SyncPhase> {
        let mut phase = self.phase.lock().await;
        if !phase.1 && phase.0.changed().await.is_err() {
            return None;
        }
        phase.1 = false;
        let now = phase.0.borrow_and_update().clone();
        Some(now.into())
    }

    /// Ends it and waits until it has ended. Again is nothing.
    pub async fn stop(&self) {
        self.end().await;
    }
}

impl BackgroundSync {
    pub(crate) async fn end(&self) {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            handle.stop().await;
        }
    }
}
