//! Local accounts: passwords and second factors. What is kept of them stands in [`crate::db::sqlite::accounts`].

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use gandan_model::text::fold;
use totp_rs::{Builder, Secret, Totp};

use crate::auth::hash_secret;
use crate::error::ServerError;

/// Shortest password, in characters.
pub const MIN_PASSWORD: usize = 12;
/// Longest password, in bytes: more would only make the server work.
pub const MAX_PASSWORD: usize = 256;
/// Longest name of an account, in bytes: it is the author in every change.
pub const MAX_LOGIN: usize = 64;
/// Recovery codes that are given at once.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of a TOTP secret (RFC 4226 asks for 160 bits).
pub const TOTP_BYTES: usize = 20;
/// Length of a TOTP step, in seconds.
const STEP_S: u64 = 30;

/// Memory of one hash in KiB, passes, lanes: the second choice of RFC 9106 is heavier (64 MiB); this is what OWASP asks
/// for at least, so that two at once fit on a small machine.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

fn argon() -> Result<Argon2<'static>, ServerError> {
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(|error| ServerError::Internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The form in which a password is kept. Takes some 20 ms of one core and 19 MiB.
pub fn hash_password(password: &str) -> Result<String, ServerError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| ServerError::Internal(error.to_string()))?;
    let hash = argon()?.hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| ServerError::Internal(error.to_string()))?.to_string())
}

/// Whether a password is the one behind this hash. With `None` (no such account) it takes as long and says no.
pub fn verify_password(password: &str, hash: Option<&str>) -> Result<bool, ServerError> {
    /// Of a password that nobody knows; only its cost matters.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Z2FuZGFuLW5vYm9keS0wMA$\
        kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGUghW9jFyQw";
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY)).map_err(|error| ServerError::Internal(error.to_string()))?;
    let right = argon()?.verify_password(password.as_bytes(), &parsed).is_ok();
    Ok(right && hash.is_some())
}

/// The name of an account as it is kept: 3 to 64 of a–z, 0–9, `.`, `_`, `-`, in lower case.
pub fn read_login(text: &str) -> Option<String> {
    let login = text.trim().to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    ((3..=MAX_LOGIN).contains(&login.len()) && login.bytes().all(plain)).then_some(login)
}

/// What is wrong with a new password, as a stable code; length is what makes one good, so nothing is asked of its
/// characters.
pub fn check_password(login: &str, password: &str) -> Result<(), &'static str> {
    if password.chars().count() < MIN_PASSWORD {
        return Err("password_too_short");
    }
    if password.len() > MAX_PASSWORD {
        return Err("password_too_long");
    }
    let squeezed = |text: &str| fold(text).replace(' ', "");
    let (folded, login) = (squeezed(password), squeezed(login));
    let mut different: Vec<char> = folded.chars().collect();
    different.sort_unstable();
    different.dedup();
    let known = ["matkhau", "password", "123456789012", "gandan", "lamdong"];
    let mut rest = folded.replace(&login, "");
    for word in known {
        rest = rest.replace(word, "");
    }
    if different.len() < 5 || rest.chars().count() < 6 { Err("password_too_simple") } else { Ok(()) }
}

fn totp(secret: &[u8; TOTP_BYTES]) -> Totp {
    // Six digits, SHA-1, 30 s, one step to either side: what every authenticator app does.
    Builder::new().with_secret(Secret::new_stack(*secret)).with_step_duration(STEP_S).with_skew(1).build_noncompliant()
}

/// The step at which this code of a second factor is good, if it is good now and its step comes after `last`.
pub fn check_totp(secret: &[u8; TOTP_BYTES], code: &str, now_ms: i64, last: i64) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let now_s = u64::try_from(now_ms / 1000).ok()?;
    let step = i64::try_from(totp(secret).check(&code, now_s)?).ok()?;
    (step > last).then_some(step)
}

/// The code of a moment, for whoever holds the secret.
pub fn totp_code(secret: &[u8; TOTP_BYTES], now_ms: i64) -> String {
    totp(secret).generate(u64::try_from(now_ms / 1000).unwrap_or(0)).to_string()
}

/// The secret as an authenticator app takes it: base32, and the whole as an address for a picture.
pub fn totp_address(secret: &[u8; TOTP_BYTES], login: &str) -> (String, String) {
    let text = data_encoding::BASE32_NOPAD.encode(secret);
    // A login is plain ASCII, so nothing has to be escaped.
    let address =
        format!("otpauth://totp/Gandan:{login}?secret={text}&issuer=Gandan&algorithm=SHA1&digits=6&period=30");
    (text, address)
}

/// New recovery codes, as people write them down.
pub fn recovery_codes() -> Result<Vec<String>, ServerError> {
    let code = |_| {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).map_err(|error| ServerError::Internal(error.to_string()))?;
        let text = data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
        let parts: Vec<&str> = (0..4).map(|place| &text[place * 4..place * 4 + 4]).collect();
        Ok(parts.join("-"))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// The hash under which a recovery code is kept: strokes, blanks and case do not matter. The codes have 80 random bits,
/// so a fast hash is enough.
pub fn recovery_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hash_secret(&plain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hash = hash_password("ba con suối vàng").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password("ba con suối vàng", Some(&hash)).unwrap());
        assert!(!verify_password("ba con suoi vang", Some(&hash)).unwrap());
        assert!(!verify_password("ba con suối vàng", None).unwrap());
        assert_ne!(hash, hash_password("ba con suối vàng").unwrap());
    }

    #[test]
    fn passwords_that_everybody_tries_first_are_not_taken() {
        for (password, code) in [
            ("ngắn quá", "password_too_short"),
            ("aaaaaaaaaaaaaaaa", "password_too_simple"),
            ("matkhau123456789012", "password_too_simple"),
            ("nguyen.van.a1234", "password_too_simple"),
            (&"x".repeat(257), "password_too_long"),
        ] {
            assert_eq!(check_password("nguyen.van.a", password), Err(code), "{password}");
        }
        assert_eq!(check_password("nguyen.van.a", "ba con suối vàng"), Ok(()));
    }

    #[test]
    fn a_code_of_the_second_factor_counts_once() {
        // The secret and the moment of RFC 6238, appendix B (the last six of eight digits).
        let secret = b"12345678901234567890";
        assert_eq!(totp_code(secret, 59_000), "287082");
        let step = check_totp(secret, "287 082", 59_000, 0).unwrap();
        assert_eq!(step, 1);
        assert_eq!(check_totp(secret, "287082", 59_000, step), None);
        assert_eq!(check_totp(secret, "287083", 59_000, 0), None);
        assert_eq!(check_totp(secret, "287082", 200_000, 0), None);
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(read_login(" Nguyen.Van-A "), Some("nguyen.van-a".into()));
        for bad in ["ab", "a b c", "nguyễn", "a/b/c", &"x".repeat(65)] {
            assert_eq!(read_login(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_recovery_code_reads_the_same_however_it_is_written() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert_eq!(codes[0].len(), 19);
        assert_eq!(recovery_hash(&codes[0]), recovery_hash(&codes[0].to_uppercase().replace('-', " ")));
        assert_ne!(recovery_hash(&codes[0]), recovery_hash(&codes[1]));
    }
}
