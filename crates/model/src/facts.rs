//! What a document says, before anybody decides what it means: every key with every value that nobody
//! has overwritten knowingly, and who wrote it when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use automerge::{Automerge, ObjId, ROOT, ReadDoc, ScalarValue};
use serde::{Deserialize, Serialize};

use crate::genesis::{DocKind, genesis};
use crate::ids::{ChangeHash, DeviceId};
use crate::text::nfc;

/// The end of the year 2199: a clock that shows more is read as showing this.
const LAST_TIME: i64 = 7_258_118_399_999;

/// A scalar of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Deliberately nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, NFC.
    Str(String),
}

impl Value {
    pub(crate) fn normalised(self) -> Self {
        match self {
            Self::Str(text) => Self::Str(nfc(&text)),
            other => other,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a number.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The same in JSON; text that holds JSON (an element written once) is unpacked.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Int(number) => (*number).into(),
            Self::Str(text) if text.starts_with('{') => {
                serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
            }
            Self::Str(text) => text.as_str().into(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Value> for ScalarValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Boolean(flag),
            Value::Int(number) => Self::Int(number),
            Value::Str(text) => Self::Str(text.into()),
        }
    }
}

impl From<&automerge::Value<'_>> for Value {
    fn from(value: &automerge::Value<'_>) -> Self {
        match value {
            automerge::Value::Scalar(scalar) => match scalar.as_ref() {
                ScalarValue::Str(text) => Self::Str(text.to_string()),
                ScalarValue::Int(number) => Self::Int(*number),
                ScalarValue::Uint(number) => Self::Int(i64::try_from(*number).unwrap_or(i64::MAX)),
                ScalarValue::Boolean(flag) => Self::Bool(*flag),
                ScalarValue::Null => Self::Null,
                // Of other types this version writes none; what a newer app meant is kept as text.
                other => Self::Str(other.to_string()),
            },
            automerge::Value::Object(_) => Self::Null,
        }
    }
}

/// A change, as far as views need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeInfo {
    /// Its hash.
    pub hash: ChangeHash,
    /// The device that wrote it.
    pub device: DeviceId,
    /// The person who wrote it.
    pub author: String,
    /// Hybrid logical time in milliseconds since 1970, made later than all that its writer had seen.
    pub time: i64,
    /// What it builds on, as places in [`Facts::changes`].
    pub deps: Vec<usize>,
}

/// One value of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The value.
    pub value: Value,
    /// The change that wrote it, as a place in [`Facts::changes`].
    pub change: usize,
    /// The operation's number: orders what one change wrote.
    pub op: u64,
}

/// Everything that a document says.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Every key of the root map with all values that stand beside each other, oldest first, by
    /// hybrid logical time and then device: the last one is what "last writer" means.
    pub keys: BTreeMap<String, Vec<Fact>>,
    /// The long texts.
    pub texts: BTreeMap<String, String>,
    /// All changes, each after those that it builds on.
    pub changes: Arc<Vec<ChangeInfo>>,
}

/// All changes of a document, read once for facts at many points of its history.
pub(crate) struct Changes {
    list: Arc<Vec<ChangeInfo>>,
    places: HashMap<ChangeHash, usize>,
}

impl Changes {
    pub(crate) fn of(doc: &Automerge) -> Self {
        let metas = doc.get_changes_meta(&[]);
        let mut list: Vec<ChangeInfo> = Vec::with_capacity(metas.len());
        let mut places: HashMap<ChangeHash, usize> = HashMap::with_capacity(metas.len());
        for meta in &metas {
            let deps: Vec<usize> = meta.deps.iter().filter_map(|dep| places.get(&ChangeHash(dep.0)).copied()).collect();
            // Whatever a clock said: nobody wrote before what he had seen.
            let after = deps.iter().map(|dep| list[*dep].time.saturating_add(1)).max();
            let time = meta.timestamp.clamp(0, LAST_TIME).max(after.unwrap_or(0));
            let hash = ChangeHash(meta.hash.0);
            places.insert(hash, list.len());
            list.push(ChangeInfo {
                hash,
                device: DeviceId::from_slice(meta.actor.to_bytes()).unwrap_or(DeviceId([0; 8])),
                author: meta.message.as_deref().unwrap_or_default().to_owned(),
                time,
                deps,
            });
        }
        Self { list: Arc::new(list), places }
    }

