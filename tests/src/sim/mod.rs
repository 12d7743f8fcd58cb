//! The machines of a deterministic simulator: the real client, server and SQLite on disks in memory, in one thread.

pub mod dice;
pub mod disk;
pub mod heal;
pub mod machines;
pub mod oracle;
pub mod run;
pub mod step;
pub mod template;
pub mod watch;
pub mod world;

/// A folder for what scenarios keep in real files, in memory where the system has such a place.
pub fn work_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder for temporary files")
}
