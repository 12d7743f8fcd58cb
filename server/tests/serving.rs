//! The server around the sync: events, health, accounts, views, backup, the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::BufRead;
use std::os::unix::fs::FileExt;

use gandan_model::genesis::DocKind;
use gandan_model::ids::{Compartment, DocId};
use gandan_model::patch::FieldEdit;
use gandan_server::auth::{Principal, Role, Scope, ScopeLine};
use gandan_server::commands::{backup, restore};
use gandan_server::db::{Db, DbOptions};
use gandan_server::metrics::Metrics;
use gandan_server::projector;
use gandan_server::staff_writer::{StaffError, Target};
use gandan_sync::Status;
use support::http;
use support::{START_MS, TestApp, UNIT_A, UNIT_B};

/// Reads a stream until a line starts so.
fn line_with(reader: &mut impl BufRead, start: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the stream ended before {start}");
        if line.starts_with(start) {
            return line.trim_end().to_owned();
        }
    }
}

#[test]
fn events_tell_which_space_has_news() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_B]);
    let token = a.bundle["events_token"].as_str().unwrap().to_owned();
    let mut device = http::open(app.address, "/v1/events", &token);
    let staff = app.token("p", Role::ProvinceStaff, &[ScopeLine::Province]);
    let mut province = http::open(app.address, "/v1/events", &staff);
    line_with(&mut device, ": heartbeat");
    line_with(&mut province, ": heartbeat");
    b.visit(UNIT_B, 1, "không liên quan");
    b.sync(&app);
    a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    let of =
        |peer: &support::peer::Peer, unit| format!("data: {{\"space\":\"{}\",\"head\":1}}", peer.space(unit, "field"));
    assert_eq!(line_with(&mut province, "data:"), of(&b, UNIT_B));
    assert_eq!(line_with(&mut device, "data:"), of(&a, UNIT_A), "the device hears nothing of the other unit");
    // The stream ends with the server, so that a graceful end does not wait for it.
    app.stop();
    let mut rest = String::new();
    while device.read_line(&mut rest).unwrap() > 0 {}
}

