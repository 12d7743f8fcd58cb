//! Words and phrases that point at protected facts about people.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::{MAX_WARNINGS, PrivacyWarning, WarningKind};
use crate::text::{fold, is_apostrophe};

#[derive(Deserialize)]
struct WordFile {
    words: Vec<WordGroup>,
    /// Words for persons and households that make an ethnic name after them a fact about people.
    persons: Vec<String>,
    /// Words for many people and for languages, which do so only at a household.
    crowds: Vec<String>,
    ethnic_groups: Vec<String>,
    languages: Vec<String>,
}

#[derive(Deserialize)]
struct WordGroup {
    kind: WarningKind,
    phrases: Vec<String>,
}

/// One word of a text or phrase in the two forms that are compared.
struct Word {
    span: Range<usize>,
    /// Lower case with diacritics, tones at the end of the syllable: `hoà` and `hòa` are equal.
    exact: String,
    /// Search form.
    folded: String,
    /// Begins with a capital letter.
    capital: bool,
}

impl Word {
    /// Typed without any diacritics, so that only the search form can be compared.
    fn is_plain(&self) -> bool {
        self.exact == self.folded
    }
}

struct Phrase {
    words: Vec<Word>,
    kind: WarningKind,
    /// Counts only at a household.
    household: bool,
    /// The last word must be written with a capital letter: `người Hoa`, but not `hộ kinh doanh`.
    capital: bool,
}

impl Phrase {
    fn matches(&self, text: &[Word]) -> bool {
        let Some(text) = text.get(..self.words.len()) else {
            return false;
        };
        if self.capital && !text.last().is_some_and(|word| word.capital) {
            return false;
        }
        let plain = self.words.len() > 1 && text.iter().all(Word::is_plain);
        self.words
            .iter()
            .zip(text)
            .all(|(word, text)| word.exact == text.exact || (plain && word.folded == text.folded))
    }
}

/// Phrases by the search form of their first word.
static PHRASES: LazyLock<HashMap<String, Vec<Phrase>>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is compiled in and the tests of this module read it: it cannot differ at run time"
    )]
    let file: WordFile =
        serde_json::from_str(include_str!("../../data/privacy-words.json")).expect("built-in word list");
    let mut phrases: HashMap<String, Vec<Phrase>> = HashMap::new();
    let mut add = |text: &str, kind, household, capital| {
        let words = split(text);
        if let Some(first) = words.first() {
            let list = phrases.entry(first.folded.clone()).or_default();
            list.push(Phrase { words, kind, household, capital });
        }
    };
    for group in &file.words {
        for phrase in &group.phrases {
            add(phrase, group.kind, false, false);
        }
    }
    for ethnic in &file.ethnic_groups {
        let capital = ethnic.chars().all(char::is_alphabetic);
        for person in &file.persons {
            add(&format!("{person} {ethnic}"), WarningKind::Ethnicity, false, capital);
        }
        for crowd in &file.crowds {
            add(&format!("{crowd} {ethnic}"), WarningKind::Ethnicity, true, capital);
        }
    }
    for language in &file.languages {
        add(language, WarningKind::Ethnicity, true, false);
    }
    phrases
});

pub(super) fn find(text: &str, household: bool) -> Vec<PrivacyWarning> {
    let words = split(text);
    let mut warnings = Vec::new();
    let mut index = 0;
    while index < words.len() && warnings.len() < MAX_WARNINGS {
        let found = PHRASES
            .get(&words[index].folded)
            .into_iter()
            .flatten()
            .filter(|phrase| household || !phrase.household)
            .filter(|phrase| phrase.matches(&words[index..]))
            .max_by_key(|phrase| phrase.words.len());
        if let Some(phrase) = found {
            let last = &words[index + phrase.words.len() - 1];
            let span = words[index].span.start..last.span.end;
            warnings.push(PrivacyWarning { kind: phrase.kind, span });
            index += phrase.words.len();
        } else {
            index += 1;
        }
    }
    warnings
}

/// The words of a text: letters and digits with their marks and apostrophes. A sentence end is a word of its own
/// that equals nothing, so that no phrase goes across it.
fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    let in_word = |c: char| c.is_alphanumeric() || is_combining_mark(c) || is_apostrophe(c);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match start {
            None if in_word(c) => start = Some(at),
            Some(from) if !in_word(c) => {
                push_word(&mut words, text, from..at);
                start = None;
            }
            _ => {}
        }
        if start.is_none() && matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\n' | '(' | ')' | '"') {
            words.push(Word { span: at..at, exact: String::new(), folded: "\n".to_owned(), capital: false });
        }
    }
    words
}

fn push_word(words: &mut Vec<Word>, text: &str, span: Range<usize>) {
    let word = &text[span.clone()];
    let folded = fold(word).replace(' ', "");
    if folded.is_empty() {
        return;
    }
    let capital = word.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_uppercase);
    words.push(Word { exact: exact(word), span, folded, capital });
}

/// Lower case with diacritics, apostrophes dropped, tones at the end, `y` after a consonant as `i`.
fn exact(word: &str) -> String {
    let is_tone = |c: char| matches!(c, '\u{0300}' | '\u{0301}' | '\u{0303}' | '\u{0309}' | '\u{0323}');
    let lower = word.to_lowercase();
    let marks = || lower.nfd().filter(|c| !is_apostrophe(*c));
    let (mut exact, tones): (String, String) =
        (marks().filter(|c| !is_tone(*c)).nfc().collect(), marks().filter(|c| is_tone(*c)).collect());
    let folded = fold(&exact);
    if folded.contains('i') && exact.contains('y') {
        exact = exact.chars().zip(folded.chars()).map(|(own, folded)| if own == 'y' { folded } else { own }).collect();
    }
    exact.push_str(&tones);
    exact
}
