-- The server's own tables. Every table that grows with the data starts its key with the space, so that the
-- same schema can be distributed by space on an engine that does so.
-- Times are Unix milliseconds; ids are the bytes of gandan_model::ids; numbers of compartments and kinds too.

-- Organisation ------------------------------------------------------------------------------------------

CREATE TABLE unit (
    code        TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    short_name  TEXT NOT NULL,
    kind        TEXT NOT NULL,             -- commune, ward, special_zone, province
    province    TEXT NOT NULL DEFAULT '',  -- code of the province; empty for a province
    lat         REAL,
    lon         REAL,
    remote      INTEGER NOT NULL DEFAULT 0,
    valid_from  TEXT,
    valid_to    TEXT,
    row         TEXT NOT NULL              -- the whole unit as JSON, for devices and aliases
) STRICT, WITHOUT ROWID;

-- Areas overlap: a commune may lie in several. Their membership has dates.
CREATE TABLE area (
    id    TEXT NOT NULL PRIMARY KEY,
    name  TEXT NOT NULL,
    kind  TEXT NOT NULL DEFAULT 'area'
) STRICT, WITHOUT ROWID;

CREATE TABLE area_unit (
    area        TEXT NOT NULL REFERENCES area (id),
    unit        TEXT NOT NULL REFERENCES unit (code),
    valid_from  TEXT NOT NULL DEFAULT '',
    valid_to    TEXT,
    PRIMARY KEY (area, unit, valid_from)
) STRICT, WITHOUT ROWID;

-- People and their keys ---------------------------------------------------------------------------------

