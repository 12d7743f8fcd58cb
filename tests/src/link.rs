//! A road as bad as in the hills: narrow, long, lossy. Between a device and a server on this machine, without privileges.
//!
//! What TCP makes of such a road is imitated, not its packets: bytes go in pieces of a segment's size, one after the other
//! through a line of so many bits a second that all connections share; each arrives after the latency; one that is lost
//! is sent again after a time-out that doubles, takes the line once more, and holds up everything behind it. A new
//! connection costs a round trip before its first byte. Which pieces are lost follows from the seed, from the number of
//! the connection and from the order of the bytes on it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a piece.
const SEGMENT: usize = 1_400;
/// Pieces under way on one connection and direction: what a small TCP window holds.
const WINDOW: usize = 16;

/// How bad the road is.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// Bits a second, each way.
    pub bits_per_second: u32,
    /// From one end to the other.
    pub latency: Duration,
    /// Of a hundred pieces so many are lost.
    pub loss_percent: u32,
}

/// What went over the road, without what had to be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Bytes from devices: heads and bodies.
    pub up: u64,
    /// Bytes from the server.
    pub down: u64,
    /// Connections.
    pub connections: u64,
    /// Pieces that were lost and sent again.
    pub lost: u64,
}

/// The road. Ends with the process.
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    quality: Quality,
    seed: u64,
    /// When each direction's line is free again.
    free: [Mutex<Instant>; 2],
    bytes: [AtomicU64; 2],
    connections: AtomicU64,
    lost: AtomicU64,
}

impl Link {
    /// Begins a road to `server`.
    pub fn start(server: SocketAddr, quality: Quality, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let free = || Mutex::new(Instant::now());
        let shared = Arc::new(Shared {
            quality,
            seed,
            free: [free(), free()],
            bytes: Default::default(),
            connections: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let all = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = all.connections.fetch_add(1, Ordering::SeqCst);
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
                carry(&client, &upstream, number, 0, &all);
                carry(&upstream, &client, number, 1, &all);
            }
        });
        Self { address, shared }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has carried so far.
    pub fn carried(&self) -> Carried {
        let load = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let [up, down] = &self.shared.bytes;
        let (connections, lost) = (load(&self.shared.connections), load(&self.shared.lost));
        Carried { up: load(up), down: load(down), connections, lost }
    }
}

/// A piece and when it arrives.
type Piece = (Instant, Vec<u8>);

/// Carries one direction of one connection.
fn carry(from: &TcpStream, to: &TcpStream, connection: u64, direction: usize, shared: &Arc<Shared>) {
    let (Ok(mut from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
    let (sender, receiver) = sync_channel::<Piece>(WINDOW);
    thread::spawn(move || arrive(&receiver, to));
    let shared = shared.clone();
    thread::spawn(move || {
        let mut rng =
            ChaCha8Rng::seed_from_u64(shared.seed.wrapping_mul(1_000_003) + connection * 2 + direction as u64);
        // The first byte waits for the connection to be made.
        let mut behind = Instant::now() + if direction == 0 { shared.quality.latency * 2 } else { Duration::ZERO };
        let mut buffer = [0; SEGMENT];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            shared.bytes[direction].fetch_add(length as u64, Ordering::SeqCst);
            behind = behind.max(shared.through(length, direction, &mut rng));
            if sender.send((behind, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
}

fn arrive(pieces: &Receiver<Piece>, mut to: TcpStream) {
    while let Ok((at, bytes)) = pieces.recv() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

impl Shared {
    /// When a piece that is ready now arrives at the other end.
    fn through(&self, length: usize, direction: usize, rng: &mut ChaCha8Rng) -> Instant {
        let Quality { bits_per_second, latency, loss_percent } = self.quality;
        let takes = Duration::from_micros(length as u64 * 8_000_000 / u64::from(bits_per_second));
        let mut ready = Instant::now();
        let mut time_out = (latency * 2 + takes).max(Duration::from_secs(1));
        loop {
            let sent = {
                let mut free = self.free[direction].lock().expect("the line");
                *free = (*free).max(ready) + takes;
                *free
            };
            if rng.random_range(0..100) >= loss_percent {
                return sent + latency;
            }
            self.lost.fetch_add(1, Ordering::SeqCst);
            ready = sent + time_out;
            time_out *= 2;
        }
    }
}
