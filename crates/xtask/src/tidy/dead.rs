//! Files that nobody needs: sources that no `mod` reaches, data that no source names.

use std::collections::{BTreeMap, BTreeSet};

use super::lex::{closing_brace, code_only, identifier, words};
use super::{Finding, Ground, Tree, has_extension};
use crate::json::{items, text};

/// Every `.rs` file is reached from a target of its package.
pub(super) fn check_sources(ground: &Ground<'_>) -> Vec<Finding> {
    let mut waiting: Vec<(String, bool)> = ground
        .members()
        .iter()
        .flat_map(|package| items(package, "targets"))
        .map(|target| (ground.relative(text(target, "src_path")), true))
        .collect();
    let mut reached = BTreeSet::new();
    while let Some((path, is_root)) = waiting.pop() {
        if let Some(source) = ground.tree.text(&path)
            && reached.insert(path.clone())
        {
            let children = children(ground.tree, &path, source, is_root);
            waiting.extend(children.into_iter().map(|child| (child, false)));
        }
    }
    ground
        .tree
        .rust()
        .filter(|(path, _)| !reached.contains(*path))
        .map(|(path, _)| Finding::new(path, 0, "no `mod` leads here: a dead file"))
        .collect()
}

/// The files that a source brings in by `mod name;` and `include!("name.rs")`.
fn children(tree: &Tree, path: &str, source: &str, is_root: bool) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let own = if is_root || file == "mod.rs" { folder.to_owned() } else { join(folder, file.trim_end_matches(".rs")) };
    let code = code_only(source);
    let inline = inline_modules(&code);
    let mut found = Vec::new();
    for start in words(&code, "mod") {
        let Some((name, after)) = identifier(&code, start + 3) else {
            continue;
        };
        if !code[after..].trim_start().starts_with(';') {
            continue;
        }
        let within: Vec<&str> = inline
            .iter()
            .filter(|module| (module.from..module.to).contains(&start))
            .map(|module| module.name)
            .collect();
        if let Some(given) = path_attribute(&code, source, start) {
            let base = if within.is_empty() { folder } else { &own };
            found.push(join(&join(base, &within.join("/")), given));
        } else {
            let base = join(&own, &within.join("/"));
            found.push(join(&base, &format!("{name}.rs")));
            found.push(join(&base, &format!("{name}/mod.rs")));
        }
    }
    for at in words(&code, "include") {
        let included = source[at..].strip_prefix("include!(\"").and_then(|rest| rest.split('"').next());
        found.extend(included.map(|name| join(folder, name)));
    }
    found.retain(|path| tree.files.contains_key(path));
    found
}

struct Inline<'a> {
    name: &'a str,
    from: usize,
    to: usize,
}

/// Modules written in place, outer ones first.
fn inline_modules(code: &str) -> Vec<Inline<'_>> {
    words(code, "mod")
        .filter_map(|start| {
            let (name, after) = identifier(code, start + 3)?;
            let from = after + code[after..].find(|c: char| !c.is_whitespace())?;
            let to = closing_brace(code, from).filter(|_| code[from..].starts_with('{'))?;
            Some(Inline { name, from, to })
        })
        .collect()
}

/// What `#[path = "…"]` before a `mod` says.
fn path_attribute<'a>(code: &str, source: &'a str, start: usize) -> Option<&'a str> {
    let from = code[..start].rfind([';', '{', '}']).map_or(0, |at| at + 1);
    let at = words(&code[from..start], "path").next()? + from;
    source[at..start].split('"').nth(1)
}

/// Joins paths with `/` and resolves `..`.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Every file of a room that is not a source is named by a source of the workspace: its file name,
/// its name without extension (golden files are often asked for so), or a folder above it that a
/// source walks through.
pub(super) fn check_data(ground: &Ground<'_>) -> Vec<Finding> {
    let sources: BTreeMap<&str, &str> = ground.tree.rust().collect();
    let named = |word: &str| sources.values().any(|source| names(source, word));
    ground
        .tree
        .files
        .keys()
        .filter(|path| is_data(path))
        .filter(|path| {
            let mut parts: Vec<&str> = path.split('/').collect();
            let file = parts.pop().unwrap_or_default();
            let stem = file.split('.').next().unwrap_or(file);
            // The room and its `tests` folder are named everywhere; they prove nothing.
            let folders = parts.iter().skip(2).filter(|folder| !PLAIN.contains(folder));
            let walked = folders.clone().any(|folder| named(&format!("{folder}/\"")));
            !(named(file) || named(stem) || walked)
        })
        .map(|path| Finding::new(path, 0, "no source names this file: dead data"))
        .collect()
}

