//! Pages about what was: log, show, diff, branches, tags, operations.

use std::fmt::Write;

use anstyle::Style;

use super::bundle::foreign_words;
use super::graph::draw;
use super::numbers::value;
use super::session::followed;
use super::shape::{
    add_changes, ago, bytes, count, duration_ms, id, moment, test_name, verdict, verdict_style,
};
use crate::base::time::Timestamp;
use crate::engine::report::{ChangeWord, ShownEvaluation};
use crate::engine::verb::{branch, diff, log, op_log, show, tag, undo};
use crate::merge::{LineTag, TextDiff};
use crate::surface::cli::line::Line;
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, WARN, paint, rendered};

/// Branches named beside one snapshot.
const BRANCHES_SHOWN: usize = 5;

/// The columns of a message where no terminal says how many it has.
const MESSAGE_COLUMNS: usize = 100;

/// `exp log`, for a terminal of that many columns.
pub fn log(report: &log::Report, now: Timestamp, columns: usize) -> String {
    let columns = if columns == usize::MAX { MESSAGE_COLUMNS } else { columns };
    let mut page = String::new();
    for (entry, row) in report.entries.iter().zip(&report.lanes) {
        let (at, before) = draw(row, if entry.here { '@' } else { '●' });
        let shown = &entry.snapshot;
        let mut names = branch_names(&entry.branches);
        for tag in &entry.tags {
            let _ = write!(names, " {}", paint(WARN, format!("#{tag}")));
        }
        let _ = writeln!(
            page,
            "{at} {}{names} {}{} {}",
            id(&shown.id),
            verdict(&shown.verdict),
            foreign_words(shown),
            paint(FAINT, ago(shown.when, now)),
        );
        let message = match shown.message.as_str() {
            "" => format!("({})", shown.origin),
            message => message.lines().next().unwrap_or_default().to_owned(),
        };
        // The message of `exec` may be a whole script in one line.
        let mut line = Line::default();
        line.add(Style::new(), format!("{before} {message}"));
        let _ = writeln!(page, "{}", line.cut(columns).painted());
    }
    if report.more {
        let _ = writeln!(page, "{}", paint(FAINT, "… more with -n COUNT"));
    }
    page
}

/// The branches at one snapshot that are named, and how many are not. Hundreds of approaches may have
/// changed nothing: a person's own come first.
fn named(branches: &[String]) -> (Vec<&String>, usize) {
    let (of_approaches, own): (Vec<_>, Vec<_>) =
        branches.iter().partition(|name| name.contains('/'));
    let named = own.into_iter().chain(of_approaches).take(BRANCHES_SHOWN).collect();
    (named, branches.len().saturating_sub(BRANCHES_SHOWN))
}

fn branch_names(branches: &[String]) -> String {
    let (named, others) = named(branches);
    let mut names = String::new();
    for name in named {
        let _ = write!(names, " {}", paint(NAME.bold(), name));
    }
    if others > 0 {
        let _ = write!(names, " {}", paint(FAINT, format!("+{others} branches")));
    }
    names
}

/// `exp show`.
pub fn show(report: &show::Report) -> String {
    let shown = &report.snapshot;
    let mut page = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(page, "{} {value}", paint(FAINT, format!("{key:<10}")));
    };
    line("snapshot", paint(NAME, &shown.id));
    for parent in &shown.parents {
        line("parent", parent.clone());
    }
    line("branch", shown.branch.clone());
    line("made", format!("{} by {} ({})", moment(shown.when), shown.who, shown.origin));
    line("session", shown.session.clone());
    if let Some(commit) = &shown.git_commit {
        line("git", commit.clone());
    }
    if let Some(state) = &shown.state {
        line("state", format!("{state} (`--state` prints it)"));
    }
    let files = count(report.files, "file");
    match &report.gone {
        Some(gone) => line("files", format!("none: {} on {}", gone.why, moment(gone.when))),
        None => line("files", format!("{files}, {}", bytes(report.bytes))),
    }
    let why = &shown.verdict.reason;
    line("verdict", format!("{}: {why}", verdict(&shown.verdict)));
    for said in &shown.foreign {
        line("foreign", format!("{} in {}: {}", said.word, said.source, said.reason));
    }
    if !shown.message.is_empty() {
        let _ = writeln!(page, "\n    {}\n", shown.message.replace('\n', "\n    "));
    }
    if !report.changes.is_empty() {
        let _ = writeln!(page, "{} against its parent:", count(report.changes.len(), "file"));
        add_changes(&mut page, &report.changes);
    }
    if let Some(evaluation) = &report.evaluation {
        page.push_str(&stages(evaluation, &[]));
    }
    for (source, evaluation) in &report.foreign_evaluations {
        let _ = writeln!(page, "Found in {source}, not here:");
        page.push_str(&stages(evaluation, &[]));
    }
    page
}

