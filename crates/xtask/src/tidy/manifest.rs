//! One dependency table and one lint table: every crate inherits them, and nothing stands in them
//! that nobody uses.

use std::collections::BTreeSet;

use super::lex::{code_only, line_of, words};
use super::{Finding, GUEST, Ground};
use crate::json::text;

/// Keys of `[package]` that come from the workspace.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// The one package whose lints are its own: what uniffi's macros write in it is `unsafe`. Its sources are held to the same by
/// [`check_unsafe`].
const FOREIGN: &str = "bindings/ffi/Cargo.toml";

/// A line `key = value` of a manifest and the table it stands in. Our manifests are written by hand
/// in this plain form; a table for one dependency (`[dependencies.x]`) is refused below.
struct Entry<'a> {
    table: &'a str,
    key: &'a str,
    value: &'a str,
    line: usize,
}

fn entries(manifest: &str) -> Vec<Entry<'_>> {
    let mut table = "";
    let mut found = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            table = line.trim_matches(['[', ']']);
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            found.push(Entry { table, key: key.trim(), value: value.trim(), line: index + 1 });
        }
    }
    found
}

/// Whether a table lists dependencies, and not of the workspace.
fn is_dependency_table(table: &str) -> bool {
    table.ends_with("dependencies") && !table.starts_with("workspace")
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, manifest) in manifests(ground) {
        let entries = entries(manifest);
        let has = |table: &str, key: &str| {
            entries.iter().any(|entry| entry.table == table && entry.key == key && entry.value == "true")
        };
        for key in INHERITED {
            if !has("package", &format!("{key}.workspace")) {
                let message = format!("`{key}.workspace = true` is missing in [package]");
                findings.push(Finding::new(path, 0, message));
            }
        }
        if !has("lints", "workspace") && path != FOREIGN {
            findings.push(Finding::new(path, 0, "`[lints] workspace = true` is missing"));
        }
        for entry in entries.iter().filter(|entry| is_dependency_table(entry.table)) {
            let inherits =
                entry.key.ends_with(".workspace") && entry.value == "true" || entry.value.contains("workspace = true");
            if !inherits {
                let message = format!("{}: take it from [workspace.dependencies]", entry.key);
                findings.push(Finding::new(path, entry.line, message));
            }
        }
        for (index, line) in manifest.lines().enumerate() {
            if line.starts_with('[') && line.contains("dependencies.") {
                findings.push(Finding::new(path, index + 1, "write dependencies as single lines"));
            }
        }
    }
    findings
}

/// Where the compiler cannot forbid `unsafe` because of macros, no source of ours has the word in its code.
pub(super) fn check_unsafe(ground: &Ground<'_>) -> Vec<Finding> {
    let room = FOREIGN.trim_end_matches("Cargo.toml");
    let mut findings = Vec::new();
    for (path, source) in ground.tree.rust().filter(|(path, _)| path.starts_with(room)) {
        let code = code_only(source);
        for at in words(&code, "unsafe") {
            findings.push(Finding::new(path, line_of(&code, at), "no `unsafe` of our own here"));
        }
    }
    findings
}

/// Manifests of the workspace's packages.
fn manifests<'a>(ground: &'a Ground<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    ground.tree.texts().filter(|(path, _)| path.ends_with("/Cargo.toml") && !path.starts_with(GUEST))
}

