-- Photographs and other files.
CREATE TABLE attachment (
    n INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    space BLOB NOT NULL,
    length INTEGER NOT NULL,
    mime TEXT NOT NULL,
    thumbnail INTEGER NOT NULL,
    state INTEGER NOT NULL,
    code TEXT
);
CREATE INDEX attachment_open ON attachment (thumbnail, n) WHERE state = 0;
CREATE TABLE attachment_piece (
    n INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    place INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (hash, place)
);
CREATE TABLE attachment_use (
    doc INTEGER NOT NULL REFERENCES document (n),
    hash BLOB NOT NULL,
    thumbnail INTEGER NOT NULL,
    PRIMARY KEY (doc, hash)
) WITHOUT ROWID;
CREATE INDEX attachment_use_by_hash ON attachment_use (hash);
