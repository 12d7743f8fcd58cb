//! The web apps: npm fetches and builds them before the server is built, which carries them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::Outcome;
use crate::cargo::{must, root};
use crate::table::mark;

/// What the apps' tools need at least: major and minor version of Node.js.
const NODE: (u32, u32) = (20, 19);

/// An app in a folder of its own.
#[derive(Clone, Copy)]
pub(crate) struct App {
    name: &'static str,
    folder: &'static str,
    /// Folders outside of its own from which it takes sources.
    shares: &'static [&'static str],
}

/// The staff's pages.
pub(crate) const STAFF: App = App { name: "staff app", folder: "server/web", shares: &[] };
/// The officials' app, for phones.
pub(crate) const FIELD: App = App { name: "field app", folder: "bindings/web/app", shares: &["server/web/src"] };

/// Fetches what is missing and builds what is stale: both apps, and the core for browsers.
///
/// # Errors
/// Says what is missing on the machine, or which command failed.
pub(crate) fn build() -> Outcome {
    node()?;
    STAFF.fetch()?;
    STAFF.build()?;
    FIELD.fetch()?;
    crate::field::build()?;
    FIELD.build()
}

/// Builds the apps for the demo if the machine can; a demo without pages is still one.
pub(crate) fn build_if_possible() {
    if let Err(error) = build() {
        println!("  the server will lack web pages: {error}");
    }
}

impl App {
    fn fetch(self) -> Outcome {
        let folder = self.path();
        // npm writes this file last: if it is newer than the lockfile, what was fetched is complete.
        if changed(&folder.join("node_modules/.package-lock.json")) < changed(&folder.join("package-lock.json")) {
            must(self.npm().args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
        }
        Ok(())
    }

    fn build(self) -> Outcome {
        let folder = self.path();
        let built = changed(&folder.join("dist/site/index.html"));
        let sources = ["src", "public", "scripts", "index.html", "package-lock.json", "package.json", "vite.config.ts"];
        let own = sources.iter().map(|name| folder.join(name));
        let shared = self.shares.iter().map(|name| root().join(name));
        let newest = own.chain(shared).map(|path| newest(&path)).max().unwrap_or(SystemTime::now());
        if built < newest {
            must(self.npm().args(["run", "--silent", "build"]))?;
        }
        println!("  {} {} built", mark(true), self.name);
        Ok(())
    }

    /// `npm` in the app's folder.
    pub(crate) fn npm(self) -> Command {
        let mut command = Command::new("npm");
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn path(self) -> PathBuf {
        root().join(self.folder)
    }
}

fn node() -> Outcome {
    let wanted = format!("Node.js {}.{} or newer with npm is needed; see https://nodejs.org", NODE.0, NODE.1);
    let output = Command::new("node").arg("--version").output().map_err(|_| wanted.clone())?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match version(&said) {
        Some(found) if found >= NODE => Ok(()),
        _ => Err(format!("{wanted}; this machine has {said}").into()),
    }
}

/// Major and minor of `v20.20.2`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim_start_matches('v').split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// When a file was changed last; the beginning of time if it is not there.
pub(crate) fn changed(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When anything below a path was changed last.
fn newest(path: &Path) -> SystemTime {
    let below = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    below.map(|entry| newest(&entry.path())).max().unwrap_or(SystemTime::UNIX_EPOCH).max(changed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert!(version("v18.20.4").is_some_and(|found| found < NODE));
        assert!(version("v22.1.0").is_some_and(|found| found > NODE));
        assert_eq!(version(""), None);
    }

    #[test]
    fn the_newest_file_below_a_folder_counts() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert!(newest(&here) >= changed(&here.join("web.rs")));
        assert_eq!(changed(&here.join("not there")), SystemTime::UNIX_EPOCH);
    }
}
