//! From a PIN to a key.

use crate::error::refused;
use argon2::{Algorithm, Argon2, Params, Version};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Memory for one guess, in KiB: four times what RFC 9106 calls little, and still had by a phone of 2 GB.
const MEMORY_KIB: u32 = 32 * 1024;
/// Passes over it.
const PASSES: u32 = 2;

/// Makes 32 bytes of a PIN and 16 random bytes that belong to it: Argon2id, about a second on a slow phone. The same
/// PIN and salt always give the same bytes.
///
/// # Errors
///
/// `bad_argument` if the salt is too short or the memory cannot be had.
#[wasm_bindgen]
pub fn stretch(pin: &str, salt: &[u8]) -> Result<Vec<u8>, JsValue> {
    let refuse = |error: argon2::Error| refused("bad_argument", &error.to_string());
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(refuse)?;
    let mut key = vec![0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(pin.as_bytes(), salt, &mut key).map_err(refuse)?;
    Ok(key)
}
