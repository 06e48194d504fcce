//! Pages about the workspace: status, snapshot, switch.

use std::fmt::Write;

use super::session::followed;
use super::shape::{add_changes, add_left_out, ago, count, id, verdict};
use crate::base::time::Timestamp;
use crate::engine::verb::{snapshot, status, switch};
use crate::surface::cli::output::{FAINT, NAME, STRONG, WARN, paint};

/// `exp status`. What was recovered is said where every verb says it, before the page.
pub fn status(report: &status::Report, now: Timestamp) -> String {
    let mut page = String::new();
    let at = &report.snapshot;
    let _ = writeln!(
        page,
        "On {} at {} ({}, {})",
        paint(NAME.bold(), &report.branch),
        id(&at.id),
        verdict(&at.verdict),
        ago(at.when, now),
    );
    if !at.message.is_empty() {
        let _ = writeln!(page, "  {}", paint(FAINT, &at.message));
    }
    if let Some(head) = &report.branch_moved {
        let note = paint(WARN, "note:");
        let _ = writeln!(page, "{note} the branch has moved on to {}", id(head));
    }
    if report.git_moved {
        let _ = writeln!(page, "{} git's HEAD has moved since", paint(WARN, "note:"));
    }
    if let Some(problem) = &report.settings_problem {
        let _ = writeln!(page, "{} {problem}", paint(WARN, "note:"));
    }
    if report.changes.is_empty() {
        let files = count(report.files, "file");
        let _ = writeln!(page, "Nothing has changed ({files}).");
    } else {
        let _ = writeln!(page, "{} since:", count(report.changes.len(), "changed file"));
        add_changes(&mut page, &report.changes);
        let _ = writeln!(
            page,
            "{}",
            paint(FAINT, "`exp snapshot` records them, `exp diff` shows them.")
        );
    }
    add_left_out(&mut page, &report.secrets, &report.skipped);
    if let Some((name, approaches)) = &report.experiment {
        let approaches = count(*approaches, "approach");
        let _ = writeln!(page, "Last experiment: {} ({approaches})", paint(NAME, name));
    }
    page
}

/// `exp snapshot`.
pub fn snapshot(report: &snapshot::Report) -> String {
    let mut page = String::new();
    match (&report.snapshot, report.created) {
        (Some(snapshot), true) => {
            let files = count(report.changes.len(), "changed file");
            let branch = paint(NAME, &report.branch);
            let _ = writeln!(page, "Recorded {} on {branch} ({files}).", id(snapshot));
        }
        (None, true) => {
            let files = count(report.changes.len(), "changed file");
            let _ = writeln!(page, "Would record {files} on {}.", paint(NAME, &report.branch));
        }
        (Some(snapshot), false) => {
            let _ = writeln!(page, "Nothing has changed since {}.", id(snapshot));
        }
        (None, false) => page.push_str("Nothing has changed.\n"),
    }
    add_changes(&mut page, &report.changes);
    match report.stored_again {
        Some(0) => {
            let files = count(report.read_files, "file");
            let _ = writeln!(page, "Read {files} again: the store has all of it.");
        }
        Some(objects) => {
            let files = count(report.read_files, "file");
            let objects = count(objects, "object");
            let _ =
                writeln!(page, "Read {files} again, and stored {objects} that it had not whole.");
        }
        None => {}
    }
    if let Some(problem) = &report.state_problem {
        let said = format!("The session's newest state was not recorded: {problem}.");
        let _ = writeln!(page, "{}", paint(WARN, said));
    }
    if let Some(state) = &report.state {
        let into = report.session.as_deref().map_or_else(String::new, |session| {
            format!(", put into session {}", paint(NAME, session))
        });
        let _ = writeln!(page, "State document: {}{into}", id(state));
    }
    add_left_out(&mut page, &report.secrets, &report.skipped);
    page
}

/// `exp switch`.
pub fn switch(report: &switch::Report, dry_run: bool) -> String {
    let mut page = String::new();
    if let Some(captured) = &report.captured {
        let from = &report.from;
        let _ = writeln!(page, "Captured your changes as {} on {from} first.", id(captured));
    }
    if report.from == report.to && report.changes.is_empty() {
        let at = id(&report.snapshot);
        let _ = writeln!(page, "On {} at {at} already.", paint(NAME.bold(), &report.to));
        return page;
    }
    let verb = if dry_run { "Would switch" } else { "Switched" };
    let _ = writeln!(
        page,
        "{verb} from {} to {} at {} ({}).",
        paint(STRONG, &report.from),
        paint(NAME.bold(), &report.to),
        id(&report.snapshot),
        count(report.changes.len(), "file"),
    );
    add_changes(&mut page, &report.changes);
    page.push_str(&followed(report.state.as_ref()));
    page
}
