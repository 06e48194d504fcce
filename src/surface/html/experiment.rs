//! The page of one experiment: table, the part of the DAG, the metrics, the commands.

use std::fmt::Write;

use super::escape::escape;
use super::shape::{bytes, change, number, prose};
use super::{bars, graph};
use crate::engine::verb::experiment::Report;
use crate::engine::verb::rank::Row;

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn experiment(report: &Report) -> String {
    let name = escape(&report.table.experiment);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
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
        let (approach, reason) = (escape(&selection.approach), prose(&selection.reason));
        let _ = writeln!(page, "<p>Selected <b>{approach}</b>{merged}: {reason}</p>");
    }
    add_table(&mut page, report);
    let _ = writeln!(page, "<p class=\"faint\">{}</p>", prose(&report.table.explanation));
    for warning in &report.table.warnings {
        let _ = writeln!(page, "<p class=\"look\">{}</p>", prose(warning));
    }
    graph::add(&mut page, report);
    for metric in metric_names(report) {
        bars::add(&mut page, report, metric);
    }
    add_commands(&mut page, report);
    page
}

/// As much of an id as is shown.
pub fn short(id: &str) -> &str {
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
    page.push_str("<h2>Candidates</h2>\n<div class=\"wide\"><table>\n<thead><tr><th></th>");
    page.push_str("<th>approach</th><th>verdict</th><th class=\"number\">failed</th>");
    for name in &metrics {
        let _ = write!(page, "<th class=\"number\">{}</th>", escape(name));
    }
    page.push_str("<th class=\"number\">change</th><th class=\"number\">took</th></tr></thead>\n");
    for row in &report.table.rows {
        add_row(page, row, &metrics, report.table.winner.as_deref() == Some(&row.approach));
    }
    page.push_str("</table></div>\n");
}

/// A candidate: its figures, and below them, over the whole width, why it stands there.
fn add_row(page: &mut String, row: &Row, metrics: &[&str], wins: bool) {
    let place = row.place.map_or_else(String::new, |place| format!("{place}."));
    let tests = row.tests.filter(|(passed, failed)| passed + failed > 0);
    let tests = tests.map_or_else(|| "–".to_owned(), |(p, f)| format!("{f}/{}", p + f));
    let (class, word) = (if wins { " class=\"winner\"" } else { "" }, row.verdict.word);
    let _ = write!(
        page,
        "<tbody{class}><tr><td>{place}</td><td class=\"name\">{}</td>\
         <td class=\"{word}\">{word}</td><td class=\"number\">{tests}</td>",
        escape(&row.approach),
    );
    for name in metrics {
        let found = row.metrics.iter().find(|metric| metric.name == **name);
        let text = found.map_or_else(
            || "–".to_owned(),
            |metric| {
                let change = metric.ratio.map_or_else(String::new, |ratio| {
                    format!("<div class=\"faint\">{}</div>", change(ratio))
                });
                format!("{} {}{change}", number(metric.value), escape(&metric.unit))
            },
        );
        let _ = write!(page, "<td class=\"number\">{text}</td>");
    }
    let change = match row.gone {
        Some(_) => "–".to_owned(),
        None => {
            let (files, size) = (row.changed_files, bytes(row.changed_bytes));
            let word = if files == 1 { "file" } else { "files" };
            format!("{files} {word}<div class=\"faint\">{size}</div>")
        }
    };
    let seconds = row.duration_ms as f64 / 1000.0;
    let _ = write!(
        page,
        "<td class=\"number\">{change}</td>\
         <td class=\"number\">{seconds:.1} s</td></tr>\n<tr class=\"why\"><td></td>\
         <td colspan=\"{}\">{}",
        metrics.len() + 5,
        prose(&if row.feasible { row.reasons.join("; ") } else { row.verdict.reason.clone() }),
    );
    for warning in &row.warnings {
        let _ = write!(page, "<div class=\"look\">{}</div>", prose(warning));
    }
    page.push_str("</td></tr></tbody>\n");
}

fn add_commands(page: &mut String, report: &Report) {
    page.push_str("<h2>Commands</h2>\n<table class=\"commands\">\n");
    for command in &report.commands {
        let (name, text) = (escape(&command.name), escape(&command.command));
        let _ = writeln!(page, "<tr><td>{name}</td><td><code>{text}</code></td></tr>");
    }
    page.push_str("</table>\n");
}
