//! The terminal's own manners: exit codes, errors that say what to do, lists, drafts, keys.

use crate::stage::{OTHER, Stage, UNIT, code, lines, list, new_visit, number};
use gandan_tests::processes::{Device, Said, folder, gandan};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn wrong_usage_is_two_and_failure_is_one() {
    let folder = folder();
    let device = Device::new(&folder.path().join("home"));
    for args in [&["fly"][..], &["edit"], &["show", "no-uuid"], &["edit", "x", "y"], &["visits", "--limit", "0"]] {
        let said = device.run(args);
        assert_eq!(said.code, 2, "{args:?}: {said:?}");
        assert!(!said.err.is_empty(), "{args:?}");
    }
    let without_home = Said::run(Command::new(gandan()).arg("status").env_remove("GANDAN_HOME"), b"");
    assert_eq!(without_home.code, 2, "{without_home:?}");
    let help = device.run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));

    assert_eq!(code(&device.run(&["new", "visit", "note=x"])), "not_enrolled");
    assert_eq!(code(&device.run(&["sync"])), "not_enrolled");
    assert_eq!(code(&device.run(&["show", "07070707-0707-0707-0707-070707070707"])), "not_found");
    assert_eq!(code(&device.run(&["enrol", "https://nothing"])), "bad_link");
    assert_eq!(code(&device.run(&["enrol", "http://192.0.2.1/enrol#x"])), "insecure_link");
    // For people the same in words.
    let mut call = Command::new(gandan());
    let said = Said::run(call.arg("--home").arg(device.home()).arg("sync"), b"");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("enrol") && said.err.contains("[not_enrolled]"), "{}", said.err);
}

#[test]
fn a_link_makes_one_device_and_no_second() {
    let stage = Stage::new();
    let link = stage.server.link("CB-001", &[UNIT], stage.server.address());
    let home = |name: &str| Device::new(&stage.folder.path().join(name));
    let said = home("a").run(&["enrol", &link]).json();
    assert_eq!(said["units"], json!([UNIT]));
    assert_eq!(code(&home("a").run(&["enrol", &link])), "already_enrolled");
    assert_eq!(code(&home("b").run(&["enrol", &link])), "code_used");
    let unknown = format!("http://{}/enrol#nothing", stage.server.address());
    assert_eq!(code(&home("b").run(&["enrol", &unknown])), "code_unknown");
    // After all that the second device can still be enrolled with a link of its own.
    home("b").run(&["enrol", &stage.server.link("CB-002", &[UNIT], stage.server.address())]).json();
    let units = list(&home("b").run(&["units"]).json());
    assert_eq!(units[0]["code"], UNIT);
}

#[test]
fn lists_are_filtered_paged_and_searched() {
    let stage = Stage::new();
    let device = stage.device_in("a", &[UNIT, OTHER]);
    device.record(&lines(1, 7)).json();
    device.record(&crate::stage::lines_in(2, 3, OTHER)).json();
    let said = device.run(&["new", "visit", "unit=24781", "place.name=Thôn Đạ Nghịt", "planned_on=2026-09-01"]).json();
    let id = said["id"].as_str().unwrap();

    assert_eq!(list(&device.run(&["visits"]).json()).len(), 11);
    assert_eq!(list(&device.run(&["visits", "--unit", OTHER]).json()).len(), 3);
    assert_eq!(list(&device.run(&["visits", "--status", "submitted"]).json()).len(), 10);
    for words in ["da nghit", "ĐẠ NGHỊT", "nghịt thôn"] {
        let found = list(&device.run(&["visits", "--query", words]).json());
        assert_eq!(found.len(), 1, "{words}");
        assert_eq!(found[0]["id"], id);
    }
    let (mut seen, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
    loop {
        let mut args = vec!["visits", "--limit", "4"];
        if let Some(after) = &after {
            args.extend(["--after", after]);
        }
        let page = device.run(&args).json();
        seen.extend(list(&page).iter().map(|item| item["id"].clone()));
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 11);
    assert_eq!(device.run(&["visits", "--after", "nonsense"]).code, 2);
    assert_eq!(device.run(&["visits", "--from", "yesterday"]).code, 2);
    assert_eq!(
        list(&device.run(&["visits", "--from", "2026-09-01", "--to", "2026-09-01", "--query", "nghit"]).json()).len(),
        1
    );
    // Tables for people name the same records.
    let mut call = Command::new(gandan());
    let table = Said::run(call.arg("--home").arg(device.home()).args(["visits", "--lang", "en"]), b"");
    assert_eq!((table.code, table.out.lines().count()), (0, 12), "{}", table.out);
}

#[test]
fn drafts_wait_until_they_are_handed_in() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Bản đầu.");
    device.run(&["edit", &visit, "note=Bản đầu. Thêm.", "--draft"]).json();
    device.run(&["edit", &visit, "hot_spot=watch", "--draft"]).json();
    assert_eq!(device.show(&visit)["note"], "Bản đầu.");
    assert_eq!(device.show(&visit)["state"], "draft");
    assert_eq!(list(&device.run(&["drafts"]).json()).len(), 1);
    let steps = |device: &Device| device.show(&visit)["history"].as_array().unwrap().len();
    assert_eq!(steps(&device), 1);

    // What somebody saves meanwhile is merged and not overwritten.
    device.run(&["edit", &visit, "note=Trước. Bản đầu."]).json();
    device.run(&["drafts", "--submit", &visit]).json();
    let shown = device.show(&visit);
    assert_eq!(shown["note"], "Trước. Bản đầu. Thêm.");
    assert_eq!(shown["hot_spot"], "watch");
    assert_eq!(steps(&device), 3);
    assert!(list(&device.run(&["drafts"]).json()).is_empty());

    let said = device.run(&["new", "visit", "note=Mới", "--draft"]).json();
    let draft = said["id"].as_str().unwrap();
    assert_eq!(code(&device.run(&["show", draft])), "not_found");
    assert_eq!(device.run(&["drafts", "--discard", draft]).json()["discarded"], true);
    assert_eq!(code(&device.run(&["drafts", "--submit", draft])), "not_found");
}

