//! Connections, taken and put back. Opening one costs a millisecond, so a few that read are kept, and one that writes.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use crate::db::DbError;

pub(super) struct Pool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Connection>,
    /// How many more may be opened.
    left: usize,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self { state: Mutex::new(State { idle: Vec::new(), left: size.max(1) }), returned: Condvar::new() }
    }

    /// An idle connection, a new one while there are fewer than the bound, else the next that is put back.
    pub(super) fn take(&self, open: impl FnOnce() -> Result<Connection, DbError>) -> Result<Connection, DbError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(connection);
            }
            if state.left > 0 {
                state.left -= 1;
                drop(state);
                return open().inspect_err(|_| self.give_up_one());
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn put_back(&self, connection: Connection) {
        if !is_at_rest(&connection) {
            return self.give_up_one();
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(connection);
        self.returned.notify_one();
    }

    fn give_up_one(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
        self.returned.notify_one();
    }
}

/// A connection that nobody uses now, if there is one. Whoever finds none opens another: nobody waits here, for writers wait
/// for each other in the database already.
#[derive(Default)]
pub(super) struct Spare(Mutex<Option<Connection>>);

impl Spare {
    pub(super) fn take(&self, open: impl FnOnce() -> Result<Connection, DbError>) -> Result<Connection, DbError> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        idle.map_or_else(open, Ok)
    }

    pub(super) fn put_back(&self, connection: Connection) {
        if is_at_rest(&connection) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
    }
}

/// Who returned early may have left a transaction open; it must not hold back checkpoints, nor writers.
fn is_at_rest(connection: &Connection) -> bool {
    connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok()
}
