//! The documented names that the demo relies on: commands, options, fields of answers, addresses.
//! If one of them changes, this is the only file of xtask to follow.

/// Role of an official with a phone.
pub(super) const ROLE_OFFICIAL: &str = "field_official";
/// Role of somebody at the province who reads the reports.
pub(super) const ROLE_STAFF: &str = "province_staff";

/// Role of the inspectorate, which alone sees that something sealed exists.
pub(super) const ROLE_INSPECTOR: &str = "inspector";

/// Who tries the officials' app in a browser.
pub(super) const VISITOR: &str = "Cán bộ xem thử";

/// Fields of `gandan sync --json`.
pub(super) mod sync {
    pub(in crate::demo) const ROUND_TRIPS: &str = "round_trips";
    pub(in crate::demo) const BYTES_UP: &str = "bytes_up";
    pub(in crate::demo) const BYTES_DOWN: &str = "bytes_down";
    pub(in crate::demo) const PUSHED: &str = "pushed";
    pub(in crate::demo) const PULLED: &str = "pulled";
    pub(in crate::demo) const REFUSED: &str = "refused";
}

/// Fields of `gandan record --json`.
pub(super) mod record {
    /// Number of lines kept.
    pub(in crate::demo) const SAVED: &str = "saved";
    /// Lines that could not be kept, with their numbers.
    pub(in crate::demo) const BAD: &str = "bad";
}

/// Fields of `gandan review --json`.
pub(super) mod review {
    /// The page's items.
    pub(in crate::demo) const ITEMS: &str = "items";
    /// The visit or issue of an item.
    pub(in crate::demo) const RECORD: &str = "id";
    /// The merge rule that asks, of an item.
    pub(in crate::demo) const RULE: &str = "rule";
    /// The longest page.
    pub(in crate::demo) const MOST: &str = "1000";
}

/// Fields of `gandan show --json`.
pub(super) mod show {
    /// The record as the model views it.
    pub(in crate::demo) const RECORD: &str = "record";
    /// Its review items, inside the record.
    pub(in crate::demo) const REVIEW: &str = "review";
}

/// The one line that `gandan-server serve --json` prints when it takes connections.
pub(super) const LISTENING: &str = "listening";
/// Field of `gandan-server enrol --json`.
pub(super) const LINK: &str = "link";
/// Field of `gandan-server token --json`.
pub(super) const TOKEN: &str = "token";

/// Answers 200 when the server is ready.
pub(super) const HEALTH: &str = "/healthz";
/// Answers 200 when all that was acknowledged is in the figures.
pub(super) const VIEWS_CURRENT: &str = "/healthz?views_current=true";
/// The whole sample, and the day by which its figures were worked out. The last day is later than
/// that day because the sample holds a visit planned for the next one.
pub(super) const SUMMARY: &str = "/api/v1/reports/summary?from=2026-08-01&to=2026-11-30&as_of=2026-11-21";
/// What else is worth opening in the end: address, and what it shows.
pub(super) const PAGES: &[(&str, &str)] = &[
    (SUMMARY, "the figures above"),
    ("/api/v1/visits?limit=5", "visits"),
    ("/api/v1/issues?status=in_progress&limit=5", "issues in progress"),
    ("/api/openapi.json", "the API's description"),
    ("/metrics", "metrics for Prometheus"),
    (HEALTH, "ready or not"),
];
