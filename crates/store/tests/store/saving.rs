//! Drafts, saves, lists, search.

use gandan_model::document::Document;
use gandan_model::genesis::DocKind;
use gandan_model::ids::SpaceId;
use gandan_store::{Draft, IssueFilter, MAX_DRAFT_BYTES, Page, RecordState, VisitFilter};
use serde_json::json;

use crate::help::{ME, NOW, Phone, SPACE, UNIT, doc, edit, field_grant};

fn draft(number: u32, edits: serde_json::Value) -> Draft {
    Draft {
        id: doc(number),
        space: SPACE,
        kind: Some(DocKind::Visit),
        title: "Thôn 1".into(),
        base: Vec::new(),
        edits,
        created_ms: 0,
        updated_ms: 0,
    }
}

#[test]
fn a_save_is_there_after_reopening_and_its_draft_is_gone() {
    let mut phone = Phone::new();
    phone.store.save_draft(&draft(1, json!([{ "field": "note", "value": "Đường" }])), NOW).unwrap();
    phone.store.save_draft(&draft(1, json!([{ "field": "note", "value": "Đường liên thôn" }])), NOW + 5).unwrap();
    let kept = phone.store.draft(doc(1)).unwrap().unwrap();
    assert_eq!((kept.created_ms, kept.updated_ms), (NOW, NOW + 5));
    assert_eq!(kept.edits[0]["value"], "Đường liên thôn");

    let mut phone = phone.reopen();
    assert_eq!(phone.store.drafts(&Page::first(10)).unwrap().0, [kept]);
    phone.save(DocKind::Visit, doc(1), NOW, &[("note", json!("Đường liên thôn")), ("place.name", json!("Thôn 1"))]);
    assert_eq!(phone.store.draft(doc(1)).unwrap(), None);
    // Two autosaves left no trace in the history.
    assert_eq!(phone.store.changes(doc(1)).unwrap().len(), 1);

    let phone = phone.reopen();
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(1), RecordState::Saved)]);
    let stored = phone.store.document(doc(1)).unwrap().unwrap();
    assert_eq!((stored.unit.as_str(), stored.kind), (UNIT, Some(DocKind::Visit)));
    assert_eq!(gandan_model::visit::Visit::of(&stored.document).note.as_deref(), Some("Đường liên thôn"));
    assert_eq!(phone.store.unsealed(10).unwrap().len(), 1);
    let counts = phone.store.counts().unwrap();
    assert_eq!((counts.visits, counts.drafts, counts.saved_changes), (1, 0, 1));
    assert_eq!(counts.oldest_unsent_ms, Some(NOW));
}

#[test]
fn a_draft_of_a_saved_record_shows_until_it_is_saved_or_discarded() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    phone.store.save_draft(&draft(1, json!({ "anything": true })), NOW).unwrap();
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(1), RecordState::Draft)]);
    assert!(phone.store.discard_draft(doc(1)).unwrap());
    assert!(!phone.store.discard_draft(doc(1)).unwrap());
    assert_eq!(phone.visits(&VisitFilter::default()), [(doc(1), RecordState::Saved)]);
    phone.store.save_draft(&draft(1, json!({})), NOW).unwrap();
    phone.save(DocKind::Visit, doc(1), NOW + 1, &[("place.name", json!("Thôn 2"))]);
    assert_eq!(phone.state(doc(1)), RecordState::Saved);
}

#[test]
fn too_large_a_draft_is_refused_and_the_last_one_stays() {
    let mut phone = Phone::new();
    phone.store.save_draft(&draft(1, json!("small")), NOW).unwrap();
    let error = phone.store.save_draft(&draft(1, json!("x".repeat(MAX_DRAFT_BYTES))), NOW).unwrap_err();
    assert_eq!(error.code(), "too_large");
    assert_eq!(phone.store.draft(doc(1)).unwrap().unwrap().edits, json!("small"));
}

#[test]
fn what_cannot_be_saved_changes_nothing() {
    let mut phone = Phone::new();
    let mut document = Document::new(DocKind::Visit);
    let first = edit(&mut document, ME, NOW, &[("place.name", json!("A"))]);
    let second = edit(&mut document, ME, NOW, &[("place.name", json!("B"))]);
    let code = |result: Result<(), gandan_store::StoreError>| result.unwrap_err().code();
    let unknown = SpaceId([9; 16]);
    assert_eq!(code(phone.store.commit(unknown, doc(1), &document, &first, None, NOW)), "unknown_space");
    // The second without the first.
    assert_eq!(code(phone.store.commit(SPACE, doc(1), &document, &second, None, NOW)), "bad_document");
    let mut torn = first.clone();
    torn.raw.pop();
    assert_eq!(code(phone.store.commit(SPACE, doc(1), &document, &torn, None, NOW)), "bad_document");
    assert_eq!(phone.store.counts().unwrap(), gandan_store::Counts::default());
    assert!(phone.store.document(doc(1)).unwrap().is_none());

    phone.store.commit(SPACE, doc(1), &document, &first, None, NOW).unwrap();
    phone.store.commit(SPACE, doc(1), &document, &second, None, NOW).unwrap();
    phone.store.commit(SPACE, doc(1), &document, &second, None, NOW).unwrap();
    assert_eq!(phone.store.changes(doc(1)).unwrap().len(), 2);
    let other = SpaceId([8; 16]);
    phone.store.grant(&field_grant(other, "24850")).unwrap();
    assert_eq!(code(phone.store.commit(other, doc(1), &document, &second, None, NOW)), "wrong_space");
}

