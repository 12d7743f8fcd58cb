//! How often somebody may knock: rate limits per address and per device, in memory that never grows.
//!
//! A limit is a table of token buckets whose size is fixed at the start. Somebody's bucket is found by a keyed hash, so
//! nobody can choose whose bucket to share; two who share one by chance share a generous allowance, which is harmless,
//! whereas a table that grows with the number of callers would itself be what an attacker needs. A bucket is one number
//! (the "theoretical arrival time" of the generic cell rate algorithm), changed without a lock.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gandan_model::ids::DeviceId;

/// Buckets of one limit: 128 KiB.
const BUCKETS: usize = 1 << 14;
/// Longest wait that a caller is asked for, in seconds.
const LONGEST_WAIT_S: u64 = 300;

/// An allowance: a burst at once, and this many a minute in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute in the long run; 0: no limit.
    pub per_minute: u32,
    /// Requests at once, at least 1.
    pub burst: u32,
}

/// The allowances of the front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitOptions {
    /// Every request, by the caller's address. Many phones share one address behind a mobile network's translation.
    pub address: Rate,
    /// Exchanges of one device, counted only if its signature holds.
    pub device: Rate,
    /// Enrolments and logins, by the caller's address.
    pub entry: Rate,
    /// Failed sign-ins, by the caller's address; an office shares one.
    pub failure: Rate,
    /// Questions without an account, by the caller's address.
    pub public: Rate,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            address: Rate { per_minute: 6_000, burst: 3_000 },
            device: Rate { per_minute: 1_200, burst: 600 },
            entry: Rate { per_minute: 120, burst: 600 },
            failure: Rate { per_minute: 6, burst: 30 },
            public: Rate { per_minute: 20, burst: 60 },
        }
    }
}

/// Token buckets of fixed number.
struct Table {
    buckets: Box<[AtomicU64]>,
    hasher: RandomState,
    /// Microseconds that one request costs; 0: no limit.
    cost: u64,
    /// Microseconds that may be owed.
    depth: u64,
}

impl Table {
    fn new(rate: Rate) -> Self {
        let cost = if rate.per_minute == 0 { 0 } else { 60_000_000 / u64::from(rate.per_minute) };
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            cost,
            depth: cost.saturating_mul(u64::from(rate.burst.max(1))),
        }
    }

    fn bucket(&self, key: impl Hash) -> &AtomicU64 {
        // The remainder is below 2^14.
        let place = usize::try_from(self.hasher.hash_one(key) % BUCKETS as u64).unwrap_or(0);
        &self.buckets[place]
    }

    /// Seconds to wait if nothing is left, without taking anything.
    fn look(&self, key: impl Hash, now: u64) -> Result<(), u32> {
        Self::room(self.bucket(key).load(Ordering::Relaxed), now, self.cost, self.depth).map(|_| ())
    }

    /// Takes one request out of the bucket, or says how many seconds to wait.
    fn take(&self, key: impl Hash, now: u64) -> Result<(), u32> {
        if self.cost == 0 {
            return Ok(());
        }
        let bucket = self.bucket(key);
        let mut due = bucket.load(Ordering::Relaxed);
        loop {
            let next = Self::room(due, now, self.cost, self.depth)?;
            match bucket.compare_exchange_weak(due, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(current) => due = current,
            }
        }
    }

    /// When the bucket is due after one more request; or the seconds until there is room for one.
    fn room(due: u64, now: u64, cost: u64, depth: u64) -> Result<u64, u32> {
        let next = due.max(now) + cost;
        if next <= now + depth {
            return Ok(next);
        }
        let wait = (next - now - depth).div_ceil(1_000_000).clamp(1, LONGEST_WAIT_S);
        Err(u32::try_from(wait).unwrap_or(u32::MAX))
    }
}

/// The limits of a running server. An error is the number of seconds to wait.
pub struct Limits {
    began: Instant,
    address: Table,
    device: Table,
    entry: Table,
    failure: Table,
    public: Table,
}

