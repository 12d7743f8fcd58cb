//! Fingerprint of everything that the library is made of, for `build_id`.

use std::fs;
use std::path::{Path, PathBuf};

/// From this crate's folder.
const SOURCES: &[&str] =
    &["src", "../../crates/client", "../../crates/model", "../../crates/store", "../../crates/sync"];

fn main() {
    let mut files = vec![PathBuf::from("../../Cargo.lock")];
    for folder in SOURCES {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files);
    }
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    files.sort();
    // FNV-1a: tells builds apart; nobody is to be kept from forging it.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let text = fs::read(&file).unwrap_or_default();
        for byte in file.to_string_lossy().bytes().chain(text) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=GANDAN_BUILD={hash:016x}");
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if let Ok(entries) = fs::read_dir(path) {
        entries.flatten().for_each(|entry| collect(&entry.path(), files));
    } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql" || extension == "json") {
        files.push(path.to_owned());
    }
}
