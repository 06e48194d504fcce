//! Pages that set things side by side: `exp compare`, `exp experiments`, `exp experiment show`.

use std::fmt::Write;

use super::numbers::{change, value};
use super::shape::{add_changes, ago, count, id, moment, verdict};
use super::table::rank;
use crate::base::time::Timestamp;
use crate::engine::report::Gone;
use crate::engine::verb::{compare, experiment, experiments};
use crate::surface::cli::line::width;
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, paint};

/// `exp compare`.
pub fn compare(report: &compare::Report) -> String {
    let mut page = String::new();
    let names = width(&report.a.branch).max(width(&report.b.branch));
    for (letter, shown, tests) in
        [("a", &report.a, report.a_tests), ("b", &report.b, report.b_tests)]
    {
        let tests = tests.map_or_else(String::new, |(p, f)| format!(", {p} passed, {f} failed"));
        let name = paint(NAME, format!("{:<names$}", shown.branch));
        let _ = writeln!(
            page,
            "{} {} {name} {}{tests}",
            paint(STRONG, letter),
            id(&shown.id),
            match shown.verdict.word {
                "unknown" => paint(FAINT, "not evaluated"),
                _ => verdict(&shown.verdict),
            },
        );
    }
    let names = report.metrics.iter().map(|metric| width(&metric.name)).max().unwrap_or(0);
    for metric in &report.metrics {
        let shown = |of: Option<f64>, unit| of.map_or_else(|| "-".to_owned(), |of| value(of, unit));
        let by = metric.ratio.and_then(change).map_or_else(String::new, |by| format!(" ({by})"));
        // The unit is said once.
        let b_has_it = metric.b.is_some();
        let a = shown(metric.a, if b_has_it { "" } else { &metric.unit });
        let b = shown(metric.b, &metric.unit);
        let _ = writeln!(page, "  {:<names$}  {a} → {b}{by}", metric.name);
    }
    for test in report.only_a_fails.iter().take(20) {
        let _ = writeln!(page, "  {} {test}", paint(GOOD, "fails only in a:"));
    }
    for test in report.only_b_fails.iter().take(20) {
        let _ = writeln!(page, "  {} {test}", paint(BAD, "fails only in b:"));
    }
    for (letter, gone) in [("a", &report.a_gone), ("b", &report.b_gone)] {
        if let Some(Gone { why, when }) = gone {
            let _ = writeln!(page, "files of {letter}: none: {why} on {}", moment(*when));
        }
    }
    if report.changes.is_empty() && (report.a_gone.is_some() || report.b_gone.is_some()) {
        return page;
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
        let foreign = entry.foreign.as_ref();
        let foreign = foreign.map_or_else(String::new, |source| format!(" · foreign: {source}"));
        let _ = writeln!(
            page,
            "{} from {} {}/{} done, {} evaluated, {selected} {}",
            paint(NAME.bold(), format!("{:<5}", entry.experiment)),
            id(&entry.base),
            entry.finished,
            entry.approaches,
            entry.evaluated,
            paint(FAINT, format!("{} · {}{foreign}", ago(entry.when, now), entry.session)),
        );
    }
    if report.experiments.is_empty() {
        page.push_str("No experiments. `exp try NAME=COMMAND …` opens one.\n");
    }
    page
}

/// `exp experiment show`.
pub fn experiment(report: &experiment::Report, now: Timestamp, columns: usize) -> String {
    let mut page = rank(&report.table, columns);
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
        let text = command.command.replace('\n', "\n               ");
        let _ = writeln!(page, "  {name} {text}");
    }
    page
}
