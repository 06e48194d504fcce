//! The table of an experiment: what each approach came to, which is best, and why.
//!
//! Fits the columns of the terminal where it can: names give way first, sentences are broken.

use std::fmt::Write;

use anstyle::Style;

use super::numbers::{change, value};
use super::shape::{bytes, duration_ms, id, verdict_style};
use crate::engine::verb::rank::{Report, Row, RowMetric};
use crate::surface::cli::line::{Line, width, wrapped};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, WARN, paint};

/// Names are not cut to less.
const NAME_COLUMNS_MIN: usize = 12;

/// A cell: its style, its text.
type Cell = (Style, String);

/// `exp rank`, for a terminal of that many columns.
pub fn rank(report: &Report, columns: usize) -> String {
    let mut page = String::new();
    let name = paint(NAME.bold(), &report.experiment);
    let tests = match report.base_tests {
        // Without tests there is nothing to count.
        None | Some((0, 0)) => String::new(),
        Some((passed, failed)) => format!(", base: {passed} passed, {failed} failed"),
    };
    let _ = writeln!(page, "Experiment {name} from {}{tests}", id(&report.base));
    page.push_str(&table(report, columns));
    for row in &report.rows {
        let about = sentence(NAME, &format!("{}:", row.approach), &why(row, &report.experiment));
        page.push_str(&wrapped(&about, 2, columns));
        for warning in &row.warnings {
            page.push_str(&wrapped(&sentence(WARN, "look:", warning), 4, columns));
        }
    }
    for warning in &report.warnings {
        page.push_str(&wrapped(&sentence(WARN, "look:", warning), 0, columns));
    }
    match report.rows.first().filter(|row| row.feasible) {
        Some(best) => {
            let mut line = sentence(Style::new(), "Best:", "");
            line.add(GOOD.bold(), &best.approach).add(Style::new(), lead(best, &report.rows));
            page.push_str(&wrapped(&line, 0, columns));
        }
        None => {
            let _ = writeln!(page, "{}", paint(BAD, "Nothing is feasible."));
        }
    }
    page
}

fn sentence(style: Style, head: &str, text: &str) -> Line {
    let mut line = Line::default();
    line.add(style, head).add(Style::new(), format!(" {text}"));
    line
}

/// What the best one has before the others.
fn lead(best: &Row, rows: &[Row]) -> String {
    let others: Vec<&Row> = rows.iter().skip(1).filter(|row| row.feasible).collect();
    let ties: Vec<&str> = others
        .iter()
        .filter(|row| row.place == best.place)
        .map(|row| row.approach.as_str())
        .collect();
    match (ties.as_slice(), others.len()) {
        ([], 0) => ", the only one that can be chosen".to_owned(),
        ([], others) => format!(", of {} that can be chosen", others + 1),
        (ties, _) => {
            format!(", tied with {}: the smaller change, then the older one", ties.join(", "))
        }
    }
}

/// Why a row stands where it stands, or what would change that.
fn why(row: &Row, experiment: &str) -> String {
    let state = row.state.as_str();
    if row.feasible {
        return row.reasons.join("; ");
    }
    if row.tests.is_some() {
        // The first reason repeats the verdict's.
        let more = row.reasons.iter().skip(1).map(|reason| format!("; {reason}"));
        return format!("{}{}", row.verdict.reason, more.collect::<String>());
    }
    match (state, &row.candidate) {
        ("waiting", _) => format!("not begun; `exp try --resume {experiment}` runs it"),
        ("interrupted", _) => {
            format!("interrupted; `exp try --resume {experiment}` runs it again")
        }
        ("done", _) => format!("not evaluated; `exp eval {}` does it", row.branch),
        (state, Some(_)) if !state.starts_with("did not run") => format!(
            "its command failed ({state}), so it was not evaluated; `exp eval {}` does it",
            row.branch
        ),
        (state, _) => state.to_owned(),
    }
}

