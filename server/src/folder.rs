//! The data folder: the database, and beside it what must not travel with a backup.
//!
//! | file | what | in a backup |
//! |---|---|---|
//! | `gandan.db` | the truth | yes |
//! | `views.db` | derived, can be deleted | no |
//! | `views.run` | there while views are written: a power failure may spoil them | no |
//! | `attachments/` | files by their hash, never changed | by a copy of the folder |
//! | `server.key` | key of the server's own device | no: a restored server writes as a new device |
//! | `incarnation` | grows with every restore | no: that is what it is for |
//! | `ledger.jsonl` | enrolments, moves, revocations, erasures, removed files | no: they survive a restore of older data |
//! | `serve.lock` | held while serving | no |
//! | `compact.lock` | held while documents are packed | no |

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use gandan_model::document::is_genesis_actor;
use gandan_model::ids::{DeviceId, DocId, FileHash, SpaceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::auth::{Role, ScopeLine};
use crate::db::sqlite::CORE;
use crate::error::ServerError;
use crate::staff_writer::ServerDevice;

const KEY: &str = "server.key";
const INCARNATION: &str = "incarnation";
const LEDGER: &str = "ledger.jsonl";
const LOCK: &str = "serve.lock";
const COMPACT_LOCK: &str = "compact.lock";

/// A decision that must outlive a restore of older data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Decision {
    /// A device was revoked.
    DeviceRevoked {
        /// The device.
        device: DeviceId,
        /// When, Unix milliseconds.
        at_ms: i64,
        /// Whether everything on it has to go.
        #[serde(default)]
        wipe: bool,
    },
    /// A device was enrolled, or took the place of another one. Without this the server could not check, after a restore,
    /// what the device signed since.
    DeviceEnrolled {
        /// The device.
        device: DeviceId,
        /// Its ed25519 public key, hexadecimal.
        public_key: String,
        /// Whose it is.
        official: OfficialLine,
        /// When, Unix milliseconds.
        at_ms: i64,
    },
    /// An official may see something else from now on.
    OfficialMoved {
        /// The official.
        official: OfficialLine,
        /// When, Unix milliseconds.
        at_ms: i64,
    },
    /// A document was erased.
    DocumentErased {
        /// The space in which it lay.
        space: SpaceId,
        /// The document.
        document: DocId,
        /// When, Unix milliseconds.
        at_ms: i64,
    },
    /// The bytes of a file were removed on privacy grounds, or with their document.
    AttachmentRemoved {
        /// The file.
        file: FileHash,
        /// When, Unix milliseconds.
        at_ms: i64,
    },
    /// Of a newer server; kept and left alone.
    #[serde(other)]
    Unknown,
}

/// An official as the ledger knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficialLine {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// What they may see.
    pub scope: Vec<ScopeLine>,
}