#[test]
fn an_issue_gets_a_ticket_and_belongs_where_its_visit_is() {
    let stage = Stage::new();
    let device = stage.device_in("a", &[UNIT, OTHER]);
    assert_eq!(code(&device.run(&["new", "visit", "note=x"])), "unit_missing");
    assert_eq!(code(&device.run(&["new", "visit", "unit=99999"])), "no_grant");
    let visit = device.run(&["new", "visit", "unit=22918", "planned_on=2026-09-13"]).json();
    let visit = format!("visit={}", visit["id"].as_str().unwrap());
    let mut tickets = Vec::new();
    for title in ["title=Cống nghẹt", "title=Đèn hỏng"] {
        let said = device.run(&["new", "issue", &visit, title, "kind=feedback", "field=transport"]).json();
        assert_eq!(said["unit"], OTHER);
        let shown = device.show(said["id"].as_str().unwrap());
        tickets.push(shown["ticket"].as_str().expect("a ticket").to_owned());
    }
    assert_ne!(tickets[0], tickets[1]);
    assert!(tickets.iter().all(|ticket| ticket.starts_with(OTHER)), "{tickets:?}");
}

#[test]
fn a_wrong_key_changes_nothing() {
    let stage = Stage::new();
    let device = stage.device("a");
    new_visit(&device, "Một");
    let database = device.home().join("gandan.db");
    let before = std::fs::read(&database).unwrap();
    let mut call = device.command(&["status"]);
    let said = Said::run(call.env("GANDAN_KEY", "ab".repeat(32)), b"");
    assert_eq!(code(&said), "wrong_key");
    assert_eq!(std::fs::read(&database).unwrap(), before);
    assert_eq!(code(&Said::run(device.command(&["status"]).env("GANDAN_KEY", "short"), b"")), "key");
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 1);
    std::fs::remove_file(device.home().join("key")).unwrap();
    assert_eq!(code(&device.run(&["status"])), "key");
    assert!(!device.home().join("key").exists());
}

#[test]
fn a_second_process_is_told_to_wait() {
    let stage = Stage::new();
    let device = stage.device("a");
    let mut first = device.command(&["record", "--jsonl", "-"]);
    let mut first = first.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = first.stdin.take().unwrap();
    // Looked up and not tried out: a second process that came first would turn the first one away.
    let opened = format!("/proc/{}/fd", first.id());
    gandan_tests::processes::eventually("the first process has the database open", || {
        let files = std::fs::read_dir(&opened).unwrap().flatten();
        let mut files = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        files.any(|file| file.ends_with("gandan.db-wal")).then_some(())
    });
    assert_eq!(code(&device.run(&["status"])), "busy");
    input.write_all(lines(3, 1)[0].as_bytes()).unwrap();
    drop(input);
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 1);
}

#[test]
fn what_was_not_sent_can_be_taken_out() {
    let stage = Stage::new();
    let device = stage.device("a");
    new_visit(&device, "Chưa gửi");
    device.run(&["new", "visit", "note=Nháp", "--draft"]).json();
    let file = stage.folder.path().join("unsent.jsonl");
    let said = device.run(&["export", file.to_str().unwrap()]).json();
    assert_eq!((number(&said, "changes"), number(&said, "drafts")), (1, 1));
    assert!(std::fs::read_to_string(&file).unwrap().lines().count() >= 3);
    assert_eq!(device.run(&["export", file.to_str().unwrap()]).code, 1, "an old export is not overwritten");
    assert_eq!(number(&device.run(&["status"]).json(), "saved_changes"), 1);
}
