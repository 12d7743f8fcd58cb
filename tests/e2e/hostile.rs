//! Somebody who speaks the protocol, with a key of his own and bad intentions.

use crate::stage::{Stage, UNIT, new_visit, number};
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::{DeviceId, DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_sync::client::{Session, Start};
use gandan_sync::envelope::{Sealer, seal};
use gandan_sync::request::Flags;
use gandan_sync::resolve::Nothing;
use gandan_sync::response::SyncResponse;
use gandan_sync::{Encoding, EnvelopeHash, Outgoing, SealedEnvelope};
use gandan_tests::api::{Answer, call};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// An enrolled device without an app.
struct Intruder {
    server: SocketAddr,
    device: DeviceId,
    key: SigningKey,
    space: SpaceId,
}

impl Intruder {
    fn enrol(stage: &Stage) -> Self {
        let server = stage.server.address();
        let link = stage.server.link("CB-666", &[UNIT], server);
        let (device, key) = (DeviceId([0x66; 8]), SigningKey::from_bytes(&[0x66; 32]));
        let public_key = HEXLOWER.encode(key.verifying_key().as_bytes());
        let request = json!({"code": link.split('#').nth(1), "device": device, "public_key": public_key}).to_string();
        let answer = call(server, "POST", "/v1/enrol", None, Some(("application/json", request.as_bytes())));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let bundle = answer.json();
        let field = |space: &&Value| space["compartment"] == "field";
        let space = bundle["spaces"].as_array().unwrap().iter().find(field).unwrap()["space"].as_str().unwrap();
        Self { server, device, key, space: space.parse().unwrap() }
    }

    fn envelope(&self, device_seq: u64, prev: EnvelopeHash, space: SpaceId, note: &str) -> SealedEnvelope {
        // In full form, so that nothing but what the test spoils is wrong with it.
        let stamp = Stamp { device: self.device, author: "CB-666".into(), now_ms: 1_790_000_000_000 };
        let mut document = Document::new(DocKind::Visit);
        let change = document.patch(&stamp, &[FieldEdit::new("note", note)]).unwrap().unwrap();
        let sealer = Sealer { space, device: self.device, key: &self.key, device_seq, prev };
        let doc = DocId(note.repeat(16).as_bytes()[..16].try_into().unwrap());
        seal(&sealer, &[Outgoing { doc, raw: &change.raw }], &Nothing, Encoding::FULL).unwrap()
    }

    fn request(&self, outbox: &[SealedEnvelope]) -> Vec<u8> {
        let start = Start {
            device: self.device,
            key: &self.key,
            schema: 1,
            now_ms: 1_790_000_000_000,
            token: None,
            positions: &[],
            held_seq: 0,
            outbox,
            byte_budget: 0,
            flags: Flags::default(),
        };
        Session::start(&start).unwrap().1
    }

    fn post(&self, body: &[u8]) -> Answer {
        call(self.server, "POST", "/v1/sync", None, Some(("application/octet-stream", body)))
    }

    fn statuses(&self, outbox: &[SealedEnvelope]) -> Vec<&'static str> {
        let answer = self.post(&self.request(outbox));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let response = SyncResponse::decode(&answer.bytes).unwrap();
        response.statuses.iter().map(|(_, status)| status.code()).collect()
    }
}

/// Others are served as before.
fn all_is_well(stage: &Stage, name: &str) {
    let device = stage.device(name);
    new_visit(&device, "Vẫn chạy");
    let report = device.sync();
    assert_eq!((number(&report, "pushed"), number(&report, "waiting")), (1, 0));
}

#[test]
fn bytes_that_are_no_request_are_refused_with_a_code() {
    let stage = Stage::new();
    let intruder = Intruder::enrol(&stage);
    let good = intruder.request(&[intruder.envelope(1, EnvelopeHash::ZERO, intruder.space, "a")]);
    let mut other_version = good.clone();
    other_version[1] = 9;
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut stranger = good.clone();
    // The device's id stands near the beginning.
    let at = stranger.windows(8).position(|window| window == [0x66; 8]).unwrap();
    stranger[at] = 1;
    let cases: [(&[u8], &str); 6] = [
        (b"", "bad_form"),
        (b"<html>hello</html>", "bad_form"),
        (b"G\x01\x02", "bad_form"),
        (&other_version, "version"),
        (&flipped, "bad_signature"),
        (&stranger, "unknown_device"),
    ];
    for (body, wanted) in cases {
        let answer = intruder.post(body);
        assert!((400..500).contains(&answer.status), "{wanted}: {}", answer.status);
        assert_eq!(answer.header("gandan-error"), Some(wanted), "{}", answer.head);
    }
    for cut in 0..good.len() {
        let answer = intruder.post(&good[..cut]);
        assert!(answer.header("gandan-error").is_some(), "cut at {cut}: {}", answer.status);
    }
    let answer = intruder.post(&vec![b'G'; 5 << 20]);
    assert_eq!(answer.header("gandan-error"), Some("too_large"), "{}", answer.status);
    all_is_well(&stage, "honest");
}

#[test]
fn bad_envelopes_are_refused_one_by_one() {
    let stage = Stage::new();
    let intruder = Intruder::enrol(&stage);
    let one = intruder.envelope(1, EnvelopeHash::ZERO, intruder.space, "a");
    let elsewhere = intruder.envelope(2, one.hash, SpaceId([7; 16]), "b");
    let mut bomb = intruder.envelope(3, elsewhere.hash, intruder.space, "c");
    bomb.relayed.dict = 0;
    bomb.relayed.body = zstd::bulk::compress(&vec![0; 200 << 20], 3).unwrap()[4..].to_vec();
    let mut noise = intruder.envelope(4, bomb.hash, intruder.space, "d");
    noise.relayed.body = vec![0xa7; 4_000];
    let mut forged = intruder.envelope(5, noise.hash, intruder.space, "e");
    forged.relayed.signature = one.relayed.signature;
    let mut future = intruder.envelope(6, forged.hash, intruder.space, "f");
    future.relayed.dict = 77;
    let last = intruder.envelope(7, future.hash, intruder.space, "g");
    let statuses = intruder.statuses(&[one, elsewhere, bomb, noise, forged, future]);
    assert_eq!(statuses[0], "durable");
    assert_eq!(statuses[1], "no_grant");
    assert!(
        statuses[2..5].iter().all(|code| ["bad_form", "bad_signature", "out_of_order"].contains(code)),
        "{statuses:?}"
    );
    assert!(["unknown_dictionary", "out_of_order"].contains(&statuses[5]), "{statuses:?}");
    // One that names its predecessor does not need it.
    assert_eq!(intruder.statuses(&[last]), ["durable"]);
    all_is_well(&stage, "honest");
}

#[test]
fn a_replay_changes_nothing_and_a_number_is_used_once() {
    let stage = Stage::new();
    let intruder = Intruder::enrol(&stage);
    let one = intruder.envelope(1, EnvelopeHash::ZERO, intruder.space, "a");
    let twin = intruder.envelope(1, EnvelopeHash::ZERO, intruder.space, "b");
    assert_eq!(intruder.statuses(std::slice::from_ref(&one)), ["durable"]);
    for _ in 0..3 {
        assert_eq!(intruder.statuses(std::slice::from_ref(&one)), ["duplicate"]);
    }
    assert_eq!(intruder.statuses(&[twin]), ["sequence_reused"]);
    let device = stage.device("honest");
    device.sync();
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 1);
}
