//! The simulator, a short run: fixed seeds, and the same seed twice. Seeds that nobody has seen before are for
//! `cargo xtask sim`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod migration;

use gandan_tests::sim::run::{play, play_seed, shrink};
use gandan_tests::sim::step::{Act, Size, Step};
use gandan_tests::sim::template::Template;
use gandan_tests::sim::{disk, work_folder};
use std::path::Path;

const SIZE: Size = Size { phones: 5, steps: 200 };
/// Seeds that always run.
const FIXED: u64 = 100;

fn holds(template: &Template, base: &Path, seed: u64) {
    let outcome = play_seed(template, base, SIZE, seed);
    let Some(violation) = outcome.violation else { return };
    let steps = shrink(template, base, SIZE, seed, violation.invariant);
    let small = play(template, base, SIZE, seed, &steps);
    let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
    panic!(
        "seed {seed}: {violation}\nagain: cargo xtask sim --from {seed} --seeds 1\n{}\n{}\n{:?}",
        steps.join("\n"),
        small.trace.join("\n"),
        small.violation
    );
}

#[test]
fn fixed_seeds_hold() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), SIZE.phones);
    (0..FIXED).for_each(|seed| holds(&template, base.path(), seed));
}

/// Scenarios that found something once, made small. Each is played with the seed of its healing.
#[test]
fn what_was_found_stays_mended() {
    disk::install();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), SIZE.phones);
    let step = |(act, seed): (Act, u64)| Step { act, seed };
    let found = [
        (
            "a grant that goes after a restore takes the last copy of acknowledged work with it",
            38,
            vec![
                (Act::Save(1), 0xf89c_4aee_59b0_e9b9),
                (Act::Backup, 0),
                (Act::Sync(1), 1),
                (Act::Restore(0), 2),
                (Act::Move(1, 1), 3),
            ],
        ),
        (
            "what twins had both not sent when they parted is replaced by one and sent by the other",
            51,
            vec![
                (Act::Save(1), 0xefb4_267b_2096_1a9d),
                (Act::Save(1), 0x2329_6f73_4f05_b3da),
                (Act::Copy(1), 1),
                (Act::Save(1), 0xa119_2ae8_c9c4_6954),
            ],
        ),
        (
            "a part of an answer breaks off behind an envelope of a twin",
            94,
            vec![
                (Act::Copy(2), 1),
                (Act::Save(2), 0x84d0_977f_b098_9a99),
                (Act::Seal(2), 2),
                (Act::Save(2), 0x0a8a_e358_245a_0e85),
                (Act::Save(5), 0xa499_bd9f_95f6_9532),
            ],
        ),
        (
            "views stand still for ever behind a log of which everything was packed and then erased",
            700_543,
            vec![
                (Act::Views, 0xbbf8_567c_4c36_6c56),
                (Act::Save(4), 0x9ac8_99b4_d8de_fbe7),
                (Act::Save(0), 0x2785_0f2a_102b_4290),
                (Act::Seal(5), 0x86a7_0169_5604_fbbb),
                (Act::Crawl(5, 591), 0xaa16_6c18_82c9_8aec),
                (Act::Wait(3665), 0x5cbc_0e97_00ed_9dcf),
                (Act::Compact(3628), 0x9fbc_fefc_1131_67b3),
                (Act::Erase(7_113_230_875_189_663_576), 0xf585_1a88_d6f7_a8f5),
            ],
        ),
        (
            "views that stood still while the log was compacted behind an erasure keep the record's row",
            5053,
            vec![
                (Act::Save(6), 0x9e56_8221_d1ce_190c),
                (Act::Sync(1), 0x5a24_8e28_261e_f795),
                (Act::Views, 0x2ff0_6665_3c08_3593),
                (Act::Erase(4_371_386_257_926_739_117), 0x524c_5cbc_a429_d44d),
                (Act::Wait(4_065), 0x5971_a344_058e_a67b),
                (Act::Compact(1_676), 0x5f86_88ab_62df_e0d0),
            ],
        ),
    ];
    for (what, seed, steps) in found {
        let steps: Vec<Step> = steps.into_iter().map(step).collect();
        let outcome = play(&template, base.path(), SIZE, seed, &steps);
        assert_eq!(outcome.violation, None, "{what}\n{}", outcome.trace.join("\n"));
    }
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    disk::install();
    // Another folder and another template: nothing of them may show.
    let traces: Vec<Vec<Vec<String>>> = (0..2)
        .map(|_| {
            let base = work_folder();
            let template = Template::make(&base.path().join("template"), SIZE.phones);
            (900..906).map(|seed| play_seed(&template, base.path(), SIZE, seed).trace).collect()
        })
        .collect();
    assert!(traces[0].iter().all(|trace| trace.len() > SIZE.steps));
    assert_eq!(traces[0], traces[1]);
}
