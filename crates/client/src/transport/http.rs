//! HTTP over the operating system's sockets: keep-alive, TLS, and time-outs that measure progress.
//!
//! A slow link is not a broken one. A request is given up only when *nothing* has moved for a while, however long the
//! whole takes; what is still in the socket's buffers, where nobody can watch it, is given time by its size.

use super::{
    Answer, ERROR_HEADER, MAX_RETRY_AFTER_S, Meter, Method, News, Pending, Post, Request, Transport, TransportError,
};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, RETRY_AFTER,
};
use reqwest::{Certificate, Client, Response};
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes handed to the connection at a time; also the grain of the upload's progress.
const PIECE: usize = 16 << 10;
/// Most bytes that can sit unseen between us and the wire: the HTTP library's buffer and the socket's.
const UNSEEN: usize = 1 << 20;

/// How patient the transport is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For a sign of life: a piece sent, a piece received, the start of the answer.
    pub stall: Duration,
    /// Slowest link that is waited for, in bytes a second: how long what lies in the buffers may take.
    pub slowest: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(20), stall: Duration::from_secs(30), slowest: 2_000 }
    }
}

/// The transport.
#[derive(Default)]
pub struct Http {
    patience: Patience,
    /// The only roots to trust; empty: the operating system's.
    roots: Vec<Certificate>,
    // Two, because loading the system's certificates takes time that a plain connection to this machine need not wait
    // for. Both are made when first used.
    plain: OnceLock<Client>,
    secure: OnceLock<Client>,
}

impl Http {
    /// A transport with other patience than the usual.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// A transport that trusts only servers whose certificates come from one of these authorities: one or several
    /// certificates in PEM form. For a server with an authority of its own, and to pin one.
    ///
    /// # Errors
    ///
    /// [`TransportError::Insecure`] if there is no certificate in it.
    pub fn trusting(pem: &[u8]) -> Result<Self, TransportError> {
        let roots = Certificate::from_pem_bundle(pem).map_err(|error| TransportError::Insecure(story(&error)))?;
        if roots.is_empty() {
            return Err(TransportError::Insecure("there is no certificate in it".to_owned()));
        }
        Ok(Self { roots, ..Self::default() })
    }

    fn client(&self, url: &str) -> Result<&Client, TransportError> {
        let (cell, is_secure) = match url {
            _ if url.starts_with("https://") => (&self.secure, true),
            _ if url.starts_with("http://") => (&self.plain, false),
            _ => return Err(TransportError::BadAddress(url.to_owned())),
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = build(self.patience, &self.roots, is_secure)?;
        Ok(cell.get_or_init(|| client))
    }

    async fn exchange(&self, request: Request, meter: &Meter) -> Result<Answer, TransportError> {
        let pulse = Pulse::new(self.patience);
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Patch => reqwest::Method::PATCH,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = self.client(&request.url)?.request(method, &request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if matches!(request.method, Method::Patch | Method::Post) {
            let body = upload(&request.body, meter.clone(), pulse.clone());
            builder = builder.header(CONTENT_LENGTH, request.body.len()).body(body);
        }
        let response = pulse.guard(builder.send()).await?.map_err(|error| sort(&error))?;
        pulse.beat(0);
        let mut answer = head(&response);
        if request.method != Method::Head {
            answer.cut = read(response, request.max_answer, meter, &pulse, &mut answer.body).await.err();
        }
        Ok(answer)
    }

    async fn open(&self, url: &str, authorization: &str) -> Result<Box<dyn News>, TransportError> {
        let request =
            self.client(url)?.get(url).header(ACCEPT, "text/event-stream").header(AUTHORIZATION, authorization);
        let pulse = Pulse::new(self.patience);
        let response = pulse.guard(request.send()).await?.map_err(|error| sort(&error))?;
        let mut answer = head(&response);
        if answer.status != 200 || answer.content_type != "text/event-stream" {
            read(response, 64 << 10, &Meter::default(), &pulse, &mut answer.body).await?;
            answer.judge("text/event-stream")?;
            return Err(TransportError::NotOurServer { status: 200, retry_after_s: None });
        }
        Ok(Box::new(Stream { response, line: Vec::new(), has_data: false, silence: self.patience.stall * 3 }))
    }
}

impl Transport for Http {
    fn post<'a>(&'a self, post: Post, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(self.exchange(post.into(), meter))
    }

    fn send<'a>(&'a self, request: Request, meter: &'a Meter) -> Pending<'a, Result<Answer, TransportError>> {
        Box::pin(self.exchange(request, meter))
    }

    fn listen<'a>(
        &'a self,
        url: &'a str,
        authorization: &'a str,
    ) -> Pending<'a, Option<Result<Box<dyn News>, TransportError>>> {
        Box::pin(async move { Some(self.open(url, authorization).await) })
    }
}

fn build(patience: Patience, roots: &[Certificate], is_secure: bool) -> Result<Client, TransportError> {
    // Two libraries in one process may each bring a provider; ours is named, and the first one wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("gandan/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(patience.connect)
        // Shorter than the server keeps a resting connection, so that no request is sent into its end.
        .pool_idle_timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30));
    if !is_secure {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let nobody = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TransportError::Insecure(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder = builder.tls_backend_preconfigured(nobody).http1_only();
    } else if !roots.is_empty() {
        builder = builder.tls_certs_only(roots.iter().cloned());
    }
    // The kernel knows best whether what was sent arrives.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    {
        builder = builder.tcp_user_timeout(patience.stall * 2);
    }
    builder.build().map_err(|error| TransportError::Insecure(story(&error)))
}

