-- Drafts get a line to be known by in a list; what a repair found is kept until somebody has read it.
ALTER TABLE draft ADD COLUMN title TEXT NOT NULL DEFAULT '';
CREATE TABLE salvage_note (
    n INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    report TEXT NOT NULL
);
