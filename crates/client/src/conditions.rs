//! What the app knows and the library cannot see: the network, its price, the battery. And how much a day may cost.

use crate::client::{Client, blocking};
use crate::error::ClientError;
use crate::transport::Meter;
use gandan_model::moment::Moment;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// Under this name the store keeps [`Budget`].
const BUDGET: &str = "budget";

/// What the app says about the device. The background exchange follows it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// There is a network. Without one nothing is tried; when it comes back, an exchange begins at once.
    pub online: bool,
    /// Bytes cost money: the daily budget counts.
    pub metered: bool,
    /// The battery is to be spared: no connection is held open, and what nobody waits for happens less often.
    pub battery_saver: bool,
}

impl Default for Conditions {
    /// A network without a price, and power: what a library that is told nothing has to assume.
    fn default() -> Self {
        Self { online: true, metered: false, battery_saver: false }
    }
}

/// The daily budget of a metered network, and how much of it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Bytes of bodies a day, both ways together; `None`: no bound.
    pub limit: Option<u64>,
    /// The day that `used` is about (UTC+7), as `2026-11-27`.
    pub day: String,
    /// Bytes of bodies that went over metered networks that day.
    pub used: u64,
}

impl Budget {
    /// Bytes that are left; `None`: no bound.
    pub fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }
}

impl Client {
    /// Sets how many bytes a day exchanges in the background, of records and of files, may cost on metered networks; `None`:
    /// no bound. What a person asks for by hand is counted and not held up. Kept in the database.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn set_daily_budget(&self, limit: Option<u64>) -> Result<(), ClientError> {
        self.put_budget(&Budget { limit, ..self.budget()? })
    }

    /// The budget of today.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn budget(&self) -> Result<Budget, ClientError> {
        let kept = self.store().value(BUDGET)?;
        let kept: Budget = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let today = Moment::from_ms(self.corrected_ms()).date().to_string();
        Ok(if kept.day == today { kept } else { Budget { limit: kept.limit, day: today, used: 0 } })
    }

    /// Whether bytes cost money now.
    pub(crate) fn is_metered(&self) -> bool {
        self.inner.metered.load(Ordering::Relaxed)
    }

    /// Counts what went over a metered network.
    pub(crate) fn spend(&self, bytes: u64) -> Result<(), ClientError> {
        let budget = self.budget()?;
        self.put_budget(&Budget { used: budget.used.saturating_add(bytes), ..budget })
    }

    fn put_budget(&self, budget: &Budget) -> Result<(), ClientError> {
        let bytes = serde_json::to_vec(budget).map_err(ClientError::internal)?;
        Ok(self.store().set_value(BUDGET, Some(&bytes))?)
    }
}

/// The day's bytes while something moves.
pub(crate) struct Purse {
    client: Client,
    meter: Meter,
    /// What the meter showed when it was counted last.
    counted: u64,
    within_budget: bool,
}

impl Purse {
    /// For what the meter counts from now on. `within_budget`: no more than is left of the day, where bytes cost money.
    pub(crate) fn new(client: &Client, meter: &Meter, within_budget: bool) -> Self {
        Self { client: client.clone(), meter: meter.clone(), counted: meter.total(), within_budget }
    }

    /// Bytes that may move from now on; `None`: no bound.
    pub(crate) async fn left(&self) -> Result<Option<u64>, ClientError> {
        // Looked at each time: the network may have become another one.
        if !self.within_budget || !self.client.is_metered() {
            return Ok(None);
        }
        let client = self.client.clone();
        Ok(blocking(move || client.budget()).await?.left())
    }

    /// Whether there is room for another message.
    pub(crate) async fn afford(&self) -> Result<(), ClientError> {
        if self.left().await? == Some(0) { Err(ClientError::Budget) } else { Ok(()) }
    }

    /// Counts what has moved since it was counted last, if bytes cost money.
    pub(crate) async fn count(&mut self) -> Result<(), ClientError> {
        let moved = self.meter.total();
        let new = moved - std::mem::replace(&mut self.counted, moved);
        if new == 0 || !self.client.is_metered() {
            return Ok(());
        }
        let client = self.client.clone();
        blocking(move || client.spend(new)).await
    }
}

#[cfg(feature = "native")]
mod native {
    use super::{Client, Conditions};
    use tokio::sync::watch;

    impl Client {
        /// Says how the device stands now. Cheap; call it whenever the operating system tells of a change.
        pub fn set_conditions(&self, conditions: Conditions) {
            if self.is_metered() != conditions.metered {
                self.set_metered(conditions.metered);
            }
            self.inner.board.conditions.send_if_modified(|before| std::mem::replace(before, conditions) != conditions);
        }

        /// What was said last.
        pub fn conditions(&self) -> Conditions {
            *self.inner.board.conditions.borrow()
        }

        pub(crate) fn watch_conditions(&self) -> watch::Receiver<Conditions> {
            self.inner.board.conditions.subscribe()
        }
    }
}
