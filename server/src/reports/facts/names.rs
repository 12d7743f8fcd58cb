//! Words that stand in many rows, kept once.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A word of a [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name(NonZeroU32);

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
        let place = usize::try_from(name.0.get()).unwrap_or(usize::MAX) - 1;
        self.list.get(place).map_or("", |text| text)
    }

    /// The word of a number, if there is one.
    pub(crate) fn maybe(&self, name: Option<Name>) -> Option<&str> {
        name.map(|name| self.text(name))
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
