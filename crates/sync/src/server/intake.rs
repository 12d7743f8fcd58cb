//! Examining pushed envelopes.

use crate::cursor::EnvelopeHash;
use crate::envelope::{Envelope, PushEnvelope};
use crate::error::{EnvelopeError, FrameError, StorageError};
use crate::limits::MAX_MESSAGE_RAW;
use crate::resolve::{Overlay, Resolver};
use crate::sign::Signature;
use crate::status::{Refusal, Status};
use ed25519_dalek::VerifyingKey;
use gandan_model::ids::{DeviceId, SpaceId};

/// What the intake asks the server's storage.
pub trait Ledger: Resolver {
    /// The envelope with this number that the server holds of the device, in the log, waiting, quarantined or erased.
    fn held(&self, device: &DeviceId, device_seq: u64) -> Result<Option<HeldEnvelope>, StorageError>;
}

/// An envelope the server holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldEnvelope {
    /// Its signature: signatures are deterministic, so the same signature is the same envelope.
    pub signature: Signature,
    /// What to answer: [`Status::Duplicate`] with its place in the log, or the state it is in outside the log.
    pub status: Status,
}

/// The last envelope of a device that the server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceHead {
    /// Its number; 0 if there is none.
    pub seq: u64,
    /// Its hash; [`EnvelopeHash::ZERO`] if there is none.
    pub hash: EnvelopeHash,
}

impl DeviceHead {
    /// A device that has sent nothing yet.
    pub const NONE: Self = Self { seq: 0, hash: EnvelopeHash::ZERO };
}

/// A space that a device has, or once had, a grant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceRight {
    /// The space.
    pub space: SpaceId,
    /// Whether the grant holds at this moment.
    pub granted: bool,
}

/// An envelope that is well formed, signed, and new.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The envelope, opened.
    pub envelope: Envelope,
    /// Its signature, to be kept for [`HeldEnvelope`].
    pub signature: Signature,
    /// What to store and to relay.
    pub stored: Vec<u8>,
    /// Whether the device has a grant for its space. If not, it goes to quarantine and not into the log.
    pub granted: bool,
}

/// What to do with a pushed envelope.
#[derive(Debug)]
pub enum Verdict {
    /// Append it to the log (or set it aside, if dependencies are missing or the grant is).
    Admit(Box<Admitted>),
    /// The server has it: answer this.
    Known(Status),
    /// Answer [`Status::Refused`] with this code. The error, if there is one, is for the server's own eyes.
    Refuse(Refusal, Option<EnvelopeError>),
}

/// Examines the envelopes of one request, in their order.
pub struct Intake<'a> {
    device: DeviceId,
    key: &'a VerifyingKey,
    rights: &'a [SpaceRight],
    spaces: Vec<SpaceId>,
    ledger: &'a dyn Ledger,
    overlay: Overlay<'a>,
    head: DeviceHead,
    previous_space: Option<SpaceId>,
    raw: usize,
}

impl<'a> Intake<'a> {
    /// For a request of `device`, whose last held envelope is `head`. `rights` names every space it has or had.
    pub fn new(
        device: DeviceId,
        key: &'a VerifyingKey,
        head: DeviceHead,
        rights: &'a [SpaceRight],
        ledger: &'a dyn Ledger,
    ) -> Self {
        let spaces = rights.iter().map(|right| right.space).collect();
        let overlay = Overlay::new(ledger);
        Self { device, key, rights, spaces, ledger, overlay, head, previous_space: None, raw: 0 }
    }

    /// The device's last envelope, those admitted so far counted in.
    pub fn head(&self) -> DeviceHead {
        self.head
    }

    /// Examines the next envelope. An error is the storage's; the envelope is then neither good nor bad.
    ///
    /// After a refusal the rest of the request is examined all the same: an envelope that names its predecessor in full
    /// does not depend on it being here.
    pub fn examine(&mut self, push: PushEnvelope) -> Result<Verdict, StorageError> {
        if let Some(held) = self.ledger.held(&self.device, push.device_seq)? {
            self.previous_space = push.space.resolve(self.previous_space, &self.spaces).ok();
            return Ok(if held.signature == push.signature {
                Verdict::Known(held.status)
            } else {
                Verdict::Refuse(Refusal::SEQUENCE_REUSED, None)
            });
        }
        match self.open(push) {
            Ok(verdict) => Ok(verdict),
            Err(EnvelopeError::Storage(error)) => Err(error),
            Err(error) => Ok(Verdict::Refuse(error.refusal(), Some(error))),
        }
    }

    fn open(&mut self, push: PushEnvelope) -> Result<Verdict, EnvelopeError> {
        let space = push.space.resolve(self.previous_space, &self.spaces);
        self.previous_space = space.as_ref().ok().copied();
        let space = space?;
        let Some(right) = self.rights.iter().find(|right| right.space == space) else {
            return Ok(Verdict::Refuse(Refusal::NO_GRANT, None));
        };
        if push.prev.is_none() && push.device_seq != self.head.seq + 1 {
            return Ok(Verdict::Refuse(Refusal::OUT_OF_ORDER, None));
        }
        if self.raw > MAX_MESSAGE_RAW {
            // Nothing is wrong with it; it belongs into another request.
            return Ok(Verdict::Refuse(Refusal::BUSY, None));
        }
        let relayed = push.into_relayed(self.device, self.head.hash);
        let envelope = relayed.open(space, Some(self.key), &self.overlay)?;
        self.raw += envelope.changes.iter().map(|change| change.raw.len()).sum::<usize>();
        self.overlay.add(&envelope);
        if envelope.device_seq > self.head.seq {
            self.head = DeviceHead { seq: envelope.device_seq, hash: envelope.hash };
        }
        let stored = relayed.to_bytes().map_err(|_: FrameError| EnvelopeError::Malformed)?;
        let signature = relayed.signature;
        Ok(Verdict::Admit(Box::new(Admitted { envelope, signature, stored, granted: right.granted })))
    }
}
