//! Where files' bytes lie. A folder today; an object store can stand behind the same trait.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gandan_model::ids::{DeviceId, FileHash};

use crate::folder::sync_folder;

/// An upload that is not finished: one device brings one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Upload {
    /// Who brings it.
    pub device: DeviceId,
    /// What it is said to be.
    pub hash: FileHash,
}

/// How far an upload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Bytes that are here.
    pub offset: u64,
    /// Bytes that there will be.
    pub length: u64,
}

/// Keeps the bytes of files by their hash, and of uploads until they are whole. All functions block.
pub trait FileStore: Send + Sync {
    /// How far the upload has come; `None` if it was never begun, or given up.
    fn arrived(&self, upload: &Upload) -> io::Result<Option<Arrived>>;
    /// Begins an upload of so many bytes; one of the same file that was begun before is forgotten.
    fn begin(&self, upload: &Upload, length: u64) -> io::Result<()>;
    /// Adds bytes to an upload. They need not be durable yet.
    fn append(&self, upload: &Upload, bytes: &[u8]) -> io::Result<()>;
    /// All bytes of an upload.
    fn uploaded(&self, upload: &Upload) -> io::Result<Vec<u8>>;
    /// Makes a whole upload a file with its name. Durable when this returns.
    fn keep(&self, upload: &Upload) -> io::Result<()>;
    /// Forgets an upload.
    fn discard(&self, upload: &Upload) -> io::Result<()>;
    /// How many uploads of a device are open.
    fn open_uploads(&self, device: &DeviceId) -> io::Result<usize>;
    /// Whether the file is here.
    fn has(&self, hash: &FileHash) -> io::Result<bool>;
    /// At most so many bytes of a file from an offset on; `None` if it is not here.
    fn read(&self, hash: &FileHash, offset: u64, most: usize) -> io::Result<Option<Vec<u8>>>;
    /// Removes a file, if it is here.
    fn remove(&self, hash: &FileHash) -> io::Result<()>;
    /// Forgets uploads that nobody has added to since then.
    fn discard_older(&self, than: SystemTime) -> io::Result<()>;
    /// Files that were written before then.
    fn older(&self, than: SystemTime) -> io::Result<Vec<FileHash>>;
}

/// Files in a folder: `ab/abcd…`, and uploads in `uploads/<device>/<hash>-<length>`. Every name is made of digits here;
/// nothing of what a device calls a file becomes part of a path.
#[derive(Debug)]
pub struct DiskStore(PathBuf);

impl DiskStore {
    /// The store in this folder, which is made when it is needed.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn file(&self, hash: &FileHash) -> PathBuf {
        let name = hash.to_string();
        self.0.join(&name[..2]).join(name)
    }

    fn uploads(&self, device: &DeviceId) -> PathBuf {
        self.0.join("uploads").join(device.to_string())
    }

    /// The open upload's file and its length to be.
    fn find(&self, upload: &Upload) -> io::Result<Option<(PathBuf, u64)>> {
        let prefix = format!("{}-", upload.hash);
        for (path, name) in entries(&self.uploads(&upload.device))? {
            if let Some(length) = name.strip_prefix(&prefix).and_then(|length| length.parse().ok()) {
                return Ok(Some((path, length)));
            }
        }
        Ok(None)
    }

    fn must_find(&self, upload: &Upload) -> io::Result<PathBuf> {
        self.find(upload)?.map(|(path, _)| path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl FileStore for DiskStore {
    fn arrived(&self, upload: &Upload) -> io::Result<Option<Arrived>> {
        let Some((path, length)) = self.find(upload)? else { return Ok(None) };
        // More than there will be can only come from a disk that lost its way: as good as nothing.
        let offset = fs::metadata(path)?.len();
        Ok(Some(Arrived { offset: if offset > length { 0 } else { offset }, length }))
    }

    fn begin(&self, upload: &Upload, length: u64) -> io::Result<()> {
        self.discard(upload)?;
        let folder = self.uploads(&upload.device);
        fs::create_dir_all(&folder)?;
        private().create_new(true).open(folder.join(format!("{}-{length}", upload.hash)))?;
        Ok(())
    }

    fn append(&self, upload: &Upload, bytes: &[u8]) -> io::Result<()> {
        private().append(true).open(self.must_find(upload)?)?.write_all(bytes)
    }

    fn uploaded(&self, upload: &Upload) -> io::Result<Vec<u8>> {
        fs::read(self.must_find(upload)?)
    }

    fn keep(&self, upload: &Upload) -> io::Result<()> {
        let (from, to) = (self.must_find(upload)?, self.file(&upload.hash));
        let folder = to.parent().unwrap_or(&self.0);
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            sync_folder(folder)?;
            sync_folder(&self.0)?;
        }
        File::open(&from)?.sync_all()?;
        fs::rename(&from, &to)?;
        sync_folder(&to)
    }

    fn discard(&self, upload: &Upload) -> io::Result<()> {
        self.find(upload)?.map_or(Ok(()), |(path, _)| remove(&path))
    }

    fn open_uploads(&self, device: &DeviceId) -> io::Result<usize> {
        Ok(entries(&self.uploads(device))?.len())
    }

    fn has(&self, hash: &FileHash) -> io::Result<bool> {
        self.file(hash).try_exists()
    }

    fn read(&self, hash: &FileHash, offset: u64, most: usize) -> io::Result<Option<Vec<u8>>> {
        let mut file = match File::open(self.file(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn remove(&self, hash: &FileHash) -> io::Result<()> {
        let file = self.file(hash);
        // A copy-on-write disk may keep the old bytes; what lies on a plain one is gone before its name is.
        if let Ok(open) = OpenOptions::new().write(true).open(&file) {
            open.set_len(0)?;
            open.sync_all()?;
        }
        remove(&file)
    }

    fn discard_older(&self, than: SystemTime) -> io::Result<()> {
        for (device, _) in entries(&self.0.join("uploads"))? {
            for (upload, _) in entries(&device)? {
                if fs::metadata(&upload)?.modified()? < than {
                    remove(&upload)?;
                }
            }
            // Succeeds only when nothing is left in it.
            let _ = fs::remove_dir(device);
        }
        Ok(())
    }

    fn older(&self, than: SystemTime) -> io::Result<Vec<FileHash>> {
        let mut found = Vec::new();
        for (folder, _) in entries(&self.0)?.into_iter().filter(|(_, name)| name.len() == 2) {
            for (file, name) in entries(&folder)? {
                if let Ok(hash) = name.parse()
                    && fs::metadata(&file)?.modified()? < than
                {
                    found.push(hash);
                }
            }
        }
        Ok(found)
    }
}

/// What lies in a folder, with the names; nothing if the folder is not there.
fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    list.map(|entry| entry.map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Files that their owner alone can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
