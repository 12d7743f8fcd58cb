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
    /// A device reads slowly: a few round trips on a good road, with at most so many bytes of news in each.
    Crawl(usize, u32),
    /// Requests of several devices arrive at the same moment and share one commit.
    Rush,
    /// A device's app is of another age: the requests that it sends from now on are.
    Age(usize, Age),
    /// The server packs its documents into chunks, and lets go of bodies older than so many seconds.
    Compact(i64),
    /// The server's views are brought up to date.
    Views,
    /// A device's official is sent to other units: none, the first, the second, both.
    Move(usize, u8),
    /// Somebody decides about something in quarantine: it counts, or (false) it never will.
    Judge(u64, bool),
    /// A backup of the server is made.
    Backup,
    /// A copy of a device's storage is made, as the phone's own backup does.
    Image(usize),
    /// A device is revoked; with `true` it is lost and has to be emptied.
    Revoke(usize, bool),
    /// A document is erased for good.
    Erase(u64),
    /// The server is restored from one of its backups.
    Restore(u64),
    /// A device is copied to another machine, and both go on.
    Copy(usize),
    /// A device gets back an older copy of its storage.
    Revert(usize),
}

/// How old a device's app is. There is one version of the protocol so far; what may differ within it is what an app has
/// not learnt yet, or has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Age {
    /// As old as the server.
    #[default]
    Now,
    /// It knows nothing that may be left out: no tokens, no short references, no dictionary.
    Plain,
    /// It writes a later schema, and wishes for things of which this server has never heard.
    Later,
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

/// Copies of devices that a scenario may have.
pub const MAX_COPIES: usize = 2;

/// How large a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Devices.
    pub phones: usize,
    /// Steps.
    pub steps: usize,
}

/// Kinds of steps that make up the day, faults, and what happens once in a while. Every kind of fault and of rare event is
/// in about half of the scenarios, more or less often: what never happens together with other things finds other
/// mistakes than what always does.
const USUAL: usize = 5;
const FAULTS: usize = 19;
const RARE: usize = 5;
/// A fault is drawn as often as so many rare events.
const RARITY: u64 = 5;

/// The steps of a seed.
pub fn steps(seed: u64, size: Size) -> Vec<Step> {
    let mut dice = Dice::new(seed ^ 0x005e_ed0f_57e9);
    let mut weights: Vec<u64> = (0..USUAL).map(|_| RARITY * (5 + dice.below(12))).collect();
    for rarity in [RARITY; FAULTS].into_iter().chain([1; RARE]) {
        weights.push(if dice.one_in(2) { 0 } else { rarity * (1 + dice.below(3)) });
    }
    let total = weights.iter().sum::<u64>();
    let mut all = Vec::with_capacity(size.steps);
    while all.len() < size.steps {
        let mut drawn = dice.below(total);
        let chosen = weights.iter().position(|weight| {
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
    // Of the copies of devices that a scenario may have, each is as likely to act as any other device.
    let phone = dice.index(phones + MAX_COPIES);
    let pick = dice.roll();
    let small = |dice: &mut Dice, bound: u64| i64::try_from(dice.below(bound)).unwrap_or(0);
    match kind {
        0 => Act::Save(phone),
        1 => Act::Seal(phone),
        2 => Act::Send(phone, if dice.one_in(4) { budget(dice) } else { 0 }),
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
        15 => Act::Wait(small(dice, 7_200)),
        16 => Act::Crawl(phone, budget(dice)),
        17 => Act::Rush,
        18 => Act::Age(phone, [Age::Now, Age::Plain, Age::Later][dice.index(3)]),
        19 => Act::Compact(small(dice, 4_000)),
        20 => Act::Views,
        21 => Act::Move(phone, u8::try_from(dice.below(4)).unwrap_or(0)),
        22 => Act::Judge(pick, !dice.one_in(3)),
        23 => {
            if dice.one_in(2) {
                Act::Backup
            } else {
                Act::Image(phone)
            }
        }
        24 => Act::Revoke(phone, dice.one_in(2)),
        25 => Act::Erase(pick),
        26 => Act::Restore(pick),
        27 => Act::Copy(phone),
        _ => Act::Revert(phone),
    }
}

fn budget(dice: &mut Dice) -> u32 {
    1 + u32::try_from(dice.below(600)).unwrap_or(0)
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
