//! The measurements, against a real server process on this machine's loopback, with their yardsticks beside them.
//!
//! `cargo xtask bench [--visits FILE.jsonl] [--devices 20] [--json]`. What is measured and how stands at each step; bounds
//! are the project's own. All visits are made up, from a seed that is printed, unless a file is given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
// Figures for people: nobody reads the last of 53 bits.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod bytes;
mod figures;
mod first;
mod load;
mod local;
mod push;
mod rig;
mod web;
mod yardsticks;

use figures::Figures;
use rig::Rig;
use std::path::PathBuf;

const USAGE: &str = "\
bench [--visits FILE] [--devices N] [--per-device N] [--local N] [--seed N] [--json]

  --visits FILE     lines of visit-sample/1 to use instead of made-up visits
  --devices N       devices that push at once (20)
  --per-device N    visits of each of them (50)
  --local N         visits on the large device (10000; 0 leaves that part out)
  --seed N          seed of made-up visits (1)
bench load [--phones N] [--visits N] [--within SECONDS] [--seed N] [--json]

  --phones N        phones that come online (1000)
  --visits N        visits of each (10)
  --within SECONDS  within this time (60)
bench first [--visits N] [--seed N] [--json]

  --visits N        visits that a new device loads (10000)

bench web [--visits N] [--data FOLDER] [--seed N] [--json]

  --visits N        visits in the database (112000, with some 200,000 issues)
  --data FOLDER     where they lie (one for each number and seed among the temporary files); made once, then used again

  --json            one JSON document on standard output instead of a table";

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) visits: Option<PathBuf>,
    pub(crate) devices: usize,
    pub(crate) per_device: usize,
    pub(crate) local: usize,
    pub(crate) seed: u64,
    pub(crate) json: bool,
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut options = Options { visits: None, devices: 20, per_device: 50, local: 10_000, seed: 1, json: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        let number = |text: &String| text.parse::<usize>().map_err(|_| format!("{arg} needs a number"));
        match arg.as_str() {
            "--visits" => options.visits = Some(value()?.into()),
            "--devices" => options.devices = number(value()?)?.clamp(1, 124),
            "--per-device" => options.per_device = number(value()?)?.max(1),
            "--local" => options.local = number(value()?)?,
            "--seed" => options.seed = number(value()?)? as u64,
            "--json" => options.json = true,
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [probe, home] = args.as_slice()
        && probe == "--probe"
    {
        println!("{}", local::probe(home.as_ref()));
        return;
    }
    if args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("{USAGE}");
        return;
    }
    if let Some((scene, rest)) = args.split_first() {
        match scene.as_str() {
            "load" => return alone(scene, load::Size::parse(rest), load::measure),
            "web" => return alone(scene, web::Size::parse(rest), web::measure),
            "first" => return alone(scene, first::parse(rest), first::measure),
            _ => {}
        }
    }
    let options = match options(&args) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("bench: {message}\n\n{USAGE}");
            std::process::exit(2);
        }
    };
    if cfg!(debug_assertions) {
        eprintln!("bench: this is not a release build; the figures mean little");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let figures = runtime.block_on(measure(&options));
    if options.json {
        println!("{}", figures.json(&options));
    } else {
        println!("{}", figures.table(&options));
    }
}

/// Measures one scene and shows its figures.
fn alone<S>(scene: &str, parsed: Result<(S, Options), String>, measure: impl AsyncFnOnce(S, &Options) -> Figures) {
    let (size, options) = match parsed {
        Ok(parsed) => parsed,
        Err(message) => {
            eprintln!("bench {scene}: {message}\n\n{USAGE}");
            std::process::exit(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let figures = runtime.block_on(measure(size, &options));
    println!("{}", if options.json { figures.json(&options).to_string() } else { figures.table(&options) });
}

async fn measure(options: &Options) -> Figures {
    let mut figures = Figures::default();
    let rig = Rig::new(options);
    let floor = yardsticks::dictionary_floor(&rig);
    push::measure(&rig, &mut figures).await;
    bytes::measure(&rig, floor, &mut figures);
    if options.local > 0 {
        local::measure(options, &mut figures).await;
    }
    figures
}
