-- What the projector keeps for itself in views.db, beside the rows of 0002_reports.sql.

-- seq: the last place in the log of the space that the snapshot contains. arrived_ms: when the server first held a
-- change of the document.
CREATE TABLE snapshot (
    n           INTEGER PRIMARY KEY,
    space       INTEGER NOT NULL,
    document    BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    arrived_ms  INTEGER NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (space, document)
) STRICT;

-- How far the projection of each space has come.
CREATE TABLE projected (
    space  INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL
) STRICT;

-- Changes that are in the log but do not apply. They are tried again whenever the document gets another change.
CREATE TABLE unapplied (
    space     INTEGER NOT NULL,
    document  BLOB NOT NULL,
    hash      BLOB NOT NULL,
    seq       INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    PRIMARY KEY (space, document, hash)
) STRICT, WITHOUT ROWID;

-- The edition of the rules by which every due date in issue_row was derived; none: before the first.
CREATE TABLE rules_applied (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    edition  INTEGER NOT NULL
) STRICT;
