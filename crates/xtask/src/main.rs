//! `cargo xtask`: the chores of the project, in one place and the same on every machine.
//!
//! | command | what it does |
//! |---|---|
//! | `test`  | sets the machine up and runs every check, in order; what `.ci/run` calls |
//! | `tidy`  | the house rules that no compiler knows: lengths, arrows between crates, dead files, licences |
//! | `demo`  | a server and twenty devices on this machine, offline and concurrent, with an account of it |
//! | `field` | the field app and the core for browsers, as they ship |
//! | `audit` | known vulnerabilities of what the lockfile names |
//! | `fuzz`  | mutated inputs for everything that reads what others wrote |
//! | `kill`  | a server and devices killed again and again, and a ledger of what they promised |
//! | `slow`  | a day of a device over a road that is narrow, long and lossy |
//! | `soak`  | a day of a province in minutes, and what grows in it |
//! | `bench` | the measurements, with the binaries of the release profile |
//! | `bindings` | the phone libraries for Kotlin, Swift and Python, as far as this machine can build them |
//! | `sim`   | devices and a server in a deterministic simulator, one seed after the other |
//!
//! It uses no crate of the product: it drives the real binaries by their documented commands, as an
//! operator would. What those commands are called stands in one file, `demo/names.rs`.
#![allow(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

mod audit;
mod bindings;
mod cargo;
mod demo;
mod field;
mod json;
mod table;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

/// What went wrong, in words for the person at the terminal.
type Failure = Box<dyn std::error::Error>;

/// A failure that the terminal has been told of already.
#[derive(Debug)]
struct Told;

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("see above")
    }
}

impl std::error::Error for Told {}

/// A step's result.
type Outcome<T = ()> = Result<T, Failure>;

const USAGE: &str = "\
cargo xtask COMMAND

  test  [--quick]                        set up, then run every check (--quick: without the demo)
  tidy                                   the house rules alone
  demo  [--seed N] [--port P] [--exit]   server and twenty devices on this machine; then leaves the
                                         server running (--exit: stops it; for scripts)
  field                                  build the web apps, and the core for browsers that one of them needs
  audit [--db DIR] [--require]           known vulnerabilities of the lockfile (needs the network, or DIR);
                                         --require: that nothing could be checked is a failure
  fuzz  [TARGET...] [--minutes M]        mutated inputs for every decoder and handler (1 minute each)
  kill  [--kills N] [--visits V] [--devices D] [--seed S]
                                         kill a server and devices under load; nothing promised may go
  slow  [--kbit K] [--latency MS] [--loss PERCENT] [--visits V] [--day D] [--seed S]
                                         a day of a device over a bad road
  soak  [--minutes M] [--seed S]         a day of a province, shortened; nothing may grow without an end
  bench [ARGS...]                        measure; ARGS go to the bench binary (try --help);
                                         bench bindings: the phone libraries
  bindings [--release]                   the phone libraries for Kotlin, Swift and Python
  sim   [--seeds N] [--from S] [--minutes M] [--devices D] [--steps K]
                                         scenarios of many seeds, until one fails

Exit codes: 0 done, 1 failed, 2 wrong usage.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let outcome = match args.first().map(String::as_str) {
        Some("test") => match test::Options::parse(rest) {
            Ok(options) => test::run(&options),
            Err(message) => return wrong_usage(&message),
        },
        Some("tidy") if rest.is_empty() => tidy::run(),
        Some("demo") => match demo::Options::parse(rest) {
            Ok(options) => demo::run(&options),
            Err(message) => return wrong_usage(&message),
        },
        Some("audit") => match audit::Options::parse(rest) {
            Ok(options) => audit::run(&options),
            Err(message) => return wrong_usage(&message),
        },
        Some("field") if rest.is_empty() => web::build(),
        Some("bindings") if rest.is_empty() || rest == ["--release"] => bindings::run(rest),
        Some("bench") if rest == ["bindings"] => bindings::bench(),
        Some("bench") => cargo::bench(rest),
        Some("fuzz") => cargo::fuzz(rest),
        Some(name @ ("kill" | "slow" | "soak")) => cargo::drive(name, rest),
        Some("sim") => cargo::sim(rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => return wrong_usage(&format!("unknown command or argument: {other}")),
        None => return wrong_usage("a command is missing"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is::<Told>() {
                eprintln!("xtask: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(message: &str) -> ExitCode {
    eprintln!("xtask: {message}\n\n{USAGE}");
    ExitCode::from(2)
}
