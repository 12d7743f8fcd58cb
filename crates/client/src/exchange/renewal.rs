//! A device that has a twin becomes another device.
//!
//! A phone that was copied, or restored from its own backup, goes on with numbers that the server has seen already. It
//! makes a new key, says so with the old one, and writes what the server could not take once more under its new name.

use super::round::forget_place;
use super::{Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::ClientError;
use ed25519_dalek::SigningKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::DeviceId;
use gandan_model::mutant;
use gandan_store::{Identity, StoreError};
use gandan_sync::query::{Ask, Reply, renewal_proof};
use serde_json::Value;

/// Under this name the store keeps the identity that the device is about to take.
const NEXT: &str = "next identity";

/// This device has a twin. Its next identity is on disk when this returns: should the server's answer get lost, the
/// same is asked for again.
pub(super) fn rename(client: &Client) -> Result<(), ClientError> {
    let mut store = client.store();
    if store.value(NEXT)?.is_some() || mutant::on("ignores_twins") {
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

/// Asks for the next identity, if there is one. What an app that was killed left half-done is done first.
pub(super) fn renew(client: &Client) -> Result<Option<Message>, ClientError> {
    if client.store().has_twin()? {
        rename(client)?;
    }
    let old = Client::identity(&client.store())?.device;
    let next = client.store().value(NEXT)?;
    let was_taken = next.is_some();
    let identity = next.and_then(|bytes| serde_json::from_slice::<Identity>(&bytes).ok());
    let Some(identity) = identity.filter(|next| next.device != old) else {
        let mut store = client.store();
        if was_taken {
            // Not all of what follows was done.
            store.set_value(NEXT, None)?;
        }
        if !store.orphaned()?.is_empty() {
            drop(store);
            client.write_again()?;
        }
        return Ok(None);
    };
    let store = client.store();
    let key = SigningKey::from_bytes(&identity.signing_key);
    let ask = Ask::Renew {
        device: identity.device,
        key: key.verifying_key().to_bytes(),
        proof: renewal_proof(&key, &old, &identity.device),
    };
    query(client, &store, ask, Work::Renew { identity }).map(Some)
}

/// A revoked device becomes no other one. What that means for it the next round trip tells.
pub(super) fn give_up(client: &Client) -> Result<(), ClientError> {
    Ok(client.store().set_value(NEXT, None)?)
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
            forget_place(&mut store)?;
            store.set_identity(identity)?;
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
        if mutant::on("says_nothing_again") {
            return Ok(());
        }
        let orphaned = self.store().orphaned()?;
        for doc in orphaned {
            let now_ms = self.now_ms();
            let mut store = self.store();
            let stamp = self.stamp(&Self::identity(&store)?);
            match store.reauthor(doc, &stamp, now_ms) {
                Err(StoreError::BadDocument { doc, source }) => {
                    tracing::error!(document = %doc, %source, "what was written here cannot be written again");
                    continue;
                }
                done => done?,
            };
            drop(store);
            self.inner.board.changed(&[doc]);
        }
        self.seal_outbox().map(|_| ())
    }
}
