//! Wrong key, newer version, second process, folder that cannot be written, full disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use gandan_model::genesis::DocKind;
use gandan_store::{DatabaseKey, Remedy, Store, StoreError, VisitFilter};
use serde_json::json;

use crate::help::{NOW, Phone, doc, field_grant, key, open};

/// Every file of the folder with its bytes, but the lock.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "lock"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// A folder whose database was not closed in order: part of it is still in the log.
fn abandoned() -> tempfile::TempDir {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    let copy = tempfile::tempdir().unwrap();
    for name in ["gandan.db", "gandan.db-wal", "gandan.key-check"] {
        fs::copy(phone.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    assert!(fs::metadata(copy.path().join("gandan.db-wal")).unwrap().len() > 0);
    copy
}

#[test]
fn a_wrong_key_is_told_and_changes_no_byte() {
    let folder = abandoned();
    for with_fingerprint in [true, false] {
        if !with_fingerprint {
            fs::remove_file(folder.path().join("gandan.key-check")).unwrap();
        }
        let before = bytes(folder.path());
        let error = Store::open(folder.path(), &DatabaseKey::new([1; 32]), NOW).unwrap_err();
        assert_eq!((error.code(), error.remedy()), ("wrong_key", Remedy::GiveKey));
        assert_eq!(bytes(folder.path()), before);
    }
    // The right key finds what was only in the log, and remembers its fingerprint again.
    let store = open(folder.path());
    assert_eq!(store.counts().unwrap().visits, 1);
    assert!(folder.path().join("gandan.key-check").exists());
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for content in [b"not a database".to_vec(), vec![0x5a; 10_000]] {
        fs::write(folder.path().join("gandan.db"), &content).unwrap();
        assert_eq!(Store::open(folder.path(), &key(), NOW).unwrap_err().code(), "wrong_key");
        assert_eq!(fs::read(folder.path().join("gandan.db")).unwrap(), content);
    }
}

#[test]
fn a_newer_version_is_refused_and_changes_no_byte() {
    let folder = abandoned();
    {
        // What a newer app would have done.
        let raw = rusqlite::Connection::open(folder.path().join("gandan.db")).unwrap();
        raw.pragma_update(None, "key", pragma_key(folder.path())).unwrap();
        raw.pragma_update(None, "user_version", 99).unwrap();
        raw.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    }
    let before = bytes(folder.path());
    let error = Store::open(folder.path(), &key(), NOW).unwrap_err();
    assert!(matches!(error, StoreError::NewerVersion { found: 99, .. }), "{error:?}");
    assert_eq!(error.remedy(), Remedy::Update);
    let after: Vec<_> = bytes(folder.path()).into_iter().filter(|(name, _)| !name.ends_with("-shm")).collect();
    let before: Vec<_> = before.into_iter().filter(|(name, _)| !name.ends_with("-shm")).collect();
    assert_eq!(after, before);
}

/// The key as SQLCipher takes it: 32 bytes and the 16 bytes of salt at the beginning of the file.
pub(crate) fn pragma_key(folder: &Path) -> String {
    let salt = fs::read(folder.join("gandan.db")).unwrap()[..16].to_vec();
    format!("x'{}{}'", crate::help::hex(&[0x6b; 32]), crate::help::hex(&salt))
}

#[test]
fn nothing_readable_stands_in_the_files() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("note", json!("Duong lien thon hu hong"))]);
    for (name, content) in bytes(phone.folder.path()) {
        for word in ["Duong lien", "duong lien", "CREATE TABLE", "SQLite format"] {
            let found = content.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} in {name}");
        }
    }
}

#[test]
fn a_second_opening_is_told_and_the_first_goes_on() {
    let mut phone = Phone::new();
    let error = Store::open(phone.folder.path(), &key(), NOW).unwrap_err();
    assert_eq!((error.code(), error.remedy()), ("busy", Remedy::CloseOther));
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    // Another process as well.
    let output = child("busy", phone.folder.path());
    assert_eq!(output, "busy");
    let folder = phone.folder;
    drop(phone.store);
    assert_eq!(open(folder.path()).counts().unwrap().visits, 1);
}

