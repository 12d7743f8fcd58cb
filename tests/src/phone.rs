//! A phone without an app: keys, envelopes and the client's end of the protocol, small enough to have a thousand of them.

use crate::api::Answer;
use crate::generator::Generator;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use gandan_model::document::{Document, Stamp};
use gandan_model::ids::{ChangeHash, Compartment, DeviceId, DocId, SpaceId};
use gandan_model::sample::read_line;
use gandan_sync::client::{DeviceView, Outcome, Session, Start};
use gandan_sync::digest::Buckets;
use gandan_sync::envelope::{Sealer, seal};
use gandan_sync::error::StorageError;
use gandan_sync::query::{Ask, Query, Reply};
use gandan_sync::request::Flags;
use gandan_sync::resolve::{Nothing, Resolver};
use gandan_sync::response::{GrantChange, Manifest, Notice};
use gandan_sync::{Encoding, EnvelopeHash, Outgoing, SealedEnvelope, SpacePosition};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// The phone's clock.
const NOW_MS: i64 = 1_790_000_000_000;
/// Longest answer that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The phone.
pub struct Phone {
    name: String,
    device: DeviceId,
    key: SigningKey,
    field: SpaceId,
    positions: BTreeMap<SpaceId, SpacePosition>,
    outbox: Vec<SealedEnvelope>,
    own: BTreeMap<u64, EnvelopeHash>,
    token: Option<u64>,
    held_seq: u64,
    flags: Flags,
    last_hash: EnvelopeHash,
    /// Where it calls from.
    from: IpAddr,
}

/// How an exchange went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Went {
    /// Round trips that were answered.
    pub round_trips: u32,
    /// Times that the phone was told to come back later.
    pub turned_away: u32,
    /// Seconds that it was told to wait, in all.
    pub waited_s: u64,
}

/// It knows nothing of what others wrote, and what it writes itself is new: nothing has to be looked up.
impl Resolver for Phone {
    fn documents(&self, _: &SpaceId, _: [u8; 8]) -> Result<Vec<DocId>, StorageError> {
        Ok(Vec::new())
    }

    fn changes(&self, _: &SpaceId, _: &DocId, _: [u8; 4]) -> Result<Vec<ChangeHash>, StorageError> {
        Ok(Vec::new())
    }
}

impl DeviceView for Phone {
    fn own_envelope(&self, device_seq: u64) -> Result<Option<EnvelopeHash>, StorageError> {
        Ok(self.own.get(&device_seq).copied())
    }
}

