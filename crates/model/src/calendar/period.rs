//! Reporting periods.
//!
//! Administrative periods end on the 14th (Decree 09/2019 article 12, Inspectorate Circular 01/2024): a month runs
//! from the 15th of the month before, a quarter from the 15th of the month before it, six and nine months and the
//! year from 15 December. Beside them stand calendar periods, and the week from Monday to Sunday for the work of one
//! Sunday.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codes::Lang;

/// First and last year of a period.
const YEARS: std::ops::RangeInclusive<i16> = 1976..=2199;

/// What kind of period a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// 15th of the month before to 14th.
    AdministrativeMonth,
    /// 15th of the month before the quarter to 14th of its last month.
    AdministrativeQuarter,
    /// 15 December to 14 June; one a year.
    AdministrativeSixMonths,
    /// 15 December to 14 September; one a year.
    AdministrativeNineMonths,
    /// 15 December to 14 December.
    AdministrativeYear,
    /// First to last day of a month.
    CalendarMonth,
    /// First to last day of a quarter.
    CalendarQuarter,
    /// 1 January to 31 December.
    CalendarYear,
    /// Monday to Sunday, "Sunday by Sunday"; numbered by ISO week and ISO year.
    Week,
}

impl PeriodKind {
    /// All kinds in the order to offer them.
    pub const ALL: [Self; 9] = [
        Self::AdministrativeMonth,
        Self::AdministrativeQuarter,
        Self::AdministrativeSixMonths,
        Self::AdministrativeNineMonths,
        Self::AdministrativeYear,
        Self::CalendarMonth,
        Self::CalendarQuarter,
        Self::CalendarYear,
        Self::Week,
    ];

    /// Stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdministrativeMonth => "administrative_month",
            Self::AdministrativeQuarter => "administrative_quarter",
            Self::AdministrativeSixMonths => "administrative_six_months",
            Self::AdministrativeNineMonths => "administrative_nine_months",
            Self::AdministrativeYear => "administrative_year",
            Self::CalendarMonth => "calendar_month",
            Self::CalendarQuarter => "calendar_quarter",
            Self::CalendarYear => "calendar_year",
            Self::Week => "week",
        }
    }

    /// Name of the kind.
    pub fn label(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::AdministrativeMonth, Lang::Vi) => "Tháng (kỳ báo cáo hành chính)",
            (Self::AdministrativeMonth, Lang::En) => "Month (administrative)",
            (Self::AdministrativeQuarter, Lang::Vi) => "Quý (kỳ báo cáo hành chính)",
            (Self::AdministrativeQuarter, Lang::En) => "Quarter (administrative)",
            (Self::AdministrativeSixMonths, Lang::Vi) => "6 tháng đầu năm",
            (Self::AdministrativeSixMonths, Lang::En) => "First six months",
            (Self::AdministrativeNineMonths, Lang::Vi) => "9 tháng",
            (Self::AdministrativeNineMonths, Lang::En) => "Nine months",
            (Self::AdministrativeYear, Lang::Vi) => "Năm (kỳ báo cáo hành chính)",
            (Self::AdministrativeYear, Lang::En) => "Year (administrative)",
            (Self::CalendarMonth, Lang::Vi) => "Tháng dương lịch",
            (Self::CalendarMonth, Lang::En) => "Calendar month",
            (Self::CalendarQuarter, Lang::Vi) => "Quý dương lịch",
            (Self::CalendarQuarter, Lang::En) => "Calendar quarter",
            (Self::CalendarYear, Lang::Vi) => "Năm dương lịch",
            (Self::CalendarYear, Lang::En) => "Calendar year",
            (Self::Week, Lang::Vi) => "Tuần (theo Chủ nhật)",
            (Self::Week, Lang::En) => "Week (Sunday by Sunday)",
        }
    }

    /// Number of periods of this kind in a year; a year may have 52 or 53 weeks.
    fn per_year(self, year: i16) -> u8 {
        match self {
            Self::AdministrativeMonth | Self::CalendarMonth => 12,
            Self::AdministrativeQuarter | Self::CalendarQuarter => 4,
            Self::Week if ISOWeekDate::new(year, 53, Weekday::Monday).is_ok() => 53,
            Self::Week => 52,
            _ => 1,
        }
    }
}

