//! Figures, each with its bound and what it is measured against.

use crate::Options;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What a figure has to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// Not above this.
    AtMost(f64),
    /// Not below this.
    AtLeast(f64),
    /// For information.
    None,
}

impl Bound {
    fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::None => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", short(most)),
            Self::AtLeast(least) => format!("≥ {}", short(least)),
            Self::None => String::new(),
        }
    }
}

struct Figure {
    group: &'static str,
    name: String,
    value: f64,
    unit: &'static str,
    bound: Bound,
    beside: String,
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Figures {
    list: Vec<Figure>,
    group: &'static str,
}

impl Figures {
    /// What follows belongs to this.
    pub(crate) fn group(&mut self, name: &'static str) {
        eprintln!("… {name}");
        self.group = name;
    }

    /// Adds a figure. `beside`: its yardstick, in words.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        bound: Bound,
        beside: impl Into<String>,
    ) {
        let (name, beside) = (name.into(), beside.into());
        self.list.push(Figure { group: self.group, name, value, unit, bound, beside });
    }

    /// Adds a figure without bound or yardstick.
    pub(crate) fn note(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.add(name, value, unit, Bound::None, "");
    }

    pub(crate) fn json(&self, options: &Options) -> Value {
        let figures: Vec<Value> = self
            .list
            .iter()
            .map(|figure| {
                json!({"group": figure.group, "name": figure.name, "value": figure.value, "unit": figure.unit,
                    "bound": figure.bound.text(), "holds": figure.bound.holds(figure.value), "beside": figure.beside})
            })
            .collect();
        json!({"seed": options.seed, "devices": options.devices, "per_device": options.per_device,
            "local": options.local, "release": !cfg!(debug_assertions), "figures": figures})
    }

    pub(crate) fn table(&self, options: &Options) -> String {
        let mut out = format!(
            "seed {}, {} devices × {} visits, {} visits on the large device\n",
            options.seed, options.devices, options.per_device, options.local
        );
        let width = self.list.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        let mut group = "";
        for figure in &self.list {
            if figure.group != group {
                group = figure.group;
                let _ = writeln!(out, "\n{group}");
            }
            let pad = " ".repeat(width - figure.name.chars().count());
            let mark = match figure.bound.holds(figure.value) {
                Some(true) => "✓",
                Some(false) => "✗",
                None => " ",
            };
            let value = format!("{} {}", short(figure.value), figure.unit);
            let line =
                format!("  {}{pad}  {value:>16}  {mark} {:<12} {}", figure.name, figure.bound.text(), figure.beside);
            let _ = writeln!(out, "{}", line.trim_end());
        }
        let missed = self.list.iter().filter(|figure| figure.bound.holds(figure.value) == Some(false)).count();
        let bounded = self.list.iter().filter(|figure| figure.bound.holds(figure.value).is_some()).count();
        let _ = writeln!(out, "\n{} of {bounded} bounds hold", bounded - missed);
        out
    }
}

/// Three significant digits, with thousands apart.
fn short(value: f64) -> String {
    if value >= 1_000.0 {
        let digits = format!("{value:.0}");
        let mut out = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                out.push(' ');
            }
            out.push(digit);
        }
        out
    } else if value >= 100.0 || value.fract() < 1e-9 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// The middle of these.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
