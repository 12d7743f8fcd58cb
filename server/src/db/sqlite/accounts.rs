//! Local accounts.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::accounts::{TOTP_BYTES, read_login};
use crate::auth::{Principal, Role, ScopeLine};
use crate::db::DbError;
use crate::db::sqlite::people;

/// An account, without what it may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name for signing in, and the author of what it writes.
    pub login: String,
    /// The person's (or post's) name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// For the role agency: whose issues it sees.
    pub agency: Option<String>,
    /// The password's hash, PHC form.
    pub password: String,
    /// Whether the password was given by somebody else and must be replaced.
    pub must_change: bool,
    /// Secret of the second factor in force.
    pub totp: Option<[u8; TOTP_BYTES]>,
    /// Secret that was shown and not proved yet.
    pub totp_new: Option<[u8; TOTP_BYTES]>,
    /// The last step of the second factor that was used.
    pub totp_step: i64,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When somebody last signed in, Unix milliseconds.
    pub signed_in_ms: Option<i64>,
    /// When it was put out of use, Unix milliseconds.
    pub disabled_ms: Option<i64>,
    /// By what name the sign-in service knows it; none: by its own.
    pub external: Option<String>,
}

impl Account {
    /// Whether a second factor is demanded and missing: administrators cannot do without.
    pub fn must_set_totp(&self) -> bool {
        self.role == Role::Administrator && self.totp.is_none()
    }
}

const COLUMNS: &str = "login, name, role, agency, password, must_change, totp, totp_new, totp_step, created_ms, \
    signed_in_ms, disabled_ms, external";

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Account>> {
    // A role of a newer server: nobody signs in with it here.
    let Ok(role) = row.get::<_, String>(2)?.parse::<Role>() else { return Ok(None) };
    Ok(Some(Account {
        login: row.get(0)?,
        name: row.get(1)?,
        role,
        agency: row.get(3)?,
        password: row.get(4)?,
        must_change: row.get(5)?,
        totp: row.get(6)?,
        totp_new: row.get(7)?,
        totp_step: row.get(8)?,
        created_ms: row.get(9)?,
        signed_in_ms: row.get(10)?,
        disabled_ms: row.get(11)?,
        external: row.get(12)?,
    }))
}

/// The account of this name.
pub fn find(connection: &Connection, login: &str) -> Result<Option<Account>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE login = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([login], read).optional()?;
    Ok(found.flatten())
}

/// The account that the sign-in service means by this name: the one for which it is set, else the one that bears it and
/// has no other.
pub fn find_external(connection: &Connection, subject: &str) -> Result<Option<Account>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE external = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([subject], read).optional()?;
    if let Some(account) = found.flatten() {
        return Ok(Some(account));
    }
    let Some(login) = read_login(subject) else { return Ok(None) };
    Ok(find(connection, &login)?.filter(|account| account.external.is_none()))
}

/// Sets by what name the sign-in service knows an account. False if another account has it.
pub fn put_external(connection: &Connection, login: &str, external: Option<&str>) -> Result<bool, DbError> {
    let taken = "SELECT 1 FROM account WHERE external = ?2 AND login <> ?1";
    if connection.prepare_cached(taken)?.exists((login, external))? {
        return Ok(false);
    }
    connection.execute("UPDATE account SET external = ?2 WHERE login = ?1", (login, external))?;
    Ok(true)
}

/// Every account, by name.
pub fn all(connection: &Connection) -> Result<Vec<Account>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM account ORDER BY login");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map([], read)?;
    Ok(found.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

/// What an account is made of.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// Its name for signing in.
    pub login: &'a str,
    /// The person's (or post's) name.
    pub name: &'a str,
    /// What it is.
    pub role: Role,
    /// For the role agency: whose issues it sees.
    pub agency: Option<&'a str>,
    /// The hash of a first password.
    pub password: &'a str,
}

/// Makes an account, whose password must be changed at the first sign-in. False if the name is taken.
pub fn create(
    connection: &Connection,
    new: &NewAccount<'_>,
    lines: &[ScopeLine],
    now_ms: i64,
) -> Result<bool, DbError> {
    let made = connection.execute(
        "INSERT OR IGNORE INTO account (login, name, role, agency, password, must_change, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)",
        (new.login, new.name, new.role.as_str(), new.agency, new.password, now_ms),
    )?;
    if made > 0 {
        put_scope(connection, new.login, lines)?;
    }
    Ok(made > 0)
}

