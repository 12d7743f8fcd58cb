//! Many phones that come online together: how long each waits, what the server needs for it, and what staff feel of it.

use crate::generator::{Generator, units};
use crate::phone::{Phone, Went, address, get};
use crate::processes::Server;
use crate::usage::{cpu, peak_memory, reset_peak_memory};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Phones.
    pub phones: usize,
    /// Visits of each.
    pub visits: usize,
    /// All come online within this time.
    pub within: Duration,
    /// Of visits and of the moments of coming online.
    pub seed: u64,
    /// Whether all phones call from one address, as behind a mobile network's translation.
    pub one_address: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Load {
    /// Time of each whole exchange, sorted.
    pub syncs: Vec<Duration>,
    /// Time of each request of staff meanwhile, sorted.
    pub staff: Vec<Duration>,
    /// Requests of staff that failed.
    pub staff_failed: u64,
    /// Times that phones were told to come back later.
    pub turned_away: u32,
    /// Round trips.
    pub round_trips: u32,
    /// From the first phone's start to the last one's end.
    pub wall: Duration,
    /// The server's processor time meanwhile.
    pub cpu: Duration,
    /// The server's largest resident memory meanwhile, bytes.
    pub memory: u64,
}

/// The value below which this share (0 to 100) of sorted times lie.
pub fn percentile(sorted: &[Duration], share: usize) -> Duration {
    let place = (sorted.len() * share).div_ceil(100).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// Enrols phones and lets each record its visits; nothing is sent yet.
pub fn prepare(server: &Server, plan: Plan) -> Vec<Phone> {
    let units = Arc::new(units());
    let names: Vec<(usize, String, String)> = (0..plan.phones)
        .map(|number| {
            let (unit, name) = (&units[number % units.len()].0, format!("CB-{number:04}"));
            let link = server.link(&name, &[unit], server.address());
            (number, name, link)
        })
        .collect();
    let at = server.address();
    let threads = names.chunks(plan.phones.div_ceil(2)).map(<[_]>::to_vec).map(|part| {
        let units = units.clone();
        thread::spawn(move || part.into_iter().map(|one| prepared(at, plan, &units, one)).collect::<Vec<Phone>>())
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("phones")).collect()
}

fn prepared(
    server: SocketAddr,
    plan: Plan,
    units: &[(String, String)],
    (number, name, link): (usize, String, String),
) -> Phone {
    let from = if plan.one_address { address(0) } else { address(number) };
    let mut phone = Phone::enrol(server, &name, &link, number as u64, from);
    let mut generator = Generator::new(plan.seed.wrapping_mul(1_000_003) + number as u64);
    phone.record(&mut generator, &units[number % units.len()], plan.visits);
    phone
}

/// Lets all phones come online within the plan's time and exchange everything.
pub async fn all_come_online(server: &Server, plan: Plan, phones: Vec<Phone>) -> (Load, Vec<Phone>) {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let window = u64::try_from(plan.within.as_micros()).unwrap_or(u64::MAX).max(1);
    let moments: Vec<Duration> = phones.iter().map(|_| Duration::from_micros(rng.random_range(0..window))).collect();
    let at = server.address();
    let staff = Staff::begin(at, server.province_token());
    reset_peak_memory(server.pid());
    let (cpu_before, began) = (cpu(server.pid()), Instant::now());
    let tasks: Vec<_> = phones
        .into_iter()
        .zip(moments)
        .map(|(mut phone, moment)| {
            tokio::spawn(async move {
                tokio::time::sleep(moment).await;
                let start = Instant::now();
                let went = phone.sync(at).await;
                (phone, went, start.elapsed())
            })
        })
        .collect();
    let (mut back, mut syncs, mut all) = (Vec::new(), Vec::new(), Went::default());
    for task in tasks {
        let (phone, went, took) = task.await.expect("a phone");
        assert_eq!(phone.unsent(), 0, "something was not acknowledged");
        all.turned_away += went.turned_away;
        all.round_trips += went.round_trips;
        syncs.push(took);
        back.push(phone);
    }
    let (wall, cpu_after) = (began.elapsed(), cpu(server.pid()));
    let (staff, staff_failed) = staff.end().await;
    syncs.sort_unstable();
    let load = Load {
        syncs,
        staff,
        staff_failed,
        turned_away: all.turned_away,
        round_trips: all.round_trips,
        wall,
        cpu: cpu_after.saturating_sub(cpu_before),
        memory: peak_memory(server.pid()),
    };
    (load, back)
}

/// What came of a storm.
#[derive(Debug)]
pub struct Storm {
    /// Requests that were answered as usual.
    pub served: u64,
    /// Requests that were told to come back later.
    pub turned_away: u64,
    /// Anything else.
    pub other: u64,
    /// The longest wait that was asked for, seconds.
    pub longest_wait_s: u64,
    /// Time of each request of staff meanwhile, sorted.
    pub staff: Vec<Duration>,
    /// Requests of staff that failed.
    pub staff_failed: u64,
    /// How long it took.
    pub wall: Duration,
    /// The server's processor time meanwhile.
    pub cpu: Duration,
    /// The server's largest resident memory meanwhile, bytes.
    pub memory: u64,
}

/// Phones that ask `times` each, one request after the other and without minding any answer.
pub async fn storm(server: &Server, phones: Vec<Phone>, times: u32) -> (Storm, Vec<Phone>) {
    let at = server.address();
    let counts: Arc<[AtomicU64; 4]> = Arc::default();
    let staff = Staff::begin(at, server.province_token());
    reset_peak_memory(server.pid());
    let (cpu_before, began) = (cpu(server.pid()), Instant::now());
    let tasks: Vec<_> = phones
        .into_iter()
        .map(|phone| {
            let counts = counts.clone();
            tokio::spawn(async move {
                for _ in 0..times {
                    let (status, wait) = phone.knock(at).await;
                    let kind = match status {
                        200 => 0,
                        429 => 1,
                        _ => 2,
                    };
                    counts[kind].fetch_add(1, Ordering::Relaxed);
                    counts[3].fetch_max(wait.unwrap_or(0), Ordering::Relaxed);
                }
                phone
            })
        })
        .collect();
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await.expect("a phone"));
    }
    let (wall, cpu_after) = (began.elapsed(), cpu(server.pid()));
    let (staff, staff_failed) = staff.end().await;
    let count = |kind: usize| counts[kind].load(Ordering::Relaxed);
    let storm = Storm {
        served: count(0),
        turned_away: count(1),
        other: count(2),
        longest_wait_s: count(3),
        staff,
        staff_failed,
        wall,
        cpu: cpu_after.saturating_sub(cpu_before),
        memory: peak_memory(server.pid()),
    };
    (storm, back)
}

/// Somebody in the office who looks at lists and figures all the time, from an address of their own.
struct Staff {
    done: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<(Vec<Duration>, u64)>,
}

impl Staff {
    fn begin(server: SocketAddr, token: String) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = done.clone();
        let task = tokio::spawn(async move {
            let from = IpAddr::from([127, 0, 9, 9]);
            let paths = ["/api/v1/visits?limit=50", "/api/v1/issues?limit=50", "/api/v1/reports/summary"];
            let (mut times, mut failed) = (Vec::new(), 0);
            for path in paths.iter().cycle() {
                if until.load(Ordering::SeqCst) {
                    break;
                }
                let start = Instant::now();
                let answer = get(server, from, path, &token).await;
                times.push(start.elapsed());
                failed += u64::from(!answer.is_ok_and(|answer| answer.status == 200));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            times.sort_unstable();
            (times, failed)
        });
        Self { done, task }
    }

    async fn end(self) -> (Vec<Duration>, u64) {
        self.done.store(true, Ordering::SeqCst);
        self.task.await.expect("the office")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_book() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
