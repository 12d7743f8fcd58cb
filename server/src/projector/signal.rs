//! How the projector hears that there is work, and others that it is done.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shared between the writer, the projector and those who wait for it.
pub struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Commits that brought news. Starts at 1: what an earlier run left undone is work too.
    commits: u64,
    /// The value of `commits` up to which views are built.
    done: u64,
    last_commit: Instant,
    /// Somebody waits: no politeness towards the writer.
    urgent: bool,
    stopped: bool,
}

impl Default for Signal {
    fn default() -> Self {
        let state = State { commits: 1, done: 0, last_commit: Instant::now(), urgent: false, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit brought news.
    pub fn committed(&self) {
        let mut state = self.lock();
        state.commits += 1;
        state.last_commit = Instant::now();
        self.changed.notify_all();
    }

    /// Ends the projector and everybody who waits for it.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits for news, and then until the writer was quiet for `quiet`, at most `patience`. Gives the number of commits
    /// to account for; `None` to end.
    pub(super) fn wait_for_work(&self, quiet: Duration, patience: Duration) -> Option<u64> {
        let mut state = self.lock();
        while state.commits == state.done && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let began = Instant::now();
        loop {
            let now = Instant::now();
            let ready = (state.last_commit + quiet).min(began + patience);
            if state.stopped {
                return None;
            }
            if state.urgent || now >= ready {
                return Some(state.commits);
            }
            let waited = self.changed.wait_timeout(state, ready - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn done(&self, commits: u64) {
        let mut state = self.lock();
        state.done = commits;
        if state.done == state.commits {
            state.urgent = false;
        }
        self.changed.notify_all();
    }

    /// Waits this long, or until the end.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, time, |state| !state.stopped));
    }

    pub(super) fn wait_until_done(&self) -> bool {
        let mut state = self.lock();
        let wanted = state.commits;
        state.urgent = true;
        self.changed.notify_all();
        while state.done < wanted && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.done >= wanted
    }
}
