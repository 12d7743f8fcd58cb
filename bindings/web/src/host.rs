//! What the worker gives the client: its clock, its chance, its way to the server, and an ear for what changes.
//!
//! A worker has one thread and one client, so its host lies in a variable of that thread; what the client holds
//! ([`Clock`], [`Random`], [`Transport`]) are empty things that look there.

use gandan_client::transport::{Answer, ERROR_HEADER, Meter, Pending, Post, Request, Transport, TransportError};
use gandan_client::{Clock, Environment, Random};
use serde::Deserialize;
use std::cell::RefCell;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(typescript_custom_section)]
const HOST: &str = r#"
/** What the worker gives the core. */
export interface Host {
  /** Sends a request (`headers`: JSON, array of name and value) and reads the answer, at most `maxAnswer` bytes of it.
   * Never rejects: what goes wrong on the road stands in `failed` (offline, cut, stalled, answer_too_long). `moved` is
   * called as bytes arrive. */
  send(
    method: string,
    url: string,
    headers: string,
    body: Uint8Array,
    maxAnswer: number,
    moved: (bytes: number) => void,
  ): Promise<Reply>;
  /** Records read differently now; JSON array of their ids. */
  changed(ids: string): void;
  /** How far an exchange has come; JSON. */
  progress(progress: string): void;
}
export interface Reply {
  /** JSON: status, content_type, error_code, retry_after_s, upload_offset, total, etag, failed, detail. */
  head: string;
  body: Uint8Array;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The worker's side; see the TypeScript interface of this name.
    #[wasm_bindgen(typescript_type = "Host")]
    pub type Host;

    #[wasm_bindgen(method)]
    fn send(
        this: &Host,
        method: &str,
        url: &str,
        headers: &str,
        body: Vec<u8>,
        max_answer: f64,
        moved: &js_sys::Function,
    ) -> js_sys::Promise;

    #[wasm_bindgen(method)]
    fn changed(this: &Host, ids: &str);

    #[wasm_bindgen(method)]
    fn progress(this: &Host, progress: &str);

    type Reply;

    #[wasm_bindgen(method, getter)]
    fn head(this: &Reply) -> String;

    #[wasm_bindgen(method, getter)]
    fn body(this: &Reply) -> Vec<u8>;
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// From now on this is the worker's side.
pub(crate) fn set(host: Host) {
    HOST.with(|place| place.replace(Some(host)));
}

fn with(user: impl FnOnce(&Host)) {
    HOST.with(|place| place.borrow().as_ref().map(user));
}

/// The outside world of a client in this worker.
pub(crate) fn environment() -> Environment {
    Environment::new(BrowserClock, BrowserRandom, Fetch)
}

/// Tells the worker which records read differently now.
pub(crate) fn tell_changed<T: serde::Serialize>(ids: &[T]) {
    let ids = serde_json::to_string(ids).unwrap_or_default();
    with(|host| host.changed(&ids));
}

/// Tells the worker how far an exchange of records, or of photographs, has come.
pub(crate) fn tell_progress<T: serde::Serialize>(progress: &T) {
    let progress = serde_json::to_string(progress).unwrap_or_default();
    with(|host| host.progress(&progress));
}

/// Milliseconds since 1970 as the device believes.
pub(crate) fn now_ms() -> i64 {
    // A date beyond the exact range of a double is no date.
    #[allow(clippy::cast_possible_truncation, reason = "whole milliseconds, far below 2^53")]
    let now = js_sys::Date::now() as i64;
    now
}

struct BrowserClock;

impl Clock for BrowserClock {
    fn now_ms(&self) -> i64 {
        now_ms()
    }
}

struct BrowserRandom;

impl Random for BrowserRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        // A browser without random numbers cannot make keys: there is nothing to go on with, and a key of zeros would
        // be far worse than a stop.
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

/// The head of a [`Reply`].
#[derive(Deserialize)]
struct Head {
    status: u16,
    #[serde(default)]
    content_type: String,
    error_code: Option<String>,
    retry_after_s: Option<u32>,
    upload_offset: Option<u64>,
    total: Option<u64>,
    etag: Option<String>,
    failed: Option<String>,
    #[serde(default)]
    detail: String,
}

/// The worker's `fetch`.
struct Fetch;

impl Transport for Fetch {
    fn post<'a>(&'a self, post: Post, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        self.send(post.into(), meter)
    }

    fn send<'a>(&'a self, request: Request, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(async move {
            let Request { method, url, headers, body, max_answer } = request;
            let headers =
                serde_json::to_string(&headers).map_err(|error| TransportError::BadAddress(error.to_string()))?;
            let length = body.len();
            let counter = meter.clone();
            let moved = Closure::<dyn FnMut(usize)>::new(move |bytes| counter.add_down(bytes));
            let function = moved.as_ref().unchecked_ref();
            // 2^53 is far beyond any limit of an answer.
            #[allow(clippy::cast_precision_loss, reason = "limits are megabytes")]
            let limit = max_answer as f64;
            let promise = HOST.with(|place| {
                let place = place.borrow();
                place.as_ref().map(|host| host.send(method.as_str(), &url, &headers, body, limit, function))
            });
            let Some(promise) = promise else { return Err(TransportError::Offline("no host".to_owned())) };
            meter.add_up(length);
            let reply = JsFuture::from(promise).await.map_err(|error| TransportError::Offline(format!("{error:?}")))?;
            taken(reply.unchecked_into(), max_answer)
        })
    }
}

fn taken(reply: Reply, max_answer: usize) -> Result<Answer, TransportError> {
    let head: Head =
        serde_json::from_str(&reply.head()).map_err(|error| TransportError::Cut(format!("{ERROR_HEADER}: {error}")))?;
    let cut = match head.failed.as_deref() {
        None => None,
        Some("cut") => Some(TransportError::Cut(head.detail)),
        Some("stalled") => Some(TransportError::Stalled(head.detail.parse().unwrap_or_default())),
        Some("answer_too_long") => return Err(TransportError::TooLong(max_answer)),
        Some(_) => return Err(TransportError::Offline(head.detail)),
    };
    Ok(Answer {
        status: head.status,
        content_type: head.content_type,
        error_code: head.error_code,
        retry_after_s: head.retry_after_s,
        upload_offset: head.upload_offset,
        total: head.total,
        etag: head.etag,
        body: reply.body(),
        cut,
        ..Answer::default()
    })
}

/// Whatever stops the program is written to the console before it stops.
pub(crate) fn report_panics() {
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = console, js_name = error)]
        fn log(message: &JsValue);
    }
    std::panic::set_hook(Box::new(|info| log(&JsValue::from_str(&info.to_string()))));
}