/// Folder names that prove nothing.
const PLAIN: &[&str] = &["src", "tests", "data", "fixtures"];

/// Files that sources have to name. Documents are for people; proptest finds its own files.
fn is_data(path: &str) -> bool {
    let in_room = ["crates/", "server/", "tests/", "bindings/"].iter().any(|room| path.starts_with(room));
    let file = path.rsplit('/').next().unwrap_or(path);
    in_room
        // The web apps are projects of their own: their builds find what they need, and their tests what is not used.
        && !path.starts_with("server/web/")
        && !path.starts_with("bindings/web/app/")
        // So are the phone libraries, each by the tool of its language.
        && !["kotlin/", "python/", "swift/", "bindgen/uniffi.toml"].iter().any(|part| {
            path.strip_prefix("bindings/").is_some_and(|rest| rest.starts_with(part))
        })
        && !["rs", "md"].iter().any(|extension| has_extension(path, extension))
        && !path.contains("proptest-regressions")
        && !matches!(file, "Cargo.toml" | ".gitignore" | ".gitkeep")
}

/// Whether a source holds the word, bounded by characters that cannot be part of a file's name.
fn names(source: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    source.match_indices(word).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        let after = source[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{on, on_files};
    use serde_json::json;

    fn dead(files: &[(&str, &str)]) -> Vec<String> {
        let metadata = json!({
            "workspace_members": ["a"],
            "packages": [{"id": "a", "targets": [
                {"src_path": "/top/crates/a/src/lib.rs"},
                {"src_path": "/top/crates/a/tests/it.rs"},
            ]}],
        });
        let mut found: Vec<_> = on(check_sources, files, &metadata).into_iter().map(|finding| finding.path).collect();
        found.sort();
        found
    }

    #[test]
    fn a_file_without_mod_is_dead() {
        let files = [
            ("crates/a/src/lib.rs", "mod b;\n// mod c;\nmod d { pub mod e; }\n"),
            ("crates/a/src/b.rs", "mod f;\n"),
            ("crates/a/src/b/f.rs", ""),
            ("crates/a/src/c.rs", ""),
            ("crates/a/src/d/e.rs", ""),
            ("crates/a/src/f.rs", ""),
            ("crates/a/tests/it.rs", "mod helper;"),
            ("crates/a/tests/helper/mod.rs", "mod more;"),
            ("crates/a/tests/helper/more.rs", ""),
        ];
        assert_eq!(dead(&files), ["crates/a/src/c.rs", "crates/a/src/f.rs"]);
    }

    #[test]
    fn paths_and_includes_are_followed() {
        let lib = "#[cfg(test)]\n#[path = \"../more/x.rs\"]\nmod y;\nmod z;\ninclude!(\"made.rs\");\n";
        let files = [
            ("crates/a/src/lib.rs", lib),
            ("crates/a/more/x.rs", ""),
            ("crates/a/src/made.rs", ""),
            ("crates/a/src/y.rs", ""),
            ("crates/a/src/z/mod.rs", ""),
        ];
        assert_eq!(dead(&files), ["crates/a/src/y.rs"]);
    }

    #[test]
    fn data_that_nobody_names_is_dead() {
        let source = "include_str!(\"../migrations/001.sql\"); check(\"push\"); read(\"wire/v1/\");";
        let files = [
            ("crates/a/src/lib.rs", source),
            ("crates/a/migrations/001.sql", ""),
            ("crates/a/migrations/002.sql", ""),
            ("crates/a/tests/golden/push.bin", ""),
            ("crates/a/tests/golden/pull.bin", ""),
            ("tests/fixtures/wire/v1/any.bin", ""),
            ("tests/README.md", ""),
        ];
        let found = on_files(check_data, &files);
        let paths: Vec<_> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["crates/a/migrations/002.sql", "crates/a/tests/golden/pull.bin"]);
    }
}
