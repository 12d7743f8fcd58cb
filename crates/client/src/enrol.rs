//! Becoming a device of an official: a one-time link, a key made here, a bundle of what to know.
//!
//! The link carries the code behind `#`, the part of an address that browsers and proxies do not send. The device's key
//! is made on the device and never leaves it. It is stored *before* the server is asked: should the answer get lost, the
//! same device asks again with the same key and the server knows it for the same.

use crate::client::{Client, blocking};
use crate::error::ClientError;
use crate::transport::{JSON_TYPE, Meter, Post, is_private_road};
use ed25519_dalek::SigningKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::{Compartment, DeviceId, SpaceId};
use gandan_store::{Access, Identity, SpaceGrant, SyncState};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest bundle that is read: units, areas and rules of a whole province take a tenth of it.
const MAX_BUNDLE: usize = 8 << 20;
/// Longest address of a server.
const MAX_URL: usize = 500;
/// Longest one-time code.
const MAX_CODE: usize = 200;

/// An enrolment link, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Address of the server, without a slash at the end.
    pub server: String,
    /// The one-time code.
    pub code: String,
}

/// Never shows the code.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Link {
    /// Reads `https://server/enrol#code`.
    ///
    /// # Errors
    ///
    /// `bad_link` if it is none; `insecure_link` if records would travel in the clear, unless `allow_insecure`.
    pub fn parse(text: &str, allow_insecure: bool) -> Result<Self, ClientError> {
        let bad = || ClientError::input("bad_link", "this is not an enrolment link (https://…/enrol#CODE)");
        let (address, code) = text.trim().split_once('#').ok_or_else(bad)?;
        let server = address.trim_end_matches('/').strip_suffix("/enrol").ok_or_else(bad)?;
        let is_http =
            ["https://", "http://"].iter().any(|scheme| server.len() > scheme.len() && server.starts_with(scheme));
        let is_text = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_http
            || server.len() > MAX_URL
            || !is_text(server)
            || code.is_empty()
            || code.len() > MAX_CODE
            || !is_text(code)
        {
            return Err(bad());
        }
        if !is_private_road(server) && !allow_insecure {
            return Err(ClientError::input(
                "insecure_link",
                "the link's server has no encryption (http://); ask for an https:// link",
            ));
        }
        Ok(Self { server: server.to_owned(), code: code.to_owned() })
    }
}

/// Who a device is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// The device.
    pub device: DeviceId,
    /// The official's id: the author of everything written here.
    pub official: String,
    /// The official's name.
    pub name: String,
    /// The official's role.
    pub role: String,
    /// Address of the server.
    pub server: String,
}

#[derive(Deserialize)]
struct Bundle {
    official: OfficialPart,
    spaces: Vec<SpacePart>,
    #[serde(default)]
    server_time_ms: Option<i64>,
}

#[derive(Deserialize)]
struct OfficialPart {
    id: String,
    name: String,
    role: String,
}

#[derive(Deserialize)]
struct SpacePart {
    space: SpaceId,
    unit: String,
    compartment: Value,
    access: String,
}

impl SpacePart {
    /// `None` for a compartment or a right of a newer server.
    fn grant(self) -> Option<SpaceGrant> {
        let compartment = match &self.compartment {
            Value::String(name) => Compartment::ALL.into_iter().find(|c| c.as_str() == name),
            number => number.as_u64().and_then(|number| Compartment::from_number(u8::try_from(number).ok()?)),
        }?;
        let access = match self.access.as_str() {
            "read" => Access::Read,
            "write" => Access::Write,
            "both" => Access::Both,
            _ => return None,
        };
        Some(SpaceGrant { space: self.space, unit: self.unit, compartment, access })
    }
}

impl Client {
    /// Makes this client a device of the official that `link` was made for, and takes in what the server hands over.
    ///
    /// # Errors
    ///
    /// As [`Link::parse`]; `already_enrolled`; the server's codes for a link that was used or has expired.
    pub async fn enrol(&self, link: &str, allow_insecure: bool) -> Result<DeviceInfo, ClientError> {
        let link = Link::parse(link, allow_insecure)?;
        let client = self.clone();
        let server = link.server.clone();
        let identity = blocking(move || client.pending_identity(&server)).await?;
        let key = SigningKey::from_bytes(&identity.signing_key);
        let request = json!({
            "code": link.code,
            "device": identity.device.to_string(),
            "public_key": data_encoding::HEXLOWER.encode(key.verifying_key().as_bytes()),
        });
        let post = Post {
            url: format!("{}/v1/enrol", link.server),
            content_type: JSON_TYPE,
            body: request.to_string().into_bytes(),
            max_answer: MAX_BUNDLE,
        };
        let sent_ms = self.now_ms();
        let answer = self.environment().transport.post(post, &Meter::default()).await?.judge(JSON_TYPE)?;
        let received_ms = self.now_ms();
        let client = self.clone();
        blocking(move || client.finish_enrolment(identity, &answer, i64::midpoint(sent_ms, received_ms))).await
    }

