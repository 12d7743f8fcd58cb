//! What passes between the machines: requests and answers, and everything that can happen to them on their way.

use super::dice::Dice;
use super::machines::Talk;
use super::oracle::{Verdict, broken};
use super::step::Age;
use super::world::{World, none, short};
use gandan_client::Client;
use gandan_model::ids::{DeviceId, SpaceId};
use gandan_sync::frame::{Kind, split};
use gandan_sync::query::{Ask, UnverifiedQuery};
use gandan_sync::request::{Flags, Position, RequestHead, SyncRequest, UnverifiedRequest};
use gandan_sync::{Cursor, Digest, SpacePosition};
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

/// Messages in the network at most; the oldest give way.
const MAX_MESSAGES: usize = 24;
/// Round trips in one exchange on a good road.
const MAX_ROUNDS: usize = 64;
/// Round trips of a slow reader in one step.
const CRAWL_ROUNDS: usize = 6;
/// Requests that share a commit at most.
const RUSH: usize = 4;
/// What a proxy says when the server behind it is away.
const ERROR_PAGE: &[u8] = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>";

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// A round trip; `true`: of an app that knows nothing that may be left out.
    Round(bool),
    /// To read something of a space beside the round trip.
    Read(SpaceId),
    /// To give something back, or to ask whether it is wanted.
    Return,
    /// To become another device.
    Renew,
    /// Something that stands in no log.
    Aside,
    /// It cannot be read.
    Nothing,
}

/// A request of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Its number in the scenario.
    pub(super) number: u64,
    /// Which of the two routes it takes.
    pub(super) query: bool,
    /// The device that it says it is from.
    pub(super) device: DeviceId,
    /// What it is about.
    pub(super) errand: Errand,
}

impl Request {
    /// What the bytes of a request say.
    fn read(number: u64, query: bool, plain: bool, bytes: &[u8]) -> Self {
        let nobody = Self { number, query, device: DeviceId([0; 8]), errand: Errand::Nothing };
        if !query {
            let device = UnverifiedRequest::decode(bytes).map(|request| request.device());
            return device.map_or(nobody, |device| Self { device, errand: Errand::Round(plain), ..nobody });
        }
        let Ok(read) = UnverifiedQuery::decode(bytes) else { return nobody };
        let errand = match read.ask() {
            Ask::Chunks { space, .. } | Ask::Compare { space, .. } | Ask::Differ { space, .. } => Errand::Read(*space),
            Ask::Offer { .. } | Ask::Return { .. } => Errand::Return,
            Ask::Renew { .. } => Errand::Renew,
            Ask::Rules | Ask::Files { .. } | Ask::Decisions { .. } | Ask::Health(_) => Errand::Aside,
        };
        Self { device: read.device(), errand, ..nobody }
    }

    /// Whether something may be said again because of its answer.
    pub(super) fn says_again(&self) -> bool {
        matches!(self.errand, Errand::Return | Errand::Renew)
    }
}

/// Bytes on their way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    phone: usize,
    /// To the server.
    up: bool,
    request: Request,
    bytes: Vec<u8>,
    /// The end of it never comes.
    cut: bool,
    /// How often the server had been restored when it was sent.
    restores: u64,
}

impl World {
    /// A device sends a request; one that was under way counts as lost.
    pub(super) fn send(&mut self, index: usize, budget: u32) -> Verdict<String> {
        let (request, bytes) = match self.request(index, budget)? {
            Ok(sent) => sent,
            Err(why) => return Ok(why),
        };
        let said = format!("request {}, {} bytes {}", request.number, bytes.len(), short(&bytes));
        if self.network.len() >= MAX_MESSAGES {
            self.network.remove(0);
        }
        let restores = self.restores;
        self.network.push(Message { phone: index, up: true, request, bytes, cut: false, restores });
        Ok(said)
    }

