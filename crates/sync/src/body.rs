//! The inside of an envelope: changes with references as short as the receiver's knowledge allows.

use crate::bounded;
use crate::chunk::{self, Parts};
use crate::dictionary;
use crate::envelope::{Change, Form, Outgoing};
use crate::error::EnvelopeError;
use crate::leb::{Reader, put_unsigned};
use crate::limits::{
    MAX_CHANGE_RAW, MAX_CHANGES, MAX_DEPS, MAX_ENVELOPE_BODY, MAX_ENVELOPE_INFLATED, MAX_ENVELOPE_RAW,
};
use crate::resolve::{Knowledge, Resolver};
use crate::scan::{self, Header, genesis_kind};
use crate::tail::{self, Omitted};
use gandan_model::genesis::{GENESIS_ACTOR_PREFIX, GENESIS_KINDS, genesis_hash};
use gandan_model::ids::{ChangeHash, DeviceId, DocId, SpaceId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a change names its document. The bytes of a name stand in the body's list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DocRef {
    /// The document of the change this many places before it, from 1.
    Earlier(u32),
    /// The only document of the space with these first eight bytes.
    Known,
    /// All sixteen bytes.
    Full,
}

/// How a change names a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DepRef {
    /// The genesis of this kind of document.
    Genesis(u8),
    /// The change this many places before it, from 1.
    Earlier(u32),
    /// The only change of the document with these first four bytes.
    Known,
    /// All 32 bytes.
    Full,
}

/// A body taken apart. Names are random bytes: among the rest they would only spoil its statistics, so they stay outside
/// of what is compressed.
pub(crate) struct Body {
    /// Ids, hashes and their first bytes, one after the other, in the order of the changes.
    pub(crate) names: Vec<u8>,
    /// The changes: what is compressed.
    pub(crate) changes: Vec<u8>,
}

impl Body {
    /// Compresses: the length of the names, the names, the compressed changes.
    pub(crate) fn pack(&self, dict: u32, level: Option<i32>) -> Result<Vec<u8>, EnvelopeError> {
        let packed = dictionary::compress(dict, level, &self.changes)?;
        let mut out = Vec::with_capacity(5 + self.names.len() + packed.len());
        put_unsigned(&mut out, self.names.len() as u64);
        out.extend_from_slice(&self.names);
        out.extend_from_slice(&packed);
        if out.len() > MAX_ENVELOPE_BODY { Err(EnvelopeError::TooLarge("body")) } else { Ok(out) }
    }

    /// Decompresses.
    pub(crate) fn unpack(dict: u32, body: &[u8]) -> Result<Self, EnvelopeError> {
        if body.len() > MAX_ENVELOPE_BODY {
            return Err(EnvelopeError::TooLarge("body"));
        }
        let mut reader = Reader::new(body);
        let names = reader.unsigned().and_then(|length| reader.take(length));
        let names = names.map_err(|_| EnvelopeError::Malformed)?.to_vec();
        let changes = dictionary::decompress(dict, reader.rest(), MAX_ENVELOPE_INFLATED)?;
        Ok(Self { names, changes })
    }
}

/// A change on the wire.
#[derive(Debug, Serialize, Deserialize)]
struct WireChange<'a> {
    doc: DocRef,
    /// The kind, when the actor is a genesis and not the device.
    genesis: Option<u8>,
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DEPS>")]
    deps: Vec<DepRef>,
    /// What was left out of the tail.
    omitted: Option<Omitted>,
    /// The raw chunk from the sequence number on.
    #[serde(borrow, with = "tail_bytes")]
    tail: Cow<'a, [u8]>,
}

mod tail_bytes {
    use super::{Cow, MAX_CHANGE_RAW};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        if bytes.len() > MAX_CHANGE_RAW { Err(D::Error::custom("tail too long")) } else { Ok(Cow::Borrowed(bytes)) }
    }
}

#[derive(Deserialize)]
struct WireChanges<'a>(#[serde(borrow, deserialize_with = "bounded::vec::<_, _, MAX_CHANGES>")] Vec<WireChange<'a>>);

