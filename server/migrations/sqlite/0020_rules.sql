-- Editions of the rules: limits, holidays, remote units, each as a whole (JSON of gandan_model::rules::RulesData), so that
-- what was in force on any day can be told. None: those that the program ships. Rows are only ever added.
CREATE TABLE rule_edition (
    n        INTEGER PRIMARY KEY,
    made_ms  INTEGER NOT NULL,
    made_by  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    sha256   BLOB NOT NULL,
    body     TEXT NOT NULL
) STRICT;
CREATE TRIGGER rule_edition_no_update BEFORE UPDATE ON rule_edition BEGIN SELECT RAISE(ABORT, 'editions are final'); END;
CREATE TRIGGER rule_edition_no_delete BEFORE DELETE ON rule_edition BEGIN SELECT RAISE(ABORT, 'editions are final'); END;
