//! `cargo xtask fuzz [TARGET…] [--minutes M] [--inputs N] [--seed S]`: see `gandan_tests::fuzz`.
//!
//! Every target runs in a process of its own whose memory is bounded: one that eats it, or that ends the process in any
//! other way, is run again to the same point with each input written down first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use gandan_tests::fuzz::{Finding, Ran, TARGETS, Until, replay, run};
use nix::sys::resource::{Resource, setrlimit};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "\
fuzz [TARGET...] [--minutes M] [--inputs N] [--seed S]
fuzz --replay TARGET FILE

  TARGET       one or more of the targets; all without one
  --minutes M  so much time of the processor for each (1; 0.5 is half a minute)
  --inputs N   so many inputs for each instead: the same on every machine
  --seed S     the seed (1)";

/// What was asked for.
struct Wanted {
    targets: Vec<String>,
    until: Until,
    seed: u64,
    /// Where each input is written down before it is tried.
    trace: Option<PathBuf>,
    /// This process does the work itself.
    alone: bool,
}

fn parse(args: &[String]) -> Option<Wanted> {
    let until = Until::Time(Duration::from_secs(60));
    let mut wanted = Wanted { targets: Vec::new(), until, seed: 1, trace: None, alone: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--minutes" => {
                let minutes: f64 = args.next()?.parse().ok()?;
                wanted.until = Until::Time(Duration::try_from_secs_f64(minutes * 60.0).ok()?);
            }
            "--inputs" => wanted.until = Until::Inputs(args.next()?.parse().ok()?),
            "--seed" => wanted.seed = args.next()?.parse().ok()?,
            "--trace" => wanted.trace = Some(args.next()?.into()),
            "--alone" => wanted.alone = true,
            name => wanted.targets.push(TARGETS.iter().find(|(known, ..)| *known == name)?.0.to_owned()),
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets = TARGETS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    }
    Some(wanted)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [word, target, file] = args.as_slice()
        && word == "--replay"
    {
        let input = fs::read(file).expect("the file");
        return told(replay(target, &input).map(|label| println!("{target}: {label}")));
    }
    let Some(wanted) = parse(&args) else {
        eprintln!("{USAGE}\n\nTargets: {}", TARGETS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "));
        return ExitCode::from(2);
    };
    if wanted.alone {
        return alone(&wanted);
    }
    let mut good = true;
    for target in &wanted.targets {
        good &= in_a_process(target, &args);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where findings go.
fn findings() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    fs::create_dir_all(&folder).expect("a folder for findings");
    folder
}

fn told(outcome: Result<(), Finding>) -> ExitCode {
    let Err(finding) = outcome else { return ExitCode::SUCCESS };
    let file = findings().join(format!("finding-{}.bin", std::process::id()));
    fs::write(&file, &finding.input).expect("the finding written");
    println!("FOUND {}\n  input of {} bytes: {}", finding.what, finding.input.len(), file.display());
    ExitCode::FAILURE
}

/// One target, in this process, with bounded memory.
fn alone(wanted: &Wanted) -> ExitCode {
    let target = &wanted.targets[0];
    let (.., megabytes) = TARGETS.iter().find(|(name, ..)| name == target).expect("a target");
    setrlimit(Resource::RLIMIT_AS, megabytes << 20, megabytes << 20).expect("a limit of memory");
    setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("no core files");
    // A panic that is caught where it belongs is no news, and one that is a finding is told with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let before = |input: &[u8]| {
        if let Some(file) = &wanted.trace {
            fs::write(file, input).expect("the input written");
        }
    };
    told(run(target, wanted.seed, wanted.until, before).map(|ran| tell(target, ran)))
}

fn tell(target: &str, Ran { inputs, labels, took, worked, slowest, slowest_input }: Ran) {
    fs::write(findings().join(format!("{target}-slowest.bin")), slowest_input).expect("the slowest input written");
    let pace = u64::try_from(u128::from(inputs) * 1_000 / took.as_millis().max(1)).unwrap_or(0);
    println!(
        "{target:<10} {inputs:>10} inputs in {:>6.1} s ({pace} /s), {:.1} s of the processor, {labels} outcomes, slowest {:.1} ms",
        took.as_secs_f64(),
        worked.as_secs_f64(),
        slowest.as_secs_f64() * 1_000.0
    );
}

/// One target in a process of its own; true if nothing was found.
fn in_a_process(target: &str, args: &[String]) -> bool {
    let options: Vec<&String> = {
        let is_target = |arg: &&String| TARGETS.iter().any(|(name, ..)| name == arg);
        args.iter().filter(|arg| !is_target(arg)).collect()
    };
    let call = || {
        let mut call = Command::new(std::env::current_exe().expect("this program"));
        call.arg(target).arg("--alone").args(&options);
        call
    };
    let status = call().status().expect("a process");
    match status.code() {
        Some(0) => true,
        Some(1) => false,
        // A panic in another thread, an abort, the limit of memory: find out at which input.
        _ => {
            let file = findings().join(format!("{target}-ended-{}.bin", std::process::id()));
            let again = call().arg("--trace").arg(&file).status().expect("a process");
            println!("FOUND {target}: the process ended ({status}; again: {again})\n  last input: {}", file.display());
            false
        }
    }
}