impl FromStr for PeriodKind {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(PeriodError::Kind)
    }
}

/// Why something is not a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// No such kind of period.
    #[error("unknown kind of period")]
    Kind,
    /// The number or the year is out of range.
    #[error("no period of this number in the year, or a year outside 1976 to 2199")]
    Number,
    /// Not `kind:year-number`.
    #[error("a period is written kind:year-number")]
    Form,
}

impl PeriodError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Kind => "period_kind",
            Self::Number => "period_number",
            Self::Form => "period_form",
        }
    }
}

/// One period with its first and last day. Written `calendar_month:2026-11` (kind, year, number in the year).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Period {
    kind: PeriodKind,
    year: i16,
    number: u8,
    first: Date,
    last: Date,
}

impl Period {
    /// The period of a kind with a number (from 1) in a year from 1976 to 2199. For weeks these are ISO week and
    /// ISO year. Error: [`PeriodError::Number`].
    pub fn new(kind: PeriodKind, year: i16, number: u8) -> Result<Self, PeriodError> {
        if !YEARS.contains(&year) || !(1..=kind.per_year(year)).contains(&number) {
            return Err(PeriodError::Number);
        }
        let (first, last) = bounds(kind, year, number).ok_or(PeriodError::Number)?;
        Ok(Self { kind, year, number, first, last })
    }

    /// The period of a kind that holds a date. `None` where no period of the kind does (six and nine months leave
    /// the end of the year free) and outside 1976 to 2199.
    pub fn containing(kind: PeriodKind, date: Date) -> Option<Self> {
        if kind == PeriodKind::Week {
            let week = date.iso_week_date();
            return Self::new(kind, week.year(), u8::try_from(week.week()).ok()?).ok();
        }
        let years = [date.year(), date.year().saturating_add(1)];
        years
            .into_iter()
            .flat_map(|year| (1..=kind.per_year(year)).map(move |number| (year, number)))
            .filter_map(|(year, number)| Self::new(kind, year, number).ok())
            .find(|period| period.contains(date))
    }

    /// The newest period of a kind that ended before a date: the one to report on that day.
    pub fn last_ended(kind: PeriodKind, on: Date) -> Option<Self> {
        let year = on.year().checked_add(1)?;
        let mut period = Self::new(kind, year, 1).ok()?;
        while period.last >= on {
            period = period.previous()?;
        }
        let mut next = period.next();
        while let Some(later) = next.filter(|later| later.last < on) {
            period = later;
            next = period.next();
        }
        Some(period)
    }

    /// The period of the same kind before this one; `None` at the first year.
    pub fn previous(&self) -> Option<Self> {
        if self.number > 1 {
            return Self::new(self.kind, self.year, self.number - 1).ok();
        }
        let year = self.year - 1;
        Self::new(self.kind, year, self.kind.per_year(year)).ok()
    }

    /// The period of the same kind after this one; `None` at the last year.
    pub fn next(&self) -> Option<Self> {
        match Self::new(self.kind, self.year, self.number + 1) {
            Ok(period) => Some(period),
            Err(_) => Self::new(self.kind, self.year + 1, 1).ok(),
        }
    }

    /// Kind of the period.
    pub fn kind(&self) -> PeriodKind {
        self.kind
    }

    /// Year the period belongs to. The administrative year 2026 begins in December 2025.
    pub fn year(&self) -> i16 {
        self.year
    }

    /// Number of the period in its year, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// First day.
    pub fn first(&self) -> Date {
        self.first
    }

    /// Last day, part of the period. Of a week this is its Sunday.
    pub fn last(&self) -> Date {
        self.last
    }

    /// Whether a date lies in the period.
    pub fn contains(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }

