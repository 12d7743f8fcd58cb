//! `GET /v1/events`: server-sent events that say which space has news, and never what.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::{Event, Sse};
use gandan_model::ids::{Compartment, SpaceId};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use crate::auth::{Principal, hash_secret};
use crate::db::DbError;
use crate::db::sqlite::{devices, people, spaces};
use crate::events::SpaceEvent;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::bearer;
use crate::state::AppState;

/// Time between heartbeats. With each of them the listener's rights are looked up anew.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A stream of `event: space`, `data: {"space": "…", "head": 7}`, and a comment as heartbeat every 15 seconds. After
/// `event: missed` the listener should sync: it was too slow to hear everything. Devices present the token of their
/// enrolment, staff their own.
#[utoipa::path(
    get, path = "/v1/events", tag = "devices", security(("bearer" = [])),
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody)
    )
)]
pub(crate) async fn events(
    State(state): State<AppState>,
    parts: Parts,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let token = bearer(&parts).ok_or_else(ApiError::unauthorised)?.to_owned();
    let room = Arc::clone(state.listeners()).try_acquire_owned().map_err(|_| ApiError::busy(60))?;
    // Listening starts before rights are looked up: nothing that comes in between is missed.
    let receiver = state.events().subscribe();
    let visible = visible(&state, &token).await?.ok_or_else(ApiError::unauthorised)?;
    let (sender, stream) = mpsc::channel(64);
    let listener = Listener { state, token, visible, sender, _room: room };
    tokio::spawn(listener.run(receiver));
    Ok(Sse::new(ReceiverStream::new(stream)))
}

struct Listener {
    state: AppState,
    token: String,
    visible: HashSet<SpaceId>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _room: OwnedSemaphorePermit,
}

impl Listener {
    async fn run(mut self, mut receiver: broadcast::Receiver<SpaceEvent>) {
        self.state.metrics().listeners(1);
        let mut stopping = self.state.stopping();
        let mut ticks = tokio::time::interval(HEARTBEAT);
        loop {
            let goes_on = tokio::select! {
                news = receiver.recv() => self.news(news).await,
                _ = ticks.tick() => self.heartbeat().await,
                () = self.sender.closed() => false,
                () = ended(&mut stopping) => false,
            };
            if !goes_on {
                break;
            }
        }
        self.state.metrics().listeners(-1);
    }

    async fn news(&self, news: Result<SpaceEvent, broadcast::error::RecvError>) -> bool {
        let event = match news {
            Ok(event) if self.visible.contains(&event.space) => {
                let data = format!("{{\"space\":\"{}\",\"head\":{}}}", event.space, event.head);
                Event::default().event("space").data(data)
            }
            Ok(_) => return true,
            Err(broadcast::error::RecvError::Lagged(_)) => Event::default().event("missed").data("{}"),
            Err(broadcast::error::RecvError::Closed) => return false,
        };
        self.sender.send(Ok(event)).await.is_ok()
    }

    /// False when the token is not valid any more.
    async fn heartbeat(&mut self) -> bool {
        match visible(&self.state, &self.token).await {
            Ok(Some(visible)) => self.visible = visible,
            Ok(None) => return false,
            // The database is busy: the rights of a moment ago hold a moment longer.
            Err(_) => {}
        }
        self.sender.send(Ok(Event::default().comment("heartbeat"))).await.is_ok()
    }
}

/// Returns when the server goes down.
pub(super) async fn ended(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

/// The spaces whose news the owner of a token may hear of; `None` if the token is not valid.
async fn visible(state: &AppState, token: &str) -> Result<Option<HashSet<SpaceId>>, DbError> {
    let (token, now_ms) = (token.to_owned(), state.now_ms());
    let read = move |connection: &Connection| {
        if let Some(device) = devices::by_events_hash(connection, &hash_secret(&token))? {
            let granted = devices::grants(connection, device)?;
            let readable = granted.into_iter().filter(|granted| granted.access.reads());
            return Ok(Some(readable.map(|granted| granted.space).collect()));
        }
        let Some(principal) = people::principal(connection, &token, now_ms)? else { return Ok(None) };
        let mut visible = HashSet::new();
        for (space, unit, compartment) in spaces::all(connection)? {
            if may_hear(&principal, &unit, compartment) {
                visible.insert(space);
            }
        }
        Ok(Some(visible))
    };
    state.db().read_async(read).await
}

pub(super) fn may_hear(principal: &Principal, unit: &str, compartment: Compartment) -> bool {
    principal.can_see_unit(unit)
        && match compartment {
            Compartment::Field => true,
            Compartment::Contacts => principal.role.reads_contacts(),
            Compartment::Sealed => principal.role.reads_sealed(),
        }
}
