//! Input that is not right: a stable code, nothing half-done, nothing lost.

use crate::stage::{Stage, code, id_of, lines, list, new_visit, number};
use gandan_tests::processes::Said;
use serde_json::{Value, json};

#[test]
fn fields_are_checked_and_an_edit_is_all_or_nothing() {
    let stage = Stage::new();
    let device = stage.device("a");
    let visit = new_visit(&device, "Một");
    let long = format!("note={}", "x".repeat(20_001));
    let cases = [
        (&["flying=1"][..], "unknown_field"),
        (&["counts.residents=many"], "wrong_type"),
        (&["counts.residents=-1"], "out_of_range"),
        (&["planned_on=2026-02-30"], "bad_date"),
        (&["planned_on=1899-01-01"], "out_of_range"),
        (&["started_at=yesterday"], "bad_date"),
        (&[long.as_str()], "text_too_long"),
        (&["note=a\u{1}b"], "text_control_character"),
        (&["hot_spot=Rất nóng!"], "bad_code"),
        (&["gps={\"lat\":95,\"lon\":108,\"accuracy_m\":5,\"source\":\"device\"}"], "out_of_range"),
        (&["created_at_ms=1"], "immutable"),
        (&["note=Hai", "counts.residents=many"], "wrong_type"),
    ];
    for (fields, wanted) in cases {
        let mut args = vec!["edit", visit.as_str()];
        args.extend(fields);
        let said = device.run(&args);
        if wanted == "immutable" && said.code == 0 {
            // Written for the first time; the second time it must not change.
            assert_eq!(code(&device.run(&["edit", &visit, "created_at_ms=2"])), wanted);
            continue;
        }
        assert_eq!(code(&said), wanted, "{fields:?}");
    }
    let shown = device.show(&visit);
    assert_eq!((&shown["note"], &shown["counts"]["residents"]["effective"]), (&json!("Một"), &Value::Null));
    // What is allowed though it looks strange.
    let strange = "=HYPERLINK(\"http://x\") <script>alert(1)</script> '; DROP TABLE change; --";
    device.run(&["edit", &visit, &format!("note={strange}")]).json();
    device.run(&["edit", &visit, "programme=of_the_future"]).json();
    device.sync();
    let shown = stage.device("b");
    shown.sync();
    let shown = shown.show(&visit);
    assert_eq!((shown["note"].as_str(), shown["programme"].as_str()), (Some(strange), Some("of_the_future")));
}

#[test]
fn bad_lines_are_told_by_number_and_exit_zero_with_the_good_ones_kept() {
    let stage = Stage::new();
    let device = stage.device("a");
    let mut good = lines(950, 3);
    let elsewhere = good[1].replace("\"24781\"", "\"99999\"");
    let records = [good.remove(0), "{\"schema\":".to_owned(), elsewhere, good.remove(1), "\u{0}".to_owned()];
    let said = device.record(&records);
    let report = said.json();
    let bad: Vec<(u64, &str)> = report["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| (number(bad, "line"), bad["code"].as_str().unwrap()))
        .collect();
    assert_eq!(bad, [(2, "bad_json"), (3, "no_grant"), (5, "bad_json")]);
    assert_eq!(number(&report, "saved"), 2);
    assert_eq!(list(&device.run(&["visits"]).json()).len(), 2);
    assert_eq!(code(&device.run(&["record", "--jsonl", "/no/such/file"])), "file");
}

#[test]
fn personal_data_is_pointed_out_and_never_a_reason_not_to_save() {
    let stage = Stage::new();
    let device = stage.device("a");
    let said = device.run(&["new", "visit", "planned_on=2026-09-13", "note=Gọi bà Ba 0912 345 678"]).json();
    let warning = &said["warnings"][0];
    assert_eq!((said["changed"].as_bool(), warning["field"].as_str()), (Some(true), Some("note")));
    assert!(warning["text"].as_str().unwrap().contains("0912"));
}

#[test]
fn a_full_disk_saves_nothing_and_loses_nothing() {
    // A limit on the size of files stands for the full disk; it is inherited by the process that is started under it.
    let stage = Stage::new();
    let device = stage.device("a");
    let kept = lines(960, 5);
    device.record(&kept).json();
    let size = std::fs::metadata(device.home().join("gandan.db")).unwrap().len();
    let mut call = std::process::Command::new("sh");
    let blocks = size / 512 + 64;
    let gandan = gandan_tests::processes::gandan();
    call.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")).arg(gandan);
    call.arg("--home").arg(device.home()).args(["record", "--jsonl", "-", "--json"]);
    let said = Said::run(&mut call, (lines(961, 400).join("\n") + "\n").as_bytes());
    // A limit on files is an error of its own to the system; a disk that is really full is `disk_full`.
    assert!(["disk_full", "io"].contains(&code(&said).as_str()), "{}", said.err);
    assert!(said.err.contains("Make room"), "{}", said.err);
    let shown = device.show(&id_of(&kept[4]));
    assert_eq!(shown["record"], "visit");
    assert_eq!(number(&device.record(&lines(961, 400)).json(), "saved"), 400);
    assert_eq!(number(&device.run(&["status"]).json(), "visits"), 405);
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    let home = stage.folder.path().join("locked");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o500)).unwrap();
    let said = gandan_tests::processes::Device::new(&home).run(&["status"]);
    // The administrator may write everywhere; for everybody else it is an error that names the folder.
    if std::fs::write(home.join("probe"), "").is_err() {
        assert_eq!(said.code, 1);
        assert!(said.err.contains("locked"), "{}", said.err);
    }
}