#[test]
fn health_metrics_and_description() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "Nguyễn Văn A");
    a.sync(&app);
    let health = http::get(app.address, "/healthz", None);
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    assert!(health.header("x-request-id").is_some());
    let metrics = String::from_utf8(http::get(app.address, "/metrics", None).body).unwrap();
    assert!(metrics.contains("gandan_envelopes_total{status=\"durable\"} 1"), "{metrics}");
    assert!(metrics.contains("route=\"/v1/sync\""), "{metrics}");
    for secret in ["CB-001", UNIT_A, "Nguyễn"] {
        assert!(!metrics.contains(secret), "{secret}");
    }
    let api = http::get(app.address, "/api/openapi.json", None).json();
    assert_eq!(api["openapi"], "3.1.0");
    for path in ["/v1/sync", "/v1/enrol", "/v1/events", "/healthz", "/metrics", "/api/v1/login", "/api/v1/visits"] {
        assert!(api["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn a_login_code_becomes_a_token_once() {
    let app = TestApp::new();
    let code = app.code("administrator", Role::Administrator, &[ScopeLine::Province]);
    let body = serde_json::json!({ "code": code });
    assert_eq!(http::post_json(app.address, "/api/v1/login", &body).code(), "code_unknown", "it is for a device");
    app.db().write(|c| Ok(c.execute("UPDATE enrolment SET purpose = 'login'", [])?)).unwrap();
    let answer = http::post_json(app.address, "/api/v1/login", &body);
    assert_eq!(answer.status, 200);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(http::get(app.address, "/api/v1/visits", Some(&token)).status, 200);
    assert_eq!(http::post_json(app.address, "/api/v1/login", &body).code(), "code_used");
    app.clock.advance_ms(31 * 24 * 3600 * 1000);
    assert_eq!(http::get(app.address, "/api/v1/visits", Some(&token)).status, 401, "tokens of a login expire");
}

fn staff(name: &str, units: &[&str]) -> Principal {
    let units = units.iter().map(|unit| (*unit).to_owned()).collect();
    Principal { name: name.to_owned(), role: Role::CommuneStaff, agency: None, scope: Scope::Units(units) }
}

#[test]
fn what_staff_write_reaches_the_phones() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let visit = a.visit(UNIT_A, 1, "một");
    a.sync(&app);
    let writer = app.server().state().staff().clone();
    let target = Target::Existing { unit: UNIT_A.into(), compartment: Compartment::Field, doc: visit };
    let edit = |_: &gandan_model::document::Document| Ok(vec![FieldEdit::new("status", "verified")]);
    let written = app.block_on(writer.write(staff("x", &[UNIT_A]), target.clone(), edit)).unwrap();
    assert_eq!(written.seq, Some(2));
    let again = app.block_on(writer.write(staff("x", &[UNIT_A]), target.clone(), edit)).unwrap();
    assert_eq!(again.seq, None, "it reads so already");
    a.sync(&app);
    let space = a.space(UNIT_A, "field");
    let document = &a.docs[&(space, visit)].document;
    assert_eq!(serde_json::to_value(gandan_model::visit::Visit::of(document)).unwrap()["status"], "verified");
    assert_eq!(document.facts().last_change().unwrap().author, "x");

    // A new document, then a second edit of it: the chain of the server's device goes on.
    let new = Target::New { unit: UNIT_A.into(), kind: DocKind::Visit };
    let plan = |_: &gandan_model::document::Document| Ok(vec![FieldEdit::new("planned_on", "2026-09-06")]);
    let planned = app.block_on(writer.write(staff("x", &[UNIT_A]), new, plan)).unwrap();
    let doc = planned.loaded.doc;
    let target = Target::Existing { unit: UNIT_A.into(), compartment: Compartment::Field, doc };
    app.block_on(writer.write(staff("x", &[UNIT_A]), target.clone(), edit)).unwrap();
    a.sync(&app);
    assert_eq!(a.docs[&(space, doc)].document.facts().text("planned_on"), Some("2026-09-06"));

    let result = app.block_on(writer.write(staff("y", &[UNIT_B]), target.clone(), edit));
    assert!(matches!(result, Err(StaffError::NotFound)));
    let mut inspector = staff("z", &[UNIT_A]);
    inspector.role = Role::Inspector;
    assert!(matches!(app.block_on(writer.write(inspector, target.clone(), edit)), Err(StaffError::Forbidden)));
    let bad = |_: &gandan_model::document::Document| Ok(vec![FieldEdit::new("no_such_field", 1)]);
    assert!(matches!(app.block_on(writer.write(staff("x", &[UNIT_A]), target, bad)), Err(StaffError::Field { .. })));
    assert_eq!(a.sync(&app), []);
}

/// Everything that the views hold, as text; not the order in which it came there (`fact_change`).
fn views(app: &TestApp) -> Vec<String> {
    let tables = |c: &rusqlite::Connection| -> rusqlite::Result<Vec<String>> {
        let mut statement = c.prepare(
            "SELECT name FROM views.sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%' AND name NOT LIKE '%\\_fts%' ESCAPE '\\' AND name <> 'fact_change' ORDER BY name",
        )?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    app.db()
        .read(|c| {
            let mut all = Vec::new();
            for table in tables(c)? {
                let mut statement = c.prepare(&format!("SELECT * FROM views.\"{table}\""))?;
                let columns: Vec<(usize, String)> = statement.column_names().map(str::to_owned).enumerate().collect();
                let mut rows = statement.query([])?;
                let mut lines = Vec::new();
                while let Some(row) = rows.next()? {
                    let mut line = table.clone();
                    // `n` numbers rows as they come; `seq` of a snapshot depends on how the log was cut into pieces.
                    for (place, name) in columns.iter().filter(|(_, name)| name != "n" && name != "seq") {
                        line += &format!(" {name}={:?}", row.get_ref(*place)?);
                    }
                    lines.push(line);
                }
                lines.sort();
                all.extend(lines);
            }
            Ok(all)
        })
        .unwrap()
}

#[test]
fn views_that_a_power_failure_may_have_spoilt_are_built_anew() {
    let app = TestApp::new();
    let mut phone = app.official("CB-001", &[UNIT_A]);
    for n in 1..=5 {
        phone.visit(UNIT_A, n, &format!("chuyến {n}"));
    }
    phone.sync(&app);
    app.project();
    let before = views(&app);
    let (page, size): (u64, u64) = app
        .db()
        .read(|c| {
            let root = "SELECT rootpage FROM views.sqlite_master WHERE name = 'visit_row'";
            let size = c.query_row("PRAGMA views.page_size", [], |row| row.get(0))?;
            Ok((c.query_row(root, [], |row| row.get(0))?, size))
        })
        .unwrap();
    let mark = app.data().join("views.run");
    let run = std::fs::read_to_string(&mark).unwrap();
    let folder = app.stop();
    assert!(!mark.exists(), "the server has ended in order: whatever happens now, the views are on the disk");
    // A page as it was before the visits came, which had not got to the disk when the power failed: nothing tells.
    let file = folder.path().join("data").join("views.db");
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut head = [0; 8];
    file.read_exact_at(&mut head, (page - 1) * size).unwrap();
    assert!([10, 13].contains(&head[0]) && head[4] == 5, "a leaf of five rows: {head:?}");
    let empty = [&[head[0], 0, 0, 0, 0][..], &u16::try_from(size).unwrap().to_be_bytes(), &[0]].concat();
    file.write_all_at(&empty, (page - 1) * size).unwrap();
    std::fs::write(&mark, "another run of the machine").unwrap();
    let app = TestApp::serve(folder, DbOptions::default());
    app.project();
    assert_eq!(views(&app), before);
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), run);
}

