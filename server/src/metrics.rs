//! Figures about the running server, in Prometheus' text form. Nothing in them names a person, a unit or a document.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::compactor::Compacted;
use crate::ingest::Receipt;

/// Upper bounds of request durations, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    ask: &'static str,
}

/// All figures; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    envelopes: Family<StatusLabels, Counter>,
    sync_bytes: Family<DirectionLabels, Counter>,
    commits: Counter,
    commit_requests: Counter,
    projected: Counter,
    unapplied: Counter,
    behind: Gauge<i64, AtomicI64>,
    listeners: Gauge<i64, AtomicI64>,
    turned_away: Family<ReasonLabels, Counter>,
    queries: Family<QueryLabels, Counter>,
    chunks: Counter,
    compaction_mismatches: Counter,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("gandan"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram as fn() -> Histogram),
            envelopes: Family::default(),
            sync_bytes: Family::default(),
            commits: Counter::default(),
            commit_requests: Counter::default(),
            projected: Counter::default(),
            unapplied: Counter::default(),
            behind: Gauge::default(),
            listeners: Gauge::default(),
            turned_away: Family::default(),
            queries: Family::default(),
            chunks: Counter::default(),
            compaction_mismatches: Counter::default(),
        };
        let registry = &mut inner.registry;
        registry.register("http_requests", "Requests answered", inner.requests.clone());
        registry.register("http_request_seconds", "Time to answer", inner.durations.clone());
        registry.register("envelopes", "Envelopes received, by what became of them", inner.envelopes.clone());
        registry.register("sync_bytes", "Bytes of sync bodies", inner.sync_bytes.clone());
        registry.register("commits", "Transactions that took in envelopes", inner.commits.clone());
        registry.register("commit_requests", "Requests that shared these transactions", inner.commit_requests.clone());
        registry.register("documents_projected", "Documents projected", inner.projected.clone());
        registry.register(
            "changes_unapplied",
            "Changes that did not apply and were set aside",
            inner.unapplied.clone(),
        );
        registry.register("projector_behind", "Log entries not projected yet", inner.behind.clone());
        registry.register("event_listeners", "Open event streams", inner.listeners.clone());
        registry.register("turned_away", "Callers told to come back, by the limit", inner.turned_away.clone());
        registry.register("queries", "Queries of devices, by what was asked", inner.queries.clone());
        registry.register("chunks_packed", "Chunks of whole documents that were written", inner.chunks.clone());
        registry.register(
            "compaction_mismatches",
            "Packed documents that were not what the log says; nothing was published",
            inner.compaction_mismatches.clone(),
        );
        Self(Arc::new(inner))
    }
}

impl Metrics {
    /// A request was answered. `route` is the pattern, never the path with its ids.
    pub fn request(&self, route: &str, method: &str, status: u16, seconds: f64) {
        let labels = RequestLabels { route: route.to_owned(), method: method.to_owned(), status };
        self.0.requests.get_or_create(&labels).inc();
        self.0.durations.get_or_create(&RouteLabels { route: route.to_owned() }).observe(seconds);
    }

    /// A transaction took in this many requests. 0 for one that failed.
    pub fn commit(&self, requests: usize, receipts: &[Receipt]) {
        if requests > 0 {
            self.0.commits.inc();
            self.0.commit_requests.inc_by(requests as u64);
        }
        for (_, status) in receipts.iter().flat_map(|receipt| &receipt.statuses) {
            self.0.envelopes.get_or_create(&StatusLabels { status: status.code() }).inc();
        }
    }

    /// Transactions that took in envelopes, and the requests that shared them.
    pub fn commits(&self) -> (u64, u64) {
        (self.0.commits.get(), self.0.commit_requests.get())
    }

    /// An envelope was refused before it reached the writer.
    pub fn refused_early(&self, status: &'static str) {
        self.0.envelopes.get_or_create(&StatusLabels { status }).inc();
    }

    /// Bytes of one round trip.
    pub fn sync_bytes(&self, up: usize, down: usize) {
        self.0.sync_bytes.get_or_create(&DirectionLabels { direction: "up" }).inc_by(up as u64);
        self.0.sync_bytes.get_or_create(&DirectionLabels { direction: "down" }).inc_by(down as u64);
    }

    /// Documents were projected; some of their changes may not have applied.
    pub fn projected(&self, documents: u64, unapplied: u64) {
        self.0.projected.inc_by(documents);
        self.0.unapplied.inc_by(unapplied);
    }

    /// How many log entries the projector still has before it.
    pub fn projector_behind(&self, entries: u64) {
        self.0.behind.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// An event stream was opened (1) or closed (-1).
    pub fn listeners(&self, change: i64) {
        self.0.listeners.inc_by(change);
    }

    /// Somebody was told to come back later, or got no connection: `connections`, `address`, `device`, `entry`, `busy`.
    pub fn turned_away(&self, reason: &'static str) {
        self.0.turned_away.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A device asked this.
    pub fn query(&self, ask: &'static str) {
        self.0.queries.get_or_create(&QueryLabels { ask }).inc();
    }

    /// A turn of the compactor ended.
    pub fn compacted(&self, done: &Compacted) {
        self.0.chunks.inc_by(done.chunks as u64);
        self.0.compaction_mismatches.inc_by(done.mismatches as u64);
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut out, &self.0.registry);
        out
    }
}
