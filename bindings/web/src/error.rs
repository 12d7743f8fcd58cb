//! Errors on their way to JavaScript: JSON text with a stable code, what the reader can do, and what happened before.

use gandan_client::ClientError;
use gandan_client::model::patch::PatchError;
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;

/// What every function here gives: JSON text or an error as JSON text.
pub(crate) type Answer = Result<String, JsValue>;

/// A result as JSON text.
pub(crate) fn answer<T: Serialize>(result: Result<T, ClientError>) -> Answer {
    result.map_err(|error| thrown(&error)).and_then(|value| text(&value))
}

/// Any value as JSON text.
pub(crate) fn text<T: Serialize>(value: &T) -> Answer {
    serde_json::to_string(value)
        .map_err(|error| JsValue::from_str(&frame("internal", "bug", &error.to_string()).to_string()))
}

/// Reads an argument.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(what: &str, json: &'a str) -> Result<T, JsValue> {
    serde_json::from_str(json).map_err(|error| refused("bad_argument", &format!("{what}: {error}")))
}

/// An argument that is not right.
pub(crate) fn refused(code: &str, message: &str) -> JsValue {
    JsValue::from_str(&frame(code, "fix_input", message).to_string())
}

/// The client's error as JavaScript gets it.
pub(crate) fn thrown(error: &ClientError) -> JsValue {
    JsValue::from_str(&described(error).to_string())
}

/// An exchange that ended before its time, with what it did until then.
pub(crate) fn failed(error: &ClientError, report: &impl Serialize) -> JsValue {
    let mut frame = described(error);
    frame["report"] = serde_json::to_value(report).unwrap_or_default();
    frame["retry_after_s"] = json!(error.retry_after_s());
    JsValue::from_str(&frame.to_string())
}

fn described(error: &ClientError) -> Value {
    let mut frame = frame(error.code(), error.remedy().code(), &error.to_string());
    if let ClientError::Patch(PatchError::Field { field, .. }) = error {
        frame["field"] = json!(field);
    }
    frame
}

fn frame(code: &str, remedy: &str, message: &str) -> Value {
    json!({ "code": code, "remedy": remedy, "message": message })
}
