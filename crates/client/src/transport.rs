//! How bytes get to the server and back. The trait has no opinion about sockets; [`http`] is the one that uses them.
//!
//! On the way to a commune stand captive portals, company proxies and load balancers, and all of them answer in the
//! server's name when something is wrong. An [`Answer`] is therefore judged before anybody reads it: a word of *our*
//! server carries the header `gandan-error` or is a frame or JSON of the kind asked for; everything else says something
//! about the road, nothing about the data, and is worth another try later.

#[cfg(feature = "native")]
pub mod http;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Header in which our server, and nobody else, names the code of an error.
pub const ERROR_HEADER: &str = "gandan-error";
/// Content type of sync frames.
pub const FRAME_TYPE: &str = "application/octet-stream";
/// Content type of everything else.
pub const JSON_TYPE: &str = "application/json";
/// Longest wait that a server or proxy can ask for with `retry-after`, in seconds.
pub const MAX_RETRY_AFTER_S: u32 = 3600;

/// A future that a transport returns.
#[cfg(feature = "native")]
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A future that a transport returns.
#[cfg(not(feature = "native"))]
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// One request.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to, a complete URL.
    pub url: String,
    /// What `body` is.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Vec<u8>,
    /// Longest answer that is read, in bytes; a longer one is an error before it is in memory.
    pub max_answer: usize,
}

/// What a [`Request`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Gets bytes.
    Get,
    /// Gets the head of an answer.
    Head,
    /// Adds to what is there.
    Patch,
    /// Brings something new.
    Post,
}

impl Method {
    /// The method's name in HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
            Self::Post => "POST",
        }
    }
}

/// One request of any kind.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it does.
    pub method: Method,
    /// Where to, a complete URL.
    pub url: String,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes; empty if there are none.
    pub body: Vec<u8>,
    /// Longest answer that is read, in bytes; a longer one is an error before it is in memory.
    pub max_answer: usize,
}

impl From<Post> for Request {
    fn from(post: Post) -> Self {
        let Post { url, content_type, body, max_answer } = post;
        let headers = vec![("content-type", content_type.to_owned())];
        Self { method: Method::Post, url, headers, body, max_answer }
    }
}

/// Whatever came back over HTTP, from whomever.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, without parameters, in lower case; empty if there was none.
    pub content_type: String,
    /// The value of [`ERROR_HEADER`].
    pub error_code: Option<String>,
    /// Seconds after which the other side would like to hear from us again.
    pub retry_after_s: Option<u32>,
    /// The value of `upload-offset`: how much of an upload has arrived.
    pub upload_offset: Option<u64>,
    /// The length of the whole of which the body is a part, by `content-range`.
    pub total: Option<u64>,
    /// The value of `etag`, without its quotation marks.
    pub etag: Option<String>,
    /// The body, or what arrived of it.
    pub body: Vec<u8>,
    /// Why the body is not whole, if it is not.
    pub cut: Option<TransportError>,
}

/// Moves one request and its answer.
pub trait Transport: Send + Sync {
    /// Sends `post` and reads the whole answer, or as much of it as comes ([`Answer::cut`]). Bytes are added to `meter` as they move. Dropping the future gives the
    /// request up.
    fn post<'a>(&'a self, post: Post, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>>;

    /// Sends any request, as [`Transport::post`] does. Files' bytes travel by it; a transport without it moves records
    /// alone.
    fn send<'a>(&'a self, request: Request, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        let _ = (request, meter);
        Box::pin(async { Err(TransportError::BadAddress("this transport moves no files".to_owned())) })
    }

    /// Opens the stream of news (`GET /v1/events`): whatever arrives on it means "sync now". `None`: this transport
    /// cannot, and the caller polls.
    fn listen<'a>(
        &'a self,
        url: &'a str,
        authorization: &'a str,
    ) -> Pending<'a, Option<Result<Box<dyn News>, TransportError>>> {
        let _ = (url, authorization);
        Box::pin(async { None })
    }
}

/// An open stream of news.
pub trait News: Send {
    /// Waits for the next piece: `true` for news, `false` for a heartbeat. An error ends the stream.
    fn next(&mut self) -> Pending<'_, Result<bool, TransportError>>;
}

/// Counts the bytes of HTTP bodies each way; shared, so that somebody can look while they move.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<[AtomicU64; 2]>);

