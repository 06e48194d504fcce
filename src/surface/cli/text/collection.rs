//! Pages about what a store lets go of: gc, forget.

use std::fmt::Write;

use super::shape::{bytes, count, id};
use crate::engine::verb::{forget, gc};
use crate::surface::cli::output::{FAINT, GOOD, NAME, STRONG, WARN, paint};

/// `exp gc`.
pub fn gc(report: &gc::Report) -> String {
    let mut page = String::new();
    let is_plan = report.after.is_none();
    let without = if is_plan { "Would be without files:" } else { "Without files:" };
    for (title, list) in [("With their files:", &report.kept), (without, &report.let_go)] {
        let all: usize = list.iter().map(|one| one.snapshots).sum();
        if all > 0 {
            let reason = |one: &gc::Decided| format!("{} {}", one.snapshots, one.why);
            let reasons = list.iter().map(reason).collect::<Vec<_>>().join(", ");
            let reasons = paint(FAINT, format!("({reasons})"));
            let _ = writeln!(page, "{title} {} {reasons}", count(all, "snapshot"));
        }
    }
    if report.operations_let_go > 0 {
        let gone = count(report.operations_let_go, "operation");
        let kept = count(report.operations_kept, "operation");
        let verb = if is_plan { "would leave" } else { "left" };
        let _ = writeln!(page, "{gone} {verb} the log; the newest {kept} can still be undone");
    }
    if report.states_let_go > 0 {
        let (states, freed) =
            (count(report.states_let_go, "state"), bytes(report.journal_bytes_freed));
        let verb = if is_plan { "would go".to_owned() } else { format!("gone, {freed} freed") };
        let _ = writeln!(page, "{states} of sessions {verb}");
    }
    if report.logs > 0 {
        let verb = if is_plan { "would be removed" } else { "removed" };
        let _ = writeln!(page, "Logs of {} {verb}", count(report.logs, "run"));
    }
    match &report.after {
        None if report.objects_going == 0 => page.push_str("Nothing would be let go of.\n"),
        None => {
            let (going, raw) = (count(report.objects_going, "object"), bytes(report.bytes_going));
            let freed = bytes(report.bytes_freed);
            let _ = writeln!(page, "{going} would go ({raw} uncompressed), about {freed} on disk");
        }
        Some(after) => {
            let gone = report.before.objects.saturating_sub(after.objects);
            let packs = count(after.packs, "pack");
            let sizes = paint(STRONG, sizes(report.before.bytes, after.bytes));
            let _ = writeln!(page, "{sizes} on disk in {packs}; {} gone", count(gone, "object"));
        }
    }
    if report.postponed > 0 {
        let packs = count(report.postponed, "pack");
        let note = paint(WARN, "note:");
        let _ = writeln!(
            page,
            "{note} {packs} could not go, because others were writing; the next `exp gc` removes them"
        );
    }
    page.push_str(&damages(report));
    page.push_str(&limits(report, is_plan));
    if is_plan && is_something_to_do(report) {
        page.push_str(&paint(FAINT, "`exp gc` does it."));
        page.push('\n');
    } else if !is_plan && report.damaged.is_empty() && report.postponed == 0 {
        let _ = writeln!(page, "{}", paint(GOOD, "Done."));
    }
    page
}

/// What is or was damaged, and what helps.
fn damages(report: &gc::Report) -> String {
    let mut page = String::new();
    for damage in &report.cleared {
        let gone = "(gone: all that is kept lies whole elsewhere)";
        let _ = writeln!(page, "{} {damage} {gone}", paint(GOOD, "cleared:"));
    }
    for damage in &report.damaged {
        let _ = writeln!(page, "{} left as it is: {damage}", paint(WARN, "damaged:"));
    }
    if report.held_up {
        page.push_str(HELD_UP);
    } else if !report.damaged.is_empty() {
        page.push_str(STAYS_DAMAGED);
    }
    page
}

const STAYS_DAMAGED: &str =
    "Something that is kept lies whole nowhere else. What the workspace has is stored again by
`exp snapshot --reread`; then `exp gc` once more.
";

