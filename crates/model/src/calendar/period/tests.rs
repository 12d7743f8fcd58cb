#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn check(text: &str, first: Date, last: Date) {
    let period: Period = text.parse().unwrap();
    assert_eq!((period.first(), period.last()), (first, last), "{text}");
    assert_eq!(period.to_string(), text);
}

#[test]
fn cut_offs_of_the_decree() {
    check("administrative_month:2026-11", date(2026, 10, 15), date(2026, 11, 14));
    check("administrative_month:2026-01", date(2025, 12, 15), date(2026, 1, 14));
    check("administrative_month:2026-03", date(2026, 2, 15), date(2026, 3, 14));
    check("administrative_quarter:2026-01", date(2025, 12, 15), date(2026, 3, 14));
    check("administrative_quarter:2026-04", date(2026, 9, 15), date(2026, 12, 14));
    check("administrative_six_months:2026-01", date(2025, 12, 15), date(2026, 6, 14));
    check("administrative_nine_months:2026-01", date(2025, 12, 15), date(2026, 9, 14));
    check("administrative_year:2026-01", date(2025, 12, 15), date(2026, 12, 14));
}

#[test]
fn calendar_periods_and_weeks() {
    check("calendar_month:2028-02", date(2028, 2, 1), date(2028, 2, 29));
    check("calendar_quarter:2026-03", date(2026, 7, 1), date(2026, 9, 30));
    check("calendar_year:2026-01", date(2026, 1, 1), date(2026, 12, 31));
    check("week:2026-53", date(2026, 12, 28), date(2027, 1, 3));
    let week = Period::containing(PeriodKind::Week, date(2026, 11, 22)).unwrap();
    assert_eq!((week.first(), week.last()), (date(2026, 11, 16), date(2026, 11, 22)));
    assert_eq!(week.previous().unwrap().last(), date(2026, 11, 15));
}

#[test]
fn the_period_to_report() {
    let of = |kind, y, m, d| Period::last_ended(kind, date(y, m, d)).unwrap().to_string();
    assert_eq!(of(PeriodKind::AdministrativeMonth, 2026, 11, 14), "administrative_month:2026-10");
    assert_eq!(of(PeriodKind::AdministrativeMonth, 2026, 11, 15), "administrative_month:2026-11");
    assert_eq!(of(PeriodKind::AdministrativeMonth, 2026, 12, 20), "administrative_month:2026-12");
    assert_eq!(of(PeriodKind::AdministrativeSixMonths, 2026, 11, 1), "administrative_six_months:2026-01");
    assert_eq!(of(PeriodKind::Week, 2026, 11, 23), "week:2026-47");
    assert_eq!(of(PeriodKind::Week, 2026, 11, 22), "week:2026-46");
    assert_eq!(of(PeriodKind::CalendarMonth, 2026, 12, 31), "calendar_month:2026-11");
}

#[test]
fn six_months_leave_the_end_of_the_year_free() {
    let six = PeriodKind::AdministrativeSixMonths;
    assert!(Period::containing(six, date(2026, 6, 15)).is_none());
    assert_eq!(Period::containing(six, date(2026, 12, 15)).unwrap().year(), 2027);
}

#[test]
fn labels() {
    let period: Period = "administrative_quarter:2026-04".parse().unwrap();
    assert_eq!(period.label(Lang::Vi), "Quý IV/2026 (15/09/2026 – 14/12/2026)");
    assert_eq!(period.label(Lang::En), "Quarter 4/2026 (15/09/2026 – 14/12/2026)");
}

#[test]
fn bad_periods_have_codes() {
    let cases = [
        ("month", "period_form"),
        ("moon:2026-01", "period_kind"),
        ("week:2025-53", "period_number"),
        ("calendar_month:2026-13", "period_number"),
        ("calendar_month:2026-0", "period_number"),
        ("calendar_month:1900-01", "period_number"),
        ("calendar_month:x-01", "period_form"),
    ];
    for (text, code) in cases {
        assert_eq!(text.parse::<Period>().unwrap_err().code(), code, "{text}");
    }
    assert!(Period::containing(PeriodKind::Week, Date::MIN).is_none());
    assert!(Period::last_ended(PeriodKind::CalendarYear, Date::MAX).is_none());
}

fn kinds() -> impl Strategy<Value = PeriodKind> {
    (0..PeriodKind::ALL.len()).prop_map(|n| PeriodKind::ALL[n])
}

proptest! {
    #[test]
    fn periods_follow_each_other_without_gap(kind in kinds(), days in 0i64..70_000) {
        let day = date(1980, 1, 1).checked_add(days.days()).unwrap();
        if let Some(period) = Period::containing(kind, day) {
            prop_assert!(period.contains(day));
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
            let previous = period.previous().unwrap();
            prop_assert_eq!(previous.next().unwrap(), period);
            let whole = !matches!(kind, PeriodKind::AdministrativeSixMonths | PeriodKind::AdministrativeNineMonths);
            if whole {
                prop_assert_eq!(previous.last().tomorrow().unwrap(), period.first());
            }
            prop_assert!(Period::last_ended(kind, day).unwrap().last() < day);
        } else {
            prop_assert!(matches!(kind, PeriodKind::AdministrativeSixMonths | PeriodKind::AdministrativeNineMonths));
        }
    }
}