/// The stages of an evaluation, one a line, with why they failed. Tests named in `elsewhere` are left
/// to whoever says more of them.
pub fn stages(evaluation: &ShownEvaluation, elsewhere: &[String]) -> String {
    let mut page = String::new();
    for stage in &evaluation.stages {
        let style = if stage.passed { GOOD } else { BAD };
        let time = paint(FAINT, duration_ms(stage.duration_ms));
        let outcome = paint(style, &stage.outcome);
        let _ = writeln!(page, "  {:<12} {outcome} {time}", stage.name);
        for line in stage.excerpt.iter().take(8) {
            let _ = writeln!(page, "      {line}");
        }
    }
    if evaluation.passed + evaluation.failed + evaluation.skipped > 0 {
        let (passed, failed) = (evaluation.passed, evaluation.failed);
        let _ = writeln!(page, "  tests        {passed} passed, {failed} failed");
    }
    let failing = evaluation.failing.iter().filter(|test| !elsewhere.contains(test));
    for test in failing.take(8) {
        let _ = writeln!(page, "      {} {}", paint(BAD, "failed"), test_name(test));
    }
    for metric in &evaluation.metrics {
        if let Some(median) = metric.value {
            let _ = writeln!(page, "  {:<12} {}", metric.name, value(median, &metric.unit));
        }
    }
    page
}

/// `exp diff`: as a patch that `git apply` takes, in colour on a terminal.
pub fn diff(report: &diff::Report) -> String {
    let mut page = String::new();
    for file in &report.files {
        let path = file.change.path.0.display();
        let Some(text) = &file.text else {
            let word = match file.change.change {
                ChangeWord::Added => paint(GOOD, "added   "),
                ChangeWord::Removed => paint(BAD, "removed "),
                ChangeWord::Modified => paint(WARN, "modified"),
                ChangeWord::Retyped => paint(WARN, "retyped "),
                ChangeWord::Forgotten => paint(WARN, "gone    "),
            };
            let _ = writeln!(page, "{word} {path}");
            continue;
        };
        let _ = writeln!(page, "{}", paint(STRONG, format!("diff --git a/{path} b/{path}")));
        let mode = match file.modes {
            (Some(before), Some(after)) if before != after => {
                format!("old mode {before}\nnew mode {after}\n")
            }
            (None, Some(after)) => format!("new file mode {after}\n"),
            (Some(before), None) => format!("deleted file mode {before}\n"),
            _ => String::new(),
        };
        for line in mode.lines() {
            let _ = writeln!(page, "{}", paint(STRONG, line));
        }
        add_lines(&mut page, file, text, &path);
    }
    page.push_str(&state_changes(report));
    page
}

/// The same for a file or a pipe: a patch, each byte of it as it stands in the files. What it says of
/// states stands at the end, where `git apply` passes over it.
pub fn patch(report: &diff::Report) -> Vec<u8> {
    let mut patch = Vec::new();
    for file in &report.files {
        match &file.patch {
            Some(bytes) => patch.extend_from_slice(bytes),
            None => {
                let path = file.change.path.0.display();
                let line = format!(
                    "diff --git a/{path} b/{path}\nBinary files a/{path} and b/{path} differ\n"
                );
                patch.extend_from_slice(line.as_bytes());
            }
        }
    }
    patch.extend_from_slice(
        anstream::adapter::strip_str(&rendered(&state_changes(report))).to_string().as_bytes(),
    );
    patch
}

fn state_changes(report: &diff::Report) -> String {
    let mut page = String::new();
    for change in &report.state {
        let before = change.before.as_deref().unwrap_or("(nothing)");
        let after = change.after.as_deref().unwrap_or("(nothing)");
        let place = match change.pointer.as_str() {
            "" => "(as a whole)",
            place => place,
        };
        let from = change.from.as_ref().map_or_else(String::new, |from| format!(" (from {from})"));
        let _ = writeln!(page, "{} {place}{from}", paint(STRONG, "state"));
        if change.before.is_none() && change.after.is_none() {
            continue;
        }
        let _ = writeln!(page, "{}", paint(BAD, format!("-{before}")));
        let _ = writeln!(page, "{}", paint(GOOD, format!("+{after}")));
    }
    page
}

