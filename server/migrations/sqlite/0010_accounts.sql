-- People who sign in with a name and a password, and what follows from it. Times are Unix milliseconds.

CREATE TABLE account (
    login         TEXT NOT NULL PRIMARY KEY,  -- the author of what they write
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    agency        TEXT,                       -- for the role agency: whose issues they see
    password      TEXT NOT NULL,              -- argon2id, PHC form
    must_change   INTEGER NOT NULL,           -- 1: the password was given by somebody else
    totp          BLOB,                       -- secret of the second factor in force
    totp_new      BLOB,                       -- one that was shown and not proved yet
    totp_step     INTEGER NOT NULL DEFAULT 0, -- last step of 30 s that was used: no code counts twice
    created_ms    INTEGER NOT NULL,
    signed_in_ms  INTEGER,
    disabled_ms   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE account_scope (
    login  TEXT NOT NULL REFERENCES account (login) ON DELETE CASCADE,
    kind   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (login, kind, value)
) STRICT, WITHOUT ROWID;

-- Codes for the day on which the second factor is lost: hashes, each good once.
CREATE TABLE account_recovery (
    login  TEXT NOT NULL REFERENCES account (login) ON DELETE CASCADE,
    hash   BLOB NOT NULL,
    PRIMARY KEY (login, hash)
) STRICT, WITHOUT ROWID;

-- A session is known by the hash of the id in the cookie.
CREATE TABLE session (
    hash        BLOB NOT NULL PRIMARY KEY,
    login       TEXT NOT NULL REFERENCES account (login) ON DELETE CASCADE,
    created_ms  INTEGER NOT NULL,
    seen_ms     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_login ON session (login, created_ms);

-- Failed sign-ins by the hash of the name that was tried, whether there is such an account or not.
CREATE TABLE signin_failure (
    name             BLOB NOT NULL PRIMARY KEY,
    failures         INTEGER NOT NULL,
    locked_until_ms  INTEGER NOT NULL,
    last_ms          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signin_failure_last ON signin_failure (last_ms);
