//! The phone libraries in `bindings`: the library of the core, the code that calls it in three languages, and what is made of
//! both. Everything generated goes below cargo's target folder.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::{Binaries, cargo, must, root, target_directory};
use crate::table::mark;
use crate::{Failure, Outcome};

/// What the Python part is built and tested with; known to work together. Pandas is for the example.
const PYTHON_TOOLS: &[&str] = &["maturin==1.16.0", "pytest==9.2.0", "pandas==2.3.3"];

/// Words by which the generated Swift's own machinery is known.
const MACHINERY: &[&str] = &[
    "FfiConverter",
    "niffi",
    "RustBuffer",
    "UnsafeMutable",
    "FfiType",
    "SwiftType",
    "oHandle",
    " lift(",
    " lower(",
    " read(from",
    " write(_",
    "func ==",
    "hash(into",
];

/// Cargo's profile for what goes into an app.
const PROFILE: &str = "phone";
/// For a small library: addresses that the loader has to correct are packed (which glibc reads from 2.36 on, that of Debian 12);
/// the parts in C are made for size, without tables for unwinding (no panic ever runs through them), and what nobody calls
/// is left out.
const SMALL: [(&str, &str); 2] = [
    ("RUSTFLAGS", "-C link-arg=-Wl,-z,pack-relative-relocs"),
    ("CFLAGS", "-Os -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections"),
];
/// Most bytes of a library for one ABI, stripped and compressed as in an app's package.
const MAX_COMPRESSED: u64 = 6_000_000;

/// The library and the code that calls it.
pub(crate) struct Bindings {
    /// `target/bindings`.
    folder: PathBuf,
    /// Where cargo put the library.
    library: PathBuf,
    /// The program that writes the code.
    generator: PathBuf,
    release: bool,
}

/// `cargo xtask bindings [--release]`: everything that can be built on this machine.
///
/// # Errors
/// Says what is missing on the machine, or which command failed.
pub(crate) fn run(args: &[String]) -> Outcome {
    let bindings = Bindings::generate(args.iter().any(|arg| arg == "--release"))?;
    bindings.swift()?;
    let wheel = bindings.wheel()?;
    println!("  {} Python: {}", mark(true), wheel.display());
    must(bindings.maven(&Binaries::in_dev_profile()?).args(["-q", "-DskipTests", "package"]))?;
    println!("  {} Kotlin: bindings/kotlin/target/gandan-0.1.0.jar", mark(true));
    println!("  Android and iOS need their own machines: see bindings/kotlin/README.md and bindings/swift/README.md");
    Ok(())
}

/// `cargo xtask bench bindings`: size of a release for one ABI, then the figures of Kotlin.
///
/// # Errors
/// Fails if a bound is missed.
pub(crate) fn bench() -> Outcome {
    let bindings = Bindings::generate(true)?;
    let stripped = bindings.folder.join("stripped.so");
    must(Command::new("strip").arg("-o").arg(&stripped).arg(&bindings.library))?;
    must(Command::new("gzip").args(["-9", "-k", "-f"]).arg(&stripped))?;
    let compressed = fs::metadata(bindings.folder.join("stripped.so.gz"))?.len();
    let good = compressed <= MAX_COMPRESSED;
    let kilobytes = |bytes: u64| bytes / 1_000;
    println!(
        "  {} library, one ABI, stripped and compressed: {} KB ≤ {} ({} KB unpacked)",
        mark(good),
        kilobytes(compressed),
        kilobytes(MAX_COMPRESSED),
        kilobytes(fs::metadata(&stripped)?.len())
    );
    // The server is not measured.
    must(cargo().args(["build", "--locked", "--workspace", "--bin", "gandan-server"]))?;
    must(bindings.maven(&Binaries::in_dev_profile()?).args(["test", "-q", "-Dtest=Figures"]))?;
    if good { Ok(()) } else { Err("the library is too large".into()) }
}

