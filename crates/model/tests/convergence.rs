//! Any order, any duplication, any partition: whoever holds the same changes sees the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use gandan_model::document::{Document, Stamp};
use gandan_model::genesis::DocKind;
use gandan_model::ids::DeviceId;
use gandan_model::patch::FieldEdit;
use gandan_model::record::Record;
use gandan_model::rules::Rules;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
// In a browser's engine the tests are run by another harness.
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const DEVICES: usize = 4;

/// Something that happens on one of the devices.
#[derive(Debug, Clone)]
enum Step {
    /// It edits; its clock shows this many minutes, whatever the others' clocks show.
    Edit(usize, i64, FieldEdit),
    /// It receives everything that another has.
    Pull(usize, usize),
    /// It receives the n-th change ever made, perhaps again, if it has what that builds on.
    Hear(usize, usize),
}

fn visit_edit() -> impl Strategy<Value = FieldEdit> {
    let official = || (0..3).prop_map(|n| format!("CB-00{n}"));
    let role = prop::sample::select(vec!["lead", "recorder", "member"]);
    let status = prop::sample::select(vec!["planned", "draft", "submitted", "returned", "verified", "cancelled"]);
    let code = |list: &'static [&'static str]| prop::sample::select(list.to_vec());
    prop_oneof![
        "[a-cđấ ]{0,12}".prop_map(|text| FieldEdit::new("note", text)),
        (0..60_i64).prop_map(|n| FieldEdit::new("counts.residents", n)),
        (0..3, 0..9_i64).prop_map(|(group, n)| FieldEdit::new(format!("counts.residents.groups.g{group}"), n)),
        (official(), role).prop_map(|(who, role)| FieldEdit::new(format!("team.{who}"), role)),
        official().prop_map(|who| FieldEdit::new(format!("team.{who}"), Json::Null)),
        code(&["listen", "mediation"]).prop_map(|code| FieldEdit::new("activities.add", code)),
        code(&["listen", "mediation"]).prop_map(|code| FieldEdit::new("activities.remove", code)),
        (0..5, code(&["satisfied", "neutral"]))
            .prop_map(|(card, value)| FieldEdit::new(format!("satisfaction.cards.c{card}"), value)),
        (0..9_i64).prop_map(|n| FieldEdit::new("satisfaction", json!({ "satisfied": n }))),
        (0..24).prop_map(|hour| FieldEdit::new("started_at", format!("2026-09-13T{hour:02}:00:00+07:00"))),
        (0..24).prop_map(|hour| FieldEdit::new("ended_at.correction", format!("2026-09-13T{hour:02}:00:00+07:00"))),
        code(&["none", "watch", "active"]).prop_map(|code| FieldEdit::new("hot_spot", code)),
        code(&["22918", "22924"]).prop_map(|code| FieldEdit::new("unit", code)),
        (1..90_i64).prop_map(|n| {
            FieldEdit::new("gps", json!({"lat": 11.5, "lon": 108.0, "accuracy_m": n, "source": "device"}))
        }),
        (0..2).prop_map(|n| FieldEdit::new(format!("photos.p{n}"), json!({"mime": "image/jpeg"}))),
        (0..2).prop_map(|n| FieldEdit::new(format!("photos.p{n}.privacy_remove"), true)),
        any::<bool>().prop_map(|flag| FieldEdit::new("deleted", flag)),
        status.prop_map(|status| FieldEdit::new("event", json!({"to": status, "at": "2026-09-13T11:00:00+07:00"}))),
    ]
}

