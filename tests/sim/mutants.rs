//! Mistakes on purpose: each is caught by the simulator, and by the invariant that it breaks. A mistake that no seed
//! catches means that the simulator has gone blind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gandan_model::mutant::plant;
use gandan_tests::sim::dice::Dice;
use gandan_tests::sim::run::play;
use gandan_tests::sim::step::{Act, Size, Step, steps};
use gandan_tests::sim::template::Template;
use gandan_tests::sim::{disk, work_folder};

/// The mistake, the invariants that may report it, and the scenario that catches it.
type Mutant = (&'static str, &'static [u8], Scenario);

#[derive(Clone, Copy)]
enum Scenario {
    /// That of a seed.
    Seed(u64),
    /// One that chance hardly ever comes by.
    Made(fn() -> Vec<Step>),
}

use Scenario::{Made, Seed};

const MUTANTS: &[Mutant] = &[
    ("false_clone", &[0], Seed(1)),
    ("digest", &[1], Seed(0)),
    ("lists_nothing", &[1], Seed(2)),
    ("server_no_fsync", &[2], Seed(1)),
    ("phone_no_fsync", &[2], Seed(0)),
    ("early_ack", &[2], Seed(0)),
    ("drops_unsent", &[2], Seed(38)),
    ("says_nothing_again", &[2], Seed(4)),
    ("ignores_twins", &[2, 7], Seed(4)),
    ("replay", &[3], Seed(0)),
    ("chain", &[4], Seed(0)),
    ("trusts_cursors", &[4, 7, 10], Seed(2)),
    ("revoked_writes", &[5], Seed(23)),
    ("revoked_reads", &[5], Seed(7)),
    ("forgets_decisions", &[5, 9], Seed(31)),
    ("keeps_taken", &[6], Seed(8)),
    ("keeps_lost_phones", &[6], Seed(7)),
    ("forgets_acks", &[7], Seed(0)),
    ("reused", &[8], Made(twins_on_one_record)),
    ("brings_back", &[9], Seed(0)),
    ("gives_nothing_back", &[10], Seed(0)),
    ("unbounded", &[11], Seed(0)),
    ("short_items", &[12], Seed(0)),
    ("no_token", &[13], Seed(0)),
];

/// Two devices of one name change the same record, and only the second envelope of the later one holds that change.
fn twins_on_one_record() -> Vec<Step> {
    let (phone, twin) = (1, 5);
    // As the step that saves draws: not a new record, and of those that there are the first.
    let edits_the_first = |seed: &u64| {
        let mut dice = Dice::new(*seed);
        dice.below(40) == 0 && !dice.one_in(5) && dice.below(u64::from(u32::MAX)) > 0 && dice.index(2) == 0
    };
    let edit = (0..).find(edits_the_first).unwrap();
    let step = |act, seed| Step { act, seed };
    vec![
        step(Act::Save(phone), 1),
        step(Act::Sync(phone), 2),
        step(Act::Copy(phone), 3),
        step(Act::Save(phone), edit),
        step(Act::Sync(phone), 4),
        step(Act::Save(twin), 5),
        step(Act::Seal(twin), 6),
        step(Act::Save(twin), edit),
        step(Act::Sync(twin), 7),
    ]
}

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
    for (name, invariants, scenario) in MUTANTS {
        let is_caught = |scenario: Scenario| {
            let (seed, steps) = match scenario {
                Seed(seed) => (seed, steps(seed, size)),
                Made(make) => (0, make()),
            };
            plant(name);
            let violation = play(&template, base.path(), size, seed, &steps).violation;
            plant("");
            println!("{name}: seed {seed}, {} steps: {violation:?}", steps.len());
            violation.is_some_and(|violation| invariants.contains(&violation.invariant))
        };
        if !is_caught(*scenario) && !(matches!(scenario, Seed(_)) && (0..LOOK).any(|seed| is_caught(Seed(seed)))) {
            blind.push(name);
        }
    }
    let _ = std::panic::take_hook();
    assert!(blind.is_empty(), "not caught: {blind:?}");
}
