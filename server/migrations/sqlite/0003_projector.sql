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

-- Which rows of visits and issues changed, in their order: facts kept in memory follow it. Only the last ones stay noted;
-- the very last always does.
CREATE TABLE fact_change (
    seq    INTEGER PRIMARY KEY,
    issue  INTEGER NOT NULL,
    n      INTEGER NOT NULL
) STRICT;
CREATE TRIGGER visit_fact_inserted AFTER INSERT ON visit_row BEGIN INSERT INTO fact_change (issue, n) VALUES (0, new.n); END;
CREATE TRIGGER visit_fact_updated AFTER UPDATE ON visit_row BEGIN INSERT INTO fact_change (issue, n) VALUES (0, new.n); END;
CREATE TRIGGER visit_fact_deleted AFTER DELETE ON visit_row BEGIN INSERT INTO fact_change (issue, n) VALUES (0, old.n); END;
CREATE TRIGGER issue_fact_inserted AFTER INSERT ON issue_row BEGIN INSERT INTO fact_change (issue, n) VALUES (1, new.n); END;
CREATE TRIGGER issue_fact_updated AFTER UPDATE ON issue_row BEGIN INSERT INTO fact_change (issue, n) VALUES (1, new.n); END;
CREATE TRIGGER issue_fact_deleted AFTER DELETE ON issue_row BEGIN INSERT INTO fact_change (issue, n) VALUES (1, old.n); END;

-- The edition of the rules by which every due date in issue_row was derived; none: before the first.
CREATE TABLE rules_applied (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    edition  INTEGER NOT NULL
) STRICT;
