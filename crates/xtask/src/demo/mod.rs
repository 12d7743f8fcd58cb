//! `cargo xtask demo`: a Sunday in Lâm Đồng on one machine. A server, twenty phones that record
//! without a network, two officials who change the same records at once, and what comes of it.

mod concurrent;
mod edits;
mod figures;
mod http;
mod names;
mod process;
mod random;
mod sample;
mod stage;
mod traffic;

use std::path::PathBuf;
use std::time::Instant;

use crate::Outcome;
use crate::cargo::{Binaries, root};
use crate::table::{bold, heading, time};
use stage::Stage;

/// What the caller asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Options {
    seed: Option<u64>,
    port: u16,
    exit: bool,
    binaries: Option<Binaries>,
}

impl Options {
    /// Reads the arguments behind `demo`.
    ///
    /// # Errors
    /// Names the argument that is unknown or whose number is none.
    pub(crate) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || args.next().and_then(|value| value.parse::<u64>().ok());
            match arg.as_str() {
                "--exit" => options.exit = true,
                "--seed" => {
                    options.seed = Some(number().ok_or("demo: --seed needs a number")?);
                }
                "--port" => {
                    let port = number().and_then(|port| u16::try_from(port).ok());
                    options.port = port.ok_or("demo: --port needs a number up to 65535")?;
                }
                other => return Err(format!("demo: unknown argument {other}")),
            }
        }
        Ok(options)
    }

    /// A run for scripts with binaries that are built already. The seed is fixed, so that a test that
    /// fails does so again.
    pub(crate) fn for_tests(binaries: Option<Binaries>) -> Self {
        Self { seed: Some(20_261_121), port: 0, exit: true, binaries }
    }
}

/// Runs the demo.
///
/// # Errors
/// Fails if something cannot be done, or if a merge or a figure is not as expected; the account
/// above says which.
pub(crate) fn run(options: &Options) -> Outcome {
    let start = Instant::now();
    // Any seed is as good as another; the process's number differs from run to run.
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{}", bold("Gần Dân: one Sunday, twenty phones, one server"));
    println!("  seed {seed} (the same again: cargo xtask demo --seed {seed})");
    let built = options.binaries.clone();
    let binaries = if let Some(binaries) = built.or_else(Binaries::from_environment) {
        binaries
    } else {
        crate::web::build_if_possible();
        println!("  building gandan and gandan-server; the first time takes some minutes");
        Binaries::build()?
    };
    let folder = Folder::new()?;
    let mut stage = Stage::new(&binaries, &folder.0, options.port, seed)?;

    heading("1  The office: server, communes, twenty officials");
    stage.open_office()?;
    heading("2  Before: shared visits reach both phones");
    stage.share_visits()?;
    heading("3  No network: recording, and editing the same records");
    stage.go_offline()?;
    stage.record()?;
    stage.edit_concurrently()?;
    heading("4  The network returns, goes, and returns");
    stage.sync_until_quiet()?;
    heading("5  What was concurrent, and what became of it");
    let wrong_merges = stage.account_of_merges()?;
    heading("6  Bytes and round trips");
    stage.account_of_traffic();
    heading("7  The province's figures");
    let wrong_figures = stage.account_of_figures()?;

    println!("\n  took {}", time(start.elapsed()));
    if wrong_merges + wrong_figures > 0 {
        return Err(format!("{wrong_merges} merges and {wrong_figures} figures are not as expected").into());
    }
    if !options.exit {
        heading("8  Look around");
        stage.say_where_to_look()?;
        process::wait_for_interrupt()?;
        println!("\n  stopping the server and removing {}", folder.0.display());
    }
    stage.close()
}

/// A folder of this run's own; removed in the end, also after a failure.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("gandan-demo-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed harms nobody: it lies where temporary things lie.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The units of the province, as the server reads them.
fn units_file() -> PathBuf {
    root().join("crates/model/data/lam-dong-units.csv")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Options::parse(&args)
    }

    #[test]
    fn options_are_read() {
        let options = parse(&["--seed", "7", "--exit", "--port", "8080"]).unwrap();
        assert_eq!((options.seed, options.exit, options.port), (Some(7), true, 8080));
        assert_eq!(parse(&[]).unwrap().seed, None);
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--port", "70000"], &["--fast"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_units_file_holds_all_units() {
        let units = std::fs::read_to_string(units_file()).unwrap();
        assert_eq!(units.lines().count(), 125);
    }
}
