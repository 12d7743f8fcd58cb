//! How a due date comes about, for the page where staff look at an issue.

use jiff::civil::Date;
use serde::Serialize;

use super::is_verified;
use super::rules::{ClockStart, DeadlineRule, Purpose};
use crate::calendar::{Calendar, CalendarError, DayOff, Mark, add_days, display_date, next_day};
use crate::codes::Lang;

/// A day that did not count, or on which the limit could not end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedDay {
    /// The day.
    pub date: Date,
    /// Why.
    #[serde(flatten)]
    pub day_off: DayOff,
}

/// The computation of one time limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// What the limit is for.
    pub purpose: Purpose,
    /// Id of the rule.
    pub rule: String,
    /// Step of the procedure.
    pub step: String,
    /// Code of the basis.
    pub basis: String,
    /// Reference in Vietnamese.
    pub law_vi: String,
    /// Reference in English.
    pub law_en: String,
    /// How well the rule is known.
    pub mark: Mark,
    /// A target of the office, not a limit of law.
    pub target: bool,
    /// What starts the clock.
    pub starts: ClockStart,
    /// The day it started, not counted; none if it has not.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub start: Option<Date>,
    /// Length in days.
    pub days: u16,
    /// Whether working days are counted.
    pub working: bool,
    /// The last counted day, before it moved off a day that is not worked.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub counted_to: Option<Date>,
    /// The due date.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub due_on: Option<Date>,
    /// Weekends and holidays that moved the date: for working days all of them, for calendar days those at the end.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub skipped: Vec<SkippedDay>,
    /// Whether rule and calendar are verified; if not, show the date as an estimate.
    pub verified: bool,
    /// Remark on the rule.
    pub note: String,
}

pub(super) fn explain(
    rule: &DeadlineRule,
    start: Option<Date>,
    calendar: &Calendar,
) -> Result<Explanation, CalendarError> {
    let mut explanation = Explanation {
        purpose: rule.purpose,
        rule: rule.id.clone(),
        step: rule.step.clone(),
        basis: rule.basis.clone(),
        law_vi: rule.law_vi.clone(),
        law_en: rule.law_en.clone(),
        mark: rule.mark,
        target: rule.target,
        starts: rule.starts,
        start,
        days: rule.days,
        working: rule.working,
        counted_to: None,
        due_on: None,
        skipped: Vec::new(),
        verified: is_verified(rule.mark),
        note: rule.note.clone(),
    };
    let Some(start) = start else {
        return Ok(explanation);
    };
    let due_on = rule.ends_on(start, calendar)?;
    let counted_to = if rule.working { due_on } else { add_days(start, rule.days)? };
    let mut date = if rule.working { next_day(start)? } else { counted_to };
    while date < due_on {
        if let Some(day_off) = calendar.day_off(date) {
            explanation.skipped.push(SkippedDay { date, day_off });
        }
        date = next_day(date)?;
    }
    explanation.counted_to = Some(counted_to);
    explanation.due_on = Some(due_on);
    explanation.verified &= (start.year()..=due_on.year()).all(|year| calendar.is_complete(year));
    Ok(explanation)
}

impl Explanation {
    /// The computation in one or two sentences.
    pub fn sentence(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => self.vietnamese(),
            Lang::En => self.english(),
        }
    }

    fn vietnamese(&self) -> String {
        let unit = if self.working { "ngày làm việc" } else { "ngày" };
        let from = match self.starts {
            ClockStart::Received => "ngày tiếp nhận",
            ClockStart::Accepted => "ngày thụ lý",
        };
        let head = format!("{}: {} {unit} kể từ {from}", self.law_vi, self.days);
        let (Some(start), Some(due_on)) = (self.start, self.due_on) else {
            return format!("{head}; chưa thụ lý nên chưa tính thời hạn.");
        };
        let mut text = format!("{head} {} (không tính ngày đầu)", display_date(start));
        self.add_skipped(&mut text, "; không tính ", "; ngày cuối rơi vào ", |off| match off {
            DayOff::Weekend => "ngày nghỉ cuối tuần",
            DayOff::Holiday { vi, .. } => vi,
        });
        text.extend([". Hết hạn: cuối ngày ", &display_date(due_on), "."]);
        if !self.verified {
            text.push_str(" Căn cứ hoặc lịch nghỉ chưa được kiểm chứng.");
        }
        text
    }

    fn english(&self) -> String {
        let unit = if self.working { "working days" } else { "days" };
        let from = match self.starts {
            ClockStart::Received => "reception",
            ClockStart::Accepted => "acceptance",
        };
        let head = format!("{}: {} {unit} from {from}", self.law_en, self.days);
        let (Some(start), Some(due_on)) = (self.start, self.due_on) else {
            return format!("{head}; not accepted yet, so the clock has not started.");
        };
        let mut text = format!("{head} on {} (first day not counted)", display_date(start));
        self.add_skipped(&mut text, "; not counted: ", "; last day fell on ", |off| match off {
            DayOff::Weekend => "weekend",
            DayOff::Holiday { en, .. } => en,
        });
        text.extend([". Due by the end of ", &display_date(due_on), "."]);
        if !self.verified {
            text.push_str(" Basis or calendar not verified.");
        }
        text
    }

    /// Weekends go without saying where working days are counted; holidays are named.
    fn add_skipped<'a>(&'a self, text: &mut String, counted: &str, at_end: &str, name: impl Fn(&'a DayOff) -> &'a str) {
        let named = |day: &&SkippedDay| !self.working || day.day_off != DayOff::Weekend;
        for (index, day) in self.skipped.iter().filter(named).enumerate() {
            let lead = if self.working { counted } else { at_end };
            text.push_str(if index == 0 { lead } else { ", " });
            text.push_str(&display_date(day.date));
            text.push_str(" (");
            text.push_str(name(&day.day_off));
            text.push(')');
        }
    }
}
