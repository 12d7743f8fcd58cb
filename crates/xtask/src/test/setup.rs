//! What a fresh machine needs beside Rust: looked for, put in place where that can be done without
//! asking, and otherwise named with the command that brings it.

use std::process::{Command, Stdio};

use crate::Outcome;
use crate::cargo::{cargo, must};
use crate::table::mark;

/// A part of the Rust toolchain that rustup may have left out.
const COMPONENTS: &[&str] = &["fmt", "clippy"];
/// How rustup calls them.
const COMPONENT_NAMES: &[&str] = &["rustfmt", "clippy"];

/// Tools of the system: SQLCipher and its OpenSSL are compiled from source.
const TOOLS: &[(&str, &[&str], &str)] = &[
    ("cc", &["--version"], "a C compiler"),
    ("make", &["--version"], "make"),
    ("perl", &["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e", "1"], "perl with its standard modules"),
];
/// Debian's packages that hold all of these.
const PACKAGES: &[&str] = &["build-essential", "perl"];

/// Those for the phone libraries.
const PHONES: &[&str] = &["openjdk-17-jdk-headless", "maven", "python3-venv"];

/// Looks at the machine and completes it.
///
/// # Errors
/// Says what is missing and the command that installs it.
pub(super) fn run() -> Outcome {
    components()?;
    tools()?;
    must(cargo().args(["fetch", "--locked"]))?;
    println!("  {} dependencies fetched", mark(true));
    browser()?;
    phones()?;
    crate::web::build()
}

fn components() -> Outcome {
    let missing = || -> Vec<&str> {
        COMPONENTS
            .iter()
            .zip(COMPONENT_NAMES)
            .filter(|(command, _)| !works(cargo().args([command, "--version"])))
            .map(|(_, name)| *name)
            .collect()
    };
    let wanted = missing();
    if !wanted.is_empty() {
        println!("  installing {} with rustup", wanted.join(" and "));
        // Whether it worked shows below.
        works(Command::new("rustup").args(["component", "add"]).args(&wanted));
    }
    let wanted = missing();
    if !wanted.is_empty() {
        let names = wanted.join(" ");
        return Err(format!("{names} is missing; install it with: rustup component add {names}").into());
    }
    println!("  {} rustfmt and clippy", mark(true));
    Ok(())
}

fn tools() -> Outcome {
    let missing = || -> Vec<&str> {
        TOOLS
            .iter()
            .filter(|(program, args, _)| !works(Command::new(program).args(*args)))
            .map(|(_, _, name)| *name)
            .collect()
    };
    if !missing().is_empty() {
        println!("  installing {} with apt-get", PACKAGES.join(" and "));
        apt_get(PACKAGES);
    }
    let wanted = missing();
    if !wanted.is_empty() {
        return Err(format!(
            "{} is missing; install it with: sudo apt-get install -y {}",
            wanted.join(", "),
            PACKAGES.join(" ")
        )
        .into());
    }
    println!("  {} C compiler, make and perl", mark(true));
    Ok(())
}

/// Chromium, which the tests of the web app drive.
fn browser() -> Outcome {
    let there = || works(Command::new("chromium").arg("--version"));
    if !there() {
        println!("  installing chromium with apt-get");
        apt_get(&["chromium"]);
    }
    if !there() {
        return Err("chromium is missing; install it with: sudo apt-get install -y chromium".into());
    }
    println!("  {} chromium", mark(true));
    Ok(())
}

/// What the phone libraries are built and tested with.
fn phones() -> Outcome {
    let java = || works(Command::new("mvn").arg("--version")) && works(Command::new("javac").arg("--version"));
    let python = || works(Command::new("python3").args(["-c", "import ensurepip, venv"]));
    if !java() || !python() {
        println!("  installing a JDK, Maven and Python's venv with apt-get");
        apt_get(PHONES);
    }
    if !java() || !python() {
        return Err(format!(
            "Java, Maven or Python is missing; install them with: sudo apt-get install -y {}",
            PHONES.join(" ")
        )
        .into());
    }
    crate::bindings::python_tools()?;
    println!("  {} JDK, Maven, Python with what its tests need", mark(true));
    Ok(())
}

/// Installs packages where that can be done without asking, which is for the administrator of a Debian; whether it worked
/// is for the caller to see.
fn apt_get(packages: &[&str]) {
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "--no-install-recommends"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    // The lists of a fresh machine may be missing or old.
    if !works(&mut install) {
        works(Command::new("apt-get").arg("update"));
        works(&mut install);
    }
}

/// Whether a command can be started and succeeds. Its output is not shown.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_does_not_work_and_a_failing_one_neither() {
        assert!(!works(&mut Command::new("no-such-program-anywhere")));
        assert!(!works(cargo().arg("no-such-subcommand")));
        assert!(works(cargo().arg("--version")));
    }
}