impl Limits {
    /// Empty buckets.
    pub fn new(options: LimitOptions) -> Self {
        Self {
            began: Instant::now(),
            address: Table::new(options.address),
            device: Table::new(options.device),
            entry: Table::new(options.entry),
            failure: Table::new(options.failure),
            public: Table::new(options.public),
        }
    }

    /// Microseconds since the start; starts at a day so that a fresh bucket is full at once.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX / 4) + 86_400_000_000
    }

    /// A request from this address.
    pub fn address(&self, address: IpAddr) -> Result<(), u32> {
        self.address.take(network(address), self.now())
    }

    /// An attempt to enrol or log in from this address.
    pub fn entry(&self, address: IpAddr) -> Result<(), u32> {
        self.entry.take(network(address), self.now())
    }

    /// A question without an account from this address.
    pub fn public(&self, address: IpAddr) -> Result<(), u32> {
        self.public.take(network(address), self.now())
    }

    /// Whether somebody at this address may try another password. Takes nothing: only failures count.
    pub fn password_may(&self, address: IpAddr) -> Result<(), u32> {
        if self.failure.cost == 0 { Ok(()) } else { self.failure.look(network(address), self.now()) }
    }

    /// A wrong password came from this address.
    pub fn charge_failure(&self, address: IpAddr) {
        // Those who came through the door at the same time may overdraw once.
        let _ = self.failure.take(network(address), self.now());
    }

    /// Whether a device may have another exchange. Takes nothing: so far it only says that it is this device.
    pub fn device_may(&self, device: DeviceId) -> Result<(), u32> {
        if self.device.cost == 0 { Ok(()) } else { self.device.look(device.0, self.now()) }
    }

    /// A device has proved who it is: the exchange is on its account.
    pub fn charge_device(&self, device: DeviceId) {
        // Who came through the door at the same time as others may overdraw once.
        let _ = self.device.take(device.0, self.now());
    }
}

/// Who counts as one caller: an IPv4 address, or the /64 network of an IPv6 address, all of which one subscriber has.
fn network(address: IpAddr) -> [u8; 8] {
    let mut bytes = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(v4) => bytes[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => bytes.copy_from_slice(&v6.octets()[..8]),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_then_the_pace_counts() {
        let table = Table::new(Rate { per_minute: 60, burst: 5 });
        assert!((0..5).all(|_| table.take(1, NOW).is_ok()));
        assert_eq!(table.take(1, NOW), Err(1));
        assert_eq!(table.take(1, NOW + 1_000_000), Ok(()));
        assert_eq!(table.take(1, NOW + 1_000_000), Err(1));
        // After a long rest the burst is there again, and not more.
        assert_eq!((0..9).filter(|_| table.take(1, NOW * 2).is_ok()).count(), 5);
    }

    #[test]
    fn looking_takes_nothing_and_refusals_cost_nothing() {
        let table = Table::new(Rate { per_minute: 1, burst: 1 });
        assert!((0..10).all(|_| table.look(1, NOW).is_ok()));
        assert_eq!(table.take(1, NOW), Ok(()));
        assert!((0..10).all(|_| table.take(1, NOW) == Err(60)));
        assert_eq!(table.take(1, NOW + 60_000_000), Ok(()));
    }

    #[test]
    fn others_are_not_held_back_and_no_limit_is_none() {
        let table = Table::new(Rate { per_minute: 1, burst: 1 });
        let passed = (0..100).filter(|key| table.take(*key, NOW).is_ok()).count();
        // 100 keys in 16,384 buckets: with a chance far below one in a million more than five share.
        assert!(passed >= 95, "{passed}");
        let table = Table::new(Rate { per_minute: 0, burst: 0 });
        assert!((0..10_000).all(|_| table.take(1, NOW).is_ok()));
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_caller() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