const HELD_UP: &str = "A pack that cannot say what is in it holds everything up: put it back from a backup, or move it out of
that folder and see with `exp fsck` what was only in it.
";

/// Whether a plan has anything to do.
fn is_something_to_do(report: &gc::Report) -> bool {
    report.objects_going > 0
        || report.bytes_freed > 0
        || report.operations_let_go > 0
        || report.states_let_go > 0
        || report.logs > 0
}

/// How large the packs were and are, so that what was freed is seen where both round to one number.
fn sizes(from: u64, to: u64) -> String {
    if from == to {
        return format!("{}, nothing freed,", bytes(to));
    }
    let change = match from.checked_sub(to) {
        Some(freed) => format!("{} freed", bytes(freed)),
        None => format!("{} more", bytes(to.saturating_sub(from))),
    };
    format!("{} → {} ({change})", bytes(from), bytes(to))
}

/// Where the limits are set, and where the store stays nearly full what else makes room.
fn limits(report: &gc::Report, is_plan: bool) -> String {
    let path = report.settings.display();
    let Some(used) = report.still_used else {
        let limits = format!("What is kept is set in {path}.");
        return format!("{}\n", paint(FAINT, limits));
    };
    let (note, percent, quota) = (paint(WARN, "note:"), used.percent, bytes(used.quota_bytes));
    let still = if is_plan { "would still be" } else { "still" };
    let (kept, most) = (count(report.operations_kept, "operation"), used.operations);
    let least = used.operations_least;
    let mut lines = format!(
        "{note} {still} {percent} % of the quota of {quota}. The log keeps {kept} and all that they \
         can be undone to, removed branches too.\n  Raise `quota` in {path}; or lower `operations` \
         ({most}) and `operations_least` ({least})\n  under [retention] there"
    );
    if report.kept.iter().any(|one| ["asked for", "recent"].contains(&one.why)) {
        lines.push_str(", shorten `age` or set `manual = false` for snapshots that nothing names");
    }
    lines.push_str(
        ".\n  The newest operation can always be undone: what it removed goes after the next one.\n",
    );
    lines
}

/// `exp forget`.
pub fn forget(report: &forget::Report) -> String {
    let mut page = String::new();
    let note = paint(WARN, "note:");
    let did = if report.forgotten { "Forgotten" } else { "Would be forgotten" };
    let _ = writeln!(page, "{did}: {}", count(report.contents.len(), "content"));
    for content in &report.contents {
        let places: Vec<_> = content.places.iter().map(|path| path.0.display()).collect();
        let (id, places) = (id(&content.id), paint(NAME, places.join(", ")));
        let _ = writeln!(page, "  {id} {:>10}  {places}", bytes(content.bytes));
        if content.in_workspace {
            let what = "the workspace still has it: the next snapshot records it again. Remove the \
                        file and record that with `exp snapshot`; from then on a rule in .expignore \
                        keeps a new one out (what is captured stays so, whatever the rules say)";
            let _ = writeln!(page, "    {note} {what}");
        }
    }
    for log in &report.logs {
        let verb = if report.forgotten { "taken out of" } else { "is quoted in" };
        let _ = writeln!(page, "  {verb} {log}");
    }
    for (bundle, objects) in &report.bundles {
        let _ = writeln!(page, "  {} in {bundle}", count(*objects, "object"));
    }
    for log in &report.unread_logs {
        let _ = writeln!(page, "  {note} {log} is too long to be looked through");
    }
    if report.evaluations > 0 {
        let many = count(report.evaluations, "recorded evaluation");
        let _ = writeln!(page, "  {note} quoted in {many}, which stay");
    }
    for damage in &report.damaged {
        let _ = writeln!(page, "{} may have it still: {damage}", paint(WARN, "damaged:"));
    }
    let elsewhere =
        "States of sessions, messages, copies in views and other stores are not looked through.";
    let _ = writeln!(page, "{}", paint(FAINT, elsewhere));
    if report.forgotten {
        let _ = writeln!(page, "{} written anew.", count(report.packs, "pack"));
    } else {
        page.push_str("This cannot be undone. `--yes` does it.\n");
    }
    page
}
