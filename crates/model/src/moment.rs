//! Instants and civil dates as the field uses them: shown in UTC+7, which has no summer time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The offset of Vietnam.
const VIETNAM: Offset = Offset::constant(7);
/// What a record can be about; anything else is a slip of the pen or a broken clock.
const FIRST_YEAR: i16 = 2000;
const LAST_YEAR: i16 = 2100;

/// An instant, written as RFC 3339 with the offset +07:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The instant so many milliseconds after 1970; clamped to what a calendar can show.
    pub fn from_ms(ms: i64) -> Self {
        Self(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The civil date in UTC+7.
    pub fn date(self) -> Date {
        VIETNAM.to_datetime(self.0).date()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.0.to_zoned(TimeZone::fixed(VIETNAM));
        write!(f, "{}", local.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    }
}

/// Why text is not a time or a date that a record can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It does not read as a time or date, or names a day that the calendar lacks.
    #[error("{0:?} is not a date or time; write 2026-08-02 or 2026-08-02T08:30:00+07:00")]
    Unreadable(String),
    /// It is outside the years that a record can be about.
    #[error("{0} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")]
    OutOfRange(String),
}

impl FromStr for Moment {
    type Err = TimeError;

    /// Reads RFC 3339 with any offset; years 2000 to 2100.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment = Self(text.parse().map_err(|_| TimeError::Unreadable(shown(text)))?);
        check_year(moment.date(), text)?;
        Ok(moment)
    }
}

/// Reads a civil date (`2026-08-02`); years 2000 to 2100.
pub fn parse_date(text: &str) -> Result<Date, TimeError> {
    if text.len() != 10 {
        return Err(TimeError::Unreadable(shown(text)));
    }
    let date = text.parse().map_err(|_| TimeError::Unreadable(shown(text)))?;
    check_year(date, text)?;
    Ok(date)
}

fn check_year(date: Date, text: &str) -> Result<(), TimeError> {
    if (FIRST_YEAR..=LAST_YEAR).contains(&date.year()) { Ok(()) } else { Err(TimeError::OutOfRange(shown(text))) }
}

/// What came from outside is repeated in an error only in part.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_vietnam() {
        let moment: Moment = "2026-08-01T20:30:00Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-08-02T03:30:00+07:00");
        assert_eq!(moment.date().to_string(), "2026-08-02");
        assert_eq!(Moment::from_ms(moment.ms()), moment);
    }

    #[test]
    fn dates_that_cannot_be_are_refused() {
        for text in ["2026-02-30", "2026-13-01", "02/08/2026", "", "1899-01-01", "2026-08-02T00:00"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
        for text in ["2026-02-30T08:00:00+07:00", "2026-08-02", "soon", "9999-12-31T00:00:00Z"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
