-- What the projector derives from the documents: lists, figures, search. Every row can be thrown away and
-- rebuilt from the log (`gandan-server reproject`).
--
-- Days are whole days since 1970-01-01 in UTC+7: they compare and subtract without a date function. The record as it
-- is shown (JSON) stands apart from the columns that are counted, so that a figure over 200,000 issues reads a few
-- megabytes and never a record.

CREATE TABLE visit_row (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    -- The space it lies in. Part of the key: whoever writes the same id into another space makes another record, and
    -- does not touch this one.
    space BLOB NOT NULL,
    unit TEXT NOT NULL,
    -- What the village is compared by (gandan_model::org::village_key); null if it was not in one.
    village TEXT,
    status TEXT NOT NULL,
    programme TEXT NOT NULL,
    -- Day it began, else the day it is planned for; 0 if neither is known.
    day INTEGER NOT NULL,
    residents INTEGER,
    households INTEGER,
    businesses INTEGER,
    has_note INTEGER NOT NULL,
    has_gps INTEGER NOT NULL,
    -- Degrees; of household visits rounded to 0.01.
    lat REAL,
    lon REAL,
    photos INTEGER NOT NULL,
    hot_spot TEXT NOT NULL,
    -- Anonymous cards; null if none were collected.
    very_satisfied INTEGER,
    satisfied INTEGER,
    neutral INTEGER,
    dissatisfied INTEGER,
    very_dissatisfied INTEGER,
    no_answer INTEGER,
    follow_up_of TEXT,
    -- 1: another visit turned out to be the same one, or somebody deleted it. Shown, never counted.
    aside INTEGER NOT NULL,
    amendment INTEGER NOT NULL,
    review INTEGER NOT NULL,
    ended_ms INTEGER,
    -- Of the events that count: what status it had on an earlier day stands in visit_event_row.
    last_event_day INTEGER,
    -- When the server first held a change of it; null if that is not known.
    arrived_ms INTEGER,
    updated_ms INTEGER NOT NULL,
    UNIQUE (id, space)
) STRICT;
CREATE INDEX visit_row_day ON visit_row (day, id);
CREATE INDEX visit_row_unit ON visit_row (unit, day, id);
CREATE INDEX visit_row_village ON visit_row (unit, village, day, status, last_event_day) WHERE aside = 0;
CREATE INDEX visit_row_held ON visit_row (unit, day, status, last_event_day) WHERE aside = 0;
CREATE INDEX visit_row_waiting ON visit_row (unit) WHERE status = 'submitted' AND aside = 0;
CREATE INDEX visit_row_amended ON visit_row (unit) WHERE amendment = 1 AND aside = 0;
CREATE INDEX visit_row_updated ON visit_row (updated_ms, id);