    /// Title of the period with its days, for the head of a report.
    pub fn label(&self, lang: Lang) -> String {
        let (year, number) = (self.year, self.number);
        let name = match (self.kind, lang) {
            (PeriodKind::AdministrativeMonth | PeriodKind::CalendarMonth, Lang::Vi) => {
                format!("Tháng {number}/{year}")
            }
            (PeriodKind::AdministrativeMonth | PeriodKind::CalendarMonth, Lang::En) => {
                format!("Month {number}/{year}")
            }
            (PeriodKind::AdministrativeQuarter | PeriodKind::CalendarQuarter, Lang::Vi) => {
                format!("Quý {}/{year}", roman(number))
            }
            (PeriodKind::AdministrativeQuarter | PeriodKind::CalendarQuarter, Lang::En) => {
                format!("Quarter {number}/{year}")
            }
            (PeriodKind::AdministrativeSixMonths, Lang::Vi) => format!("6 tháng đầu năm {year}"),
            (PeriodKind::AdministrativeSixMonths, Lang::En) => {
                format!("First six months of {year}")
            }
            (PeriodKind::AdministrativeNineMonths, Lang::Vi) => format!("9 tháng năm {year}"),
            (PeriodKind::AdministrativeNineMonths, Lang::En) => format!("Nine months of {year}"),
            (PeriodKind::AdministrativeYear | PeriodKind::CalendarYear, Lang::Vi) => {
                format!("Năm {year}")
            }
            (PeriodKind::AdministrativeYear | PeriodKind::CalendarYear, Lang::En) => {
                format!("Year {year}")
            }
            (PeriodKind::Week, Lang::Vi) => format!("Tuần {number}/{year}"),
            (PeriodKind::Week, Lang::En) => format!("Week {number}/{year}"),
        };
        format!("{name} ({} – {})", display_date(self.first), display_date(self.last))
    }
}

/// A date as it is written in Vietnam, dd/MM/yyyy.
pub(crate) fn display_date(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

fn roman(quarter: u8) -> &'static str {
    match quarter {
        1 => "I",
        2 => "II",
        3 => "III",
        _ => "IV",
    }
}

fn bounds(kind: PeriodKind, year: i16, number: u8) -> Option<(Date, Date)> {
    let month = i8::try_from(number).ok()?;
    match kind {
        PeriodKind::AdministrativeMonth => administrative(year, month, 1),
        PeriodKind::AdministrativeQuarter => administrative(year, month * 3, 3),
        PeriodKind::AdministrativeSixMonths => administrative(year, 6, 6),
        PeriodKind::AdministrativeNineMonths => administrative(year, 9, 9),
        PeriodKind::AdministrativeYear => administrative(year, 12, 12),
        PeriodKind::CalendarMonth => calendar(year, month, month),
        PeriodKind::CalendarQuarter => calendar(year, month * 3 - 2, month * 3),
        PeriodKind::CalendarYear => calendar(year, 1, 12),
        PeriodKind::Week => {
            let monday = ISOWeekDate::new(year, month, Weekday::Monday).ok()?.date();
            Some((monday, monday.checked_add(6.days()).ok()?))
        }
    }
}

/// From the 15th, `months` months before the last month, to the 14th of the last month.
fn administrative(year: i16, last_month: i8, months: i8) -> Option<(Date, Date)> {
    let last = Date::new(year, last_month, 14).ok()?;
    let first = Date::new(year, last_month, 15).ok()?;
    Some((first.checked_sub(i64::from(months).months()).ok()?, last))
}

fn calendar(year: i16, first_month: i8, last_month: i8) -> Option<(Date, Date)> {
    let first = Date::new(year, first_month, 1).ok()?;
    Some((first, Date::new(year, last_month, 1).ok()?.last_of_month()))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}-{:02}", self.kind.as_str(), self.year, self.number)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(':').ok_or(PeriodError::Form)?;
        let (year, number) = rest.split_once('-').ok_or(PeriodError::Form)?;
        let kind = kind.parse()?;
        let year = year.parse().map_err(|_| PeriodError::Form)?;
        Self::new(kind, year, number.parse().map_err(|_| PeriodError::Form)?)
    }
}

#[cfg(test)]
mod tests;
