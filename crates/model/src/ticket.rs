//! Tickets: the code a resident quotes to look up what became of an issue.
//!
//! A phone without signal must hand out a ticket at once, so the first form carries a prefix of the device and a
//! number that the device counts itself: `24781-2608-K3F7-012`. After the first sync the server gives the short form
//! with a number of its own per month: `24781-2608-0001`. The first form stays valid for look-up for ever, because it
//! is written on the resident's slip.
//!
//! The unit is the code of a commune (5 digits) or of the province (2 digits). A sealed stub carries the province's
//! code, never a commune's.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Letters and digits of a device prefix: no I, L, O and U, which are misread or misheard.
const PREFIX_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Length of a device prefix.
const PREFIX_LEN: usize = 4;

/// Longest text that is looked at as a ticket, in bytes.
const MAX_INPUT_BYTES: usize = 64;

/// Largest number of a ticket.
pub const MAX_TICKET_NUMBER: u32 = 9_999_999;

/// Why a text is not a ticket, or a ticket cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TicketError {
    /// Not three or four groups, or too long.
    #[error("a ticket has three or four groups: unit, year and month, device prefix, number")]
    Form,
    /// The unit is not 2 or 5 digits.
    #[error("the unit of a ticket is 2 or 5 digits")]
    Unit,
    /// Not a year and month.
    #[error("the second group of a ticket is a year and month (yymm)")]
    Month,
    /// The device prefix has a wrong length or letter.
    #[error("the device prefix of a ticket is 4 letters or digits without I, L, O, U")]
    Prefix,
    /// The number is not 1 to [`MAX_TICKET_NUMBER`].
    #[error("the number of a ticket is 1 to 9999999")]
    Number,
}

impl TicketError {
    /// Stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form => "ticket_form",
            Self::Unit => "ticket_unit",
            Self::Month => "ticket_month",
            Self::Prefix => "ticket_prefix",
            Self::Number => "ticket_number",
        }
    }
}

/// A valid ticket. Equal tickets have equal texts. Orders by unit, month, prefix (final first), number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    unit: String,
    /// Months since January 2000.
    month: u16,
    prefix: Option<String>,
    number: u32,
}

impl Ticket {
    /// The ticket a device gives before it has synced. Takes the unit code, the day the issue was received (UTC+7),
    /// the device's id and the device's own running number, 1 to [`MAX_TICKET_NUMBER`].
    pub fn provisional(unit: &str, received_on: Date, device: &[u8; 8], number: u32) -> Result<Self, TicketError> {
        Self::checked(unit, month_of(received_on)?, Some(device_prefix(device)), number)
    }

    /// The ticket the server gives. Takes the unit code, the day the issue was received (UTC+7) and the number,
    /// 1 to [`MAX_TICKET_NUMBER`].
    pub fn settled(unit: &str, received_on: Date, number: u32) -> Result<Self, TicketError> {
        Self::checked(unit, month_of(received_on)?, None, number)
    }

    fn checked(unit: &str, month: u16, prefix: Option<String>, number: u32) -> Result<Self, TicketError> {
        if !matches!(unit.len(), 2 | 5) || !unit.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TicketError::Unit);
        }
        if !(1..=MAX_TICKET_NUMBER).contains(&number) {
            return Err(TicketError::Number);
        }
        Ok(Self { unit: unit.to_owned(), month, prefix, number })
    }

    /// Code of the unit: 5 digits for a commune, 2 for the province.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Year of the month in the ticket, 2000 to 2099.
    pub fn year(&self) -> u16 {
        2000 + self.month / 12
    }

    /// Month in the ticket, 1 to 12.
    pub fn month(&self) -> u16 {
        self.month % 12 + 1
    }

    /// Prefix of the device, only on a ticket given before the first sync.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The running number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether the ticket was given by a device before its first sync.
    pub fn is_provisional(&self) -> bool {
        self.prefix.is_some()
    }
}

/// The four letters and digits that stand for a device in its tickets: the first 20 bits of its id. Two devices of
/// one commune share them with a chance of one in a million; the server then keeps both issues under the one text.
pub fn device_prefix(device: &[u8; 8]) -> String {
    let bits = u32::from_be_bytes([0, device[0], device[1], device[2]]) >> 4;
    (0..PREFIX_LEN).rev().map(|place| char::from(PREFIX_ALPHABET[(bits >> (5 * place)) as usize & 31])).collect()
}

