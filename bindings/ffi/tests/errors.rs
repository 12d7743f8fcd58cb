//! The table of errors in `bindings/ERRORS.md` against the sources: every code that an app can be told is in it, and every
//! code in it is still told by somebody.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Codes that are not errors but words for kinds of them.
const KINDS: &[&str] = &["retry_later", "enrol_again", "update_app", "fix_input", "free_space", "bug"];
/// Told by the server at enrolment; its sources are not looked at here.
const OF_THE_SERVER: &[&str] = &["code_unknown", "code_used", "code_expired"];
/// What stands before a code in a source.
const PLACES: &[&str] = &["input(", "=> ", "code: ", "PatchError::new(field, ", "new(&edit.field, "];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn is_code(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn sources(path: &Path, found: &mut String) {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for entry in &entries {
            sources(entry, found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        // By custom the tests are the last thing in a file.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        // A call that is broken over lines reads like one that is not.
        found.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "("));
        found.push('\n');
    }
}

fn read(paths: &[&str]) -> String {
    let mut found = String::new();
    for path in paths {
        sources(&root().join(path), &mut found);
    }
    found
}

/// Codes that follow one of the places.
fn codes_after(source: &str, places: &[&str]) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for place in places {
        for rest in source.split(&format!("{place}\"")).skip(1) {
            codes.extend(rest.split('"').next().filter(|code| is_code(code)).map(str::to_owned));
        }
    }
    codes
}

fn in_the_sources() -> BTreeSet<String> {
    let told = read(&[
        "bindings/ffi/src",
        "crates/client/src/error.rs",
        "crates/client/src/transport.rs",
        "crates/store/src/error.rs",
        "crates/sync/src/error.rs",
        "crates/model/src/patch",
        "crates/model/src/patch.rs",
        "crates/model/src/attachment.rs",
        "crates/model/src/document.rs",
        "crates/model/src/text.rs",
    ]);
    let mut codes = codes_after(&told, PLACES);
    codes.extend(codes_after(&read(&["crates/client/src"]), &["input("]));
    let refusals = read(&["crates/sync/src/status.rs"]);
    codes.extend((1..100).flat_map(|number| codes_after(&refusals, &[&format!("= {number}, ")])));
    codes.retain(|code| !KINDS.contains(&code.as_str()));
    codes
}

fn in_the_table() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("bindings/ERRORS.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    rows.flat_map(|cell| cell.split('`')).filter(|word| is_code(word)).map(str::to_owned).collect()
}

#[test]
fn every_code_is_in_the_table_and_nothing_else() {
    let (sources, table) = (in_the_sources(), in_the_table());
    assert!(sources.len() > 60, "the sources are not read as they should be: {sources:?}");
    let missing: Vec<_> = sources.difference(&table).collect();
    assert!(missing.is_empty(), "not in bindings/ERRORS.md: {missing:?}");
    let stale: Vec<_> = table.difference(&sources).filter(|code| !OF_THE_SERVER.contains(&code.as_str())).collect();
    assert!(stale.is_empty(), "in bindings/ERRORS.md and in no source: {stale:?}");
}
