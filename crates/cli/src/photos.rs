//! The commands about photographs and their bytes.

use crate::args::{AttachArgs, PhotoArgs};
use crate::commands::{parse_id, to_json};
use crate::exchange::runtime;
use crate::{Failure, Said};
use gandan_client::model::codes::{PeopleVisible, PhotoConsent};
use gandan_client::transport::Meter;
use gandan_client::{
    Cancel, Client, NewPhoto, PhotoScale, PhotoSize, TransferFailure, TransferOptions, TransferProgress, TransferReport,
};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A transfer that takes longer tells how far it has come, and again after as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// `attach`.
pub(crate) fn attach(client: &Client, args: AttachArgs) -> Result<Said, Failure> {
    let scale = PhotoScale { longest_side: args.longest_side, ..PhotoScale::default() };
    let photo = NewPhoto {
        scale: (args.longest_side > 0).then_some(scale),
        caption: args.caption,
        people_visible: PeopleVisible::from(args.people.as_str()),
        consent: PhotoConsent::from(args.consent.as_str()),
        ..NewPhoto::new(Vec::new())
    };
    let attached = client.attach_file(parse_id(&args.id)?, &args.file, photo)?;
    let text = format!("{} {} {} bytes\n", attached.photo_id, attached.mime, attached.bytes);
    Ok(Said { json: to_json(&attached), text })
}

/// `photo`: writes the bytes into a file, or takes the photograph away.
pub(crate) fn photo(client: &Client, args: &PhotoArgs) -> Result<Said, Failure> {
    let visit = parse_id(&args.id)?;
    let Some(file) = &args.to else {
        if args.remove {
            client.remove_photo(visit, &args.photo)?;
            return Ok(Said { json: json!({"removed": args.photo}), text: format!("{} is gone\n", args.photo) });
        }
        let files = client.photo_files(visit, &args.photo)?;
        let line = |file: &gandan_client::Attachment| format!("{} {:?} {} bytes\n", file.mime, file.state, file.length);
        return Ok(Said { text: files.iter().map(line).collect(), json: to_json(&files) });
    };
    let size = if args.thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Original };
    let mut bytes = client.photo(visit, &args.photo, size)?;
    if bytes.is_none()
        && let Some(hash) = client.photo_hash(visit, &args.photo, size)?
    {
        let options =
            TransferOptions { originals: false, thumbnails: 0, fetch: vec![hash], ..TransferOptions::default() };
        transfer(client, options)?;
        bytes = client.photo(visit, &args.photo, size)?;
    }
    let bytes = bytes.ok_or_else(|| Failure::plain("not_here", "the server does not have it yet; sync later"))?;
    let written = OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut out| out.write_all(&bytes));
    written.map_err(|error| Failure::plain("file", format!("{}: {error}", file.display())))?;
    Ok(Said {
        json: json!({"file": file, "bytes": bytes.len()}),
        text: format!("{}: {} bytes\n", file.display(), bytes.len()),
    })
}

/// Moves files, and tells how far that has come if it takes long.
pub(crate) fn transfer(client: &Client, options: TransferOptions) -> Result<TransferReport, Failure> {
    let seen = Arc::new(Mutex::new(TransferProgress::default()));
    let (meter, cancel, latest) = (Meter::default(), Cancel::new(), seen.clone());
    let keep = move |progress: &TransferProgress| *latest.lock().unwrap_or_else(PoisonError::into_inner) = *progress;
    let options = TransferOptions { progress: Arc::new(keep), meter, cancel: cancel.clone(), ..options };
    let moved = runtime()?.block_on(async {
        let mut moving = std::pin::pin!(client.transfer(options));
        loop {
            tokio::select! {
                result = &mut moving => return result,
                _ = tokio::signal::ctrl_c(), if !cancel.is_cancelled() => {
                    eprintln!("stopping …");
                    cancel.cancel();
                }
                () = tokio::time::sleep(PATIENCE) => tell(&seen.lock().unwrap_or_else(PoisonError::into_inner)),
            }
        }
    });
    moved.map_err(|TransferFailure { report, error }| Failure::from(error).after(json!({ "photos": report })))
}

fn tell(progress: &TransferProgress) {
    eprintln!(
        "photos: {} of {} sent, {} of {} KB; {} received …",
        progress.files_sent,
        progress.files_to_send,
        progress.bytes_sent / 1_000,
        progress.bytes_to_send / 1_000,
        progress.files_fetched
    );
}
