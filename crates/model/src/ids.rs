//! Identifiers: fixed arrays of bytes, shown as hexadecimal (documents as UUIDs).
//!
//! They are made on the device that creates the thing named and are never reused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is not an identifier of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier: expected {expected}")]
pub struct ParseIdError {
    /// What would have been accepted, in words.
    pub expected: &'static str,
}

fn hex_nibble(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_nibble(pair[0])? << 4 | hex_nibble(pair[1])?;
    }
    Some(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal, $show:expr, $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(
            /// The bytes themselves.
            pub [u8; $len],
        );

        impl $name {
            /// The bytes, when there are exactly as many as the identifier has.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&[u8; $len], &mut fmt::Formatter<'_>) -> fmt::Result = $show;
                show(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let read: fn(&str) -> Option<[u8; $len]> = $read;
                read(text).map(Self).ok_or(ParseIdError { expected: $expected })
            }
        }

        /// Text in formats for people (JSON), bare bytes in binary formats.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    fixed::serialize(&self.0, serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    fixed::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

id!(
    /// A device (one installation of the app). It is the automerge actor of everything written there.
    DeviceId, 8, "16 hexadecimal digits",
    |bytes, f| write_hex(bytes, f), parse_hex
);
id!(
    /// A space: one organisation unit and one compartment; the unit of replication and permission.
    SpaceId, 16, "32 hexadecimal digits",
    |bytes, f| write_hex(bytes, f), parse_hex
);
id!(
    /// The SHA-256 of an attached file's bytes: its name everywhere.
    FileHash, 32, "64 hexadecimal digits",
    |bytes, f| write_hex(bytes, f), parse_hex
);
id!(
    /// The SHA-256 hash that names an automerge change or an envelope.
    ChangeHash, 32, "64 hexadecimal digits",
    |bytes, f| write_hex(bytes, f), parse_hex
);
id!(
    /// A document (a visit, an issue, a contact …): a UUID made on the device that creates it.
    DocId, 16, "a UUID",
    |bytes, f| fmt::Display::fmt(&uuid::Uuid::from_bytes(*bytes), f),
    |text| uuid::Uuid::parse_str(text).ok().map(uuid::Uuid::into_bytes)
);

/// Fixed arrays in binary formats, without a length.
mod fixed {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::ser::SerializeTuple;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(bytes.len())?;
        for byte in bytes {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }

    pub(super) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; N], D::Error> {
        struct Bytes<const N: usize>;

        impl<'de, const N: usize> Visitor<'de> for Bytes<N> {
            type Value = [u8; N];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
                let mut out = [0; N];
                for (index, byte) in out.iter_mut().enumerate() {
                    *byte = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
                }
                Ok(out)
            }
        }

        deserializer.deserialize_tuple(N, Bytes::<N>)
    }
}

/// Whose eyes a space is for. The unit's compartments are separate spaces, so that a device without a
/// grant never receives what lies in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compartment {
    /// Visits, issues, assignments, plans.
    Field,
    /// Names and addresses of residents who agreed to give them.
    Contacts,
    /// Stubs of denunciations, for the inspectorate alone.
    Sealed,
}

impl Compartment {
    /// Every compartment.
    pub const ALL: [Self; 3] = [Self::Field, Self::Contacts, Self::Sealed];

    /// The number that stands for the compartment in databases and on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Field => 0,
            Self::Contacts => 1,
            Self::Sealed => 2,
        }
    }

    /// The compartment with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.number() == number)
    }

    /// The compartment's name in links, tables and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Contacts => "contacts",
            Self::Sealed => "sealed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_what_they_write() {
        let space = SpaceId([0xab; 16]);
        assert_eq!(space.to_string().parse(), Ok(space));
        let doc = DocId([7; 16]);
        assert_eq!(doc.to_string(), "07070707-0707-0707-0707-070707070707");
        assert_eq!(doc.to_string().parse(), Ok(doc));
        assert!("zz".parse::<DeviceId>().is_err());
        assert!("ç".repeat(8).parse::<DeviceId>().is_err());
        let json = serde_json::to_string(&doc).unwrap();
        assert_eq!(serde_json::from_str::<DocId>(&json).unwrap(), doc);
    }
}
