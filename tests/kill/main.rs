//! `cargo xtask kill [--kills N] [--visits V] [--devices D] [--seed S]`: see `gandan_tests::kill`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use gandan_tests::kill::{Killed, Plan, run};
use gandan_tests::load::percentile;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
kill [--kills N] [--visits V] [--devices D] [--seed S]

  --kills N    times that the serving process is killed (1000)
  --visits V   visits that are there before the first kill (0)
  --devices D  devices whose processes are killed as well (2)
  --seed S     of everything (1)";

fn parse(args: &[String]) -> Option<Plan> {
    let mut plan = Plan { kills: 1_000, seed: 1, visits: 0, devices: 2 };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let number: u32 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--kills" => plan.kills = number,
            "--visits" => plan.visits = number as usize,
            "--devices" => plan.devices = number.min(16) as usize,
            "--seed" => plan.seed = u64::from(number),
            _ => return None,
        }
    }
    Some(plan)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = parse(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let folder = gandan_tests::processes::folder();
    let start = Instant::now();
    let killed = run(folder.path(), plan, |what| eprintln!("[{:>5} s] {what}", start.elapsed().as_secs()));
    tell(&plan, &killed);
    if killed.lost + killed.doubled == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(plan: &Plan, killed: &Killed) {
    let ms = |share| percentile(&killed.restarts, share).as_secs_f64() * 1_000.0;
    let slow = killed.restarts.iter().filter(|took| **took >= Duration::from_secs(1)).count();
    println!(
        "seed {}: the server killed {} times while it served, {} of them beside another command that was killed too,\n\
         {} times while it brought an older database up to date; {} times a restore, {} times a device's process\n\
         {} visits before; {} acknowledged and {} saved meanwhile, {} exchanges cut off; {} in the lists at the end\n\
         {} lost, {} doubled\n\
         restart: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms; {slow} took a second or longer",
        plan.seed,
        killed.kills,
        killed.with_command,
        killed.migrations,
        killed.restores,
        killed.devices,
        plan.visits,
        killed.acknowledged,
        killed.saved,
        killed.cut_off,
        killed.visits,
        killed.lost,
        killed.doubled,
        ms(50),
        ms(99),
        ms(100),
    );
}
