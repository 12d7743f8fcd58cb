//! What went over the wire, as the devices counted it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::sync;
use crate::json::{items, number};
use crate::table::{Table, thousands};

/// Sums of one device.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Traffic {
    syncs: u64,
    round_trips: u64,
    up: u64,
    down: u64,
    pushed: u64,
    pulled: u64,
}

impl Traffic {
    /// Adds an answer of `gandan sync --json`; says whether anything moved.
    pub(super) fn add(&mut self, answer: &Value) -> bool {
        let (pushed, pulled) = (number(answer, sync::PUSHED), number(answer, sync::PULLED));
        self.syncs += 1;
        self.round_trips += number(answer, sync::ROUND_TRIPS);
        self.up += number(answer, sync::BYTES_UP);
        self.down += number(answer, sync::BYTES_DOWN);
        self.pushed += pushed;
        self.pulled += pulled;
        pushed + pulled > 0
    }

    fn plus(&mut self, other: &Self) {
        self.syncs += other.syncs;
        self.round_trips += other.round_trips;
        self.up += other.up;
        self.down += other.down;
        self.pushed += other.pushed;
        self.pulled += other.pulled;
    }

    fn cells(&self, name: &str) -> [String; 7] {
        [
            name.to_owned(),
            self.syncs.to_string(),
            self.round_trips.to_string(),
            thousands(self.up),
            thousands(self.down),
            self.pushed.to_string(),
            self.pulled.to_string(),
        ]
    }
}

/// What the server refused, in its words; empty if nothing.
pub(super) fn refusals(answer: &Value) -> Vec<String> {
    items(answer, sync::REFUSED).iter().map(Value::to_string).collect()
}

/// A table of all devices with their sum.
pub(super) fn table(traffic: &BTreeMap<String, Traffic>) -> String {
    let mut table =
        Table::new(&["device of", ">syncs", ">round trips", ">bytes up", ">bytes down", ">sent", ">received"]);
    let mut sum = Traffic::default();
    for (official, own) in traffic {
        sum.plus(own);
        table.row(own.cells(official));
    }
    table.row(sum.cells("together"));
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_summed() {
        let answer = json!({"round_trips": 2, "bytes_up": 1500, "bytes_down": 100, "pushed": 3,
                            "pulled": 0, "refused": []});
        let mut own = Traffic::default();
        assert!(own.add(&answer));
        assert!(!own.add(&json!({"round_trips": 1, "bytes_up": 90, "bytes_down": 80,
                                 "pushed": 0, "pulled": 0, "refused": []})));
        let table = table(&BTreeMap::from([("CB-001".to_owned(), own)]));
        let last = table.lines().last().unwrap();
        let words: Vec<_> = last.split_whitespace().collect();
        assert_eq!(words, ["together", "2", "3", "1,590", "180", "3", "0"]);
        assert!(refusals(&answer).is_empty());
        assert_eq!(refusals(&json!({"refused": [{"code": "x"}]})).len(), 1);
    }
}