impl Meter {
    /// Adds bytes that were handed to the network.
    pub fn add_up(&self, bytes: usize) {
        self.0[0].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Adds bytes that arrived.
    pub fn add_down(&self, bytes: usize) {
        self.0[1].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of bodies sent so far.
    pub fn up(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Bytes of bodies received so far.
    pub fn down(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }

    /// Both together.
    pub fn total(&self) -> u64 {
        self.up() + self.down()
    }
}

/// Why there is no answer of our server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("the server cannot be reached: {0}")]
    Offline(String),
    /// The server's certificate is not one to trust, or the two sides have no encryption in common.
    #[error("the connection to the server is not secure: {0}")]
    Insecure(String),
    /// Nothing moved for too long.
    #[error("the connection stalled: nothing moved for {0} seconds")]
    Stalled(u64),
    /// The connection broke off in the middle.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// Somebody else answered: a proxy, a login page of a network, another program on that address.
    #[error("the answer (status {status}) is not from a Gần Dân server; a proxy or the network's login page?")]
    NotOurServer {
        /// The HTTP status.
        status: u16,
        /// Seconds it asks to wait.
        retry_after_s: Option<u32>,
    },
    /// Our server answered with an error of its own.
    #[error("the server answered: {message} ({code})")]
    Server {
        /// Its stable code.
        code: String,
        /// Its explanation.
        message: String,
        /// The HTTP status.
        status: u16,
        /// Seconds it asks to wait.
        retry_after_s: Option<u32>,
        /// The body, which may be a frame that says more.
        body: Vec<u8>,
    },
    /// The answer is longer than any that our server sends.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The address is not one that this transport can use.
    #[error("not an address to connect to: {0}")]
    BadAddress(String),
}

impl TransportError {
    /// A stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Offline(_) => "offline",
            Self::Insecure(_) => "insecure",
            Self::Stalled(_) => "stalled",
            Self::Cut(_) => "cut",
            Self::NotOurServer { .. } => "not_our_server",
            Self::Server { code, .. } => code,
            Self::TooLong(_) => "answer_too_long",
            Self::BadAddress(_) => "bad_address",
        }
    }

    /// Seconds that the other side asked to wait.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::NotOurServer { retry_after_s, .. } | Self::Server { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }
}

/// Whether an address is one to send records to: `https`, or plain `http` to this very machine.
pub fn is_private_road(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return url.starts_with("https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    host == "localhost"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host == "[::1]"
}

impl Answer {
    /// The body, if this is our server's success in the form that was asked for (`content_type`); otherwise the error
    /// that it amounts to.
    pub fn judge(mut self, content_type: &str) -> Result<Vec<u8>, TransportError> {
        match self.cut.take() {
            Some(cut) => Err(cut),
            None => self.judge_part(content_type).map(|(body, _)| body),
        }
    }

    /// Like [`Answer::judge`], for an answer whose beginning is of use: what arrived, and why it is not more.
    pub fn judge_part(self, content_type: &str) -> Result<(Vec<u8>, Option<TransportError>), TransportError> {
        if let Some(code) = self.error_code {
            return Err(TransportError::Server {
                message: message(&self.body).unwrap_or_else(|| code.clone()),
                code,
                status: self.status,
                retry_after_s: self.retry_after_s,
                body: self.body,
            });
        }
        if self.status == 200 && self.content_type == content_type {
            return Ok((self.body, self.cut));
        }
        if let Some(cut) = self.cut {
            return Err(cut);
        }
        Err(TransportError::NotOurServer { status: self.status, retry_after_s: self.retry_after_s })
    }
}

/// The explanation in `{"error":{"message":…}}`, cut to a length that fits a screen.
fn message(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = json.get("error")?.get("message")?.as_str()?;
    Some(text.chars().filter(|c| !c.is_control()).take(500).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer { status, content_type: content_type.to_owned(), body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    #[test]
    fn a_page_of_a_proxy_is_never_a_word_of_the_server() {
        for status in [200, 302, 401, 403, 404, 410, 500, 502, 503] {
            let error = answer(status, "text/html", "<h1>No</h1>").judge(FRAME_TYPE).unwrap_err();
            assert_eq!(error, TransportError::NotOurServer { status, retry_after_s: None });
        }
        // JSON of somebody else, and a frame type with a status that ours never has without the header.
        assert_eq!(
            answer(403, JSON_TYPE, r#"{"error":{"code":"revoked"}}"#).judge(JSON_TYPE).unwrap_err().code(),
            "not_our_server"
        );
        assert_eq!(answer(404, FRAME_TYPE, "").judge(FRAME_TYPE).unwrap_err().code(), "not_our_server");
    }

    #[test]
    fn our_servers_code_and_message_get_through() {
        let ours = Answer {
            error_code: Some("revoked".to_owned()),
            ..answer(403, JSON_TYPE, r#"{"error":{"code":"revoked","message":"This device\nwas revoked"}}"#)
        };
        let error = ours.judge(FRAME_TYPE).unwrap_err();
        assert_eq!(error.code(), "revoked");
        assert!(error.to_string().contains("This devicewas revoked"), "{error}");
        assert_eq!(answer(200, FRAME_TYPE, "G").judge(FRAME_TYPE).unwrap(), b"G");
    }

    #[test]
    fn only_https_and_this_machine_are_private() {
        for good in ["https://a.vn", "http://127.0.0.1:80/x", "http://localhost", "http://[::1]:1/", "http://127.9.9.9"]
        {
            assert!(is_private_road(good), "{good}");
        }
        for bad in [
            "http://a.vn",
            "http://127.0.0.1.a.vn/",
            "http://localhost.a.vn",
            "http://a@localhost:80x/",
            "ftp://a",
            "http://192.168.1.2:80",
        ] {
            assert!(!is_private_road(bad), "{bad}");
        }
    }
}