    /// The identity made by an earlier try, or a new one; on disk when this returns.
    fn pending_identity(&self, server: &str) -> Result<Identity, ClientError> {
        let mut store = self.store();
        if let Some(identity) = store.identity()? {
            if !identity.official.is_empty() {
                return Err(ClientError::AlreadyEnrolled(identity.name));
            }
            let identity = Identity { server_url: server.to_owned(), ..identity };
            store.set_identity(&identity)?;
            return Ok(identity);
        }
        let rng = &self.environment().rng;
        let mut device = DeviceId(rng.bytes());
        while is_genesis_actor(device) {
            device = DeviceId(rng.bytes());
        }
        let identity = Identity {
            device,
            signing_key: rng.bytes(),
            official: String::new(),
            name: String::new(),
            role: String::new(),
            server_url: server.to_owned(),
        };
        store.set_identity(&identity)?;
        Ok(identity)
    }

    fn finish_enrolment(&self, identity: Identity, answer: &[u8], middle_ms: i64) -> Result<DeviceInfo, ClientError> {
        let unreadable = |_| ClientError::input("bad_bundle", "the server's answer cannot be read; update the app");
        let reference: Value = serde_json::from_slice(answer).map_err(unreadable)?;
        let bundle: Bundle = serde_json::from_value(reference.clone()).map_err(unreadable)?;
        let OfficialPart { id, name, role } = bundle.official;
        let identity = Identity { official: id, name, role, ..identity };
        let mut store = self.store();
        for part in bundle.spaces {
            if let Some(grant) = part.grant() {
                store.grant(&grant)?;
            }
        }
        store.set_reference(&reference)?;
        if let Some(server_ms) = bundle.server_time_ms {
            let skew_ms = middle_ms.saturating_sub(server_ms);
            store.set_sync_state(&SyncState { clock_skew_ms: Some(skew_ms), ..SyncState::default() })?;
            self.learn_skew(skew_ms);
        }
        // Last: with a name in it the identity counts as enrolled.
        store.set_identity(&identity)?;
        drop(store);
        self.refresh();
        Ok(info(identity))
    }

    /// Where the server tells of news (server-sent events), and what to show it there in the header `authorization`;
    /// `None` before enrolment.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn news_address(&self) -> Result<Option<(String, String)>, ClientError> {
        let store = self.store();
        let reference = store.reference()?.unwrap_or_default();
        let token = reference.get("events_token").and_then(Value::as_str).map(|token| format!("Bearer {token}"));
        Ok(store.identity()?.zip(token).map(|(identity, token)| (format!("{}/v1/events", identity.server_url), token)))
    }

    /// Who this device is; `None` before enrolment.
    pub fn device(&self) -> Result<Option<DeviceInfo>, ClientError> {
        let identity = self.store().identity()?;
        Ok(identity.filter(|identity| !identity.official.is_empty()).map(info))
    }
}

fn info(identity: Identity) -> DeviceInfo {
    let Identity { device, official, name, role, server_url, .. } = identity;
    DeviceInfo { device, official, name, role, server: server_url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_apart() {
        let link = Link::parse(" https://gandan.lamdong.vn/enrol#AbC-1 ", false).unwrap();
        assert_eq!((link.server.as_str(), link.code.as_str()), ("https://gandan.lamdong.vn", "AbC-1"));
        assert_eq!(Link::parse("http://127.0.0.1:8080/x/enrol#c", false).unwrap().server, "http://127.0.0.1:8080/x");
        assert!(!format!("{link:?}").contains("AbC"));
    }

    #[test]
    fn what_is_no_link_is_refused_with_a_code() {
        for text in [
            "",
            "x",
            "https://a/enrol",
            "https://a/enrol#",
            "https://a/other#c",
            "ftp://a/enrol#c",
            "https:///enrol#c\n#",
            "https://a b/enrol#c",
        ] {
            assert_eq!(Link::parse(text, true).unwrap_err().code(), "bad_link", "{text}");
        }
        assert_eq!(Link::parse("http://10.0.0.1/enrol#c", false).unwrap_err().code(), "insecure_link");
        assert!(Link::parse("http://10.0.0.1/enrol#c", true).is_ok());
    }
}
