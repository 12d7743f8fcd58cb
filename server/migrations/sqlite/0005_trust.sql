-- Whole documents in chunks, so that the first sync need not read every line of a log and old bodies can go; what a
-- restored server must know again; what staff decide about devices and quarantine.

-- log.kind from now on: 0 envelope, 1 gone (erased as a whole), 2 compacted (its changes stand in the chunks of the last
-- manifest), 3 redacted (body: a chunk with the changes that are left), 4 erasure (body: the id of the document).

-- After a restore devices offer what they hold by the first bytes of its hash.
CREATE INDEX log_by_hash ON log (space, substr(hash, 1, 8));

-- Content-addressed: the same documents give the same bytes. Not WITHOUT ROWID: bodies are tens of kilobytes.
CREATE TABLE chunk (
    id         INTEGER PRIMARY KEY,
    space      INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    documents  INTEGER NOT NULL,
    body       BLOB NOT NULL,
    UNIQUE (space, hash)
) STRICT;

-- Where a document's changes are. A document of many changes may go on in the next chunk.
CREATE TABLE chunk_document (
    space     INTEGER NOT NULL,
    document  BLOB NOT NULL,
    chunk     INTEGER NOT NULL REFERENCES chunk (id),
    PRIMARY KEY (space, document, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_document_chunk ON chunk_document (chunk);

-- All documents of a space as of one place in its log. The last two of a space are kept.
CREATE TABLE manifest (
    id            INTEGER PRIMARY KEY,
    space         INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    chain         BLOB NOT NULL,
    digest_count  INTEGER NOT NULL,
    digest_sum    BLOB NOT NULL,
    made_ms       INTEGER NOT NULL
) STRICT;
CREATE INDEX manifest_by_space ON manifest (space, id);

CREATE TABLE manifest_chunk (
    manifest  INTEGER NOT NULL REFERENCES manifest (id),
    place     INTEGER NOT NULL,
    chunk     INTEGER NOT NULL REFERENCES chunk (id),
    PRIMARY KEY (manifest, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_chunk_chunk ON manifest_chunk (chunk);

-- hash: of the envelope, or of the chunk; the same thing is kept once, whoever brings it. author: who signed it, if that
-- is not the device that brought it. form: 0 envelope, 1 chunk of changes without a signature. outcome: admitted or
-- discarded, by whom and why.
ALTER TABLE quarantine ADD COLUMN hash BLOB;
ALTER TABLE quarantine ADD COLUMN author BLOB;
ALTER TABLE quarantine ADD COLUMN form INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN outcome TEXT;
ALTER TABLE quarantine ADD COLUMN decided_by TEXT;
ALTER TABLE quarantine ADD COLUMN decided_why TEXT;
CREATE UNIQUE INDEX quarantine_once ON quarantine (space, hash) WHERE hash IS NOT NULL;
CREATE INDEX quarantine_by_device ON quarantine (device, device_seq);

-- 1: at its next contact everything on the device has to go.
ALTER TABLE device ADD COLUMN wipe INTEGER NOT NULL DEFAULT 0;

-- A device that became another one.
CREATE TABLE renewal (
    old    INTEGER NOT NULL REFERENCES device (no),
    new    INTEGER NOT NULL REFERENCES device (no),
    at_ms  INTEGER NOT NULL,
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;

-- How many bytes of ledger.jsonl this database knows of. The file is ahead of a restored database: what it knows more is
-- done again before anything is served.
CREATE TABLE ledger (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    applied  INTEGER NOT NULL
) STRICT;

-- Why, in the words of whoever did it.
ALTER TABLE audit_row ADD COLUMN reason TEXT;
