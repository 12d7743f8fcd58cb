//! The core for browsers: `bindings/web`, compiled to WebAssembly, made small, and put where the field app imports it.
//!
//! rustc has WebAssembly's standard library for the asking where rustup reaches its own server. Elsewhere Debian's
//! toolchain for browsers has the library's source, which is then compiled along. C is compiled by clang. What is built
//! lies in a folder of its own, so that it disturbs no other build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::cargo::{cargo, metadata, must, root, target_directory};
use crate::json::{items, text};
use crate::table::mark;
use crate::test::works;
use crate::web::changed;

/// What the core is compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// The profile of what ships, and of its tests: small, and without unwinding.
const PROFILE: &str = "web";
/// Debian's packages of its toolchain for browsers.
const DEBIAN: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
/// Debian's packages for C.
const C: &[&str] = &["clang", "llvm"];

/// Where the field app imports the core from.
fn place() -> PathBuf {
    root().join("bindings/web/app/src/lib/core/wasm")
}

/// Who compiles.
enum Toolchain {
    /// The one that compiles everything else.
    Rustup,
    /// Debian's, with the linker of the other one.
    Debian {
        /// `rust-lld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds one, or installs it.
    fn find() -> Outcome<Self> {
        if has_target() {
            return Ok(Self::Rustup);
        }
        println!("  installing the standard library for {TARGET}");
        if works(Command::new("rustup").args(["target", "add", TARGET])) && has_target() {
            return Ok(Self::Rustup);
        }
        if !Path::new("/usr/bin/cargo").exists() || !Path::new("/usr/lib/rustlib/src").exists() {
            works(Command::new("apt-get").args(["install", "-y"]).args(DEBIAN));
        }
        let sysroot = said(Command::new("rustc").args(["--print", "sysroot"]))?;
        let host = said(Command::new("rustc").args(["--print", "host-tuple"]))?;
        let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
        if Path::new("/usr/bin/cargo").exists() && linker.exists() {
            return Ok(Self::Debian { linker });
        }
        Err(format!(
            "no compiler for {TARGET}; install one with: rustup target add {TARGET}, or on Debian: sudo apt-get install -y {}",
            DEBIAN.join(" ")
        )
        .into())
    }

    /// A cargo that builds for the browser.
    fn cargo(&self, command: &str) -> Outcome<Command> {
        let mut cargo = match self {
            Self::Rustup => cargo(),
            Self::Debian { linker } => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .current_dir(root())
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                cargo
            }
        };
        cargo.args([command, "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"]).arg(folder()?);
        if matches!(self, Self::Debian { .. }) {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        Ok(cargo)
    }
}

/// Builds the core for the browser if it is stale.
///
/// # Errors
/// Says what is missing on the machine, or which command failed.
pub(crate) fn build() -> Outcome {
    c_compiler()?;
    must(Toolchain::find()?.cargo("build")?.args(["-p", "gandan-web"]))?;
    let built = folder()?.join(TARGET).join(PROFILE).join("gandan_web.wasm");
    let shipped = place().join("gandan_web_bg.wasm");
    if changed(&shipped) < changed(&built) {
        let bound = folder()?.join("bound");
        must(
            Command::new(tools()?.join("wasm-bindgen")).args(["--target", "web", "--out-dir"]).arg(&bound).arg(&built),
        )?;
        ship(&bound)?;
    }
    println!("  {} core for browsers built: {} KB", mark(true), fs::metadata(&shipped)?.len() / 1024);
    Ok(())
}

/// Tests of the rooms that run in a browser, on WebAssembly in Node.js.
///
/// # Errors
/// As [`build`].
pub(crate) fn test() -> Outcome<Command> {
    c_compiler()?;
    let mut command = Toolchain::find()?.cargo("test")?;
    command
        // The facade along, because it tells the model's dependencies that there is a browser.
        .args(["-p", "gandan-model", "-p", "gandan-web", "--test", "merge_cases", "--test", "convergence"])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", tools()?.join("wasm-bindgen-test-runner"));
    Ok(command)
}

/// What the compiler may use for this target, and every browser of the last years has. With all that `wasm-opt` knows it
/// would write what only the newest can read.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Puts what wasm-bindgen wrote where the app imports it from, with the core made smaller by `wasm-opt`, which npm brings for
/// the app. The core comes last and at once: a build that is cut short is taken up again by the next one.
fn ship(bound: &Path) -> Outcome {
    const CORE: &str = "gandan_web_bg.wasm";
    let place = place();
    fs::create_dir_all(&place)?;
    for file in fs::read_dir(bound)? {
        let name = file?.file_name();
        if name != CORE {
            fs::copy(bound.join(&name), place.join(&name))?;
        }
    }
    let smaller = place.join(CORE).with_extension("wasm.tmp");
    let tool = root().join("bindings/web/app/node_modules/.bin/wasm-opt");
    must(Command::new(tool).arg("-Os").args(FEATURES).arg("-o").arg(&smaller).arg(bound.join(CORE)))?;
    fs::rename(smaller, place.join(CORE))?;
    Ok(())
}

/// Where this build lies.
fn folder() -> Outcome<PathBuf> {
    Ok(target_directory()?.join("web"))
}

/// The programs of `wasm-bindgen-cli`, of just the version that the lockfile names for `wasm-bindgen`: the two speak a
/// language of their own.
fn tools() -> Outcome<PathBuf> {
    let metadata = metadata()?;
    let found = items(&metadata, "packages").iter().find(|package| text(package, "name") == "wasm-bindgen");
    let version = text(found.ok_or("the lockfile names no wasm-bindgen")?, "version");
    let home = target_directory()?.join("tools");
    let bin = home.join("bin");
    let is_there = |name| said(Command::new(bin.join(name)).arg("--version")).is_ok_and(|said| said.ends_with(version));
    if !is_there("wasm-bindgen") {
        // Not `--locked`: its own lockfile is older than what it needs.
        let exact = format!("={version}");
        let bins = ["--bin", "wasm-bindgen", "--bin", "wasm-bindgen-test-runner"];
        must(
            cargo()
                .args(["install", "--quiet", "wasm-bindgen-cli", "--version", &exact])
                .args(bins)
                .arg("--root")
                .arg(&home)
                // Run a few times and built once: quick to build is quicker.
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        )?;
    }
    Ok(bin)
}

fn c_compiler() -> Outcome {
    let is_there = || works(Command::new("clang").arg("--version")) && works(Command::new("llvm-ar").arg("--version"));
    if !is_there() {
        println!("  installing {} with apt-get", C.join(" and "));
        works(Command::new("apt-get").args(["install", "-y"]).args(C));
    }
    if is_there() { Ok(()) } else { Err(format!("install it with: sudo apt-get install -y {}", C.join(" ")).into()) }
}

/// Whether the toolchain that runs this has the standard library for the browser.
fn has_target() -> bool {
    said(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))
        .is_ok_and(|folder| Path::new(&folder).is_dir())
}

/// What a command says on standard output.
fn said(command: &mut Command) -> Outcome<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("`{}` failed", crate::cargo::show(command)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
