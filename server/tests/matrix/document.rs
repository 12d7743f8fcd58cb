//! Tables in `SECURITY.md` that tests keep true.

use std::fs;
use std::path::Path;

/// Compares the table between `<!-- NAME: begin -->` and `<!-- NAME: end -->` with `text`; with `UPDATE_DOCS=1` writes
/// it there instead.
#[track_caller]
pub(crate) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md");
    let document = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("SECURITY.md has no {begin}"));
    let (table, after) = rest.split_once(&end).unwrap_or_else(|| panic!("SECURITY.md has no {end}"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // Another test may be writing its own table: read, change and replace within this process, one at a time.
        fs::write(&path, format!("{before}{begin}{text}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(table, text, "SECURITY.md is out of date; UPDATE_DOCS=1 writes it anew (run with --test-threads=1)");
}

/// Every test that `SECURITY.md` calls a witness.
#[test]
fn every_test_that_the_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut sources = String::new();
    for folder in ["bindings", "crates", "server", "tests"] {
        collect(&root.join(folder), &mut sources);
    }
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let names: Vec<&str> = document.split('`').filter(is_name).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}()")), "SECURITY.md names {name}, which is no test");
    }
    // Tests in a browser have sentences for names.
    for sentence in document.split('“').skip(1).filter_map(|rest| rest.split('”').next()) {
        assert!(sources.contains(&format!("it('{sentence}'")), "SECURITY.md names “{sentence}”, which is no test");
    }
}

fn collect(folder: &Path, into: &mut String) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "ts") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