fn add_lines(page: &mut String, file: &diff::FileDiff, text: &TextDiff, path: &str) {
    let TextDiff::Lines(lines) = text else {
        let _ = writeln!(page, "Binary or very large files a/{path} and b/{path} differ");
        return;
    };
    if lines.hunks.is_empty() {
        return;
    }
    let side = |there: bool, prefix: &str| match there {
        true => format!("{prefix}/{path}"),
        false => "/dev/null".to_owned(),
    };
    let old = side(file.change.change != ChangeWord::Added, "a");
    let new = side(file.change.change != ChangeWord::Removed, "b");
    let _ = writeln!(
        page,
        "{}\n{}",
        paint(STRONG, format!("--- {old}")),
        paint(STRONG, format!("+++ {new}"))
    );
    for hunk in &lines.hunks {
        // A side without lines is named by the line before it.
        let side = |start: usize, lines: usize| (start - usize::from(lines == 0), lines);
        let (a, b) = (side(hunk.old_start, hunk.old_lines), side(hunk.new_start, hunk.new_lines));
        let head = format!("@@ -{},{} +{},{} @@", a.0, a.1, b.0, b.1);
        let _ = writeln!(page, "{}", paint(NAME, head));
        for line in &hunk.lines {
            let content = String::from_utf8_lossy(&line.content);
            let (body, missing) = match content.strip_suffix('\n') {
                Some(body) => (body, ""),
                None => (&*content, "\n\\ No newline at end of file"),
            };
            let shown = match line.tag {
                LineTag::Context => format!(" {body}"),
                LineTag::Removed => paint(BAD, format!("-{body}")),
                LineTag::Added => paint(GOOD, format!("+{body}")),
            };
            let _ = writeln!(page, "{shown}{missing}");
        }
    }
}

/// `exp branch`.
pub fn branches(report: &branch::Report, now: Timestamp) -> String {
    if let Some(done) = &report.done {
        return format!("{}.\n", sentence(done));
    }
    let mut page = String::new();
    let width = report.branches.iter().map(|branch| branch.name.chars().count()).max().unwrap_or(0);
    for branch in &report.branches {
        let mark = if branch.here { "@" } else { " " };
        let head = &branch.head;
        let _ = writeln!(
            page,
            "{mark} {} {} {} {} {}",
            paint(NAME, format!("{:<width$}", branch.name)),
            id(&head.id),
            paint(verdict_style(head.verdict.word), format!("{:<12}", head.verdict.word)),
            paint(FAINT, format!("{:<10}", ago(head.when, now))),
            head.message.lines().next().unwrap_or_default(),
        );
    }
    page
}

/// `exp tag`.
pub fn tags(report: &tag::Report) -> String {
    if let Some(done) = &report.done {
        return format!("{}.\n", sentence(done));
    }
    let mut page = String::new();
    let width = report.tags.iter().map(|tag| tag.name.chars().count()).max().unwrap_or(0);
    for tag in &report.tags {
        let name = paint(WARN, format!("{:<width$}", tag.name));
        let _ =
            writeln!(page, "{}", format!("{name} {} {}", id(&tag.snapshot), tag.note).trim_end());
    }
    if report.tags.is_empty() {
        page.push_str("No tags. `exp tag NAME` puts one.\n");
    }
    page
}

/// `exp undo` and `exp redo`.
pub fn step(report: &undo::Report, redo: bool, dry_run: bool) -> String {
    let mut page = String::new();
    if let Some(captured) = &report.captured {
        let _ = writeln!(page, "Captured your changes as {} first.", id(captured));
    }
    let done = match (redo, dry_run) {
        (false, false) => "Took back",
        (false, true) => "Would take back",
        (true, false) => "Did again",
        (true, true) => "Would do again",
    };
    let what = paint(STRONG, &report.verb);
    let _ = writeln!(page, "{done} `{what}` ({}): {}", id(&report.operation), report.summary);
    add_changes(&mut page, &report.changes);
    page.push_str(&followed(report.state.as_ref()));
    if !dry_run {
        let other = if redo { "`exp undo` takes it back." } else { "`exp redo` does it again." };
        let _ = writeln!(page, "{}", paint(FAINT, other));
    }
    page
}

/// `exp op log`.
pub fn op_log(report: &op_log::Report, now: Timestamp) -> String {
    let mut page = String::new();
    for entry in &report.operations {
        let mark = if entry.next_undo { paint(WARN, "↶") } else { " ".to_owned() };
        let verb = format!("{:<9}", entry.verb);
        // A verb of its own is the ordinary case; what else it may be is said.
        let kind = if entry.kind == "verb" { "" } else { entry.kind };
        let _ = writeln!(
            page,
            "{mark} {} {} {} {} {}",
            id(&entry.id),
            paint(FAINT, format!("{:<10}", ago(entry.when, now))),
            paint(STRONG, verb),
            entry.summary,
            paint(FAINT, format!("· {} {kind}", entry.session).trim_end()),
        );
    }
    if report.more {
        let _ = writeln!(page, "{}", paint(FAINT, "… more with -n COUNT"));
    }
    page
}

/// A sentence begins with a capital letter.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_branches_come_first_and_many_are_counted() {
        let mut branches: Vec<String> = (0..9).map(|number| format!("e1/a{number}")).collect();
        branches.push("main".to_owned());
        let (first, others) = named(&branches);
        assert_eq!((first.len(), others), (5, 5));
        assert_eq!([first[0].as_str(), first[1].as_str()], ["main", "e1/a0"]);
        let (few, others) = named(&branches[8..]);
        assert_eq!((few[1].as_str(), few.len(), others), ("e1/a8", 2, 0));
    }
}
