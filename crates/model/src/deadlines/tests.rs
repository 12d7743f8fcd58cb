#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::civil::date;
use serde::Deserialize;

use super::*;
use crate::codes::Lang;

#[derive(Deserialize)]
struct SampleCase {
    ticket: String,
    kind: IssueKind,
    received_on: Date,
    accepted_on: Option<Date>,
    complex: bool,
    duplicate: bool,
    first_notice: Option<Date>,
    first_notice_basis: Option<String>,
    resolve: Option<Date>,
    resolve_basis: Option<String>,
}

fn due(case: &Case<'_>) -> Due {
    Deadlines::builtin().due(case, Calendar::builtin()).unwrap()
}

fn resolve(case: &Case<'_>) -> (Date, String) {
    let due = due(case).resolve.unwrap();
    (due.on, due.basis)
}

#[test]
fn every_issue_of_the_sample_gets_its_due_dates() {
    let cases: Vec<SampleCase> = serde_json::from_str(include_str!("../../tests/fixtures/due-cases.json")).unwrap();
    assert_eq!(cases.len(), 109);
    for sample in cases {
        let case = Case {
            accepted_on: sample.accepted_on,
            complexity: if sample.complex { Complexity::Complex } else { Complexity::Normal },
            duplicate: sample.duplicate,
            ..Case::new(&sample.kind, sample.received_on)
        };
        let due = due(&case);
        let split = |due: Option<DueDate>| due.map(|d| (d.on, d.basis)).unzip();
        let wanted = (sample.first_notice, sample.first_notice_basis);
        assert_eq!(split(due.first_notice), wanted, "{}", sample.ticket);
        assert_eq!(split(due.resolve), (sample.resolve, sample.resolve_basis), "{}", sample.ticket);
    }
}

#[test]
fn complaints_by_remoteness_complexity_and_instance() {
    let table = [
        (false, Complexity::Normal, Instance::First, 30, "LKN_art28_30_days"),
        (false, Complexity::Complex, Instance::First, 45, "LKN_art28_45_days"),
        (true, Complexity::Normal, Instance::First, 45, "LKN_art28_45_days"),
        (true, Complexity::Complex, Instance::First, 60, "LKN_art28_60_days"),
        (true, Complexity::EspeciallyComplex, Instance::First, 60, "LKN_art28_60_days"),
        (false, Complexity::Normal, Instance::Second, 45, "LKN_art37_45_days"),
        (false, Complexity::Complex, Instance::Second, 60, "LKN_art37_60_days"),
        (true, Complexity::Normal, Instance::Second, 60, "LKN_art37_60_days"),
        (true, Complexity::Complex, Instance::Second, 70, "LKN_art37_70_days"),
    ];
    let accepted = date(2026, 3, 2);
    for (remote, complexity, instance, days, basis) in table {
        let case = Case {
            accepted_on: Some(accepted),
            remote,
            complexity,
            instance,
            ..Case::new(&IssueKind::Complaint, date(2026, 2, 23))
        };
        let on = Calendar::builtin().add_days_then_next_working_day(accepted, days).unwrap();
        assert_eq!(resolve(&case), (on, basis.to_owned()));
    }
}

#[test]
fn denunciations_by_places_and_complexity() {
    let mut case = Case::new(&IssueKind::Denunciation, date(2026, 8, 11));
    assert_eq!(due(&case).resolve, None, "no settlement clock before acceptance");
    case.several_places = true;
    let notice = due(&case).first_notice.unwrap();
    assert_eq!((notice.on, notice.basis.as_str()), (date(2026, 8, 25), "LTC_art24_10_working_days"));
    case.accepted_on = Some(date(2026, 3, 2));
    for (complexity, basis) in [
        (Complexity::Normal, "LTC_art30_30_days"),
        (Complexity::Complex, "LTC_art30_60_days"),
        (Complexity::EspeciallyComplex, "LTC_art30_90_days"),
    ] {
        case.complexity = complexity;
        assert_eq!(resolve(&case).1, basis);
    }
}

#[test]
fn unknown_kinds_get_the_general_clocks() {
    let kind = IssueKind::from("kind_of_a_newer_app");
    let due = due(&Case::new(&kind, date(2026, 8, 9)));
    assert_eq!(due.first_notice.unwrap().basis, "QD11_10_working_days");
    let target = due.resolve.unwrap();
    assert!(target.target);
    assert_eq!(target.basis, "local_target_30_days");
}

#[test]
fn a_rule_of_law_is_not_replaced_by_a_target_outside_its_dates() {
    let case = Case::new(&IssueKind::Complaint, date(2010, 1, 4));
    assert_eq!(due(&case), Due::default());
}

#[test]
fn the_local_target_is_a_setting() {
    let rules = Deadlines::builtin().with_local_target(15).unwrap();
    let case = Case::new(&IssueKind::Feedback, date(2026, 10, 4));
    let due = rules.due(&case, Calendar::builtin()).unwrap().resolve.unwrap();
    assert_eq!((due.on, due.basis.as_str()), (date(2026, 10, 19), "local_target_15_days"));
    assert_eq!(Deadlines::builtin().with_local_target(0).unwrap_err().code(), "deadline_rule");
}

