//! The commands of `gandan-server`.
//!
//! Every command works while a server serves the same data folder, `restore` alone excepted. Exit codes: 0 done; 1
//! failed, with a message on standard error that says what to do; 2 wrong usage. With `--json` the result is one line of
//! JSON on standard output.

mod account;
mod accounts;
mod backup;
mod init;
mod maintain;
mod restore;
mod serve;

pub use backup::backup;
pub use restore::{Restored, begin_again, restore};

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::auth::{Role, ScopeLine};
use crate::db::{Db, DbOptions};
use crate::error::ServerError;

/// Gần Dân: the server.
#[derive(Debug, Parser)]
#[command(name = "gandan-server", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a data folder and print the administrator's one-time login
    Init(init::Init),
    /// Serve devices and staff until SIGTERM or SIGINT
    Serve(serve::Serve),
    /// Make a one-time link with which a device becomes an official's
    Enrol(accounts::Enrol),
    /// Make a bearer token for the API
    Token(accounts::Token),
    /// Accounts that sign in to the web app with a name and a password
    Account(account::Account),
    /// Take a device, or all devices of an official, out of service
    Revoke(accounts::Revoke),
    /// Copy a running server's data to one file
    Backup(backup::Backup),
    /// Put a backup in the place of the data; the server must not run
    Restore(restore::Restore),
    /// Build lists and reports anew from the log
    Reproject(maintain::Reproject),
    /// Pack whole documents for new devices, and drop old single envelopes
    Compact(maintain::Compact),
    /// Erase a document for good: here, on devices, and again after a restore
    Erase(maintain::Erase),
    /// Remove what has expired and give space back
    Gc(maintain::Gc),
}

/// Which data folder, and how to answer.
#[derive(Debug, Args)]
struct Common {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Answer with one line of JSON
    #[arg(long)]
    json: bool,
}

impl Common {
    /// The core database, which must exist.
    fn core(&self) -> Result<Db, ServerError> {
        Db::check_exists(&self.data)?;
        Ok(Db::open_core(&self.data, DbOptions::default())?)
    }

    /// Both databases.
    fn core_and_views(&self) -> Result<Db, ServerError> {
        Db::check_exists(&self.data)?;
        Ok(Db::open(&self.data, DbOptions::default())?)
    }

    /// Prints the result: `json`, or `text` for people.
    fn say(&self, json: &Value, text: &str) -> Result<(), ServerError> {
        print(&if self.json { json.to_string() } else { text.to_owned() })
    }
}

/// Whom an account or a device may see.
#[derive(Debug, Args)]
struct ScopeArgs {
    /// Code of a unit; may be given several times
    #[arg(long = "unit", value_name = "CODE")]
    units: Vec<String>,
    /// Id of an area; may be given several times
    #[arg(long = "area", value_name = "ID")]
    areas: Vec<String>,
    /// The whole province
    #[arg(long, conflicts_with_all = ["units", "areas"])]
    province: bool,
}

impl ScopeArgs {
    fn lines(&self) -> Vec<ScopeLine> {
        if self.province {
            return vec![ScopeLine::Province];
        }
        let units = self.units.iter().cloned().map(ScopeLine::Unit);
        units.chain(self.areas.iter().cloned().map(ScopeLine::Area)).collect()
    }
}

fn role(text: &str) -> Result<Role, String> {
    text.parse()
}

/// Writes a line to standard output.
fn print(text: &str) -> Result<(), ServerError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(ServerError::io("write to standard output"))
}

/// Writes a line to standard error; if that is gone, nobody reads it.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An instant as people write it, UTC+7.
fn local_time(ms: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7))).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Runs the program: parses the arguments, does what they say, gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version are asked for, everything else is wrong usage.
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let done = match &cli.command {
        Command::Init(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Enrol(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Account(command) => command.run(),
        Command::Revoke(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Reproject(command) => command.run(),
        Command::Compact(command) => command.run(),
        Command::Erase(command) => command.run(),
        Command::Gc(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("gandan-server: {error} [{}]", error.code()));
            ExitCode::FAILURE
        }
    }
}
