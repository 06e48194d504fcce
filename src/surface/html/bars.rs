//! A drawing per metric: a bar for each candidate from zero to its value, and where the base stands.

use std::fmt::Write;

use super::escape::escape;
use super::graph::{CHARACTER, NAME_MAX, ROW};
use super::shape::{number, short_name};
use crate::engine::verb::experiment::Report;

/// The width of all values, from the least to the largest, in pixels.
const SPAN: f64 = 380.0;

struct Bar<'a> {
    approach: &'a str,
    value: f64,
    unit: &'a str,
    wins: bool,
}

/// Where values stand: zero and the base are always in sight.
struct Scale {
    left: f64,
    least: f64,
    most: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let span = self.most - self.least;
        self.left + if span > 0.0 { (value - self.least) / span * SPAN } else { 0.0 }
    }
}

/// Draws one metric.
pub fn add(page: &mut String, report: &Report, metric: &str) {
    let mut bars = Vec::new();
    let (mut without, mut base) = (Vec::new(), None);
    for row in &report.table.rows {
        let Some(found) = row.metrics.iter().find(|found| found.name == metric) else {
            without.push(row.approach.as_str());
            continue;
        };
        base = base.or(found.ratio.filter(|ratio| *ratio != 0.0).map(|r| found.value / r));
        let wins = report.table.winner.as_deref() == Some(&row.approach);
        bars.push(Bar { approach: &row.approach, value: found.value, unit: &found.unit, wins });
    }
    let longest = bars.iter().map(|bar| bar.approach.chars().count().min(NAME_MAX)).max();
    let all = || bars.iter().map(|bar| bar.value).chain(base).chain([0.0]);
    let scale = Scale {
        left: ((longest.unwrap_or(0) + 3) * CHARACTER) as f64,
        least: all().fold(0.0, f64::min),
        most: all().fold(0.0, f64::max),
    };
    let width = scale.left + SPAN + 200.0;
    let (top, height) = (24, 24 + bars.len() * ROW + 4);
    let name = escape(metric);
    let _ = writeln!(
        page,
        "<h2>{name}</h2>\n<div class=\"wide\"><svg width=\"{width:.0}\" height=\"{height}\" \
         role=\"img\" aria-label=\"{name} of each candidate\">"
    );
    for (at, bar) in bars.iter().enumerate() {
        add_bar(page, bar, &scale, top + at * ROW);
    }
    line(page, "axis", scale.at(0.0), height);
    if let Some(base) = base {
        let unit = bars.first().map_or("", |bar| bar.unit);
        let x = scale.at(base);
        line(page, "base", x, height);
        let text = escape(&format!("base {} {unit}", number(base)));
        let _ = writeln!(page, "<text class=\"faint\" x=\"{:.1}\" y=\"14\">{text}</text>", x + 5.0);
    }
    page.push_str("</svg></div>\n");
    if !without.is_empty() {
        let names = escape(&without.join(", "));
        let _ = writeln!(page, "<p class=\"faint\">Not measured: {names}</p>");
    }
}

fn add_bar(page: &mut String, bar: &Bar<'_>, scale: &Scale, y: usize) {
    let (zero, end) = (scale.at(0.0), scale.at(bar.value));
    let _ = writeln!(
        page,
        "<text x=\"8\" y=\"{}\">{}</text>\
         <rect class=\"{}\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"18\"/>\
         <text class=\"value\" x=\"{:.1}\" y=\"{}\">{} {}</text>",
        y + 17,
        escape(&short_name(bar.approach, NAME_MAX)),
        if bar.wins { "bar bar-best" } else { "bar" },
        zero.min(end),
        y + 4,
        (end - zero).abs().max(2.0),
        zero.max(end) + 8.0,
        y + 17,
        number(bar.value),
        escape(bar.unit),
    );
}

fn line(page: &mut String, class: &str, x: f64, height: usize) {
    let _ = writeln!(
        page,
        "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"20\" y2=\"{height}\"/>"
    );
}
