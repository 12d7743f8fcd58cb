//! Handlers, one file per matter. Their URLs stand in [`super::router`].

pub mod enrol;
pub mod events;
pub mod export;
pub mod export_cells;
pub mod export_json;
pub mod export_stream;
pub mod export_xlsx;
pub mod health;
pub mod me;
pub mod openapi;
pub mod records;
pub mod records_csv;
pub mod records_detail;
pub mod records_erase;
pub mod records_issues;
pub mod records_items;
pub mod records_review;
pub mod records_visits;
pub mod reports;
pub mod session;
pub mod staff;
pub mod staff_issues;
pub mod staff_plans;
pub mod staff_review;
mod staff_steps;
pub mod staff_visits;
pub mod sync;