#[test]
fn explanation_names_the_holidays() {
    let case = Case::new(&IssueKind::Feedback, date(2026, 8, 23));
    let rows = Deadlines::builtin().explain(&case, Calendar::builtin()).unwrap();
    let steps: Vec<_> = rows.iter().map(|row| row.step.as_str()).collect();
    assert_eq!(steps, ["party_notice", "settle_local", "petition_classify"]);
    let notice = &rows[0];
    assert_eq!(notice.due_on, Some(date(2026, 9, 8)));
    assert_eq!(notice.skipped.len(), 6, "two weekends and two holidays");
    assert!(!notice.verified);
    let text = notice.sentence(Lang::Vi);
    assert!(text.contains("10 ngày làm việc kể từ ngày tiếp nhận 23/08/2026"), "{text}");
    assert!(text.contains("02/09/2026 (Quốc khánh)"), "{text}");
    assert!(text.contains("Hết hạn: cuối ngày 08/09/2026."), "{text}");
    let case = Case::new(&IssueKind::Feedback, date(2026, 8, 2));
    let rows = Deadlines::builtin().explain(&case, Calendar::builtin()).unwrap();
    assert_eq!(rows[1].counted_to, Some(date(2026, 9, 1)));
    let text = rows[1].sentence(Lang::En);
    assert!(text.contains("last day fell on 01/09/2026 (National Day holiday), 02/09/2026"), "{text}");
}

#[test]
fn explanation_shows_clocks_that_wait() {
    let case = Case::new(&IssueKind::Complaint, date(2026, 8, 11));
    let rows = Deadlines::builtin().explain(&case, Calendar::builtin()).unwrap();
    let waiting = rows.iter().find(|row| row.purpose == Purpose::Resolve).unwrap();
    assert_eq!((waiting.due_on, waiting.days), (None, 30));
    assert!(waiting.sentence(Lang::En).contains("not accepted yet"));
    let duplicate = Case { duplicate: true, ..case };
    assert!(Deadlines::builtin().explain(&duplicate, Calendar::builtin()).unwrap().is_empty());
}

#[test]
fn explanations_agree_with_the_due_dates() {
    for kind in IssueKind::KNOWN {
        for accepted_on in [None, Some(date(2026, 8, 20))] {
            for remote in [false, true] {
                let case = Case { accepted_on, remote, ..Case::new(kind, date(2026, 8, 12)) };
                let due = due(&case);
                let rows = Deadlines::builtin().explain(&case, Calendar::builtin()).unwrap();
                for (purpose, date) in [(Purpose::FirstNotice, due.first_notice), (Purpose::Resolve, due.resolve)] {
                    let of_purpose: Vec<_> = rows.iter().filter(|r| r.purpose == purpose).collect();
                    assert_eq!(of_purpose.len(), 1, "{kind}");
                    assert_eq!(of_purpose[0].due_on, date.map(|d| d.on));
                }
            }
        }
    }
}

#[test]
fn bad_rules_are_refused() {
    let change = |edit: &dyn Fn(&mut DeadlineData)| {
        let mut data = Deadlines::builtin().data().clone();
        edit(&mut data);
        Deadlines::new(data).unwrap_err().code()
    };
    assert_eq!(change(&|d| d.rules[0].days = 0), "deadline_rule");
    assert_eq!(change(&|d| d.rules[0].valid_to = Some(date(2000, 1, 1))), "deadline_rule");
    assert_eq!(change(&|d| d.rules[1].id = d.rules[0].id.clone()), "deadline_rule");
    assert_eq!(change(&|d| d.rules[1].remote = None), "deadline_ambiguous");
    let twin = |d: &mut DeadlineData| {
        let mut twin = d.rules[0].clone();
        twin.id = "twin".to_owned();
        d.rules.push(twin);
    };
    assert_eq!(change(&twin), "deadline_ambiguous");
    let copies = |d: &mut DeadlineData| d.rules = vec![d.rules[0].clone(); MAX_RULES + 1];
    assert_eq!(change(&copies), "deadline_too_many");
    assert_eq!(Deadlines::from_json("{").unwrap_err().code(), "deadline_form");
}

#[test]
fn a_new_law_can_follow_an_old_one() {
    let mut data = Deadlines::builtin().data().clone();
    data.rules[0].valid_to = Some(date(2026, 6, 30));
    let mut newer = data.rules[0].clone();
    newer.id = "newer".to_owned();
    (newer.days, newer.basis) = (7, "newer_7_days".to_owned());
    (newer.valid_from, newer.valid_to) = (Some(date(2026, 7, 1)), None);
    data.rules.push(newer);
    let rules = Deadlines::new(data).unwrap();
    for (received, basis) in [(date(2026, 6, 30), "LKN_art27_10_days"), (date(2026, 7, 1), "newer_7_days")] {
        let case = Case::new(&IssueKind::Complaint, received);
        let due = rules.due(&case, Calendar::builtin()).unwrap();
        assert_eq!(due.first_notice.unwrap().basis, basis);
    }
}