/// The body as a stream of pieces, each of which is a heartbeat when the connection asks for it.
fn upload(body: &[u8], meter: Meter, pulse: Pulse) -> reqwest::Body {
    let pieces: Vec<Vec<u8>> = body.chunks(PIECE).map(<[u8]>::to_vec).collect();
    let stream = tokio_stream::iter(pieces.into_iter().map(move |piece| {
        meter.add_up(piece.len());
        pulse.beat(piece.len());
        Ok::<_, std::convert::Infallible>(piece)
    }));
    reqwest::Body::wrap_stream(stream)
}

fn head(response: &Response) -> Answer {
    let headers = response.headers();
    let content_type = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    Answer {
        status: response.status().as_u16(),
        content_type: content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
        error_code: text(headers, ERROR_HEADER).filter(|code| is_code(code)).map(str::to_owned),
        retry_after_s: text(headers, RETRY_AFTER.as_str())
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(|seconds: u32| seconds.min(MAX_RETRY_AFTER_S)),
        upload_offset: text(headers, "upload-offset").and_then(|offset| offset.trim().parse().ok()),
        total: text(headers, CONTENT_RANGE.as_str()).and_then(|range| range.rsplit_once('/')?.1.trim().parse().ok()),
        etag: text(headers, ETAG.as_str()).map(|etag| etag.trim_matches('"').to_owned()),
        body: Vec::new(),
        cut: None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads the body; after an error what came before it stays.
async fn read(
    mut response: Response,
    limit: usize,
    meter: &Meter,
    pulse: &Pulse,
    body: &mut Vec<u8>,
) -> Result<(), TransportError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(TransportError::TooLong(limit));
    }
    while let Some(piece) = pulse.guard(response.chunk()).await?.map_err(|error| sort(&error))? {
        pulse.beat(0);
        meter.add_down(piece.len());
        if body.len() + piece.len() > limit {
            return Err(TransportError::TooLong(limit));
        }
        body.extend_from_slice(&piece);
    }
    Ok(())
}

/// When something last moved, and how much may be on its way unseen.
#[derive(Clone)]
struct Pulse {
    state: Arc<Mutex<(Instant, usize)>>,
    patience: Patience,
}

impl Pulse {
    fn new(patience: Patience) -> Self {
        Self { state: Arc::new(Mutex::new((Instant::now() + patience.connect, 0))), patience }
    }

    /// Something moved. `bytes` were handed over for sending; 0 says that the other side has answered.
    fn beat(&self, bytes: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = if bytes == 0 { 0 } else { (state.1 + bytes).min(UNSEEN) };
        *state = (Instant::now(), unseen);
    }

    /// The moment at which patience ends, unless something moves before.
    fn deadline(&self) -> (Instant, Duration) {
        let (last, unseen) = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.patience.stall + Duration::from_millis(unseen as u64 * 1_000 / self.patience.slowest.max(1));
        (last + wait, wait)
    }

    /// Runs `work` as long as something moves.
    async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, TransportError> {
        let mut work = std::pin::pin!(work);
        loop {
            let (deadline, wait) = self.deadline();
            match tokio::time::timeout_at(deadline, work.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) if self.deadline().0 > deadline => {}
                Err(_) => return Err(TransportError::Stalled(wait.as_secs().max(1))),
            }
        }
    }
}

/// What the HTTP library's error amounts to.
fn sort(error: &reqwest::Error) -> TransportError {
    let story = story(error);
    let is_tls = story.contains("certificate") || story.contains("tls") || story.contains("TLS");
    if error.is_builder() || error.is_request() && error.url().is_none() {
        TransportError::BadAddress(story)
    } else if error.is_connect() && is_tls {
        TransportError::Insecure(story)
    } else if error.is_connect() {
        TransportError::Offline(story)
    } else {
        TransportError::Cut(story)
    }
}

/// The error and its causes in one line, without the address (it is in the caller's hands already).
fn story(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// Server-sent events, of which only "there is news" matters here.
struct Stream {
    response: Response,
    line: Vec<u8>,
    has_data: bool,
    /// A healthy stream has a heartbeat well within this time.
    silence: Duration,
}

impl Stream {
    /// Reads what is in `line`; true if it ended an event with data.
    fn take(&mut self, piece: &[u8]) -> bool {
        let mut news = false;
        for &byte in piece {
            if byte != b'\n' {
                // A longer line has no meaning for us; what counts is how it starts.
                if self.line.len() < 64 {
                    self.line.push(byte);
                }
                continue;
            }
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            if self.line.is_empty() {
                news |= std::mem::take(&mut self.has_data);
            }
            self.has_data |= self.line.starts_with(b"data:");
            self.line.clear();
        }
        news
    }

    async fn wait(&mut self) -> Result<bool, TransportError> {
        let seconds = self.silence.as_secs().max(1);
        let piece = tokio::time::timeout(self.silence, self.response.chunk())
            .await
            .map_err(|_| TransportError::Stalled(seconds))?
            .map_err(|error| sort(&error))?
            .ok_or_else(|| TransportError::Cut("the stream of news ended".to_owned()))?;
        Ok(self.take(&piece))
    }
}

impl News for Stream {
    fn next(&mut self) -> Pending<'_, Result<bool, TransportError>> {
        Box::pin(self.wait())
    }
}
