//! House rules that no compiler knows. Each check is a function from the tree of files (and what
//! cargo knows of them) to findings, so that its tests can show it failing.

mod arrows;
mod dead;
mod layout;
mod lex;
mod licence;
mod manifest;
mod size;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Outcome, cargo};

/// Something that breaks a house rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the top, with `/`.
    path: String,
    /// 1-based; 0 where the whole file is meant.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// A package that stands in for one from outside and speaks as that one does. Not of the workspace; its licence counts.
const GUEST: &str = "tests/bindgen/";

/// What building the phone libraries leaves beside their sources.
const BUILT: &[&str] = &[
    "bindings/kotlin/target",
    "bindings/python/.pytest_cache",
    "bindings/swift/.build",
    "bindings/swift/GanDanFFI.xcframework",
    "bindings/swift/Sources/GanDan/Generated",
];

/// The files of the repository in memory. `None` is a file that is not text.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Everything under a folder but what git never holds.
    fn read(top: &Path) -> Outcome<Self> {
        let mut tree = Self::default();
        tree.walk(top, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Outcome {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if matches!(name.as_str(), ".git" | "node_modules" | "__pycache__")
                || (prefix.is_empty() && name == "target")
            {
                continue;
            }
            let path = format!("{prefix}{name}");
            // What the builds of the web apps and their tests leave behind.
            let app = path.strip_prefix("server/web/").or_else(|| path.strip_prefix("bindings/web/app/"));
            let built = matches!(app, Some("dist" | "screenshots" | "src/lib/core/wasm"));
            if built || BUILT.contains(&path.as_str()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
            } else {
                let text = String::from_utf8(fs::read(entry.path())?).ok();
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    /// Every text file with its content.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Every Rust source of ours with its content.
    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| has_extension(path, "rs") && !path.starts_with(GUEST))
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self { files }
    }
}

fn has_extension(path: &str, wanted: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == wanted)
}

/// What the checks look at.
pub(crate) struct Ground<'a> {
    tree: &'a Tree,
    /// `cargo metadata`.
    metadata: &'a Value,
    /// Where the repository lies, to make the metadata's paths relative.
    top: &'a str,
}

impl Ground<'_> {
    /// The packages of the workspace.
    fn members(&self) -> Vec<&Value> {
        let ids = crate::json::items(self.metadata, "workspace_members");
        self.packages().iter().filter(|package| ids.contains(&package["id"])).collect()
    }

    fn packages(&self) -> &[Value] {
        crate::json::items(self.metadata, "packages")
    }

    /// A path of the metadata, from the top.
    fn relative(&self, path: &str) -> String {
        let path = path.strip_prefix(self.top).unwrap_or(path);
        path.replace('\\', "/").trim_start_matches('/').to_owned()
    }
}

type Check = fn(&Ground<'_>) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("files ≤ 500 lines, functions ≤ 70", size::check),
    ("arrows between crates", arrows::check),
    ("doors: clock, sockets, randomness", arrows::check_purity),
    ("top level and package names", layout::check),
    ("links in documents", layout::check_links),
    ("words that must not stay", words::check),
    ("tests that do not run", words::check_ignored),
    ("dead sources", dead::check_sources),
    ("dead fixtures and data", dead::check_data),
    ("one dependency table, one lint table", manifest::check),
    ("no unsafe at the border", manifest::check_unsafe),
    ("dependencies that nobody uses", manifest::check_unused),
    ("licences and origins", licence::check),
    ("one SQLite in the lockfile", licence::check_one_sqlite),
];

/// `cargo xtask tidy`.
///
/// # Errors
/// Fails if a rule is broken (after printing every finding), or if the tree cannot be read.
pub(crate) fn run() -> Outcome {
    let top = cargo::root();
    let metadata = cargo::metadata()?;
    let tree = Tree::read(&top)?;
    let ground = Ground { tree: &tree, metadata: &metadata, top: &top.to_string_lossy() };
    let mut broken = 0;
    for (name, check) in CHECKS {
        let mut findings = check(&ground);
        findings.sort();
        println!("  {} {name}", crate::table::mark(findings.is_empty()));
        for Finding { path, line, message } in &findings {
            match line {
                0 => println!("      {path}: {message}"),
                _ => println!("      {path}:{line}: {message}"),
            }
        }
        broken += findings.len();
    }
    if broken > 0 {
        return Err(format!("tidy: {broken} findings in {} files read", tree.files.len()).into());
    }
    println!("  tidy: {} rules hold in {} files", CHECKS.len(), tree.files.len());
    Ok(())
}

/// Runs a check on files in memory, with metadata of no packages. For tests.
#[cfg(test)]
fn on_files(check: Check, files: &[(&str, &str)]) -> Vec<Finding> {
    on(check, files, &Value::Null)
}

/// Runs a check on files in memory beside the given metadata. For tests.
#[cfg(test)]
fn on(check: Check, files: &[(&str, &str)], metadata: &Value) -> Vec<Finding> {
    let tree = Tree::of(files);
    check(&Ground { tree: &tree, metadata, top: "/top" })
}
