//! `cargo xtask audit`: is a crate of the lockfile known to be vulnerable?
//!
//! The answers stand in the advisory database of `RustSec`, a git repository of small files. It is fetched anew each time,
//! because an old copy says that all is well. Where it cannot be reached the answer is "not checked", in words, and
//! never a pass: `--require` makes that a failure. `--db DIR` reads a copy that somebody brought.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use semver::{Version, VersionReq};

use crate::Outcome;
use crate::cargo::{metadata, root};
use crate::json::{items, text};

/// Where the database lives.
const DATABASE: &str = "https://github.com/rustsec/advisory-db.git";
/// How long fetching it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    db: Option<PathBuf>,
    require: bool,
}

impl Options {
    /// Reads the arguments behind `audit`.
    ///
    /// # Errors
    /// Names the argument that is unknown or lacks its value.
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--require" => options.require = true,
                "--db" => options.db = Some(args.next().ok_or("audit: --db needs a folder")?.into()),
                other => return Err(format!("audit: unknown argument {other}")),
            }
        }
        Ok(options)
    }
}

/// What the check came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So many advisories were read and none is about a crate of the lockfile.
    Clean(usize),
    /// These are.
    Found(Vec<String>),
    /// The database could not be read; why.
    NotChecked(String),
}

/// Checks, and says what came of it.
///
/// # Errors
/// Fails if a crate is vulnerable, and with `--require` if nothing could be checked.
pub(crate) fn run(options: &Options) -> Outcome {
    report(options).map(|_| ())
}

/// [`run`], with what came of it.
///
/// # Errors
/// As [`run`].
pub(crate) fn report(options: &Options) -> Outcome<Verdict> {
    let verdict = verdict(options.db.as_deref())?;
    match &verdict {
        Verdict::Clean(count) => println!("  no crate of the lockfile is in the {count} advisories"),
        Verdict::Found(lines) => {
            lines.iter().for_each(|line| println!("  {line}"));
            return Err(format!("{} advisories are about crates of the lockfile", lines.len()).into());
        }
        Verdict::NotChecked(reason) if options.require => return Err(format!("not checked: {reason}").into()),
        Verdict::NotChecked(reason) => println!("  NOT CHECKED, which is no good news: {reason}"),
    }
    Ok(verdict)
}

/// The verdict on the lockfile.
///
/// # Errors
/// Fails if the lockfile cannot be read.
pub(crate) fn verdict(db: Option<&Path>) -> Outcome<Verdict> {
    let folder = match db {
        Some(folder) => folder.to_owned(),
        None => match fetch() {
            Ok(folder) => folder,
            Err(reason) => return Ok(Verdict::NotChecked(reason)),
        },
    };
    let advisories = read(&folder.join("crates"));
    if advisories.is_empty() {
        return Ok(Verdict::NotChecked(format!("there are no advisories in {}", folder.display())));
    }
    let metadata = metadata()?;
    let packages = items(&metadata, "packages").iter().filter(|package| package["source"].is_string());
    let mut found = Vec::new();
    for package in packages {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let Ok(version) = Version::parse(version) else { continue };
        let about = advisories.iter().filter(|advisory| advisory.package == name && advisory.affects(&version));
        found.extend(about.map(|advisory| format!("{} {name} {version}: {}", advisory.id, advisory.title)));
    }
    Ok(if found.is_empty() { Verdict::Clean(advisories.len()) } else { Verdict::Found(found) })
}

/// A fresh copy of the database in the target folder.
fn fetch() -> Result<PathBuf, String> {
    let folder = root().join("target/advisory-db");
    let _ = fs::remove_dir_all(&folder);
    let mut git = Command::new("git")
        .args(["clone", "--quiet", "--depth", "1", DATABASE])
        .arg(&folder)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match git.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(folder),
            Ok(Some(_)) => return Err(format!("{DATABASE} cannot be reached")),
            Ok(None) => std::thread::sleep(Duration::from_millis(100)),
            Err(error) => return Err(error.to_string()),
        }
    }
    let _ = (git.kill(), git.wait());
    Err(format!("{DATABASE} did not answer within {} seconds", PATIENCE.as_secs()))
}

/// One advisory, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Advisory {
    id: String,
    package: String,
    title: String,
    /// Versions that are mended or never had it.
    safe: Vec<VersionReq>,
}

