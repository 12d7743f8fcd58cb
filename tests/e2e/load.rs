//! Phones that all come online at once, small enough for every run of the tests. The large one: `cargo xtask bench load`.

use gandan_tests::load::{Plan, all_come_online, percentile, prepare, storm};
use gandan_tests::processes::{Server, eventually, folder};
use std::time::Duration;

const PHONES: usize = 60;

#[test]
fn sixty_phones_at_once_are_all_served_and_a_storm_passes() {
    let folder = folder();
    // Little enough for a storm to reach it: 300 at once, then ten a second.
    let options = ["--requests-per-address", "600"];
    let server = Server::started_with(&folder.path().join("server"), &options);
    let plan = Plan { phones: PHONES, visits: 3, within: Duration::from_secs(1), seed: 1, one_address: true };
    let phones = prepare(&server, plan);
    let runtime = tokio::runtime::Runtime::new().unwrap();

    let (load, phones) = runtime.block_on(all_come_online(&server, plan, phones));
    assert_eq!((load.syncs.len(), load.turned_away, load.staff_failed), (PHONES, 0, 0), "{load:?}");
    assert!(percentile(&load.syncs, 99) < Duration::from_secs(5), "{load:?}");
    let token = server.province_token();
    eventually("all visits in the lists", || {
        let seen = gandan_tests::api::list(server.address(), "/api/v1/visits", &token).len();
        (seen == PHONES * 3).then_some(())
    });

    // Many times what one address may: some are served, the others are told when to come back; the office, which calls
    // from elsewhere, notices nothing.
    let (storm, phones) = runtime.block_on(storm(&server, phones, 20));
    assert_eq!(storm.other, 0, "{storm:?}");
    assert!(storm.turned_away > 500 && storm.served > 200, "{storm:?}");
    assert!((1..=300).contains(&storm.longest_wait_s), "{storm:?}");
    assert_eq!(storm.staff_failed, 0, "{storm:?}");

    // Who keeps to it gets everything through.
    let calm = Plan { within: Duration::from_millis(1), ..plan };
    let (after, _) = runtime.block_on(all_come_online(&server, calm, phones));
    assert_eq!(after.syncs.len(), PHONES);
    assert!(after.turned_away > 0, "{after:?}");
}
