//! Mistakes on purpose: each is caught by the simulator, and by the invariant that it breaks. A mistake that none of its
//! seeds catches means that the simulator has gone blind; a seed that reports another invariant, that it looks elsewhere.
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
    ("counts_twice", &[1], 0),
    ("server_no_fsync", &[2], 0),
    ("phone_no_fsync", &[2], 0),
    ("early_ack", &[2], 0),
    ("drops_unsent", &[2], 0),
    ("replay", &[3], 0),
    ("chain", &[4], 0),
    ("revoked_writes", &[5], 0),
    ("revoked_reads", &[5], 0),
    ("keeps_taken", &[6], 0),
    ("forgets_acks", &[7], 0),
    ("false_clone", &[0], 0),
    ("unbounded", &[11], 0),
    ("no_token", &[13], 0),
];

/// Seeds that are tried when the one in the list does not catch its mistake any more.
const LOOK: u64 = 300;

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
        let found = catches(*seed);
        println!("{name}: seed {seed}: {found:?}");
        if found.is_some_and(|violation| invariants.contains(&violation.invariant)) {
            continue;
        }
        let other = (0..LOOK).find_map(|seed| Some((seed, catches(seed)?)));
        println!("    elsewhere: {other:?}");
        blind.push((name, other.map(|(seed, violation)| (seed, violation.invariant))));
    }
    let _ = std::panic::take_hook();
    assert!(blind.is_empty(), "not caught by their seeds (in brackets: what does): {blind:?}");
}
