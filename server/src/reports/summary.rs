//! All figures of a period in one answer.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::reports::facts::{Facts, Table};
use crate::reports::figures::definitions::{self, Definition, Unavailable};
use crate::reports::figures::{
    Counts, Share, complaints, conduct, devices, dialogue, first_notice, outcome, promises, quality, received,
    resolution, satisfaction, standing, villages, visits,
};
use crate::reports::scope::Question;

/// The period of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
}

/// The area of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Area {
    /// What was asked for: an area's id, a unit's code, or `province`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Codes of its units that the reader may see; null: all units of the province.
    pub units: Option<Vec<String>>,
}

/// Every figure of a period, an area and a judgement day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Summary {
    /// The judgement day.
    #[schema(value_type = String, format = Date)]
    pub as_of: Date,
    /// The period.
    pub period: Period,
    /// The area.
    pub area: Area,
    /// When the figures were read, RFC 3339 in UTC+7.
    pub read_at: String,
    /// Devices that may still hold records of the period.
    pub devices_not_synced: devices::DevicesNotSynced,
    /// Figures 1 and 2.
    pub visits: visits::VisitFigures,
    /// Figure 3.
    pub issues: received::IssueFigures,
    /// Figure 4.
    pub first_notice: Share,
    /// Figures 5 to 8.
    pub resolution: resolution::Resolution,
    /// Figure 9: issues settled or reopened, by confirmation; `None`: nothing recorded.
    pub resident_confirmation: Counts,
    /// Figure 9.
    pub outcomes: outcome::Outcomes,
    /// Figure 10.
    pub left_the_line: outcome::LeftTheLine,
    /// Figure 11.
    pub complaints: complaints::Complaints,
    /// Figure 11: for the inspectorate and the whole province only; null for everybody else.
    pub denunciations: Option<i64>,
    /// Figure 12: open cases.
    pub long_standing: Vec<standing::LongStandingCase>,
    /// Figure 12.
    pub hot_spots: standing::HotSpots,
    /// Figure 13.
    pub satisfaction: satisfaction::SatisfactionFigures,
    /// Figure 14: conclusions of dialogues.
    pub dialogue_conclusions: Share,
    /// Figure 14.
    pub supervision: dialogue::Supervision,
    /// Figure 14.
    pub bright_spots: dialogue::BrightSpots,
    /// Figure 15: what was promised for a day and settled by it; null: nothing was promised for a day.
    pub promises_kept: Option<Share>,
    /// Held visits that follow up an earlier one.
    pub follow_up_visits: i64,
    /// Figure 16.
    pub conduct: conduct::Conduct,
    /// Figure 17.
    pub data_quality: quality::Quality,
    /// Requests of data subjects; null: not recorded yet.
    pub data_subject_requests: Option<i64>,
    /// Held visits by the province the unit belonged to before 1 July 2025.
    pub by_former_province_held: Counts,
    /// Held visits by area; areas overlap, so these do not add up.
    pub by_area_held: Counts,
    /// By unit code.
    pub by_unit: BTreeMap<String, visits::UnitFigures>,
    /// Received against settled, week by week.
    pub weekly: Vec<received::Week>,
    /// What the figures mean.
    #[schema(value_type = BTreeMap<String, Definition>)]
    pub definitions: BTreeMap<&'static str, Definition>,
    /// Figures that cannot be given yet, and why.
    pub unavailable: Vec<Unavailable>,
}

/// All counts of issues and visits under way.
struct Tallies<'r> {
    visits: visits::Tally,
    received: received::Tally,
    first_notice: first_notice::Tally,
    resolution: resolution::Tally<'r>,
    outcome: outcome::Tally<'r>,
    complaints: complaints::Tally,
    standing: standing::Tally<'r>,
    satisfaction: satisfaction::Tally,
    dialogue: dialogue::Tally,
    promises: promises::Tally,
    conduct: conduct::Tally,
    quality: quality::Tally,
}

