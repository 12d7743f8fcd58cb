//! `account`: people who sign in to the web app with a name and a password.

use clap::{Args, Subcommand};
use serde_json::json;

use super::accounts::{check_name, checked_scope, secret};
use super::{Common, ScopeArgs, role};
use crate::accounts::{hash_password, read_login};
use crate::auth::Role;
use crate::clock::{Clock, SystemClock};
use crate::db::sqlite::accounts::{self, NewAccount};
use crate::db::sqlite::sessions;
use crate::error::ServerError;

#[derive(Debug, Args)]
pub(super) struct Account {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Make an account and print its first password, which has to be replaced at the first sign-in
    Add(Add),
    /// Give an account a new first password and end its sessions
    Reset(Reset),
}

#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    common: Common,
    /// Name for signing in: 3 to 64 of a-z, 0-9, `.`, `_`, `-`
    #[arg(long)]
    login: String,
    /// Name of the person or post; the login if it is not given
    #[arg(long)]
    name: Option<String>,
    /// Role: `field_official`, `commune_staff`, agency, `area_staff`, `province_staff`, inspector, administrator
    #[arg(long, value_parser = role)]
    role: Role,
    /// For the role agency: the agency's name, as issues are assigned to it
    #[arg(long)]
    agency: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
}

#[derive(Debug, Args)]
struct Reset {
    #[command(flatten)]
    common: Common,
    /// Name for signing in
    #[arg(long)]
    login: String,
    /// Take the second factor away too, for somebody who lost it
    #[arg(long)]
    totp: bool,
}

impl Account {
    pub(super) fn run(&self) -> Result<(), ServerError> {
        match &self.command {
            AccountCommand::Add(add) => add.run(),
            AccountCommand::Reset(reset) => reset.run(),
        }
    }
}

fn read(login: &str) -> Result<String, ServerError> {
    let message = "--login has 3 to 64 characters of a-z, 0-9, '.', '_', '-'";
    read_login(login).ok_or_else(|| ServerError::invalid("bad_login", message))
}

impl Add {
    fn run(&self) -> Result<(), ServerError> {
        let login = read(&self.login)?;
        let name = check_name(self.name.as_deref().unwrap_or(&login))?;
        let agency = self.agency.as_deref().map(check_name).transpose()?;
        if agency.is_some() != (self.role == Role::Agency) {
            return Err(ServerError::invalid("bad_agency", "--agency goes with --role agency, and only with it"));
        }
        let db = self.common.core()?;
        let lines = checked_scope(&db, &self.scope)?;
        let password = secret::<12>()?;
        let hash = hash_password(&password)?;
        let new =
            NewAccount { login: &login, name: &name, role: self.role, agency: agency.as_deref(), password: &hash };
        let now_ms = SystemClock.now_ms();
        if !db.write(|transaction| accounts::create(transaction, &new, &lines, now_ms))? {
            let message = format!("there is an account {login}; `account reset` gives it a new password");
            return Err(ServerError::invalid("login_taken", message));
        }
        let answer = json!({"login": login, "password": password, "role": self.role});
        self.common.say(&answer, &format!("{login}\n{password}\nThe password is shown only now, and good once."))
    }
}

impl Reset {
    fn run(&self) -> Result<(), ServerError> {
        let login = read(&self.login)?;
        let db = self.common.core()?;
        let password = secret::<12>()?;
        let hash = hash_password(&password)?;
        let found = db.write(|transaction| {
            let found = accounts::find(transaction, &login)?.is_some();
            accounts::put_password(transaction, &login, &hash, true)?;
            if self.totp {
                accounts::remove_totp(transaction, &login)?;
            }
            sessions::succeeded(transaction, &login)?;
            sessions::end_all(transaction, &login)?;
            Ok(found)
        })?;
        if !found {
            return Err(ServerError::invalid("unknown_account", format!("there is no account {login}")));
        }
        let answer = json!({"login": login, "password": password});
        self.common.say(&answer, &format!("{login}\n{password}\nThe password is shown only now, and good once."))
    }
}