/// Takes back an account that was made in the same transaction.
pub fn remove(connection: &Connection, login: &str) -> Result<(), DbError> {
    connection.execute("DELETE FROM account WHERE login = ?1", [login])?;
    Ok(())
}

/// Replaces what an account may see.
pub fn put_scope(connection: &Connection, login: &str, lines: &[ScopeLine]) -> Result<(), DbError> {
    connection.execute("DELETE FROM account_scope WHERE login = ?1", [login])?;
    for line in lines {
        let (kind, value) = line.columns();
        connection.execute(
            "INSERT OR IGNORE INTO account_scope (login, kind, value) VALUES (?1, ?2, ?3)",
            (login, kind, value),
        )?;
    }
    Ok(())
}

/// What an account may see.
pub fn scope_lines(connection: &Connection, login: &str) -> Result<Vec<ScopeLine>, DbError> {
    let mut statement = connection.prepare_cached("SELECT kind, value FROM account_scope WHERE login = ?1")?;
    let lines =
        statement.query_map([login], |row| Ok(ScopeLine::from_columns(&row.get::<_, String>(0)?, row.get(1)?)))?;
    Ok(lines.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

/// Whoever signed in with this account.
pub fn principal(connection: &Connection, account: &Account, now_ms: i64) -> Result<Principal, DbError> {
    let lines = scope_lines(connection, &account.login)?;
    Ok(Principal {
        name: account.login.clone(),
        role: account.role,
        agency: Some(account.agency.clone().unwrap_or_else(|| account.name.clone())),
        scope: people::scope(connection, &lines, now_ms)?,
    })
}

/// Replaces name, role, agency, and whether the account is in use.
pub fn update(connection: &Connection, account: &Account) -> Result<(), DbError> {
    connection.execute(
        "UPDATE account SET name = ?2, role = ?3, agency = ?4, disabled_ms = ?5 WHERE login = ?1",
        (&account.login, &account.name, account.role.as_str(), &account.agency, account.disabled_ms),
    )?;
    Ok(())
}

/// Replaces the password's hash. `must_change`: it was given by somebody else.
pub fn put_password(connection: &Connection, login: &str, hash: &str, must_change: bool) -> Result<(), DbError> {
    connection
        .execute("UPDATE account SET password = ?2, must_change = ?3 WHERE login = ?1", (login, hash, must_change))?;
    Ok(())
}

/// Keeps a secret that was shown until it is proved.
pub fn offer_totp(connection: &Connection, login: &str, secret: &[u8; TOTP_BYTES]) -> Result<(), DbError> {
    connection.execute("UPDATE account SET totp_new = ?2 WHERE login = ?1", (login, secret))?;
    Ok(())
}

/// Puts the offered secret in force, with new recovery codes; `step` was used to prove it.
pub fn accept_totp(connection: &Connection, login: &str, step: i64, codes: &[[u8; 32]]) -> Result<(), DbError> {
    connection.execute(
        "UPDATE account SET totp = totp_new, totp_new = NULL, totp_step = ?2 WHERE login = ?1",
        (login, step),
    )?;
    connection.execute("DELETE FROM account_recovery WHERE login = ?1", [login])?;
    for hash in codes {
        connection.execute("INSERT OR IGNORE INTO account_recovery (login, hash) VALUES (?1, ?2)", (login, hash))?;
    }
    Ok(())
}

/// Takes the second factor and its recovery codes away.
pub fn remove_totp(connection: &Connection, login: &str) -> Result<(), DbError> {
    connection.execute("UPDATE account SET totp = NULL, totp_new = NULL WHERE login = ?1", [login])?;
    connection.execute("DELETE FROM account_recovery WHERE login = ?1", [login])?;
    Ok(())
}

/// Uses a step of the second factor up. False if somebody used it or a later one in between.
pub fn use_step(connection: &Connection, login: &str, step: i64) -> Result<bool, DbError> {
    let sql = "UPDATE account SET totp_step = ?2 WHERE login = ?1 AND totp_step < ?2";
    Ok(connection.execute(sql, (login, step))? > 0)
}

/// Uses a recovery code up. False if there is none with this hash.
pub fn use_recovery(connection: &Connection, login: &str, hash: &[u8; 32]) -> Result<bool, DbError> {
    Ok(connection.execute("DELETE FROM account_recovery WHERE login = ?1 AND hash = ?2", (login, hash))? > 0)
}

/// Recovery codes that are left.
pub fn recovery_left(connection: &Connection, login: &str) -> Result<i64, DbError> {
    let sql = "SELECT count(*) FROM account_recovery WHERE login = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([login], |row| row.get(0))?)
}
