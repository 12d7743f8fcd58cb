//! TLS without a proxy: an authority of one's own, certificates that change while the server serves.

use crate::stage::{Stage, UNIT, code, lines, number};
use gandan_tests::processes::{Device, Server, eventually, folder, path};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, in a file.
    fn file(&self, folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, self.0.pem()).unwrap();
        file
    }

    /// Writes a certificate and key of this machine.
    fn certify(&self, certificate: &Path, key: &Path) {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        fs::write(key, pair.serialize_pem()).unwrap();
        fs::write(certificate, params.signed_by(&pair, &self.0).unwrap().pem()).unwrap();
    }
}

/// A server that speaks TLS.
struct Secure {
    stage: Stage,
    authority: Authority,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Secure {
    fn new() -> Self {
        let folder = folder();
        let authority = Authority::new();
        let ca = authority.file(folder.path(), "authority.pem");
        let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        authority.certify(&certificate, &key);
        let options = ["--tls-cert", path(&certificate), "--tls-key", path(&key)];
        let server = Server::started_with(&folder.path().join("server"), &options);
        Self { stage: Stage { server, folder }, authority, ca, certificate, key }
    }

    fn device(&self, name: &str) -> Device {
        Device::new(&self.stage.folder.path().join(name))
    }

    fn link(&self, name: &str) -> String {
        let server = &self.stage.server;
        server.link(name, &[UNIT], server.address())
    }

    fn hang_up(&self) {
        kill(Pid::from_raw(i32::try_from(self.stage.server.pid()).unwrap()), Signal::SIGHUP).unwrap();
    }
}

#[test]
fn a_device_that_trusts_the_authority_syncs_over_tls_and_no_other_does() {
    let secure = Secure::new();
    let device = secure.device("a");
    let link = secure.link("a");
    assert!(link.starts_with("https://127.0.0.1"), "{link}");
    // The operating system does not know this authority, and somebody else's certified nothing here.
    let said = device.run(&["enrol", &link]);
    assert_eq!(code(&said), "insecure", "{}", said.err);
    let other = Authority::new().file(secure.stage.folder.path(), "other.pem");
    assert_eq!(code(&device.run(&["enrol", &link, "--ca", path(&other)])), "insecure");
    assert_eq!(code(&device.run(&["enrol", &link, "--ca", path(&secure.certificate.with_extension("key"))])), "ca");

    device.run(&["enrol", &link, "--ca", path(&secure.ca)]).json();
    device.record(&lines(700, 3)).json();
    // The authority is remembered.
    assert_eq!(number(&device.sync(), "waiting"), 0);
    fs::remove_file(device.home().join("ca.pem")).unwrap();
    assert_eq!(code(&device.run(&["sync"])), "insecure");
}

#[test]
fn a_server_with_tls_says_nothing_in_the_clear() {
    let secure = Secure::new();
    let mut stream = TcpStream::connect(secure.stage.server.address()).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn a_new_certificate_is_taken_on_without_a_restart_and_a_broken_one_is_not() {
    let secure = Secure::new();
    let device = secure.device("a");
    device.run(&["enrol", &secure.link("a"), "--ca", path(&secure.ca)]).json();

    // A broken file: the certificate in use stays.
    let good = fs::read(&secure.certificate).unwrap();
    fs::write(&secure.certificate, "nonsense").unwrap();
    secure.hang_up();
    eventually("the server says so", || secure.stage.server.log().contains("stays").then_some(()));
    device.sync();
    fs::write(&secure.certificate, good).unwrap();

    // One of another authority: devices notice, so it is in use.
    let other = Authority::new();
    other.certify(&secure.certificate, &secure.key);
    secure.hang_up();
    eventually("the new certificate is in use", || (device.run(&["sync"]).code == 1).then_some(()));
    assert_eq!(code(&device.run(&["sync"])), "insecure");
    // The operator hands out the new authority.
    other.file(device.home(), "ca.pem");
    device.sync();
    secure.authority.certify(&secure.certificate, &secure.key);
}

#[test]
fn a_server_does_not_start_with_files_that_do_not_go_together() {
    let folder = folder();
    let (certificate, key) = (folder.path().join("a.pem"), folder.path().join("a.key"));
    Authority::new().certify(&certificate, &key);
    Authority::new().certify(&folder.path().join("b.pem"), &key);
    let server = Server::init(&folder.path().join("server"));
    let both = ["--listen", "127.0.0.1:0", "--tls-cert", path(&certificate), "--tls-key", path(&key)];
    assert!(server.command("serve", &both).failure().contains("bad_certificate"));
    // One without the other, or with a proxy: wrong usage.
    assert_eq!(server.command("serve", &["--tls-cert", path(&certificate)]).code, 2);
    let three = ["--behind-proxy", "--tls-cert", path(&certificate), "--tls-key", path(&key)];
    assert_eq!(server.command("serve", &three).code, 2);
}
