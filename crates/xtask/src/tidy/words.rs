//! Words that must not stay in the project: work left open, places of one machine, tests asleep.

use super::lex::{code_only, line_of, words};
use super::{Finding, Ground};

/// Places that exist on somebody's machine only. Put together here, so that this file passes.
const PLACES: &[(&str, &str)] = &[
    (concat!("../", "shared"), "a reference out of the project"),
    (concat!("/work", "/"), "a path of one machine"),
    (concat!("/tmp", "/gd"), "a path of one machine"),
    (concat!("/root", "/"), "a path of one machine"),
];
/// Notes of work left open; whole words.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Macros that leave work open or a mess on the terminal; in code only.
const MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in ground.tree.texts() {
        let mut find = |at: usize, message: String| {
            findings.push(Finding::new(path, line_of(text, at), message));
        };
        for (place, why) in PLACES {
            for (at, _) in text.match_indices(place) {
                find(at, format!("{place}: {why}"));
            }
        }
        // The lockfile and data files hold hashes and prose of others.
        let written_by_us = !matches!(path, "Cargo.lock" | "server/web/package-lock.json") && !path.contains("/data/");
        for note in NOTES.iter().filter(|_| written_by_us) {
            for at in words(text, note) {
                find(at, format!("{note}: finish it, or write an issue"));
            }
        }
    }
    for (path, source) in ground.tree.rust() {
        let code = code_only(source);
        for name in MACROS {
            for at in words(&code, name) {
                if code[at + name.len()..].starts_with('!') {
                    findings.push(Finding::new(path, line_of(&code, at), format!("{name}! left behind")));
                }
            }
        }
    }
    findings
}

/// No test sleeps: what cannot run everywhere is mended or removed.
pub(super) fn check_ignored(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in ground.tree.rust() {
        let code = code_only(source);
        for at in words(&code, "ignore") {
            let before = code[..at].trim_end();
            // Also inside `cfg_attr(…, ignore)`.
            let attribute = before.ends_with("#[") || before.ends_with(',') && in_cfg_attr(before);
            if attribute {
                findings.push(Finding::new(path, line_of(&code, at), "a test that does not run"));
            }
        }
        for (index, line) in source.lines().enumerate() {
            let doc = line.trim_start().strip_prefix("//").unwrap_or_default();
            if doc.trim_start_matches(['/', '!', ' ']).starts_with("```ignore") {
                findings.push(Finding::new(path, index + 1, "a doc test that does not run"));
            }
        }
    }
    findings
}

fn in_cfg_attr(before: &str) -> bool {
    before
        .rsplit("#[")
        .next()
        .is_some_and(|attribute| attribute.trim_start().starts_with("cfg_attr") && !attribute.contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::on_files;

    #[test]
    fn every_forbidden_word_is_found() {
        for (place, _) in PLACES {
            let text = format!("see {place}x");
            assert_eq!(on_files(check, &[("a.md", &text)]).len(), 1, "{place}");
        }
        for note in NOTES {
            let text = format!("// {note}: later\n");
            assert_eq!(on_files(check, &[("a.rs", &text)]).len(), 1, "{note}");
        }
        for name in MACROS {
            let text = format!("fn f() {{\n    {name}!();\n}}\n");
            let found = on_files(check, &[("a.rs", &text)]);
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(found[0].line, 2);
        }
    }

    #[test]
    fn innocent_words_pass() {
        let source = "// a todo list; dbg!\nfn f() { let todo = \"todo!()\"; mytodo!(); }\n";
        assert_eq!(on_files(check, &[("a.rs", source)]), []);
        let lock = format!("checksum = {}", NOTES[2]);
        assert_eq!(on_files(check, &[("Cargo.lock", &lock)]), []);
    }

    #[test]
    fn a_test_asleep_is_found() {
        let source = "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n\
                      #[cfg_attr(miri, ignore)]\nfn c() {}\n/// ```ignore\n/// x\n/// ```\nfn d() {}\n";
        let lines: Vec<_> = on_files(check_ignored, &[("a.rs", source)]).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 4, 6, 8]);
    }

    #[test]
    fn the_word_ignore_alone_passes() {
        let source = "// #[ignore]\nfn ignore(a: u8, ignore: u8) {}\n";
        assert_eq!(on_files(check_ignored, &[("a.rs", source)]), []);
    }
}
