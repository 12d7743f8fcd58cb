//! The rooms of the house: what stands at the top, what packages are called, and whether documents
//! point at something.

use std::collections::BTreeSet;

use super::{Finding, Ground, has_extension};
use crate::json::text;

/// What must stand at the top.
const REQUIRED: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "README.vi.md",
    "crates",
    "deny.toml",
    "server",
    "tests",
];
/// What else may stand there.
const ALLOWED: &[&str] = &[
    ".editorconfig",
    ".gitattributes",
    ".github",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
    "bindings",
    "clippy.toml",
    "rustfmt.toml",
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let top: BTreeSet<&str> = ground.tree.files.keys().map(|path| path.split('/').next().unwrap_or(path)).collect();
    let missing = REQUIRED
        .iter()
        .filter(|name| !top.contains(*name))
        .map(|name| Finding::new(name, 0, "missing at the top level"));
    let strange = top
        .iter()
        .filter(|name| !REQUIRED.contains(name) && !ALLOWED.contains(name))
        .map(|name| Finding::new(name, 0, "has no place at the top level"));
    missing.chain(strange).chain(names(ground)).collect()
}

/// Packages carry the prefix, folders are the plain noun.
fn names(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in ground.members() {
        let manifest = ground.relative(text(package, "manifest_path"));
        let folder = manifest.rsplit('/').nth(1).unwrap_or_default();
        let name = text(package, "name");
        if name.strip_prefix("gandan-") != Some(folder) {
            let message = format!("package {name} in folder {folder}; wanted: gandan-{folder}");
            findings.push(Finding::new(&manifest, 0, message));
        }
    }
    findings
}

/// Every relative link of a document leads to a file or a folder.
pub(super) fn check_links(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, document) in ground.tree.texts().filter(|(path, _)| has_extension(path, "md")) {
        for (index, line) in document.lines().enumerate() {
            for target in links(line) {
                if !leads_somewhere(ground, path, target) {
                    let message = format!("the link to {target} leads nowhere");
                    findings.push(Finding::new(path, index + 1, message));
                }
            }
        }
    }
    findings
}

/// Targets of `](…)` on a line, without those elsewhere on the net or in the same document.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

fn leads_somewhere(ground: &Ground<'_>, document: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            other => parts.push(other),
        }
    }
    let path = parts.join("/");
    let folder = format!("{path}/");
    let mut files = ground.tree.files.keys();
    path.is_empty() || files.any(|file| *file == path || file.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{on, on_files};
    use serde_json::json;

    #[test]
    fn a_stranger_and_a_gap_at_the_top_are_found() {
        let folder = |name: &str| matches!(name, ".cargo" | ".ci" | "crates" | "server" | "tests");
        let mut files: Vec<(String, &str)> = REQUIRED
            .iter()
            .filter(|name| **name != "README.md")
            .map(|name| {
                let below = if folder(name) { "/file" } else { "" };
                (format!("{name}{below}"), "")
            })
            .collect();
        files.push(("scripts/build.sh".to_owned(), ""));
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let found = on_files(check, &files);
        let paths: Vec<_> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["README.md", "scripts"]);
    }

    #[test]
    fn a_package_is_called_like_its_folder() {
        let metadata = json!({
            "workspace_members": ["1", "2"],
            "packages": [
                {"id": "1", "name": "gandan-sync", "manifest_path": "/top/crates/sync/Cargo.toml"},
                {"id": "2", "name": "store", "manifest_path": "/top/crates/store/Cargo.toml"},
            ],
        });
        let found = on(check, &[], &metadata);
        let wrong: Vec<_> =
            found.iter().filter(|finding| finding.path.ends_with("Cargo.toml") && finding.path.contains('/')).collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!(wrong[0].path, "crates/store/Cargo.toml");
    }

    #[test]
    fn a_dead_link_is_found() {
        let readme = "[a](crates/sync/) [b](../up.md) [c](https://x.y/z) [d](gone.md#part) [e](#here)";
        let files = [("README.md", readme), ("crates/sync/Cargo.toml", "")];
        let found = on_files(check_links, &files);
        let messages: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["the link to ../up.md leads nowhere", "the link to gone.md leads nowhere"]);
    }
}
