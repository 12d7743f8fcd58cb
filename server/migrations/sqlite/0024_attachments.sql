-- Photographs and other files by the SHA-256 of their bytes, which lie in the folder `attachments`. device: who brought it.
CREATE TABLE attachment (
    hash         BLOB PRIMARY KEY,
    length       INTEGER NOT NULL,
    mime         TEXT NOT NULL,
    device       BLOB NOT NULL,
    received_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_by_device ON attachment (device, received_ms, length);
CREATE INDEX attachment_by_age ON attachment (received_ms);

-- Removed on privacy grounds: they must not come back.
CREATE TABLE attachment_gone (
    hash   BLOB PRIMARY KEY,
    at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