impl<'r> Tallies<'r> {
    /// Looks at every visit and every issue of the question once.
    fn count(connection: &Connection, facts: &'r Table, question: &Question) -> Result<Self, DbError> {
        let mut tallies = Self {
            visits: visits::Tally::default(),
            received: received::Tally::default(),
            first_notice: first_notice::Tally::default(),
            resolution: resolution::Tally::new(),
            outcome: outcome::Tally::new(),
            complaints: complaints::Tally::default(),
            standing: standing::Tally::new(),
            satisfaction: satisfaction::Tally::default(),
            dialogue: dialogue::Tally::begin(facts),
            promises: promises::Tally::default(),
            conduct: conduct::Tally::default(),
            quality: quality::Tally::default(),
        };
        facts.each_visit(connection, question, |visit| {
            tallies.visits.add_visit(visit, question.as_of);
            tallies.standing.add_visit(visit);
            tallies.satisfaction.add_visit(visit);
            tallies.quality.add_visit(visit);
        })?;
        facts.each_issue(connection, question, |issue| {
            tallies.visits.add(issue);
            tallies.received.add(issue);
            tallies.first_notice.add(issue);
            tallies.resolution.add(issue);
            tallies.outcome.add(issue);
            tallies.complaints.add(issue);
            tallies.standing.add(issue);
            tallies.dialogue.add(issue);
            tallies.promises.add(issue);
            tallies.conduct.add(issue);
            tallies.quality.add(issue);
        })?;
        Ok(tallies)
    }
}

/// Reads every figure, all of one moment of the database: figures that stand beside each other must agree. `now_ms` is the
/// time of the asking.
pub fn query(
    connection: &Connection,
    facts: &Facts,
    question: &Question,
    area: Area,
    now_ms: i64,
) -> Result<Summary, DbError> {
    facts.at_one_moment(connection, |moment, facts| gather(moment, facts, question, area, now_ms))
}

fn gather(
    moment: &Connection,
    facts: &Table,
    question: &Question,
    area: Area,
    now_ms: i64,
) -> Result<Summary, DbError> {
    let tallies = Tallies::count(moment, facts, question)?;
    let (mut visits, by_unit) = tallies.visits.finish(moment, &facts.names, question)?;
    visits.village_coverage = villages::coverage(moment, question)?;
    let promises_kept = tallies.promises.finish();
    let known = |figure: &str| match figure {
        "visits.village_coverage" => visits.village_coverage.is_some(),
        "promises_kept" => promises_kept.is_some(),
        _ => false,
    };
    let unavailable = definitions::UNAVAILABLE.iter().filter(|gap| !known(gap.figure)).copied().collect();
    let (issues, weekly) = tallies.received.finish(facts, question, visits.held);
    // Every sealed row is a denunciation, and told of by the same rule.
    let denunciations = issues.sealed;
    let (resident_confirmation, outcomes, left_the_line) = tallies.outcome.finish(moment, &facts.names, question)?;
    let (long_standing, hot_spots) = tallies.standing.finish();
    let (data_quality, follow_up_visits) = tallies.quality.finish();
    Ok(Summary {
        as_of: question.as_of.date(),
        period: Period { from: question.from.date(), to: question.to.date() },
        area,
        read_at: gandan_model::moment::Moment::from_ms(now_ms).to_string(),
        devices_not_synced: devices::query(moment, question, now_ms)?,
        visits,
        issues,
        first_notice: tallies.first_notice.finish(),
        resolution: tallies.resolution.finish(&facts.names),
        resident_confirmation,
        outcomes,
        left_the_line,
        complaints: tallies.complaints.finish(),
        denunciations,
        long_standing,
        hot_spots,
        satisfaction: tallies.satisfaction.finish(),
        dialogue_conclusions: tallies.dialogue.finish(),
        supervision: dialogue::supervision(moment, facts, question)?,
        bright_spots: dialogue::bright_spots(moment, facts, question)?,
        promises_kept,
        follow_up_visits,
        conduct: tallies.conduct.finish(),
        data_quality,
        data_subject_requests: None,
        by_former_province_held: visits::by_former_province(&by_unit),
        by_area_held: visits::by_area(moment, &by_unit)?,
        by_unit,
        weekly,
        definitions: definitions::all(),
        unavailable,
    })
}
