//! `cargo xtask sim`: scenarios of many seeds, on every core, until they are done, the time is up, or one fails.
#![allow(clippy::print_stdout, reason = "a command line tool speaks on standard output")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use clap::Parser;
use gandan_tests::sim::run::{Outcome, play, play_seed, shrink};
use gandan_tests::sim::step::Size;
use gandan_tests::sim::template::Template;
use gandan_tests::sim::{disk, work_folder};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Plays made-up weeks of devices and a server in one thread each, with every fault the seed draws.
#[derive(Parser)]
struct Options {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Stop after so many minutes; then `--seeds` is no bound
    #[arg(long)]
    minutes: Option<f64>,
    /// Devices in a scenario
    #[arg(long, default_value_t = 5)]
    devices: usize,
    /// Steps in a scenario
    #[arg(long, default_value_t = 200)]
    steps: usize,
    /// Scenarios at the same time
    #[arg(long)]
    threads: Option<usize>,
    /// Print the trace of every scenario
    #[arg(long)]
    trace: bool,
}

struct Shared {
    next: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
    failed: Mutex<Option<(u64, Outcome)>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let size = Size { phones: options.devices.clamp(1, 50), steps: options.steps };
    // A panic is a finding like any other, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    disk::install();
    disk::check_pages_faster().unwrap();
    let base = work_folder();
    let template = Template::make(&base.path().join("template"), size.phones);
    let threads = options.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let shared = Shared {
        next: AtomicU64::new(options.from),
        done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        failed: Mutex::new(None),
    };
    let (start, watching) = (Instant::now(), thread::current());
    thread::scope(|scope| {
        let (shared, options, template, base, watching) = (&shared, &options, &template, base.path(), &watching);
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    work(shared, options, template, &base.join(thread.to_string()), size);
                    watching.unpark();
                })
            })
            .collect();
        while !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::park_timeout(Duration::from_secs(3));
            println!("  {}", progress(shared, start));
            let over = options.minutes.is_some_and(|minutes| start.elapsed().as_secs_f64() > minutes * 60.0);
            shared.stop.fetch_or(over, Ordering::Relaxed);
        }
    });
    println!("{}", progress(&shared, start));
    let failed = shared.failed.lock().unwrap().take();
    match failed {
        None => ExitCode::SUCCESS,
        Some((seed, outcome)) => {
            tell(seed, &outcome, &template, &base.path().join("0"), size);
            ExitCode::FAILURE
        }
    }
}

fn work(shared: &Shared, options: &Options, template: &Template, base: &std::path::Path, size: Size) {
    let end = if options.minutes.is_some() { u64::MAX } else { options.from.saturating_add(options.seeds) };
    while !shared.stop.load(Ordering::Relaxed) {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let outcome = play_seed(template, base, size, seed);
        if options.trace {
            println!("seed {seed}\n{}", outcome.trace.join("\n"));
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
        if outcome.violation.is_some() {
            shared.stop.store(true, Ordering::Relaxed);
            let mut failed = shared.failed.lock().unwrap();
            if failed.as_ref().is_none_or(|(known, _)| seed < *known) {
                *failed = Some((seed, outcome));
            }
        }
    }
}

fn progress(shared: &Shared, start: Instant) -> String {
    let done = shared.done.load(Ordering::Relaxed);
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    format!("{done} scenarios in {} s, {} a minute", millis / 1_000, done * 60_000 / millis)
}

/// A failure: its seed, the fewest steps that still fail, and what they do.
fn tell(seed: u64, outcome: &Outcome, template: &Template, base: &std::path::Path, size: Size) {
    let Some(violation) = &outcome.violation else { return };
    println!("\nseed {seed} fails after {} lines: {violation}", outcome.trace.len());
    println!("again: cargo xtask sim --from {seed} --seeds 1 --devices {} --steps {}", size.phones, size.steps);
    let steps = shrink(template, base, size, seed, violation.invariant);
    println!("\nmade small, {} steps of {}:", steps.len(), size.steps);
    steps.iter().for_each(|step| println!("  {step}"));
    let small = play(template, base, size, seed, &steps);
    println!("\nwhat they do:\n{}", small.trace.join("\n"));
    if let Some(violation) = small.violation {
        println!("{violation}");
    }
}