#[test]
fn many_are_saved_or_none() {
    let mut phone = Phone::new();
    let mut documents = Vec::new();
    for number in 0..3 {
        let mut document = Document::new(DocKind::Visit);
        let change = edit(&mut document, ME, NOW, &[("place.name", json!(format!("Thôn {number}")))]);
        documents.push((doc(number), document, change));
    }
    let mut commits: Vec<_> = documents
        .iter()
        .map(|(id, document, change)| gandan_store::Commit { space: SPACE, id: *id, document, change, draft: None })
        .collect();
    commits[2].space = SpaceId([9; 16]);
    assert!(phone.store.commit_many(&commits, NOW).is_err());
    assert_eq!(phone.store.counts().unwrap().visits, 0);
    commits[2].space = SPACE;
    phone.store.commit_many(&commits, NOW).unwrap();
    assert_eq!(phone.store.counts().unwrap().visits, 3);
}

#[test]
fn lists_filter_and_page_without_gaps() {
    let mut phone = Phone::new();
    let statuses = ["planned", "submitted", "verified"];
    let programmes = ["sunday_with_people", "household_visit"];
    for number in 0..60_u32 {
        let mut edits = vec![
            ("status", json!(statuses[number as usize % 3])),
            ("programme", json!(programmes[number as usize % 2])),
            ("place.name", json!(format!("Thôn {number}"))),
        ];
        // Several on one day, some without a day.
        if number % 10 != 0 {
            edits.push(("planned_on", json!(format!("2026-11-{:02}", 1 + number % 20))));
        }
        phone.save(DocKind::Visit, doc(number), NOW, &edits);
    }
    let all = phone.visits(&VisitFilter::default());
    assert_eq!(all.len(), 60);
    for size in [1, 7, 30, 60, 500] {
        let (mut paged, mut page) = (Vec::new(), Page::first(size));
        loop {
            let got = phone.store.visits(&VisitFilter::default(), &page).unwrap();
            paged.extend(got.items.iter().map(|item| (item.row.id, item.state)));
            match got.next {
                // As text and back, as an app would keep it.
                Some(next) => page = Page::after(next.to_string().parse().unwrap(), size),
                None => break,
            }
        }
        assert_eq!(paged, all, "page size {size}");
    }
    let with = |change: fn(&mut VisitFilter)| {
        let mut filter = VisitFilter::default();
        change(&mut filter);
        phone.visits(&filter).len()
    };
    assert_eq!(with(|f| f.status = Some("verified".into())), 20);
    assert_eq!(with(|f| f.programme = Some("household_visit".into())), 30);
    assert_eq!(with(|f| f.unit = Some(UNIT.into())), 60);
    assert_eq!(with(|f| f.unit = Some("00000".into())), 0);
    assert_eq!(with(|f| f.from = Some(jiff::civil::date(2026, 11, 1))), 54);
    assert_eq!(with(|f| f.to = Some(jiff::civil::date(2026, 11, 30))), 54);
    assert_eq!(with(|f| f.state = Some(RecordState::Saved)), 60);
    assert_eq!(with(|f| f.state = Some(RecordState::Synced)), 0);
    assert_eq!(with(|f| f.query = Some("thon 5".into())), 11);
    let newest = phone.store.visits(&VisitFilter::default(), &Page::first(1)).unwrap();
    assert_eq!(newest.items[0].row.date, Some(jiff::civil::date(2026, 11, 20)));
}

