//! Running seeds: one scenario, its failure made small, and many of them.

use super::oracle::{Verdict, Violation};
use super::step::{Size, Step, steps};
use super::template::Template;
use super::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What happened, a line for each step.
    pub trace: Vec<String>,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
}

/// Plays steps from the beginning, heals, and looks whether everybody agrees.
pub fn play(template: &Template, base: &Path, size: Size, seed: u64, steps: &[Step]) -> Outcome {
    let mut trace = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut world = match World::new(template, base, size) {
            Ok(world) => world,
            Err(violation) => return Err(violation),
        };
        let result = run(&mut world, seed, steps);
        trace = world.trace().to_vec();
        result
    }));
    let violation = match played {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            Some(Violation { invariant: 0, what: format!("a panic: {text}") })
        }
    };
    Outcome { trace, violation }
}

fn run(world: &mut World, seed: u64, steps: &[Step]) -> Verdict {
    steps.iter().try_for_each(|step| world.step(step))?;
    world.heal(seed)
}

/// Plays the scenario of a seed.
pub fn play_seed(template: &Template, base: &Path, size: Size, seed: u64) -> Outcome {
    play(template, base, size, seed, &steps(seed, size))
}

/// Leaves out steps as long as the same invariant stays broken: delta debugging, from halves down to single steps.
pub fn shrink(template: &Template, base: &Path, size: Size, seed: u64, invariant: u8) -> Vec<Step> {
    let fails = |steps: &[Step]| {
        let outcome = play(template, base, size, seed, steps);
        outcome.violation.is_some_and(|violation| violation.invariant == invariant)
    };
    let mut left = steps(seed, size);
    let mut piece = left.len().div_ceil(2);
    loop {
        let mut at = 0;
        let before = left.len();
        while at < left.len() {
            let mut fewer = left.clone();
            fewer.drain(at..left.len().min(at + piece));
            if fails(&fewer) {
                left = fewer;
            } else {
                at += piece;
            }
        }
        if piece == 1 && left.len() == before {
            return left;
        }
        piece = if left.len() < before { piece } else { piece.div_ceil(2) }.clamp(1, left.len().max(1));
    }
}
