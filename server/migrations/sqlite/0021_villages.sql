-- Villages and residential groups by unit, with dates: names change by decision. `key`: what they are compared by.
CREATE TABLE village (
    id          INTEGER PRIMARY KEY,
    unit        TEXT NOT NULL REFERENCES unit (code),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    key         TEXT NOT NULL,
    valid_from  TEXT NOT NULL DEFAULT '',
    valid_to    TEXT,
    UNIQUE (unit, key, valid_from)
) STRICT;
