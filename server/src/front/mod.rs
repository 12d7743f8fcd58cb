//! The front door: sockets, TLS, and what is turned away before a request is looked at.
//!
//! Everything here bounds what a stranger can hold: the number of connections in all and from one address, the time for
//! a TLS handshake and for the head of a request, the bytes of that head, and how slowly an answer may be read. How
//! slowly a body may come is watched where it is read ([`crate::http::api`]).

mod pace;
mod tls;

pub use pace::Pace;
pub(crate) use pace::Patience;
pub use tls::Tls;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use crate::metrics::Metrics;
use pace::Paced;

/// Most bytes of a request's head.
const MAX_HEAD: usize = 64 << 10;
/// Wait after the system had no more sockets to give.
const BREATH: Duration = Duration::from_millis(100);
/// How often the certificate's files are looked at.
const LOOK_AT_FILES: Duration = Duration::from_secs(60);

/// The address that a request came from, among its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// What the front door lets through.
#[derive(Clone)]
pub struct FrontOptions {
    /// TLS; `None`: plain HTTP, for a proxy on this machine.
    pub tls: Option<Tls>,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_address: usize,
    /// For a TLS handshake, and for the head of a request; also how long a connection may rest between requests.
    pub head: Duration,
    /// How slowly an answer may be read.
    pub pace: Pace,
}

impl Default for FrontOptions {
    fn default() -> Self {
        Self {
            tls: None,
            connections: 4096,
            connections_per_address: 2048,
            head: Duration::from_secs(30),
            pace: Pace::default(),
        }
    }
}

/// Who is inside.
struct Door {
    options: FrontOptions,
    inside: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

impl Door {
    /// A place for a connection from this address, if there is one.
    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *inside;
        let here = by_address.get(&address).copied().unwrap_or(0);
        if *all >= self.options.connections || here >= self.options.connections_per_address {
            return None;
        }
        *all += 1;
        by_address.insert(address, here + 1);
        Some(Place { door: Arc::clone(self), address })
    }
}

/// A connection's place; dropping it makes room.
struct Place {
    door: Arc<Door>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_address) = &mut *inside;
        *all -= 1;
        if let Some(here) = by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// Serves until `stopping` becomes true, then answers what is under way and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: FrontOptions,
    metrics: Metrics,
    mut stopping: watch::Receiver<bool>,
) {
    let door = Arc::new(Door { options, inside: Mutex::default() });
    // Held by every connection: when the last one goes, nobody holds it any more.
    let (inside, mut all_gone) = mpsc::channel::<()>(1);
    let end = stopping.clone();
    let mut files = tokio::time::interval(LOOK_AT_FILES);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut stopping) => break,
            _ = files.tick() => {
                refresh(door.options.tls.as_ref(), false);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => match door.admit(peer.ip()) {
                Some(place) => {
                    let connection = Connection { place, router: router.clone(), stopping: end.clone() };
                    let inside = inside.clone();
                    tokio::spawn(async move {
                        connection.run(stream).await;
                        drop(inside);
                    });
                }
                None => metrics.turned_away("connections"),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop((listener, inside));
    let _ = all_gone.recv().await;
}

/// Returns when the server goes down, or is gone.
async fn ended(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// Reads the certificate again and says how that went.
pub fn refresh(tls: Option<&Tls>, always: bool) {
    match tls.map(|tls| tls.reload(always)) {
        None | Some(Ok(false)) => {}
        Some(Ok(true)) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => tracing::error!(%error, "the certificate in use stays: the new one cannot be used"),
    }
}

struct Connection {
    place: Place,
    router: Router,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Answers are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let options = &self.place.door.options;
        let (pace, head) = (options.pace, options.head);
        match options.tls.clone() {
            None => self.http(Paced::new(stream, pace)).await,
            Some(tls) => {
                // Who does not speak TLS, or takes too long about it, gets no answer.
                if let Ok(Ok(stream)) = tokio::time::timeout(head, tls.acceptor().accept(stream)).await {
                    self.http(Paced::new(stream, pace)).await;
                }
            }
        }
    }

    async fn http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let Self { place, router, mut stopping } = self;
        let address = PeerAddress(place.address);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(address);
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(place.door.options.head)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = ended(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // A cut line is nothing to write home about.
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