#[test]
fn search_folds_and_follows_every_save() {
    let mut phone = Phone::new();
    phone.save(
        DocKind::Visit,
        doc(1),
        NOW,
        &[("place.name", json!("Buôn Đăk N'Drót")), ("note", json!("Thủy lợi: kênh nội đồng bị sạt lở"))],
    );
    phone.save(DocKind::Visit, doc(2), NOW, &[("place.name", json!("Thôn Quý Hòa"))]);
    let find = |phone: &Phone, query: &str| {
        let filter = VisitFilter { query: Some(query.to_owned()), ..VisitFilter::default() };
        phone.visits(&filter).into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    for query in ["đắk", "dak ndrot", "Thuỷ lợi", "thuy", "kenh  NOI", "kên", "sạt-lở"] {
        assert_eq!(find(&phone, query), [doc(1)], "{query}");
    }
    assert_eq!(find(&phone, "quí hoà"), [doc(2)]);
    assert_eq!(find(&phone, UNIT).len(), 2);
    // Words that do not occur, and what would mean something in other languages.
    for query in ["khong", "thuy khong", "dak OR quy", "\"dak", "dak NOT loi", "words:dak", "*"] {
        let found = find(&phone, query);
        assert!(found.is_empty() || query == "\"dak" || query == "*", "{query}: {found:?}");
    }
    assert_eq!(find(&phone, "*").len(), 2, "a query without words is no condition");
    phone.save(DocKind::Visit, doc(1), NOW + 1, &[("note", json!("Cầu treo"))]);
    assert!(find(&phone, "kenh").is_empty());
    assert_eq!(find(&phone, "cau treo"), [doc(1)]);
    assert_eq!(find(&phone, "dak"), [doc(1)]);
}

#[test]
fn issues_are_listed_by_visit_kind_and_agency() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    for number in 2..6_u32 {
        let mut edits = vec![
            ("title", json!(format!("Đường hỏng {number}"))),
            ("kind", json!(if number % 2 == 0 { "complaint" } else { "feedback" })),
            ("received_on", json!("2026-11-15")),
        ];
        if number < 5 {
            edits.push(("visit", json!(doc(1).to_string())));
        }
        if number == 3 {
            edits.push(("responsible_agency", json!("UBND xã")));
        }
        phone.save(DocKind::Issue, doc(number), NOW, &edits);
    }
    let find = |change: fn(&mut IssueFilter)| {
        let mut filter = IssueFilter::default();
        change(&mut filter);
        let page = phone.store.issues(&filter, &Page::first(10)).unwrap();
        page.items.into_iter().map(|item| item.row.id).collect::<Vec<_>>()
    };
    assert_eq!(find(|_| ()), [doc(5), doc(4), doc(3), doc(2)]);
    assert_eq!(find(|f| f.visit = Some(doc(1))), [doc(4), doc(3), doc(2)]);
    assert_eq!(find(|f| f.kind = Some("complaint".into())), [doc(4), doc(2)]);
    assert_eq!(find(|f| f.agency = Some("UBND xã".into())), [doc(3)]);
    assert_eq!(find(|f| f.query = Some("duong hong 4".into())), [doc(4)]);
    assert_eq!(phone.visits(&VisitFilter::default()).len(), 1);
    let (items, next) = phone.store.documents(DocKind::Issue, Some(UNIT), &Page::first(3)).unwrap();
    assert_eq!(items.len(), 3);
    let (rest, end) = phone.store.documents(DocKind::Issue, None, &Page::after(next.unwrap(), 3)).unwrap();
    assert_eq!((rest[0].id, end), (doc(5), None));
}

#[test]
fn deleted_records_leave_the_lists() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    phone.save(DocKind::Visit, doc(1), NOW, &[("deleted", json!(true))]);
    assert!(phone.visits(&VisitFilter::default()).is_empty());
    assert_eq!(phone.visits(&VisitFilter { deleted: true, ..VisitFilter::default() }).len(), 1);
    assert_eq!(phone.store.counts().unwrap().visits, 0);
}

#[test]
fn rows_can_be_derived_again_in_steps() {
    let mut phone = Phone::new();
    for number in 0..5 {
        phone.save(DocKind::Visit, doc(number), NOW, &[("place.name", json!(format!("Thôn {number}")))]);
    }
    assert!(!phone.store.needs_reprojection().unwrap());
    phone.store.begin_reprojection().unwrap();
    let first = phone.store.reproject(3).unwrap();
    assert_eq!((first.done, first.failed, first.finished), (3, 0, false));
    let mut phone = phone.reopen();
    assert!(phone.store.needs_reprojection().unwrap());
    let second = phone.store.reproject(30).unwrap();
    assert_eq!((second.done, second.finished), (2, true));
    assert!(!phone.store.needs_reprojection().unwrap());
    let filter = VisitFilter { query: Some("thon 3".into()), ..VisitFilter::default() };
    assert_eq!(phone.visits(&filter), [(doc(3), RecordState::Saved)]);
}

#[test]
fn a_row_of_an_older_form_is_derived_when_it_is_shown() {
    let mut phone = Phone::new();
    phone.save(DocKind::Visit, doc(1), NOW, &[("place.name", json!("Thôn 1"))]);
    phone.save(DocKind::Issue, doc(2), NOW, &[("title", json!("Đường hỏng"))]);
    let before = phone.store.visits(&VisitFilter::default(), &Page::first(9)).unwrap().items.remove(0).row;
    let folder = phone.folder;
    phone.store.close().unwrap();
    let raw = rusqlite::Connection::open(folder.path().join("gandan.db")).unwrap();
    raw.pragma_update(None, "key", crate::opening::pragma_key(folder.path())).unwrap();
    raw.execute("UPDATE list_row SET json = CAST('{\"id\": 1}' AS BLOB)", []).unwrap();
    raw.close().unwrap();
    let store = crate::help::open(folder.path());
    let shown = store.visits(&VisitFilter::default(), &Page::first(9)).unwrap().items.remove(0).row;
    assert_eq!(shown, before);
    let issue = store.issues(&IssueFilter::default(), &Page::first(9)).unwrap().items.remove(0).row;
    assert_eq!(issue.title.as_deref(), Some("Đường hỏng"));
}
