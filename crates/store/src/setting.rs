//! Single values: who this device is, reference data, where the last sync ended.

use std::fmt;

use gandan_model::ids::DeviceId;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::StoreError;
use crate::{Store, outbox};

/// Who this installation is, as the server enrolled it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The device, which is also the actor of every change written here.
    pub device: DeviceId,
    /// The secret half of the device's signing key (ed25519).
    pub signing_key: [u8; 32],
    /// The official's id: the author of changes.
    pub official: String,
    /// The official's display name.
    pub name: String,
    /// The official's role.
    pub role: String,
    /// Where the server is.
    pub server_url: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("device", &self.device)
            .field("official", &self.official)
            .field("role", &self.role)
            .field("server_url", &self.server_url)
            .finish_non_exhaustive()
    }
}

/// What the last contact with the server left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncState {
    /// The server's name for the position it gave last, with the summary that belongs to it.
    pub token: Option<(u64, [u8; 16])>,
    /// Which life of the server's database that was.
    pub incarnation: Option<u64>,
    /// The phone's clock minus the server's, in milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// When that was, by the phone's clock, in milliseconds since 1970.
    pub last_contact_ms: Option<i64>,
    /// How long the server wants to be left in peace, in seconds.
    pub poll_after_s: Option<u32>,
}

const IDENTITY: &str = "identity";
const REFERENCE: &str = "reference";
const SYNC: &str = "sync";

impl Store {
    /// Who this device is; `None` before it is enrolled.
    pub fn identity(&self) -> Result<Option<Identity>, StoreError> {
        self.read(|connection| json(connection, IDENTITY))
    }

    /// Sets who this device is.
    ///
    /// If it was another device before, that one's envelopes cannot be continued. Changes of it that the
    /// server never confirmed are kept as refused, with the code `device_changed`.
    pub fn set_identity(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.write(|writing| {
            let before: Option<Identity> = json(writing, IDENTITY)?;
            if before.is_some_and(|before| before.device != identity.device) {
                outbox::leave_behind(writing)?;
            }
            set_json(writing, IDENTITY, identity)
        })
    }

    /// Units, areas, rules, names: what the server gave for reference.
    pub fn reference(&self) -> Result<Option<Json>, StoreError> {
        self.read(|connection| json(connection, REFERENCE))
    }

    /// Replaces the reference data.
    pub fn set_reference(&mut self, reference: &Json) -> Result<(), StoreError> {
        self.write(|writing| set_json(writing, REFERENCE, reference))
    }

    /// What the last contact with the server left behind.
    pub fn sync_state(&self) -> Result<SyncState, StoreError> {
        self.read(|connection| Ok(json(connection, SYNC)?.unwrap_or_default()))
    }

    /// Keeps what a contact with the server left behind. Writes nothing if nothing differs.
    pub fn set_sync_state(&mut self, state: &SyncState) -> Result<(), StoreError> {
        if self.sync_state()? == *state {
            return Ok(());
        }
        self.write(|writing| set_json(writing, SYNC, state))
    }

    /// A value that the client keeps under a name of its own.
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| get(connection, &client_name(name)))
    }

    /// Keeps a value for the client, or removes it.
    pub fn set_value(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.write(|writing| put(writing, name, value))
    }

    /// The client's values whose names begin so, by name.
    pub fn values(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.read(|connection| {
            let start = client_name("");
            let mut statement = connection.prepare_cached(
                "SELECT substr(name, length(?1) + 1), value FROM setting
                 WHERE substr(name, 1, length(?1) + length(?2)) = ?1 || ?2 ORDER BY name",
            )?;
            let rows = statement.query_map([start.as_str(), prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

/// Keeps a value for the client, or removes it.
pub(crate) fn put(writing: &Connection, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
    if let Some(value) = value {
        return set(writing, &client_name(name), value);
    }
    writing.execute("DELETE FROM setting WHERE name = ?1", [client_name(name)])?;
    Ok(())
}

fn client_name(name: &str) -> String {
    format!("client/{name}")
}

pub(crate) fn get(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

pub(crate) fn set(connection: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        )?
        .execute(params![name, value])?;
    Ok(())
}

pub(crate) fn json<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    get(connection, name)?.map(|bytes| serde_json::from_slice(&bytes).map_err(StoreError::from)).transpose()
}

pub(crate) fn set_json<T: Serialize>(connection: &Connection, name: &str, value: &T) -> Result<(), StoreError> {
    set(connection, name, &serde_json::to_vec(value)?)
}
