//! Opening, enrolment, closing.

use crate::callbacks::{CallbackError, ChangeListener, KeyProvider, note};
use crate::door::Door;
use crate::error::GandanError;
use gandan_client::model::ids::DocId;
use gandan_client::{ClientError, DeviceInfo, Environment, Link};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A field device: the records of the units its official was sent to, an encrypted database, and an exchange with the
/// server.
///
/// Functions that touch the disk or the network are asynchronous and never hold up the caller's thread. When a save
/// returns, it is on disk; when an exchange says that something was pushed, it is on the server's disk. Several clients may
/// be open in one process, each with a folder of its own.
///
/// Close it with `shutdown`. Letting go of it without is safe for the data, but leaves the moment to chance.
#[derive(uniffi::Object)]
pub struct Client {
    pub(crate) door: Arc<Door>,
}

/// How a client is opened.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct OpenOptions {
    /// Certificates in PEM form: only servers certified by one of these are trusted then. For a server with an authority of
    /// its own, and to pin one.
    #[uniffi(default = None)]
    pub trusted_certificates: Option<Vec<u8>>,
}

/// Whose device this is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Device {
    /// The device, 16 hexadecimal digits.
    pub id: String,
    /// The official's id: the author of everything written here.
    pub official: String,
    /// The official's name.
    pub name: String,
    /// The official's role, as a code.
    pub role: String,
    /// Address of the server.
    pub server: String,
}

impl From<DeviceInfo> for Device {
    fn from(info: DeviceInfo) -> Self {
        let DeviceInfo { device, official, name, role, server } = info;
        Self { id: device.to_string(), official, name, role, server }
    }
}

#[uniffi::export(async_runtime = "tokio")]
impl Client {
    /// Opens the device's folder, which is made if it is not there, with the key that `keys` hands out. A damaged database
    /// is set aside, never deleted, and what is readable in it is taken over.
    ///
    /// Fails with `wrong_key` (the file is untouched), `busy` (it is open elsewhere), `disk_full`, `read_only`,
    /// `newer_version`, `key_unavailable`.
    #[uniffi::constructor]
    pub async fn open(
        folder: String,
        keys: Arc<dyn KeyProvider>,
        options: OpenOptions,
    ) -> Result<Arc<Self>, GandanError> {
        let opened = tokio::task::spawn_blocking(move || {
            let key = key(keys.as_ref())?;
            let environment = match options.trusted_certificates {
                Some(pem) => Environment::native_trusting(&pem).map_err(ClientError::from)?,
                None => Environment::native(),
            };
            Ok::<_, GandanError>(gandan_client::Client::open(&PathBuf::from(folder), key, environment)?)
        });
        let client = opened.await.map_err(|error| GandanError::lost(&error))??;
        Ok(Arc::new(Self { door: Arc::new(Door::new(client)) }))
    }

    /// Makes this client a device of the official that the link was made for, and takes in what the server hands over. The
    /// link is what the administrator gives, or what the QR code says. `allow_insecure`: also a server without encryption,
    /// for tests.
    ///
    /// Fails with `bad_link`, `insecure_link`, `already_enrolled`, and the server's codes for a link that was used or has
    /// expired. May be repeated with the same link if the answer got lost.
    pub async fn enrol(&self, link: String, allow_insecure: bool) -> Result<Device, GandanError> {
        let cancel = gandan_client::Cancel::new();
        let guard = cancel.clone();
        let enrolled = self.door.exchange(cancel, |client| async move {
            let enrolling = client.enrol(&link, allow_insecure);
            guard.guard(enrolling).await.unwrap_or(Err(ClientError::Cancelled))
        });
        Ok(enrolled.await?.into())
    }

    /// Whose device this is; null before enrolment.
    pub async fn device(&self) -> Result<Option<Device>, GandanError> {
        Ok(self.door.run(gandan_client::Client::device).await?.map(Device::from))
    }

    /// Calls `listener` with the ids of records that read differently now, until the subscription is ended or let go of.
    /// For most screens a live query is less work.
    pub fn on_change(&self, listener: Arc<dyn ChangeListener>) -> Result<Arc<Subscription>, GandanError> {
        let tell = move |ids: &[DocId]| note(listener.changed(ids.iter().map(DocId::to_string).collect()));
        let subscription = self.door.peek()?.on_change(tell);
        Ok(Arc::new(Subscription(Mutex::new(Some(subscription)))))
    }

    /// Closes the client: exchanges and live queries end, what is being saved is saved to its end, then the database is
    /// closed. `false` if it was closed before. Everything called later fails with `closed`.
    pub async fn shutdown(&self) -> Result<bool, GandanError> {
        self.door.close().await
    }
}

/// Ends when it is let go of.
#[derive(uniffi::Object)]
pub struct Subscription(Mutex<Option<gandan_client::Subscription>>);

#[uniffi::export]
impl Subscription {
    /// Ends it now: the listener is not called again, but for a call that is under way.
    pub fn cancel(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What an enrolment link says, for a screen that asks "is this your server?" before it is used.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct EnrolmentLink {
    /// Address of the server.
    pub server: String,
    /// Whether the way there is encrypted.
    pub is_secure: bool,
}

/// Reads a link, or what a QR code says, without using it.
///
/// Fails with `bad_link`.
#[uniffi::export]
pub fn read_link(text: String) -> Result<EnrolmentLink, GandanError> {
    let link = Link::parse(&text, true)?;
    Ok(EnrolmentLink { is_secure: Link::parse(&text, false).is_ok(), server: link.server })
}

/// The key as the database wants it.
fn key(keys: &dyn KeyProvider) -> Result<[u8; 32], GandanError> {
    let key = keys.database_key().map_err(|CallbackError::Failed { reason }| GandanError::RetryLater {
        code: "key_unavailable".to_owned(),
        detail: reason,
        retry_after_s: None,
    })?;
    let length = key.len();
    key.try_into().map_err(|_| GandanError::input("bad_key", format!("the key must have 32 bytes, not {length}")))
}
