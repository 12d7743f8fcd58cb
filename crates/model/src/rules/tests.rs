#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::civil::date;

use super::*;
use crate::calendar::{CalendarYear, Mark, SpecialDay, SpecialKind};
use crate::codes::IssueKind;
use crate::deadlines::DeadlineRule;

fn target() -> DeadlineRule {
    let data = Rules::default().data();
    data.deadlines.rules.into_iter().find(|rule| rule.target).unwrap()
}

/// The target of thirty days ends with September; from October it is fifteen.
fn shorter() -> RulesChange {
    let old = target();
    let new = DeadlineRule {
        id: "target-15".to_owned(),
        days: 15,
        basis: "local_target_15_days".to_owned(),
        valid_from: Some(date(2026, 10, 1)),
        ..old.clone()
    };
    RulesChange {
        end: vec![RuleEnd { id: old.id, last_day: date(2026, 9, 30) }],
        add: vec![new],
        ..RulesChange::default()
    }
}

fn resolve(rules: &Rules, received: jiff::civil::Date) -> (String, jiff::civil::Date) {
    let due = rules.due(&Case::new(&IssueKind::Feedback, received)).resolve.unwrap();
    (due.basis, due.on)
}

#[test]
fn rules_as_data_come_back_the_same() {
    let data = Rules::default().data();
    let again = RulesData::from_json(&data.to_json().unwrap()).unwrap();
    assert_eq!(again, data);
    assert_eq!(Rules::new(again).unwrap().data(), data);
    assert_eq!(RulesData::from_json(b"{}").unwrap_err().code(), "rules_form");
    assert_eq!(RulesData::from_json(&vec![b' '; MAX_RULES_BYTES + 1]).unwrap_err().code(), "rules_form");
}

#[test]
fn a_rule_holds_for_clocks_that_start_in_its_days() {
    let rules = shorter().applied_to(&Rules::default().data(), "2026-10-01", date(2026, 9, 20)).unwrap();
    assert_eq!(resolve(&rules, date(2026, 9, 30)), ("local_target_30_days".to_owned(), date(2026, 10, 30)));
    assert_eq!(resolve(&rules, date(2026, 10, 1)), ("local_target_15_days".to_owned(), date(2026, 10, 16)));
    assert_eq!(rules.deadlines.version(), "2026-10-01");
}

#[test]
fn two_rules_for_one_case_are_refused() {
    let both = RulesChange { end: Vec::new(), ..shorter() };
    let error = both.applied_to(&Rules::default().data(), "v", date(2026, 9, 20)).unwrap_err();
    assert_eq!(error.code(), "deadline_ambiguous");
}

#[test]
fn only_what_has_not_come_into_force_is_withdrawn() {
    let rules = shorter().applied_to(&Rules::default().data(), "v", date(2026, 9, 20)).unwrap();
    let withdraw = |id: &str| RulesChange { withdraw: vec![id.to_owned()], ..RulesChange::default() };
    let on = |change: RulesChange, today| change.applied_to(&rules.data(), "w", today);
    assert!(on(withdraw("target-15"), date(2026, 9, 30)).is_ok());
    assert_eq!(on(withdraw("target-15"), date(2026, 10, 1)).unwrap_err().code(), "rule_in_force");
    assert_eq!(on(withdraw("nothing"), date(2026, 9, 30)).unwrap_err().code(), "unknown_rule");
}

#[test]
fn holidays_make_up_days_and_remote_units_count_at_once() {
    let day = |on, kind| SpecialDay {
        date: on,
        kind,
        active: true,
        mark: Mark::Primary,
        vi: "Nghỉ".to_owned(),
        en: "Off".to_owned(),
        note: String::new(),
    };
    let change = RulesChange {
        days: vec![
            day(date(2026, 10, 30), SpecialKind::Holiday),
            day(date(2026, 10, 31), SpecialKind::MakeUpWorkingDay),
        ],
        years: vec![CalendarYear { year: 2026, complete: true, mark: Mark::Primary, note: String::new() }],
        remote: [("24781".to_owned(), true)].into(),
        ..RulesChange::default()
    };
    let rules = change.applied_to(&Rules::default().data(), "v", date(2026, 9, 20)).unwrap();
    // The thirtieth is a holiday; the Saturday after it is worked.
    assert_eq!(resolve(&rules, date(2026, 9, 30)).1, date(2026, 10, 31));
    assert!(rules.calendar.is_complete(2026) && rules.is_remote("24781"));
    let back = RulesChange {
        remove_days: vec![date(2026, 10, 30)],
        remote: [("24781".to_owned(), false)].into(),
        ..RulesChange::default()
    };
    let rules = back.applied_to(&rules.data(), "w", date(2026, 9, 20)).unwrap();
    assert_eq!(resolve(&rules, date(2026, 9, 30)).1, date(2026, 10, 30));
    assert!(!rules.is_remote("24781"));
    let error = back.applied_to(&rules.data(), "x", date(2026, 9, 20)).unwrap_err();
    assert_eq!(error.code(), "unknown_day");
}

#[test]
fn texts_are_bounded() {
    let mut change = shorter();
    change.add[0].law_vi = "x".repeat(501);
    let error = change.applied_to(&Rules::default().data(), "v", date(2026, 9, 20)).unwrap_err();
    assert_eq!(error.code(), "text_too_long");
}
