//! Mistakes on purpose: each is caught by the simulator, and by the invariant that it breaks. A mistake that no seed
//! catches means that the simulator has gone blind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gandan_model::mutant::plant;
use gandan_tests::sim::run::play;
use gandan_tests::sim::step::{Size, steps};
use gandan_tests::sim::template::Template;
use gandan_tests::sim::{disk, work_folder};

/// The mistake, the invariants that may report it, and the seed that catches it.
type Mutant = (&'static str, &'static [u8], u64);

const MUTANTS: &[Mutant] = &[
    ("false_clone", &[0], 1),
    ("digest", &[1], 0),
    ("lists_nothing", &[1], 2),
    ("server_no_fsync", &[2], 1),
    ("phone_no_fsync", &[2], 0),
    ("early_ack", &[2], 0),
    ("drops_unsent", &[2], 38),
    ("says_nothing_again", &[2], 4),
    ("ignores_twins", &[2, 7], 4),
    ("replay", &[3], 0),
    ("chain", &[4], 0),
    ("trusts_cursors", &[4, 7, 10], 2),
    ("revoked_writes", &[5], 23),
    ("revoked_reads", &[5], 7),
    ("forgets_decisions", &[5, 9], 31),
    ("keeps_taken", &[6], 8),
    ("keeps_lost_phones", &[6], 7),
    ("forgets_acks", &[7], 0),
    ("signs_twice", &[8], 0),
    ("brings_back", &[9], 5),
    ("gives_nothing_back", &[10], 31),
    ("unbounded", &[11], 1),
    ("short_items", &[12], 0),
    ("no_token", &[13], 0),
];

/// Seeds that are tried when the one in the list does not catch its mistake any more, as after a new kind of step.
const LOOK: u64 = 80;

#[test]
fn every_mistake_is_caught() {
    std::panic::set_hook(Box::new(|_| {}));
    disk::install();
    let base = work_folder();
    let size = Size { phones: 5, steps: 200 };
    let template = Template::make(&base.path().join("template"), size.phones);
    let mut blind = Vec::new();
    for (name, invariants, seed) in MUTANTS {
        let is_caught = |seed: u64| {
            let steps = steps(seed, size);
            plant(name);
            let violation = play(&template, base.path(), size, seed, &steps).violation;
            plant("");
            println!("{name}: seed {seed}, {} steps: {violation:?}", steps.len());
            violation.is_some_and(|violation| invariants.contains(&violation.invariant))
        };
        if !is_caught(*seed) && !(0..LOOK).any(is_caught) {
            blind.push(name);
        }
    }
    let _ = std::panic::take_hook();
    assert!(blind.is_empty(), "not caught: {blind:?}");
}
