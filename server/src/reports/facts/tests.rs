//! Facts that followed every change answer as facts do that were read from scratch; and they show what a scope shows in SQL.

use std::collections::BTreeSet;

use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_model::patch::FieldEdit;
use gandan_model::sample::read_line;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::Facts;
use crate::reports::day::Day;
use crate::reports::map::{self, Frame, Wanted};
use crate::reports::scope::{Conditions, Question, Scope};
use crate::reports::summary::{self, Area};
use crate::reports::tests::{AS_OF, LINES, NOW_MS, inspector, issue, project, sample};
use crate::reports::{clear, erase, series};

/// Documents of the sample: unit, kind, id, edits.
fn documents() -> Vec<(String, DocKind, DocId, Vec<FieldEdit>)> {
    let visits = LINES.lines().map(|line| read_line(line).unwrap());
    let of = |visit: gandan_model::sample::SampleVisit| {
        let unit = visit.unit;
        visit.documents.into_iter().map(move |document| (unit.clone(), document.kind, document.id, document.edits))
    };
    visits.flat_map(of).collect()
}

fn scopes(units: &[String], rng: &mut ChaCha8Rng) -> Scope {
    let some: BTreeSet<String> = units.sample(rng, 9).cloned().collect();
    match rng.random_range(0..4) {
        0 => Scope::province(),
        1 => inspector(),
        2 => Scope::province().within(&some),
        _ => Scope { agency: Some("so xay dung".to_owned()), ..Scope::province() },
    }
}

/// Every answer that is made of facts.
fn answers(connection: &Connection, facts: &Facts, question: &Question) -> Json {
    let area = Area { id: "province".into(), name: "Lâm Đồng".into(), units: None };
    let wanted = Wanted { from: Some(question.from), to: Some(question.to), ..Wanted::default() };
    let frame = Frame { west: 106.0, south: 10.0, east: 110.0, north: 13.0, zoom: 9 };
    let (scope, today) = (&question.scope, question.as_of);
    json!({
        "summary": summary::query(connection, facts, question, area, NOW_MS).unwrap(),
        "series": series::query(connection, facts, question).unwrap(),
        "emulation": series::emulation(connection, facts, question).unwrap(),
        "units": map::units(connection, facts, scope, &wanted, today).unwrap(),
        "visits": map::visits(connection, facts, scope, &wanted, frame).unwrap(),
        "issues": map::issues(connection, facts, scope, &wanted, frame, today).unwrap(),
        "late": map::issues(connection, facts, scope, &Wanted { overdue: true, ..wanted }, frame, today).unwrap(),
    })
}

/// Something that happens to the rows, as the projector makes it happen.
fn change(connection: &Connection, documents: &[(String, DocKind, DocId, Vec<FieldEdit>)], rng: &mut ChaCha8Rng) {
    let (unit, kind, id, edits) = documents.choose(rng).unwrap();
    match rng.random_range(0..12) {
        0..4 => {
            let mut edits = edits.clone();
            if *kind == DocKind::Issue {
                edits.push(FieldEdit::new("responsible_agency", *["Sở Xây dựng", "Sở Y tế"].choose(rng).unwrap()));
                edits.push(FieldEdit::new("field", *["land", "environment"].choose(rng).unwrap()));
            } else if *kind == DocKind::Visit {
                edits.push(FieldEdit::new("hot_spot", *["none", "watch", "active"].choose(rng).unwrap()));
            }
            project(connection, unit, *kind, *id, &edits);
        }
        4..7 => issue(connection, rng.random(), rng.random_range(1..=28), Some(rng.random_range(1..5))),
        7 => erase(connection, &SpaceId([0; 16]), id).unwrap(),
        8 => {
            let sql = "UPDATE issue_row SET resolve_due = resolve_due + ?1 WHERE n % 5 = ?2";
            connection.execute(sql, (rng.random_range(-9..9), rng.random_range(0..5))).unwrap();
        }
        9 => {
            let sql = "DELETE FROM fact_change WHERE seq <= (SELECT max(seq) FROM fact_change) - ?1";
            connection.execute(sql, [rng.random_range(1..4)]).unwrap();
        }
        10 if rng.random_bool(0.2) => clear(connection).unwrap(),
        _ => project(connection, unit, *kind, *id, edits).kind().map_or((), |_| ()),
    }
}

#[test]
fn facts_that_followed_answer_as_facts_read_from_scratch() {
    let seed = 20_261_127;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (connection, documents, followed) = (sample(), documents(), Facts::default());
    let units: Vec<String> = documents.iter().map(|(unit, ..)| unit.clone()).collect();
    let mut told = BTreeSet::new();
    for round in 0..150 {
        for _ in 0..rng.random_range(0..4) {
            change(&connection, &documents, &mut rng);
        }
        let from = Day(AS_OF.0 - rng.random_range(0..120));
        let question = Question {
            from,
            to: Day(from.0 + rng.random_range(0..120)),
            as_of: Day(AS_OF.0 - rng.random_range(0..60)),
            scope: scopes(&units, &mut rng),
        };
        let answer = answers(&connection, &followed, &question);
        assert_eq!(answer, answers(&connection, &Facts::default(), &question), "round {round}: {question:?}");
        told.insert(answer.to_string());
    }
    assert!(told.len() > 100, "the rounds hardly differ: {}", told.len());
}

#[test]
fn a_scope_shows_the_same_in_memory_as_in_the_tables() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (connection, facts) = (sample(), Facts::default());
    let units: Vec<String> = documents().iter().map(|(unit, ..)| unit.clone()).collect();
    let count = |text: &str, sql: &Conditions| {
        crate::reports::figures::one(&connection, &format!("{text} WHERE {}", sql.sql()), sql, |row| row.get(0))
            .unwrap()
    };
    let mut shown = BTreeSet::new();
    for _ in 0..60 {
        let scope = scopes(&units, &mut rng);
        let (mut on_visits, mut on_issues) = (Conditions::default(), Conditions::default());
        scope.on_visits(&mut on_visits);
        scope.on_issues("i", &mut on_issues);
        let tables: (usize, usize) = (
            count("SELECT count(*) FROM visit_row v", &on_visits),
            count("SELECT count(*) FROM issue_row i", &on_issues),
        );
        let memory = facts.at_one_moment(&connection, |_, facts| {
            let lens = scope.lens(&facts.names);
            let visits = facts.visits.values().filter(|visit| lens.shows_visit(visit)).count();
            Ok((visits, facts.issues.values().filter(|issue| lens.shows_issue(issue)).count()))
        });
        assert_eq!(memory.unwrap(), tables, "{scope:?}");
        shown.insert(tables);
    }
    assert!(shown.len() > 4);
}
