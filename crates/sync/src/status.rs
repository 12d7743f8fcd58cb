//! What the server did with an envelope, and why it would not take one.

use crate::error::Class;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of one pushed envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// On disk, in the log of its space at `seq`.
    Durable {
        /// Its place in the log.
        seq: u64,
    },
    /// Was there already, at `seq`. The same good news as `Durable`.
    Duplicate {
        /// Its place in the log.
        seq: u64,
    },
    /// Kept by the server outside the log until a change it depends on arrives.
    Waiting,
    /// Kept by the server outside the log; a person decides (late work of a revoked device, a change that does not
    /// apply). The device keeps showing it.
    Quarantined,
    /// Its content was erased on purpose; it will not come back. The device may drop it.
    Gone,
    /// Not kept. The code says whether sending again can help.
    Refused(Refusal),
}

impl Status {
    /// The status as a stable word for logs and JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Durable { .. } => "durable",
            Self::Duplicate { .. } => "duplicate",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Gone => "gone",
            Self::Refused(refusal) => refusal.name(),
        }
    }

    /// Whether the server holds the envelope on disk, so that the device need not send it again.
    pub fn is_held(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// Why an envelope or a request was not taken. Numbers are for ever; a number this version does not know is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Refusal(pub u16);

macro_rules! refusals {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal, $class:ident;)*) => {
        impl Refusal {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Every code this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];

            /// The stable name of the code.
            pub fn name(self) -> &'static str {
                match self.0 { $($number => $name,)* _ => "refused_unknown_code" }
            }

            /// What the sender can do about it.
            pub fn class(self) -> Class {
                match self.0 { $($number => Class::$class,)* _ => Class::Refused }
            }
        }
    };
}

refusals! {
    /// The bytes are not a well-formed envelope or request.
    BAD_FORM = 1, "bad_form", Refused;
    /// Larger than a limit allows.
    TOO_LARGE = 2, "too_large", Refused;
    /// The signature does not belong to the content and the device's key.
    BAD_SIGNATURE = 3, "bad_signature", ResendFull;
    /// The device has no grant for the space at this moment.
    NO_GRANT = 4, "no_grant", Refused;
    /// A short reference names nothing or more than one thing here: send in full form.
    UNRESOLVED = 5, "unresolved", ResendFull;
    /// The body needs a dictionary the server does not have: send it plain.
    UNKNOWN_DICTIONARY = 6, "unknown_dictionary", ResendFull;
    /// An earlier envelope of this device has not arrived yet: send from `device_seq` on.
    OUT_OF_ORDER = 7, "out_of_order", Retry;
    /// A change's actor is neither the device nor a genesis.
    WRONG_ACTOR = 8, "wrong_actor", Refused;
    /// A change would cost too much to open, or is not an automerge change chunk.
    BAD_CHANGE = 9, "bad_change", Refused;
    /// This device sequence, or this (document, actor, sequence), was used for other content: the device was cloned or
    /// restored and has to become a new device.
    SEQUENCE_REUSED = 10, "sequence_reused", Refused;
    /// The device was revoked.
    REVOKED = 11, "revoked", Refused;
    /// The server has no room; nothing is wrong with the envelope.
    NO_SPACE = 12, "no_space", Retry;
    /// The server is busy or going down; nothing is wrong with the envelope.
    BUSY = 13, "busy", Retry;
    /// The server does not know the device.
    UNKNOWN_DEVICE = 14, "unknown_device", Refused;
    /// The server does not speak the protocol version.
    VERSION = 15, "version", Protocol;
    /// Something broke on the server; nothing is known to be wrong with the envelope.
    INTERNAL = 16, "internal", Retry;
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_names_are_unique_and_unknown_ones_survive() {
        let numbers: BTreeSet<u16> = Refusal::ALL.iter().map(|refusal| refusal.0).collect();
        let names: BTreeSet<&str> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        assert_eq!(numbers.len(), Refusal::ALL.len());
        assert_eq!(names.len(), Refusal::ALL.len());
        assert_eq!(Refusal(999).class(), Class::Refused);
        assert_eq!(Refusal(999).name(), "refused_unknown_code");
    }
}
