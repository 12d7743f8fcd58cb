//! The province's figures beside those that the sample gives by definition, line by line.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::{at, plain};
use crate::table::{Table, bold, clip, mark};

/// Figures that count what is sealed: only the inspectorate's report has them.
const SEALED: &[&str] = &["issues.lines", "issues.sealed"];

/// One figure.
#[derive(Debug, PartialEq)]
struct Line {
    path: String,
    expected: Value,
    got: Option<Value>,
}

impl Line {
    fn holds(&self) -> bool {
        self.got.as_ref().is_some_and(|got| equal(&self.expected, got))
    }
}

/// Prints the comparison and gives the number of figures that differ. What counts sealed stubs is taken
/// from the inspectorate's report, and must be told to nobody else.
pub(super) fn compare(expected: &Value, report: &Value, inspectorate: &Value) -> usize {
    let mut lines = Vec::new();
    collect(expected, "", report, &mut lines);
    let mut told = 0;
    for line in lines.iter_mut().filter(|line| SEALED.contains(&line.path.as_str())) {
        told += usize::from(line.holds());
        line.got = at(inspectorate, &line.path).cloned();
        line.path.push_str(" (inspectorate)");
    }
    let wrong = lines.iter().filter(|line| !line.holds()).count();
    let mut group = String::new();
    let mut table = Table::new(&["figure", ">expected", ">server", ""]);
    for line in &lines {
        let (head, name) = line.path.split_once('.').unwrap_or(("", &line.path));
        if head != group {
            head.clone_into(&mut group);
            table.row([bold(head), String::new(), String::new(), String::new()]);
        }
        let got = line.got.as_ref().map_or_else(|| "missing".to_owned(), short);
        table.row([format!("  {name}"), short(&line.expected), got, mark(line.holds())]);
    }
    print!("{}", table.render());
    println!("  {} of {} figures agree", lines.len() - wrong, lines.len());
    println!("  that a sealed stub exists is told to the inspectorate alone: {}", mark(told == 0));
    wrong + told
}

/// Every leaf of the expected figures with its counterpart.
fn collect(expected: &Value, path: &str, report: &Value, lines: &mut Vec<Line>) {
    if let Value::Object(fields) = expected {
        for (key, value) in fields {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(value, &below, report, lines);
        }
        return;
    }
    lines.push(Line { path: path.to_owned(), expected: expected.clone(), got: at(report, path).cloned() });
}

/// Numbers within the rounding of the expected file (four decimals); lists without order.
fn equal(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.000_051,
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => {
            let set = |items: &[Value]| items.iter().map(Value::to_string).collect::<BTreeSet<_>>();
            a.len() == b.len() && set(a) == set(b)
        }
        (a, b) => a == b,
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("{} listed", items.len()),
        other => clip(&plain(other), 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_figure_is_compared() {
        let expected = json!({"as_of": "2026-11-21", "visits": {"held": 57, "by": {"a": 1}},
                              "rate": 0.4369, "list": ["x", "y"]});
        let good = json!({"as_of": "2026-11-21", "visits": {"held": 57, "by": {"a": 1}, "more": 1},
                          "rate": 0.436_893, "list": ["y", "x"]});
        assert_eq!(compare(&expected, &good, &good), 0);
        for (path, wrong) in [
            ("/visits/held", json!(56)),
            ("/visits/by/a", Value::Null),
            ("/rate", json!(0.437)),
            ("/list", json!(["x", "z"])),
            ("/list", json!(["x", "y", "y"])),
            ("/as_of", json!("2026-11-22")),
        ] {
            let mut report = good.clone();
            *report.pointer_mut(path).unwrap() = wrong;
            assert_eq!(compare(&expected, &report, &report), 1, "{path}");
        }
        assert_eq!(compare(&expected, &json!({}), &json!({})), 5);
    }

    #[test]
    fn what_is_sealed_must_be_told_to_the_inspectorate_alone() {
        let expected = json!({"issues": {"sealed": 1}});
        let (open, hidden) = (json!({"issues": {"sealed": 1}}), json!({"issues": {"sealed": null}}));
        assert_eq!(compare(&expected, &hidden, &open), 0);
        assert_eq!(compare(&expected, &open, &open), 1);
        assert_eq!(compare(&expected, &hidden, &hidden), 1);
    }
}
