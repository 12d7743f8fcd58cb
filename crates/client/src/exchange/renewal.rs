//! A device that has a twin becomes another device.
//!
//! A phone that was copied, or restored from its own backup, goes on with numbers that the server has seen already. It
//! makes a new key, says so with the old one, and writes what the server could not take once more under its new name.

use super::round::forget_place;
use super::{Errand, Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use ed25519_dalek::SigningKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::DeviceId;
use gandan_store::Identity;
use gandan_sync::query::{Ask, Reply, renewal_proof};
use serde_json::Value;

/// Under this name the store keeps the identity that the device is about to take.
const NEXT: &str = "next identity";

/// This device has a twin. Its next identity is on disk when this returns: should the server's answer get lost, the
/// same is asked for again.
pub(super) fn rename(client: &Client) -> Result<(), ClientError> {
    let mut store = client.store();
    if store.value(NEXT)?.is_some() {
        return Ok(());
    }
    tracing::warn!("this device was copied or restored from a backup; it becomes a new one");
    let rng = &client.environment().rng;
    let mut device = DeviceId(rng.bytes());
    while is_genesis_actor(device) {
        device = DeviceId(rng.bytes());
    }
    let identity = Identity { device, signing_key: rng.bytes(), ..Client::identity(&store)? };
    let bytes = serde_json::to_vec(&identity).map_err(ClientError::internal)?;
    Ok(store.set_value(NEXT, Some(&bytes))?)
}

/// Asks for the next identity, if there is one.
pub(super) fn renew(client: &Client) -> Result<Option<Message>, ClientError> {
    let mut store = client.store();
    let Some(next) = store.value(NEXT)? else { return Ok(None) };
    let Ok(identity) = serde_json::from_slice::<Identity>(&next) else {
        store.set_value(NEXT, None)?;
        return Ok(None);
    };
    let old = Client::identity(&store)?.device;
    let key = SigningKey::from_bytes(&identity.signing_key);
    let ask = Ask::Renew {
        device: identity.device,
        key: key.verifying_key().to_bytes(),
        proof: renewal_proof(&key, &old, &identity.device),
    };
    query(client, &store, ask, Work::Renew { identity }).map(Some)
}

impl Exchange {
    /// The server knows the device by its new name.
    pub(super) fn take_name(&mut self, client: &Client, identity: &Identity, reply: Reply) -> Result<(), ClientError> {
        let Reply::Renewed { events_token } = reply else { return Err(unexpected()) };
        {
            let mut store = client.store();
            if let Some(mut reference) = store.reference()? {
                reference["events_token"] = Value::String(events_token);
                store.set_reference(&reference)?;
            }
            store.set_identity(identity)?;
            forget_place(&mut store)?;
            store.set_value(NEXT, None)?;
        }
        self.waiting.clear();
        self.report.renewed = true;
        self.again = true;
        client.write_again()
    }
}

impl Client {
    /// Writes again what only stood under a name that another device uses too, and seals it.
    pub(crate) fn write_again(&self) -> Result<(), ClientError> {
        let orphaned = self.store().orphaned()?;
        for doc in orphaned {
            let now_ms = self.now_ms();
            let mut store = self.store();
            let stamp = self.stamp(&Self::identity(&store)?);
            store.reauthor(doc, &stamp, now_ms)?;
            drop(store);
            self.inner.board.changed(&[doc]);
        }
        self.seal_outbox().map(|_| ())
    }
}

impl Errand {
    /// Whether it is about becoming another device.
    pub fn is_renewal(&self) -> bool {
        matches!(self.0, Work::Renew { .. })
    }
}