CREATE TABLE official (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    agency      TEXT,
    created_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an official or a token may see: kind is 'unit', 'area' or 'province' (value empty).
CREATE TABLE official_scope (
    official  TEXT NOT NULL REFERENCES official (id),
    kind      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (official, kind, value)
) STRICT, WITHOUT ROWID;

-- One-time codes, kept as hashes. Purpose 'device' makes a device, 'login' a bearer token.
CREATE TABLE enrolment (
    code_hash   BLOB NOT NULL PRIMARY KEY,
    purpose     TEXT NOT NULL,
    official    TEXT NOT NULL REFERENCES official (id),
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL,
    used_ms     INTEGER,
    device      BLOB
) STRICT, WITHOUT ROWID;

-- Bearer tokens of staff and of programs, kept as hashes.
CREATE TABLE token (
    hash        BLOB NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER,
    revoked_ms  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE token_scope (
    hash   BLOB NOT NULL REFERENCES token (hash),
    kind   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (hash, kind, value)
) STRICT, WITHOUT ROWID;

-- `version` grows whenever key, revocation or grants change: what others remember of a device is checked by it.
CREATE TABLE device (
    no            INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    public_key    BLOB NOT NULL,
    official      TEXT REFERENCES official (id),   -- NULL: the server itself
    events_hash   BLOB UNIQUE,                     -- hash of the bearer token for /v1/events
    created_ms    INTEGER NOT NULL,
    version       INTEGER NOT NULL DEFAULT 1,
    revoked_ms    INTEGER,
    last_seq      INTEGER NOT NULL DEFAULT 0,   -- highest device sequence held
    last_hash     BLOB NOT NULL                 -- hash of that envelope
) STRICT;

-- What a device said of itself when it last synced. Apart from `device`, and written without haste: losing the
-- last second of it in a power cut harms nobody.
CREATE TABLE device_seen (
    device        INTEGER PRIMARY KEY REFERENCES device (no),
    last_sync_ms  INTEGER NOT NULL,
    skew_ms       INTEGER NOT NULL,             -- device minus server
    schema        INTEGER NOT NULL
) STRICT;

-- access: 0 none any more, 1 read, 2 write, 3 both. Rows stay, so that late work of a device that lost a space is told
-- from work that was never allowed.
CREATE TABLE space_grant (
    device  INTEGER NOT NULL REFERENCES device (no),
    space   INTEGER NOT NULL REFERENCES space (no),
    access  INTEGER NOT NULL,
    PRIMARY KEY (device, space)
) STRICT, WITHOUT ROWID;

-- The position a device has after the answer that carried this token.
CREATE TABLE device_position (
    device     INTEGER NOT NULL REFERENCES device (no),
    token      INTEGER NOT NULL,
    positions  BLOB NOT NULL,
    PRIMARY KEY (device, token)
) STRICT, WITHOUT ROWID;

-- Spaces and their logs ---------------------------------------------------------------------------------

CREATE TABLE space (
    no            INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    unit          TEXT NOT NULL REFERENCES unit (code),
    compartment   INTEGER NOT NULL,
    head          INTEGER NOT NULL DEFAULT 0,
    chain         BLOB NOT NULL,
    digest_count  INTEGER NOT NULL DEFAULT 0,
    digest_sum    BLOB NOT NULL,
    horizon       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (unit, compartment)
) STRICT;

-- kind: 0 envelope, 1 gone (the body was erased; the hash keeps the chain).
-- Bodies stay here: they are bounded at 256 KiB, a few hundred bytes as a rule, and one file that is fsynced once per
-- commit is simpler to keep whole and to back up than a folder beside it.
CREATE TABLE log (
    id           INTEGER PRIMARY KEY,
    space        INTEGER NOT NULL REFERENCES space (no),
    seq          INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    device       INTEGER NOT NULL REFERENCES device (no),
    device_seq   INTEGER NOT NULL,
    chain        BLOB NOT NULL,
    received_ms  INTEGER NOT NULL,
    body         BLOB,
    UNIQUE (space, seq)
) STRICT;

-- Every envelope a device ever gave, so that a replay is known at once.
-- state: 0 in the log, 1 waiting, 2 quarantined, 3 gone.
CREATE TABLE envelope (
    device      INTEGER NOT NULL REFERENCES device (no),
    device_seq  INTEGER NOT NULL,
    signature   BLOB NOT NULL,
    state       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (device, device_seq)
) STRICT, WITHOUT ROWID;

-- At most one change per (document, actor, actor_seq): the first received wins.
CREATE TABLE change (
    space      INTEGER NOT NULL,
    document   BLOB NOT NULL,
    actor      BLOB NOT NULL,
    actor_seq  INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    max_op     INTEGER NOT NULL,
    PRIMARY KEY (space, document, actor, actor_seq)
) STRICT, WITHOUT ROWID;

-- heads: 40 bytes each: hash (32), highest operation number (8, big-endian).
CREATE TABLE document (
    space  INTEGER NOT NULL,
    id     BLOB NOT NULL,
    heads  BLOB NOT NULL,
    PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

-- Envelopes outside the log: they build on a change that has not arrived.
CREATE TABLE waiting (
    id           INTEGER PRIMARY KEY,
    space        INTEGER NOT NULL,
    device       INTEGER NOT NULL,
    device_seq   INTEGER NOT NULL,
    received_ms  INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT;
CREATE INDEX waiting_by_space ON waiting (space);
CREATE INDEX waiting_by_device ON waiting (device);

-- What a person has to look at. Envelopes of revoked devices never entered the log; changes that do not apply are in
-- the log and only kept out of the document.
CREATE TABLE quarantine (
    id           INTEGER PRIMARY KEY,
    space        INTEGER NOT NULL,
    device       INTEGER NOT NULL,
    device_seq   INTEGER NOT NULL,
    document     BLOB,
    change_hash  BLOB,
    reason       TEXT NOT NULL,
    received_ms  INTEGER NOT NULL,
    resolved_ms  INTEGER,
    body         BLOB
) STRICT;
CREATE INDEX quarantine_by_space ON quarantine (space);

-- Ids that never come back, whoever sends them again.
CREATE TABLE erased (
    space      INTEGER NOT NULL,
    document   BLOB NOT NULL,
    erased_ms  INTEGER NOT NULL,
    PRIMARY KEY (space, document)
) STRICT, WITHOUT ROWID;
