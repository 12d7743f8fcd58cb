//! Disks in memory that fail as disks do: a file system for SQLite, registered once for the whole process.
//!
//! Every machine of a scenario has a [`Disk`], found by the folder of its files. Of what was written and not synced the way
//! back is kept, so that a power loss can forget it, all of it or some of its sectors. A disk can die at any write, refuse one,
//! or be full. Nothing here draws lots: what is lost is decided by the dice that come in.

mod content;

use super::dice::Dice;
use content::Content;
use sqlite_plugin::flags::{AccessFlags, LockLevel, OpenOpts, ShmLockMode};
use sqlite_plugin::vars;
use sqlite_plugin::vfs::{RegisterOpts, Vfs, VfsHandle, VfsResult, register_static};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// Locks of the shared memory that several connections of one database share.
const SHM_LOCKS: usize = 8;

static DISKS: Mutex<BTreeMap<String, Arc<Disk>>> = Mutex::new(BTreeMap::new());
static HANDLES: AtomicU64 = AtomicU64::new(1);

/// A lock is only ever held for a moment, and a panic elsewhere does not spoil what it guards.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes these disks SQLite's file system in this process. Databases outside of registered folders cannot be opened then.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let registered = register_static(c"sim".to_owned(), Disks, RegisterOpts { make_default: true });
        assert!(registered.is_ok(), "SQLite takes no file system");
    });
}

/// Has devices check their pages with SHA-256 from now on, in place of SHA-512: the long runs spend less of their time on it
/// where the processor has it built in, and a page that is torn shows as well.
pub fn check_pages_faster() -> rusqlite::Result<()> {
    rusqlite::Connection::open_in_memory()?.execute_batch("PRAGMA cipher_default_hmac_algorithm = HMAC_SHA256")
}

#[derive(Debug, Default)]
struct File {
    content: Content,
    locks: BTreeMap<u64, LockLevel>,
    /// Shared memory of the write-ahead log's index, which SQLite writes by itself. Words, for its alignment.
    regions: Vec<Box<[u64]>>,
    mapped: Vec<u64>,
    shared: [Vec<u64>; SHM_LOCKS],
    exclusive: [Option<u64>; SHM_LOCKS],
}

/// All files of a machine at one moment.
#[derive(Clone, Debug, Default)]
pub struct Image(BTreeMap<String, Content>);

impl Image {
    /// Bytes of all files.
    pub fn len(&self) -> usize {
        self.0.values().map(|content| content.bytes.len()).sum()
    }

    /// These files alone.
    #[must_use]
    pub fn only(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| names.contains(&name.as_str()));
        self
    }

    /// What stands in a file.
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.0.get(name).map(|content| content.bytes.as_slice()).unwrap_or_default()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One machine's disk.
#[derive(Debug, Default)]
pub struct Disk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<Mutex<File>>>,
    faults: Faults,
    writes: u64,
}

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Dies at so many writes from now; everything fails from there on until the machine is started again.
    pub dies_in: Option<u64>,
    /// Refuses one write, so many writes from now.
    pub error_in: Option<u64>,
    /// No file can grow.
    pub full: bool,
    /// It has died.
    pub dead: bool,
}

impl Disk {
    /// A disk for the files in `folder`, in place of the one that was there.
    pub fn mount(folder: &str, image: &Image) -> Arc<Self> {
        let disk = Arc::new(Self::default());
        disk.put_back(image);
        lock(&DISKS).insert(folder.to_owned(), Arc::clone(&disk));
        disk
    }

    /// Holds what the image holds and nothing else. Whoever still has a file open keeps the old one.
    pub fn put_back(&self, image: &Image) {
        let files = image.0.iter().map(|(name, content)| {
            let file = File { content: content.clone(), ..File::default() };
            (name.clone(), Arc::new(Mutex::new(file)))
        });
        lock(&self.0).files = files.collect();
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        lock(&self.0).files.contains_key(name)
    }

    /// Removes the files whose names begin so.
    pub fn remove(&self, prefix: &str) {
        lock(&self.0).files.retain(|name, _| !name.starts_with(prefix));
    }

    /// Takes the disk of a folder away.
    pub fn unmount(folder: &str) {
        lock(&DISKS).remove(folder);
    }

    /// What readers see now, as a copy that nothing disturbs any more.
    pub fn image(&self) -> Image {
        let state = lock(&self.0);
        let content = |file: &Arc<Mutex<File>>| Content::of(lock(file).content.bytes.clone());
        Image(state.files.iter().map(|(name, file)| (name.clone(), content(file))).collect())
    }

    /// What is wrong with it.
    pub fn faults(&self) -> Faults {
        lock(&self.0).faults
    }