/// The data folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path, which must exist.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Creates the folder if need be; only its owner may look into it.
    pub fn create(path: &Path) -> Result<Self, ServerError> {
        let what = || format!("create the data folder {}", path.display());
        fs::create_dir_all(path).map_err(ServerError::io(what()))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(ServerError::io(what()))?;
        }
        Ok(Self::at(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the folder for one serving process, until the returned file is dropped.
    pub fn lock(&self) -> Result<File, ServerError> {
        let file = self.lock_file(LOCK)?;
        file.try_lock().map_err(|_| {
            ServerError::invalid("already_serving", "another gandan-server serves this data folder; stop it first")
        })?;
        Ok(file)
    }

    /// Takes the folder for one compaction, until the returned file is dropped; none if another process compacts.
    pub fn lock_compaction(&self) -> Result<Option<File>, ServerError> {
        let file = self.lock_file(COMPACT_LOCK)?;
        Ok(file.try_lock().is_ok().then_some(file))
    }

    fn lock_file(&self, name: &str) -> Result<File, ServerError> {
        let path = self.0.join(name);
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        opened.map_err(ServerError::io(format!("open {}", path.display())))
    }

    /// The key of the server's own device; made at the first call.
    pub fn server_device(&self) -> Result<ServerDevice, ServerError> {
        let path = self.0.join(KEY);
        if !path.exists() {
            self.new_server_device()?;
        }
        let text = fs::read_to_string(&path).map_err(ServerError::io(format!("read {}", path.display())))?;
        let seed = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
        let seed: [u8; 32] = seed.and_then(|seed| seed.try_into().ok()).ok_or_else(|| {
            ServerError::invalid(
                "bad_server_key",
                format!("{} is damaged: move it away and start again", path.display()),
            )
        })?;
        Ok(device_of(SigningKey::from_bytes(&seed)))
    }

    /// Replaces the key: from now on the server writes as another device.
    pub fn new_server_device(&self) -> Result<(), ServerError> {
        loop {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|error| ServerError::Internal(error.to_string()))?;
            if !is_genesis_actor(device_of(SigningKey::from_bytes(&seed)).id) {
                let text = data_encoding::HEXLOWER.encode(&seed);
                return write_durably(&self.0.join(KEY), text.as_bytes());
            }
        }
    }

    /// How often the data was restored, as a number that only grows.
    pub fn incarnation(&self) -> Result<u64, ServerError> {
        let path = self.0.join(INCARNATION);
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                ServerError::invalid("bad_incarnation", format!("{} is damaged: it holds one number", path.display()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(ServerError::io(format!("read {}", path.display()))(error)),
        }
    }

    /// Begins a new incarnation: a number greater than any before, also of a folder that is lost. The clock gives that.
    pub fn new_incarnation(&self, now_ms: i64) -> Result<u64, ServerError> {
        let now_s = u64::try_from(now_ms / 1000).unwrap_or(0);
        let next = now_s.max(self.incarnation()? + 1);
        write_durably(&self.0.join(INCARNATION), next.to_string().as_bytes())?;
        Ok(next)
    }

    /// Databases that a restore set aside: older copies of everything, which nothing here changes any more.
    pub fn set_aside_files(&self) -> Result<Vec<PathBuf>, ServerError> {
        let prefix = format!("{CORE}.before-");
        let list = || -> std::io::Result<Vec<PathBuf>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(&self.0)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    files.push(entry.path());
                }
            }
            files.sort_unstable();
            Ok(files)
        };
        list().map_err(ServerError::io(format!("read {}", self.0.display())))
    }

    /// Writes a decision down; durable when this returns. Gives the length of the ledger before and after, in bytes. To
    /// be called while the write lock of the database is held: see [`crate::ledger`].
    pub fn append(&self, decision: &Decision) -> std::io::Result<(u64, u64)> {
        let mut line = serde_json::to_vec(decision)?;
        line.push(b'\n');
        let path = self.0.join(LEDGER);
        let new = !path.exists();
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(&path)?;
        let before = file.metadata()?.len();
        if before > 0 {
            // A line cut off by a power failure must not swallow the next one.
            let mut last = [0];
            file.seek(SeekFrom::Start(before - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        file.write_all(&line)?;
        file.sync_all()?;
        if new {
            sync_folder(&path)?;
        }
        Ok((before, file.metadata()?.len()))
    }

    /// Every decision from a place in the ledger on, in order, and the ledger's length in bytes. A place behind its end is
    /// one of another ledger: then all of them.
    pub fn decisions(&self, from: u64) -> Result<(Vec<Decision>, u64), ServerError> {
        let path = self.0.join(LEDGER);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(ServerError::io(format!("read {}", path.display()))(error)),
        };
        let unread = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or(&bytes);
        // A line cut off by a power failure was never confirmed to anybody.
        let decisions = unread.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        Ok((decisions.collect(), bytes.len() as u64))
    }
}

fn device_of(key: SigningKey) -> ServerDevice {
    let hash = Sha256::digest(key.verifying_key().as_bytes());
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    ServerDevice { id: DeviceId(id), key }
}

/// Writes a file so that after a power cut it holds either the old or the new content; readable by its owner alone.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> Result<(), ServerError> {
    let part = path.with_extension("part");
    let write = || {
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        sync_folder(path)
    };
    write().map_err(ServerError::io(format!("write {}", path.display())))
}

/// Makes a rename or a new file in the folder of `path` durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        #[cfg(unix)]
        Some(folder) => File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_incarnations_and_decisions_stay() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::create(&temp.path().join("data")).unwrap();
        let first = folder.server_device().unwrap();
        assert_eq!(folder.server_device().unwrap().id, first.id);
        folder.new_server_device().unwrap();
        assert_ne!(folder.server_device().unwrap().id, first.id);

        assert_eq!(folder.incarnation().unwrap(), 0);
        assert_eq!(folder.new_incarnation(5_000).unwrap(), 5);
        assert_eq!(folder.new_incarnation(1_000).unwrap(), 6);

        let decision = Decision::DeviceRevoked { device: first.id, at_ms: 7, wipe: false };
        let (_, first_end) = folder.append(&decision).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(folder.path().join(LEDGER))
            .unwrap()
            .write_all(b"{\"kind\":\"later\",\"x\":1}\n{\"kind\":\"dev")
            .unwrap();
        let (_, end) = folder.append(&decision).unwrap();
        let all = vec![decision.clone(), Decision::Unknown, decision];
        assert_eq!(folder.decisions(0).unwrap(), (all.clone(), end));
        assert_eq!(folder.decisions(first_end).unwrap().0, all[1..]);
        assert_eq!(folder.decisions(end).unwrap().0, []);
        assert_eq!(folder.decisions(end + 1).unwrap().0, all, "another ledger");
    }

    #[test]
    fn a_folder_serves_once() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::at(temp.path());
        let held = folder.lock().unwrap();
        assert_eq!(folder.lock().unwrap_err().code(), "already_serving");
        drop(held);
        folder.lock().unwrap();
    }
}
