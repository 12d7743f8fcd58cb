//! How this device is: told to the server when it is otherwise than what was told last, for whoever looks after devices.

use super::{Exchange, Message, Work, query, unexpected};
use crate::client::Client;
use crate::error::{ClientError, Remedy};
use gandan_store::Store;
use gandan_sync::query::{Ask, Failure, Health, MAX_CODE, Reply};
use serde::{Deserialize, Serialize};

/// Under this name the store keeps [`Told`].
const TOLD: &str = "health told";
/// Under this name the store keeps the last [`Failed`].
const FAILED: &str = "exchange failed";

/// What the server was told last: the frame's bytes, so that a form of a later app is simply told anew.
type Told = Vec<u8>;

/// An exchange that failed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    code: String,
    at_ms: u64,
}

impl Exchange {
    /// Tells how this device is, once in an exchange and only what is new.
    pub(super) fn tell_health(&mut self, client: &Client) -> Result<Option<Message>, ClientError> {
        if std::mem::replace(&mut self.told_health, true) {
            return Ok(None);
        }
        let store = client.store();
        let health = health(&store)?;
        let told = bytes(&health)?;
        if store.value(TOLD)?.as_ref() == Some(&told) {
            return Ok(None);
        }
        query(client, &store, Ask::Health(health), Work::Health { told }).map(Some)
    }

    /// The server has heard it.
    pub(super) fn take_note(client: &Client, told: &Told, reply: &Reply) -> Result<(), ClientError> {
        if *reply != Reply::Noted {
            return Err(unexpected());
        }
        note(client, told)
    }
}

/// This need not be told again.
pub(super) fn note(client: &Client, told: &Told) -> Result<(), ClientError> {
    Ok(client.store().set_value(TOLD, Some(told))?)
}

fn bytes(health: &Health) -> Result<Told, ClientError> {
    serde_json::to_vec(health).map_err(ClientError::internal)
}

fn health(store: &Store) -> Result<Health, ClientError> {
    let (counts, files) = (store.counts()?, store.attachment_counts()?);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let failed = store.value(FAILED)?.and_then(|bytes| serde_json::from_slice::<Failed>(&bytes).ok());
    let system = if cfg!(target_arch = "wasm32") { "web" } else { std::env::consts::OS };
    Ok(Health {
        app: format!("{} {system}", env!("CARGO_PKG_VERSION")),
        waiting: small(counts.saved_changes + counts.waiting_changes),
        held_back: small(store.refused_count()?),
        files: small(files.originals + files.thumbnails + files.refused),
        failure: failed.map(|Failed { code, at_ms }| Failure { code, at_ms }),
    })
}

/// The code of an error that the server should be told of. What passes by itself (no network, a busy server) is not, and a
/// phone that is not in service has nobody to tell.
pub(crate) fn worth_telling(error: &ClientError) -> Option<String> {
    let passes = matches!(error.remedy(), Remedy::RetryLater);
    let nobody = matches!(error, ClientError::Wiped | ClientError::NotEnrolled);
    (!passes && !nobody).then(|| error.code().chars().filter(char::is_ascii_graphic).take(MAX_CODE).collect())
}

impl Client {
    /// Keeps why an exchange failed, for the next one that succeeds to tell.
    pub(crate) fn keep_failure(&self, code: String) -> Result<(), ClientError> {
        let failed = Failed { code, at_ms: u64::try_from(self.now_ms()).unwrap_or(0) };
        let bytes = serde_json::to_vec(&failed).map_err(ClientError::internal)?;
        Ok(self.store().set_value(FAILED, Some(&bytes))?)
    }
}