    /// Sets what is wrong with it.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.0).faults = faults;
    }

    /// Writes, syncs and deletions so far.
    pub fn writes(&self) -> u64 {
        lock(&self.0).writes
    }

    /// The machine's process ended: what it wrote stays, its locks go. With `power`, also what was not synced goes, or
    /// some of its sectors.
    pub fn crash(&self, power: Option<&mut Dice>) {
        let mut state = lock(&self.0);
        state.faults = Faults { full: state.faults.full, ..Faults::default() };
        if let Some(dice) = power {
            state.files.retain(|_, file| lock(file).content.lose_power(dice));
        }
        // Whoever still has a file open keeps the old one, which nobody sees any more.
        for file in state.files.values_mut() {
            let content = std::mem::take(&mut lock(file).content);
            *file = Arc::new(Mutex::new(File { content, ..File::default() }));
        }
    }

    /// Before every change of a file: says whether it may happen.
    fn change(&self, error: i32, grows: bool) -> VfsResult<()> {
        let mut state = lock(&self.0);
        state.writes += 1;
        let faults = &mut state.faults;
        if faults.dies_in == Some(0) {
            faults.dead = true;
        }
        if faults.dead {
            return Err(error);
        }
        faults.dies_in = faults.dies_in.map(|left| left - 1);
        let refused = faults.error_in == Some(0);
        faults.error_in = faults.error_in.and_then(|left| left.checked_sub(1));
        if refused {
            return Err(error);
        }
        if faults.full && grows { Err(vars::SQLITE_FULL) } else { Ok(()) }
    }

    fn alive(&self, error: i32) -> VfsResult<()> {
        if lock(&self.0).faults.dead { Err(error) } else { Ok(()) }
    }
}

/// All disks, as SQLite sees them.
struct Disks;

/// An open file.
struct Handle {
    id: u64,
    disk: Arc<Disk>,
    file: Arc<Mutex<File>>,
}

impl VfsHandle for Handle {
    fn readonly(&self) -> bool {
        false
    }

    fn in_memory(&self) -> bool {
        false
    }
}

/// The disk of a path, and the name of the file there.
fn disk_of(path: &str) -> VfsResult<(Arc<Disk>, &str)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let disk = lock(&DISKS).get(folder).cloned().ok_or(vars::SQLITE_CANTOPEN)?;
    Ok((disk, name))
}

impl Vfs for Disks {
    type Handle = Handle;

    fn open(&self, path: Option<&str>, opts: OpenOpts) -> VfsResult<Handle> {
        let id = HANDLES.fetch_add(1, Ordering::Relaxed);
        let Some(path) = path else {
            // Scratch space of one connection.
            return Ok(Handle { id, disk: Arc::default(), file: Arc::default() });
        };
        let (disk, name) = disk_of(path)?;
        disk.alive(vars::SQLITE_CANTOPEN)?;
        let file = {
            let mut state = lock(&disk.0);
            match state.files.get(name) {
                Some(file) => Arc::clone(file),
                None if opts.flags() & vars::SQLITE_OPEN_CREATE == 0 => return Err(vars::SQLITE_CANTOPEN),
                None => Arc::clone(state.files.entry(name.to_owned()).or_default()),
            }
        };
        Ok(Handle { id, disk, file })
    }

    fn delete(&self, path: &str) -> VfsResult<()> {
        let (disk, name) = disk_of(path)?;
        disk.change(vars::SQLITE_IOERR, false)?;
        let removed = lock(&disk.0).files.remove(name);
        removed.map(drop).ok_or(vars::SQLITE_IOERR_DELETE_NOENT)
    }

    fn access(&self, path: &str, _: AccessFlags) -> VfsResult<bool> {
        let (disk, name) = disk_of(path)?;
        disk.alive(vars::SQLITE_IOERR_ACCESS)?;
        let state = lock(&disk.0);
        // As on real disks, an empty file of a log is as good as none.
        Ok(state.files.get(name).is_some_and(|file| !lock(file).content.bytes.is_empty()))
    }

    fn file_size(&self, handle: &mut Handle) -> VfsResult<usize> {
        handle.disk.alive(vars::SQLITE_IOERR_FSTAT)?;
        Ok(lock(&handle.file).content.bytes.len())
    }

    fn truncate(&self, handle: &mut Handle, size: usize) -> VfsResult<()> {
        handle.disk.change(vars::SQLITE_IOERR_TRUNCATE, false)?;
        lock(&handle.file).content.truncate(size);
        Ok(())
    }

    fn write(&self, handle: &mut Handle, offset: usize, data: &[u8]) -> VfsResult<usize> {
        let grows = lock(&handle.file).content.bytes.len() < offset + data.len();
        handle.disk.change(vars::SQLITE_IOERR_WRITE, grows)?;
        lock(&handle.file).content.write(offset, data);
        Ok(data.len())
    }