    /// What a device sends next; none, and why, when its exchange is over.
    pub(super) fn request(&mut self, index: usize, budget: u32) -> Verdict<Result<(Request, Vec<u8>), String>> {
        let phone = &mut self.phones[index];
        let Some(client) = &phone.client else { return Ok(Err("off".to_owned())) };
        if phone.talk.open.is_some() {
            phone.talk = Talk::default();
        }
        phone.talk.exchange.byte_budget = budget;
        let message = match phone.talk.exchange.next(client) {
            Ok(Some(message)) => message,
            Ok(None) => {
                phone.talk = Talk::default();
                return Ok(Err("done".to_owned()));
            }
            Err(error) => {
                phone.talk = Talk::default();
                return Ok(Err(error.code().to_owned()));
            }
        };
        self.requests += 1;
        let (age, client) = (phone.age, client.clone());
        let query = message.path != "/v1/sync";
        phone.talk.open = Some((self.requests, message.errand));
        let bytes = if query || age == Age::Now { message.body } else { of_age(age, &client, &message.body)? };
        drop(client);
        let request = Request::read(self.requests, query, age == Age::Plain, &bytes);
        if !query {
            self.note_sent(index, &bytes)?;
        }
        // What an app that was killed left half-done may have been done just now.
        self.look_for_sayings(index)?;
        Ok(Ok((request, bytes)))
    }

    pub(super) fn deliver(&mut self, pick: u64) -> Verdict<String> {
        let Some(message) = self.take_message(pick) else { return Ok(none()) };
        let about = about(&message);
        let said = if message.up {
            self.at_server(&message)?
        } else {
            // What a device lets go because the server of before a restore had it, the one of now never saw.
            if message.restores != self.restores {
                let phone = &self.phones[message.phone];
                self.heard_of_the_past = self.held_by(|other| std::ptr::eq(other, phone))?;
            }
            self.at_phone(message.phone, &message.request, &message.bytes)?
        };
        Ok(format!("{about}: {said}"))
    }

    fn at_server(&mut self, message: &Message) -> Verdict<String> {
        if message.cut && message.request.query {
            return Ok("nothing of it counts".to_owned());
        }
        if message.cut {
            // What broke off in the middle is answered by nobody, and what is whole in it counts.
            let Some(core) = &self.station.core else { return Ok(none()) };
            let saved = core.exchange.salvage(&message.bytes);
            self.read_logs()?;
            return Ok(saved.map_or_else(|trouble| trouble.refusal.name().to_owned(), |count| format!("{count} saved")));
        }
        let Some(answer) = self.serve(&message.request, &message.bytes)? else {
            return Ok("no answer".to_owned());
        };
        let said = format!("{} bytes {}", answer.len(), short(&answer));
        self.network.push(Message { up: false, bytes: answer, restores: self.restores, ..message.clone() });
        Ok(said)
    }

    /// A message is lost.
    pub(super) fn lose(&mut self, pick: u64) -> String {
        self.take_message(pick).map_or_else(none, |message| about(&message))
    }

    fn take_message(&mut self, pick: u64) -> Option<Message> {
        let place = Dice::new(pick).index(self.network.len());
        (place < self.network.len()).then(|| self.network.remove(place))
    }

    pub(super) fn duplicate(&mut self, pick: u64) -> String {
        let Some(message) = self.take_message(pick) else { return none() };
        let about = about(&message);
        // An answer arrives once or not at all: its connection is gone afterwards.
        if message.up {
            self.network.push(message.clone());
        }
        self.network.push(message);
        about
    }

    /// Cuts a message off, or spoils it: bits of a request flip, and of chunks, which are known by their hashes. TLS vouches
    /// for every other answer; in its place comes a page of some proxy.
    pub(super) fn spoil(&mut self, pick: u64, dice: &mut Dice, cut: bool) -> String {
        let Some(mut message) = self.take_message(pick) else { return none() };
        let at = dice.index(message.bytes.len());
        let of_chunks = || matches!(split(&message.bytes), Ok((Kind::Chunks, _)));
        if cut {
            message.bytes.truncate(at);
            message.cut = true;
        } else if !message.up && !of_chunks() {
            message.bytes = ERROR_PAGE.to_vec();
        } else if let Some(byte) = message.bytes.get_mut(at) {
            *byte ^= 1 << dice.below(8);
        }
        let about = about(&message);
        self.network.push(message);
        about
    }

    /// A whole exchange on a good road.
    pub(super) fn sync(&mut self, index: usize) -> Verdict<String> {
        let sealed = self.seal(index);
        self.phones[index].talk = Talk::default();
        for round in 0..MAX_ROUNDS {
            let (request, bytes) = match self.request(index, 0)? {
                Ok(sent) => sent,
                Err(why) => {
                    if why == "done" {
                        self.a_rollback_was_noticed(index)?;
                    }
                    return Ok(format!("{sealed}; {why} after {round} round trips"));
                }
            };
            let Some(answer) = self.serve(&request, &bytes)? else {
                return Ok(format!("{sealed}; no answer"));
            };
            let said = self.at_phone(index, &request, &answer)?;
            if said != "taken" {
                return Ok(format!("{sealed}; {said} after {} round trips, {}", round + 1, short(&answer)));
            }
        }
        broken(7, format!("device {index}: an exchange does not end in {MAX_ROUNDS} round trips"))
    }

