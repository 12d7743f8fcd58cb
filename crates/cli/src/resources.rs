//! What this process has cost so far.

/// Processor time and peak memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time in milliseconds, with fractions.
    pub(crate) cpu_ms: f64,
    /// Largest resident set in kilobytes.
    pub(crate) peak_memory_kb: i64,
}

/// What this process has cost so far; zeros where the system does not tell.
pub(crate) fn usage() -> Usage {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Usage::default() };
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        // Exact up to 285 years of processor time.
        #[allow(clippy::cast_precision_loss)]
        let cpu_ms = micros as f64 / 1_000.0;
        // Darwin counts in bytes, the others in kilobytes.
        let unit = if cfg!(target_vendor = "apple") { 1024 } else { 1 };
        Usage { cpu_ms, peak_memory_kb: own_peak_kb().unwrap_or(usage.max_rss() / unit) }
    }
    #[cfg(not(unix))]
    Usage::default()
}

/// The peak as Linux tells it of this program alone; `getrusage` also counts what the program had that started it.
#[cfg(unix)]
fn own_peak_kb() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
