//! `cargo xtask bench load`: a thousand phones that come online within a minute, then a storm of five times what an
//! address is allowed, then the calm after it.

use crate::Options;
use crate::figures::{Bound, Figures};
use gandan_tests::load::{Plan, Storm, all_come_online, percentile, prepare, storm};
use gandan_tests::processes::Server;
use std::time::Duration;

/// What one address may ask at once and in a minute, by the server's defaults.
const AT_ONCE: usize = 3_000;

/// How large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) phones: usize,
    pub(crate) visits: usize,
    pub(crate) within_s: u64,
}

impl Size {
    /// Reads the arguments behind `load`.
    pub(crate) fn parse(args: &[String]) -> Result<(Self, Options), String> {
        let mut size = Self { phones: 1_000, visits: 10, within_s: 60 };
        let mut options = Options { visits: None, devices: 0, per_device: 0, local: 0, seed: 1, json: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || {
                let value = args.next().and_then(|text| text.parse::<u64>().ok());
                value.ok_or_else(|| format!("{arg} needs a number"))
            };
            match arg.as_str() {
                "--phones" => size.phones = number()?.clamp(1, 10_000) as usize,
                "--visits" => size.visits = number()?.clamp(1, 100) as usize,
                "--within" => size.within_s = number()?.clamp(1, 3_600),
                "--seed" => options.seed = number()?,
                "--json" => options.json = true,
                other => return Err(format!("unknown argument {other}")),
            }
        }
        (options.devices, options.per_device) = (size.phones, size.visits);
        Ok((size, options))
    }
}

/// All of it.
pub(crate) async fn measure(size: Size, options: &Options) -> Figures {
    let mut figures = Figures::default();
    let folder = tempfile::Builder::new().prefix("gandan-load").tempdir().expect("a folder");
    let server = Server::started_with(&folder.path().join("server"), &["--enrolments-per-address", "0"]);
    let plan = Plan {
        phones: size.phones,
        visits: size.visits,
        within: Duration::from_secs(size.within_s),
        seed: options.seed,
        one_address: false,
    };
    figures.group("preparing the phones");
    let phones = prepare(&server, plan);

    figures.group("all come online within the time, each from an address of its own");
    let (load, phones) = all_come_online(&server, plan, phones).await;
    figures.note("phones whose every visit was acknowledged", load.syncs.len() as f64, "");
    figures.note("a whole exchange, median", millis(percentile(&load.syncs, 50)), "ms");
    let p99 = millis(percentile(&load.syncs, 99));
    figures.add("a whole exchange, 99 of 100 below", p99, "ms", Bound::AtMost(2_000.0), "");
    figures.note("a whole exchange, the longest", millis(percentile(&load.syncs, 100)), "ms");
    figures.note("round trips", f64::from(load.round_trips), "");
    figures.add("told to come back later", f64::from(load.turned_away), "", Bound::AtMost(0.0), "");
    let cpu = format!("over {:.1} s", load.wall.as_secs_f64());
    figures.add("server CPU, views included", load.cpu.as_secs_f64(), "s", Bound::None, cpu);
    figures.add("server memory, peak", megabytes(load.memory), "MB", Bound::AtMost(150.0), "");
    staff(&mut figures, &load.staff, load.staff_failed);

    figures.group("a storm from one address, five times its allowance at once");
    let phones: Vec<_> = phones.into_iter().map(|phone| phone.calling_from(gandan_tests::phone::address(0))).collect();
    let times = (5 * AT_ONCE).div_ceil(size.phones) as u32;
    let (storm, phones) = storm(&server, phones, times).await;
    tell(&mut figures, &storm);

    figures.group("the calm after it: all exchange once more, waiting as they are told");
    let calm = Plan { within: Duration::from_secs(1), ..plan };
    let (after, _) = all_come_online(&server, calm, phones).await;
    figures.note("phones that got through", after.syncs.len() as f64, "");
    figures.note("until the last one", after.wall.as_secs_f64(), "s");
    figures.note("told to wait, in all", f64::from(after.turned_away), "times");
    staff(&mut figures, &after.staff, after.staff_failed);
    figures
}

fn tell(figures: &mut Figures, storm: &Storm) {
    figures.note("requests served", storm.served as f64, "");
    figures.note("requests told to come back later", storm.turned_away as f64, "");
    figures.add("answers of any other kind", storm.other as f64, "", Bound::AtMost(0.0), "");
    let per_second = (storm.served + storm.turned_away) as f64 / storm.wall.as_secs_f64();
    figures.note("requests a second", per_second, "/s");
    figures.note("longest wait asked for", storm.longest_wait_s as f64, "s");
    let cpu = format!("over {:.1} s", storm.wall.as_secs_f64());
    figures.add("server CPU", storm.cpu.as_secs_f64(), "s", Bound::None, cpu);
    figures.add("server memory, peak", megabytes(storm.memory), "MB", Bound::AtMost(150.0), "");
    staff(figures, &storm.staff, storm.staff_failed);
}

fn staff(figures: &mut Figures, times: &[Duration], failed: u64) {
    let beside = format!("median {:.1} ms, {} requests", millis(percentile(times, 50)), times.len());
    let p99 = millis(percentile(times, 99));
    figures.add("lists and figures for staff, 99 of 100 below", p99, "ms", Bound::AtMost(2_000.0), beside);
    figures.add("requests of staff that failed", failed as f64, "", Bound::AtMost(0.0), "");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