    /// A slow reader: a few round trips with little in each.
    pub(super) fn crawl(&mut self, index: usize, budget: u32) -> Verdict<String> {
        for round in 0..CRAWL_ROUNDS {
            let (request, bytes) = match self.request(index, budget)? {
                Ok(sent) => sent,
                Err(why) => return Ok(format!("{why} after {round} round trips")),
            };
            let Some(answer) = self.serve(&request, &bytes)? else { return Ok("no answer".to_owned()) };
            let said = self.at_phone(index, &request, &answer)?;
            if said != "taken" {
                return Ok(said);
            }
        }
        Ok("goes on".to_owned())
    }

    /// The first request of each of several devices arrives while a commit is under way: the next one holds all of them.
    pub(super) fn rush(&mut self) -> Verdict<String> {
        let Some(core) = &self.station.core else { return Ok(none()) };
        let mut devices = BTreeSet::new();
        let mut chosen = Vec::new();
        for (place, message) in self.network.iter().enumerate() {
            let fits = message.up && !message.cut && !message.request.query && chosen.len() < RUSH;
            if fits && devices.insert(message.request.device) {
                chosen.push(place);
            }
        }
        let chosen: Vec<Message> = chosen.into_iter().rev().map(|place| self.network.remove(place)).collect();
        let ingest = &core.exchange.ingest;
        let station = &self.station;
        let (tell, heard) = mpsc::channel();
        ingest.hold(tell.clone());
        let answers: Vec<Option<Vec<u8>>> = thread::scope(|scope| {
            let threads: Vec<_> = chosen
                .iter()
                .map(|message| {
                    let tell = tell.clone();
                    let thread = scope.spawn(move || {
                        let answer = station.answer(false, &message.bytes);
                        tell.send(()).ok();
                        answer
                    });
                    // One after the other, so that the commit holds them in the same order every time: the next begins when
                    // this one is held, or needed no commit.
                    heard.recv().ok();
                    thread
                })
                .collect();
            ingest.release();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        self.read_logs()?;
        let said = format!("{} requests", chosen.len());
        for (message, answer) in chosen.into_iter().zip(answers) {
            if let Some(answer) = answer {
                self.look_at_answer(&message.request, &message.bytes, &answer)?;
                self.network.push(Message { up: false, bytes: answer, restores: self.restores, ..message });
            }
        }
        Ok(said)
    }

    /// Nothing is on its way any more.
    pub(super) fn empty_network(&mut self) {
        self.network.clear();
    }
}

/// The request as an app of another age would have sent it.
fn of_age(age: Age, client: &Client, bytes: &[u8]) -> Verdict<Vec<u8>> {
    let unreadable = || broken(0, "a request that cannot be read");
    let Ok(SyncRequest { head, envelopes }) = gandan_sync::request::salvage(bytes) else { return unreadable() };
    let found = client.inspect(|store| Ok::<_, gandan_store::StoreError>((store.identity()?, store.spaces()?)));
    let Ok((Some(identity), spaces)) = found else { return unreadable() };
    let head = if age == Age::Plain {
        let readable = spaces.into_iter().filter(|state| super::watch::reads(state.access));
        let positions = readable.map(|state| SpacePosition {
            space: state.space,
            cursor: Cursor { seq: state.cursor.seq, chain: state.cursor.chain },
            digest: Some(Digest { count: state.digest.count, sum: state.digest.sum }),
        });
        let flags = head.flags.with(Flags::FULL_ITEMS).with(Flags::OWN_ITEMS);
        RequestHead { schema: 0, position: Position::Full(positions.collect()), flags, ..head }
    } else {
        RequestHead { schema: 1_000, flags: head.flags.with(Flags(0xf0)), ..head }
    };
    let key = ed25519_dalek::SigningKey::from_bytes(&identity.signing_key);
    SyncRequest { head, envelopes }.encode(&key).or_else(|_| unreadable())
}

fn about(message: &Message) -> String {
    let way = if message.up { "request" } else { "answer" };
    format!("{way} {} of {}, {} bytes", message.request.number, message.phone, message.bytes.len())
}