/// Runs one of the roles below in a process of its own.
fn child(role: &str, folder: &Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::child_process", "--nocapture"])
        .env("GANDAN_TEST_ROLE", role)
        .env("GANDAN_TEST_FOLDER", folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("result:").map(|(_, result)| result.to_owned()));
    line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Not a test by itself: what [`child`] runs.
#[test]
fn child_process() {
    let Ok(role) = std::env::var("GANDAN_TEST_ROLE") else { return };
    let folder = std::env::var("GANDAN_TEST_FOLDER").unwrap();
    let result = Store::open(Path::new(&folder), &key(), NOW).map(|_| ());
    assert_eq!(role, "busy");
    println!("\nresult:{}", result.map_or_else(|error| error.code(), |()| "open"));
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_told_and_nothing_is_lost() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    phone.store.close().unwrap();
    let folder = phone.folder.path();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        mode(&entry.unwrap().path(), 0o444);
    }
    mode(folder, 0o555);
    let before = bytes(folder);
    // The administrator may write everywhere, so this runs as nobody.
    let executable = folder.parent().unwrap().join(format!("gandan-test-{}", std::process::id()));
    fs::copy(std::env::current_exe().unwrap(), &executable).unwrap();
    mode(&executable, 0o755);
    let mut command = Command::new(&executable);
    command.args(["--exact", "opening::child_process", "--nocapture"]).current_dir("/");
    command.env("GANDAN_TEST_ROLE", "busy").env("GANDAN_TEST_FOLDER", folder);
    if fs::write(folder.join("probe"), []).is_ok() {
        fs::remove_file(folder.join("probe")).unwrap();
        command.uid(65_534).gid(65_534);
    }
    let output = command.output();
    fs::remove_file(&executable).unwrap();
    mode(folder, 0o755);
    for entry in fs::read_dir(folder).unwrap() {
        mode(&entry.unwrap().path(), 0o644);
    }
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("result:read_only"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bytes(folder), before);
    assert_eq!(open(folder).counts().unwrap().visits, 1);
}

/// Saves until there is no room; then makes room and goes on.
fn fill_up(folder: &Path, limit: impl Fn(&Store), make_room: impl Fn(&Store)) {
    let mut store = open(folder);
    store.grant(&field_grant(crate::help::SPACE, "24847")).unwrap();
    let mut phone = Phone { store, folder: tempfile::tempdir().unwrap() };
    limit(&phone.store);
    let mut saved = 0;
    let error = loop {
        let mut document = gandan_model::document::Document::new(DocKind::Visit);
        let note = format!("{saved} {}", "nội dung ".repeat(800));
        let change = crate::help::edit(&mut document, crate::help::ME, NOW, &[("note", json!(note))]);
        match phone.store.commit(crate::help::SPACE, doc(saved), &document, &change, None, NOW) {
            Ok(()) => saved += 1,
            Err(error) => break error,
        }
        assert!(saved < 5_000, "the disk never got full");
    };
    assert_eq!((error.code(), error.remedy()), ("disk_full", Remedy::FreeSpace));
    assert!(saved > 5);
    // Everything that was called saved is here, reads work, and the one that failed left nothing.
    assert_eq!(phone.visits(&VisitFilter::default()).len(), saved.min(500) as usize);
    assert!(phone.store.document(doc(saved)).unwrap().is_none());
    assert_eq!(phone.store.counts().unwrap().visits, u64::from(saved));
    make_room(&phone.store);
    phone.save(DocKind::Visit, doc(saved), NOW, &[("place.name", json!("Thôn 1"))]);
    drop(phone);
    let store = open(folder);
    store.check().unwrap();
    assert_eq!(store.counts().unwrap().visits, u64::from(saved) + 1);
}

#[test]
fn a_size_limit_is_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    fill_up(
        folder.path(),
        |store| store.set_max_bytes(Some(1024 * 1024)).unwrap(),
        |store| store.set_max_bytes(None).unwrap(),
    );
}

/// On a real file system of 2 MB, where one may be mounted (Linux, as administrator).
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let status = Command::new("mount").args(arguments).arg(folder.path()).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"]) {
        println!("not run: no file system may be mounted here");
        return;
    }
    let ballast = folder.path().join("ballast");
    fs::write(&ballast, vec![1; 300_000]).unwrap();
    let result = std::panic::catch_unwind(|| {
        fill_up(folder.path(), |_| (), |_| fs::remove_file(folder.path().join("ballast")).unwrap());
    });
    Command::new("umount").arg(folder.path()).status().unwrap();
    result.unwrap();
}
