//! Rows of `views.db`, copied until a province's decades lie there: lists, figures and maps read nothing else.
//!
//! Bringing 112,000 visits through the exchange takes an hour of a busy machine; what is measured here is how rows are
//! read, so a fortieth of them is brought, and the rows of each record are written again under fresh ids and places.

use rusqlite::Connection;
use std::path::Path;

/// Every record once more: numbers behind the last, ids of their own, places within half a kilometre.
const COPY: &str = "
    DROP TABLE IF EXISTS temp.visit_copy;
    CREATE TEMP TABLE visit_copy AS SELECT n, n + (SELECT max(n) FROM visit_row) AS next, id, randomblob(16) AS fresh
        FROM visit_row WHERE n <= :originals;
    CREATE INDEX temp.visit_copy_id ON visit_copy (id);
    DROP TABLE IF EXISTS temp.issue_copy;
    CREATE TEMP TABLE issue_copy AS SELECT n, n + (SELECT max(n) FROM issue_row) AS next, randomblob(16) AS fresh
        FROM issue_row WHERE n <= :issues;
    DROP TABLE IF EXISTS temp.one_visit;
    CREATE TEMP TABLE one_visit AS SELECT v.* FROM visit_row v WHERE v.n <= :originals;
    UPDATE one_visit SET lat = lat + (random() % 1000) / 200000.0, lon = lon + (random() % 1000) / 200000.0;
    UPDATE one_visit SET id = (SELECT fresh FROM visit_copy c WHERE c.n = one_visit.n);
    UPDATE one_visit SET n = n + (SELECT max(n) FROM visit_row);
    INSERT INTO visit_row SELECT * FROM one_visit;
    DROP TABLE IF EXISTS temp.one_issue;
    CREATE TEMP TABLE one_issue AS SELECT i.* FROM issue_row i WHERE i.n <= :issues;
    UPDATE one_issue SET id = (SELECT fresh FROM issue_copy c WHERE c.n = one_issue.n), ticket = ticket || '-' || (random() % 100000);
    UPDATE one_issue SET visit = (SELECT fresh FROM visit_copy c WHERE c.id = one_issue.visit);
    UPDATE one_issue SET n = n + (SELECT max(n) FROM issue_row);
    INSERT INTO issue_row SELECT * FROM one_issue;
    INSERT INTO visit_text SELECT c.next, t.search, t.json FROM visit_copy c JOIN visit_text t USING (n);
    INSERT INTO visit_official SELECT c.next, t.official FROM visit_copy c JOIN visit_official t USING (n);
    INSERT INTO visit_event_row SELECT c.next, t.item, t.day, t.to_status FROM visit_copy c JOIN visit_event_row t USING (n);
    INSERT INTO bright_spot_row SELECT c.next, t.title, t.field, t.difficulty, t.stage FROM visit_copy c JOIN bright_spot_row t USING (n);
    INSERT INTO supervision_row SELECT c.next, t.item, t.kind, t.recommended, t.response FROM visit_copy c JOIN supervision_row t USING (n);
    INSERT INTO issue_text SELECT c.next, t.search, t.json FROM issue_copy c JOIN issue_text t USING (n);
    INSERT INTO issue_clock SELECT c.next, t.clock FROM issue_copy c JOIN issue_clock t USING (n);
    INSERT INTO issue_event_row SELECT c.next, t.item, t.day, t.to_status, t.by_whom, t.reason, t.document
        FROM issue_copy c JOIN issue_event_row t USING (n);
";

/// Writes every record so many times in all. The server must not be running.
pub(super) fn write(data: &Path, times: usize) -> rusqlite::Result<()> {
    let views = Connection::open(data.join("views.db"))?;
    views.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA temp_store = MEMORY;")?;
    let last = |table: &str| views.query_row(&format!("SELECT max(n) FROM {table}"), [], |row| row.get::<_, i64>(0));
    let (originals, issues) = (last("visit_row")?, last("issue_row")?);
    // Numbers of ours: a batch of statements takes no parameters.
    let sql = COPY.replace(":originals", &originals.to_string()).replace(":issues", &issues.to_string());
    for copy in 1..times {
        views.execute_batch(&format!("BEGIN; {sql} COMMIT;"))?;
        eprint!("\r  {} of {times} times written", copy + 1);
    }
    eprintln!();
    Ok(())
}
