//! The server's API, over HTTP.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer: status, head and body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Takes apart what a server said on a connection that it closed; `None` if that is no HTTP. Of an answer in chunks
    /// the body stays as it travelled.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, bytes: bytes[end + 4..].to_vec(), head })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

/// One request on a connection of its own.
///
/// # Panics
/// If nobody answers HTTP there.
pub fn call(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: Option<(&str, &[u8])>) -> Answer {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a time-out");
    let authorization = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let content = body.map_or_else(String::new, |(kind, bytes)| {
        format!("content-type: {kind}\r\ncontent-length: {}\r\n", bytes.len())
    });
    let head = format!("{method} {path} HTTP/1.0\r\nhost: {server}\r\n{authorization}{content}\r\n");
    stream.write_all(head.as_bytes()).expect("a request sent");
    // A server that has refused already need not read on.
    let _ = stream.write_all(body.map_or(&[][..], |(_, bytes)| bytes));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    Answer::parse(&answer).unwrap_or_else(|| panic!("no HTTP: {}", String::from_utf8_lossy(&answer)))
}

/// All items of a list, page by page. `path` has its own query, or none.
#[track_caller]
pub fn list(server: SocketAddr, path: &str, token: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), String::new());
    let join = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = get(server, &format!("{path}{join}limit=200{next}"), token);
        items.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => return items,
        }
    }
}

/// The JSON at a path.
///
/// # Panics
/// On any status but 200.
#[track_caller]
pub fn get(server: SocketAddr, path: &str, token: &str) -> Value {
    let answer = call(server, "GET", path, Some(token), None);
    assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
    answer.json()
}
