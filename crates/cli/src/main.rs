//! `gandan`: a field device in a terminal, for testers, scripts and integrators. It uses the client crate alone: what the
//! terminal can do, an app can do.
//!
//! Every command answers in a table for people, or with `--json` in one JSON document on standard output; errors go to
//! standard error, in JSON too when that was asked for. Exit codes: 0 done, 1 failed, 2 wrong usage.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its standard streams")]

mod args;
mod commands;
mod exchange;
mod home;
mod photos;
mod resources;
mod show;
mod table;

use args::Cli;
use clap::Parser;
use gandan_client::{ClientError, Remedy};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// What a command has to say, in both forms.
pub(crate) struct Said {
    /// For programs.
    pub(crate) json: Value,
    /// For people.
    pub(crate) text: String,
}

/// Why a command failed.
pub(crate) struct Failure {
    code: String,
    message: String,
    advice: String,
    /// What was done before, if anything.
    report: Option<Value>,
    /// The exit code.
    exit: u8,
}

impl Failure {
    /// The command was used wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: "usage".to_owned(), message, advice: "See --help.".to_owned(), report: None, exit: 2 }
    }

    /// Something failed that the client has no part in.
    pub(crate) fn plain(code: &str, message: impl Into<String>) -> Self {
        let advice = Remedy::FixInput.advice().to_owned();
        Self { code: code.to_owned(), message: message.into(), advice, report: None, exit: 1 }
    }

    /// Adds what was done before.
    pub(crate) fn after(mut self, report: Value) -> Self {
        self.report = Some(report);
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (code, message) = (error.code().to_owned(), error.to_string());
        let advice = match &error {
            ClientError::NotEnrolled => "Enrol it: gandan --home DIR enrol LINK".to_owned(),
            error => error.remedy().advice().to_owned(),
        };
        Self { code, message, advice, report: None, exit: 1 }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to the parser; they go to standard output and are none.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = cli.json;
    match commands::run(cli) {
        Ok(said) => print(&said, json),
        Err(failure) => {
            complain(&failure, json);
            ExitCode::from(failure.exit)
        }
    }
}

fn print(said: &Said, json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = if json {
        serde_json::to_writer(&mut out, &said.json).map_err(std::io::Error::from).and_then(|()| out.write_all(b"\n"))
    } else {
        out.write_all(said.text.as_bytes())
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough (`| head`) is no failure of ours.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gandan: standard output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn complain(failure: &Failure, as_json: bool) {
    if as_json {
        let error = json!({"code": failure.code, "message": failure.message, "advice": failure.advice});
        let mut whole = json!({ "error": error });
        if let Some(report) = &failure.report {
            whole["report"] = report.clone();
        }
        eprintln!("{whole}");
    } else {
        eprintln!("gandan: {} [{}]\n{}", table::plain(&failure.message), failure.code, failure.advice);
    }
}
