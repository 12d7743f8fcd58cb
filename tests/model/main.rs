//! Every order of events, of a small world: three phones, two edits each, one server.
//!
//! The simulator plays long stories and cannot play all of them; this model is small enough for all. It keeps what
//! matters about cursors, restores, revocations and clones, under the names of the code, and leaves out bytes, documents
//! and time: a change is who wrote it under which number, and what it says. A log's chain is the log itself.
//!
//! From every state that can be reached, whatever was lost on the way, perfect rounds must lead to one truth: that is the
//! property `heals`. A model in which a rule of the protocol is missing must fail: the last test takes them out one by one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use stateright::{Checker, Model};
use world::{Rule, World};

/// Checks every state of a world; gives the names of the properties that do not hold, and the number of states.
fn check(world: World) -> (Vec<&'static str>, usize) {
    let checker = world.checker().threads(2).spawn_bfs().join();
    let mut broken: Vec<&'static str> = checker.discoveries().into_keys().collect();
    broken.sort_unstable();
    (broken, checker.unique_state_count())
}

/// Nothing may be broken, and the world must not have become too small to say anything.
fn holds(world: World) {
    let (broken, states) = check(world);
    assert_eq!(broken, [] as [&str; 0]);
    assert!(states > 100_000, "only {states} states: the world has become too small");
}

const NOTHING: World = World { may_clone: false, may_revoke: false, may_restore: false, ..World::ALL };

#[test]
fn two_edits_each_and_a_clone() {
    holds(World { may_clone: true, ..NOTHING });
}

#[test]
fn two_edits_each_and_a_revocation() {
    holds(World { may_revoke: true, ..NOTHING });
}

#[test]
fn four_edits_and_a_restore() {
    holds(World { edits: [2, 1, 1], may_restore: true, ..NOTHING });
}

#[test]
fn one_edit_each_and_a_clone_a_revocation_and_a_restore() {
    holds(World { edits: [1, 1, 1], ..World::ALL });
}

#[test]
fn without_any_one_rule_something_breaks() {
    for rule in Rule::ALL {
        let (broken, _) = check(World { without: Some(rule), edits: [1, 1, 1], ..World::ALL });
        assert!(!broken.is_empty(), "nobody misses {rule:?}");
    }
}
