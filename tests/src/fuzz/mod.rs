//! Fuzzing on stable Rust: mutated inputs for everything that reads what others wrote.
//!
//! A target turns bytes into a *label*: the error's code, or what was found. An input with a label that nobody has seen
//! stays and is mutated further, so that a run works its way from "not a frame" into the decoders; checksums,
//! compression and signatures are put right after a mutation, where a target knows how. A panic, an answer that must not
//! be, and an input that takes too long are findings. Memory is bounded by the program around it (`tests/fuzz`).
//!
//! Everything follows from the seed: the same seed tries the same inputs.

mod files;
mod http;
mod mutate;
mod texts;
mod wire;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An input may take this much of the processor; a thousandth of it is usual. How long that is by the clock depends on what
/// else the machine has to do.
const SLOW: Duration = Duration::from_secs(10);
/// Inputs that are kept to be mutated.
const MOST_KEPT: usize = 2_000;

/// Something that reads bytes of others.
pub trait Target {
    /// Inputs to begin with.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Words of its language, to be put in here and there.
    fn words(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Longest input.
    fn longest(&self) -> usize {
        64 << 10
    }

    /// Reads an input and says what it was; an error is a finding.
    fn read(&mut self, input: &[u8]) -> Result<String, String>;
}

/// Makes a target.
type Make = fn() -> Box<dyn Target>;

/// Every target by its name, and the memory that its process may map, in MiB.
pub const TARGETS: &[(&str, Make, u64)] = &[
    ("request", || Box::new(wire::Request), 1_024),
    ("response", || Box::new(wire::Response::new()), 1_024),
    ("query", || Box::new(wire::Query), 1_024),
    ("envelope", || Box::new(wire::Envelope::new()), 1_024),
    ("chunk", || Box::new(wire::Chunk::new()), 1_024),
    ("scan", || Box::new(wire::Scan::new()), 1_024),
    ("link", || Box::new(texts::Link), 1_024),
    ("edits", || Box::new(texts::Edits), 1_024),
    ("import", || Box::new(texts::Import::new()), 2_048),
    ("file", || Box::new(files::File), 1_024),
    ("http", || Box::new(http::Http::new()), 4_096),
];

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So many inputs.
    Inputs(u64),
    /// So much time of the processor: on a busy machine the clock says little.
    Time(Duration),
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Inputs tried.
    pub inputs: u64,
    /// Different labels seen.
    pub labels: usize,
    /// How long it took by the clock.
    pub took: Duration,
    /// How much of the processor.
    pub worked: Duration,
    /// The most of the processor that one input took.
    pub slowest: Duration,
    /// That input.
    pub slowest_input: Vec<u8>,
}

/// An input that must not be.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What happened.
    pub what: String,
    /// The input.
    pub input: Vec<u8>,
}

/// The folder of inputs that were findings once, or that lead far; of this target.
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn kept_inputs(target: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(corpus(target)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("an input of the corpus")).collect()
}

/// Tries inputs. `before` is told of each before it is tried: for a run that ends without a word.
pub fn run(name: &str, seed: u64, until: Until, mut before: impl FnMut(&[u8])) -> Result<Ran, Finding> {
    let (_, make, _) = TARGETS.iter().find(|(known, ..)| *known == name).expect("a target");
    let mut target = make();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let words = target.words();
    let mut pool = kept_inputs(name);
    pool.extend(target.seeds());
    assert!(!pool.is_empty(), "{name} has nothing to begin with");
    let mut labels = HashSet::new();
    let (start, mut inputs, mut slowest, mut slowest_input) = (Instant::now(), 0, Duration::ZERO, Vec::new());
    let (planted, before_all) = (pool.len(), worked());
    loop {
        let goes_on = match until {
            Until::Inputs(most) => inputs < most.max(planted as u64),
            Until::Time(time) => worked().saturating_sub(before_all) < time || inputs < planted as u64,
        };
        if !goes_on {
            let (took, worked) = (start.elapsed(), worked().saturating_sub(before_all));
            return Ok(Ran { inputs, labels: labels.len(), took, worked, slowest, slowest_input });
        }
        let input = match usize::try_from(inputs).ok().filter(|number| *number < planted) {
            Some(number) => pool[number].clone(),
            None => mutate::mutate(&mut rng, &pool, &words, target.longest()),
        };
        inputs += 1;
        before(&input);
        let (label, took) = attempt(target.as_mut(), &input)?;
        if took > slowest {
            (slowest, slowest_input) = (took, input.clone());
        }
        if labels.len() < 100_000 && labels.insert(label) && inputs > planted as u64 {
            if pool.len() < MOST_KEPT {
                pool.push(input);
            } else {
                let place = rng.random_range(planted..pool.len().max(planted + 1));
                pool[place] = input;
            }
        }
    }
}

/// Tries one input.
pub fn replay(name: &str, input: &[u8]) -> Result<String, Finding> {
    let (_, make, _) = TARGETS.iter().find(|(known, ..)| *known == name).expect("a target");
    attempt(make().as_mut(), input).map(|(label, _)| label)
}

/// Processor time of this process so far.
fn worked() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF).expect("what the system counts");
    let time = |value: TimeVal| Duration::from_micros(value.num_microseconds().try_into().unwrap_or(0));
    time(used.user_time()) + time(used.system_time())
}

fn attempt(target: &mut dyn Target, input: &[u8]) -> Result<(String, Duration), Finding> {
    let finding = |what: String| Finding { what, input: input.to_vec() };
    let start = worked();
    let read = catch_unwind(AssertUnwindSafe(|| target.read(input)));
    let took = worked().saturating_sub(start);
    match read {
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(finding(format!("panic: {}", words.unwrap_or_default())))
        }
        Ok(Err(what)) => Err(finding(what)),
        Ok(Ok(_)) if took > SLOW => Err(finding(format!("took {took:?} of the processor"))),
        Ok(Ok(label)) => Ok((label, took)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tries_the_same_inputs() {
        let inputs = |seed: u64| {
            let mut all = Vec::new();
            run("link", seed, Until::Inputs(300), |input| all.push(input.to_vec())).unwrap();
            all
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }

    #[test]
    fn a_panic_and_a_bad_answer_are_findings() {
        struct Bad;
        impl Target for Bad {
            fn seeds(&self) -> Vec<Vec<u8>> {
                vec![Vec::new()]
            }
            fn read(&mut self, input: &[u8]) -> Result<String, String> {
                assert!(input != b"panic", "on purpose");
                if input == b"bad" { Err("bad".to_owned()) } else { Ok(String::new()) }
            }
        }
        assert!(attempt(&mut Bad, b"panic").unwrap_err().what.contains("on purpose"));
        assert_eq!(attempt(&mut Bad, b"bad").unwrap_err().input, b"bad");
        assert!(attempt(&mut Bad, b"good").is_ok());
    }
}
