//! What stands in a file, and what a power loss leaves of it.

use super::super::dice::Dice;
use std::ops::Range;

/// What a power loss keeps or forgets at once, in bytes.
const SECTOR: usize = 512;
/// A change of a file that is not synced yet.
#[derive(Clone, Debug)]
enum Unsynced {
    /// So many bytes from a place on.
    Write {
        offset: usize,
        length: usize,
    },
    Truncate(usize),
}

/// How to take a change back: how long the file was, and where in [`Content::before`] stands what the change replaced.
#[derive(Clone, Debug)]
struct Undo {
    change: Unsynced,
    length: usize,
    before: Range<usize>,
}

/// What a reader of a file sees, and the way back to what a power loss would leave.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What a reader sees.
    pub(super) bytes: Vec<u8>,
    unsynced: Vec<Undo>,
    /// What unsynced changes replaced, one after the other.
    before: Vec<u8>,
    /// Its name is on the disk for good.
    ever_synced: bool,
}

impl Content {
    /// Of a file that has been there for long.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ever_synced: true, ..Self::default() }
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        self.remember(Unsynced::Write { offset, length: data.len() }, offset, offset + data.len());
        put(&mut self.bytes, offset, data);
    }

    pub(super) fn truncate(&mut self, size: usize) {
        self.remember(Unsynced::Truncate(size), size, self.bytes.len());
        self.bytes.resize(size, 0);
    }

    /// Notes how to take back a change that replaces what stands between these places.
    fn remember(&mut self, change: Unsynced, from: usize, to: usize) {
        let (start, length) = (self.before.len(), self.bytes.len());
        self.before.extend_from_slice(self.bytes.get(from..to.min(length)).unwrap_or_default());
        self.unsynced.push(Undo { change, length, before: start..self.before.len() });
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
        self.before.clear();
        self.ever_synced = true;
    }

    /// Takes all unsynced changes back; gives them, the oldest first, with the data that they wrote.
    fn take_back(&mut self) -> Vec<(Unsynced, Vec<u8>)> {
        let before = std::mem::take(&mut self.before);
        let mut taken = Vec::with_capacity(self.unsynced.len());
        for undo in std::mem::take(&mut self.unsynced).into_iter().rev() {
            let (at, data) = match undo.change {
                // Every later change is taken back already: what stands here is what this one wrote.
                Unsynced::Write { offset, length } => (offset, self.bytes[offset..offset + length].to_vec()),
                Unsynced::Truncate(size) => (size, Vec::new()),
            };
            self.bytes.resize(undo.length, 0);
            // Where it wrote beyond the end there was nothing.
            if !undo.before.is_empty() {
                put(&mut self.bytes, at, &before[undo.before]);
            }
            taken.push((undo.change, data));
        }
        taken.reverse();
        taken
    }

    /// Forgets some of what was not synced; false if the file itself is forgotten.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) -> bool {
        let style = dice.below(4);
        let unsynced = self.take_back();
        let until = dice.index(unsynced.len() + 1);
        for (index, (change, data)) in unsynced.into_iter().enumerate() {
            // Nothing; what came first; a part; whatever the disk had just got round to.
            let kept = match style {
                0 => false,
                1 => index < until,
                _ => dice.one_in(2),
            };
            match change {
                _ if !kept => {}
                Unsynced::Truncate(size) => self.bytes.resize(size, 0),
                Unsynced::Write { offset, .. } if style == 3 => {
                    for (sector, piece) in data.chunks(SECTOR).enumerate() {
                        if dice.one_in(2) {
                            put(&mut self.bytes, offset + sector * SECTOR, piece);
                        }
                    }
                }
                Unsynced::Write { offset, .. } => put(&mut self.bytes, offset, &data),
            }
        }
        let there = self.ever_synced || dice.one_in(2);
        self.ever_synced = true;
        there
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset {
        bytes.resize(offset, 0);
    }
    let (over, beyond) = data.split_at(data.len().min(bytes.len() - offset));
    bytes[offset..offset + over.len()].copy_from_slice(over);
    bytes.extend_from_slice(beyond);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_loss_keeps_what_was_synced_and_some_of_the_rest() {
        let mut content = Content::default();
        content.write(3, b"beyond the end");
        content.take_back();
        assert_eq!(content.bytes, b"");
        content.write(0, b"0123456789");
        content.sync();
        content.write(8, b"abcd");
        content.write(2, b"xyz");
        content.truncate(4);
        content.write(6, b"q");
        content.write(3, b"rs");
        assert_eq!(content.bytes, b"01xrs\0q");
        let mut undone = content.clone();
        let taken = undone.take_back();
        assert_eq!(undone.bytes, b"0123456789");
        let written: Vec<&[u8]> = taken.iter().map(|(_, data)| data.as_slice()).collect();
        assert_eq!(written, [b"abcd".as_slice(), b"xyz", b"", b"q", b"rs"]);
        for seed in 0..200 {
            let mut lost = content.clone();
            assert!(lost.lose_power(&mut Dice::new(seed)), "it was synced once");
            let first = lost.bytes.first_chunk().copied();
            assert_eq!(first, Some(*b"01"), "seed {seed}: what was synced and not written since");
            assert!(lost.unsynced.is_empty() && lost.before.is_empty());
        }
    }
}
