-- What a person at a desk keeps: lists with their filters, under a name.
CREATE TABLE saved_view (
    id          INTEGER PRIMARY KEY,
    owner       TEXT NOT NULL,   -- name of the account
    list        TEXT NOT NULL,   -- visits, issues, map, overview
    name        TEXT NOT NULL,
    query       TEXT NOT NULL,   -- the query string, as it stands in the address bar
    created_ms  INTEGER NOT NULL,
    UNIQUE (owner, list, name)
) STRICT;

-- What the administrator sets for everybody: label of the programme, whether lists are posted in public, and the like.
CREATE TABLE setting (
    key    TEXT NOT NULL PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
