-- Who did what to which record through the API. Rows are only ever added. Part of the core database: it is not derived
-- from anything, and `gandan-server reproject` leaves it alone.

CREATE TABLE audit_row (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    unit TEXT NOT NULL,
    doc BLOB,
    -- Place of the change in the log of its space; null if the action changed nothing or was refused.
    seq INTEGER,
    -- 'done', 'unchanged', or the code of the refusal.
    result TEXT NOT NULL
) STRICT;
CREATE INDEX audit_row_doc ON audit_row (doc, n);
CREATE TRIGGER audit_row_no_update BEFORE UPDATE ON audit_row BEGIN SELECT RAISE(ABORT, 'audit rows are final'); END;
CREATE TRIGGER audit_row_no_delete BEFORE DELETE ON audit_row BEGIN SELECT RAISE(ABORT, 'audit rows are final'); END;
