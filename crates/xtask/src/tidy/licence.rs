//! What dependencies may be: licences and origins against `deny.toml`, and one SQLite only.
//! Done here from `cargo metadata`, so that nobody has to install another tool first.

use std::collections::BTreeSet;

use super::{Finding, Ground};
use crate::json::text;

const DENY: &str = "deny.toml";

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let deny = ground.tree.text(DENY).unwrap_or_default();
    let allowed = listed(deny, "allow");
    let banned = crates_banned(deny);
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for package in ground.packages() {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let licence = text(package, "license");
        match satisfied(licence, &allowed) {
            Ok(Some(used)) => needed.extend(used),
            Ok(None) => {
                let message = format!("{name} {version} is under `{licence}`, which is not allowed");
                findings.push(Finding::new(DENY, 0, message));
            }
            Err(reason) => {
                let message = format!("{name} {version}: licence `{licence}`: {reason}");
                findings.push(Finding::new(DENY, 0, message));
            }
        }
        if banned.contains(&name) {
            let message = format!("{name} {version} is banned and in the tree");
            findings.push(Finding::new(DENY, 0, message));
        }
        let source = package["source"].as_str();
        if source.is_some_and(|source| !source.starts_with("registry+")) {
            let message = format!("{name} {version} does not come from the registry");
            findings.push(Finding::new(DENY, 0, message));
        }
    }
    for licence in allowed.iter().filter(|licence| !needed.contains(*licence)) {
        let message = format!("{licence} is allowed, but no dependency needs it");
        findings.push(Finding::new(DENY, 0, message));
    }
    findings
}

/// The strings of `key = [ … ]`.
fn listed<'a>(toml: &'a str, key: &str) -> Vec<&'a str> {
    let mut lines = toml.lines().skip_while(|line| line.split_once('=').is_none_or(|(name, _)| name.trim() != key));
    let mut found = Vec::new();
    for line in &mut lines {
        let line = line.split('#').next().unwrap_or_default();
        found.extend(line.split('"').skip(1).step_by(2));
        if line.contains(']') {
            break;
        }
    }
    found
}

/// Names of `{ crate = "…" }`.
fn crates_banned(toml: &str) -> Vec<&str> {
    toml.lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \""))
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// The licences that make an SPDX expression hold under the allow list; `None` if it does not.
///
/// # Errors
/// Fails if the expression cannot be read: then a person has to.
fn satisfied<'a>(expression: &str, allowed: &[&'a str]) -> Result<Option<Vec<&'a str>>, String> {
    if expression.is_empty() {
        return Err("no licence is given".to_owned());
    }
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        // The way of writing OR before SPDX.
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, at: 0, allowed };
    let value = reader.either()?;
    match reader.peek() {
        None => Ok(value),
        Some(word) => Err(format!("`{word}` was not expected")),
    }
}

struct Reader<'w, 'a> {
    words: &'w [&'w str],
    at: usize,
    allowed: &'w [&'a str],
}

type Value<'a> = Result<Option<Vec<&'a str>>, String>;

impl<'a> Reader<'_, 'a> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.peek() == Some(word);
        self.at += usize::from(is);
        is
    }

    fn either(&mut self) -> Value<'a> {
        let mut value = self.both()?;
        while self.take("OR") {
            let other = self.both()?;
            value = value.or(other);
        }
        Ok(value)
    }

    fn both(&mut self) -> Value<'a> {
        let mut value = self.one()?;
        while self.take("AND") {
            let other = self.one()?;
            value = match (value, other) {
                (Some(a), Some(b)) => Some([a, b].concat()),
                _ => None,
            };
        }
        Ok(value)
    }

    fn one(&mut self) -> Value<'a> {
        if self.take("(") {
            let value = self.either()?;
            return if self.take(")") { Ok(value) } else { Err("`)` is missing".to_owned()) };
        }
        let Some(licence) = self.peek().map(str::to_owned) else {
            return Err("it ends too early".to_owned());
        };
        self.at += 1;
        let mut wanted = licence;
        if self.take("WITH") {
            let exception = self.peek().unwrap_or_default();
            wanted = format!("{wanted} WITH {exception}");
            self.at += 1;
        }
        let found = self.allowed.iter().find(|allowed| **allowed == wanted);
        Ok(found.map(|licence| vec![*licence]))
    }
}

/// Two libsqlite3-sys would link two copies of `SQLite`, one of them without encryption.
pub(super) fn check_one_sqlite(ground: &Ground<'_>) -> Vec<Finding> {
    const LOCK: &str = "Cargo.lock";
    let lock = ground.tree.text(LOCK).unwrap_or_default();
    match lock.matches("name = \"libsqlite3-sys\"").count() {
        1 => Vec::new(),
        n => vec![Finding::new(LOCK, 0, format!("{n} libsqlite3-sys; wanted: one"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{on, on_files};
    use serde_json::json;

    const ALLOWED: &[&str] = &["MIT", "Apache-2.0", "ISC"];

    fn holds(expression: &str) -> bool {
        satisfied(expression, ALLOWED).unwrap().is_some()
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        assert!(holds("MIT"));
        assert!(holds("GPL-3.0-only OR MIT"));
        assert!(holds("Unlicense/MIT"));
        assert!(holds("(GPL-3.0-only OR MIT) AND ISC"));
        assert!(holds("Apache-2.0 WITH LLVM-exception OR Apache-2.0"));
        assert!(!holds("GPL-3.0-only"));
        assert!(!holds("MIT AND GPL-3.0-only"));
        assert!(!holds("MIT AND (GPL-3.0-only OR AGPL-3.0-only)"));
        // AND binds closer than OR.
        assert!(holds("MIT OR ISC AND GPL-3.0-only"));
        assert!(!holds("Apache-2.0 WITH LLVM-exception"));
    }

    #[test]
    fn expressions_that_cannot_be_read_are_errors() {
        for bad in ["", "MIT OR", "(MIT", "MIT ISC", "MIT)"] {
            assert!(satisfied(bad, ALLOWED).is_err(), "{bad}");
        }
    }

    fn found(package: &serde_json::Value) -> Vec<String> {
        let deny = "[licenses]\nallow = [\n  \"MIT\", # a reason\n  \"ISC\",\n]\n\
                    deny = [\n    { crate = \"native-tls\" },\n]\n";
        let metadata = json!({"packages": [
            package,
            {"name": "good", "version": "1.0.0", "license": "ISC", "source": "registry+x"},
        ]});
        on(check, &[("deny.toml", deny)], &metadata).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn licence_origin_and_ban_are_checked() {
        let package = |name: &str, licence: &str, source: &str| json!({"name": name, "version": "1.0.0", "license": licence, "source": source});
        assert!(found(&package("a", "MIT", "registry+x")).is_empty());
        assert_eq!(found(&package("a", "MIT", "git+https://x.y/z")).len(), 1);
        assert_eq!(found(&package("native-tls", "MIT", "registry+x")).len(), 1);
        // Not allowed, and the MIT of the list has no user any more.
        assert_eq!(found(&package("a", "GPL-3.0-only", "registry+x")).len(), 2);
    }

    #[test]
    fn two_sqlites_are_found() {
        let one = "[[package]]\nname = \"libsqlite3-sys\"\nversion = \"0.37.0\"\n";
        assert_eq!(on_files(check_one_sqlite, &[("Cargo.lock", one)]), []);
        assert_eq!(on_files(check_one_sqlite, &[("Cargo.lock", &one.repeat(2))]).len(), 1);
        assert_eq!(on_files(check_one_sqlite, &[]).len(), 1);
    }
}
