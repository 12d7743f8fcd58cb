//! `serve`: the server itself.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::{Common, print};
use crate::error::ServerError;
use crate::http::router::router;
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

    async fn serve(&self) -> Result<(), ServerError> {
        let what = || format!("listen on {} (is the port taken?)", self.listen);
        let listener = TcpListener::bind(self.listen).await.map_err(ServerError::io(what()))?;
        let address = listener.local_addr().map_err(ServerError::io(what()))?;
        let options = ServerOptions { poll_after_s: self.poll_after, ..ServerOptions::new(&self.common.data) };
        let server = Server::start(options)?;
        let app = router(server.state().clone());
        let mut stopping = server.state().stopping();
        let listener = listener.tap_io(|stream| {
            // Answers are small and wanted at once.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
            drop(stopping.wait_for(|stopping| *stopping).await);
        });
        let mut serving = tokio::spawn(serving.into_future());
        if self.common.json {
            print(&json!({"listening": address.to_string()}).to_string())?;
        } else {
            print(&format!("listening on http://{address}"))?;
        }
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
        tokio::select! {
            () = asked_to_end() => {}
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
