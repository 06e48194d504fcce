//! Pages that set things side by side: `exp compare`, `exp experiments`, `exp experiment show`.

use std::fmt::Write;

use super::experiments::rank;
use super::shape::{add_changes, ago, count, id, verdict};
use crate::base::time::Timestamp;
use crate::engine::verb::{compare, experiment, experiments};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, paint};

/// `exp compare`.
pub fn compare(report: &compare::Report) -> String {
    let mut page = String::new();
    for (letter, shown, tests) in
        [("a", &report.a, report.a_tests), ("b", &report.b, report.b_tests)]
    {
        let tests = tests.map_or_else(String::new, |(p, f)| format!(", {p} passed, {f} failed"));
        let _ = writeln!(
            page,
            "{} {} {} {}{tests}",
            paint(STRONG, letter),
            id(&shown.id),
            paint(NAME, &shown.branch),
            verdict(&shown.verdict),
        );
    }
    for metric in &report.metrics {
        let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
        let change = metric
            .ratio
            .map_or_else(String::new, |ratio| format!(" ({:+.1} %)", (ratio - 1.0) * 100.0));
        let (a, b) = (value(metric.a), value(metric.b));
        let _ = writeln!(page, "  {:<12} {a} → {b} {}{change}", metric.name, metric.unit);
    }
    for test in report.only_a_fails.iter().take(20) {
        let _ = writeln!(page, "  {} {test}", paint(GOOD, "fails only in a:"));
    }
    for test in report.only_b_fails.iter().take(20) {
        let _ = writeln!(page, "  {} {test}", paint(BAD, "fails only in b:"));
    }
    let differ = if report.changes.len() == 1 { "differs" } else { "differ" };
    let _ = writeln!(page, "{} {differ}:", count(report.changes.len(), "file"));
    add_changes(&mut page, &report.changes);
    page
}

/// `exp experiments`.
pub fn experiments(report: &experiments::Report, now: Timestamp) -> String {
    let mut page = String::new();
    if report.more {
        let _ = writeln!(page, "{}", paint(FAINT, "… older ones with -n COUNT"));
    }
    for entry in &report.experiments {
        let selected = match (&entry.selected, &entry.merged) {
            (Some(name), Some(_)) => format!("merged {}", paint(GOOD, name)),
            (Some(name), None) => format!("selected {}", paint(GOOD, name)),
            (None, _) => paint(FAINT, "open"),
        };
        let _ = writeln!(
            page,
            "{} from {} {}/{} done, {} evaluated, {selected} {}",
            paint(NAME.bold(), format!("{:<5}", entry.experiment)),
            id(&entry.base),
            entry.finished,
            entry.approaches,
            entry.evaluated,
            paint(FAINT, format!("{} · {}", ago(entry.when, now), entry.session)),
        );
    }
    if report.experiments.is_empty() {
        page.push_str("No experiments. `exp try NAME=COMMAND …` opens one.\n");
    }
    page
}

/// `exp experiment show`.
pub fn experiment(report: &experiment::Report, now: Timestamp) -> String {
    let mut page = rank(&report.table);
    let made = paint(FAINT, format!("{} · {}", ago(report.when, now), report.session));
    let _ = writeln!(page, "Base: {} {made}", verdict(&report.base.verdict));
    if let Some(selection) = &report.selection {
        let name = paint(GOOD.bold(), &selection.approach);
        let merged = selection
            .merged
            .as_deref()
            .map_or_else(String::new, |merged| format!(", merged in {}", id(merged)));
        let _ = writeln!(page, "Selected: {name}{merged} ({})", selection.reason);
    }
    page.push_str("Commands:\n");
    for command in &report.commands {
        let name = paint(NAME, format!("{:<12}", command.name));
        let _ = writeln!(page, "  {name} {}", command.command);
    }
    page
}
