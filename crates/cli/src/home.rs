//! The device's folder and the key of its database.

use data_encoding::HEXLOWER_PERMISSIVE;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Environment variable that names the folder.
const HOME: &str = "GANDAN_HOME";
/// Environment variable that holds the key, for tests and for keys kept elsewhere.
const KEY: &str = "GANDAN_KEY";

/// The folder: the option, or the environment's.
pub(crate) fn folder(option: Option<PathBuf>) -> Option<PathBuf> {
    option.or_else(|| std::env::var_os(HOME).filter(|value| !value.is_empty()).map(PathBuf::from))
}

/// The key of the database in `home`. Makes folder and key when both are new.
///
/// The error is a sentence for the person at the terminal.
pub(crate) fn key(home: &Path) -> Result<[u8; 32], String> {
    if let Ok(text) = std::env::var(KEY) {
        return parse(&text).ok_or_else(|| format!("{KEY} is not 64 hexadecimal digits"));
    }
    let path = home.join("key");
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| {
            format!("{} is not a key of 64 hexadecimal digits; put the right file back", path.display())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(home, &path),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

fn make(home: &Path, path: &Path) -> Result<[u8; 32], String> {
    if holds_database(home) {
        return Err(format!(
            "there is a database in {} but no key; put the file `key` back or set {KEY}",
            home.display()
        ));
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| format!("no random numbers: {error}"))?;
    let cannot = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    make_folder(home).map_err(|error| format!("{} cannot be made: {error}", home.display()))?;
    // Written aside and linked into place: two processes that start at once end up with one key.
    let mut text = HEXLOWER_PERMISSIVE.encode(&key);
    text.push('\n');
    let aside = home.join(format!("key.{}", std::process::id()));
    write_private(&aside, text.as_bytes()).map_err(cannot)?;
    let linked = fs::hard_link(&aside, path);
    let _ = fs::remove_file(&aside);
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(path).map_err(cannot)?;
            parse(&text).ok_or_else(|| format!("{} is not a key", path.display()))
        }
        Err(error) => Err(cannot(error)),
    }
}

/// Longest file of certificates that is read.
const MAX_CA: u64 = 1 << 20;

/// The authorities that this device trusts, if they are not the operating system's.
pub(crate) fn ca(home: &Path) -> Result<Option<Vec<u8>>, String> {
    let path = home.join("ca.pem");
    if path.exists() { read_ca(&path).map(Some) } else { Ok(None) }
}

/// Certificates from a file.
pub(crate) fn read_ca(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    if fs::metadata(path).map_err(cannot)?.len() > MAX_CA {
        return Err(format!("{} is too long for certificates", path.display()));
    }
    fs::read(path).map_err(cannot)
}

/// Keeps the authorities that this device is to trust from now on; `None`: those of the operating system.
pub(crate) fn keep_ca(home: &Path, pem: Option<&[u8]>) -> Result<(), String> {
    let path = home.join("ca.pem");
    let kept = match pem {
        // Complete or not at all: half a file would lock the device out.
        Some(pem) => {
            let aside = home.join("ca.pem.new");
            write_private(&aside, pem).and_then(|()| fs::rename(&aside, &path))
        }
        None if path.exists() => fs::remove_file(&path),
        None => Ok(()),
    };
    kept.map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn parse(text: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?.try_into().ok()
}

fn holds_database(home: &Path) -> bool {
    let Ok(entries) = fs::read_dir(home) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "db"))
}

fn make_folder(home: &Path) -> std::io::Result<()> {
    if home.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(home)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("a/b");
        let key = key(&home).unwrap();
        assert_eq!(super::key(&home).unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(home.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
    }

    #[test]
    fn a_database_without_its_key_gets_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("device.db"), "x").unwrap();
        assert!(key(folder.path()).unwrap_err().contains("GANDAN_KEY"));
        fs::write(folder.path().join("key"), "abc").unwrap();
        assert!(key(folder.path()).unwrap_err().contains("64"));
    }
}