impl Phone {
    /// Enrols with a link of `gandan-server enrol`; calls from this address of the machine.
    pub fn enrol(server: SocketAddr, name: &str, link: &str, number: u64, from: IpAddr) -> Self {
        let mut seed = [0x5a; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let key = SigningKey::from_bytes(&seed);
        let mut device = [0x70; 8];
        device[4..].copy_from_slice(&number.to_be_bytes()[4..]);
        let public_key = HEXLOWER.encode(key.verifying_key().as_bytes());
        let request = json!({"code": link.split('#').nth(1), "device": DeviceId(device), "public_key": public_key});
        let body = request.to_string();
        let answer = crate::api::call(server, "POST", "/v1/enrol", None, Some(("application/json", body.as_bytes())));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let bundle = answer.json();
        let mut positions = BTreeMap::new();
        let mut field = None;
        for space in bundle["spaces"].as_array().expect("spaces") {
            let id: SpaceId = space["space"].as_str().and_then(|text| text.parse().ok()).expect("a space");
            if space["access"] != "write" {
                positions.insert(id, SpacePosition::start(id));
            }
            if space["compartment"] == "field" {
                field = Some(id);
            }
        }
        Self {
            name: name.to_owned(),
            device: DeviceId(device),
            key,
            field: field.expect("a unit"),
            positions,
            outbox: Vec::new(),
            own: BTreeMap::new(),
            token: None,
            held_seq: 0,
            flags: Flags::default(),
            last_hash: EnvelopeHash::ZERO,
            from,
        }
    }

    /// Makes visits with their issues, seals them into one envelope, and gives the visits' ids.
    pub fn record(&mut self, generator: &mut Generator, unit: &(String, String), visits: usize) -> Vec<String> {
        let (mut changes, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..visits {
            let visit = read_line(&generator.line(std::slice::from_ref(unit))).expect("a line");
            ids.push(visit.id.to_string());
            for wanted in visit.documents.iter().filter(|wanted| wanted.kind.compartment() == Compartment::Field) {
                let stamp = Stamp { device: self.device, author: self.name.clone(), now_ms: NOW_MS };
                let change = Document::new(wanted.kind).patch(&stamp, &wanted.edits).expect("an edit");
                changes.push((wanted.id, change.expect("a change").raw));
            }
        }
        self.seal(&changes);
        ids
    }

    fn seal(&mut self, changes: &[(DocId, Vec<u8>)]) {
        let outgoing: Vec<Outgoing<'_>> = changes.iter().map(|(doc, raw)| Outgoing { doc: *doc, raw }).collect();
        let device_seq = self.own.len() as u64 + 1;
        let sealer =
            Sealer { space: self.field, device: self.device, key: &self.key, device_seq, prev: self.last_hash };
        let sealed = seal(&sealer, &outgoing, &Nothing, Encoding::default()).expect("sealed");
        self.last_hash = sealed.hash;
        self.own.insert(device_seq, sealed.hash);
        self.outbox.push(sealed);
    }

    /// The same phone, calling from another address.
    #[must_use]
    pub fn calling_from(self, from: IpAddr) -> Self {
        Self { from, ..self }
    }

    /// Envelopes that the server has not acknowledged.
    pub fn unsent(&self) -> usize {
        self.outbox.len()
    }

    /// The next request.
    pub fn request(&self) -> (Session, Vec<u8>) {
        let positions: Vec<SpacePosition> = self.positions.values().copied().collect();
        Session::start(&Start {
            device: self.device,
            key: &self.key,
            schema: 1,
            now_ms: NOW_MS.unsigned_abs(),
            token: self.token,
            positions: &positions,
            held_seq: self.held_seq,
            outbox: &self.outbox,
            byte_budget: 0,
            flags: self.flags,
        })
        .expect("a request")
    }

    /// Asks in which buckets its unit's documents differ from the server's, as a device does that has none of them.
    ///
    /// # Panics
    /// If the server does not answer so. The phone must stand at the end of the log.
    pub async fn compare(&self, server: SocketAddr) {
        let cursor = self.positions[&self.field].cursor;
        let buckets = Buckets::default().short();
        let ask = Ask::Compare { space: self.field, cursor, buckets };
        let query = Query { device: self.device, time_ms: NOW_MS.unsigned_abs(), ask };
        let body = query.encode(&self.key).expect("a query");
        let answer = post(server, self.from, "/v1/query", &body).await.expect("an answer");
        assert!(matches!(Reply::decode(&answer.bytes), Ok(Reply::Buckets(_))), "{}", answer.head);
    }

    /// Asks once, without waiting for anything: the status and the seconds to wait.
    pub async fn knock(&self, server: SocketAddr) -> (u16, Option<u64>) {
        let (_, body) = self.request();
        let answer = post(server, self.from, "/v1/sync", &body).await.expect("an answer");
        (answer.status, answer.header("retry-after").and_then(|seconds| seconds.parse().ok()))
    }

    /// Exchanges until nothing is left, and waits as long as it is told to.
    ///
    /// # Panics
    /// If the server answers anything but success and "later".
    pub async fn sync(&mut self, server: SocketAddr) -> Went {
        self.try_sync(server).await.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// [`Phone::sync`] with a road that may break. What was sent and not acknowledged is sent again the next time.
    ///
    /// # Errors
    /// Those of the road.
    pub async fn try_sync(&mut self, server: SocketAddr) -> std::io::Result<Went> {
        let mut went = Went::default();
        loop {
            let (session, body) = self.request();
            let answer = post(server, self.from, "/v1/sync", &body).await?;
            if answer.status == 429 {
                let wait: u64 = answer.header("retry-after").and_then(|s| s.parse().ok()).expect("when to come back");
                went.turned_away += 1;
                went.waited_s += wait;
                // Spread a little, as the app does.
                let spread = u64::from(self.device.0[7]) * wait.min(10);
                tokio::time::sleep(Duration::from_millis(wait * 1_000 + spread)).await;
                continue;
            }
            assert_eq!(answer.status, 200, "{}: {}", self.name, answer.head);
            went.round_trips += 1;
            let outcome = session.finish(&answer.bytes, self, NOW_MS.unsigned_abs()).expect("an answer to the request");
            self.take(&outcome);
            if !outcome.more && !outcome.need_full && self.outbox.is_empty() {
                return Ok(went);
            }
            assert!(went.round_trips < 200, "{}: no end", self.name);
        }
    }

    fn take(&mut self, outcome: &Outcome) {
        for grant in &outcome.grants {
            if let GrantChange::Given { space, .. } = grant {
                self.positions.entry(*space).or_insert_with(|| SpacePosition::start(*space));
            }
        }
        for ack in outcome.acks.iter().filter(|ack| ack.status.is_held()) {
            self.outbox.retain(|sealed| sealed.relayed.device_seq != ack.device_seq);
        }
        for part in &outcome.parts {
            let position = match &part.notice {
                // Behind the horizon: it keeps no documents, and stands where they end.
                Some(Notice::Chunks(Manifest { cursor, digest, .. })) => {
                    SpacePosition { cursor: *cursor, digest: Some(*digest), ..part.position }
                }
                _ => part.position,
            };
            self.positions.insert(part.space, position);
        }
        (self.token, self.held_seq, self.flags) = (outcome.token, outcome.device_seq, outcome.flags);
        if outcome.need_full {
            self.token = None;
        }
    }
}

/// One request from an address of this machine, on a connection of its own.
async fn post(server: SocketAddr, from: IpAddr, path: &str, body: &[u8]) -> std::io::Result<Answer> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\ncontent-type: application/octet-stream\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    exchange(server, from, [head.as_bytes(), body].concat()).await
}

/// One `GET` from an address of this machine, on a connection of its own.
pub async fn get(server: SocketAddr, from: IpAddr, path: &str, token: &str) -> std::io::Result<Answer> {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n");
    exchange(server, from, head.into_bytes()).await
}

async fn exchange(server: SocketAddr, from: IpAddr, request: Vec<u8>) -> std::io::Result<Answer> {
    let talk = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let mut stream = socket.connect(server).await?;
        stream.write_all(&request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Answer::parse(&answer).ok_or_else(|| std::io::Error::other("no HTTP"))
    };
    tokio::time::timeout(PATIENCE, talk).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// An address of this machine for caller `number`: everything in 127.0.0.0/8 is this machine.
pub fn address(number: usize) -> IpAddr {
    let [_, high, middle, low] = u32::try_from(number + 2).expect("fewer callers than that").to_be_bytes();
    IpAddr::from([127, high + 1, middle, low])
}
