//! Where the device stands, for a screen that shows it, and the bell that rings when something changes.

use crate::client::Client;
use crate::enrol::DeviceInfo;
use crate::error::ClientError;
use gandan_model::ids::{Compartment, DocId};
use gandan_store::Counts;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Where the device stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Standing {
    /// Whose device it is; `None` before enrolment.
    pub device: Option<DeviceInfo>,
    /// How much of everything is here, and how much of it the server lacks.
    #[serde(flatten)]
    pub counts: Counts,
    /// Codes of the units whose records are here.
    pub units: Vec<String>,
    /// Envelopes that wait to be sent.
    pub sealed_envelopes: u64,
    /// Envelopes that the server did not take.
    pub refused_envelopes: u64,
    /// The device's clock minus the server's, in seconds.
    pub skew_s: i64,
    /// The device's clock is off by more than five minutes ("giờ máy lệch").
    pub clock_is_off: bool,
    /// Last contact with the server, Unix milliseconds by the device's clock.
    pub last_contact_ms: Option<i64>,
    /// Whether an exchange is under way.
    pub syncing: bool,
}

/// A clock off by more than this is shown, in seconds.
const CLOCK_IS_OFF_S: i64 = 300;
/// Envelopes counted at most.
const COUNTED: u32 = 10_000;

impl Client {
    /// Where the device stands.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn standing(&self) -> Result<Standing, ClientError> {
        let device = self.device()?;
        let store = self.store();
        let field = store.spaces()?.into_iter().filter(|space| space.compartment == Compartment::Field);
        let mut units: Vec<String> = field.map(|space| space.unit).collect();
        units.sort_unstable();
        units.dedup();
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Ok(Standing {
            device,
            counts: store.counts()?,
            units,
            sealed_envelopes: count(store.sealed(COUNTED)?.len()),
            refused_envelopes: count(store.refused(COUNTED)?.len()),
            skew_s: self.skew_s(),
            clock_is_off: self.skew_s().abs() > CLOCK_IS_OFF_S,
            last_contact_ms: store.sync_state()?.last_contact_ms,
            syncing: self.inner.exchanging.load(Ordering::SeqCst),
        })
    }

    /// Number of own changes that the server does not have.
    pub(crate) fn unsent(&self) -> Result<u64, ClientError> {
        Ok(self.store().unsent_count()?)
    }

    /// Calls `listener` with the ids of records that read differently now, whoever changed them, until the handle is
    /// dropped. It is called from the thread that wrote: keep it short.
    pub fn on_change(&self, listener: impl Fn(&[DocId]) + Send + Sync + 'static) -> Subscription {
        self.inner.board.subscribe(Arc::new(listener))
    }

    /// Where the device stands, again whenever that changes.
    #[cfg(feature = "native")]
    pub fn watch(&self) -> tokio::sync::watch::Receiver<Standing> {
        let receiver = self.inner.board.standing.subscribe();
        self.refresh();
        receiver
    }
}

type Listener = Arc<dyn Fn(&[DocId]) + Send + Sync>;
type Listeners = Mutex<(u64, BTreeMap<u64, Listener>)>;

/// Ends a subscription when it is dropped.
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    number: u64,
    listeners: Weak<Listeners>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({})", self.number)
    }
}

/// What screens look at.
#[derive(Default)]
pub(crate) struct Board {
    listeners: Arc<Listeners>,
    #[cfg(feature = "native")]
    standing: tokio::sync::watch::Sender<Standing>,
    #[cfg(feature = "native")]
    saved: tokio::sync::Notify,
    #[cfg(feature = "native")]
    news: tokio::sync::Notify,
    /// Counts what may have changed an answer; live queries look again when it moves.
    #[cfg(feature = "native")]
    pub(crate) revision: tokio::sync::watch::Sender<u64>,
    /// Moves with `revision`, and also with every piece of a file that is on its way.
    #[cfg(feature = "native")]
    pub(crate) pieces: tokio::sync::watch::Sender<u64>,
    #[cfg(feature = "native")]
    pub(crate) conditions: tokio::sync::watch::Sender<crate::Conditions>,
}

impl Board {
    fn subscribe(&self, listener: Listener) -> Subscription {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.0 += 1;
        let number = listeners.0;
        listeners.1.insert(number, listener);
        Subscription { number, listeners: Arc::downgrade(&self.listeners) }
    }

    /// Tells the listeners.
    pub(crate) fn changed(&self, documents: &[DocId]) {
        if documents.is_empty() {
            return;
        }
        self.ask_again();
        // Called without the lock: a listener may subscribe or let go.
        let listeners: Vec<Listener> =
            self.listeners.lock().unwrap_or_else(PoisonError::into_inner).1.values().cloned().collect();
        for listener in listeners {
            listener(documents);
        }
    }

    /// Shows the standing, if anybody looks.
    pub(crate) fn update(&self, standing: impl FnOnce() -> Option<Standing>) {
        self.ask_again();
        #[cfg(feature = "native")]
        if self.standing.receiver_count() > 0
            && let Some(standing) = standing()
        {
            self.standing.send_if_modified(|shown| {
                let differs = *shown != standing;
                *shown = standing;
                differs
            });
        }
        #[cfg(not(feature = "native"))]
        let _ = standing;
    }

    /// Live queries look again.
    fn ask_again(&self) {
        #[cfg(feature = "native")]
        self.revision.send_modify(|revision| *revision += 1);
        self.note_piece();
    }

    /// Live queries about files look again: bytes have moved.
    pub(crate) fn note_piece(&self) {
        #[cfg(feature = "native")]
        self.pieces.send_modify(|pieces| *pieces += 1);
    }

    /// Wakes whoever waits for something to send.
    pub(crate) fn note_save(&self) {
        #[cfg(feature = "native")]
        self.saved.notify_one();
    }

    /// Waits until there is something to send.
    #[cfg(feature = "native")]
    pub(crate) async fn saved(&self) {
        self.saved.notified().await;
    }

    /// Wakes whoever waits for something to receive.
    #[cfg(feature = "native")]
    pub(crate) fn note_news(&self) {
        self.news.notify_one();
    }

    /// Waits until there is something to receive.
    #[cfg(feature = "native")]
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}
