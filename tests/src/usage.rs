//! What a process has cost, as the system counts it.

use std::fs;
use std::time::Duration;

/// Processor time (user and system) of a process so far. Zero where there is no `/proc`.
pub fn cpu(pid: u32) -> Duration {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return Duration::ZERO };
    // The name of the program stands in parentheses and may hold anything; what counts comes after it.
    let Some((_, rest)) = stat.rsplit_once(')') else { return Duration::ZERO };
    let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that there is; finer figures come from `schedstat`.
    // Threads that ended count only in the coarse figure.
    cpu_of_threads(pid, |_| true).max(Duration::from_millis(ticks * 10).saturating_sub(Duration::from_millis(20)))
}

/// Processor time so far of the threads whose names `wanted` picks, to the nanosecond; of those that live now.
pub fn cpu_of_threads(pid: u32, wanted: impl Fn(&str) -> bool) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let mut total = 0_u64;
    for task in tasks.flatten() {
        // A thread may end while we look.
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let line = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanos: u64 = line.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
        total += if wanted(name.trim()) { nanos } else { 0 };
    }
    Duration::from_nanos(total)
}

/// Largest resident memory of a process so far, in bytes. Zero where there is no `/proc`.
pub fn peak_memory(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// Resident memory of a process now, in bytes. Zero where there is no `/proc`.
pub fn memory(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// Open handles of a process: files, connections and the like. Zero where there is no `/proc`.
pub fn handles(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn status(pid: u32, name: &str) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return 0 };
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Starts the peak anew from what is resident now. Does nothing where the system does not allow it.
pub fn reset_peak_memory(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Bytes of all files under a folder.
pub fn folder_size(folder: &std::path::Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_cost_something() {
        let before = cpu(std::process::id());
        let mut sum = 0_u64;
        while cpu(std::process::id()) <= before {
            sum = (0..100_000).fold(sum, |sum, n| std::hint::black_box(sum.wrapping_add(n)));
        }
        assert!(peak_memory(std::process::id()) > 1 << 20);
    }
}
