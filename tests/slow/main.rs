//! `cargo xtask slow [--kbit 30] [--latency 800] [--loss 5] [--visits 300] [--day 10] [--seed S]`: see
//! `gandan_tests::slow`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use gandan_tests::link::Quality;
use gandan_tests::slow::{Plan, Went, run};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
slow [--kbit K] [--latency MS] [--loss PERCENT] [--visits V] [--day D] [--seed S]

  --kbit K        thousand bits a second, each way (30)
  --latency MS    from one end to the other (800)
  --loss PERCENT  of the pieces of 1,400 bytes (5)
  --visits V      visits that a new device loads (300)
  --day D         visits that it records and sends (10)
  --seed S        of visits and losses (1)";

fn parse(args: &[String]) -> Option<Plan> {
    let quality = Quality { bits_per_second: 30_000, latency: Duration::from_millis(800), loss_percent: 5 };
    let mut plan = Plan { quality, there: 300, day: 10, seed: 1 };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let number: u32 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--kbit" => plan.quality.bits_per_second = number.max(1) * 1_000,
            "--latency" => plan.quality.latency = Duration::from_millis(number.into()),
            "--loss" => plan.quality.loss_percent = number.min(50),
            "--visits" => plan.there = number.max(1) as usize,
            "--day" => plan.day = number.max(1) as usize,
            "--seed" => plan.seed = number.into(),
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
    let day = run(folder.path(), plan);
    println!(
        "{} kbit/s, {} ms, {} % lost, seed {}",
        plan.quality.bits_per_second / 1_000,
        plan.quality.latency.as_millis(),
        plan.quality.loss_percent,
        plan.seed
    );
    tell(&format!("a new device loads {} visits", plan.there), &day.first);
    println!("  half-way its list showed {} visits", day.half);
    tell(&format!("{} visits of the day are sent", plan.day), &day.evening);
    tell("nothing to say", &day.idle);
    println!("{} visits in the server's lists", day.visits);
    ExitCode::SUCCESS
}

fn tell(what: &str, went: &Went) {
    let Went { report, took, stillest, carried } = went;
    println!(
        "{what}: {:.1} s, nothing moved for {:.1} s at most; {} round trips, {} connections;\n\
         \x20 bodies {} up, {} down; on the road {} up, {} down; {} pieces lost",
        took.as_secs_f64(),
        stillest.as_secs_f64(),
        report.round_trips,
        carried.connections,
        report.bytes_up,
        report.bytes_down,
        carried.up,
        carried.down,
        carried.lost
    );
}