/// Scans the changes and writes them as a body. Gives their headers too. With an `author` every change but a genesis must
/// be that device's; without one whose they are has to stand elsewhere.
pub(crate) fn encode(
    author: Option<DeviceId>,
    changes: &[Outgoing<'_>],
    knowledge: &dyn Knowledge,
    form: Form,
) -> Result<(Body, Vec<Header>), EnvelopeError> {
    if changes.is_empty() {
        return Err(EnvelopeError::Malformed);
    }
    if changes.len() > MAX_CHANGES {
        return Err(EnvelopeError::TooLarge("changes"));
    }
    let raw: usize = changes.iter().map(|change| change.raw.len()).sum();
    if raw > MAX_ENVELOPE_RAW {
        return Err(EnvelopeError::TooLarge("raw changes"));
    }
    let mut headers: Vec<Header> = Vec::with_capacity(changes.len());
    let mut wire = Vec::with_capacity(changes.len());
    let mut names = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let header = scan::scan(change.raw).map_err(|error| EnvelopeError::Change { index, error })?;
        let genesis = header.genesis();
        if genesis.is_none() && author.is_some_and(|author| author != header.actor) {
            return Err(EnvelopeError::WrongActor { index });
        }
        let Parts { tail, .. } = chunk::split(change.raw).map_err(|error| EnvelopeError::Change { index, error })?;
        let doc = doc_ref(&changes[..index], &change.doc, knowledge, form, &mut names);
        let dep = |dep| dep_ref(&headers, &change.doc, dep, knowledge, form, &mut names);
        let deps = header.deps.iter().map(dep).collect();
        let (omitted, tail) = match tail::shorten(tail) {
            Some((omitted, short)) => (Some(omitted), Cow::Owned(short)),
            None => (None, Cow::Borrowed(tail)),
        };
        wire.push(WireChange { doc, genesis, deps, omitted, tail });
        headers.push(header);
    }
    let changes = postcard::to_allocvec(&wire).map_err(|_| EnvelopeError::Malformed)?;
    if changes.len() > MAX_ENVELOPE_INFLATED {
        return Err(EnvelopeError::TooLarge("inflated body"));
    }
    Ok((Body { names, changes }, headers))
}

/// How far before the end of `earlier` the last element that fits is: 1 for the last.
fn places_before<T>(earlier: &[T], fits: impl FnMut(&T) -> bool) -> Option<u32> {
    earlier.iter().rev().position(fits).and_then(|place| u32::try_from(place + 1).ok())
}

