//! Two officials change the same field of the same record, each without seeing the other; then what
//! became of it on three phones, beside what the domain wants.

use serde_json::Value;

use super::edits::{as_wanted, brief, result, told, typed};
use super::names::{review, show};
use super::process::Device;
use super::random::Random;
use super::sample::{moved, visit_for};
use crate::Outcome;
use crate::json::{items, text};
use crate::table::{Table, clip, mark};

/// A merge case on its way through the demo.
#[derive(Debug)]
pub(super) struct Encounter {
    /// The case with its days moved out of the report's period.
    case: Value,
    /// The visit to record before the network goes.
    pub(super) visit: Value,
    /// The visit or issue that both edit.
    id: String,
}

/// What a phone says of the record of a case.
#[derive(Debug, PartialEq)]
struct Seen {
    value: Value,
    /// What a person is asked to decide: the names of the rules.
    review: Vec<String>,
}

impl Encounter {
    /// Every case whose edits a person can type.
    pub(super) fn all(cases: &[Value], random: &mut Random) -> Vec<Self> {
        cases
            .iter()
            .filter(|case| items(case, "edits").iter().all(|edit| typed(case, edit).is_some()))
            .enumerate()
            .map(|(number, case)| {
                let (visit, id) = visit_for(case, number + 1, random);
                let case = moved(case);
                Self { case, visit, id }
            })
            .collect()
    }

    /// The edit of one side, on the phone of its official.
    pub(super) fn edit(&self, side: usize, devices: &[Device]) -> Outcome {
        let edit = &self.case["edits"][side];
        let by = text(edit, "by");
        let device = devices.iter().find(|device| device.official == by);
        let device = device.ok_or_else(|| format!("no device of {by}"))?;
        let changes = typed(&self.case, edit).unwrap_or_default();
        let mut args = vec!["edit", &self.id];
        args.extend(changes.iter().map(String::as_str));
        device.run(&args).map(|_| ())
    }

    /// The officials of both sides.
    pub(super) fn officials(&self) -> Vec<&str> {
        let edits = items(&self.case, "edits");
        edits.iter().map(|edit| text(edit, "by")).collect()
    }

    fn seen(&self, device: &Device) -> Outcome<Seen> {
        let shown = device.run(&["show", &self.id])?;
        let record = shown.get(show::RECORD).filter(|record| record.is_object()).unwrap_or(&shown);
        let mut review: Vec<String> =
            items(record, show::REVIEW).iter().map(|item| text(item, review::RULE).to_owned()).collect();
        review.sort();
        let value = result(&self.case, record);
        Ok(Seen { value, review })
    }

    /// What became of it; the last cell says whether that is as it should be.
    fn outcome(&self, devices: &[Device], listed: &[Value]) -> Outcome<([String; 6], bool)> {
        let case = &self.case;
        let mut views = Vec::new();
        for device in devices {
            views.push(self.seen(device)?);
        }
        let first = views.first().ok_or("nobody looks at the merged records")?;
        let same = views.iter().all(|view| view == first);
        let wanted = as_wanted(&first.value, &case["expected"]);
        let asked = !first.review.is_empty();
        let in_list = listed.iter().any(|item| text(item, review::RECORD) == self.id);
        let should_ask = case["needs_review"].as_bool().unwrap_or_default();
        let good = same && wanted && asked == should_ask && in_list == should_ask;
        let merged = if same { brief(&first.value) } else { "differs!".to_owned() };
        let review = match (should_ask, asked && in_list) {
            (true, true) => first.review.join(", "),
            (true, false) => "missing!".to_owned(),
            (false, _) if asked || in_list => format!("not wanted! {}", first.review.join(", ")),
            (false, _) => "–".to_owned(),
        };
        let side = |n: usize| clip(&told(&case["edits"][n]), 24);
        let field = format!("{} {}", text(case, "entity"), text(case, "field"));
        let cells = [clip(&field, 26), side(0), side(1), clip(&merged, 30), clip(&review, 28), mark(good)];
        Ok((cells, good))
    }
}

/// Prints what was concurrent, what merged and what needs a person. Gives the number of cases that
/// did not end as wanted.
pub(super) fn account(encounters: &[Encounter], devices: &[Device]) -> Outcome<usize> {
    let mut listed = Vec::new();
    if let Some(device) = devices.first() {
        let answer = device.run(&["review", "--limit", review::MOST])?;
        listed = review_items(&answer).to_vec();
    }
    let mut table = Table::new(&["field", "phone A wrote", "phone B wrote", "merged", "for a person", ""]);
    let mut wrong = 0;
    let mut asked = 0;
    for encounter in encounters {
        let (cells, good) = encounter.outcome(devices, &listed)?;
        wrong += usize::from(!good);
        asked += usize::from(encounter.case["needs_review"] == true);
        table.row(cells);
    }
    print!("{}", table.render());
    let merged = encounters.len() - asked;
    println!("  {merged} merged by themselves, {asked} merged and shown to a person, {wrong} not as wanted");
    Ok(wrong)
}

/// The items of `gandan review`, as a bare list or as a page.
fn review_items(answer: &Value) -> &[Value] {
    answer.as_array().map_or_else(|| items(answer, review::ITEMS), Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample::Sample;
    use serde_json::json;

    #[test]
    fn all_but_two_cases_are_played_each_on_a_record_of_its_own() {
        let sample = Sample::read().unwrap();
        let encounters = Encounter::all(&sample.cases, &mut Random::new(1));
        assert_eq!(encounters.len(), sample.cases.len() - 2);
        let ids: std::collections::BTreeSet<_> = encounters.iter().map(|e| &e.id).collect();
        assert_eq!(ids.len(), encounters.len());
        assert!(encounters.iter().all(|e| e.officials() == ["CB-001", "CB-002"]));
        assert!(encounters.iter().all(|e| e.visit.to_string().contains(&e.id)));
        assert!(!encounters.iter().any(|e| e.case.to_string().contains("2026-09-1")));
    }

    #[test]
    fn reviews_are_found_in_either_form_of_answer() {
        let list = json!([{"id": "a", "rule": "multi_value"}]);
        assert_eq!(review_items(&list).len(), 1);
        assert_eq!(review_items(&json!({"items": list})).len(), 1);
        assert!(review_items(&json!({"items": []})).is_empty());
    }
}
