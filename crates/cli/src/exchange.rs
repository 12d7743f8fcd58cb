//! The commands that talk to the server.

use crate::commands::to_json;
use crate::photos::transfer;
use crate::resources::usage;
use crate::{Failure, Said};
use gandan_client::transport::Meter;
use gandan_client::{Cancel, Client, Progress, SyncOptions, SyncReport, TransferOptions, TransferReport};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An exchange that takes longer tells how far it has come, and again after as long.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::plain("runtime", format!("the network cannot be used: {error}")))
}

/// `enrol`.
pub(crate) fn enrol(client: &Client, link: &str, insecure: bool) -> Result<Said, Failure> {
    let device = runtime()?.block_on(client.enrol(link, insecure))?;
    let units = client.standing()?.units;
    let mut json = to_json(&device);
    json["units"] = to_json(&units);
    let text = format!("{} ({}), {}\n{}\n", device.name, device.official, device.role, units.join(" "));
    Ok(Said { json, text })
}

/// `sync`.
pub(crate) fn sync(client: &Client, max_rounds: u32, metered: bool) -> Result<Said, Failure> {
    let cancel = Cancel::new();
    let seen = Arc::new(Mutex::new(Progress::default()));
    let (meter, latest) = (Meter::default(), seen.clone());
    let keep = move |progress: &Progress| *latest.lock().unwrap_or_else(PoisonError::into_inner) = *progress;
    let progress = Arc::new(keep);
    let options =
        SyncOptions { max_rounds, cancel: cancel.clone(), meter: meter.clone(), progress, ..SyncOptions::default() };
    let started = Instant::now();
    let result = runtime()?.block_on(async {
        let exchange = client.sync_once(options);
        let mut exchange = std::pin::pin!(exchange);
        loop {
            tokio::select! {
                result = &mut exchange => return result,
                _ = tokio::signal::ctrl_c(), if !cancel.is_cancelled() => {
                    eprintln!("stopping …");
                    cancel.cancel();
                }
                () = tokio::time::sleep(PATIENCE) => {
                    tell(&seen.lock().unwrap_or_else(PoisonError::into_inner), &meter);
                }
            }
        }
    });
    match result {
        Ok(report) => {
            let mut json = measured(&report, started);
            // Records first: the server takes files of records that it knows.
            let options = TransferOptions { originals: !metered, ..TransferOptions::default() };
            let moved = transfer(client, options).map_err(|failure| failure.after(json.clone()))?;
            json["photos"] = to_json(&moved);
            Ok(Said { text: account(&report) + &account_of_files(&moved), json })
        }
        Err(failure) => Err(Failure::from(failure.error).after(measured(&failure.report, started))),
    }
}

/// The report with what it has cost.
fn measured(report: &SyncReport, started: Instant) -> Value {
    let usage = usage();
    let mut json = to_json(report);
    json["wall_ms"] = json!(started.elapsed().as_secs_f64() * 1_000.0);
    json["cpu_ms"] = json!(usage.cpu_ms);
    json["peak_memory_kb"] = json!(usage.peak_memory_kb);
    json
}

/// Tells how far an exchange has come.
fn tell(progress: &Progress, meter: &Meter) {
    if meter.up() == 0 {
        eprintln!("packing what waits …");
        return;
    }
    eprintln!(
        "{} round trips, {} KB up, {} KB down; {} sent, {} received, {} waiting …",
        progress.round_trips,
        meter.up() / 1_000,
        meter.down() / 1_000,
        progress.pushed,
        progress.pulled,
        progress.waiting
    );
}

fn account_of_files(report: &TransferReport) -> String {
    let mut text = String::new();
    if report.sent + report.fetched > 0 {
        let _ = writeln!(text, "{} files of photos sent, {} received", report.sent, report.fetched);
    }
    if report.waiting > 0 {
        let _ = writeln!(text, "{} files of photos still wait; sync again", report.waiting);
    }
    if report.refused > 0 {
        let _ = writeln!(text, "{} files of photos were not taken; they stay here", report.refused);
    }
    text
}

fn account(report: &SyncReport) -> String {
    let mut text = format!(
        "{} changes sent, {} received; {} round trips, {} bytes up, {} down\n",
        report.pushed, report.pulled, report.round_trips, report.bytes_up, report.bytes_down
    );
    if report.waiting > 0 {
        let _ = writeln!(text, "{} changes still wait; sync again", report.waiting);
    }
    for refused in &report.refused {
        let _ = writeln!(
            text,
            "envelope {} was not taken ({}): {} records stay here; tell the administrator",
            refused.device_seq,
            refused.code,
            refused.records.len()
        );
    }
    for decided in &report.decided {
        let reason = crate::table::plain(&decided.reason);
        let _ = match decided.outcome {
            "admitted" => writeln!(text, "gói {} đã được nhận / envelope accepted", decided.device_seq),
            "discarded" => writeln!(
                text,
                "gói {} không được nhận, lý do: {reason}; vẫn còn trên máy, xem `gandan held` / envelope not accepted, kept here",
                decided.device_seq
            ),
            _ => writeln!(text, "gói {} đã bị xóa theo yêu cầu / envelope erased", decided.device_seq),
        };
    }
    for grant in &report.grants {
        let _ = writeln!(text, "unit {}: {}", grant.unit, if grant.given { "given" } else { "taken away" });
    }
    if report.skew_s.abs() > 300 {
        let _ = writeln!(text, "giờ máy lệch {} giây / the clock is off by {} seconds", report.skew_s, report.skew_s);
    }
    text
}
