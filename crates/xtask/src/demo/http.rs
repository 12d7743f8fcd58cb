//! One GET over loopback. Enough for the demo; a product would use a library.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Outcome;

/// Longest answer that is read, in bytes.
const MOST: u64 = 8 << 20;
/// Longest wait for the server, for each of connecting, writing and reading.
const PATIENCE: Duration = Duration::from_secs(20);

/// Status and body of an address of a server on this machine. HTTP/1.0, so that the body ends with
/// the connection and is never sent in chunks.
///
/// # Errors
/// Fails if nobody listens, or if the answer is no HTTP.
pub(super) fn get(server: SocketAddr, path: &str, token: Option<&str>) -> Outcome<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let authorization = token.map_or_else(String::new, |t| format!("Authorization: Bearer {t}\r\n"));
    let request = format!("GET {path} HTTP/1.0\r\nHost: {server}\r\nAccept: application/json\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{path}: the answer is no HTTP"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("{path}: the answer has no status"))?;
    Ok((status, body.to_owned()))
}

/// The JSON at an address.
///
/// # Errors
/// Fails as [`get`], on any status but 200, and on a body that is no JSON.
pub(super) fn json(server: SocketAddr, path: &str, token: &str) -> Outcome<serde_json::Value> {
    let (status, body) = get(server, path, Some(token))?;
    if status != 200 {
        let said = crate::table::clip(&body, 300);
        return Err(format!("GET {path}: status {status}: {said}").into());
    }
    Ok(serde_json::from_str(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers one request with the given text and gives back what was asked.
    fn serve_once(answer: &'static str) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            let mut byte = [0];
            while !asked.ends_with("\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                asked.push(char::from(byte[0]));
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        });
        (address, server)
    }

    #[test]
    fn the_token_goes_out_and_the_body_comes_back() {
        let (address, server) = serve_once("HTTP/1.0 200 OK\r\nx: y\r\n\r\n{\"a\":1}");
        assert_eq!(json(address, "/p?q=1", "secret").unwrap()["a"], 1);
        let asked = server.join().unwrap();
        assert!(asked.starts_with("GET /p?q=1 HTTP/1.0\r\n"), "{asked}");
        assert!(asked.contains("Authorization: Bearer secret\r\n"), "{asked}");
    }

    #[test]
    fn an_error_of_the_server_is_told() {
        let (address, server) = serve_once("HTTP/1.1 403 Forbidden\r\n\r\n{\"code\":\"area\"}");
        let error = json(address, "/p", "t").unwrap_err().to_string();
        assert!(error.contains("403") && error.contains("area"), "{error}");
        server.join().unwrap();
    }
}
