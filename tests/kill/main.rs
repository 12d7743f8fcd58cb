//! `cargo xtask kill [--kills N] [--seed S]`: see `gandan_tests::kill`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use gandan_tests::kill::run;
use gandan_tests::load::percentile;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (mut kills, mut seed) = (1_000, 1);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let number = words.next().and_then(|text| text.parse::<u32>().ok());
        match (word.as_str(), number) {
            ("--kills", Some(number)) => kills = number,
            ("--seed", Some(number)) => seed = u64::from(number),
            _ => {
                eprintln!("kill [--kills N] [--seed S]");
                return ExitCode::from(2);
            }
        }
    }
    let folder = gandan_tests::processes::folder();
    let killed = run(folder.path(), kills, seed);
    println!(
        "seed {seed}: {} kills, {} of them beside another command; {} visits acknowledged, {} exchanges cut off\n\
         {} lost, {} doubled; restart: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
        killed.kills,
        killed.with_command,
        killed.acknowledged,
        killed.cut_off,
        killed.lost,
        killed.doubled,
        percentile(&killed.restarts, 50).as_secs_f64() * 1_000.0,
        percentile(&killed.restarts, 99).as_secs_f64() * 1_000.0,
        percentile(&killed.restarts, 100).as_secs_f64() * 1_000.0,
    );
    if killed.lost + killed.doubled == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