/// A dependency that a crate lists is named by one of its sources, and an entry of the workspace's
/// table by one of its crates. A line with `# kept:` and a reason is left alone (a crate that is
/// there only to turn a feature on).
pub(super) fn check_unused(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for (path, manifest) in manifests(ground) {
        let room = path.trim_end_matches("Cargo.toml");
        let code: String = ground
            .tree
            .rust()
            .filter(|(source, _)| source.starts_with(room))
            .map(|(_, source)| code_only(source))
            .collect();
        for entry in entries(manifest) {
            if !is_dependency_table(entry.table) {
                continue;
            }
            let name = entry.key.trim_end_matches(".workspace");
            used.insert(name);
            let word = name.replace('-', "_");
            if words(&code, &word).next().is_none() && !entry.value.contains("# kept:") {
                let message = format!("{name}: no source of this crate names it");
                findings.push(Finding::new(path, entry.line, message));
            }
        }
    }
    let rooms: Vec<&str> = ground.members().iter().map(|package| text(package, "name")).collect();
    for entry in entries(ground.tree.text("Cargo.toml").unwrap_or_default()) {
        let wanted = used.contains(entry.key) || rooms.contains(&entry.key);
        if entry.table == "workspace.dependencies" && !wanted && !entry.value.contains("# kept:") {
            let message = format!("{}: no crate takes it from the table", entry.key);
            findings.push(Finding::new("Cargo.toml", entry.line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::on_files;

    const GOOD: &str = "[package]\nname = \"gandan-a\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n\n[dependencies]\nserde.workspace = true\n\
        tokio = { workspace = true, features = [\"fs\"] }\n\n[lints]\nworkspace = true\n";

    fn found(manifest: &str) -> Vec<(usize, String)> {
        on_files(check, &[("crates/a/Cargo.toml", manifest)])
            .into_iter()
            .map(|finding| (finding.line, finding.message))
            .collect()
    }

    #[test]
    fn a_manifest_that_inherits_passes() {
        assert_eq!(found(GOOD), []);
    }

    #[test]
    fn every_key_that_is_not_inherited_is_found() {
        for key in INHERITED {
            let own = GOOD.replace(&format!("\n{key}.workspace = true"), &format!("\n{key} = 1"));
            assert_eq!(found(&own).len(), 1, "{key}");
        }
        assert_eq!(found(&GOOD.replace("[lints]\nworkspace = true\n", "")).len(), 1);
    }

    #[test]
    fn the_border_may_have_lints_of_its_own_and_no_unsafe() {
        let own = GOOD.replace("[lints]\nworkspace = true\n", "[lints.rust]\nmissing_docs = \"allow\"\n");
        assert_eq!(on_files(check, &[("bindings/ffi/Cargo.toml", own.as_str())]), []);
        let bad = "// unsafe\nfn f() { unsafe {} }\n";
        let files = [("bindings/ffi/src/a.rs", bad), ("crates/a/src/a.rs", bad)];
        let found = on_files(check_unsafe, &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("bindings/ffi/src/a.rs", 2));
    }

    #[test]
    fn a_version_of_its_own_is_found_with_its_line() {
        let own = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        assert_eq!(found(&own)[0].0, 10);
        let table = format!("{GOOD}\n[dev-dependencies.rand]\nversion = \"1\"\n");
        assert_eq!(found(&table).len(), 1);
        let target = format!("{GOOD}\n[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n");
        assert_eq!(found(&target).len(), 1);
    }

    #[test]
    fn a_dependency_without_use_is_found_in_both_tables() {
        let root = "[workspace.dependencies]\nserde = \"1\"\ntokio = \"1\"\nrand = \"1\"\n";
        let files = [
            ("Cargo.toml", root),
            ("crates/a/Cargo.toml", GOOD),
            ("crates/a/src/lib.rs", "use serde::Serialize; // tokio\n"),
        ];
        let found: Vec<_> =
            on_files(check_unused, &files).into_iter().map(|finding| (finding.path, finding.line)).collect();
        let expected = [("crates/a/Cargo.toml".to_owned(), 11), ("Cargo.toml".to_owned(), 4)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_dependency_kept_for_a_reason_passes() {
        let kept = GOOD.replace("serde.workspace = true", "serde.workspace = true # kept: derive");
        let files = [("crates/a/Cargo.toml", kept.as_str()), ("crates/a/src/lib.rs", "use tokio::fs;\n")];
        assert_eq!(on_files(check_unused, &files), []);
    }
}
