//! Days as whole numbers: what the report tables store and compare.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::Offset};

/// The offset of Vietnam, which has no summer time.
const VIETNAM: Offset = Offset::constant(7);
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A civil date of UTC+7 as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Before every date that a record can carry.
    pub const FIRST: Self = Self(0);
    /// 9999-12-31: after every date that a record can carry.
    pub const LAST: Self = Self(2_932_896);

    /// The day of a date.
    pub fn of(date: Date) -> Self {
        Self(date.duration_since(EPOCH).as_hours() / 24)
    }

    /// The day in Vietnam at an instant given in milliseconds since 1970.
    pub fn of_ms(ms: i64) -> Self {
        let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self::of(VIETNAM.to_datetime(instant).date())
    }

    /// The date of the day; a number that no calendar has gives its nearest end.
    pub fn date(self) -> Date {
        let days = self.0.clamp(Self::FIRST.0, Self::LAST.0);
        EPOCH.checked_add(days.days()).unwrap_or(EPOCH)
    }

    /// The instant at which the day begins in Vietnam, in milliseconds since 1970.
    pub fn start_ms(self) -> i64 {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        self.0.saturating_mul(DAY_MS) - i64::from(VIETNAM.seconds()) * 1000
    }

    /// The first day of the month that the day lies in.
    #[must_use]
    pub fn month(self) -> Self {
        Self::of(self.date().first_of_month())
    }

    /// The Monday of the week that the day lies in.
    #[must_use]
    pub fn monday(self) -> Self {
        // 1970-01-01 was a Thursday.
        Self(self.0 - (self.0 + 3).rem_euclid(7))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_and_dates_go_both_ways() {
        assert_eq!(Day::of(date(1970, 1, 2)), Day(1));
        assert_eq!(Day::LAST, Day::of(date(9999, 12, 31)));
        for day in [date(2000, 2, 29), date(2026, 11, 21), date(2100, 12, 31)] {
            assert_eq!(Day::of(day).date(), day);
        }
    }

    #[test]
    fn the_day_begins_at_midnight_in_vietnam() {
        let last_second = "2026-11-21T16:59:59Z".parse::<Timestamp>().unwrap();
        let midnight = "2026-11-21T17:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(Day::of_ms(last_second.as_millisecond()).date(), date(2026, 11, 21));
        assert_eq!(Day::of_ms(midnight.as_millisecond()).date(), date(2026, 11, 22));
        assert_eq!(Day::of(date(2026, 11, 22)).start_ms(), midnight.as_millisecond());
    }

    #[test]
    fn weeks_start_on_monday() {
        for (day, monday) in [(21, 16), (22, 16), (23, 23), (16, 16)] {
            assert_eq!(Day::of(date(2026, 11, day)).monday().date(), date(2026, 11, monday));
        }
    }
}