impl Advisory {
    /// Reads the front matter of an advisory; `None` if it was withdrawn, or only informs.
    fn parse(markdown: &str) -> Option<Self> {
        let (toml, rest) = markdown.split_once("```toml")?.1.split_once("```")?;
        let value = |key: &str| {
            let mut lines = toml.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().trim_matches('"').to_owned())
        };
        // Unmaintained is a thing to know; unsound is one to mend.
        if value("withdrawn").is_some() || value("informational").is_some_and(|kind| kind != "unsound") {
            return None;
        }
        let title = rest.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default().to_owned();
        let mut safe = requirements(toml, "patched");
        safe.extend(requirements(toml, "unaffected"));
        Some(Self { id: value("id")?, package: value("package")?, title, safe })
    }

    fn affects(&self, version: &Version) -> bool {
        !self.safe.iter().any(|requirement| requirement.matches(version))
    }
}

/// The version requirements in `key = [ "…", … ]`.
fn requirements(toml: &str, key: &str) -> Vec<VersionReq> {
    let line = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let Some(start) = toml.lines().position(line) else { return Vec::new() };
    let list: String = toml.lines().skip(start).collect::<Vec<_>>().join("\n");
    let Some((_, list)) = list.split_once('[') else { return Vec::new() };
    let list = list.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).filter_map(|text| VersionReq::parse(text).ok()).collect()
}

/// Every advisory under a folder.
fn read(folder: &Path) -> Vec<Advisory> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut advisories = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            advisories.extend(read(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            advisories.extend(fs::read_to_string(&path).ok().and_then(|text| Advisory::parse(&text)));
        }
    }
    advisories
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"example\"\ndate = \"2099-01-01\"\n\n\
        [versions]\npatched = [\n  \">= 1.2.3\",\n  \"^0.9.4\",\n]\nunaffected = [\"< 0.5\"]\n```\n\n# Reads too far\n\nText.\n";

    #[test]
    fn an_advisory_says_which_versions_it_is_about() {
        let advisory = Advisory::parse(ONE).unwrap();
        assert_eq!((advisory.id.as_str(), advisory.title.as_str()), ("RUSTSEC-2099-0001", "Reads too far"));
        let affected = |version: &str| advisory.affects(&Version::parse(version).unwrap());
        assert!(affected("1.2.2") && affected("0.9.3") && affected("0.5.0"));
        assert!(!affected("1.2.3") && !affected("0.9.5") && !affected("0.4.9") && !affected("2.0.0"));
    }

    #[test]
    fn what_was_withdrawn_or_only_informs_is_left_out() {
        let with = |line: &str| ONE.replacen("date =", &format!("{line}\ndate ="), 1);
        assert_eq!(Advisory::parse(&with("withdrawn = \"2099-02-02\"")), None);
        assert_eq!(Advisory::parse(&with("informational = \"unmaintained\"")), None);
        assert!(Advisory::parse(&with("informational = \"unsound\"")).is_some());
    }

    #[test]
    fn a_vulnerable_crate_of_the_lockfile_is_found_and_an_empty_database_is_no_pass() {
        let folder = std::env::temp_dir().join(format!("gandan-audit-{}", std::process::id()));
        let place = folder.join("crates/serde");
        fs::create_dir_all(&place).unwrap();
        let empty = verdict(Some(&folder)).unwrap();
        assert!(matches!(empty, Verdict::NotChecked(_)), "{empty:?}");
        // Every version of a crate that is surely there.
        let text = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0002\"\npackage = \"serde\"\n[versions]\npatched = []\n```\n# Bad\n";
        fs::write(place.join("RUSTSEC-2099-0002.md"), text).unwrap();
        let found = verdict(Some(&folder)).unwrap();
        fs::write(place.join("RUSTSEC-2099-0002.md"), text.replace("[]", "[\">= 1.0.0\"]")).unwrap();
        let clean = verdict(Some(&folder)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(&found, Verdict::Found(lines) if lines[0].contains("RUSTSEC-2099-0002 serde")), "{found:?}");
        assert_eq!(clean, Verdict::Clean(1));
    }

    #[test]
    fn options_are_read() {
        let parse = |args: &[&str]| Options::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&[]), Ok(Options::default()));
        assert_eq!(parse(&["--require", "--db", "x"]), Ok(Options { db: Some("x".into()), require: true }));
        assert!(parse(&["--db"]).is_err() && parse(&["x"]).is_err());
    }
}
