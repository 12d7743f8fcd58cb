// From sqlite3.h, in its order. Pointers to system calls, and methods that sqlite-plugin leaves out, have no more of
// their type than that they are pointers to functions.
use ::core::ffi::{c_char, c_int, c_longlong, c_void};

pub type sqlite_int64 = c_longlong;
pub type sqlite3_int64 = sqlite_int64;
pub type sqlite3_filename = *const c_char;

#[repr(C)]
pub struct sqlite3_file {
    pub pMethods: *const sqlite3_io_methods,
}

#[repr(C)]
pub struct sqlite3_io_methods {
    pub iVersion: c_int,
    pub xClose: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub xRead: Option<unsafe extern "C" fn(*mut sqlite3_file, *mut c_void, c_int, sqlite3_int64) -> c_int>,
    pub xWrite: Option<unsafe extern "C" fn(*mut sqlite3_file, *const c_void, c_int, sqlite3_int64) -> c_int>,
    pub xTruncate: Option<unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64) -> c_int>,
    pub xSync: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub xFileSize: Option<unsafe extern "C" fn(*mut sqlite3_file, *mut sqlite3_int64) -> c_int>,
    pub xLock: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub xUnlock: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub xCheckReservedLock: Option<unsafe extern "C" fn(*mut sqlite3_file, *mut c_int) -> c_int>,
    pub xFileControl: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int, *mut c_void) -> c_int>,
    pub xSectorSize: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub xDeviceCharacteristics: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub xShmMap: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int, c_int, c_int, *mut *mut c_void) -> c_int>,
    pub xShmLock: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int, c_int, c_int) -> c_int>,
    pub xShmBarrier: Option<unsafe extern "C" fn(*mut sqlite3_file)>,
    pub xShmUnmap: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub xFetch: Option<unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64, c_int, *mut *mut c_void) -> c_int>,
    pub xUnfetch: Option<unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64, *mut c_void) -> c_int>,
}

#[repr(C)]
pub struct sqlite3_vfs {
    pub iVersion: c_int,
    pub szOsFile: c_int,
    pub mxPathname: c_int,
    pub pNext: *mut sqlite3_vfs,
    pub zName: *const c_char,
    pub pAppData: *mut c_void,
    pub xOpen: Option<
        unsafe extern "C" fn(*mut sqlite3_vfs, sqlite3_filename, *mut sqlite3_file, c_int, *mut c_int) -> c_int,
    >,
    pub xDelete: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int) -> c_int>,
    pub xAccess: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_int) -> c_int>,
    pub xFullPathname: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_char) -> c_int>,
    pub xDlOpen: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char) -> *mut c_void>,
    pub xDlError: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char)>,
    pub xDlSym: Option<
        unsafe extern "C" fn(
            *mut sqlite3_vfs,
            *mut c_void,
            *const c_char,
        ) -> Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut c_void, *const c_char)>,
    >,
    pub xDlClose: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut c_void)>,
    pub xRandomness: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int>,
    pub xSleep: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int) -> c_int>,
    pub xCurrentTime: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut f64) -> c_int>,
    pub xGetLastError: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int>,
    pub xCurrentTimeInt64: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut sqlite3_int64) -> c_int>,
    pub xSetSystemCall: Option<unsafe extern "C" fn()>,
    pub xGetSystemCall: Option<unsafe extern "C" fn()>,
    pub xNextSystemCall: Option<unsafe extern "C" fn()>,
}

/// Only for extensions that are loaded at run time, which nothing here is.
pub enum sqlite3_api_routines {}

/// sqlite-plugin 0.9 says that its files have the methods of version 3 and leaves the two of them out that map files into
/// memory. SQLite calls one of those when a checkpoint meets the work of another connection, and falls over. So its
/// `xOpen` is followed by one that says version 2.
pub unsafe extern "C" fn sqlite3_vfs_register(vfs: *mut sqlite3_vfs, make_default: c_int) -> c_int {
    mod native {
        unsafe extern "C" {
            pub fn sqlite3_vfs_register(vfs: *mut super::sqlite3_vfs, make_default: super::c_int) -> super::c_int;
        }
    }
    unsafe {
        if let Some(open) = (*vfs).xOpen.replace(open_as_version_2) {
            OPEN.store(open as *mut (), ::core::sync::atomic::Ordering::SeqCst);
        }
        native::sqlite3_vfs_register(vfs, make_default)
    }
}

type Open = unsafe extern "C" fn(*mut sqlite3_vfs, sqlite3_filename, *mut sqlite3_file, c_int, *mut c_int) -> c_int;

/// The `xOpen` of the one file system that is registered.
static OPEN: ::core::sync::atomic::AtomicPtr<()> = ::core::sync::atomic::AtomicPtr::new(::core::ptr::null_mut());

unsafe extern "C" fn open_as_version_2(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    unsafe {
        // Stored before anybody could call this.
        let open: Open = ::core::mem::transmute(OPEN.load(::core::sync::atomic::Ordering::SeqCst));
        let code = open(vfs, name, file, flags, out_flags);
        if code == 0 {
            let version = (&raw const (*(*file).pMethods).iVersion).cast_mut();
            ::core::sync::atomic::AtomicI32::from_ptr(version).store(2, ::core::sync::atomic::Ordering::SeqCst);
        }
        code
    }
}

unsafe extern "C" {
    pub fn sqlite3_vfs_find(name: *const c_char) -> *mut sqlite3_vfs;
    pub fn sqlite3_mprintf(format: *const c_char, ...) -> *mut c_char;
    pub fn sqlite3_log(code: c_int, format: *const c_char, ...);
    pub fn sqlite3_libversion_number() -> c_int;
}
