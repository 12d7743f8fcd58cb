//! `serve`: the server itself.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::{Common, print};
use crate::error::ServerError;
use crate::front::{self, FrontOptions, Tls};
use crate::http::router::router;
use crate::limits::{LimitOptions, Rate};
use crate::oidc::{Oidc, OidcOptions};
use crate::server::{Server, ServerOptions};

/// How long requests under way may take after the signal to end.
const DRAIN: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    common: Common,
    /// Address and port to listen on; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// When devices should call again, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    poll_after: u32,
    #[command(flatten)]
    tls: TlsArgs,
    /// A proxy on this machine speaks TLS; the last address in `X-Forwarded-For`, which it must set, is the caller's
    #[arg(long, conflicts_with = "tls_cert")]
    behind_proxy: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    oidc: OidcArgs,
}

/// The province's own sign-in service (OpenID Connect), beside passwords.
#[derive(Debug, Args)]
struct OidcArgs {
    /// Address of the provider, exactly as its tokens name it
    #[arg(long, value_name = "URL", requires_all = ["oidc_client", "public_url"])]
    oidc_issuer: Option<String>,
    /// Name under which the provider knows this server
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    oidc_client: Option<String>,
    /// File with the client's secret; without it the server is a public client
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_secret: Option<PathBuf>,
    /// Claim that names the account
    #[arg(long, value_name = "CLAIM", default_value = "preferred_username")]
    oidc_claim: String,
    /// Words on the button
    #[arg(long, value_name = "TEXT", default_value = "Tài khoản công vụ")]
    oidc_label: String,
    /// PEM file with the only authorities to trust for the provider's certificate
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_ca: Option<PathBuf>,
    /// Address of this server as browsers know it, such as `https://gandan.example`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

impl OidcArgs {
    fn service(&self) -> Result<Option<Arc<Oidc>>, ServerError> {
        let (Some(issuer), Some(client), Some(here)) = (&self.oidc_issuer, &self.oidc_client, &self.public_url) else {
            return Ok(None);
        };
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).map_err(ServerError::io(format!("read {}", file.display())))?;
            Ok::<_, ServerError>(text.trim_end_matches(['\r', '\n']).to_owned())
        };
        let options = OidcOptions {
            issuer: issuer.clone(),
            client_id: client.clone(),
            client_secret: self.oidc_secret.as_ref().map(read).transpose()?,
            claim: self.oidc_claim.clone(),
            public_url: here.clone(),
            label: self.oidc_label.clone(),
            authority: self.oidc_ca.clone(),
        };
        Ok(Some(Arc::new(Oidc::new(options)?)))
    }
}

/// TLS without a proxy.
#[derive(Debug, Args)]
struct TlsArgs {
    /// PEM file with the server's certificate and those between it and the root; read again on SIGHUP, and within a
    /// minute after it changed
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// What is turned away. Many phones share one address behind a mobile network's translation: stay generous.
#[derive(Debug, Args)]
struct LimitArgs {
    /// Most open connections
    #[arg(long, default_value_t = 4096, value_name = "N")]
    max_connections: usize,
    /// Most open connections from one address
    #[arg(long, default_value_t = 2048, value_name = "N")]
    max_connections_per_address: usize,
    /// Most requests a minute from one address, half of that at once; 0: no limit
    #[arg(long, default_value_t = 6_000, value_name = "N")]
    requests_per_address: u32,
    /// Most exchanges a minute of one device, half of that at once; 0: no limit
    #[arg(long, default_value_t = 1_200, value_name = "N")]
    requests_per_device: u32,
    /// Most enrolments and logins a minute from one address, five times that at once; 0: no limit
    #[arg(long, default_value_t = 120, value_name = "N")]
    enrolments_per_address: u32,
}

impl LimitArgs {
    fn options(&self) -> LimitOptions {
        let half = |per_minute: u32| Rate { per_minute, burst: per_minute / 2 };
        let entry = self.enrolments_per_address;
        LimitOptions {
            address: half(self.requests_per_address),
            device: half(self.requests_per_device),
            entry: Rate { per_minute: entry, burst: entry.saturating_mul(5) },
            ..LimitOptions::default()
        }
    }
}

impl Serve {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        log_to_stderr();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(64)
            .build()
            .map_err(ServerError::io("start the runtime"))?;
        runtime.block_on(self.serve())
    }

    fn front(&self, tls: Option<Tls>) -> FrontOptions {
        let LimitArgs { max_connections, max_connections_per_address, .. } = self.limits;
        // Behind a proxy every connection is the proxy's.
        let per_address = if self.behind_proxy { max_connections } else { max_connections_per_address };
        FrontOptions {
            tls,
            connections: max_connections,
            connections_per_address: per_address,
            ..FrontOptions::default()
        }
    }

    async fn serve(&self) -> Result<(), ServerError> {
        let what = || format!("listen on {} (is the port taken?)", self.listen);
        let listener = TcpListener::bind(self.listen).await.map_err(ServerError::io(what()))?;
        let address = listener.local_addr().map_err(ServerError::io(what()))?;
        let tls = self.tls.tls_cert.as_deref().zip(self.tls.tls_key.as_deref());
        let tls = tls.map(|(certificate, key)| Tls::load(certificate, key)).transpose()?;
        let options = ServerOptions {
            poll_after_s: self.poll_after,
            limits: self.limits.options(),
            behind_proxy: self.behind_proxy,
            tls: tls.is_some(),
            oidc: self.oidc.service()?,
            ..ServerOptions::new(&self.common.data)
        };
        let server = Server::start(options)?;
        let app = router(server.state().clone());
        let door = self.front(tls.clone());
        let (metrics, stopping) = (server.state().metrics().clone(), server.state().stopping());
        let mut serving = tokio::spawn(front::serve(listener, app, door, metrics, stopping));
        let scheme = if tls.is_some() { "https" } else { "http" };
        if self.common.json {
            print(&json!({"listening": address.to_string(), "scheme": scheme}).to_string())?;
        } else {
            print(&format!("listening on {scheme}://{address}"))?;
        }
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
        tokio::select! {
            () = asked_to_end() => {}
            () = reread(tls) => {}
            ended = &mut serving => tracing::error!(?ended, "the listener ended by itself"),
        }
        tracing::info!("going down: answering requests under way");
        server.begin_shutdown();
        if !serving.is_finished() && tokio::time::timeout(DRAIN, serving).await.is_err() {
            tracing::warn!("some requests were not finished in time");
        }
        let stopped = tokio::task::spawn_blocking(move || server.stop()).await;
        stopped.map_err(|error| ServerError::Internal(error.to_string()))?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Reads the certificate again at every SIGHUP. Never returns.
async fn reread(tls: Option<Tls>) {
    #[cfg(unix)]
    if let Ok(mut hung_up) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        while hung_up.recv().await.is_some() {
            front::refresh(tls.as_ref(), true);
        }
    }
    std::future::pending::<()>().await;
}

/// Returns at SIGTERM or SIGINT.
async fn asked_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    interrupted.await;
}

/// Lines for people in a terminal, JSON for machines otherwise. `GANDAN_LOG` sets what is logged: `info`, `debug`,
/// `gandan_server=debug`.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("GANDAN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process (in tests) is refused; the first goes on.
    let _ = if std::io::stderr().is_terminal() { builder.try_init() } else { builder.json().try_init() };
}
