//! Words that stand in many rows, kept once.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;

/// A word of a [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name(NonZeroU32);

impl Name {
    fn place(self) -> usize {
        usize::try_from(self.0.get()).unwrap_or(usize::MAX)
    }
}

/// A word of a [`Names`] and its text: counted by the one, read as the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'n> {
    pub(crate) name: Name,
    pub(crate) text: &'n str,
}

impl Deref for Word<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

/// Words by number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Arc<str>, Name>,
    list: Vec<Arc<str>>,
}

impl Names {
    /// The number of a word, met before or not.
    pub(super) fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return *name;
        }
        let text: Arc<str> = text.into();
        self.list.push(Arc::clone(&text));
        let number = u32::try_from(self.list.len()).ok().and_then(NonZeroU32::new);
        // There are far fewer words than rows; beyond 2^32 the last number would be shared.
        let name = Name(number.unwrap_or(NonZeroU32::MAX));
        self.known.insert(text, name);
        name
    }

    /// The number of a word that stands in some row.
    pub(crate) fn find(&self, text: &str) -> Option<Name> {
        self.known.get(text).copied()
    }

    /// The word of a number.
    pub(crate) fn text(&self, name: Name) -> &str {
        self.list.get(name.place() - 1).map_or("", |text| text)
    }

    /// The word of a number, with its number.
    pub(crate) fn word(&self, name: Name) -> Word<'_> {
        Word { name, text: self.text(name) }
    }

    /// The word of a number, if there is one.
    pub(crate) fn maybe(&self, name: Option<Name>) -> Option<Word<'_>> {
        name.map(|name| self.word(name))
    }
}

/// Something counted by words: each word's count is found by its number, where a search among texts would cost more than all
/// the rest of a figure.
#[derive(Debug, Default)]
pub(crate) struct ByName<T>(Vec<T>);

impl<T: Copy + Default + PartialEq> ByName<T> {
    /// The count of a word, or of no word.
    pub(crate) fn at(&mut self, name: impl Into<Option<Name>>) -> &mut T {
        let place = name.into().map_or(0, Name::place);
        if place >= self.0.len() {
            self.0.resize(place + 1, T::default());
        }
        &mut self.0[place]
    }

    /// Of how many words something was counted.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().filter(|count| **count != T::default()).count()
    }

    /// What was counted, in no order; under the text `none`: of no word.
    pub(crate) fn told<'n>(self, names: &'n Names, none: &'n str) -> impl Iterator<Item = (&'n str, T)> {
        let texts = std::iter::once(none).chain(names.list.iter().map(|text| &**text));
        texts.zip(self.0).filter(|(_, count)| *count != T::default())
    }
}

/// A day or a count that may be missing, in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maybe(i32);

impl Maybe {
    const NONE: i32 = i32::MIN;

    /// Days and counts of records lie far inside the range; what does not is cut to its end.
    pub(super) fn of(value: Option<i64>) -> Self {
        Self(value.map_or(Self::NONE, narrow))
    }

    /// The value.
    pub(crate) fn get(self) -> Option<i64> {
        (self.0 != Self::NONE).then(|| i64::from(self.0))
    }
}

/// Into 32 bits; beyond them the nearest end, which is not [`Maybe::NONE`].
pub(super) fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN + 1 } else { i32::MAX })
}
