//! The province's figures beside those that the sample gives by definition, line by line.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::{at, plain};
use crate::table::{Table, bold, clip, mark};

/// Where the report keeps a figure under another name: expected path, path in the report.
const ELSEWHERE: &[(&str, &str)] = &[];

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

/// Prints the comparison and gives the number of figures that differ.
pub(super) fn compare(expected: &Value, report: &Value) -> usize {
    let mut lines = Vec::new();
    collect(expected, "", report, &mut lines);
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
    wrong
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
    let place = ELSEWHERE.iter().find(|(from, _)| *from == path).map_or(path, |(_, to)| to);
    lines.push(Line { path: path.to_owned(), expected: expected.clone(), got: at(report, place).cloned() });
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
        assert_eq!(compare(&expected, &good), 0);
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
            assert_eq!(compare(&expected, &report), 1, "{path}");
        }
        assert_eq!(compare(&expected, &json!({})), 5);
    }
}
