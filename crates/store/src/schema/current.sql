-- The phone's database as this version writes it. A new file is made from this text; an older one becomes
-- the same through the steps in schema.rs, and a test compares the two.
--
-- Every table that cannot be fetched again from the server is an ordinary rowid table whose rows make sense
-- by themselves, so that a damaged file can be salvaged leaf by leaf (see salvage.rs).

-- Single values: identity, reference data, position of the last sync.
CREATE TABLE setting (
    name TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL
);

-- The spaces that this phone has, or had, a grant for.
CREATE TABLE space (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    unit TEXT NOT NULL,
    compartment INTEGER NOT NULL,
    access INTEGER NOT NULL,
    cursor_seq INTEGER NOT NULL,
    cursor_chain BLOB NOT NULL,
    digest_count INTEGER NOT NULL,
    digest_sum BLOB NOT NULL
);

-- One row per document. `heads` and `log_heads` are hashes of 32 bytes, sorted, one after the other:
-- all that was applied here, and what the server's log has.
CREATE TABLE document (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    space INTEGER NOT NULL REFERENCES space (n),
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    heads BLOB NOT NULL,
    log_heads BLOB NOT NULL
);
CREATE INDEX document_by_space ON document (space, kind);

-- Raw changes in the order of arrival. `doc_id` and `space` repeat what `document` says: a change that
-- nobody else has must not be orphaned by one damaged page elsewhere.
CREATE TABLE change (
    n INTEGER PRIMARY KEY,
    doc INTEGER NOT NULL REFERENCES document (n),
    doc_id BLOB NOT NULL,
    space INTEGER NOT NULL,
    hash BLOB NOT NULL,
    state INTEGER NOT NULL,
    seq INTEGER,
    device_seq INTEGER,
    at_ms INTEGER,
    code TEXT,
    raw BLOB NOT NULL,
    UNIQUE (doc, hash)
);
-- State 2 is "in the log": almost all of them. The others are few.
CREATE INDEX change_open ON change (state) WHERE state <> 2;
CREATE INDEX change_by_envelope ON change (device_seq) WHERE device_seq IS NOT NULL;

-- What this phone signed. The bytes go once the server has them; the hash stays for the chain.
CREATE TABLE envelope (
    device_seq INTEGER PRIMARY KEY,
    space BLOB NOT NULL,
    hash BLOB NOT NULL,
    state INTEGER NOT NULL,
    seq INTEGER,
    code TEXT,
    bytes BLOB
);
CREATE INDEX envelope_open ON envelope (state) WHERE state <> 2;

-- Unfinished edits: outside the documents' history until the user saves.
CREATE TABLE draft (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    space BLOB NOT NULL,
    kind INTEGER NOT NULL,
    base BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT ''
);

-- Documents that were erased by law: they never come back.
CREATE TABLE erased (
    n INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    id BLOB NOT NULL UNIQUE
);

-- What a repair found, until somebody has read it.
CREATE TABLE salvage_note (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    report TEXT NOT NULL
);

-- The lines of the server's logs that this phone has read: with the signature of its author an envelope can be given
-- back to a server that lost it. `content`: document (16 bytes) and hash (32) of every change, in their order. The last
-- five are null for what is no envelope of another device. These can be fetched again: no rowid, not salvaged.
CREATE TABLE line (
    space INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    chain BLOB NOT NULL,
    hash BLOB NOT NULL,
    device BLOB,
    device_seq INTEGER,
    prev BLOB,
    signature BLOB,
    content BLOB,
    PRIMARY KEY (space, seq)
) WITHOUT ROWID;

-- Envelopes that were in a log and are not in the one that took its place.
CREATE TABLE offer (
    space INTEGER NOT NULL,
    hash BLOB NOT NULL,
    device BLOB NOT NULL,
    device_seq INTEGER NOT NULL,
    prev BLOB NOT NULL,
    signature BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (space, hash)
) WITHOUT ROWID;

-- Photographs and other files, each named by the SHA-256 of its bytes. `space`: where its record lies. `state`: see
-- attachment.rs.
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

-- Their bytes, in pieces of one length (the last may be shorter).
CREATE TABLE attachment_piece (
    n INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    place INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (hash, place)
);

-- From here on everything is derived from the changes and can be built again.

CREATE TABLE visit_list (
    doc INTEGER PRIMARY KEY REFERENCES document (n),
    day TEXT NOT NULL,
    unit TEXT NOT NULL,
    status TEXT NOT NULL,
    programme TEXT NOT NULL,
    state INTEGER NOT NULL,
    review INTEGER NOT NULL,
    deleted INTEGER NOT NULL
);
-- Has every column that a filter names, so that no list reads more than this narrow strip.
CREATE INDEX visit_by_day ON visit_list (day, doc, unit, status, programme, state, review, deleted);
CREATE INDEX visit_to_review ON visit_list (doc) WHERE review > 0;

CREATE TABLE issue_list (
    doc INTEGER PRIMARY KEY REFERENCES document (n),
    day TEXT NOT NULL,
    unit TEXT NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    agency TEXT NOT NULL,
    visit BLOB,
    state INTEGER NOT NULL,
    review INTEGER NOT NULL,
    deleted INTEGER NOT NULL
);
CREATE INDEX issue_by_day ON issue_list (day, doc, unit, status, kind, field, agency, state, review, deleted);
CREATE INDEX issue_by_visit ON issue_list (visit) WHERE visit IS NOT NULL;
CREATE INDEX issue_to_review ON issue_list (doc) WHERE review > 0;

-- Which documents name which files.
CREATE TABLE attachment_use (
    doc INTEGER NOT NULL REFERENCES document (n),
    hash BLOB NOT NULL,
    thumbnail INTEGER NOT NULL,
    PRIMARY KEY (doc, hash)
) WITHOUT ROWID;
CREATE INDEX attachment_use_by_hash ON attachment_use (hash);

-- What a list shows, as JSON; `searched` is a fingerprint of the text in `search`.
CREATE TABLE list_row (
    doc INTEGER PRIMARY KEY REFERENCES document (n),
    searched INTEGER NOT NULL,
    json BLOB NOT NULL
);

-- Full text over folded words. The words come in already split, so the plain tokenizer is the right one.
CREATE VIRTUAL TABLE search USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
