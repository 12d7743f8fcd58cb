//! `cargo xtask test`: set-up, then every check, in order; one that fails does not hide what the others find.

mod setup;
mod tally;

pub(crate) use setup::works;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::audit::Verdict;
use crate::bindings::Bindings;
use crate::cargo::{self, Binaries, cargo, must};
use crate::json::{items, text};
use crate::table::{Table, heading, mark, time};
use crate::{Failure, Outcome, Told};
use tally::Tally;

/// The package whose tests drive real processes.
const END_TO_END: &str = "gandan-tests";

/// What the caller asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Leave the demo out.
    quick: bool,
}

impl Options {
    /// Reads the arguments behind `test`.
    ///
    /// # Errors
    /// Names the argument that is unknown.
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--quick" => options.quick = true,
                other => return Err(format!("test: unknown argument {other}")),
            }
        }
        Ok(options)
    }
}

/// What the steps share.
#[derive(Default)]
struct Course {
    tally: Tally,
    binaries: Option<Binaries>,
    bindings: Option<Bindings>,
    /// What could not be checked here, and why.
    unchecked: Vec<String>,
}

impl Course {
    /// What the steps of the phone libraries need; earlier steps have made it.
    fn phones(&self) -> Outcome<(&Bindings, &Binaries)> {
        let made = self.bindings.as_ref().zip(self.binaries.as_ref());
        made.ok_or_else(|| "the steps before have not run".into())
    }
}

