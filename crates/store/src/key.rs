//! The database key, and what is derived from it.

use std::fmt;

use sha2::{Digest, Sha256};

/// The key of the database file: 32 random bytes from the phone's keystore.
///
/// It is used as it is, without a password derivation, so that opening costs nothing. It is never written
/// to disk, logged or shown.
#[derive(Clone)]
pub struct DatabaseKey([u8; 32]);

impl DatabaseKey {
    /// A key of these bytes, which must come from a cryptographic random generator.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The argument of `PRAGMA key`: the raw key and the salt.
    ///
    /// The salt normally stands in the first 16 bytes of the file and only spreads the key of the page
    /// checksums. Deriving it from the key (which no other file has) makes those 16 bytes expendable.
    pub(crate) fn pragma(&self) -> String {
        format!("x'{}{}'", hex(&self.0), hex(&self.derive("salt")[..16]))
    }

    /// Lets a wrong key be told from a damaged first page. It says nothing about a random key.
    pub(crate) fn fingerprint(&self) -> String {
        hex(&self.derive("fingerprint")[..16])
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        let hasher = Sha256::new().chain_update(b"gandan/store/1/").chain_update(purpose.as_bytes());
        hasher.chain_update([0]).chain_update(self.0).finalize().into()
    }
}

impl fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseKey(..)")
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_shown() {
        let key = DatabaseKey::new([0xab; 32]);
        assert_eq!(format!("{key:?}"), "DatabaseKey(..)");
        assert!(!key.fingerprint().contains("abab"));
        assert_eq!(key.pragma().len(), 3 + 64 + 32);
        assert_eq!(hex(&[0, 0x1f, 0xa0]), "001fa0");
    }
}
