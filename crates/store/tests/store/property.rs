//! Random work against a model that is too simple to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use gandan_model::document::{Document, NewChange};
use gandan_model::genesis::{DocKind, kind_of_genesis};
use gandan_model::ids::{ChangeHash, DocId};
use gandan_model::visit::Visit;
use gandan_store::{Ack, Draft, Page, RecordState, SealedEnvelope, VisitFilter};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;

use crate::help::{ME, NOW, OTHER, Phone, SPACE, batch, doc, edit};

const DOCS: u32 = 4;

#[derive(Debug, Clone)]
enum Step {
    /// This phone saves a name for a visit.
    Save {
        doc: u32,
        name: u8,
    },
    /// Another phone, which has seen what the server has, writes a name and sends it to the server.
    Write {
        doc: u32,
        name: u8,
    },
    /// So many changes of the server's log come in, from somewhere on; what is left out may come later.
    Pull {
        from: usize,
        count: usize,
        backwards: bool,
    },
    Draft {
        doc: u32,
    },
    Discard {
        doc: u32,
    },
    Seal,
    Answer {
        refuse: bool,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let any_doc = 0..DOCS;
    prop_oneof![
        4 => (any_doc.clone(), any::<u8>()).prop_map(|(doc, name)| Step::Save { doc, name }),
        4 => (any_doc.clone(), any::<u8>()).prop_map(|(doc, name)| Step::Write { doc, name }),
        4 => (0..20_usize, 1..6_usize, any::<bool>())
            .prop_map(|(from, count, backwards)| Step::Pull { from, count, backwards }),
        1 => any_doc.clone().prop_map(|doc| Step::Draft { doc }),
        1 => any_doc.prop_map(|doc| Step::Discard { doc }),
        2 => Just(Step::Seal),
        2 => any::<bool>().prop_map(|refuse| Step::Answer { refuse }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Saved,
    Sealed(u64),
    Refused,
    Logged,
}

/// What the phone should know.
#[derive(Default)]
struct Simple {
    /// Changes that the phone holds, whether they can be applied yet or not.
    held: BTreeMap<u32, BTreeMap<ChangeHash, (NewChange, Place)>>,
    drafts: BTreeSet<u32>,
    /// What the server and the other phones know.
    log: Vec<(u32, NewChange)>,
    elsewhere: BTreeMap<u32, Document>,
    envelopes: u64,
    open: Vec<u64>,
}

impl Simple {
    /// The document that the held changes amount to: those whose history is complete.
    fn document(&self, doc: u32) -> Option<Document> {
        let held = self.held.get(&doc)?;
        let mut document: Option<Document> = None;
        let mut done = BTreeSet::new();
        loop {
            let before = done.len();
            for (hash, (change, _)) in held.iter().filter(|(hash, _)| !done.contains(*hash)).collect::<Vec<_>>() {
                let raw = [change.raw.as_slice()];
                let fits = if let Some(document) = &mut document {
                    document.apply(raw).is_ok()
                } else {
                    document = Document::from_changes(raw).ok();
                    document.is_some()
                };
                if fits {
                    done.insert(*hash);
                }
            }
            if done.len() == before {
                return document;
            }
        }
    }

    fn state(&self, doc: u32) -> RecordState {
        let places: Vec<_> = self.held[&doc].values().map(|(_, place)| *place).collect();
        let document = self.document(doc);
        if places.contains(&Place::Refused) {
            RecordState::Quarantined
        } else if self.drafts.contains(&doc) {
            RecordState::Draft
        } else if places.contains(&Place::Saved) {
            RecordState::Saved
        } else if places.iter().any(|place| matches!(place, Place::Sealed(_))) {
            RecordState::Waiting
        } else if document.is_some_and(|document| !Visit::of(&document).review.is_empty()) {
            RecordState::NeedsReview
        } else {
            RecordState::Synced
        }
    }
}

fn edits(name: u8) -> [(&'static str, serde_json::Value); 2] {
    // Units stand against each other, names do not: both kinds of merge.
    [("place.name", json!(format!("Thôn {name}"))), ("unit", json!(format!("{:05}", name % 3)))]
}

struct World {
    phone: Phone,
    simple: Simple,
    now: i64,
}

impl World {
    fn run(mut self, steps: &[Step]) -> Self {
        for step in steps {
            self.now += 1;
            self.take(step);
            self.compare();
        }
        self
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Save { doc: number, name } => {
                let stored = self.phone.store.document(doc(number)).unwrap();
                // Something of it may be here that cannot be applied yet; its document is begun anew.
                let mut document = stored.map(|stored| stored.document).filter(|document| document.kind().is_some());
                let mut document = document.take().unwrap_or_else(|| Document::new(DocKind::Visit));
                // The clock makes every save a change.
                let unique = ("note", json!(format!("{}", self.now)));
                let [a, b] = edits(name);
                let change = edit(&mut document, ME, self.now, &[a, b, unique]);
                self.phone.store.commit(SPACE, doc(number), &document, &change, Some(doc(number)), self.now).unwrap();
                self.simple.held.entry(number).or_default().insert(change.hash, (change, Place::Saved));
                self.simple.drafts.remove(&number);
            }
            Step::Write { doc: number, name } => {
                let document = self.simple.elsewhere.entry(number).or_insert_with(|| Document::new(DocKind::Visit));
                let unique = ("note", json!(format!("kia {}", self.now)));
                let [a, b] = edits(name);
                let change = edit(document, OTHER, self.now, &[a, b, unique]);
                self.simple.log.push((number, change));
            }
            Step::Pull { from, count, backwards } => self.pull(from, count, backwards),
            Step::Draft { doc: number } => {
                let draft = Draft {
                    id: doc(number),
                    space: SPACE,
                    kind: Some(DocKind::Visit),
                    title: String::new(),
                    base: Vec::new(),
                    edits: json!(self.now),
                    created_ms: 0,
                    updated_ms: 0,
                };
                self.phone.store.save_draft(&draft, self.now).unwrap();
                self.simple.drafts.insert(number);
            }
            Step::Discard { doc: number } => {
                let there = self.phone.store.discard_draft(doc(number)).unwrap();
                assert_eq!(there, self.simple.drafts.remove(&number));
            }
            Step::Seal => self.seal(),
            Step::Answer { refuse } => self.answer(refuse),
            Step::Reopen => {
                let fresh = Phone::new();
                let phone = std::mem::replace(&mut self.phone, fresh);
                self.phone = phone.reopen();
            }
        }
    }

    fn pull(&mut self, from: usize, count: usize, backwards: bool) {
        let length = self.simple.log.len();
        if length == 0 {
            return;
        }
        let mut part: Vec<_> = self.simple.log.iter().cycle().skip(from % length).take(count).cloned().collect();
        if backwards {
            part.reverse();
        }
        let changes: Vec<_> = part.iter().map(|(number, change)| (doc(*number), change)).collect();
        let applied = self.phone.store.apply_remote(&batch(self.now.unsigned_abs(), &changes)).unwrap();
        assert!(applied.rejected.is_empty(), "{applied:?}");
        for (number, change) in part {
            self.simple.held.entry(number).or_default().insert(change.hash, (change, Place::Logged));
        }
    }

    fn seal(&mut self) {
        let pending = self.phone.store.unsealed(100).unwrap();
        if pending.is_empty() {
            return;
        }
        self.simple.envelopes += 1;
        let device_seq = self.simple.envelopes;
        let changes: Vec<_> = pending.iter().map(|change| (change.doc, change.hash)).collect();
        let envelope = SealedEnvelope { device_seq, space: SPACE, hash: [1; 32], bytes: vec![1], changes };
        self.phone.store.seal(&envelope).unwrap();
        for (_, place) in self.simple.held.values_mut().flat_map(BTreeMap::values_mut) {
            if *place == Place::Saved {
                *place = Place::Sealed(device_seq);
            }
        }
        self.simple.open.push(device_seq);
    }

    fn answer(&mut self, refuse: bool) {
        let Some(device_seq) = self.simple.open.pop() else { return };
        let ack = if refuse { Ack::Refused("test".into()) } else { Ack::Durable { seq: device_seq } };
        self.phone.store.acknowledge(device_seq, &ack).unwrap();
        for (number, held) in &mut self.simple.held {
            for (change, place) in held.values_mut().filter(|(_, place)| *place == Place::Sealed(device_seq)) {
                *place = if refuse { Place::Refused } else { Place::Logged };
                if !refuse {
                    // From now on others see it, if they have what it builds on.
                    let document =
                        self.simple.elsewhere.entry(*number).or_insert_with(|| Document::new(DocKind::Visit));
                    if document.apply([change.raw.as_slice()]).is_ok() {
                        self.simple.log.push((*number, change.clone()));
                    }
                }
            }
        }
    }

    fn compare(&self) {
        let listed =
            self.phone.store.visits(&VisitFilter { deleted: true, ..VisitFilter::default() }, &Page::first(100));
        let listed: BTreeMap<DocId, _> =
            listed.unwrap().items.into_iter().map(|item| (item.row.id, (item.row.place_name, item.state))).collect();
        let (kinds, _) = self.phone.store.documents(DocKind::Visit, None, &Page::first(100)).unwrap();
        let mut unsent = 0;
        for number in 0..DOCS {
            let drafted = self.phone.store.draft(doc(number)).unwrap().is_some();
            assert_eq!(drafted, self.simple.drafts.contains(&number));
            let Some(document) = self.simple.document(number) else {
                assert!(!listed.contains_key(&doc(number)));
                continue;
            };
            let stored = self.phone.store.document(doc(number)).unwrap().unwrap();
            assert_eq!(stored.document.heads(), document.heads(), "visit {number}");
            assert_eq!(stored.state, self.simple.state(number), "visit {number}");
            assert!(kinds.iter().any(|info| info.id == doc(number) && info.state == stored.state));
            let name = Visit::of(&document).place.name;
            assert_eq!(listed[&doc(number)], (name.clone(), stored.state), "visit {number}");
            let filter = VisitFilter { query: name, ..VisitFilter::default() };
            assert!(self.phone.visits(&filter).iter().any(|(id, _)| *id == doc(number)));
            unsent += self.simple.held[&number].values().filter(|(_, place)| *place == Place::Saved).count();
        }
        assert_eq!(self.phone.store.unsealed(100).unwrap().len(), unsent);
    }
}

proptest! {
    #![proptest_config(Config { cases: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_store_does_what_a_simple_model_does(steps in prop::collection::vec(step(), 1..40)) {
        let world = World { phone: Phone::new(), simple: Simple::default(), now: NOW };
        let mut world = world.run(&steps);
        // In the end everything comes, twice, and nothing waits.
        for _ in 0..2 {
            let all = world.simple.log.len();
            world.take(&Step::Pull { from: 0, count: all, backwards: true });
            world.compare();
        }
        for (number, document) in &world.simple.elsewhere {
            let heads: BTreeSet<_> = document.heads().into_iter().collect();
            let known = world.phone.store.changes(doc(*number)).unwrap();
            let applied: BTreeSet<_> = known.iter().filter(|change| change.applied).map(|change| change.hash).collect();
            let missing = heads.iter().filter(|head| !applied.contains(*head) && kind_of_genesis(head).is_none());
            prop_assert_eq!(missing.count(), 0);
        }
        world.phone.store.check().unwrap();
    }
}

#[test]
fn a_store_may_move_between_threads() {
    fn sendable<T: Send>() {}
    sendable::<gandan_store::Store>();
}