CREATE TABLE visit_text (
    n INTEGER PRIMARY KEY REFERENCES visit_row (n) ON DELETE CASCADE,
    search TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;

CREATE TABLE visit_official (
    n INTEGER NOT NULL REFERENCES visit_row (n) ON DELETE CASCADE,
    official TEXT NOT NULL,
    PRIMARY KEY (n, official)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_official_who ON visit_official (official);

CREATE TABLE visit_event_row (
    n INTEGER NOT NULL REFERENCES visit_row (n) ON DELETE CASCADE,
    item INTEGER NOT NULL,
    day INTEGER NOT NULL,
    to_status TEXT NOT NULL,
    PRIMARY KEY (n, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE bright_spot_row (
    n INTEGER PRIMARY KEY REFERENCES visit_row (n) ON DELETE CASCADE,
    title TEXT NOT NULL,
    field TEXT NOT NULL,
    difficulty TEXT,
    stage TEXT NOT NULL
) STRICT;

CREATE TABLE supervision_row (
    n INTEGER NOT NULL REFERENCES visit_row (n) ON DELETE CASCADE,
    item INTEGER NOT NULL,
    kind TEXT NOT NULL,
    recommended INTEGER NOT NULL,
    response TEXT NOT NULL,
    PRIMARY KEY (n, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue_row (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    space BLOB NOT NULL,
    unit TEXT NOT NULL,
    compartment INTEGER NOT NULL,
    -- 1: a denunciation or a sealed stub. No query without the sealed right may see that the row exists.
    sealed INTEGER NOT NULL,
    -- 1: neither duplicate nor denunciation nor deleted.
    countable INTEGER NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    priority TEXT NOT NULL,
    reporter_mode TEXT NOT NULL,
    received_day INTEGER NOT NULL,
    accepted_day INTEGER,
    agency TEXT,
    -- The agency's name folded, for comparing.
    agency_key TEXT,
    first_notice_due INTEGER,
    first_notice_day INTEGER,
    resolve_due INTEGER,
    resolve_basis TEXT,
    -- First event resolved, replied or closed, whatever came after.
    first_settled_day INTEGER,
    reopened_day INTEGER,
    last_event_day INTEGER,
    outcome TEXT,
    confirmation TEXT,
    hot_spot INTEGER NOT NULL,
    long_since INTEGER,
    long_times INTEGER,
    visit BLOB,
    -- The day promised to the residents.
    promised_day INTEGER,
    -- The issue that this one was marked as repeating.
    duplicate_of BLOB,
    -- What `countable` would be without circles of duplicates.
    alone_countable INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    review INTEGER NOT NULL,
    ticket TEXT,
    updated_ms INTEGER NOT NULL,
    UNIQUE (id, space)
) STRICT;
CREATE INDEX issue_row_received ON issue_row (received_day, id);
CREATE INDEX issue_row_unit ON issue_row (unit, received_day, id);
CREATE INDEX issue_row_open ON issue_row (unit, resolve_due, agency, priority, agency_key, sealed, hot_spot)
    WHERE countable = 1 AND status NOT IN ('resolved', 'replied', 'closed', 'withdrawn', 'out_of_competence', 'not_accepted');
CREATE INDEX issue_row_ticket ON issue_row (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX issue_row_due ON issue_row (coalesce(resolve_due, 9999999), id);
CREATE INDEX issue_row_updated ON issue_row (updated_ms, id);
CREATE INDEX issue_row_agency ON issue_row (agency_key, received_day, id);
CREATE INDEX issue_row_duplicate ON issue_row (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX issue_row_visit ON issue_row (visit) WHERE visit IS NOT NULL;

CREATE TABLE issue_text (
    n INTEGER PRIMARY KEY REFERENCES issue_row (n) ON DELETE CASCADE,
    search TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;

-- What the due dates follow from (JSON of gandan_model::issue::Clock): under other rules they are derived from it again.
CREATE TABLE issue_clock (
    n INTEGER PRIMARY KEY REFERENCES issue_row (n) ON DELETE CASCADE,
    clock TEXT NOT NULL
) STRICT;

CREATE TABLE issue_event_row (
    n INTEGER NOT NULL REFERENCES issue_row (n) ON DELETE CASCADE,
    item INTEGER NOT NULL,
    day INTEGER NOT NULL,
    to_status TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    reason TEXT,
    document TEXT,
    PRIMARY KEY (n, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE review_item_row (
    doc BLOB NOT NULL,
    field TEXT NOT NULL,
    space BLOB NOT NULL,
    unit TEXT NOT NULL,
    compartment INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sealed INTEGER NOT NULL,
    agency_key TEXT,
    rule TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (doc, field, space)
) STRICT, WITHOUT ROWID;

-- Full text over the folded search text. `secure-delete` takes erased words out of the index at once.
CREATE VIRTUAL TABLE visit_fts USING fts5 (search, content = 'visit_text', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 0');
INSERT INTO visit_fts (visit_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER visit_text_insert AFTER INSERT ON visit_text BEGIN
    INSERT INTO visit_fts (rowid, search) VALUES (new.n, new.search);
END;
CREATE TRIGGER visit_text_delete AFTER DELETE ON visit_text BEGIN
    INSERT INTO visit_fts (visit_fts, rowid, search) VALUES ('delete', old.n, old.search);
END;
CREATE TRIGGER visit_text_update AFTER UPDATE OF search ON visit_text WHEN old.search <> new.search BEGIN
    INSERT INTO visit_fts (visit_fts, rowid, search) VALUES ('delete', old.n, old.search);
    INSERT INTO visit_fts (rowid, search) VALUES (new.n, new.search);
END;

CREATE VIRTUAL TABLE issue_fts USING fts5 (search, content = 'issue_text', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 0');
INSERT INTO issue_fts (issue_fts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER issue_text_insert AFTER INSERT ON issue_text BEGIN
    INSERT INTO issue_fts (rowid, search) VALUES (new.n, new.search);
END;
CREATE TRIGGER issue_text_delete AFTER DELETE ON issue_text BEGIN
    INSERT INTO issue_fts (issue_fts, rowid, search) VALUES ('delete', old.n, old.search);
END;
CREATE TRIGGER issue_text_update AFTER UPDATE OF search ON issue_text WHEN old.search <> new.search BEGIN
    INSERT INTO issue_fts (issue_fts, rowid, search) VALUES ('delete', old.n, old.search);
    INSERT INTO issue_fts (rowid, search) VALUES (new.n, new.search);
END;
