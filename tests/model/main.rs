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

#[test]
fn three_phones_with_a_clone_and_a_restore() {
    let (broken, states) = check(World { may_revoke: false, ..World::all() });
    assert_eq!(broken, [] as [&str; 0]);
    assert!(states > 10_000, "only {states} states: the world has become too small");
}

#[test]
fn three_phones_with_a_revocation_and_a_restore() {
    let (broken, states) = check(World { may_clone: false, ..World::all() });
    assert_eq!(broken, [] as [&str; 0]);
    assert!(states > 10_000, "only {states} states: the world has become too small");
}

#[test]
fn two_phones_with_everything() {
    let (broken, states) = check(World { edits: [2, 1, 1], ..World::all() });
    assert_eq!(broken, [] as [&str; 0]);
    assert!(states > 10_000, "only {states} states: the world has become too small");
}

#[test]
fn without_any_one_rule_something_breaks() {
    for rule in Rule::ALL {
        let (broken, _) = check(World { without: Some(rule), edits: [2, 1, 1], ..World::all() });
        assert!(!broken.is_empty(), "nobody misses {rule:?}");
    }
}

#[test]
fn probe() {
    for (edits, c, v, r) in [([1,1,1],true,true,true),([2,2,2],true,false,false),([2,2,2],false,true,false),([2,2,2],false,false,true),([2,1,1],true,false,true),([2,1,1],false,true,true)] {
        let start = std::time::Instant::now();
        let world = World { edits, may_clone:c, may_revoke:v, may_restore:r, without: None };
        let checker = world.checker().threads(2).spawn_bfs().join();
        println!("{edits:?} clone {c} revoke {v} restore {r}: {} {:?}", checker.unique_state_count(), start.elapsed());
        for (name, path) in checker.discoveries() { println!("{name}: {:?}\n{:?}", path.clone().into_actions(), path.last_state()); }
    }
}
