//! Writes the Kotlin, Swift and Python that call the library: `gandan-bindgen generate --language L --out-dir DIR LIBRARY`.
//!
//! A package of its own, so that nothing of the generator comes near what ships. It understands the options of uniffi's own
//! program as far as maturin uses them, and writes beside uniffi's files one of ours: which build they were made for. It does
//! not bear that program's name: maturin would find it in this workspace and build it anew, with other features.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

/// How the generated code is called in each language.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/uniffi.toml");
/// Stands before the build in the library, which ends with `;`.
const MARK: &[u8] = b"gandan-build:";
/// Our own file in each language; `BUILD` stands for the build.
const KOTLIN: &str = "package vn.gandan

/** The build of the library that this code was generated for. */
public const val GENERATED_FOR: String = \"BUILD\"
";
const SWIFT: &str = "/// The build of the library that this code was generated for.
public let generatedFor = \"BUILD\"
";
const PYTHON: &str = "\"\"\"The build of the library that this code was generated for.\"\"\"

GENERATED_FOR = \"BUILD\"
";
/// More than any build is long.
const MAX_BUILD: usize = 100;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match Call::parse(std::env::args().skip(1)).and_then(Call::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gandan-bindgen: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What is wanted.
struct Call {
    language: String,
    folder: String,
    library: String,
}

impl Call {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        if args.next().as_deref() != Some("generate") {
            return Err("usage: generate --language kotlin|swift|python --out-dir DIR LIBRARY".into());
        }
        let (mut language, mut folder, mut library) = (None, None, None);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--language" | "-l" => language = args.next(),
                "--out-dir" | "-o" => folder = args.next(),
                // Our names are fixed; the library is always one.
                "--config" | "--crate" => drop(args.next()),
                "--no-format" | "--library" => {}
                _ => library = Some(arg),
            }
        }
        Ok(Self {
            language: language.ok_or("--language is missing")?,
            folder: folder.ok_or("--out-dir is missing")?,
            library: library.ok_or("the library is missing")?,
        })
    }

    fn run(self) -> Result<(), Failure> {
        let build = build(&fs::read(&self.library).map_err(|error| format!("{}: {error}", self.library))?)?;
        let (language, name, code) = match self.language.as_str() {
            "kotlin" => (TargetLanguage::Kotlin, "vn/gandan/Build.kt", KOTLIN),
            "swift" => (TargetLanguage::Swift, "Build.swift", SWIFT),
            "python" => (TargetLanguage::Python, "_build.py", PYTHON),
            other => return Err(format!("no such language here: {other}").into()),
        };
        let options = GenerateOptions {
            languages: vec![language],
            source: self.library.into(),
            out_dir: self.folder.clone().into(),
            config_override: Some(CONFIG.into()),
            ..GenerateOptions::default()
        };
        generate(options)?;
        let path = Path::new(&self.folder).join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, code.replace("BUILD", &build))?)
    }
}

/// The build that the library says it is.
fn build(library: &[u8]) -> Result<String, Failure> {
    let at =
        library.windows(MARK.len()).position(|window| window == MARK).ok_or("the library does not say its build")?;
    let rest = &library[at + MARK.len()..];
    let end = rest.iter().take(MAX_BUILD).position(|byte| *byte == b';').ok_or("the library's build has no end")?;
    Ok(String::from_utf8(rest[..end].to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_is_found_in_the_library() {
        assert_eq!(build(b"\0\x7fELF gandan-build:0.1.0+00ff;more").unwrap(), "0.1.0+00ff");
        assert!(build(b"nothing").is_err());
        assert!(build(b"gandan-build:0.1.0").is_err());
    }

    #[test]
    fn options_of_maturin_are_understood() {
        let args =
            "generate --no-format --language python --out-dir out --library lib.so".split(' ').map(str::to_owned);
        let call = Call::parse(args).unwrap();
        assert_eq!((call.language.as_str(), call.folder.as_str(), call.library.as_str()), ("python", "out", "lib.so"));
        assert!(Call::parse(["generate".to_owned()].into_iter()).is_err());
    }
}
