//! Rows over time, for charts: week by week, and unit by month.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::rows;
use super::scope::{Question, STATUS_AT};
use crate::db::DbError;
use crate::reports::day::Day;

/// One week, Monday to Sunday.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WeekRow {
    /// Its Monday.
    #[schema(value_type = String, format = Date)]
    pub monday: jiff::civil::Date,
    /// Visits held.
    pub visits_held: i64,
    /// Attendances of residents at them.
    pub people_met: i64,
    /// Countable issues received.
    pub received: i64,
    /// Countable issues of the period first settled in this week.
    pub settled: i64,
    /// Issues received in this week by where they stand at the end of the judgement day.
    pub by_status: BTreeMap<String, i64>,
}

/// Visits held in a unit in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoverageCell {
    /// Code of the unit.
    pub unit: String,
    /// `2026-08`.
    pub month: String,
    /// Visits held.
    pub visits_held: i64,
    /// Villages, listed or not, in which they were held.
    pub villages: i64,
}

/// Rows over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Series {
    /// Every week in which something happened, in order.
    pub weeks: Vec<WeekRow>,
    /// Unit by month; a pair that is missing had no visit.
    pub coverage: Vec<CoverageCell>,
}

/// 1970-01-01 was a Thursday: Mondays are the days with the remainder 4.
const MONDAY: &str = "- ((%d% - 4) % 7)";

fn monday(column: &str) -> String {
    format!("({column} {})", MONDAY.replace("%d%", column))
}

/// Reads the rows of a question.
pub fn query(connection: &Connection, question: &Question) -> Result<Series, DbError> {
    let moment = connection.unchecked_transaction()?;
    let mut weeks: BTreeMap<i64, WeekRow> = BTreeMap::new();
    let mut add = |day: i64, with: &mut dyn FnMut(&mut WeekRow)| {
        let week = weeks.entry(day).or_insert_with(|| WeekRow { monday: Day(day).date(), ..WeekRow::default() });
        with(week);
    };
    let sql = question.held();
    let text = format!(
        "SELECT {}, count(*), sum(coalesce(v.residents, 0)) FROM visit_row v WHERE {} GROUP BY 1",
        monday("v.day"),
        sql.sql()
    );
    for (day, held, met) in rows(&moment, &text, &sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        add(day, &mut |week| {
            week.visits_held = held;
            week.people_met = met;
        });
    }
    let sql = question.issues();
    let text = format!(
        "SELECT {}, {STATUS_AT} AS status, count(*) FROM issue_row i WHERE {} GROUP BY 1, 2",
        monday("i.received_day"),
        sql.sql()
    );
    let found = rows(&moment, &text, &sql, |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))?;
    for (day, status, count) in found {
        add(day, &mut |week| {
            week.received += count;
            week.by_status.insert(status.clone(), count);
        });
    }
    let mut sql = question.issues();
    sql.push("i.first_settled_day <= :as_of");
    let text =
        format!("SELECT {}, count(*) FROM issue_row i WHERE {} GROUP BY 1", monday("i.first_settled_day"), sql.sql());
    for (day, count) in rows(&moment, &text, &sql, |row| Ok((row.get(0)?, row.get(1)?)))? {
        add(day, &mut |week| week.settled = count);
    }
    let sql = question.held();
    let text = format!(
        "SELECT v.unit, strftime('%Y-%m', v.day * 86400, 'unixepoch'), count(*), \
         count(DISTINCT v.village) FROM visit_row v WHERE {} GROUP BY 1, 2 ORDER BY 1, 2",
        sql.sql()
    );
    let coverage = rows(&moment, &text, &sql, |row| {
        Ok(CoverageCell { unit: row.get(0)?, month: row.get(1)?, visits_held: row.get(2)?, villages: row.get(3)? })
    })?;
    moment.commit()?;
    Ok(Series { weeks: weeks.into_values().collect(), coverage })
}

/// What a unit has to show for the emulation report. In the order of codes: nothing here ranks, and neither
/// satisfaction, withdrawals nor the number of complaints is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EmulationRow {
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Visits held.
    pub visits_held: i64,
    /// Held visits that follow up an earlier one.
    pub follow_ups: i64,
    /// Issues settled on or before their date.
    pub settled_in_time: i64,
    /// Bright spots proposed or on trial.
    pub models_proposed: i64,
    /// Bright spots recognised or carried on elsewhere.
    pub models_recognised: i64,
    /// Bright spots that name the difficulty they met: help in weak areas.
    pub weak_areas_helped: i64,
}

/// Reads the rows of the emulation report: units with something to show.
pub fn emulation(connection: &Connection, question: &Question) -> Result<Vec<EmulationRow>, DbError> {
    let moment = connection.unchecked_transaction()?;
    let mut found: BTreeMap<String, EmulationRow> = BTreeMap::new();
    let empty = |unit: &str| EmulationRow {
        unit: unit.to_owned(),
        name: String::new(),
        visits_held: 0,
        follow_ups: 0,
        settled_in_time: 0,
        models_proposed: 0,
        models_recognised: 0,
        weak_areas_helped: 0,
    };
    let sql = question.held();
    let text = format!(
        "SELECT v.unit, count(*), count(v.follow_up_of), count(*) FILTER (WHERE b.stage IN ('proposed', 'piloting')), \
         count(*) FILTER (WHERE b.stage IN ('recognised', 'replicated')), \
         count(*) FILTER (WHERE b.difficulty IS NOT NULL AND b.difficulty <> '') FROM visit_row v \
         LEFT JOIN bright_spot_row b ON b.n = v.n WHERE {} GROUP BY v.unit",
        sql.sql()
    );
    let visits = rows(&moment, &text, &sql, |row| {
        let unit: String = row.get(0)?;
        Ok(EmulationRow {
            visits_held: row.get(1)?,
            follow_ups: row.get(2)?,
            models_proposed: row.get(3)?,
            models_recognised: row.get(4)?,
            weak_areas_helped: row.get(5)?,
            ..empty(&unit)
        })
    })?;
    found.extend(visits.into_iter().map(|row| (row.unit.clone(), row)));
    let mut sql = question.issues();
    sql.push("i.status IN ('resolved', 'replied', 'closed') AND i.first_settled_day <= min(i.resolve_due, :as_of)");
    let text = format!("SELECT i.unit, count(*) FROM issue_row i WHERE {} GROUP BY i.unit", sql.sql());
    for (unit, count) in rows(&moment, &text, &sql, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
        found.entry(unit.clone()).or_insert_with(|| empty(&unit)).settled_in_time = count;
    }
    for row in found.values_mut() {
        let sql = "SELECT name FROM unit WHERE code = ?1";
        row.name = moment.prepare_cached(sql)?.query_row([&row.unit], |name| name.get(0))?;
    }
    moment.commit()?;
    Ok(found.into_values().collect())
}
