//! Small reads of JSON values, forgiving about what is not there: the callers report that.

use serde_json::Value;

/// The value at a path of keys joined by dots; `None` if a key is missing on the way.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(items) => key.parse::<usize>().ok().and_then(|n| items.get(n)),
        _ => value.get(key),
    })
}

/// The text at a path, or "".
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path, or 0.
pub(crate) fn number(value: &Value, path: &str) -> u64 {
    at(value, path).and_then(Value::as_u64).unwrap_or_default()
}

/// The items at a path, or none.
pub(crate) fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Every value of a line-by-line file, with an error that names the line.
pub(crate) fn lines(text: &str, name: &str) -> crate::Outcome<Vec<Value>> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| format!("{name}, line {}: {error}", index + 1).into())
        })
        .collect()
}

/// Values one a line, the other way round.
pub(crate) fn to_lines<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.fold(String::new(), |lines, value| lines + &value.to_string() + "\n")
}

/// A value on one line, strings without their quotation marks.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\n', " / "),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_into_objects_and_arrays() {
        let value = json!({"a": {"b": [10, {"c": "x"}]}});
        assert_eq!(at(&value, "a.b.0"), Some(&json!(10)));
        assert_eq!(text(&value, "a.b.1.c"), "x");
        assert_eq!(at(&value, "a.z.0"), None);
        assert_eq!(number(&value, "a.b.1.c"), 0);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = lines("{}\n\nnot json\n", "f.jsonl").unwrap_err();
        assert!(error.to_string().starts_with("f.jsonl, line 3:"), "{error}");
    }
}
