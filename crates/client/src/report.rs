//! What an exchange with the server did, while it runs and when it is over.

use gandan_model::ids::{DocId, SpaceId};
use serde::Serialize;

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Round trips completed.
    pub round_trips: u32,
    /// Bytes of bodies sent.
    pub bytes_up: u64,
    /// Bytes of bodies received.
    pub bytes_down: u64,
    /// Own changes that the server has confirmed.
    pub pushed: u64,
    /// Changes received.
    pub pulled: u64,
    /// Own changes that still wait.
    pub waiting: u64,
    /// Documents that a new device has loaded so far, and how many there are; 0 and 0 when none are to be loaded.
    pub documents_loaded: u64,
    /// See `documents_loaded`.
    pub documents_to_load: u64,
}

/// What an exchange did.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// Envelopes confirmed.
    pub envelopes: u64,
    /// Own changes that the server does not have yet.
    pub waiting: u64,
    /// Envelopes that the server did not take, or set aside for a person to decide.
    pub refused: Vec<Refused>,
    /// What somebody decided about envelopes that had been set aside.
    pub decided: Vec<Decided>,
    /// Changes received that do not fit their documents; kept, shown to nobody.
    pub quarantined: u64,
    /// Documents loaded as a whole, by a device that is new in a space or was away for long, and how many there were.
    pub documents_loaded: u64,
    /// See `documents_loaded`.
    pub documents_to_load: u64,
    /// Documents that differed from the server's and were set right.
    pub healed: u64,
    /// The server was restored from a backup.
    pub server_restored: bool,
    /// Envelopes of other devices given back to it.
    pub returned: u64,
    /// This device had a twin and became a new device.
    pub renewed: bool,
    /// Spaces given and taken away in this exchange.
    pub grants: Vec<Grant>,
    /// The device's clock minus the server's, seconds.
    pub skew_s: i64,
    /// Whether more waits on either side: the exchange stopped at its bound of round trips.
    pub more: bool,
    /// Seconds after which the server would like to hear again; 0 for no wish.
    pub poll_after_s: u32,
}

/// An envelope that the server did not take into its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its number among the device's envelopes.
    pub device_seq: u64,
    /// Why, as a stable code; `quarantined` when a person at the server decides.
    pub code: String,
    /// The records in it. They stay on the device.
    pub records: Vec<DocId>,
}

/// What somebody decided about an envelope that the server had set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// Its number among the device's envelopes.
    pub device_seq: u64,
    /// `admitted`: it is in the log now; `discarded`: it stays out, and on this device; `erased`.
    pub outcome: &'static str,
    /// Why, in the words of whoever decided; may be empty.
    pub reason: String,
    /// The records in it.
    pub records: Vec<DocId>,
}

/// A space given or taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The space.
    pub space: SpaceId,
    /// Code of its unit.
    pub unit: String,
    /// `true`: given; `false`: taken.
    pub given: bool,
}
