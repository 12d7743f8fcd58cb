//! Working days, civil dates of Vietnam and the periods of the reports.
//!
//! Holidays and make-up working days are data ([`CalendarData`]), because they are decided anew every year. The
//! built-in file holds what is known, each day with a mark that tells how well; an office loads its own.
//!
//! Counting follows the Civil Code 2015, articles 147 and 148: the first day is not counted, and if the last day is
//! a weekend or holiday the time limit ends at the end of the next working day.
//!
//! ```
//! use gandan_model::calendar::Calendar;
//! use jiff::civil::date;
//!
//! let calendar = Calendar::builtin();
//! // 30 days from Sunday 2 August 2026 end on 1 September, a holiday; so does the 2nd.
//! let due = calendar.add_days_then_next_working_day(date(2026, 8, 2), 30)?;
//! assert_eq!(due, date(2026, 9, 3));
//! # Ok::<(), gandan_model::calendar::CalendarError>(())
//! ```

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod period;

pub(crate) use period::display_date;
pub use period::{Period, PeriodError, PeriodKind};

/// Offset of Vietnam from UTC. There is no summer time.
pub const VIETNAM_OFFSET: Offset = Offset::constant(7);

/// Most special days a calendar holds (about a century of them).
pub const MAX_SPECIAL_DAYS: usize = 4_096;

/// The civil date in Vietnam (UTC+7) at an instant.
pub fn vietnam_date(instant: Timestamp) -> Date {
    VIETNAM_OFFSET.to_datetime(instant).date()
}

/// The instant at which a civil date begins in Vietnam. Error only at the ends of the time scale.
pub fn vietnam_day_start(date: Date) -> Result<Timestamp, CalendarError> {
    let zoned = date.to_zoned(TimeZone::fixed(VIETNAM_OFFSET));
    zoned.map(|z| z.timestamp()).map_err(|_| CalendarError::OutOfRange)
}

/// What went wrong in a calendar.
#[derive(Debug, Error)]
pub enum CalendarError {
    /// A date beyond the years that can be written.
    #[error("date out of range")]
    OutOfRange,
    /// The calendar file is not what it should be.
    #[error("calendar file: {0}")]
    Form(#[from] serde_json::Error),
    /// A date stands twice in the calendar file.
    #[error("calendar file: {0} stands twice")]
    TwiceListed(Date),
    /// Too many days, or a week without a working day.
    #[error("calendar file: {0}")]
    Content(&'static str),
}

impl CalendarError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange => "calendar_out_of_range",
            Self::Form(_) => "calendar_form",
            Self::TwiceListed(_) => "calendar_twice_listed",
            Self::Content(_) => "calendar_content",
        }
    }
}

/// How well a fact of law or calendar is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Read in the primary text.
    Primary,
    /// Read in a secondary source.
    Secondary,
    /// Taken for granted, not checked.
    Assumption,
    /// Announced or heard, not checked.
    Unverified,
    /// A setting or proposal of this software, not law.
    Proposal,
}

/// What a special day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SpecialKind {
    /// A day off.
    Holiday,
    /// A weekend day worked in exchange for a day off.
    MakeUpWorkingDay,
}

/// One special day of the calendar file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SpecialDay {
    /// The civil date (UTC+7).
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Date))]
    pub date: Date,
    /// Holiday or make-up working day.
    pub kind: SpecialKind,
    /// Whether the day counts; false keeps a place for a day that is not settled.
    pub active: bool,
    /// How well it is known.
    pub mark: Mark,
    /// Vietnamese name.
    pub vi: String,
    /// English name.
    pub en: String,
    /// Remark for the administrator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What is known about a year as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CalendarYear {
    /// The year.
    pub year: i16,
    /// Whether every holiday and make-up day of the year is listed.
    pub complete: bool,
    /// How well it is known.
    pub mark: Mark,
    /// Remark for the administrator.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The calendar file, `data/calendar-vn.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CalendarData {
    /// Version of the content, for display beside computed due dates.
    pub version: String,
    /// Weekly days off as ISO numbers, 1 Monday to 7 Sunday.
    pub weekend: Vec<i8>,
    /// Years looked at.
    pub years: Vec<CalendarYear>,
    /// Holidays and make-up days.
    pub days: Vec<SpecialDay>,
}

/// Why a day is not a working day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum DayOff {
    /// A weekly day off.
    Weekend,
    /// A holiday, with its names.
    Holiday {
        /// Vietnamese name.
        vi: String,
        /// English name.
        en: String,
    },
}

/// Knows which days are worked.
#[derive(Clone, Debug)]
pub struct Calendar {
    version: String,
    weekend: [bool; 7],
    years: Vec<CalendarYear>,
    days: BTreeMap<Date, SpecialDay>,
}

static BUILTIN: LazyLock<Calendar> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is compiled in and the tests of this module read it: it cannot differ at run time"
    )]
    Calendar::from_json(include_str!("../data/calendar-vn.json")).expect("built-in calendar")
});

