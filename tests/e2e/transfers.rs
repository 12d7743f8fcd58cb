//! Files' bytes as an app sees them: the bytes of a day, what a screen shows meanwhile, giving up.

use crate::stage::{Stage, UNIT};
use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::{
    Attached, Cancel, Client, Conditions, Environment, NewPhoto, PhotoSize, PhotoState, SyncOptions, TransferOptions,
    TransferProgress,
};
use gandan_tests::pictures::photo;
use std::sync::{Arc, Mutex};

/// Bytes of a piece.
const PIECE: u64 = 256 << 10;

/// An app's client, enrolled.
async fn phone(stage: &Stage, name: &str) -> Client {
    let client = Client::open(&stage.folder.path().join(name), [7; 32], Environment::native()).unwrap();
    client.enrol(&stage.server.link(name, &[UNIT], stage.server.address()), false).await.unwrap();
    client
}

/// A visit that the server knows, with a photograph of several pieces that it does not have.
async fn with_photo(client: &Client) -> (DocId, Attached) {
    let visit = client.create(DocKind::Visit, None, &[FieldEdit::new("note", "Có ảnh")]).unwrap().id;
    let attached = client.attach(visit, NewPhoto::new(photo(1, 1_000, 1_000))).unwrap();
    assert!(attached.bytes > 3 * PIECE, "{attached:?}");
    client.sync_once(SyncOptions::default()).await.unwrap();
    (visit, attached)
}

fn state(client: &Client, visit: DocId) -> PhotoState {
    client.photos(visit).unwrap()[0].state.clone()
}

/// Sends only; `told` hears how far it has come.
fn sending(told: impl Fn(&TransferProgress) + Send + Sync + 'static) -> TransferOptions {
    TransferOptions { thumbnails: 0, progress: Arc::new(told), ..TransferOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_count_in_the_bytes_of_a_day() {
    let stage = Stage::new();
    let client = phone(&stage, "a").await;
    let (visit, attached) = with_photo(&client).await;
    let used = || client.budget().unwrap().used;
    assert_eq!(used(), 0, "nothing counts where bytes cost nothing");
    client.set_conditions(Conditions { metered: true, ..Conditions::default() });

    // What nobody waits for: the thumbnail goes and counts, the original stays whatever was asked for.
    let unasked = || TransferOptions { within_budget: true, ..sending(|_| {}) };
    let first = client.transfer(unasked()).await.unwrap();
    assert_eq!(first.sent, 1);
    assert_eq!(used(), first.bytes_up + first.bytes_down);
    assert_eq!(state(&client, visit), PhotoState::ThumbnailSent);

    // By hand: counted, and not held up by a budget that is used up.
    client.set_daily_budget(Some(1)).unwrap();
    let second = client.transfer(sending(|_| {})).await.unwrap();
    assert!(second.sent == 1 && second.bytes_up >= attached.bytes, "{second:?}");
    assert_eq!(used(), first.bytes_up + first.bytes_down + second.bytes_up + second.bytes_down);
    assert_eq!(state(&client, visit), PhotoState::Sent);

    // The rest of the day nothing goes by itself, not even a thumbnail.
    client.attach(visit, NewPhoto::new(photo(2, 64, 64))).unwrap();
    let before = used();
    let failure = client.transfer(unasked()).await.unwrap_err();
    assert_eq!((failure.error.code(), failure.report.sent, used()), ("budget_used", 0, before));

    // What comes counts as well.
    let colleague = phone(&stage, "b").await;
    colleague.sync_once(SyncOptions::default()).await.unwrap();
    colleague.set_conditions(Conditions { metered: true, ..Conditions::default() });
    let mut moved = 0;
    let report = loop {
        let fetch = vec![attached.sha256];
        let report = colleague.transfer(TransferOptions { fetch, ..sending(|_| {}) }).await.unwrap();
        moved += report.bytes_up + report.bytes_down;
        // The server gives it once its lists know the record.
        if report.fetched == 1 {
            break report;
        }
    };
    assert!(report.bytes_down >= attached.bytes, "{report:?}");
    assert_eq!(colleague.budget().unwrap().used, moved);
    assert!(colleague.photo(visit, &attached.photo_id, PhotoSize::Original).unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_sees_a_photo_go_and_its_official_can_stop_it() {
    let stage = Stage::new();
    let client = phone(&stage, "a").await;
    let (visit, attached) = with_photo(&client).await;
    assert_eq!(state(&client, visit), PhotoState::Waiting);
    let (seen, cancel) = (Arc::new(Mutex::new(Vec::new())), Cancel::new());
    let (looking, states, stop) = (client.clone(), seen.clone(), cancel.clone());
    let options = sending(move |_| {
        let state = state(&looking, visit);
        if matches!(state, PhotoState::Sending { sent, .. } if sent > 0) {
            stop.cancel();
        }
        states.lock().unwrap().push(state);
    });
    let failure = client.transfer(TransferOptions { cancel, ..options }).await.unwrap_err();
    assert_eq!(failure.error.code(), "cancelled");
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.first(), Some(&PhotoState::Waiting), "the thumbnail goes first: {seen:?}");
    let last = seen.last().unwrap();
    assert!(matches!(last, PhotoState::Sending { sent, of } if *sent >= PIECE && *of == attached.bytes), "{seen:?}");
    // Nobody sends it now; what arrived stays there.
    assert_eq!(state(&client, visit), PhotoState::ThumbnailSent);

    let mut live = client.live_photos(visit);
    let transfer = tokio::spawn({
        let client = client.clone();
        async move { client.transfer(sending(|_| {})).await.unwrap() }
    });
    loop {
        let photos = live.next().await.unwrap().unwrap();
        if photos[0].state == PhotoState::Sent {
            break;
        }
    }
    let report = transfer.await.unwrap();
    assert!(report.bytes_up < attached.bytes - PIECE / 2, "what had arrived was not sent again: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_transfers_do_not_send_one_file_twice() {
    let stage = Stage::new();
    let client = phone(&stage, "a").await;
    let (visit, attached) = with_photo(&client).await;
    let (one, two) = tokio::join!(client.transfer(sending(|_| {})), client.transfer(sending(|_| {})));
    let bytes = one.unwrap().bytes_up + two.unwrap().bytes_up;
    assert_eq!(state(&client, visit), PhotoState::Sent);
    assert!(bytes < attached.bytes + PIECE, "{bytes} bytes for {}", attached.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_is_taken_away_while_it_is_sent_stops() {
    let stage = Stage::new();
    let client = phone(&stage, "a").await;
    let (visit, attached) = with_photo(&client).await;
    let (removing, id) = (client.clone(), attached.photo_id.clone());
    let options = sending(move |_| {
        let photos = removing.photos(visit).unwrap();
        if photos.iter().any(|photo| matches!(photo.state, PhotoState::Sending { sent, .. } if sent > 0)) {
            removing.remove_photo(visit, &id).unwrap();
        }
    });
    let report = client.transfer(options).await.unwrap();
    assert!(report.bytes_up < attached.bytes, "it was not sent to its end: {report:?}");
    assert_eq!(client.photos(visit).unwrap(), []);
}
