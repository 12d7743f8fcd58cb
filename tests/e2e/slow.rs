//! A bad road, shorter than `cargo xtask slow` has it.

use gandan_tests::link::Quality;
use gandan_tests::processes::folder;
use gandan_tests::slow::{Plan, run};
use std::time::Duration;

#[test]
fn a_day_over_a_narrow_long_and_lossy_road_arrives_whole_and_once() {
    let folder = folder();
    let quality = Quality { bits_per_second: 30_000, latency: Duration::from_millis(400), loss_percent: 5 };
    let plan = Plan { quality, there: 80, day: 10, seed: 1 };
    let day = run(folder.path(), plan);
    assert_eq!(day.visits, 90, "{day:?}");
    assert!(
        day.first.report.documents_loaded > 80
            && day.first.report.documents_loaded == day.first.report.documents_to_load,
        "{day:?}"
    );
    assert!(day.half > 0, "the list is of use before all is there: {day:?}");
    assert_eq!((day.evening.report.waiting, day.evening.report.refused.len()), (0, 0), "{day:?}");
    assert!(day.first.carried.lost + day.evening.carried.lost > 0, "the road was too good: {day:?}");
    // What the road carried are the bodies that the device counts, once, and heads of some hundred bytes.
    for went in [&day.first, &day.evening, &day.idle] {
        let exchanges = 8 + u64::from(went.report.round_trips);
        assert!(went.carried.up <= went.report.bytes_up + 400 * exchanges, "{went:?}");
        assert!(went.carried.down <= went.report.bytes_down + 400 * exchanges, "{went:?}");
        // Far below the half minute after which a device or the server gives up.
        assert!(went.stillest < Duration::from_secs(25), "{went:?}");
    }
    // Ten visits travel up once: a whole envelope each would not be twice as much.
    assert!(day.evening.report.bytes_up < 10 * 600, "{day:?}");
    assert_eq!(day.idle.report.round_trips, 1);
}
