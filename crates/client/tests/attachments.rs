//! Photographs on the device: attached, looked at, handed in with a draft, taken away.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use gandan_client::model::codes::{PeopleVisible, PhotoConsent};
use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::record::Record;
use gandan_client::model::visit::Visit;
use gandan_client::transport::{Answer, FRAME_TYPE, Method};
use gandan_client::{Client, NewPhoto, PhotoScale, PhotoSize, Transfer};
use gandan_sync::attachment::Holding;
use gandan_sync::query::Reply;
use image::{ImageFormat, RgbImage};
use std::io::Cursor;
use support::World;

fn picture(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 90]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn visit(client: &Client) -> DocId {
    client.create(DocKind::Visit, None, &[FieldEdit::new("planned_on", "2026-09-13")]).unwrap().id
}

fn shown(client: &Client, id: DocId) -> Visit {
    match client.show(id, 0).unwrap().record {
        Record::Visit(visit) => *visit,
        _ => panic!("no visit"),
    }
}

#[tokio::test]
async fn a_photo_is_kept_scaled_and_described() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let id = visit(&client);
    let scale = Some(PhotoScale { longest_side: 640, quality: 80 });
    let photo = NewPhoto { scale, caption: Some("Cầu hỏng".to_owned()), ..NewPhoto::new(picture(1_600, 1_200)) };
    let attached = client.attach(id, photo).unwrap();
    assert!(!attached.drafted);
    let described = &shown(&client, id).photos[0];
    assert_eq!(described.photo_id, attached.photo_id);
    assert_eq!(described.caption.as_deref(), Some("Cầu hỏng"));
    assert_eq!(described.sha256.as_deref(), Some(attached.sha256.to_string().as_str()));
    assert_eq!(described.bytes, Some(attached.bytes));
    let sides = |size| {
        let bytes = client.photo(id, &attached.photo_id, size).unwrap().unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        (picture.width(), picture.height())
    };
    assert_eq!((sides(PhotoSize::Original), sides(PhotoSize::Thumbnail)), ((640, 480), (320, 240)));
    let waiting = client.waiting_files().unwrap();
    assert_eq!((waiting.originals, waiting.original_bytes, waiting.thumbnails), (1, attached.bytes, 1));
    // What nobody else has is not removed to make room.
    assert_eq!(client.trim_photos(0).unwrap(), 0);
    // The same picture once more is another photograph, and the same file.
    client.attach(id, NewPhoto { scale, ..NewPhoto::new(picture(1_600, 1_200)) }).unwrap();
    assert_eq!(shown(&client, id).photos.len(), 2);
    assert_eq!(client.waiting_files().unwrap().originals, 1);
}

#[tokio::test]
async fn people_who_can_be_recognised_need_consent() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let id = visit(&client);
    for (people, consent) in [
        (PeopleVisible::Identifiable, PhotoConsent::NotNeeded),
        (PeopleVisible::Identifiable, PhotoConsent::PublicActivityNotice),
        (PeopleVisible::Crowd, PhotoConsent::Refused),
        (PeopleVisible::from("faces"), PhotoConsent::NotNeeded),
    ] {
        let photo = NewPhoto { people_visible: people, consent, ..NewPhoto::new(picture(40, 30)) };
        assert_eq!(client.attach(id, photo).unwrap_err().code(), "photo_needs_consent");
    }
    assert_eq!(client.waiting_files().unwrap().originals, 0);
    let photo = NewPhoto {
        people_visible: PeopleVisible::Identifiable,
        consent: PhotoConsent::Given,
        ..NewPhoto::new(picture(40, 30))
    };
    client.attach(id, photo).unwrap();
}

#[tokio::test]
async fn a_browser_brings_its_own_thumbnail() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let id = visit(&client);
    let small = picture(320, 240);
    let photo = NewPhoto { thumbnail: Some(small.clone()), ..NewPhoto::new(picture(800, 600)) };
    let attached = client.attach(id, photo).unwrap();
    assert_eq!(client.photo(id, &attached.photo_id, PhotoSize::Thumbnail).unwrap(), Some(small));
    let too_large = NewPhoto { thumbnail: Some(picture(321, 10)), ..NewPhoto::new(picture(800, 600)) };
    assert_eq!(client.attach(id, too_large).unwrap_err().code(), "bad_thumbnail");
    let no_picture = NewPhoto { thumbnail: Some(b"%PDF-1.7".to_vec()), ..NewPhoto::new(picture(800, 600)) };
    assert_eq!(client.attach(id, no_picture).unwrap_err().code(), "bad_thumbnail");
}

