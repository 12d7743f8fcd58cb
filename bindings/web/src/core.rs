//! The client, function by function.

use crate::error::{Answer, answer, failed, read, refused, text, thrown};
use crate::host::{self, Host};
use gandan_client::model::codes::Lang;
use gandan_client::model::genesis::DocKind;
use gandan_client::model::ids::DocId;
use gandan_client::model::moment::Moment;
use gandan_client::model::patch::FieldEdit;
use gandan_client::model::privacy::Notice;
use gandan_client::{Cancel, Client, NewPhoto, Page, PhotoSize, Subscription, SyncOptions, TransferOptions, storage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Name of the database's folder in the origin's private storage.
const HOME: &str = "gandan";

/// One field device. Its functions are those of [`gandan_client::Client`] of the same name; results are JSON text.
#[wasm_bindgen]
pub struct Core {
    client: Client,
    cancel: RefCell<Cancel>,
    _changes: Subscription,
}

#[wasm_bindgen]
impl Core {
    /// Takes hold of the origin's private storage. Once in a worker, before anything else here.
    pub async fn prepare() -> Result<(), JsValue> {
        host::report_panics();
        storage::prepare().await.map_err(|error| thrown(&error.into()))
    }

    /// Lets go of the storage, so that another page can have it.
    pub fn release() -> Result<(), JsValue> {
        storage::release().map_err(|error| thrown(&error.into()))
    }

    /// Whether a database lies here.
    pub fn exists() -> Result<bool, JsValue> {
        storage::exists(Path::new(HOME)).map_err(|error| thrown(&error.into()))
    }

    /// Removes the database and everything that belongs to it. No client may be open.
    pub fn erase() -> Result<(), JsValue> {
        storage::erase().map_err(|error| thrown(&error.into()))
    }

    /// Opens the database with its key of 32 bytes; makes it if there is none.
    pub fn open(key: &[u8], host: Host) -> Result<Core, JsValue> {
        let key = key.try_into().map_err(|_| refused("bad_argument", "key: not 32 bytes"))?;
        host::set(host);
        let client = Client::open(Path::new(HOME), key, host::environment()).map_err(|error| thrown(&error))?;
        let changes = client.on_change(host::tell_changed);
        Ok(Self { client, cancel: RefCell::default(), _changes: changes })
    }

    /// Closes the database. An exchange that is under way is given up.
    pub fn close(self) -> Result<(), JsValue> {
        self.cancel.borrow().cancel();
        self.client.close().map(|_| ()).map_err(|error| thrown(&error))
    }

    /// Becomes a device of the official whom the link was made for.
    pub async fn enrol(&self, link: String) -> Answer {
        answer(self.client.enrol(&link, false).await)
    }

    /// Where the device stands: `Standing`.
    pub fn standing(&self) -> Answer {
        answer(self.client.standing())
    }

    /// Communes, wards and special zones that this device was told about.
    pub fn units(&self) -> Answer {
        answer(self.client.units())
    }

    /// A page of assignments.
    pub fn assignments(&self, limit: u32, after: Option<String>) -> Answer {
        let (items, next) = self.client.assignments(&page(limit, after)?).map_err(|error| thrown(&error))?;
        text(&json!({ "items": items, "next": next }))
    }

    /// A page of visits, the latest day first; `filter` is a `VisitFilter`.
    pub fn visits(&self, filter: &str, limit: u32, after: Option<String>) -> Answer {
        answer(self.client.visits(&read("filter", filter)?, &page(limit, after)?))
    }

    /// A page of issues, the latest reception first; `filter` is an `IssueFilter`.
    pub fn issues(&self, filter: &str, limit: u32, after: Option<String>) -> Answer {
        answer(self.client.issues(&read("filter", filter)?, &page(limit, after)?))
    }

    /// A page of records in which somebody must look at something.
    pub fn review(&self, limit: u32, after: Option<String>) -> Answer {
        let (items, next) = self.client.review(&page(limit, after)?).map_err(|error| thrown(&error))?;
        text(&json!({ "items": items, "next": next }))
    }

    /// One record in full, with the last `steps` of its history.
    pub fn show(&self, id: &str, steps: usize) -> Answer {
        answer(self.client.show(doc(id)?, steps))
    }

    /// An id for a record that is to be made, here and on a colleague's phone.
    #[wasm_bindgen(js_name = newId)]
    pub fn new_id(&self) -> Answer {
        text(&self.client.new_id())
    }

    /// Creates a record, or changes the one with this id. `edits`: array of field and value.
    #[wasm_bindgen(js_name = createRecord)]
    pub fn create_record(&self, record: &str, id: Option<String>, edits: &str) -> Answer {
        let id = id.map(|id| doc(&id)).transpose()?;
        answer(self.client.create(kind(record)?, id, &read::<Vec<FieldEdit>>("edits", edits)?))
    }

    /// Changes fields of a record: all of them in one change, or none.
    pub fn patch(&self, id: &str, edits: &str) -> Answer {
        answer(self.client.patch(doc(id)?, &read::<Vec<FieldEdit>>("edits", edits)?))
    }

    /// Hands a visit in.
    pub fn submit(&self, id: &str) -> Answer {
        answer(self.client.submit(doc(id)?))
    }

    /// Decides a review item as it was seen, which its basis names; `value` is JSON.
    pub fn resolve(&self, id: &str, field: &str, basis: &str, value: &str) -> Answer {
        let value = json!({ "basis": basis, "value": read::<Value>("value", value)? });
        answer(self.client.resolve(doc(id)?, field, value))
    }

    /// Begins or goes on with a draft; gives its id, which is the record's.
    #[wasm_bindgen(js_name = saveDraft)]
    pub fn save_draft(&self, record: &str, id: Option<String>, edits: &str) -> Answer {
        let id = id.map(|id| doc(&id)).transpose()?;
        answer(self.client.save_draft(kind(record)?, id, &read::<Vec<FieldEdit>>("edits", edits)?))
    }

    /// One draft, or null.
    pub fn draft(&self, id: &str) -> Answer {
        answer(self.client.draft(doc(id)?))
    }

    /// A page of drafts, the oldest first.
    pub fn drafts(&self, limit: u32, after: Option<String>) -> Answer {
        let (items, next) = self.client.drafts(&page(limit, after)?).map_err(|error| thrown(&error))?;
        text(&json!({ "items": items, "next": next }))
    }

    /// Hands a draft in: its edits become one change.
    #[wasm_bindgen(js_name = submitDraft)]
    pub fn submit_draft(&self, id: &str) -> Answer {
        answer(self.client.submit_draft(doc(id)?))
    }

    /// Throws a draft away; false if there was none.
    #[wasm_bindgen(js_name = discardDraft)]
    pub fn discard_draft(&self, id: &str) -> Answer {
        answer(self.client.discard_draft(doc(id)?))
    }

    /// Attaches a picture to a visit, or to its draft. `words`: JSON with `people_visible`, and perhaps `consent`,
    /// `caption` and `taken_at`.
    pub fn attach(&self, visit: &str, bytes: Vec<u8>, thumbnail: Vec<u8>, words: &str) -> Answer {
        let words: PhotoWords = read("photo", words)?;
        let photo = NewPhoto {
            thumbnail: Some(thumbnail),
            caption: words.caption,
            taken_at: words.taken_at,
            people_visible: words.people_visible.as_str().into(),
            consent: words.consent.as_deref().unwrap_or("not_needed").into(),
            ..NewPhoto::new(bytes)
        };
        answer(self.client.attach(doc(visit)?, photo))
    }

    /// A picture's bytes as they lie here; undefined if only the server has them.
    pub fn photo(&self, visit: &str, photo_id: &str, thumbnail: bool) -> Result<Option<Vec<u8>>, JsValue> {
        let size = if thumbnail { PhotoSize::Thumbnail } else { PhotoSize::Original };
        self.client.photo(doc(visit)?, photo_id, size).map_err(|error| thrown(&error))
    }

    /// How many files of pictures wait to be sent, and how large they are.
    #[wasm_bindgen(js_name = waitingFiles)]
    pub fn waiting_files(&self) -> Answer {
        answer(self.client.waiting_files())
    }

    /// Exchanges all records with the server; the host hears how far it is.
    pub async fn sync(&self) -> Answer {
        let options = SyncOptions {
            cancel: self.new_cancel(),
            progress: Arc::new(host::tell_progress),
            ..SyncOptions::default()
        };
        match self.client.sync_once(options).await {
            Ok(report) => text(&report),
            Err(failure) => Err(failed(&failure.error, &failure.report)),
        }
    }

    /// Sends pictures that wait, originals only if wanted, and gets thumbnails; the host hears how far it is.
    pub async fn transfer(&self, originals: bool) -> Answer {
        let options = TransferOptions {
            originals,
            cancel: self.new_cancel(),
            progress: Arc::new(host::tell_progress),
            ..TransferOptions::default()
        };
        match self.client.transfer(options).await {
            Ok(report) => text(&report),
            Err(failure) => Err(failed(&failure.error, &failure.report)),
        }
    }

    /// Ends the exchange that is under way; what was exchanged stays.
    #[wasm_bindgen(js_name = cancelSync)]
    pub fn cancel_sync(&self) {
        self.cancel.borrow().cancel();
    }

    /// Address of the stream of news and what to show there, or null before enrolment.
    #[wasm_bindgen(js_name = newsAddress)]
    pub fn news_address(&self) -> Answer {
        answer(self.client.news_address())
    }

    /// Everything that the server has not confirmed, one JSON object a line, in the clear.
    #[wasm_bindgen(js_name = exportUnsent)]
    pub fn export_unsent(&self) -> Result<Vec<u8>, JsValue> {
        let mut lines = Vec::new();
        self.client.write_unsent(&mut lines).map_err(|error| thrown(&error))?;
        Ok(lines)
    }

    /// Takes over what another phone of this official exported: `Rescued`.
    #[wasm_bindgen(js_name = importUnsent)]
    pub fn import_unsent(&self, lines: &[u8]) -> Answer {
        answer(self.client.import_unsent(lines))
    }
}

impl Core {
    /// The switch that ends what begins now.
    fn new_cancel(&self) -> Cancel {
        let cancel = Cancel::new();
        self.cancel.replace(cancel.clone());
        cancel
    }
}

/// What is said about a picture.
#[derive(Deserialize)]
struct PhotoWords {
    people_visible: String,
    consent: Option<String>,
    caption: Option<String>,
    taken_at: Option<Moment>,
}

/// What in a text of this field looks like personal data.
#[wasm_bindgen]
pub fn check(field: &str, words: &str, household: bool) -> Answer {
    text(&gandan_client::warnings(&[FieldEdit::new(field, words)], household))
}

/// The texts that stand above what could become personal data, in both languages, and their version.
#[wasm_bindgen]
pub fn notices() -> Answer {
    #[derive(Serialize)]
    struct Both {
        vi: &'static str,
        en: &'static str,
    }
    let both = |notice: Notice| Both { vi: notice.text(Lang::Vi), en: notice.text(Lang::En) };
    let texts: BTreeMap<Notice, Both> = Notice::ALL.into_iter().map(|notice| (notice, both(notice))).collect();
    text(&json!({ "version": Notice::version(), "texts": texts }))
}

fn page(limit: u32, after: Option<String>) -> Result<Page, JsValue> {
    let Some(after) = after else { return Ok(Page::first(limit)) };
    let cursor = after.parse().map_err(|_| refused("bad_cursor", "after: no list gave this out"))?;
    Ok(Page::after(cursor, limit))
}

fn doc(id: &str) -> Result<DocId, JsValue> {
    id.parse().map_err(|_| refused("bad_argument", "id: not the id of a record"))
}

fn kind(record: &str) -> Result<DocKind, JsValue> {
    read("kind", &json!(record).to_string())
}
