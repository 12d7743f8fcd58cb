//! Calling cargo, and what `cargo metadata` knows about the workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Failure, Outcome};

/// The cargo that started us, so that a newcomer with two toolchains gets the one that was asked for.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).stdin(Stdio::null());
    if let Some(folder) = cached_target() {
        command.env("CARGO_TARGET_DIR", folder);
    }
    command
}

/// In continuous integration every run starts from a fresh clone: what it builds is kept in the
/// user's cache, so that only the first run is slow. Every place of a checkout has a folder of its own: cargo takes what
/// was built elsewhere from the same sources for fresh, and test programs look for their data where they were built.
/// A folder that the caller chose is left alone.
fn cached_target() -> Option<PathBuf> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let ci = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    if !ci || is_set("CARGO_TARGET_DIR") {
        return None;
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")))?;
    let place = root().to_string_lossy().replace(['/', '\\', ':'], "-");
    Some(cache.join("gandan").join(format!("target{place}")))
}

/// The top of the repository. Known from where this crate was compiled; a moved checkout is found
/// again from the current folder.
pub(crate) fn root() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    built
        .canonicalize()
        .ok()
        .filter(|path| path.join("Cargo.lock").is_file())
        .or_else(|| env::current_dir().ok())
        .unwrap_or(built)
}

/// `cargo metadata` of the workspace as the lockfile has it.
///
/// # Errors
/// Fails if the manifests are broken or the lockfile is behind them; cargo's own words are in the message.
pub(crate) fn metadata() -> Outcome<Value> {
    let output = cargo().args(["metadata", "--format-version", "1", "--locked"]).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo metadata failed:\n{said}").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs a command that speaks for itself; an error names it if it fails.
pub(crate) fn must(command: &mut Command) -> Outcome {
    let shown = show(command);
    let status = command.status().map_err(|error| Failure::from(format!("cannot start `{shown}`: {error}")))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})").into()) }
}

/// A command as one would type it, without its environment.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Outcome<PathBuf> {
    if let Some(folder) = env::var_os("CARGO_TARGET_DIR") {
        return Ok(root().join(folder));
    }
    // Asked of cargo, which knows `cached_target` by its environment and the user's settings too.
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str().unwrap_or("target");
    Ok(PathBuf::from(folder))
}

/// The two programs that tests and demo drive, by the names of the environment variables that the
/// tests package reads.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    /// `gandan`, the field device in a terminal (`GANDAN_BIN`).
    pub(crate) device: PathBuf,
    /// `gandan-server` (`GANDAN_SERVER_BIN`).
    pub(crate) server: PathBuf,
}

impl Binaries {
    /// Name of the variable that holds the path of `gandan`.
    pub(crate) const DEVICE_ENV: &str = "GANDAN_BIN";
    /// Name of the variable that holds the path of `gandan-server`.
    pub(crate) const SERVER_ENV: &str = "GANDAN_SERVER_BIN";

    /// Where a build in the dev profile leaves them.
    pub(crate) fn in_dev_profile() -> Outcome<Self> {
        let folder = target_directory()?.join("debug");
        let suffix = env::consts::EXE_SUFFIX;
        Ok(Self {
            device: folder.join(format!("gandan{suffix}")),
            server: folder.join(format!("gandan-server{suffix}")),
        })
    }

    /// The binaries that the environment names, if it names both and they are there.
    pub(crate) fn from_environment() -> Option<Self> {
        let found = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_file());
        Some(Self { device: found(Self::DEVICE_ENV)?, server: found(Self::SERVER_ENV)? })
    }

    /// Builds both, in the dev profile, in which dependencies are optimised.
    pub(crate) fn build() -> Outcome<Self> {
        must(cargo().args(["build", "--locked", "-p", "gandan-cli", "-p", "gandan-server"]))?;
        Self::in_dev_profile()
    }
}

/// `cargo xtask bench ARGS`: builds with the release profile and hands over to the bench binary of
/// the tests package.
pub(crate) fn bench(args: &[String]) -> Outcome {
    must(cargo().args(["build", "--locked", "--release", "-p", "gandan-cli", "-p", "gandan-server"]))?;
    let release = target_directory()?.join("release");
    let suffix = env::consts::EXE_SUFFIX;
    must(
        cargo()
            .args(["run", "--locked", "--release", "-p", "gandan-tests", "--bin", "bench", "--"])
            .args(args)
            .env(Binaries::DEVICE_ENV, release.join(format!("gandan{suffix}")))
            .env(Binaries::SERVER_ENV, release.join(format!("gandan-server{suffix}"))),
    )
}

/// `cargo xtask fuzz ARGS`: hands over to the fuzz binary of the tests package. In the dev profile: overflows are checked.
pub(crate) fn fuzz(args: &[String]) -> Outcome {
    must(cargo().args(["run", "--locked", "--quiet", "-p", "gandan-tests", "--bin", "fuzz", "--"]).args(args))
}

/// `cargo xtask kill|slow|soak ARGS`: hands over to the program of that name of the tests package, which drives the
/// real ones.
pub(crate) fn drive(name: &str, args: &[String]) -> Outcome {
    let binaries = Binaries::build()?;
    must(
        cargo()
            .args(["run", "--locked", "--quiet", "-p", "gandan-tests", "--bin", name, "--"])
            .args(args)
            .env(Binaries::DEVICE_ENV, binaries.device)
            .env(Binaries::SERVER_ENV, binaries.server),
    )
}

/// `cargo xtask sim ARGS`: the simulator, with the release profile.
pub(crate) fn sim(args: &[String]) -> Outcome {
    let command = ["run", "--locked", "--release", "-p", "gandan-tests", "--bin", "sim", "--"];
    must(cargo().args(command).args(args))
}
