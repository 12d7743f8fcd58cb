//! Whether the views on the disk can be used. They are written without waiting for it, which a killed process does not
//! spoil; a power failure may leave anything in them, and nothing would tell.
//!
//! So a file beside them says during which run of the machine they were written, until a server has ended in order and
//! everything stands on the disk. Views of another run are built anew from the log.

use std::fs::{self, File};
use std::path::Path;

use super::{VIEWS, beside};
use crate::db::DbError;
use crate::folder::{sync_folder, write_durably};

const WRITTEN: &str = "views.run";

/// What Linux calls this run of the machine; empty where nothing is called so.
pub(super) fn this_run() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Whether the machine cannot have lost its power since the views were written.
pub(super) fn are_whole(folder: &Path, run: &str) -> bool {
    match fs::read_to_string(folder.join(WRITTEN)) {
        Ok(written) => !run.is_empty() && written == run,
        // What cannot be read was cut off by a power failure as well.
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// From now on the views are written.
pub(super) fn begin(folder: &Path, run: &str) {
    let file = folder.join(WRITTEN);
    if fs::read_to_string(&file).is_ok_and(|written| written == run) {
        return;
    }
    if let Err(error) = write_durably(&file, run.as_bytes()) {
        // Served all the same: a disk that is full keeps nobody from their records. A name of another run must not stay: who
        // opens the views next would throw them away under this server.
        fs::remove_file(&file).ok();
        tracing::warn!(%error, "after a power failure the views of today may have to be built anew by hand (reproject)");
    }
}

/// The views are written no more, and everything is in their file: it goes to the disk, and they can be used whatever happens.
pub(super) fn end(folder: &Path) -> Result<(), DbError> {
    let views = folder.join(VIEWS);
    let wait_for_disk = || {
        for suffix in ["", "-wal"] {
            match File::open(beside(&views, suffix)) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        sync_folder(&views)?;
        match fs::remove_file(folder.join(WRITTEN)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => sync_folder(&views),
        }
    };
    wait_for_disk().map_err(DbError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_another_run_of_the_machine_are_not_used_unless_they_were_ended() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(are_whole(folder, "monday"), "nothing was ever written");
        begin(folder, "monday");
        assert!(are_whole(folder, "monday"), "the process was killed");
        assert!(!are_whole(folder, "tuesday"), "the power failed");
        begin(folder, "tuesday");
        assert!(are_whole(folder, "tuesday"));
        end(folder).unwrap();
        assert!(are_whole(folder, "wednesday"), "the server had ended in order");
        // Where runs of the machine have no names, only an end in order counts.
        begin(folder, "");
        assert!(!are_whole(folder, ""));
        end(folder).unwrap();
        assert!(are_whole(folder, ""));
        end(folder).unwrap();
    }

    #[test]
    fn where_nothing_can_be_noted_views_are_not_thrown_away_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        begin(folder, "monday");
        // In the way of the new file, as a disk without room is.
        fs::create_dir(folder.join("views.part")).unwrap();
        begin(folder, "tuesday");
        assert!(are_whole(folder, "tuesday"));
    }
}