fn doc_ref(
    earlier: &[Outgoing<'_>],
    doc: &DocId,
    knowledge: &dyn Knowledge,
    form: Form,
    names: &mut Vec<u8>,
) -> DocRef {
    if let Some(places) = places_before(earlier, |change| change.doc == *doc) {
        DocRef::Earlier(places)
    } else if form == Form::Short && knowledge.document(doc) {
        names.extend_from_slice(&doc.0[..8]);
        DocRef::Known
    } else {
        names.extend_from_slice(&doc.0);
        DocRef::Full
    }
}

fn dep_ref(
    earlier: &[Header],
    doc: &DocId,
    dep: &ChangeHash,
    knowledge: &dyn Knowledge,
    form: Form,
    names: &mut Vec<u8>,
) -> DepRef {
    if let Some(places) = places_before(earlier, |header| header.hash == *dep) {
        return DepRef::Earlier(places);
    }
    if form == Form::Short {
        if let Some(kind) = GENESIS_KINDS.iter().find(|kind| genesis_hash(**kind) == Some(*dep)) {
            return DepRef::Genesis(*kind);
        }
        if knowledge.change(doc, dep) {
            names.extend_from_slice(&dep.0[..4]);
            return DepRef::Known;
        }
    }
    names.extend_from_slice(&dep.0);
    DepRef::Full
}

/// Reads a decompressed body: resolves every reference, rebuilds and scans every change. `author` tells who wrote the
/// change with this index.
pub(crate) fn decode(
    body: &Body,
    space: &SpaceId,
    author: &dyn Fn(usize) -> Option<DeviceId>,
    resolver: &dyn Resolver,
) -> Result<Vec<Change>, EnvelopeError> {
    let (WireChanges(wire), rest) = postcard::take_from_bytes(&body.changes).map_err(|_| EnvelopeError::Malformed)?;
    if !rest.is_empty() || wire.is_empty() {
        return Err(EnvelopeError::Malformed);
    }
    let mut finder = Finder { space, resolver, names: Reader::new(&body.names), changes: Vec::new() };
    let mut total = 0_usize;
    for (index, wire) in wire.into_iter().enumerate() {
        let doc = finder.doc(wire.doc)?;
        let deps = wire.deps.iter().map(|dep| finder.dep(&doc, *dep)).collect::<Result<Vec<_>, _>>()?;
        let at = |error| EnvelopeError::Change { index, error };
        let tail = match wire.omitted {
            Some(omitted) => Cow::Owned(tail::restore(&wire.tail, omitted).map_err(at)?),
            None => wire.tail,
        };
        total += tail.len() + 32 * deps.len();
        if total > MAX_ENVELOPE_RAW {
            return Err(EnvelopeError::TooLarge("raw changes"));
        }
        let actor = wire.genesis.map(genesis_actor).or_else(|| author(index)).ok_or(EnvelopeError::Malformed)?;
        if wire.genesis.is_none() && genesis_kind(actor).is_some() {
            return Err(EnvelopeError::WrongActor { index });
        }
        finder.changes.push(rebuild(doc, deps, actor, &tail).map_err(at)?);
    }
    if finder.names.is_empty() { Ok(finder.changes) } else { Err(EnvelopeError::Malformed) }
}

fn genesis_actor(kind: u8) -> DeviceId {
    let mut actor = [kind; 8];
    actor[..GENESIS_ACTOR_PREFIX.len()].copy_from_slice(&GENESIS_ACTOR_PREFIX);
    DeviceId(actor)
}

fn rebuild(doc: DocId, deps: Vec<ChangeHash>, actor: DeviceId, tail: &[u8]) -> Result<Change, crate::error::ScanError> {
    let mut raw = chunk::build(&deps, actor, tail);
    if raw.len() > MAX_CHANGE_RAW {
        return Err(crate::error::ScanError::TooLarge);
    }
    let parts = Parts { deps, actor, tail };
    let fields = scan::inspect(&parts)?;
    let hash = chunk::seal(&mut raw);
    Ok(Change { doc, raw, header: fields.into_header(parts.deps, actor, hash) })
}

/// Finds what references stand for.
struct Finder<'a> {
    space: &'a SpaceId,
    resolver: &'a dyn Resolver,
    names: Reader<'a>,
    changes: Vec<Change>,
}

impl Finder<'_> {
    fn name<const N: usize>(&mut self) -> Result<[u8; N], EnvelopeError> {
        self.names.array().map_err(|_| EnvelopeError::Malformed)
    }

    fn earlier(&self, places: u32) -> Result<&Change, EnvelopeError> {
        let index = usize::try_from(places).ok().and_then(|places| self.changes.len().checked_sub(places));
        index.and_then(|index| self.changes.get(index)).ok_or(EnvelopeError::Malformed)
    }

    fn doc(&mut self, reference: DocRef) -> Result<DocId, EnvelopeError> {
        match reference {
            DocRef::Full => self.name().map(DocId),
            DocRef::Earlier(places) => self.earlier(places).map(|change| change.doc),
            DocRef::Known => {
                let prefix = self.name::<8>()?;
                let found = self.resolver.documents(self.space, prefix)?;
                only(found.into_iter().filter(|doc| doc.0.starts_with(&prefix)))
            }
        }
    }

    fn dep(&mut self, doc: &DocId, reference: DepRef) -> Result<ChangeHash, EnvelopeError> {
        match reference {
            DepRef::Full => self.name().map(ChangeHash),
            DepRef::Genesis(kind) => genesis_hash(kind).ok_or(EnvelopeError::Unresolved),
            DepRef::Earlier(places) => self.earlier(places).map(|change| change.header.hash),
            DepRef::Known => {
                let prefix = self.name::<4>()?;
                let found = self.resolver.changes(self.space, doc, prefix)?;
                only(found.into_iter().filter(|hash| hash.0.starts_with(&prefix)))
            }
        }
    }
}

/// The one value in `candidates`, which may name it more than once.
fn only<T: PartialEq>(mut candidates: impl Iterator<Item = T>) -> Result<T, EnvelopeError> {
    let first = candidates.next().ok_or(EnvelopeError::Unresolved)?;
    if candidates.all(|other| other == first) { Ok(first) } else { Err(EnvelopeError::Unresolved) }
}