fn table(report: &Report, columns: usize) -> String {
    let mut metrics: Vec<&str> = Vec::new();
    let measured = report.rows.iter().flat_map(|row| &row.metrics);
    for metric in report.base_metrics.iter().chain(measured) {
        if !metrics.contains(&metric.name.as_str()) {
            metrics.push(&metric.name);
        }
    }
    let titles = ["", "approach", "verdict", "failed"].into_iter().chain(metrics.iter().copied());
    let titles = titles.chain(["files", "size", "took"]);
    let mut rows: Vec<Vec<Cell>> = vec![titles.map(|title| (FAINT, title.to_owned())).collect()];
    rows.extend(report.rows.iter().map(|row| cells(row, &metrics)));
    if report.base_tests.is_some_and(|tests| tests != (0, 0)) || !report.base_metrics.is_empty() {
        rows.push(base(report, &metrics));
    }
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(row.len(), 0);
        for (at, (_, text)) in row.iter().enumerate() {
            widths[at] = widths[at].max(width(text));
        }
    }
    let all: usize = widths.iter().map(|width| width + 2).sum();
    let excess = (all - 1).saturating_sub(columns);
    widths[1] = widths[1].saturating_sub(excess).max(NAME_COLUMNS_MIN.min(widths[1]));
    let mut page = String::new();
    for row in rows {
        page.push_str(laid_out(row, &widths).painted().trim_end());
        page.push('\n');
    }
    page
}

/// One row: words from the left, numbers from the right.
fn laid_out(row: Vec<Cell>, widths: &[usize]) -> Line {
    let mut line = Line::default();
    for (at, (style, text)) in row.into_iter().enumerate() {
        line.add(Style::new(), if at == 0 { " " } else { "  " });
        let mut cell = Line::default();
        cell.add(style, text);
        let cell = cell.cut(widths[at]);
        let missing = " ".repeat(widths[at] - cell.width());
        let is_number = at > 2;
        if is_number {
            line.add(Style::new(), &missing);
        }
        line.append(cell);
        if !is_number {
            line.add(Style::new(), &missing);
        }
    }
    line
}

fn cells(row: &Row, metrics: &[&str]) -> Vec<Cell> {
    let plain = |text: String| (Style::new(), text);
    let place = row.place.map_or_else(|| "-".to_owned(), |place| format!("{place}."));
    let mut cells = vec![plain(place), (NAME, row.approach.clone()), ending(row)];
    cells.push(plain(tests(row.tests)));
    cells.extend(metrics.iter().map(|name| plain(metric(&row.metrics, name))));
    if row.candidate.is_some() && row.gone.is_none() {
        cells.push(plain(row.changed_files.to_string()));
        cells.push(plain(bytes(row.changed_bytes)));
    } else {
        cells.extend([plain("-".to_owned()), plain("-".to_owned())]);
    }
    cells.push(plain(match row.state.as_str() {
        "waiting" => "-".to_owned(),
        _ => duration_ms(row.duration_ms),
    }));
    cells
}

/// The verdict; of what was not evaluated how its command ended, of what failed both.
fn ending(row: &Row) -> Cell {
    let state = match row.state.as_str() {
        state if state.starts_with("did not run") => "did not run",
        state => state,
    };
    match (row.tests, state) {
        (None, "done") => (FAINT, "not evaluated".to_owned()),
        (None, state) => (FAINT, state.to_owned()),
        (Some(_), "done") => (verdict_style(row.verdict.word), row.verdict.word.to_owned()),
        (Some(_), state) => {
            (verdict_style(row.verdict.word), format!("{} ({state})", row.verdict.word))
        }
    }
}

/// What all are compared with.
fn base(report: &Report, metrics: &[&str]) -> Vec<Cell> {
    let faint = |text: String| (FAINT, text);
    let mut cells = vec![faint(String::new()), faint("(base)".to_owned()), faint(String::new())];
    cells.push(faint(tests(report.base_tests)));
    cells.extend(metrics.iter().map(|name| faint(metric(&report.base_metrics, name))));
    cells.extend((0..3).map(|_| faint(String::new())));
    cells
}

fn tests(tests: Option<(usize, usize)>) -> String {
    match tests {
        None | Some((0, 0)) => "-".to_owned(),
        Some((passed, failed)) => format!("{failed}/{}", passed + failed),
    }
}

