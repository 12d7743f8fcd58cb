-- Reports as they stood: the bytes that were shown then, and will be shown again.
CREATE TABLE report_snapshot (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    made_ms    INTEGER NOT NULL,
    made_by    TEXT NOT NULL,
    from_day   INTEGER NOT NULL,
    to_day     INTEGER NOT NULL,
    area       TEXT NOT NULL,
    units      TEXT,              -- JSON list of codes; NULL: the whole province
    sealed     INTEGER NOT NULL,  -- 1: holds what only the inspectorate may see
    sha256     BLOB NOT NULL,
    body       BLOB NOT NULL
) STRICT;
CREATE TRIGGER report_snapshot_no_update BEFORE UPDATE ON report_snapshot BEGIN SELECT RAISE(ABORT, 'snapshots are final'); END;
