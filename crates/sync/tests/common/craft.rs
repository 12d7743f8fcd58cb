//! Change chunks written by hand, with a valid checksum whatever is in them.

use gandan_model::ids::ChangeHash;
use sha2::{Digest, Sha256};

pub fn unsigned(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

pub fn signed(mut value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

pub fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A run of `count` times the unsigned `value`.
pub fn run(count: i64, value: u64) -> Vec<u8> {
    join(&[signed(count), unsigned(value)])
}

/// The parts of a change; [`Craft::raw`] puts a chunk together.
#[derive(Clone)]
pub struct Craft {
    pub kind: u8,
    pub deps: Vec<ChangeHash>,
    pub actor: Vec<u8>,
    pub seq: u64,
    pub start_op: u64,
    pub time: i64,
    pub message: Vec<u8>,
    pub others: Vec<Vec<u8>>,
    pub columns: Vec<(u64, Vec<u8>)>,
}

pub const ACTION: u64 = 0x42;
pub const KEY_TEXT: u64 = 0x15;
pub const KEY_COUNTER: u64 = 0x13;
pub const INSERT: u64 = 0x34;
pub const VALUE_META: u64 = 0x56;
pub const VALUE: u64 = 0x57;
pub const PRED_COUNT: u64 = 0x70;
pub const PRED_ACTOR: u64 = 0x71;
pub const PRED_COUNTER: u64 = 0x73;

impl Craft {
    /// One `put` of the number 1 under the key `a`: a change that the scan accepts.
    pub fn good() -> Self {
        Self {
            kind: 1,
            deps: vec![ChangeHash([7; 32])],
            actor: vec![9; 8],
            seq: 1,
            start_op: 2,
            time: 0,
            message: b"CB-001".to_vec(),
            others: Vec::new(),
            columns: vec![
                (KEY_TEXT, join(&[signed(1), vec![1, b'a']])),
                (INSERT, vec![1]),
                (ACTION, run(1, 1)),
                (VALUE_META, run(1, 0x13)),
                (VALUE, vec![1]),
                (PRED_COUNT, run(1, 0)),
            ],
        }
    }

    /// The same with one column replaced, added or (empty) taken out.
    pub fn column(mut self, spec: u64, data: Vec<u8>) -> Self {
        self.columns.retain(|(known, _)| *known != spec);
        if !data.is_empty() {
            self.columns.push((spec, data));
        }
        self.columns.sort();
        self
    }

    pub fn data(&self) -> Vec<u8> {
        let mut data = unsigned(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| data.extend(dep.0));
        data.extend(unsigned(self.actor.len() as u64));
        data.extend(&self.actor);
        data.extend(unsigned(self.seq));
        data.extend(unsigned(self.start_op));
        data.extend(signed(self.time));
        data.extend(unsigned(self.message.len() as u64));
        data.extend(&self.message);
        data.extend(unsigned(self.others.len() as u64));
        for other in &self.others {
            data.extend(unsigned(other.len() as u64));
            data.extend(other);
        }
        data.extend(unsigned(self.columns.len() as u64));
        for (spec, column) in &self.columns {
            data.extend(unsigned(*spec));
            data.extend(unsigned(column.len() as u64));
        }
        self.columns.iter().for_each(|(_, column)| data.extend(column));
        data
    }

    pub fn raw(&self) -> Vec<u8> {
        chunk(self.kind, &self.data())
    }
}

/// A chunk with a valid checksum.
pub fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    hashed.extend(unsigned(data.len() as u64));
    hashed.extend(data);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    let mut raw = vec![0x85, 0x6f, 0x4a, 0x83];
    raw.extend(&hash[..4]);
    raw.extend(hashed);
    raw
}
