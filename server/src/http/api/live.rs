//! `GET /api/v1/live`: tells a page that something changed, so that it need not ask again and again.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event, Sse};
use gandan_model::ids::SpaceId;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use super::events::{ended, may_hear};
use crate::auth::Principal;
use crate::db::DbError;
use crate::db::sqlite::{accounts, people, sessions, spaces};
use crate::events::SpaceEvent;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::bearer;
use crate::http::session;
use crate::reports::day::Day;
use crate::reports::queue::{self, Queue};
use crate::reports::scope::Scope;
use crate::state::AppState;

/// Time between heartbeats; a page that hears nothing for twice as long has lost the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Counters are counted at most so often.
const PAUSE: Duration = Duration::from_secs(2);

/// By what a listener is known.
enum Pass {
    Token(String),
    Session(String),
}

/// A stream for pages of staff. `event: queue` with the counters of `/api/v1/queue`, at once and whenever they changed;
/// `event: space`, `data: {"space": "…", "unit": "…", "head": 7}` when records of a unit changed; `event: missed` when
/// the page was too slow to hear everything; `event: beat` every 15 seconds. It ends when the session does, and does not
/// keep it alive.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "staff", security(("bearer" = []), ("session" = [])),
    responses(
        (status = 200, description = "The stream", content_type = "text/event-stream"),
        (status = 401, description = "`unauthorised`", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn live(
    State(state): State<AppState>,
    mut parts: Parts,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    // The rights are looked up here for the answer's sake; later by the pass alone.
    Principal::from_request_parts(&mut parts, &state).await?;
    let pass = match bearer(&parts) {
        Some(token) => Pass::Token(token.to_owned()),
        None => Pass::Session(session::id(&parts.headers, state.secure()).ok_or_else(ApiError::unauthorised)?),
    };
    let room = Arc::clone(state.listeners()).try_acquire_owned().map_err(|_| ApiError::busy(60))?;
    let receiver = state.events().subscribe();
    let (sender, stream) = mpsc::channel(64);
    let mut listener = Listener { state, pass: Arc::new(pass), seen: Seen::default(), sent: None, sender, _room: room };
    if !listener.look().await {
        return Err(ApiError::unauthorised());
    }
    tokio::spawn(listener.run(receiver));
    Ok(Sse::new(ReceiverStream::new(stream)))
}

/// What the listener may see now.
#[derive(Default)]
struct Seen {
    spaces: HashSet<SpaceId>,
    units: std::collections::HashMap<SpaceId, String>,
    queue: Queue,
}

struct Listener {
    state: AppState,
    pass: Arc<Pass>,
    seen: Seen,
    sent: Option<Queue>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _room: OwnedSemaphorePermit,
}

impl Listener {
    async fn run(mut self, mut receiver: broadcast::Receiver<SpaceEvent>) {
        self.state.metrics().listeners(1);
        let mut stopping = self.state.stopping();
        let mut beats = tokio::time::interval(HEARTBEAT);
        let mut counts = tokio::time::interval(PAUSE);
        counts.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut news = true;
        loop {
            let goes_on = tokio::select! {
                event = receiver.recv() => {
                    news = true;
                    self.tell(event).await
                }
                _ = counts.tick(), if news => {
                    news = false;
                    self.count().await
                }
                _ = beats.tick() => {
                    // Days pass without news: what was due tomorrow is due today.
                    news = true;
                    self.sender.send(Ok(Event::default().event("beat").data("{}"))).await.is_ok()
                }
                () = self.sender.closed() => false,
                () = ended(&mut stopping) => false,
            };
            if !goes_on {
                break;
            }
        }
        self.state.metrics().listeners(-1);
    }

    async fn tell(&self, event: Result<SpaceEvent, broadcast::error::RecvError>) -> bool {
        let event = match event {
            Ok(event) if self.seen.spaces.contains(&event.space) => {
                let unit = self.seen.units.get(&event.space).map_or("", String::as_str);
                let data = serde_json::json!({"space": event.space, "unit": unit, "head": event.head});
                Event::default().event("space").data(data.to_string())
            }
            Ok(_) => return true,
            Err(broadcast::error::RecvError::Lagged(_)) => Event::default().event("missed").data("{}"),
            Err(broadcast::error::RecvError::Closed) => return false,
        };
        self.sender.send(Ok(event)).await.is_ok()
    }

    /// Counts, and tells if something changed. The views lag behind the log by moments: it waits for them first.
    async fn count(&mut self) -> bool {
        let waited = tokio::time::timeout(PAUSE, self.state.projector().caught_up()).await;
        if matches!(waited, Ok(false)) || !self.look().await {
            return false;
        }
        if self.sent == Some(self.seen.queue) {
            return true;
        }
        self.sent = Some(self.seen.queue);
        let Ok(data) = serde_json::to_string(&self.seen.queue) else { return false };
        self.sender.send(Ok(Event::default().event("queue").data(data))).await.is_ok()
    }

    /// Looks up rights and counters; false if the pass holds no more.
    async fn look(&mut self) -> bool {
        let (pass, now_ms) = (Arc::clone(&self.pass), self.state.now_ms());
        match self.state.db().read_async(move |connection| seen(connection, &pass, now_ms)).await {
            Ok(Some(seen)) => self.seen = seen,
            Ok(None) => return false,
            // The database is busy: the rights of a moment ago hold a moment longer.
            Err(_) => {}
        }
        true
    }
}

fn seen(connection: &Connection, pass: &Pass, now_ms: i64) -> Result<Option<Seen>, DbError> {
    let principal = match pass {
        Pass::Token(token) => people::principal(connection, token, now_ms)?,
        Pass::Session(id) => match sessions::find(connection, id, now_ms)? {
            Some(session) => Some(accounts::principal(connection, &session.account, now_ms)?),
            None => None,
        },
    };
    let Some(principal) = principal else { return Ok(None) };
    let mut seen =
        Seen { queue: queue::count(connection, &Scope::of(&principal), Day::of_ms(now_ms))?, ..Seen::default() };
    for (space, unit, compartment) in spaces::all(connection)? {
        if may_hear(&principal, &unit, compartment) {
            seen.spaces.insert(space);
            seen.units.insert(space, unit);
        }
    }
    Ok(Some(seen))
}
