//! TLS: a certificate and a key from two files, read again when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::error::ServerError;

/// Most bytes of a file with certificates or a key.
const MAX_PEM: u64 = 1 << 20;

/// The server's certificate, which may be exchanged while it serves. TLS 1.2 and 1.3, nothing older.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

struct Current {
    certificate: PathBuf,
    key: PathBuf,
    loaded: RwLock<(Arc<CertifiedKey>, Age)>,
}

/// When the two files were last written.
type Age = [Option<SystemTime>; 2];

impl Tls {
    /// Reads a PEM file with the certificate and those between it and the root, and one with the private key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, ServerError> {
        let age = age(certificate, key);
        let loaded = RwLock::new((Arc::new(read(certificate, key)?), age));
        let current = Arc::new(Current { certificate: certificate.to_owned(), key: key.to_owned(), loaded });
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ServerError::Internal(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current })
    }

    /// What takes connections.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the files again. If they cannot be used the certificate in use stays. `always` also when they look
    /// unchanged. True if another certificate is in use now.
    pub fn reload(&self, always: bool) -> Result<bool, ServerError> {
        let Current { certificate, key, loaded } = self.current.as_ref();
        let age = age(certificate, key);
        if !always && loaded.read().unwrap_or_else(PoisonError::into_inner).1 == age {
            return Ok(false);
        }
        let new = Arc::new(read(certificate, key)?);
        *loaded.write().unwrap_or_else(PoisonError::into_inner) = (new, age);
        Ok(true)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// Never shows the key.
impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn age(certificate: &Path, key: &Path) -> Age {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok())
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, ServerError> {
    let bad = |path: &Path, what: &str| ServerError::invalid("bad_certificate", format!("{}: {what}", path.display()));
    let pem = text(certificate)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| bad(certificate, &format!("not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(bad(certificate, "holds no certificate"));
    }
    let pem = text(key)?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| bad(key, "holds no private key in PEM form"))?;
    CertifiedKey::from_der(chain, private, &ring::default_provider())
        .map_err(|error| bad(certificate, &format!("does not go with the key in {}: {error}", key.display())))
}

fn text(path: &Path) -> Result<Vec<u8>, ServerError> {
    let cannot = |error| ServerError::io(format!("read {}", path.display()))(error);
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > MAX_PEM {
        return Err(ServerError::invalid("bad_certificate", format!("{}: too long", path.display())));
    }
    std::fs::read(path).map_err(cannot)
}
