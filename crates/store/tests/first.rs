//! The first databases of a process, opened by several threads at once. Only the first moment of a process counts, so there
//! are many processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use gandan_store::{DatabaseKey, Store};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const PROCESSES: usize = 60;
const THREADS: usize = 3;
/// The folder in which a process opens its databases; none in the one that starts the others.
const FOLDER: &str = "GANDAN_TEST_FOLDER";

fn open_all(base: &Path, number: usize) {
    let ready = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (folder, ready) = (base.join(thread.to_string()), &ready);
            std::fs::create_dir(&folder).unwrap();
            scope.spawn(move || {
                ready.fetch_add(1, Ordering::SeqCst);
                while ready.load(Ordering::SeqCst) < THREADS {
                    std::hint::spin_loop();
                }
                // Each a little after the one before, another little in each process.
                (0..thread * number * 200).for_each(|_| std::hint::spin_loop());
                Store::open(&folder, &DatabaseKey::new([1; 32]), 0).unwrap();
            });
        }
    });
}

#[test]
fn several_threads_open_the_first_databases_of_a_process() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        let number = folder.file_name().unwrap().to_str().unwrap().parse().unwrap();
        return open_all(folder, number);
    }
    let base = tempfile::tempdir().unwrap();
    for number in 0..PROCESSES {
        let folder = base.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let done = Command::new(std::env::current_exe().unwrap()).env(FOLDER, &folder).output().unwrap();
        assert!(done.status.success(), "process {number}: {}", String::from_utf8_lossy(&done.stdout));
    }
}