type Step = (&'static str, fn(&mut Course) -> Outcome);

const STEPS: &[Step] = &[
    ("set-up", |_| setup::run()),
    ("format", format),
    ("tidy", |_| crate::tidy::run()),
    ("known vulnerabilities", audit),
    ("clippy, warnings are errors", clippy),
    ("build", build),
    ("unit, property and golden tests", unit_tests),
    ("examples in the documentation", doc_tests),
    ("API documentation", docs),
    ("end-to-end tests", end_to_end),
    ("web app: types and unit tests", web),
    ("web app: end to end in Chromium", web_end_to_end),
    ("the core on WebAssembly", core_on_wasm),
    ("field app: types and unit tests", field),
    ("field app: end to end in Chromium", field_end_to_end),
    ("phone libraries: library, generated code, Swift's header", bindings),
    ("phone libraries: Kotlin on the JVM", kotlin),
    ("phone libraries: Python", python),
];
/// Without these nothing else can be tried; any other failure leaves the steps behind it their say.
const FOUNDATION: &[&str] = &["set-up", "build"];
const MUTANTS: Step = ("mistakes on purpose are caught by the simulator", mutants);
const DEMO: Step = ("demo: 20 devices on 124 communes", demo);

/// Runs everything.
///
/// # Errors
/// Fails if any step did; the table says which, and what was not run for want of it.
pub(crate) fn run(options: &Options) -> Outcome {
    let mut steps = STEPS.to_vec();
    if !options.quick {
        steps.extend([MUTANTS, DEMO]);
    }
    let mut course = Course::default();
    let mut done: Vec<(bool, Duration)> = Vec::new();
    let mut failures = Vec::new();
    for (number, (name, step)) in steps.iter().enumerate() {
        heading(&format!("{}/{} {name}", number + 1, steps.len()));
        let start = Instant::now();
        let outcome = step(&mut course);
        done.push((outcome.is_ok(), start.elapsed()));
        if let Err(error) = outcome {
            println!("\n{} {name}: {error}", mark(false));
            failures.push(format!("{name}: {error}"));
            if FOUNDATION.contains(name) {
                break;
            }
        }
    }
    heading("all steps");
    print!("{}", summary(&steps, &done).render());
    if options.quick {
        println!("  --quick: mistakes on purpose and the demo were left out");
    }
    for what in &course.unchecked {
        println!("  NOT CHECKED: {what}");
    }
    for what in &failures {
        println!("  {} {what}", mark(false));
    }
    // A step that fails without a failed test must not read as success in the last line.
    let tests = &course.tally;
    let failed = tests.failed.max(failures.len() as u64);
    println!("\n{} passed, {failed} failed", tests.passed);
    if failures.is_empty() { Ok(()) } else { Err(Told.into()) }
}

fn summary(steps: &[Step], done: &[(bool, Duration)]) -> Table {
    let mut table = Table::new(&["", "step", ">time"]);
    for (index, (name, _)) in steps.iter().enumerate() {
        let (sign, taken) = match done.get(index) {
            Some((good, taken)) => (mark(*good), time(*taken)),
            None => ("–".to_owned(), "not run".to_owned()),
        };
        table.row([sign, (*name).to_owned(), taken]);
    }
    let total = done.iter().map(|(_, taken)| *taken).sum();
    table.row([String::new(), "together".to_owned(), time(total)]);
    table
}

fn format(_: &mut Course) -> Outcome {
    must(cargo().args(["fmt", "--all", "--", "--check"]))
        .map_err(|error| format!("{error}; `cargo fmt --all` mends it").into())
}

/// Not reaching the database is no failure of the sources, but nobody may take it for a pass.
fn audit(course: &mut Course) -> Outcome {
    let options = crate::audit::Options::default();
    if let Verdict::NotChecked(reason) = crate::audit::report(&options)? {
        course.unchecked.push(format!("known vulnerabilities: {reason}"));
    }
    Ok(())
}

fn clippy(_: &mut Course) -> Outcome {
    must(cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn build(course: &mut Course) -> Outcome {
    must(cargo().args(["build", "--locked", "--workspace"]))?;
    course.binaries = Some(Binaries::in_dev_profile()?);
    Ok(())
}

fn unit_tests(course: &mut Course) -> Outcome {
    let mut command = test_command(course);
    command.args(["--lib", "--bins", "--examples"]);
    for name in integration_tests(&cargo::metadata()?, |package| package != END_TO_END) {
        command.args(["--test", &name]);
    }
    tests(&mut command, &mut course.tally)
}

fn doc_tests(course: &mut Course) -> Outcome {
    let mut command = test_command(course);
    tests(command.arg("--doc"), &mut course.tally)
}

fn end_to_end(course: &mut Course) -> Outcome {
    let names = integration_tests(&cargo::metadata()?, |package| package == END_TO_END);
    if names.is_empty() {
        return Err(format!("{END_TO_END} has no tests").into());
    }
    let mut command = test_command(course);
    for name in names {
        command.args(["--test", &name]);
    }
    tests(&mut command, &mut course.tally)
}

/// Apart from the rest: the product is built once more, with the mistakes in it.
fn mutants(course: &mut Course) -> Outcome {
    let mut command = cargo();
    command.args(["test", "--locked", "-p", END_TO_END, "--features", "mutants", "--test", "mutants"]);
    tests(&mut command, &mut course.tally)
}

fn web(course: &mut Course) -> Outcome {
    must(crate::web::STAFF.npm().args(["run", "--silent", "check"]))?;
    must(with_binaries(crate::web::STAFF.npm().args(["run", "--silent", "generate:check"]), course))?;
    tests(crate::web::STAFF.npm().args(["test", "--silent"]).env("NO_COLOR", "1"), &mut course.tally)
}

fn web_end_to_end(course: &mut Course) -> Outcome {
    let mut command = crate::web::STAFF.npm();
    with_binaries(command.args(["run", "--silent", "e2e"]).env("NO_COLOR", "1"), course);
    tests(&mut command, &mut course.tally)
}

fn core_on_wasm(course: &mut Course) -> Outcome {
    tests(&mut crate::field::test()?, &mut course.tally)
}

fn field(course: &mut Course) -> Outcome {
    must(crate::web::FIELD.npm().args(["run", "--silent", "check"]))?;
    tests(crate::web::FIELD.npm().args(["test", "--silent"]).env("NO_COLOR", "1"), &mut course.tally)
}

fn field_end_to_end(course: &mut Course) -> Outcome {
    let mut command = crate::web::FIELD.npm();
    with_binaries(command.args(["run", "--silent", "e2e"]).env("NO_COLOR", "1"), course);
    tests(&mut command, &mut course.tally)
}

fn bindings(course: &mut Course) -> Outcome {
    let bindings = Bindings::generate(false)?;
    bindings.swift()?;
    course.bindings = Some(bindings);
    Ok(())
}

fn kotlin(course: &mut Course) -> Outcome {
    let (bindings, binaries) = course.phones()?;
    let mut command = bindings.maven(binaries);
    tests(command.arg("test"), &mut course.tally)
}

fn python(course: &mut Course) -> Outcome {
    let (bindings, binaries) = course.phones()?;
    let mut command = bindings.pytest(binaries)?;
    tests(&mut command, &mut course.tally)
}

fn docs(_: &mut Course) -> Outcome {
    must(cargo().args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn demo(course: &mut Course) -> Outcome {
    let options = crate::demo::Options::for_tests(course.binaries.clone());
    crate::demo::run(&options)
}

/// `cargo test` of the whole workspace in every step, so that features, and with them what was
/// built, stay the same from one to the next.
fn test_command(course: &Course) -> Command {
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    with_binaries(&mut command, course);
    command
}

/// Tells a command which programs to drive.
fn with_binaries<'c>(command: &'c mut Command, course: &Course) -> &'c mut Command {
    if let Some(binaries) = &course.binaries {
        command.env(Binaries::DEVICE_ENV, &binaries.device).env(Binaries::SERVER_ENV, &binaries.server);
    }
    command
}

/// Names of the integration tests of some packages.
fn integration_tests(metadata: &Value, wanted: fn(&str) -> bool) -> Vec<String> {
    let members = items(metadata, "workspace_members");
    items(metadata, "packages")
        .iter()
        .filter(|package| members.contains(&package["id"]) && wanted(text(package, "name")))
        .flat_map(|package| items(package, "targets"))
        .filter(|target| text(target, "kind.0") == "test" && items(target, "required-features").is_empty())
        .map(|target| text(target, "name").to_owned())
        .collect()
}

/// Runs a test command, showing its output as it comes and counting the results in it.
fn tests(command: &mut Command, total: &mut Tally) -> Outcome {
    let shown = cargo::show(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::from(format!("cannot start `{shown}`: {error}")))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            tally.read(&line);
            writeln!(std::io::stdout(), "{line}")?;
        }
    }
    let status = child.wait()?;
    total.add(&tally);
    if !status.success() {
        return Err(format!("`{shown}` failed ({status}): {} tests", tally.failed).into());
    }
    if tally.ignored > 0 {
        return Err(format!("{} tests were ignored: mend or remove them", tally.ignored).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_are_read() {
        assert_eq!(Options::parse(&[]), Ok(Options { quick: false }));
        assert_eq!(Options::parse(&["--quick".to_owned()]), Ok(Options { quick: true }));
        assert!(Options::parse(&["--fast".to_owned()]).is_err());
    }

    #[test]
    fn integration_tests_are_told_apart_by_package() {
        let target = |kind: &str, name: &str| json!({"kind": [kind], "name": name});
        let metadata = json!({
            "workspace_members": ["1", "2"],
            "packages": [
                {"id": "1", "name": "gandan-sync", "targets": [target("lib", "l"), target("test", "wire")]},
                {"id": "2", "name": "gandan-tests", "targets": [target("test", "e2e")]},
                {"id": "3", "name": "outside", "targets": [target("test", "no")]},
            ],
        });
        assert_eq!(integration_tests(&metadata, |p| p != END_TO_END), ["wire"]);
        assert_eq!(integration_tests(&metadata, |p| p == END_TO_END), ["e2e"]);
    }

    #[test]
    fn the_summary_names_what_did_not_run() {
        let done = [(true, Duration::from_secs(1)), (false, Duration::from_secs(2))];
        let table = summary(&STEPS[..3], &done).render();
        let lines: Vec<_> = table.lines().skip(2).map(str::trim).collect();
        assert!(lines[0].starts_with("✓") && lines[0].ends_with("1.0 s"), "{table}");
        assert!(lines[1].starts_with("✗") && lines[1].ends_with("2.0 s"), "{table}");
        assert!(lines[2].ends_with("not run"), "{table}");
        assert!(lines[3].ends_with("3.0 s"), "{table}");
    }
}
