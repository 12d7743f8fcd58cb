#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn with(days: &str) -> Result<Calendar, CalendarError> {
    Calendar::from_json(&format!(
        r#"{{"version":"t","weekend":[6,7],"years":[{{"year":2027,"complete":true,"mark":"assumption"}}],"days":[{days}]}}"#
    ))
}

fn special(date: &str, kind: &str) -> String {
    format!(r#"{{"date":"{date}","kind":"{kind}","active":true,"mark":"assumption","vi":"v","en":"e"}}"#)
}

#[test]
fn builtin_file_is_read() {
    let calendar = Calendar::builtin();
    assert!(!calendar.is_working_day(date(2026, 9, 1)));
    assert!(!calendar.is_working_day(date(2026, 9, 2)));
    assert!(calendar.is_working_day(date(2026, 9, 3)));
    assert!(calendar.is_working_day(date(2026, 11, 24)), "not verified, so not active");
    assert!(calendar.special_days().any(|d| d.date == date(2026, 11, 24) && !d.active));
    assert!(!calendar.is_complete(2026));
    assert_eq!(calendar.version(), "2026-11-21");
}

#[test]
fn first_day_is_not_counted_and_holidays_are_skipped() {
    let calendar = Calendar::builtin();
    // Sunday 23 August 2026: ten working days with 1 and 2 September off.
    assert_eq!(calendar.add_working_days(date(2026, 8, 23), 10).unwrap(), date(2026, 9, 8));
    // Monday 5 October 2026 is not counted itself.
    assert_eq!(calendar.add_working_days(date(2026, 10, 5), 10).unwrap(), date(2026, 10, 19));
    assert_eq!(calendar.add_working_days(date(2026, 10, 3), 0).unwrap(), date(2026, 10, 5));
    assert_eq!(calendar.add_days_then_next_working_day(date(2026, 10, 24), 10).unwrap(), date(2026, 11, 3));
}

#[test]
fn make_up_days_are_worked() {
    let calendar =
        with(&[special("2027-01-02", "make_up_working_day"), special("2027-01-04", "holiday")].join(",")).unwrap();
    assert!(calendar.is_working_day(date(2027, 1, 2)));
    assert!(calendar.day_off(date(2027, 1, 2)).is_none());
    assert_eq!(calendar.day_off(date(2027, 1, 3)), Some(DayOff::Weekend));
    assert_eq!(calendar.day_off(date(2027, 1, 4)), Some(DayOff::Holiday { vi: "v".into(), en: "e".into() }));
    assert_eq!(calendar.add_working_days(date(2027, 1, 1), 2).unwrap(), date(2027, 1, 5));
    assert!(calendar.is_complete(2027));
}

#[test]
fn bad_calendars_are_refused() {
    let twice = [special("2027-01-02", "holiday"), special("2027-01-02", "holiday")].join(",");
    assert_eq!(with(&twice).unwrap_err().code(), "calendar_twice_listed");
    assert_eq!(with(&special("2027-02-30", "holiday")).unwrap_err().code(), "calendar_form");
    let json = r#"{"version":"t","weekend":[1,2,3,4,5,6,7],"years":[],"days":[]}"#;
    assert_eq!(Calendar::from_json(json).unwrap_err().code(), "calendar_content");
    let json = r#"{"version":"t","weekend":[0],"years":[],"days":[]}"#;
    assert_eq!(Calendar::from_json(json).unwrap_err().code(), "calendar_content");
}

#[test]
fn the_end_of_time_is_an_error() {
    let calendar = Calendar::builtin();
    assert_eq!(calendar.add_working_days(Date::MAX, 1).unwrap_err().code(), "calendar_out_of_range");
    assert!(calendar.add_days_then_next_working_day(Date::MAX, 1).is_err());
    assert_eq!(calendar.working_days_between(Date::MAX, Date::MAX), 0);
}

#[test]
fn civil_dates_are_those_of_vietnam() {
    let evening: Timestamp = "2026-08-02T17:00:00Z".parse().unwrap();
    assert_eq!(vietnam_date(evening), date(2026, 8, 3));
    let before: Timestamp = "2026-08-02T16:59:59.999Z".parse().unwrap();
    assert_eq!(vietnam_date(before), date(2026, 8, 2));
    assert_eq!(vietnam_day_start(date(2026, 8, 3)).unwrap(), evening);
    assert_eq!(vietnam_date(Timestamp::MAX).year(), 9999);
    assert!(vietnam_date(Timestamp::MIN).year() <= -9998);
}

fn days() -> impl Strategy<Value = Date> {
    (0i64..20_000).prop_map(|n| date(1990, 1, 1).checked_add(n.days()).unwrap())
}

/// A calendar with holidays and make-up days strewn over two months from a date.
fn calendars(from: Date) -> impl Strategy<Value = Calendar> {
    proptest::collection::btree_map(0i64..60, any::<bool>(), 0..20).prop_map(move |map| {
        let rows: Vec<_> = map
            .into_iter()
            .map(|(n, off)| {
                special(
                    &from.checked_add(n.days()).unwrap().to_string(),
                    if off { "holiday" } else { "make_up_working_day" },
                )
            })
            .collect();
        with(&rows.join(",")).unwrap()
    })
}

proptest! {
    #[test]
    fn working_days_are_counted_exactly(
        (start, calendar) in days().prop_flat_map(|d| (Just(d), calendars(d))),
        n in 1u16..60,
    ) {
        let due = calendar.add_working_days(start, n).unwrap();
        prop_assert!(calendar.is_working_day(due));
        prop_assert_eq!(calendar.working_days_between(start, due), u32::from(n));
    }

    #[test]
    fn calendar_days_end_on_the_first_working_day_from_the_last(
        (start, calendar) in days().prop_flat_map(|d| (Just(d), calendars(d))),
        n in 0u16..60,
    ) {
        let last = start.checked_add(i64::from(n).days()).unwrap();
        let due = calendar.add_days_then_next_working_day(start, n).unwrap();
        prop_assert!(due >= last && calendar.is_working_day(due));
        let mut date = last;
        while date < due {
            prop_assert!(!calendar.is_working_day(date));
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn later_starts_never_end_earlier(
        (start, calendar) in days().prop_flat_map(|d| (Just(d), calendars(d))),
        n in 0u16..60,
    ) {
        let next = start.tomorrow().unwrap();
        prop_assert!(calendar.add_working_days(start, n).unwrap() <= calendar.add_working_days(next, n).unwrap());
        prop_assert!(
            calendar.add_days_then_next_working_day(start, n).unwrap()
                <= calendar.add_days_then_next_working_day(next, n).unwrap()
        );
        prop_assert!(calendar.add_working_days(start, n).unwrap() < calendar.add_working_days(start, n + 1).unwrap() || n == 0);
    }
}