fn metric(metrics: &[RowMetric], name: &str) -> String {
    let metric = metrics.iter().find(|metric| metric.name == name);
    metric.map_or_else(
        || "-".to_owned(),
        |metric| {
            let change = metric.ratio.and_then(change).map(|change| format!(" ({change})"));
            format!("{}{}", value(metric.value, &metric.unit), change.unwrap_or_default())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::report::ShownVerdict;

    fn metric(value: f64, ratio: Option<f64>) -> RowMetric {
        RowMetric { name: "time".to_owned(), unit: "ms".to_owned(), value, ratio }
    }

    fn row(approach: &str, place: Option<usize>, word: &'static str, state: &str) -> Row {
        let is_evaluated = word != "unknown";
        Row {
            place,
            approach: approach.to_owned(),
            branch: format!("e1/{approach}"),
            candidate: (state != "waiting").then(|| "c".repeat(64)),
            state: state.to_owned(),
            verdict: ShownVerdict { word, trigger: None, reason: "the reason".to_owned() },
            feasible: place.is_some(),
            tests: is_evaluated.then_some((30, usize::from(word == "bad"))),
            metrics: if place.is_some() { vec![metric(5.0, Some(0.5))] } else { Vec::new() },
            gone: None,
            changed_files: 1,
            changed_bytes: 829,
            duration_ms: 1_500,
            reasons: vec![if place == Some(1) { "leads" } else { "behind" }.to_owned()],
            warnings: Vec::new(),
            identical_to: Vec::new(),
        }
    }

    fn report(rows: Vec<Row>) -> Report {
        Report {
            experiment: "e1".to_owned(),
            foreign: None,
            base: "b".repeat(64),
            base_tests: Some((30, 0)),
            base_metrics: vec![metric(10.0, None)],
            winner: rows.first().filter(|row| row.feasible).map(|row| row.approach.clone()),
            rows,
            selected: None,
            warnings: Vec::new(),
            explanation: String::new(),
        }
    }

    fn page(report: &Report, columns: usize) -> String {
        anstream::adapter::strip_str(&crate::surface::cli::output::rendered(&rank(report, columns)))
            .to_string()
    }

    #[test]
    fn each_approach_has_its_row_whatever_became_of_it() {
        let all = report(vec![
            row("map", Some(1), "good", "done"),
            row("good", Some(2), "inconclusive", "exit 3"),
            row("worse", None, "bad", "done"),
            row("broken", None, "unknown", "exit 101"),
            row("slow", None, "unknown", "timed out"),
            row("gone", None, "unknown", "did not run: /bin/sh: nothing: not found"),
            row("later", None, "unknown", "waiting"),
        ]);
        let wanted = "\
Experiment e1 from bbbbbbbbbbbb, base: 30 passed, 0 failed
     approach  verdict                failed          time  files   size   took
 1.  map       good                     0/30  5 ms (-50 %)      1  829 B  1.5 s
 2.  good      inconclusive (exit 3)    0/30  5 ms (-50 %)      1  829 B  1.5 s
 -   worse     bad                      1/31             -      1  829 B  1.5 s
 -   broken    exit 101                    -             -      1  829 B  1.5 s
 -   slow      timed out                   -             -      1  829 B  1.5 s
 -   gone      did not run                 -             -      1  829 B  1.5 s
 -   later     waiting                     -             -      -      -      -
     (base)                             0/30         10 ms
  map: leads
  good: behind
  worse: the reason
  broken: its command failed (exit 101), so it was not evaluated; `exp eval e1/broken` does it
  slow: its command failed (timed out), so it was not evaluated; `exp eval e1/slow` does it
  gone: did not run: /bin/sh: nothing: not found
  later: not begun; `exp try --resume e1` runs it
Best: map, of 2 that can be chosen
";
        assert_eq!(page(&all, usize::MAX), wanted);
        assert!(page(&all, 80).lines().all(|line| width(line) <= 80), "{}", page(&all, 80));
    }

    #[test]
    fn ties_are_shown_as_ties_and_nothing_as_nothing() {
        let tied = ["a", "b", "c"].map(|name| row(name, Some(1), "good", "done"));
        let shown = page(&report(tied.to_vec()), 120);
        assert!(shown.contains("Best: a, tied with b, c:"), "{shown}");
        assert_eq!(shown.matches("\n 1.  ").count(), 3);
        let shown = page(&report(vec![row("a", None, "bad", "done")]), 120);
        assert!(shown.ends_with("Nothing is feasible.\n"), "{shown}");
        let shown = page(&report(vec![row("a", Some(1), "good", "done")]), 120);
        assert!(shown.ends_with("Best: a, the only one that can be chosen\n"), "{shown}");
    }

    #[test]
    fn names_give_way_where_there_is_no_room_and_are_told_in_full_below() {
        let name = "a-name-that-says-more-than-there-is-room-for";
        let shown = page(&report(vec![row(name, Some(1), "good", "done")]), 80);
        let line = shown.lines().nth(2).unwrap();
        assert!(line.contains('…') && width(line) <= 80, "{shown}");
        assert!(shown.contains(&format!("  {name}: leads\n")), "{shown}");
    }
}
