//! The facade's frame: what a client is made of, and how its parts reach the store.

use crate::attachments::Sending;
use crate::environment::Environment;
use crate::error::ClientError;
use crate::status::Board;
use ed25519_dalek::SigningKey;
use gandan_model::document::Stamp;
use gandan_model::ids::{Compartment, SpaceId};
use gandan_model::rules::Rules;
use gandan_store::{Access, DatabaseKey, Identity, PendingChange, Store};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A field device: its records, its drafts, and its exchange with the server.
///
/// Cloning is cheap; all clones are one client. Every function that does not talk to the server is synchronous, reads or
/// writes the device's disk, and returns in milliseconds; call it off the thread that draws the screen. Functions that
/// talk to the server are `async`, do their disk work on a thread for that purpose, and may be dropped at any moment: what
/// was exchanged before stays.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Mutex<Store>,
    environment: Environment,
    /// The key that was used last: to work it out from its secret takes as long as to sign.
    signing_key: Mutex<Option<SigningKey>>,
    /// The device's clock minus the server's, milliseconds.
    skew_ms: AtomicI64,
    /// Whether an exchange is under way.
    pub(crate) exchanging: AtomicBool,
    /// What is to be sealed next. Held while an envelope is made: numbers must have no gaps.
    pub(crate) sealing: Mutex<VecDeque<PendingChange>>,
    pub(crate) board: Board,
    /// Files that are being sent at this moment.
    pub(crate) sending: Sending,
    /// Whether the network costs money.
    pub(crate) metered: AtomicBool,
    /// Last: by then the store is closed.
    #[cfg(feature = "native")]
    gone: Gone,
}

/// Tells when the last clone of a client is gone and its database closed.
#[cfg(feature = "native")]
#[derive(Default)]
struct Gone(Arc<tokio::sync::Notify>);

#[cfg(feature = "native")]
impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Client {
    /// Opens the device's folder, which is made if it is not there. `key` is the key of its database, 32 random bytes that
    /// the caller keeps in a safe place.
    ///
    /// # Errors
    ///
    /// `wrong_key` (the file is untouched), `busy` (another process has it open), `disk_full`, `read_only`,
    /// `newer_version`.
    pub fn open(home: &Path, key: [u8; 32], environment: Environment) -> Result<Self, ClientError> {
        let mut store = Store::open(home, &DatabaseKey::new(key), environment.clock.now_ms())?;
        if let Some(rules) = crate::exchange::kept_rules(&store)? {
            store.set_rules(rules);
        }
        let skew_ms = store.sync_state()?.clock_skew_ms.unwrap_or(0);
        Ok(Self {
            inner: Arc::new(Inner {
                store: Mutex::new(store),
                environment,
                signing_key: Mutex::default(),
                skew_ms: AtomicI64::new(skew_ms),
                exchanging: AtomicBool::new(false),
                sealing: Mutex::default(),
                board: Board::default(),
                sending: Sending::default(),
                metered: AtomicBool::new(false),
                #[cfg(feature = "native")]
                gone: Gone::default(),
            }),
        })
    }

    /// Closes the database now instead of when the last clone goes. `false` if another clone is still in use; then nothing
    /// happens.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn close(self) -> Result<bool, ClientError> {
        let Some(inner) = Arc::into_inner(self.inner) else { return Ok(false) };
        inner.store.into_inner().unwrap_or_else(PoisonError::into_inner).close()?;
        Ok(true)
    }

    /// Like [`Client::close`], but waits for clones that are still at work. Stop background exchanges first.
    ///
    /// # Errors
    ///
    /// Those of the disk, as far as they can be told: the last clone to go closes silently.
    #[cfg(feature = "native")]
    pub async fn close_when_idle(self) -> Result<(), ClientError> {
        let gone = self.inner.gone.0.clone();
        if !blocking(move || self.close()).await? {
            gone.notified().await;
        }
        Ok(())
    }

    /// Runs `user` with the store. Kept short by everybody: others wait.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        // A panic in another thread leaves no half-done transaction: each is rolled back.
        self.inner.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `look` see what the device remembers, for diagnostics and tests. Others wait meanwhile.
    pub fn inspect<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store())
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// The device's clock.
    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.environment.clock.now_ms()
    }

    /// The time as the server would say it, by what is known of the device's clock.
    pub(crate) fn corrected_ms(&self) -> i64 {
        self.now_ms().saturating_sub(self.inner.skew_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn learn_skew(&self, skew_ms: i64) {
        self.inner.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// The device's clock minus the server's, in seconds: +540 is nine minutes fast. More than 300 either way is worth
    /// showing ("giờ máy lệch").
    pub fn skew_s(&self) -> i64 {
        self.inner.skew_ms.load(Ordering::Relaxed) / 1_000
    }

    /// The identity of an enrolled device.
    pub(crate) fn identity(store: &Store) -> Result<Identity, ClientError> {
        store.identity()?.filter(|identity| !identity.official.is_empty()).ok_or(ClientError::NotEnrolled)
    }

    /// The key of an identity.
    pub(crate) fn signing_key(&self, identity: &Identity) -> SigningKey {
        let mut last = self.inner.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.take().filter(|key| *key.as_bytes() == identity.signing_key);
        last.insert(known.unwrap_or_else(|| SigningKey::from_bytes(&identity.signing_key))).clone()
    }

    pub(crate) fn stamp(&self, identity: &Identity) -> Stamp {
        Stamp { device: identity.device, author: identity.official.clone(), now_ms: self.corrected_ms() }
    }

    /// The rules by which due dates are derived here.
    pub fn rules(&self) -> Rules {
        self.store().rules().clone()
    }

    /// The space for new documents of this unit and compartment.
    pub(crate) fn space_for(
        store: &Store,
        unit: Option<&str>,
        compartment: Compartment,
    ) -> Result<(SpaceId, String), ClientError> {
        let spaces = store.spaces()?;
        let mut open = spaces.into_iter().filter(|space| {
            space.compartment == compartment && may_write(space.access) && unit.is_none_or(|unit| space.unit == unit)
        });
        match (open.next(), open.next(), unit) {
            (Some(space), None, _) => Ok((space.space, space.unit)),
            (None, _, Some(unit)) => {
                let unit: String = unit.chars().take(20).collect();
                Err(ClientError::input(
                    "no_grant",
                    format!("this device may not write {} records of unit {unit}", compartment.as_str()),
                ))
            }
            (None, _, None) => Err(ClientError::input(
                "no_grant",
                format!("this device may not write {} records", compartment.as_str()),
            )),
            (Some(_), Some(_), _) => {
                Err(ClientError::input("unit_missing", "this device has several units; say which one (field `unit`)"))
            }
        }
    }

    /// Brings the board that screens look at up to date; costs nothing while nobody looks.
    pub(crate) fn refresh(&self) {
        self.inner.board.update(|| self.standing().ok());
    }
}

/// Whether new documents may be written under this grant.
fn may_write(access: Option<Access>) -> bool {
    matches!(access, Some(Access::Write | Access::Both))
}

/// Runs work that touches the disk on a thread for that purpose.
#[cfg(feature = "native")]
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ClientError::internal(error)),
    }
}

/// Runs work that touches the disk; where there are no threads, right here.
#[cfg(not(feature = "native"))]
pub(crate) async fn blocking<T: 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + 'static,
) -> Result<T, ClientError> {
    work()
}
