//! What can happen in a scenario, and how a seed chooses it.
//!
//! A step carries its own seed and names things by numbers that are taken modulo what is there, so that any subset of a
//! scenario's steps is a scenario too: that is what makes a failure small.

use super::dice::Dice;
use std::fmt;

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The server.
    Server,
    /// A device.
    Phone(usize),
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody saves a new record or changes one.
    Save(usize),
    /// A device seals what waits.
    Seal(usize),
    /// A device sends a request, and wants at most so many bytes of news (0: as many as the server likes).
    Send(usize, u32),
    /// A message arrives, in whatever order.
    Deliver(u64),
    /// A message is lost.
    Lose(u64),
    /// A message is in the network twice.
    Duplicate(u64),
    /// A message is cut off.
    Cut(u64),
    /// Bits of a message flip.
    Spoil(u64),
    /// A whole exchange on a good road.
    Sync(usize),
    /// The server has a quiet moment.
    Quiet,
    /// A machine is switched off and on: its process is killed, or (true) its power fails.
    Crash(Who, bool),
    /// A machine's power will fail at a write, so many writes from now.
    Dying(Who, u64),
    /// A machine's disk will refuse a write, so many writes from now.
    Refusing(Who, u64),
    /// A machine's disk is full, or has room again.
    Full(Who, bool),
    /// A device's clock jumps to so many seconds from the true time.
    Clock(usize, i64),
    /// Time passes, in seconds.
    Wait(i64),
    /// A device is revoked.
    Revoke(usize),
    /// A document is erased for good.
    Erase(u64),
    /// The server packs its documents into chunks, and lets go of bodies older than so many seconds.
    Compact(i64),
    /// A device's official is sent to other units: none, the first, the second, both.
    Move(usize, u8),
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub act: Act,
    /// For every choice within it.
    pub seed: u64,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} seed {:#x}", self.act, self.seed)
    }
}

/// How large a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Devices.
    pub phones: usize,
    /// Steps.
    pub steps: usize,
}

/// The kinds of a scenario's faults. Each is in about half of the scenarios, more or less often: what never happens
/// together with other things finds other mistakes than what always does.
const FAULTS: usize = 15;

/// The steps of a seed.
pub fn steps(seed: u64, size: Size) -> Vec<Step> {
    let mut dice = Dice::new(seed ^ 0x005e_ed0f_57e9);
    let usual: Vec<u64> = (0..5).map(|_| 4 + dice.below(12)).collect();
    let faults: Vec<u64> = (0..FAULTS).map(|_| if dice.one_in(2) { 0 } else { 1 + dice.below(3) }).collect();
    let total = usual.iter().chain(&faults).sum::<u64>();
    let mut all = Vec::with_capacity(size.steps);
    while all.len() < size.steps {
        let mut drawn = dice.below(total);
        let chosen = usual.iter().chain(&faults).position(|weight| {
            let here = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            here
        });
        let act = act(chosen.unwrap_or(0), &mut dice, size.phones);
        all.push(Step { act, seed: dice.roll() });
    }
    all
}

fn act(kind: usize, dice: &mut Dice, phones: usize) -> Act {
    let phone = dice.index(phones);
    let pick = dice.roll();
    match kind {
        0 => Act::Save(phone),
        1 => Act::Seal(phone),
        2 => Act::Send(phone, if dice.one_in(4) { 1 + u32::try_from(dice.below(600)).unwrap_or(0) } else { 0 }),
        3 => Act::Deliver(pick),
        4 => Act::Sync(phone),
        5 => Act::Lose(pick),
        6 => Act::Duplicate(pick),
        7 => Act::Cut(pick),
        8 => Act::Spoil(pick),
        9 => Act::Quiet,
        10 => Act::Crash(who(dice, phone), dice.one_in(2)),
        11 => Act::Dying(who(dice, phone), dice.below(40)),
        12 => Act::Refusing(who(dice, phone), dice.below(30)),
        13 => Act::Full(who(dice, phone), dice.one_in(2)),
        14 => Act::Clock(phone, clock_error(dice)),
        15 => Act::Wait(i64::try_from(dice.below(7_200)).unwrap_or(0)),
        16 => Act::Revoke(phone),
        18 => Act::Erase(pick),
        17 => Act::Compact(i64::try_from(dice.below(4_000)).unwrap_or(0)),
        _ => Act::Move(phone, u8::try_from(dice.below(4)).unwrap_or(0)),
    }
}

fn who(dice: &mut Dice, phone: usize) -> Who {
    if dice.one_in(3) { Who::Server } else { Who::Phone(phone) }
}

/// Right, a little off, a day, or decades.
fn clock_error(dice: &mut Dice) -> i64 {
    let sign = if dice.one_in(2) { 1 } else { -1 };
    let bound = [0, 600, 86_400, 40 * 365 * 86_400][dice.index(4)];
    sign * i64::try_from(dice.below(bound + 1)).unwrap_or(0)
}