#[test]
fn views_built_anew_are_the_same() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let mut b = app.official("CB-002", &[UNIT_A]);
    for n in 1..=5 {
        a.visit(UNIT_A, n, &format!("chuyến {n}"));
    }
    a.sync(&app);
    app.project();
    b.sync(&app);
    let space = b.space(UNIT_A, "field");
    for n in 1..=5 {
        let doc = DocId([n; 16]);
        for peer in [&mut a, &mut b] {
            let raw = peer.edit(
                space,
                doc,
                DocKind::Visit,
                &[("counts.residents", (n * 2).into()), ("place.name", peer.name.clone().into())],
            );
            peer.seal(space, &[(doc, raw)]);
        }
        b.round_trip(&app);
        a.round_trip(&app);
        app.project();
    }
    let before = views(&app);
    assert!(before.iter().filter(|line| line.starts_with("snapshot")).count() == 5, "{before:?}");
    projector::reproject(app.db(), Metrics::default(), &|_| ()).unwrap();
    assert_eq!(views(&app), before);
    // Deleting the file is as good.
    let folder = app.stop();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join("data").join(format!("views.db{suffix}")));
    }
    let app = TestApp::serve(folder, DbOptions::default());
    app.project();
    assert_eq!(views(&app), before);
}

/// Leaves beside `part` what a restore leaves that is killed as it makes its copy ready: a journal that SQLite would play
/// back into whatever lies there next, and cut it to the length of before.
fn killed_while_it_copied(part: &std::path::Path) {
    let connection = rusqlite::Connection::open(part).unwrap();
    connection.execute_batch("CREATE TABLE t (x); PRAGMA cache_size = 1; BEGIN").unwrap();
    for _ in 0..200 {
        connection.execute("INSERT INTO t VALUES (randomblob(3000))", []).unwrap();
    }
    let journal = part.with_extension("part-journal");
    let hot = std::fs::read(&journal).unwrap();
    assert!(hot.len() > 512, "a journal that was written");
    drop(connection);
    std::fs::write(journal, hot).unwrap();
}