fn month_of(date: Date) -> Result<u16, TicketError> {
    let year = u16::try_from(date.year()).map_err(|_| TicketError::Month)?;
    let month = u16::try_from(date.month()).map_err(|_| TicketError::Month)?;
    match year {
        2000..=2099 => Ok((year - 2000) * 12 + month - 1),
        _ => Err(TicketError::Month),
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}{:02}-", self.unit, self.year() % 100, self.month())?;
        match &self.prefix {
            Some(prefix) => write!(f, "{prefix}-{:03}", self.number),
            None => write!(f, "{:04}", self.number),
        }
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket as people write it down: small or capital letters, spaces, dots or dashes between the groups,
    /// letters O, I and L for the digits they look like.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_INPUT_BYTES {
            return Err(TicketError::Form);
        }
        let groups: Vec<String> = text
            .split(|c: char| c.is_whitespace() || matches!(c, '-' | '.' | '_' | '\u{2010}'..='\u{2015}'))
            .filter(|group| !group.is_empty())
            .map(|group| group.chars().map(as_written).collect())
            .collect();
        let (unit, month, prefix, number) = match groups.as_slice() {
            [unit, month, number] => (unit, month, None, number),
            [unit, month, prefix, number] => (unit, month, Some(prefix), number),
            _ => return Err(TicketError::Form),
        };
        let month = parse_month(month)?;
        if let Some(prefix) = prefix
            && (prefix.len() != PREFIX_LEN || !prefix.bytes().all(|b| PREFIX_ALPHABET.contains(&b)))
        {
            return Err(TicketError::Prefix);
        }
        if number.is_empty() || number.len() > 10 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TicketError::Number);
        }
        let number = number.parse().map_err(|_| TicketError::Number)?;
        Self::checked(unit, month, prefix.cloned(), number)
    }
}

fn as_written(c: char) -> char {
    match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

fn parse_month(text: &str) -> Result<u16, TicketError> {
    if text.len() != 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(TicketError::Month);
    }
    let value: u16 = text.parse().map_err(|_| TicketError::Month)?;
    match value % 100 {
        month @ 1..=12 => Ok(value / 100 * 12 + month - 1),
        _ => Err(TicketError::Month),
    }
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn final_form_is_that_of_the_sample() {
        let ticket = Ticket::settled("24781", date(2026, 8, 2), 1).unwrap();
        assert_eq!(ticket.to_string(), "24781-2608-0001");
        assert_eq!("24781-2608-0001".parse::<Ticket>().unwrap(), ticket);
        assert!(!ticket.is_provisional());
        assert_eq!((ticket.year(), ticket.month(), ticket.number()), (2026, 8, 1));
        let json = serde_json::to_string(&ticket).unwrap();
        assert_eq!(json, r#""24781-2608-0001""#);
        assert_eq!(serde_json::from_str::<Ticket>(&json).unwrap(), ticket);
    }

    #[test]
    fn provisional_form_carries_the_device() {
        let device = [0xFF, 0x00, 0x1F, 4, 5, 6, 7, 8];
        assert_eq!(device_prefix(&device), "ZW01");
        let ticket = Ticket::provisional("24781", date(2026, 12, 31), &device, 12).unwrap();
        assert_eq!(ticket.to_string(), "24781-2612-ZW01-012");
        assert_eq!(ticket.prefix(), Some("ZW01"));
        assert!(ticket.is_provisional());
        for spoken in ["24781 2612 zw0l 12", "24781–2612–ZWO1–12", " 24781.2612.zw01.0012 "] {
            assert_eq!(spoken.parse::<Ticket>().unwrap(), ticket, "{spoken}");
        }
    }

    #[test]
    fn bad_tickets_have_codes() {
        let cases = [
            ("", "ticket_form"),
            ("24781-2608", "ticket_form"),
            ("24781-2608-K3F7-1-1", "ticket_form"),
            ("247815-2608-1", "ticket_unit"),
            ("2478A-2608-1", "ticket_unit"),
            ("24781-2613-1", "ticket_month"),
            ("24781-2600-1", "ticket_month"),
            ("24781-26081-1", "ticket_month"),
            ("24781-2608-K3F-1", "ticket_prefix"),
            ("24781-2608-K3FU-1", "ticket_prefix"),
            ("24781-2608-0", "ticket_number"),
            ("24781-2608-x", "ticket_number"),
            ("24781-2608-+1", "ticket_number"),
            ("24781-2608-10000000", "ticket_number"),
        ];
        for (text, code) in cases {
            assert_eq!(text.parse::<Ticket>().unwrap_err().code(), code, "{text}");
        }
        assert_eq!("9".repeat(65).parse::<Ticket>(), Err(TicketError::Form));
        assert_eq!(Ticket::settled("24781", date(1999, 1, 1), 1), Err(TicketError::Month));
        assert_eq!(Ticket::settled("24781", date(2026, 1, 1), 0), Err(TicketError::Number));
    }

    proptest! {
        #[test]
        fn text_form_round_trips(
            unit in "[0-9]{5}|[0-9]{2}",
            year in 2000i16..2100,
            month in 1i8..=12,
            device in proptest::option::of(any::<[u8; 8]>()),
            number in 1..=MAX_TICKET_NUMBER,
        ) {
            let day = date(year, month, 1);
            let ticket = match device {
                Some(device) => Ticket::provisional(&unit, day, &device, number).unwrap(),
                None => Ticket::settled(&unit, day, number).unwrap(),
            };
            prop_assert_eq!(ticket.to_string().parse::<Ticket>().unwrap(), ticket);
        }

        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = text.parse::<Ticket>();
        }
    }
}