impl Bindings {
    /// Builds the library and writes the code of all languages.
    ///
    /// # Errors
    /// Says which command failed.
    pub(crate) fn generate(release: bool) -> Outcome<Self> {
        let target = target_directory()?;
        // For tests as part of the workspace: what it was built with before is used again.
        let what: &[&str] = if release {
            &["--profile", PROFILE, "-p", "gandan-ffi", "-p", "gandan-bindgen"]
        } else {
            &["--workspace"]
        };
        let mut build = cargo();
        if release && cfg!(target_os = "linux") {
            build.envs(SMALL);
        }
        must(build.args(["build", "--locked"]).args(what))?;
        let built = target.join(if release { PROFILE } else { "debug" });
        let library = built.join(format!("{DLL_PREFIX}gandan_ffi{DLL_SUFFIX}"));
        let generator = built.join(format!("gandan-bindgen{EXE_SUFFIX}"));
        let bindings = Self { folder: target.join("bindings"), library, generator, release };
        for language in ["kotlin", "swift", "python"] {
            let folder = bindings.folder.join(language);
            // What was there before may be of types that are gone.
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            let mut generate = Command::new(&bindings.generator);
            generate.args(["generate", "--no-format", "--language", language, "--out-dir"]).arg(&folder);
            must(generate.arg(&bindings.library))?;
        }
        bindings.bundle()?;
        println!("  {} library built, Kotlin, Swift and Python generated", mark(true));
        Ok(bindings)
    }

    /// A release goes into the jar, in the folder where JNA looks for it.
    fn bundle(&self) -> Outcome {
        let jar = self.folder.join("jar");
        if jar.exists() {
            fs::remove_dir_all(&jar)?;
        }
        fs::create_dir_all(&jar)?;
        if self.release {
            let folder = jar.join("linux-x86-64");
            fs::create_dir_all(&folder)?;
            let name = self.library.file_name().ok_or("the library has no name")?;
            must(Command::new("strip").arg("-o").arg(folder.join(name)).arg(&self.library))?;
        }
        Ok(())
    }

    /// The generated Swift cannot be compiled here. Its C header can be read, and its surface compared.
    ///
    /// # Errors
    /// Fails if the header is not C, or if the surface is not the one that was agreed.
    pub(crate) fn swift(&self) -> Outcome {
        let folder = self.folder.join("swift");
        let compiler = if crate::test::works(Command::new("clang").arg("--version")) { "clang" } else { "gcc" };
        must(
            Command::new(compiler)
                .args(["-fsyntax-only", "-Wall", "-Werror", "-std=c11"])
                // What clang knows and gcc does not: whether a pointer may be null.
                .args(if compiler == "gcc" { &["-D_Nonnull=", "-D_Nullable="][..] } else { &[] })
                .arg("-include")
                .arg(folder.join("GanDanFFI.h"))
                .args(["-x", "c", "/dev/null"]),
        )?;
        let source = fs::read_to_string(folder.join("GanDan.swift"))?;
        let golden = root().join("bindings/swift/api.txt");
        let surface = swift_surface(&source);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &surface)?;
        }
        if fs::read_to_string(&golden).unwrap_or_default() != surface {
            return Err("the surface of the Swift library differs from bindings/swift/api.txt; if that is meant: \
                        UPDATE_GOLDEN=1 cargo xtask bindings, and say in CHANGELOG.md what apps must do"
                .into());
        }
        println!("  {} Swift: header read by {compiler}, surface as agreed", mark(true));
        Ok(())
    }

    /// `mvn` in the Kotlin module, told where everything is.
    pub(crate) fn maven(&self, binaries: &Binaries) -> Command {
        let mut command = Command::new("mvn");
        let native = self.library.parent().unwrap_or(Path::new("."));
        command
            .current_dir(root().join("bindings/kotlin"))
            .stdin(Stdio::null())
            .args(["-B", "-ntp"])
            .arg(define("generated.dir", &self.folder.join("kotlin")))
            .arg(define("bundled.dir", &self.folder.join("jar")))
            .arg(define("native.dir", native))
            .arg(define("server.bin", &binaries.server));
        command
    }

    /// Builds the wheel.
    ///
    /// # Errors
    /// Says which command failed.
    pub(crate) fn wheel(&self) -> Outcome<PathBuf> {
        let tools = python_tools()?;
        let project = root().join("bindings/python");
        let wheels = self.folder.join("wheels");
        if wheels.exists() {
            fs::remove_dir_all(&wheels)?;
        }
        // maturin looks for uniffi's own program by its name.
        let names = self.folder.join("names");
        fs::create_dir_all(&names)?;
        fs::copy(&self.generator, names.join(format!("uniffi-bindgen{EXE_SUFFIX}")))?;
        let profile = if self.release { PROFILE } else { "dev" };
        let mut build = Command::new(tools.join("maturin"));
        build.args(["build", "--quiet", "--locked", "--profile", profile, "--out"]).arg(&wheels);
        build.current_dir(project).stdin(Stdio::null()).env("CARGO_TARGET_DIR", target_directory()?);
        must(build.env("PATH", path_with(&names)))?;
        let wheel = fs::read_dir(&wheels)?.filter_map(Result::ok).map(|entry| entry.path()).next();
        wheel.ok_or_else(|| Failure::from("maturin made no wheel"))
    }

    /// `pytest` on the wheel, installed as a script's author would.
    ///
    /// # Errors
    /// Says which command failed.
    pub(crate) fn pytest(&self, binaries: &Binaries) -> Outcome<Command> {
        let (wheel, tools) = (self.wheel()?, python_tools()?);
        let mut install = Command::new(tools.join("python"));
        install.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall"]).arg(wheel);
        must(&mut install)?;
        let mut command = Command::new(tools.join("python"));
        command.args(["-m", "pytest", "-p", "no:cacheprovider"]).current_dir(root().join("bindings/python"));
        command.stdin(Stdio::null()).env_remove("PYTHONPATH").env(Binaries::SERVER_ENV, &binaries.server);
        Ok(command)
    }
}