impl Calendar {
    /// The calendar compiled into the program.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads a calendar file. Errors: [`CalendarError::Form`], [`CalendarError::TwiceListed`],
    /// [`CalendarError::Content`].
    pub fn from_json(json: &str) -> Result<Self, CalendarError> {
        Self::new(serde_json::from_str(json)?)
    }

    /// Makes a calendar from its data. Errors as [`Calendar::from_json`].
    pub fn new(file: CalendarData) -> Result<Self, CalendarError> {
        if file.days.len() > MAX_SPECIAL_DAYS {
            return Err(CalendarError::Content("too many days"));
        }
        let mut weekend = [false; 7];
        for day in file.weekend {
            let day =
                Weekday::from_monday_one_offset(day).map_err(|_| CalendarError::Content("a weekday is 1 to 7"))?;
            weekend[weekday_index(day)] = true;
        }
        if weekend.iter().all(|off| *off) {
            return Err(CalendarError::Content("no working day in the week"));
        }
        let mut days = BTreeMap::new();
        for day in file.days {
            let date = day.date;
            if days.insert(date, day).is_some() {
                return Err(CalendarError::TwiceListed(date));
            }
        }
        Ok(Self { version: file.version, weekend, years: file.years, days })
    }

    /// Version of the calendar's content.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether every holiday of the year is known to be listed. A due date in a year that is not complete is an
    /// estimate: show it as such.
    pub fn is_complete(&self, year: i16) -> bool {
        self.years.iter().any(|known| known.year == year && known.complete)
    }

    /// The data that it was made of; days in order of date.
    pub fn data(&self) -> CalendarData {
        let weekend = (1..).zip(self.weekend).filter(|(_, off)| *off).map(|(day, _)| day).collect();
        let days = self.days.values().cloned().collect();
        CalendarData { version: self.version.clone(), weekend, years: self.years.clone(), days }
    }

    /// The special days, active or not, in order of date.
    pub fn special_days(&self) -> impl Iterator<Item = &SpecialDay> {
        self.days.values()
    }

    /// Whether the day is worked.
    pub fn is_working_day(&self, date: Date) -> bool {
        match self.days.get(&date).filter(|day| day.active) {
            Some(day) => day.kind == SpecialKind::MakeUpWorkingDay,
            None => !self.weekend[weekday_index(date.weekday())],
        }
    }

    /// Why the day is not worked, or `None` for a working day.
    pub fn day_off(&self, date: Date) -> Option<DayOff> {
        if self.is_working_day(date) {
            return None;
        }
        Some(match self.days.get(&date).filter(|day| day.active) {
            Some(day) => DayOff::Holiday { vi: day.vi.clone(), en: day.en.clone() },
            None => DayOff::Weekend,
        })
    }

    /// The day itself if worked, else the first working day after it. Error: end of the time scale.
    pub fn working_day_from(&self, date: Date) -> Result<Date, CalendarError> {
        let mut date = date;
        while !self.is_working_day(date) {
            date = next_day(date)?;
        }
        Ok(date)
    }

    /// The day `days` working days after `start`; the start is not counted and need not be a working day.
    /// 0 gives the start, or the first working day after it. Error: end of the time scale.
    pub fn add_working_days(&self, start: Date, days: u16) -> Result<Date, CalendarError> {
        let mut date = start;
        let mut left = days;
        while left > 0 {
            date = next_day(date)?;
            if self.is_working_day(date) {
                left -= 1;
            }
        }
        self.working_day_from(date)
    }

    /// The end of a time limit of `days` calendar days from `start`: the start is not counted; if the last day is
    /// not worked, the next working day. Error: end of the time scale.
    pub fn add_days_then_next_working_day(&self, start: Date, days: u16) -> Result<Date, CalendarError> {
        self.working_day_from(add_days(start, days)?)
    }

    /// Number of working days after `from` up to and including `to`; 0 if `to` is not later. A measure of delay.
    pub fn working_days_between(&self, from: Date, to: Date) -> u32 {
        let mut count = 0;
        let mut date = from;
        while date < to {
            // The day before `to` always has a next day.
            let Ok(next) = next_day(date) else { break };
            date = next;
            count += u32::from(self.is_working_day(date));
        }
        count
    }
}

/// The date `days` calendar days later. Error: end of the time scale.
pub(crate) fn add_days(date: Date, days: u16) -> Result<Date, CalendarError> {
    date.checked_add(i64::from(days).days()).map_err(|_| CalendarError::OutOfRange)
}

pub(crate) fn next_day(date: Date) -> Result<Date, CalendarError> {
    date.tomorrow().map_err(|_| CalendarError::OutOfRange)
}

fn weekday_index(day: Weekday) -> usize {
    match day {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

#[cfg(test)]
mod tests;
