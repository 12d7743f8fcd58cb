//! Clients with a clock, chance and a server that tests hold in their hands.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod server;

use gandan_client::transport::{Answer, FRAME_TYPE, JSON_TYPE, Meter, Pending, Post, Transport, TransportError};
use gandan_client::{Client, Clock, Environment, Random};
use server::MemoryServer;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// 2026-09-13 09:00 in Vietnam.
pub(crate) const MORNING: i64 = 1_789_264_800_000;

/// A clock that is moved by hand.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn at(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Numbers that look random and are the same every time (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Random for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (word ^ (word >> 31)).to_le_bytes();
            piece.copy_from_slice(&word[..piece.len()]);
        }
    }
}

/// What happens to the next requests, one after the other; then all is well again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The request does not arrive.
    Lost,
    /// The request arrives, the answer does not.
    AnswerLost,
    /// A proxy answers.
    Proxy(u16),
    /// The server answers with this error of its own.
    Server(&'static str, u16),
    /// All goes well.
    Fine,
}

/// A road to a server in memory.
#[derive(Clone)]
pub(crate) struct Road {
    pub(crate) server: Arc<Mutex<MemoryServer>>,
    pub(crate) fates: Arc<Mutex<Vec<Fate>>>,
}

impl Road {
    pub(crate) fn to(server: &Arc<Mutex<MemoryServer>>) -> Self {
        Self { server: server.clone(), fates: Arc::default() }
    }

    /// What happens to the next requests, in this order.
    pub(crate) fn expect(&self, fates: &[Fate]) {
        let mut fates = fates.to_vec();
        fates.reverse();
        *self.fates.lock().unwrap() = fates;
    }

    fn answer(&self, post: &Post) -> Answer {
        let mut server = self.server.lock().unwrap();
        if post.url.ends_with("/v1/enrol") {
            return server.enrol(&post.body);
        }
        if post.url.ends_with("/v1/query") {
            // It is older than every question.
            return Answer {
                status: 400,
                content_type: JSON_TYPE.to_owned(),
                error_code: Some("bad_form".to_owned()),
                ..Answer::default()
            };
        }
        assert!(post.url.ends_with("/v1/sync"), "{}", post.url);
        let body = server.handle(&post.body);
        Answer { status: 200, content_type: FRAME_TYPE.to_owned(), body, ..Answer::default() }
    }
}

impl Transport for Road {
    fn post<'a>(&'a self, post: Post, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(async move {
            let fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Fine);
            meter.add_up(post.body.len());
            match fate {
                Fate::Lost => return Err(TransportError::Offline("lost".to_owned())),
                Fate::Proxy(status) => {
                    let page = b"<html>".to_vec();
                    return Ok(Answer {
                        status,
                        content_type: "text/html".to_owned(),
                        body: page,
                        ..Answer::default()
                    });
                }
                Fate::Server(code, status) => {
                    return Ok(Answer {
                        status,
                        content_type: JSON_TYPE.to_owned(),
                        error_code: Some(code.to_owned()),
                        retry_after_s: Some(7),
                        ..Answer::default()
                    });
                }
                Fate::AnswerLost | Fate::Fine => {}
            }
            let answer = self.answer(&post);
            if fate == Fate::AnswerLost {
                return Err(TransportError::Cut("lost".to_owned()));
            }
            assert!(answer.body.len() <= post.max_answer);
            meter.add_down(answer.body.len());
            Ok(answer)
        })
    }
}

/// A client in `folder`, not enrolled.
pub(crate) fn open(folder: &Path, road: &Road, clock: &ManualClock, seed: u64) -> Client {
    let environment = Environment::new(clock.clone(), Dice(seed), road.clone());
    Client::open(folder, [7; 32], environment).unwrap()
}

/// A server, and the clients of one test.
pub(crate) struct World {
    pub(crate) server: Arc<Mutex<MemoryServer>>,
    pub(crate) clock: ManualClock,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = Arc::new(Mutex::new(MemoryServer::new(MORNING)));
        Self { server, clock: ManualClock::at(MORNING), folder: tempfile::tempdir().unwrap() }
    }

    /// An enrolled client of the official `name`, and its road.
    pub(crate) async fn client(&self, name: &str) -> (Client, Road) {
        let road = Road::to(&self.server);
        let seed = name.bytes().fold(1, |seed, byte| seed * 31 + u64::from(byte));
        let client = open(&self.folder.path().join(name), &road, &self.clock, seed);
        client.enrol(&format!("https://memory/enrol#{name}"), false).await.unwrap();
        (client, road)
    }
}
