//! LEB128 numbers as automerge writes them: the shortest form only.

use crate::error::ScanError;

/// A reader over bytes from outside. Every step checks what is left; nothing is allocated.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], ScanError> {
        let count = usize::try_from(count).map_err(|_| ScanError::Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ScanError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ScanError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ScanError::Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned number.
    pub(crate) fn unsigned(&mut self) -> Result<u64, ScanError> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && byte > 1 {
                return Err(ScanError::Malformed);
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                if index > 0 && byte == 0 {
                    return Err(ScanError::Malformed);
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(ScanError::Malformed)
    }

    /// A signed number.
    pub(crate) fn signed(&mut self) -> Result<i64, ScanError> {
        let mut value = 0_i64;
        let mut previous = 0_u8;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            if index == 9 && byte != 0 && byte != 0x7f {
                return Err(ScanError::Malformed);
            }
            value |= i64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                let sign_only = (byte == 0 && previous & 0x40 == 0) || (byte == 0x7f && previous & 0x40 != 0);
                if index > 0 && sign_only {
                    return Err(ScanError::Malformed);
                }
                if index < 9 && byte & 0x40 != 0 {
                    value |= -1 << (7 * (index + 1));
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
            previous = byte;
        }
        Err(ScanError::Malformed)
    }
}

/// Appends an unsigned number.
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    loop {
        // The mask leaves seven bits.
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends a signed number.
pub(crate) fn put_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        let sign = byte & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unsigned_numbers_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_unsigned(&mut bytes, value);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.unsigned(), Ok(value));
            assert!(reader.is_empty());
            for cut in 0..bytes.len() {
                assert_eq!(Reader::new(&bytes[..cut]).unsigned(), Err(ScanError::Malformed));
            }
        }
    }

    #[test]
    fn signed_numbers_read() {
        let cases: [(&[u8], i64); 7] = [
            (&[0], 0),
            (&[0x7f], -1),
            (&[0x3f], 63),
            (&[0xc0, 0], 64),
            (&[0x40], -64),
            (&[0x80, 0x7f], -128),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], i64::MIN),
        ];
        for (bytes, value) in cases {
            assert_eq!(Reader::new(bytes).signed(), Ok(value));
            let mut written = Vec::new();
            put_signed(&mut written, value);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn long_forms_and_overflow_are_refused() {
        for bytes in [&[0x80, 0][..], &[0xff; 10], &[0xff; 11], &[0x80; 10]] {
            assert_eq!(Reader::new(bytes).unsigned(), Err(ScanError::Malformed));
        }
        for bytes in [&[0x80, 0][..], &[0xff, 0x7f], &[0x80; 11]] {
            assert_eq!(Reader::new(bytes).signed(), Err(ScanError::Malformed));
        }
    }
}
