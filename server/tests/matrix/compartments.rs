//! What devices of each role may hold and give, compartment by compartment.

use gandan_model::genesis::DocKind;
use gandan_model::ids::{DocId, SpaceId};
use gandan_server::auth::{Role, ScopeLine};
use gandan_sync::Status;

use crate::document;
use crate::stage::an_edit;
use crate::support::peer::Peer;
use crate::support::{TestApp, UNIT_A, UNIT_B};

/// What must come out: role; field, contacts and sealed of its own unit; everything of another unit.
#[rustfmt::skip]
const TABLE: [(Role, [&str; 4]); 7] = [
    (Role::FieldOfficial, ["both", "both", "write", "none"]),
    (Role::CommuneStaff,  ["both", "both", "write", "none"]),
    (Role::Agency,        ["both", "none", "none",  "none"]),
    (Role::AreaStaff,     ["both", "none", "none",  "none"]),
    (Role::ProvinceStaff, ["both", "none", "none",  "none"]),
    (Role::Inspector,     ["read", "none", "read",  "none"]),
    (Role::Administrator, ["read", "none", "none",  "none"]),
];

/// A space with a document in it.
#[derive(Clone, Copy)]
struct Place {
    space: SpaceId,
    kind: DocKind,
    held: DocId,
}

/// A server with a document in each compartment of unit A and in one of unit B.
fn places(app: &TestApp) -> Vec<Place> {
    let mut phone = app.official("CB-001", &[UNIT_A, UNIT_B]);
    let spaces = [
        (phone.space(UNIT_A, "field"), DocKind::Visit),
        (phone.space(UNIT_A, "contacts"), DocKind::Contact),
        (phone.space("68", "sealed"), DocKind::SealedStub),
        (phone.space(UNIT_B, "field"), DocKind::Visit),
    ];
    let place = |(number, (space, kind)): (usize, _)| Place {
        space,
        kind,
        held: DocId([u8::try_from(number).unwrap() + 1; 16]),
    };
    let places: Vec<Place> = spaces.into_iter().enumerate().map(place).collect();
    for place in &places {
        put(&mut phone, *place, place.held);
    }
    assert!(phone.sync(app).iter().all(|(_, status)| status.is_held()));
    places
}

fn put(peer: &mut Peer, place: Place, id: DocId) {
    let raw = peer.edit(place.space, id, place.kind, &[an_edit(place.kind)]);
    peer.seal(place.space, &[(id, raw)]);
}

/// What a new device of this role can really do in a place.
fn tried(app: &TestApp, role: Role, place: Place, number: u8) -> &'static str {
    let name = format!("{role}-{number}");
    let code = app.code(&name, role, &[ScopeLine::Unit(UNIT_A.to_owned())]);
    let mut peer = Peer::enrol(app, &name, &code);
    // Asks for everything, also for what it was not given.
    peer.positions.entry(place.space).or_insert_with(|| gandan_sync::SpacePosition::start(place.space));
    let (session, bytes) = peer.request();
    let answer = Peer::post(app, &bytes);
    assert_eq!(answer.status, 200);
    let outcome = session.finish(&answer.body, &peer, u64::try_from(peer.now_ms).unwrap()).unwrap();
    let part = outcome.parts.iter().find(|part| part.space == place.space);
    let reads = part.is_some_and(|part| !part.items.is_empty());
    put(&mut peer, place, DocId([0x80 | number; 16]));
    let writes = peer.ask(app).iter().any(|status| matches!(status, Status::Durable { .. }));
    match (reads, writes) {
        (true, true) => "both",
        (true, false) => "read",
        (false, true) => "write",
        (false, false) => "none",
    }
}

#[test]
fn devices_get_and_give_what_their_role_opens_and_nothing_else() {
    let app = TestApp::new();
    let places = places(&app);
    let mut number = 0;
    for (role, wanted) in TABLE {
        let found: Vec<&str> = places
            .iter()
            .map(|place| {
                number += 1;
                tried(&app, role, *place, number)
            })
            .collect();
        assert_eq!(found, wanted, "{role}");
    }
    assert_eq!(TABLE.map(|(role, _)| role), Role::ALL);
}

#[test]
fn the_document_shows_the_compartments() {
    let mut text = String::from("| role | field | contacts | sealed | of another unit |\n|---|---|---|---|---|\n");
    for (role, cells) in TABLE {
        text += &format!("| {role} | {} |\n", cells.join(" | "));
    }
    document::compare("compartments", &text);
}
