//! `cargo xtask soak [--minutes M] [--seed S]`: see `gandan_tests::soak`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use gandan_tests::soak::{Hour, run};
use std::process::ExitCode;

const USAGE: &str = "\
soak [--minutes M] [--seed S]

  --minutes M  how long the day of 24 hours takes (10)
  --seed S     of everything (1)";

fn parse(args: &[String]) -> Option<(f64, u64)> {
    let (mut minutes, mut seed) = (10.0, 1);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--minutes" => minutes = value.parse().ok().filter(|minutes| (0.1..=1_440.0).contains(minutes))?,
            "--seed" => seed = value.parse().ok()?,
            _ => return None,
        }
    }
    Some((minutes, seed))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((minutes, seed)) = parse(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("seed {seed}, a day in {minutes} minutes");
    println!("hour   visits  memory MB  handles  CPU s  files MB  journals MB  bytes a visit  device MB");
    let folder = gandan_tests::processes::folder();
    let soaked = run(folder.path(), minutes, seed, tell);
    println!(
        "the server killed {} times, devices {} times; {} devices came new, {} were revoked",
        soaked.kills.0, soaked.kills.1, soaked.devices.0, soaked.devices.1
    );
    let complaints = soaked.complaints();
    println!(
        "{}",
        if complaints.is_empty() { "nothing grew without an end; nothing lost" } else { "NOT AS IT SHOULD:" }
    );
    complaints.iter().for_each(|complaint| println!("  {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(number: u32, hour: &Hour) {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    println!(
        "{number:>4} {:>8} {:>10} {:>8} {:>6.1} {:>9} {:>12} {:>14} {:>10}",
        hour.visits,
        megabytes(hour.memory),
        hour.handles,
        hour.cpu.as_secs_f64(),
        megabytes(hour.folder),
        megabytes(hour.journals),
        hour.folder / (hour.visits as u64).max(1),
        megabytes(hour.device)
    );
}
