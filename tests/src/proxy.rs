//! A stretch of network that counts what passes, and can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Bytes and connections that passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the client to the server: HTTP heads and bodies, without TCP and IP.
    pub up: u64,
    /// Bytes from the server to the client.
    pub down: u64,
    /// Connections opened.
    pub connections: u64,
}

impl Traffic {
    /// What passed since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            up: self.up - before.up,
            down: self.down - before.down,
            connections: self.connections - before.connections,
        }
    }
}

struct State {
    /// Where it leads.
    server: Mutex<SocketAddr>,
    up: AtomicU64,
    down: AtomicU64,
    connections: AtomicU64,
    /// No new connection is let through.
    closed: AtomicBool,
    /// Bytes that may still go up / down before the connection is cut; negative: no limit.
    up_left: AtomicI64,
    down_left: AtomicI64,
    /// Bytes that may go up on each new connection; negative: no limit.
    up_each: AtomicI64,
}

/// A TCP proxy on a port of its own. Ends with the process.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy before `server`.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            server: Mutex::new(server),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            up_left: AtomicI64::new(-1),
            down_left: AtomicI64::new(-1),
            up_each: AtomicI64::new(-1),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.closed.load(Ordering::SeqCst) {
                    continue;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let server = *shared.server.lock().expect("an address");
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
                let own = Arc::new(AtomicI64::new(shared.up_each.load(Ordering::SeqCst)));
                relay(&client, &upstream, shared.clone(), Some(own));
                relay(&upstream, &client, shared.clone(), None);
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What passed so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            up: self.state.up.load(Ordering::SeqCst),
            down: self.state.down.load(Ordering::SeqCst),
            connections: self.state.connections.load(Ordering::SeqCst),
        }
    }

    /// From now on new connections lead there.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.state.server.lock().expect("an address") = server;
    }

    /// Lets no new connection through, or lets them through again.
    pub fn set_open(&self, open: bool) {
        self.state.closed.store(!open, Ordering::SeqCst);
    }

    /// Cuts the connection after so many more bytes from the client.
    pub fn cut_up_after(&self, bytes: Option<u32>) {
        self.state.up_left.store(bytes.map_or(-1, i64::from), Ordering::SeqCst);
    }

    /// Cuts the connection after so many more bytes from the server.
    pub fn cut_down_after(&self, bytes: Option<u32>) {
        self.state.down_left.store(bytes.map_or(-1, i64::from), Ordering::SeqCst);
    }

    /// Cuts every connection from now on after so many bytes from the client.
    pub fn cut_each_after(&self, bytes: Option<u32>) {
        self.state.up_each.store(bytes.map_or(-1, i64::from), Ordering::SeqCst);
    }
}

/// Carries bytes one way; `own`: the way up, and what may still go on this connection.
fn relay(from: &TcpStream, to: &TcpStream, state: Arc<State>, own: Option<Arc<AtomicI64>>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let (count, left) =
                if own.is_some() { (&state.up, &state.up_left) } else { (&state.down, &state.down_left) };
            let own = own.as_ref().map_or(length, |own| allow(own, length));
            let allowed = allow(left, length).min(own);
            count.fetch_add(allowed as u64, Ordering::SeqCst);
            if to.write_all(&buffer[..allowed]).is_err() || allowed < length {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

/// How many of `length` bytes may pass.
fn allow(left: &AtomicI64, length: usize) -> usize {
    let wanted = i64::try_from(length).unwrap_or(i64::MAX);
    let before = left
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(if left < 0 { left } else { (left - wanted).max(0) })
        })
        .unwrap_or(-1);
    if before < 0 { length } else { usize::try_from(before.min(wanted)).unwrap_or(length) }
}