/// Programs of a virtual environment of our own; made and filled if it is not there, which takes a minute and a hundred
/// megabytes of downloads.
///
/// # Errors
/// Says which command failed.
pub(crate) fn python_tools() -> Outcome<PathBuf> {
    let venv = target_directory()?.join("bindings/venv");
    let tools = venv.join("bin");
    let noted = venv.join("tools.txt");
    let wanted = PYTHON_TOOLS.join("\n");
    if fs::read_to_string(&noted).unwrap_or_default() != wanted {
        println!("  installing {} for Python", PYTHON_TOOLS.join(", "));
        must(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        must(Command::new(tools.join("python")).args(["-m", "pip", "install", "--quiet"]).args(PYTHON_TOOLS))?;
        fs::write(noted, wanted)?;
    }
    Ok(tools)
}

/// A property for Maven.
fn define(name: &str, path: &Path) -> String {
    format!("-D{name}={}", path.display())
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// The declarations of generated Swift that an app can name, one a line, in the order of the file.
fn swift_surface(source: &str) -> String {
    let is_named = |line: &&str| {
        let is_open = line.starts_with("public ") || line.starts_with("open ");
        // Enum cases are as public as their enum; those of a `switch` have a colon, a dot or a `let`.
        let is_case = line.strip_prefix("case ").is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_alphabetic())
                && !rest.starts_with("let ")
                && !rest.ends_with(':')
                && !rest.contains(": return")
        });
        is_open || is_case
    };
    let is_machinery = |line: &&str| MACHINERY.iter().any(|word| line.contains(word));
    let lines = source.lines().map(str::trim).filter(is_named).filter(|line| !is_machinery(line));
    // How bodies and single members are set differs; what counts are the words.
    let words = |line: &str| line.trim_end_matches(['{', ' ', ',']).split_whitespace().collect::<Vec<_>>().join(" ");
    lines.map(|line| words(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surface_of_swift_is_what_an_app_can_name() {
        let source = "\
public enum Level: Equatable, Hashable {
    case error
    case text(value: String
    switch self { case .error: return 1
    case 2: return
    case let .text(value):
}
public func buildId() -> String  {
    return try!  FfiConverterString.lift(try! rustCall() {
open class Client: ClientProtocol, @unchecked Sendable {
    public func uniffiCloneHandle() -> UInt64 {
    open func submit(id: String)async throws  -> Saved  {
fileprivate func hidden() {
";
        let expected = "public enum Level: Equatable, Hashable\ncase error\ncase text(value: String\n\
                        public func buildId() -> String\nopen class Client: ClientProtocol, @unchecked Sendable\n\
                        open func submit(id: String)async throws -> Saved\n";
        assert_eq!(swift_surface(source), expected);
    }
}
