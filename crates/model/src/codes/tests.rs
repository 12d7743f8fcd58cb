#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use super::*;

#[test]
fn unknown_codes_survive_json() {
    let json = r#"["land","space_travel","other"]"#;
    let fields: Vec<IssueField> = serde_json::from_str(json).unwrap();
    assert_eq!(fields, [IssueField::Land, IssueField::Other("space_travel".into()), IssueField::Miscellaneous]);
    assert!(!fields[1].is_known());
    assert!(fields[2].is_known());
    assert_eq!(fields[1].label(Lang::Vi), "space_travel");
    assert_eq!(serde_json::to_string(&fields).unwrap(), json);
}

#[test]
fn every_code_round_trips_and_is_well_formed() {
    fn check<C: CodeList + From<String> + PartialEq + std::fmt::Debug>() {
        for code in C::known() {
            assert!(is_code_form(code.as_code()), "{code:?}");
            assert_eq!(&C::from(code.as_code().to_owned()), code);
            assert!(!code.label_in(Lang::Vi).is_empty());
            assert!(!code.label_in(Lang::En).is_empty());
        }
    }
    check::<Programme>();
    check::<IssueField>();
    check::<IssueStatus>();
    check::<Consent>();
    check::<HotSpot>();
    check::<UnitType>();
}

#[test]
fn table_has_every_list_once_and_no_code_twice() {
    let rows = all_code_lists(&Labels::new());
    let lists: BTreeSet<_> = rows.iter().map(|r| r.list.as_str()).collect();
    assert_eq!(lists.len(), 27);
    let codes: BTreeSet<_> = rows.iter().map(|r| (r.list.as_str(), r.code.as_str())).collect();
    assert_eq!(codes.len(), rows.len());
    for (list, size) in [("issue_field", 23), ("issue_status", 13), ("programme", 8), ("activity", 10)] {
        assert_eq!(rows.iter().filter(|r| r.list == list).count(), size, "{list}");
    }
    for row in &rows {
        assert!(is_code_form(&row.code), "{row:?}");
        assert_eq!(row.vi, crate::text::nfc(&row.vi));
        assert!(is_code_form(&row.list));
    }
}

#[test]
fn labels_can_be_overridden() {
    let mut labels = Labels::new();
    assert_eq!(labels.label(&Programme::SundayWithPeople, Lang::Vi), "Ngày Chủ nhật với dân");
    labels.set("programme", "sunday_with_people", Lang::Vi, "Chủ nhật cùng dân");
    assert_eq!(labels.label(&Programme::SundayWithPeople, Lang::Vi), "Chủ nhật cùng dân");
    assert_eq!(labels.label(&Programme::SundayWithPeople, Lang::En), "Sunday with the People");
    assert_eq!(labels.label(&Programme::AdHoc, Lang::Vi), "Làm việc đột xuất");
    let json = serde_json::to_string(&labels).unwrap();
    assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
    let row = all_code_lists(&labels).into_iter().next().unwrap();
    assert_eq!(row.vi, "Chủ nhật cùng dân");
}

#[test]
fn order_is_the_order_of_declaration() {
    assert!(Priority::Normal < Priority::Urgent);
    assert!(Programme::AdHoc < Programme::Other("a".into()));
    assert!(Programme::Other("a".into()) < Programme::Other("b".into()));
}

#[test]
fn ranks_follow_the_merge_rules() {
    assert!(IssueKind::Denunciation.strictness() > IssueKind::Complaint.strictness());
    assert!(IssueKind::Complaint.strictness() > IssueKind::Recommendation.strictness());
    assert_eq!(IssueKind::Feedback.strictness(), IssueKind::Suggestion.strictness());
    assert!(HotSpot::Watch.severity() < HotSpot::Active.severity());
    assert!(HotSpot::None.severity() < HotSpot::Resolved.severity());
    assert!(Consent::Refused.protectiveness() > Consent::Given.protectiveness());
    assert!(Consent::Withdrawn.protectiveness() > Consent::Given.protectiveness());
    assert!(Consent::Other("x".into()).protectiveness() > Consent::Given.protectiveness());
    assert!(Confidentiality::Restricted.strictness() > Confidentiality::Normal.strictness());
    assert!(Confirmation::Disputed.rank() > Confirmation::Confirmed.rank());
    assert!(IssueStatus::Reopened.progress() > IssueStatus::Closed.progress());
    assert!(IssueStatus::InProgress.progress() > IssueStatus::Withdrawn.progress());
}

#[test]
fn photo_consent_protects_identifiable_people() {
    assert!(!PhotoConsent::NotNeeded.allows(&PeopleVisible::Identifiable));
    assert!(!PhotoConsent::PublicActivityNotice.allows(&PeopleVisible::Identifiable));
    assert!(PhotoConsent::Given.allows(&PeopleVisible::Identifiable));
    assert!(PhotoConsent::PublicActivityNotice.allows(&PeopleVisible::Crowd));
    assert!(!PhotoConsent::Withdrawn.allows(&PeopleVisible::Crowd));
    assert!(!PhotoConsent::PublicActivityNotice.allows(&PeopleVisible::from("faces")));
}

#[test]
fn status_groups_are_disjoint_and_complete() {
    for status in IssueStatus::KNOWN {
        let groups = [status.is_settled(), status.is_exit(), status.is_open()];
        assert_eq!(groups.iter().filter(|g| **g).count(), 1, "{status}");
    }
    assert!(IssueStatus::from("new_state").is_open());
}

#[test]
fn code_form_bounds() {
    assert!(is_code_form("a1_b"));
    for bad in ["", "A", "a b", "đ", "a-b"] {
        assert!(!is_code_form(bad), "{bad}");
    }
    assert!(is_code_form(&"a".repeat(MAX_CODE_BYTES)));
    assert!(!is_code_form(&"a".repeat(MAX_CODE_BYTES + 1)));
}
