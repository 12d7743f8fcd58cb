//! `gandan-server`: see `gandan-server --help` and [`gandan_server::commands`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gandan_server::commands::main()
}