#[test]
fn a_killed_restore_spoils_no_later_one() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "trong bản sao");
    a.sync(&app);
    let file = app.path().join("backup.db");
    killed_while_it_copied(&app.path().join("backup.db.part"));
    backup(&app.data(), &file).unwrap();
    let folder = app.stop();
    let data = folder.path().join("data");
    killed_while_it_copied(&data.join("restore.part"));
    assert_eq!(restore(&data, &file, START_MS).unwrap().log_entries, 1);
    let restored = rusqlite::Connection::open(data.join("gandan.db")).unwrap();
    let verdict: String = restored.query_row("PRAGMA quick_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    assert_eq!(restored.query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn a_backup_of_a_running_server_restores() {
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    a.visit(UNIT_A, 1, "trong bản sao");
    a.sync(&app);
    let file = app.path().join("backup.db");
    let (bytes, entries) = backup(&app.data(), &file).unwrap();
    assert!(bytes > 0 && entries == 1);
    assert_eq!(backup(&app.data(), &file).unwrap_err().code(), "file_exists");
    a.visit(UNIT_A, 2, "sau bản sao");
    a.sync(&app);

    assert_eq!(restore(&app.data(), &file, START_MS).unwrap_err().code(), "already_serving");
    let old_device = gandan_server::folder::Folder::at(&app.data()).server_device().unwrap().id;
    let folder = app.stop();
    let data = folder.path().join("data");
    let bad = restore(&data, &data.join("server.key"), START_MS).unwrap_err();
    assert_eq!(bad.code(), "bad_backup");
    let restored = restore(&data, &file, START_MS).unwrap();
    assert_eq!(restored.log_entries, 1);
    assert!(restored.set_aside.unwrap().is_file(), "what was there is kept");
    assert!(restored.incarnation > u64::try_from(START_MS / 1000).unwrap());
    assert_ne!(gandan_server::folder::Folder::at(&data).server_device().unwrap().id, old_device);

    let app = TestApp::serve(folder, DbOptions::default());
    let mut b = app.official("CB-002", &[UNIT_A]);
    b.sync(&app);
    assert_eq!(b.docs.len(), 1);
    // The device that was ahead is told so and loses nothing.
    let outcome = a.round_trip(&app);
    let outcome = if outcome.need_full { a.round_trip(&app) } else { outcome };
    assert!(outcome.parts.iter().any(|part| part.notice.is_some()), "{outcome:?}");
    assert_eq!(a.docs.len(), 2);
}

#[test]
fn a_revocation_survives_a_restore_of_older_data() {
    use gandan_server::folder::{Decision, Folder};
    let app = TestApp::new();
    let mut a = app.official("CB-001", &[UNIT_A]);
    let file = app.path().join("backup.db");
    backup(&app.data(), &file).unwrap();
    Folder::at(&app.data())
        .append(&Decision::DeviceRevoked { device: a.device, at_ms: START_MS, wipe: false })
        .unwrap();
    let folder = app.stop();
    restore(&folder.path().join("data"), &file, START_MS).unwrap();
    let app = TestApp::serve(folder, DbOptions::default());
    a.visit(UNIT_A, 1, "muộn");
    assert_eq!(a.sync(&app), [(1, Status::Quarantined)]);
}

#[test]
fn a_folder_is_served_once_and_only_if_it_was_initialised() {
    let app = TestApp::new();
    let options = gandan_server::server::ServerOptions::new(app.data());
    assert_eq!(gandan_server::server::Server::start(options).err().unwrap().code(), "already_serving");
    let empty = tempfile::tempdir().unwrap();
    let options = gandan_server::server::ServerOptions::new(empty.path());
    assert_eq!(gandan_server::server::Server::start(options).err().unwrap().code(), "not_initialised");
}

#[test]
fn the_end_waits_for_what_was_handed_over() {
    let app = TestApp::new();
    let mut peers: Vec<_> = (0..8).map(|n| app.official(&format!("CB-{n:03}"), &[UNIT_A])).collect();
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.visit(UNIT_A, u8::try_from(n).unwrap(), "cuối");
    }
    let address = app.address;
    let senders: Vec<_> = peers
        .iter()
        .map(|peer| {
            let (_, bytes) = peer.request();
            std::thread::spawn(move || {
                let answer = std::panic::catch_unwind(|| http::request(address, "POST", "/v1/sync", &[], &bytes));
                answer.is_ok_and(|answer| answer.status == 200)
            })
        })
        .collect();
    let folder = app.stop();
    let answered = senders.into_iter().map(|sender| sender.join().unwrap()).filter(|ok| *ok).count();
    let db = Db::open(&folder.path().join("data"), DbOptions::default()).unwrap();
    let stored: i64 = db.read(|c| Ok(c.query_row("SELECT count(*) FROM log", [], |row| row.get(0))?)).unwrap();
    assert!(usize::try_from(stored).unwrap() >= answered, "{stored} stored, {answered} acknowledged");
}
