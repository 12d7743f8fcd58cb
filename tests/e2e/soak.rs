//! A day of a province in half a minute. The long one: `cargo xtask soak`.

use gandan_tests::processes::folder;
use gandan_tests::soak::run;

#[test]
fn a_day_of_a_province_loses_nothing_and_grows_no_more_than_its_records() {
    let (folder, seed) = (folder(), 1);
    let soaked = run(folder.path(), 0.5, seed, |_, _| {});
    assert!(soaked.complaints().is_empty(), "seed {seed}: {:?} {soaked:?}", soaked.complaints());
    assert!(soaked.kills.0 > 0 && soaked.devices.0 > 1 && soaked.devices.1 > 0, "seed {seed}: {soaked:?}");
}
