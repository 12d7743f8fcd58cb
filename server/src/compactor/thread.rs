//! Compaction beside a serving server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Compactor, Options};
use crate::clock::SharedClock;
use crate::db::Db;
use crate::error::ServerError;
use crate::metrics::Metrics;

/// How long nothing must have been taken in before a turn.
const SETTLED: Duration = Duration::from_secs(5);
/// The longest time between two turns: bodies grow old without news, too.
const AT_LEAST: Duration = Duration::from_secs(6 * 3600);

/// The way to the thread; clones share it.
#[derive(Clone)]
pub struct CompactorThread {
    wake: SyncSender<()>,
    stopped: Arc<AtomicBool>,
}

impl CompactorThread {
    /// Starts the thread. It works when nothing was taken in for a while, and ends after [`CompactorThread::stop`], at
    /// the next chunk.
    pub fn start(
        db: Db,
        clock: SharedClock,
        metrics: Metrics,
        options: Options,
    ) -> Result<(Self, JoinHandle<()>), ServerError> {
        let (wake, news) = sync_channel(1);
        let stopped = Arc::new(AtomicBool::new(false));
        let compactor = Compactor::new(db);
        let turns = Turns { compactor, clock, metrics, options, stopped: Arc::clone(&stopped) };
        let thread = std::thread::Builder::new()
            .name("compactor".to_owned())
            .spawn(move || turns.run(&news))
            .map_err(ServerError::io("start the compactor thread"))?;
        Ok((Self { wake, stopped }, thread))
    }

    /// Something was taken in.
    pub fn news(&self) {
        // Full: it knows already.
        let _ = self.wake.try_send(());
    }

    /// Asks the thread to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = self.wake.try_send(());
    }
}

struct Turns {
    compactor: Compactor,
    clock: SharedClock,
    metrics: Metrics,
    options: Options,
    stopped: Arc<AtomicBool>,
}

impl Turns {
    fn run(mut self, news: &Receiver<()>) {
        let mut wait = SETTLED;
        loop {
            match news.recv_timeout(wait) {
                _ if self.stopped.load(Ordering::Relaxed) => return,
                Ok(()) => wait = SETTLED,
                Err(RecvTimeoutError::Timeout) => {
                    self.turn();
                    wait = AT_LEAST;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn turn(&mut self) {
        let stopped = Arc::clone(&self.stopped);
        match self.compactor.run(self.clock.now_ms(), &self.options, &move || stopped.load(Ordering::Relaxed)) {
            Ok(None) => {}
            Ok(Some(done)) => self.metrics.compacted(&done),
            Err(error) => tracing::error!(code = error.code(), %error, "compaction failed; it is tried again later"),
        }
    }
}