    fn read(&self, handle: &mut Handle, offset: usize, data: &mut [u8]) -> VfsResult<usize> {
        handle.disk.alive(vars::SQLITE_IOERR_READ)?;
        let file = lock(&handle.file);
        let there = file.content.bytes.get(offset..).unwrap_or_default();
        let length = there.len().min(data.len());
        data[..length].copy_from_slice(&there[..length]);
        data[length..].fill(0);
        if length < data.len() { Err(vars::SQLITE_IOERR_SHORT_READ) } else { Ok(length) }
    }

    fn lock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        let mut file = lock(&handle.file);
        let highest = file.locks.iter().filter(|(id, _)| **id != handle.id).map(|(_, level)| *level).max();
        let highest = highest.unwrap_or(LockLevel::Unlocked);
        let free = match level {
            LockLevel::Unlocked => true,
            LockLevel::Shared => highest < LockLevel::Pending,
            LockLevel::Reserved | LockLevel::Pending => highest < LockLevel::Reserved,
            LockLevel::Exclusive => highest == LockLevel::Unlocked,
        };
        if !free {
            return Err(vars::SQLITE_BUSY);
        }
        file.locks.insert(handle.id, level);
        Ok(())
    }

    fn unlock(&self, handle: &mut Handle, level: LockLevel) -> VfsResult<()> {
        let mut file = lock(&handle.file);
        if level == LockLevel::Unlocked {
            file.locks.remove(&handle.id);
        } else {
            file.locks.insert(handle.id, level);
        }
        Ok(())
    }

    fn check_reserved_lock(&self, handle: &mut Handle) -> VfsResult<bool> {
        Ok(lock(&handle.file).locks.values().any(|level| *level >= LockLevel::Reserved))
    }

    fn sync(&self, handle: &mut Handle) -> VfsResult<()> {
        handle.disk.change(vars::SQLITE_IOERR_FSYNC, false)?;
        lock(&handle.file).content.sync();
        Ok(())
    }

    fn close(&self, handle: Handle) -> VfsResult<()> {
        let mut file = lock(&handle.file);
        file.locks.remove(&handle.id);
        file.forget_shm(handle.id);
        Ok(())
    }

    fn device_characteristics(&self, _: &mut Handle) -> VfsResult<i32> {
        // As SQLite takes for granted on Unix: a write leaves the bytes beside it alone.
        Ok(vars::SQLITE_IOCAP_POWERSAFE_OVERWRITE)
    }

    fn shm_map(&self, handle: &mut Handle, index: usize, size: usize, extend: bool) -> VfsResult<Option<NonNull<u8>>> {
        let mut file = lock(&handle.file);
        if !file.mapped.contains(&handle.id) {
            file.mapped.push(handle.id);
        }
        while file.regions.len() <= index {
            if !extend {
                return Ok(None);
            }
            file.regions.push(vec![0; size.div_ceil(8)].into_boxed_slice());
        }
        Ok(NonNull::new(file.regions[index].as_mut_ptr().cast()))
    }

    fn shm_lock(&self, handle: &mut Handle, offset: u32, count: u32, mode: ShmLockMode) -> VfsResult<()> {
        let slots = offset as usize..(offset + count) as usize;
        lock(&handle.file).shm_lock(handle.id, slots, mode)
    }

    fn shm_unmap(&self, handle: &mut Handle, _: bool) -> VfsResult<()> {
        lock(&handle.file).forget_shm(handle.id);
        Ok(())
    }
}

impl File {
    fn shm_lock(&mut self, id: u64, slots: std::ops::Range<usize>, mode: ShmLockMode) -> VfsResult<()> {
        let free = slots.clone().all(|slot| match mode {
            ShmLockMode::LockShared => self.exclusive[slot].is_none(),
            ShmLockMode::LockExclusive => {
                self.exclusive[slot].is_none() && self.shared[slot].iter().all(|holder| *holder == id)
            }
            ShmLockMode::UnlockShared | ShmLockMode::UnlockExclusive => true,
        });
        if !free {
            return Err(vars::SQLITE_BUSY);
        }
        for slot in slots {
            match mode {
                ShmLockMode::LockShared => self.shared[slot].push(id),
                ShmLockMode::LockExclusive => self.exclusive[slot] = Some(id),
                ShmLockMode::UnlockShared => self.shared[slot].retain(|holder| *holder != id),
                ShmLockMode::UnlockExclusive => self.exclusive[slot] = None,
            }
        }
        Ok(())
    }

    /// Lets go of the shared memory; the last one clears it.
    fn forget_shm(&mut self, id: u64) {
        self.mapped.retain(|holder| *holder != id);
        self.shared.iter_mut().for_each(|holders| holders.retain(|holder| *holder != id));
        self.exclusive.iter_mut().filter(|holder| **holder == Some(id)).for_each(|holder| *holder = None);
        if self.mapped.is_empty() {
            self.regions.clear();
        }
    }
}