fn issue_edit() -> impl Strategy<Value = FieldEdit> {
    let code = |list: &'static [&'static str]| prop::sample::select(list.to_vec());
    let statuses = &["received", "forwarded", "in_progress", "resolved", "replied", "closed", "reopened", "withdrawn"];
    prop_oneof![
        "[a-cđấ ]{0,12}".prop_map(|text| FieldEdit::new("description", text)),
        "[a-c]{1,5}".prop_map(|text| FieldEdit::new("title", text)),
        code(&["feedback", "complaint", "denunciation"]).prop_map(|code| FieldEdit::new("kind", code)),
        code(&["normal", "urgent", "emergency"]).prop_map(|code| FieldEdit::new("priority", code)),
        code(&["SO_XD", "UBND_X"]).prop_map(|code| FieldEdit::new("responsible_agency", code)),
        code(&["given", "refused", "withdrawn"]).prop_map(|code| FieldEdit::new("reporter.consent", code)),
        (1..28).prop_map(|day| FieldEdit::new("received_on", format!("2026-09-{day:02}"))),
        code(&["confirmed", "disputed"]).prop_map(|code| FieldEdit::new("resident_confirmation", code)),
        "[a-c]{1,5}".prop_map(|text| FieldEdit::new("reply", json!({"text": text, "at": "2026-09-13T11:00:00+07:00"}))),
        Just(FieldEdit::new("erased", "request")),
        Just(FieldEdit::new("withdrawal", json!({"statement": "in_writing"}))),
        any::<bool>().prop_map(|flag| FieldEdit::new("deleted", flag)),
        code(statuses).prop_map(|to| FieldEdit::new("event", json!({"to": to, "at": "2026-09-13T11:00:00+07:00"}))),
    ]
}

fn steps(edit: impl Strategy<Value = FieldEdit> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..DEVICES, 0..100_i64, edit).prop_map(|(device, minute, edit)| Step::Edit(device, minute, edit)),
        2 => (0..DEVICES, 0..DEVICES).prop_map(|(to, from)| Step::Pull(to, from)),
        1 => (0..DEVICES, 0..40_usize).prop_map(|(to, n)| Step::Hear(to, n)),
    ];
    prop::collection::vec(step, 1..40)
}

fn run(kind: DocKind, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut devices: Vec<Document> = (0..DEVICES).map(|_| Document::new(kind)).collect();
    let mut made: Vec<Vec<u8>> = Vec::new();
    let mut held: Vec<Vec<usize>> = vec![Vec::new(); DEVICES];
    for step in steps {
        match step {
            Step::Edit(device, minute, edit) => {
                let number = u8::try_from(*device).unwrap() + 1;
                let author = format!("CB-00{}", device % 3);
                let stamp = Stamp { device: DeviceId([number; 8]), author, now_ms: minute * 60_000 };
                if let Some(change) = devices[*device].patch(&stamp, std::slice::from_ref(edit)).unwrap() {
                    held[*device].push(made.len());
                    made.push(change.raw);
                }
            }
            Step::Pull(to, from) => {
                let missing: Vec<usize> = held[*from].iter().filter(|n| !held[*to].contains(n)).copied().collect();
                devices[*to].apply(missing.iter().map(|n| made[*n].as_slice())).unwrap();
                held[*to].extend(missing);
            }
            Step::Hear(to, n) => {
                let Some(raw) = made.get(*n) else { continue };
                let new = devices[*to].apply([raw.as_slice()]).is_ok() && !held[*to].contains(n);
                held[*to].extend(new.then_some(*n));
            }
        }
    }
    // In the order in which they were made every change follows what it builds on.
    let all = || made.iter().map(Vec::as_slice);
    let rules = Rules::default();
    let wanted = Record::of(
        &{
            let mut fresh = Document::new(kind);
            fresh.apply(all()).unwrap();
            fresh
        },
        &rules,
        "22918",
    );
    for device in &mut devices {
        device.apply(all()).unwrap();
        device.apply(all()).unwrap();
        prop_assert_eq!(&Record::of(device, &rules, "22918"), &wanted);
        let read_again = Document::load(&device.save()).unwrap();
        prop_assert_eq!(&Record::of(&read_again, &rules, "22918"), &wanted);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn visits_converge(steps in steps(visit_edit())) {
        run(DocKind::Visit, &steps)?;
    }

    #[test]
    fn issues_converge(steps in steps(issue_edit())) {
        run(DocKind::Issue, &steps)?;
    }
}
