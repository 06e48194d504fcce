//! Pages about experiments: try, select, merge, eval, guard, rollback, exec.

use std::fmt::Write;

use super::history::stages;
use super::session::followed;
use super::shape::{add_changes, count, duration_ms, id, test_name, verdict};
use super::table::rank;
use crate::engine::report::KeptCommit;
use crate::engine::verb::{eval, exec, guard, merge, rank, rollback, select, r#try};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, WARN, paint};

/// `exp try`: what is left to say after the live lines, and the table.
pub fn tried(
    report: &r#try::Report,
    table: Option<&rank::Report>,
    dry_run: bool,
    columns: usize,
) -> String {
    let mut page = String::new();
    if dry_run && report.resumed.is_some() {
        return would_resume(report);
    }
    if dry_run {
        let name = paint(NAME.bold(), &report.experiment);
        let _ = writeln!(page, "Would open experiment {name} from {}:", id(&report.base));
        for approach in &report.approaches {
            let branch = paint(NAME, format!("{:<16}", approach.branch));
            let command = approach.command.replace('\n', "\n      ");
            let _ = writeln!(page, "  {branch} {command}");
        }
        return page;
    }
    if let Some(captured) = &report.captured {
        let _ = writeln!(page, "Captured your changes as {} first.", id(captured));
    }
    if let Some(table) = table {
        page.push_str(&rank(table, columns));
    } else {
        for approach in &report.approaches {
            let time = paint(FAINT, duration_ms(approach.duration_ms));
            let _ = writeln!(page, "  {} {} {time}", paint(NAME, &approach.branch), approach.state);
        }
    }
    let note = paint(WARN, "note:");
    if report.resumed == Some(0) {
        let _ = writeln!(page, "{note} nothing was left to do in {}.", report.experiment);
    }
    if report.interrupted {
        let _ = writeln!(page, "{note} interrupted; what was finished is kept.");
        let next = format!("Next: `exp try --resume {}` goes on with the rest.", report.experiment);
        let _ = writeln!(page, "{}", paint(FAINT, next));
    } else if let Some(name) = &report.stopped_by {
        let state = report.approaches.iter().find(|approach| approach.name == *name);
        let state = state.map_or("", |approach| approach.state.as_str());
        let _ = writeln!(page, "{note} stopped, because {name} failed ({state}).");
        let next = format!("`exp try --resume {}` goes on with the others.", report.experiment);
        let _ = writeln!(page, "{}", paint(FAINT, next));
    } else if table.is_some_and(|table| table.winner.is_some()) {
        let next = "Next: `exp select`, then `exp merge --selected`.";
        let _ = writeln!(page, "{}", paint(FAINT, next));
    } else if table.is_none() {
        let name = &report.experiment;
        let next = format!(
            "Next: `exp try --resume {name}` evaluates them; `exp merge {name}/NAME` takes one as \
             it is."
        );
        let _ = writeln!(page, "{}", paint(FAINT, next));
    }
    page
}

/// What going on with an experiment would do to each approach that is left.
fn would_resume(report: &r#try::Report) -> String {
    let name = paint(NAME.bold(), &report.experiment);
    if report.approaches.is_empty() {
        return format!("Nothing is left to do in experiment {name}.\n");
    }
    let mut page = format!("Would go on with experiment {name} from {}:\n", id(&report.base));
    for approach in &report.approaches {
        let branch = paint(NAME, format!("{:<16}", approach.branch));
        let what = match approach.state.as_str() {
            "waiting" => "run",
            "interrupted" => "run again",
            _ => "evaluate",
        };
        let command = approach.command.replace('\n', "\n      ");
        let _ = writeln!(page, "  {branch} {what}: {command}");
    }
    page
}

/// `exp select`.
pub fn select(report: &select::Report, dry_run: bool, columns: usize) -> String {
    let mut page = rank(&report.table, columns);
    match (&report.selected, &report.branch) {
        (Some(name), Some(branch)) => {
            let verb = if dry_run { "Would select" } else { "Selected" };
            let name = paint(GOOD.bold(), name);
            let _ = writeln!(page, "{verb} {name} ({branch}): {}", report.reason);
            let _ = writeln!(page, "{}", paint(FAINT, "Next: `exp merge --selected`."));
        }
        _ => {
            let _ = writeln!(page, "{}", paint(FAINT, "`exp try` with other approaches is next."));
        }
    }
    page
}

/// `exp merge`.
pub fn merge(report: &merge::Report, dry_run: bool) -> String {
    let mut page = String::new();
    if let Some(captured) = &report.captured {
        let _ = writeln!(page, "Captured your changes as {} first.", id(captured));
    }
    let tried_others = report.passed_over.iter().filter(|(name, _)| *name != report.from);
    for (name, why) in tried_others {
        let _ = writeln!(page, "{} {name}: {why}", paint(WARN, "passed over"));
    }
    for (old, new) in &report.renamed {
        let (old, new) = (old.0.display(), new.0.display());
        let _ = writeln!(page, "{old} was renamed to {new}; the other side's change follows it.");
    }
    let (from, into) = (paint(NAME, &report.from), paint(NAME, &report.into));
    let would = if dry_run { "Would be: " } else { "" };
    match report.outcome {
        "nothing to do" => {
            let _ = writeln!(page, "Nothing to do: {from} is in {into} already.");
        }
        "conflicts" => {
            let number = report.conflicts.len() + report.state_conflicts.len();
            let number = count(number, "conflict");
            let _ = writeln!(
                page,
                "{} between {from} and {into}; nothing was changed:",
                paint(BAD, number)
            );
            for conflict in &report.conflicts {
                let path = conflict.path.0.display();
                let _ = writeln!(page, "  {} {path}: {}", paint(BAD, "x"), conflict.why);
            }
            for conflict in &report.state_conflicts {
                page.push_str(&state_conflict(conflict));
            }
            let next = match report.conflicts.is_empty() {
                true => "Take one side's state with `--state ours` or `--state theirs`.",
                false => "Make one side agree (`exp exec NAME -- …`), then merge again.",
            };
            let _ = writeln!(page, "{}", paint(FAINT, next));
        }
        "refused" => {
            let why = &report.verdict.reason;
            let _ = writeln!(page, "{} {from} is bad as merged: {why}", paint(BAD, "Not merged:"));
            let _ = writeln!(page, "Nothing was changed.");
        }
        outcome => {
            let word = paint(STRONG, outcome);
            let _ = writeln!(page, "{would}{word}: {from} into {into} at {}", id(&report.snapshot));
        }
    }
    if let Some(evaluation) = &report.evaluation {
        let memo = if evaluation.from_memo { " (remembered)" } else { "" };
        let _ = writeln!(page, "As merged: {}{memo}", verdict(&report.verdict));
        if report.outcome == "refused" {
            page.push_str(&stages(evaluation, &[]));
        }
    }
    add_changes(&mut page, &report.changes);
    page.push_str(&followed(report.state.as_ref()));
    if matches!(report.outcome, "merged" | "fast-forward") && !dry_run {
        let _ = writeln!(page, "{}", paint(FAINT, "`exp undo` takes it back."));
    }
    page
}

fn state_conflict(conflict: &merge::StateConflict) -> String {
    let side = |value: &Option<String>| match value {
        Some(value) => brief(value),
        None => "nothing".to_owned(),
    };
    let (ours, theirs) = (side(&conflict.ours), side(&conflict.theirs));
    let (mark, base) = (paint(BAD, "x"), side(&conflict.base));
    let pointer = &conflict.pointer;
    format!("  {mark} state at `{pointer}`: {ours} here, {theirs} there, {base} before\n")
}

/// `exp eval`.
pub fn evaluation(report: &eval::Report) -> String {
    let mut page = String::new();
    if report.evaluation.is_none() {
        for stage in &report.planned {
            let _ = writeln!(page, "Would run {stage}");
        }
        return page;
    }
    let why = &report.verdict.reason;
    let _ = writeln!(page, "{} is {}: {why}", id(&report.snapshot), verdict(&report.verdict));
    if let Some(evaluation) = &report.evaluation {
        page.push_str(&stages(evaluation, &report.newly_failing));
        if evaluation.from_memo {
            let _ = writeln!(page, "{}", paint(FAINT, "Remembered; `--again` runs it again."));
        }
    }
    if let Some(experiment) = &report.experiment {
        let _ = writeln!(page, "{}", paint(FAINT, format!("`exp rank {experiment}` has it.")));
    }
    for test in &report.newly_failing {
        let _ = writeln!(page, "  {} {}", paint(BAD, "newly failing:"), test_name(test));
    }
    for suspicion in &report.suspicions {
        let _ = writeln!(page, "  {} {suspicion}", paint(WARN, "look:"));
    }
    page
}

/// `exp guard`.
pub fn guard(report: &guard::Report, dry_run: bool) -> String {
    let mut page = String::new();
    if dry_run {
        return format!(
            "Would evaluate the files against {}.\n",
            match &report.base {
                Some(base) => id(base),
                None => "nothing (there is no earlier snapshot)".to_owned(),
            }
        );
    }
    let why = &report.verdict.reason;
    let _ = writeln!(page, "{} is {}: {why}", id(&report.snapshot), verdict(&report.verdict));
    if report.verdict.word != "good"
        && let Some(evaluation) = &report.evaluation
    {
        page.push_str(&stages(evaluation, &report.newly_failing));
    }
    for test in report.newly_failing.iter().take(10) {
        let _ = writeln!(page, "  {} {}", paint(BAD, "newly failing:"), test_name(test));
    }
    if let Some(others @ 1..) = report.newly_failing.len().checked_sub(10) {
        let _ = writeln!(page, "  {}", paint(FAINT, format!("… and {others} more newly failing")));
    }
    for suspicion in &report.suspicions {
        let _ = writeln!(page, "  {} {suspicion}", paint(WARN, "look:"));
    }
    for suspect in report.suspects.iter().take(5) {
        let _ = writeln!(page, "  {} {suspect}", paint(WARN, "changed since the good one:"));
    }
    match (report.outcome, &report.went_back_to) {
        (_, Some(good)) => {
            let head = paint(STRONG, "Went back");
            let files = count(report.changes.len(), "file");
            let _ = writeln!(page, "{head} to the last good snapshot {} ({files}).", id(good));
            add_changes(&mut page, &report.changes);
            page.push_str(&followed(report.state.as_ref()));
            let keep = format!("{} stays; `exp undo` brings it back.", id(&report.snapshot));
            let _ = writeln!(page, "{keep}");
        }
        ("across head", _) => {
            let why = report.across_head.as_deref().unwrap_or_default();
            let moved = format!("git's HEAD has moved since the good snapshot ({why})");
            let _ = writeln!(page, "Nothing was changed: {moved}.");
            let _ = writeln!(page, "`exp guard --across-head` goes back all the same.");
        }
        ("no good node", _) => {
            let _ = writeln!(page, "No earlier snapshot is known to be good: nothing was changed.");
        }
        _ => {}
    }
    page
}

/// `exp rollback`.
pub fn rollback(report: &rollback::Report, dry_run: bool) -> String {
    let mut page = String::new();
    if let Some(captured) = &report.captured {
        let _ = writeln!(page, "Captured your changes as {} first.", id(captured));
    }
    let verb = if dry_run { "Would go back" } else { "Went back" };
    let _ = writeln!(
        page,
        "{verb} on {} from {} to {} ({}).",
        paint(NAME, &report.branch),
        id(&report.from),
        id(&report.to.id),
        verdict(&report.to.verdict),
    );
    if report.passed > 0 {
        let passed = count(report.passed, "snapshot");
        let _ = writeln!(page, "{passed} on the way not known to be good.");
    }
    add_changes(&mut page, &report.changes);
    page.push_str(&followed(report.state.as_ref()));
    if !dry_run {
        let _ = writeln!(page, "{}", paint(FAINT, "`exp undo` takes it back."));
    }
    page
}

/// `exp exec`: printed to standard error, so that the command's own output stays alone.
pub fn exec(report: &exec::Report) -> String {
    let mut page = String::new();
    let (branch, time) = (paint(NAME, &report.branch), duration_ms(report.duration_ms));
    if report.view.is_empty() {
        let _ = writeln!(page, "{branch}: {}", report.outcome);
        return page;
    }
    let _ = writeln!(page, "{branch}: {} in {time} ({})", report.outcome, report.view);
    if report.disturbed {
        let note = paint(WARN, "note:");
        let _ = writeln!(
            page,
            "{note} the workspace was changed meanwhile; the command may have seen both"
        );
    }
    for note in &report.notes {
        let _ = writeln!(page, "{} {note}", paint(WARN, "note:"));
    }
    for kept in &report.git_commits {
        let _ = writeln!(page, "{}", kept_commit(kept));
    }
    if !report.changes.is_empty() {
        let files = count(report.changes.len(), "changed file");
        let _ = writeln!(page, "Recorded {} ({files}).", id(&report.snapshot));
        add_changes(&mut page, &report.changes);
    }
    page
}

/// Where a commit is kept, in one line.
pub fn kept_commit(kept: &KeptCommit) -> String {
    let commit = kept.commit.get(..12).unwrap_or(&kept.commit);
    let place = kept.repository.as_ref().map_or_else(String::new, |name| format!(" in the {name}"));
    format!("commit {} kept as {}{place}", paint(NAME, commit), paint(NAME, &kept.reference))
}

/// A value short enough for a line.
fn brief(value: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
