//! What was promised, kept outside of the processes that promised it.

use super::Killed;
use crate::processes::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Ids of visits; clones share it.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Promises>>);

#[derive(Default)]
struct Promises {
    /// Those that were there before.
    before: BTreeSet<String>,
    /// The server acknowledged them.
    acknowledged: BTreeSet<String>,
    /// A device's process said that they are saved.
    saved: BTreeSet<String>,
}

impl Ledger {
    fn with<T>(&self, act: impl FnOnce(&mut Promises) -> T) -> T {
        act(&mut self.0.lock().expect("the ledger"))
    }

    pub(super) fn there_before(&self, ids: impl IntoIterator<Item = String>) {
        self.with(|all| all.before.extend(ids));
    }

    pub(super) fn acknowledged(&self, ids: impl IntoIterator<Item = String>) {
        self.with(|all| all.acknowledged.extend(ids));
    }

    pub(super) fn saved(&self, ids: impl IntoIterator<Item = String>) {
        self.with(|all| all.saved.extend(ids));
    }

    /// How many were acknowledged and how many saved.
    pub(super) fn count(&self) -> (usize, usize) {
        self.with(|all| (all.acknowledged.len(), all.saved.len()))
    }

    /// Looks for everything in the server's lists.
    pub(super) fn compare(&self, server: &Server, killed: &mut Killed) {
        let token = server.province_token();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for visit in crate::api::list(server.address(), "/api/v1/visits", &token) {
            *seen.entry(visit["id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        self.with(|all| {
            let promised: BTreeSet<&String> = all.before.iter().chain(&all.acknowledged).chain(&all.saved).collect();
            killed.lost = promised.iter().filter(|id| !seen.contains_key(**id)).count();
        });
        killed.doubled = seen.values().filter(|count| **count > 1).count();
        killed.visits = seen.len();
    }
}