#[tokio::test]
async fn a_drafts_photos_go_with_it() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let edits = [FieldEdit::new("planned_on", "2026-09-13")];
    let id = client.save_draft(DocKind::Visit, None, &edits).unwrap();
    let first = client.attach(id, NewPhoto::new(picture(200, 100))).unwrap();
    let second = client.attach(id, NewPhoto::new(picture(100, 200))).unwrap();
    assert!(first.drafted && second.drafted);
    assert!(client.photo(id, &first.photo_id, PhotoSize::Original).unwrap().is_some());
    // Nothing travels before the draft is saved.
    assert_eq!(client.waiting_files().unwrap().originals, 0);
    client.remove_photo(id, &second.photo_id).unwrap();
    assert_eq!(client.photo(id, &second.photo_id, PhotoSize::Original).unwrap_err().code(), "not_found");
    assert!(client.inspect(|store| store.attachment(second.sha256)).unwrap().is_none());
    client.submit_draft(id).unwrap();
    assert_eq!(shown(&client, id).photos.len(), 1);
    assert_eq!(client.waiting_files().unwrap().originals, 1);

    let id = client.save_draft(DocKind::Visit, None, &edits).unwrap();
    let third = client.attach(id, NewPhoto::new(picture(50, 50))).unwrap();
    client.discard_draft(id).unwrap();
    assert!(client.inspect(|store| store.attachment(third.sha256)).unwrap().is_none());
}

#[tokio::test]
async fn a_photo_that_is_taken_away_leaves_nothing() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let (id, other) = (visit(&client), visit(&client));
    let attached = client.attach(id, NewPhoto::new(picture(300, 300))).unwrap();
    let again = client.attach(other, NewPhoto::new(picture(300, 300))).unwrap();
    assert_eq!(attached.sha256, again.sha256);
    client.remove_photo(id, &attached.photo_id).unwrap();
    assert!(shown(&client, id).photos.is_empty());
    // Another visit still shows it.
    assert!(client.photo(other, &again.photo_id, PhotoSize::Original).unwrap().is_some());
    client.remove_photo(other, &again.photo_id).unwrap();
    assert!(client.inspect(|store| store.attachment(attached.sha256)).unwrap().is_none());
    assert_eq!(client.waiting_files().unwrap(), gandan_client::AttachmentCounts::default());
}

#[tokio::test]
async fn only_visits_have_photos_and_only_those_that_are_here() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let photo = || NewPhoto::new(picture(10, 10));
    assert_eq!(client.attach(DocId([1; 16]), photo()).unwrap_err().code(), "not_found");
    let issue = client.create(DocKind::Issue, None, &[FieldEdit::new("title", "Cống")]).unwrap().id;
    assert_eq!(client.attach(issue, photo()).unwrap_err().code(), "not_a_visit");
    let draft = client.save_draft(DocKind::Issue, None, &[FieldEdit::new("title", "Cống")]).unwrap();
    assert_eq!(client.attach(draft, photo()).unwrap_err().code(), "not_a_visit");
}

#[tokio::test]
async fn a_picture_that_lies_on_its_side_is_scaled_upright() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let id = visit(&client);
    // Orientation 6: to be turned by a quarter.
    let exif = b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let plain = picture(400, 200);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let turned = [&plain[..2], b"\xff\xe1", &length, exif, &plain[2..]].concat();
    let scale = Some(PhotoScale { longest_side: 100, quality: 80 });
    let attached = client.attach(id, NewPhoto { scale, ..NewPhoto::new(turned) }).unwrap();
    let kept = client.photo(id, &attached.photo_id, PhotoSize::Original).unwrap().unwrap();
    let picture = image::load_from_memory(&kept).unwrap();
    assert_eq!((picture.width(), picture.height()), (50, 100));
}

/// Every second answer about a piece is lost after the piece has arrived, and once a piece of before arrives late.
#[tokio::test]
async fn the_progress_counts_every_byte_once_however_the_road_breaks() {
    let world = World::new();
    let (client, _) = world.client("CB-1").await;
    let id = visit(&client);
    client.attach(id, NewPhoto { scale: None, ..NewPhoto::new(picture(4_000, 3_000)) }).unwrap();
    let mut transfer = Transfer::new(true, Vec::new(), 0);
    let (mut arrived, mut pieces) = (0, 0);
    while let Some(message) = transfer.next(&client).unwrap() {
        let (method, body) = (message.request.method, message.request.body);
        let mut answer = Answer { status: 204, ..Answer::default() };
        if message.request.url.ends_with("/v1/query") {
            let lacking = vec![Holding::Lacking { offset: 0 }; 2];
            answer.status = 200;
            answer.content_type = FRAME_TYPE.to_owned();
            answer.body = Reply::Files(lacking).encode().unwrap();
        } else if method != Method::Head {
            pieces += 1;
            let before = if method == Method::Post { 0 } else { arrived };
            arrived = before + body.len() as u64;
            if pieces % 2 == 0 {
                transfer.cut(&message.errand);
                continue;
            }
            if pieces == 3 {
                answer = Answer { status: 409, error_code: Some("wrong_offset".to_owned()), ..Answer::default() };
            }
        }
        answer.upload_offset = Some(arrived);
        transfer.take(&client, message.errand, answer).unwrap();
    }
    let progress = transfer.progress;
    assert!(pieces > 4, "{pieces} pieces");
    assert_eq!((progress.files_sent, progress.bytes_sent), (2, progress.bytes_to_send));
}