    fn place_of(&self, doc: &Automerge, id: &ObjId) -> usize {
        // With one change beside the genesis there is nothing to look up.
        if self.list.len() == 2 {
            return 1;
        }
        let hash = doc.hash_for_opid(id).map(|hash| ChangeHash(hash.0));
        hash.and_then(|hash| self.places.get(&hash).copied()).unwrap_or(0)
    }

    fn fact(&self, doc: &Automerge, value: &automerge::Value<'_>, id: &ObjId) -> Fact {
        let op = if let ObjId::Id(counter, ..) = id { *counter } else { 0 };
        Fact { value: value.into(), change: self.place_of(doc, id), op }
    }
}

impl Facts {
    pub(crate) fn read(
        doc: &Automerge,
        kind: Option<DocKind>,
        changes: &Changes,
        heads: Option<&[automerge::ChangeHash]>,
    ) -> Self {
        let mut facts = Self { changes: Arc::clone(&changes.list), ..Self::default() };
        let items = match heads {
            Some(heads) => doc.map_range_at(ROOT, .., heads),
            None => doc.map_range(ROOT, ..),
        };
        for item in items {
            let key = item.key.to_string();
            let (id, conflict, first) = (item.id(), item.conflict, item.value.into_value());
            let all = match (conflict, heads) {
                (false, _) => vec![(first, id)],
                (true, Some(heads)) => doc.get_all_at(ROOT, key.as_str(), heads).unwrap_or_default(),
                (true, None) => doc.get_all(ROOT, key.as_str()).unwrap_or_default(),
            };
            let scalars = all.iter().filter(|(value, _)| value.is_scalar());
            let mut values: Vec<Fact> = scalars.map(|(value, id)| changes.fact(doc, value, id)).collect();
            values.sort_by_key(|fact| facts.order(fact));
            if !values.is_empty() {
                facts.keys.insert(key, values);
            }
        }
        let long_text = kind.and_then(|kind| kind.text_key().zip(genesis(kind).text.as_ref()));
        if let Some((key, object)) = long_text {
            let text = match heads {
                Some(heads) => doc.text_at(object, heads),
                None => doc.text(object),
            };
            facts.texts.insert(key.to_owned(), text.unwrap_or_default());
        }
        facts
    }

    /// The order of values: by hybrid logical time, device, and place within the change.
    pub(crate) fn order(&self, fact: &Fact) -> (i64, DeviceId, u64) {
        let change = &self.changes[fact.change];
        (change.time, change.device, fact.op)
    }

    /// All values of a key, oldest first; empty if the key was never set or was removed.
    pub fn all(&self, key: &str) -> &[Fact] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// The last writer's value.
    pub fn last(&self, key: &str) -> Option<&Value> {
        self.all(key).last().map(|fact| &fact.value)
    }

    /// The last writer's value, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.last(key).and_then(Value::as_str)
    }

    /// The part of each key that follows `prefix` and `/`, with all its values.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [Fact])> {
        self.keys.range(format!("{prefix}/")..).map_while(move |(key, values)| {
            let rest = key.strip_prefix(prefix)?.strip_prefix('/')?;
            Some((rest, values.as_slice()))
        })
    }

    /// Who wrote a value, and when.
    pub fn origin(&self, fact: &Fact) -> &ChangeInfo {
        &self.changes[fact.change]
    }

    /// For every change whether the writer of `change` had seen it (its own change included).
    pub(crate) fn seen_by(&self, change: usize) -> Vec<bool> {
        let mut seen = vec![false; self.changes.len()];
        let mut todo = vec![change];
        while let Some(place) = todo.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                todo.extend(&self.changes[place].deps);
            }
        }
        seen
    }

    /// True if the writer of `later` had seen the change `earlier` (or is the same change).
    pub fn saw(&self, later: usize, earlier: usize) -> bool {
        self.seen_by(later)[earlier]
    }

    /// True if neither writer had seen the other's change.
    pub fn concurrent(&self, a: usize, b: usize) -> bool {
        !self.saw(a, b) && !self.saw(b, a)
    }

    /// The first change that a device wrote (not the genesis), by hybrid logical time.
    pub fn first_change(&self) -> Option<&ChangeInfo> {
        let written = self.changes.iter().filter(|change| !crate::document::is_genesis_actor(change.device));
        written.min_by_key(|change| (change.time, change.device))
    }

    /// The last change that a device wrote, by hybrid logical time.
    pub fn last_change(&self) -> Option<&ChangeInfo> {
        let written = self.changes.iter().filter(|change| !crate::document::is_genesis_actor(change.device));
        written.max_by_key(|change| (change.time, change.device))
    }
}
