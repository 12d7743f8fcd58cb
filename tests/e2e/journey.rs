//! A visit's way: recorded without a network, edited on two phones, merged, decided, shown to the office.

use crate::stage::{OTHER, Stage, UNIT, id_of, lines, list, new_visit, number};
use gandan_tests::processes::eventually;
use serde_json::Value;

#[test]
fn what_is_recorded_offline_reaches_the_others() {
    let mut stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    let records = lines(11, 20);
    stage.server.stop();
    let report = a.record(&records).json();
    assert_eq!((number(&report, "saved"), number(&report, "bad_lines")), (20, 0));
    let again = a.record(&records).json();
    assert_eq!((number(&again, "unchanged"), number(&again, "documents")), (20, 0));
    assert_eq!(list(&a.run(&["visits", "--limit", "100"]).json()).len(), 20);

    stage.server.start();
    let report = a.sync();
    assert_eq!(number(&report, "pushed"), number(&a.record(&[]).json(), "documents") + changes(&records));
    assert_eq!(number(&report, "waiting"), 0);
    assert_eq!(report["refused"], serde_json::json!([]));
    let report = b.sync();
    assert_eq!(number(&report, "pulled"), changes(&records));
    let id = id_of(&records[7]);
    let (mut here, mut there) = (a.show(&id), b.show(&id));
    assert_eq!(there["state"], "synced");
    // The same record, the same history; only where it stands is each device's own matter.
    here["state"] = Value::Null;
    there["state"] = Value::Null;
    assert_eq!(here, there);
    stage.await_visits(20);
}

/// One for each visit and one for each issue.
fn changes(lines: &[String]) -> u64 {
    let issues = |line: &String| {
        let visit: Value = serde_json::from_str(line).unwrap();
        visit["issues"].as_array().unwrap().len() as u64
    };
    lines.iter().map(|line| 1 + issues(line)).sum()
}

#[test]
fn concurrent_edits_merge_and_a_person_decides_the_rest() {
    let stage = Stage::new();
    let (a, b) = (stage.device("CB-001"), stage.device("CB-002"));
    let visit = new_visit(&a, "Bà con nêu hai việc.");
    a.sync();
    b.sync();
    // Neither sees the other.
    a.run(&["edit", &visit, "note=Bà con nêu hai việc. Việc thứ nhất: cống nghẹt.", "counts.residents=46"]).json();
    b.run(&["edit", &visit, "note=Bà con nêu hai việc. Việc thứ hai: đèn hỏng.", "counts.residents=52"]).json();
    b.run(&["edit", &visit, "place.name=Thôn 2"]).json();
    a.run(&["edit", &visit, "place.name=Thôn 1"]).json();
    for device in [&a, &b, &a, &b] {
        device.sync();
    }
    let (here, there) = (a.show(&visit), b.show(&visit));
    for field in ["note", "counts", "place", "review", "history"] {
        assert_eq!(here[field], there[field], "{field}");
    }
    let note = here["note"].as_str().unwrap();
    assert!(note.contains("cống nghẹt") && note.contains("đèn hỏng"), "{note}");
    let review = list(&b.run(&["review"]).json());
    let fields: Vec<&str> = review.iter().filter_map(|item| item["field"].as_str()).collect();
    assert!(fields.contains(&"counts.residents") && fields.contains(&"place.name"), "{fields:?}");

    b.run(&["resolve", &visit, "place.name", "Thôn 1"]).json();
    b.run(&["resolve", &visit, "counts.residents", "46"]).json();
    b.sync();
    a.sync();
    assert_eq!(a.show(&visit)["place"]["name"], "Thôn 1");
    assert!(list(&a.run(&["review"]).json()).is_empty());
    // What lost is still there to be seen.
    let history = a.show(&visit)["history"].to_string();
    assert!(history.contains("Thôn 2") && history.contains("52"), "{history}");
}

#[test]
fn nothing_changed_costs_one_small_round_trip() {
    let stage = Stage::new();
    let device = stage.device_in("a", &[UNIT, OTHER, "24787"]);
    device.record(&lines(21, 60)).json();
    device.sync();
    for _ in 0..3 {
        let report = device.sync();
        assert_eq!(number(&report, "round_trips"), 1);
        assert!(number(&report, "bytes_up") <= 150, "{report}");
        assert!(number(&report, "bytes_down") <= 150, "{report}");
        assert_eq!((number(&report, "pushed"), number(&report, "pulled")), (0, 0));
    }
}

#[test]
fn a_change_of_one_field_is_small_and_arrives() {
    let stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    let records = lines(31, 1);
    a.record(&records).json();
    a.sync();
    b.sync();
    let idle = number(&a.sync(), "bytes_up");
    a.run(&["edit", &id_of(&records[0]), "hot_spot=active"]).json();
    let report = a.sync();
    assert_eq!(number(&report, "round_trips"), 1);
    let envelope = number(&report, "bytes_up") - idle;
    assert!(envelope <= 150, "{envelope} bytes");
    assert_eq!(number(&b.sync(), "pulled"), 1);
    assert_eq!(b.show(&id_of(&records[0]))["hot_spot"], "active");
}

#[test]
fn a_large_outbox_goes_out_in_pieces_and_a_new_phone_gets_it_all() {
    let stage = Stage::new();
    let (a, b) = (stage.device("a"), stage.device("b"));
    let records = lines(41, 400);
    a.record(&records).json();
    let sealed = a.run(&["seal"]).json();
    assert!(number(&sealed, "envelopes") > 3, "{sealed}");
    assert_eq!(number(&a.run(&["seal"]).json(), "envelopes"), 0);
    assert_eq!(number(&a.sync(), "waiting"), 0);
    // One round trip at a time: every call goes on where the last one ended.
    let mut calls = 0;
    while b.run(&["sync", "--rounds", "1"]).json()["more"] == true {
        calls += 1;
        assert!(calls < 50, "never comes to an end");
    }
    assert_eq!(number(&b.run(&["status"]).json(), "visits"), 400);
    let report = b.sync();
    assert_eq!((number(&report, "round_trips"), number(&report, "pulled")), (1, 0));
}

#[test]
fn the_office_sees_who_changed_what() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Một");
    device.run(&["edit", &visit, "counts.residents=12"]).json();
    device.sync();
    let shown = eventually("the visit is shown", || stage.find(&format!("/api/v1/visits/{visit}")));
    assert!(shown.to_string().contains("Một"), "{shown}");
    assert_eq!(list(&stage.api("/api/v1/visits?limit=10"))[0]["residents"], 12);
}
