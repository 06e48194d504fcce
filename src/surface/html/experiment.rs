//! The page of one experiment: table, the part of the DAG, and a bar for each value of each metric.

use std::fmt::Write;

use super::escape::escape;
use crate::engine::verb::experiment::Report;
use crate::engine::verb::rank::Row;

const STYLE: &str = include_str!("page.css");

/// Height of one row of a drawing, in pixels.
const ROW: usize = 28;

/// The longest bar, in pixels.
const BAR: f64 = 380.0;

/// The page.
pub fn experiment(report: &Report) -> String {
    let name = escape(&report.table.experiment);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Experiment {name}</title>\n<style>\n{STYLE}</style>\n"
    );
    let base = &report.base;
    let _ = writeln!(
        page,
        "<h1>Experiment {name}</h1>\n<p class=\"faint\">from <span class=\"id\">{}</span> {} · \
         session {} · base is <span class=\"{w}\">{w}</span></p>",
        short(&base.id),
        escape(&base.message),
        escape(&report.session),
        w = base.verdict.word,
    );
    if let Some(selection) = &report.selection {
        let merged = selection.merged.as_deref().map_or_else(String::new, |id| {
            format!(", merged in <span class=\"id\">{}</span>", short(id))
        });
        let (approach, reason) = (escape(&selection.approach), escape(&selection.reason));
        let _ = writeln!(page, "<p>Selected <b>{approach}</b>{merged}: {reason}</p>");
    }
    add_table(&mut page, report);
    let _ = writeln!(page, "<p class=\"faint\">{}</p>", escape(&report.table.explanation));
    for warning in &report.table.warnings {
        let _ = writeln!(page, "<p class=\"look\">{}</p>", escape(warning));
    }
    add_graph(&mut page, report);
    add_metrics(&mut page, report);
    add_commands(&mut page, report);
    page
}

fn short(id: &str) -> &str {
    &id[..id.len().min(12)]
}

fn metric_names(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for metric in report.table.rows.iter().flat_map(|row| &row.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    names
}

fn add_table(page: &mut String, report: &Report) {
    let metrics = metric_names(report);
    page.push_str("<h2>Candidates</h2>\n<table>\n<tr><th></th><th>approach</th><th>verdict</th>");
    page.push_str("<th class=\"number\">failed</th>");
    for name in &metrics {
        let _ = write!(page, "<th class=\"number\">{}</th>", escape(name));
    }
    page.push_str("<th class=\"number\">files</th><th class=\"number\">took</th></tr>\n");
    for row in &report.table.rows {
        add_row(page, row, &metrics, report.table.winner.as_deref() == Some(&row.approach));
    }
    page.push_str("</table>\n");
}

fn add_row(page: &mut String, row: &Row, metrics: &[&str], wins: bool) {
    let place = row.place.map_or_else(String::new, |place| format!("{place}."));
    let why = if row.feasible { row.reasons.join("; ") } else { row.verdict.reason.clone() };
    let tests = row.tests.map_or_else(|| "–".to_owned(), |(p, f)| format!("{f}/{}", p + f));
    let _ = write!(
        page,
        "<tr{}><td>{place}</td><td>{}<div class=\"reason\">{}</div>",
        if wins { " class=\"winner\"" } else { "" },
        escape(&row.approach),
        escape(&why),
    );
    for warning in &row.warnings {
        let _ = write!(page, "<div class=\"reason look\">{}</div>", escape(warning));
    }
    let word = row.verdict.word;
    let _ = write!(page, "</td><td class=\"{word}\">{word}</td><td class=\"number\">{tests}</td>");
    for name in metrics {
        let found = row.metrics.iter().find(|metric| metric.name == **name);
        let text = found.map_or_else(
            || "–".to_owned(),
            |metric| {
                let change = metric.ratio.map_or_else(String::new, |ratio| {
                    format!(" ({:+.0} %)", (ratio - 1.0) * 100.0)
                });
                format!("{:.4} {}{change}", metric.value, escape(&metric.unit))
            },
        );
        let _ = write!(page, "<td class=\"number\">{text}</td>");
    }
    let seconds = row.duration_ms as f64 / 1000.0;
    let files = row.changed_files;
    let _ = writeln!(
        page,
        "<td class=\"number\">{files}</td><td class=\"number\">{seconds:.1} s</td></tr>"
    );
}

/// The base on the left, the candidates on the right, coloured by their verdicts.
fn add_graph(page: &mut String, report: &Report) {
    let rows = &report.table.rows;
    let height = (rows.len().max(1) + 1) * ROW;
    let middle = height / 2;
    let _ = writeln!(
        page,
        "<h2>Graph</h2>\n<svg width=\"100%\" height=\"{height}\" role=\"img\" \
         aria-label=\"the base and its candidates\">"
    );
    for (at, row) in rows.iter().enumerate() {
        let y = (at + 1) * ROW;
        let word = row.verdict.word;
        let label = row.candidate.as_deref().map_or("nothing left", short);
        let _ = writeln!(
            page,
            "<path class=\"edge\" d=\"M170 {middle} C 220 {middle} 220 {y} 270 {y}\"/>\
             <circle class=\"node-{word}\" cx=\"276\" cy=\"{y}\" r=\"6\"/>\
             <text x=\"292\" y=\"{}\">{} <tspan class=\"faint\">{label}</tspan></text>",
            y + 4,
            escape(&row.approach),
        );
    }
    let (word, id) = (report.base.verdict.word, short(&report.base.id));
    let _ = writeln!(
        page,
        "<circle class=\"node-{word}\" cx=\"164\" cy=\"{middle}\" r=\"6\"/>\
         <text x=\"8\" y=\"{}\">base <tspan class=\"faint\">{id}</tspan></text>\n</svg>",
        middle + 4,
    );
}

fn add_metrics(page: &mut String, report: &Report) {
    for name in metric_names(report) {
        let values: Vec<(&str, f64, &str)> = report
            .table
            .rows
            .iter()
            .filter_map(|row| {
                let metric = row.metrics.iter().find(|metric| metric.name == name)?;
                Some((row.approach.as_str(), metric.value, metric.unit.as_str()))
            })
            .collect();
        let most = values.iter().map(|(_, value, _)| value.abs()).fold(0.0, f64::max);
        let height = values.len() * ROW + 8;
        let title = escape(name);
        let _ = writeln!(page, "<h2>{title}</h2>\n<svg width=\"100%\" height=\"{height}\">");
        for (at, (approach, value, unit)) in values.iter().enumerate() {
            let y = at * ROW + 4;
            let width = if most > 0.0 { (value.abs() / most * BAR).max(2.0) } else { 2.0 };
            let best = report.table.winner.as_deref() == Some(approach);
            let class = if best { "bar bar-best" } else { "bar" };
            let _ = writeln!(
                page,
                "<text x=\"8\" y=\"{}\">{}</text>\
                 <rect class=\"{class}\" x=\"150\" y=\"{y}\" width=\"{width:.1}\" height=\"20\"/>\
                 <text class=\"faint\" x=\"{:.1}\" y=\"{}\">{value:.4} {}</text>",
                y + 15,
                escape(approach),
                width + 158.0,
                y + 15,
                escape(unit),
            );
        }
        page.push_str("</svg>\n");
    }
}

fn add_commands(page: &mut String, report: &Report) {
    page.push_str("<h2>Commands</h2>\n<table>\n");
    for command in &report.commands {
        let (name, text) = (escape(&command.name), escape(&command.command));
        let _ = writeln!(page, "<tr><td>{name}</td><td><code>{text}</code></td></tr>");
    }
    page.push_str("</table>\n");
}
