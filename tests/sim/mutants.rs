//! Mistakes on purpose: each is caught by the simulator, and by the invariant that it breaks. A mistake that no seed
//! catches means that the simulator has gone blind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gandan_model::mutant::plant;
use gandan_tests::sim::run::play_seed;
use gandan_tests::sim::step::Size;
use gandan_tests::sim::template::Template;
use gandan_tests::sim::{disk, work_folder};

/// The mistake, the invariants that may report it, and a seed that catches it.
type Mutant = (&'static str, &'static [u8], u64);

const MUTANTS: &[Mutant] = &[
    ("digest", &[1], 0),
    ("server_no_fsync", &[2], 1),
    ("phone_no_fsync", &[2], 4),
    ("early_ack", &[2], 0),
    ("drops_unsent", &[2], 39),
    ("replay", &[3], 1),
    ("chain", &[4], 0),
    ("revoked_writes", &[5], 1),
    ("revoked_reads", &[5], 1),
    ("keeps_taken", &[6], 1),
    ("forgets_acks", &[7], 0),
    ("brings_back", &[9], 1),
    ("unbounded", &[11], 3),
    ("no_token", &[13], 0),
    ("false_clone", &[0], 15),
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
        let catches = |seed: u64| {
            plant(name);
            let violation = play_seed(&template, base.path(), size, seed).violation;
            plant("");
            violation
        };
        let is_caught = |seed: &u64| {
            let violation = catches(*seed);
            println!("{name}: seed {seed}: {violation:?}");
            violation.is_some_and(|violation| invariants.contains(&violation.invariant))
        };
        if !std::iter::once(*seed).chain(0..LOOK).any(|seed| is_caught(&seed)) {
            blind.push(name);
        }
    }
    let _ = std::panic::take_hook();
    assert!(blind.is_empty(), "not caught: {blind:?}");
}
