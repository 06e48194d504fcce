//! Pages about the store itself: init, deinit, fsck, doctor, stats.

use std::fmt::Write;

use super::rows::{plain, table, titles};
use super::session::states;
use super::shape::{bytes, count, id};
use crate::engine::HeldAlone;
use crate::engine::verb::{deinit, doctor, fsck, init, stats};
use crate::store::{Level, Usage};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, STRONG, WARN, paint};
use crate::surface::cli::section::Change;

/// `exp init`.
pub fn init(
    report: &init::Report,
    dry_run: bool,
    section: Option<String>,
    offer_section: bool,
) -> String {
    let mut page = String::new();
    let would = if dry_run { "Would capture" } else { "Captured" };
    let _ = writeln!(
        page,
        "{} {}\n{would} {}, {}{}",
        paint(STRONG, "Workspace"),
        report.workspace.display(),
        count(report.files, "file"),
        bytes(report.bytes),
        if report.largest.is_empty() { "" } else { ":" },
    );
    for (path, files, size) in &report.largest {
        let name = paint(NAME, format!("{:<24}", path.0.display()));
        let word = if *files == 1 { "file " } else { "files" };
        let _ = writeln!(page, "  {name} {files:>8} {word} {:>12}", bytes(*size));
    }
    page.push_str(&others(report));
    if report.ignored > 0 {
        let ignored = count(report.ignored, "ignored place");
        let _ = writeln!(page, "  {}", paint(FAINT, format!("{ignored} left out")));
    }
    for secret in report.secrets.iter().take(5) {
        let note = paint(WARN, "not captured (may hold a secret):");
        let _ = writeln!(page, "  {note} {}", secret.0.display());
    }
    let _ = writeln!(page, "Store: {}", report.store.display());
    let _ = writeln!(page, "Branches are shown by: {}", report.backend);
    let stages = match report.stages.as_slice() {
        [] => "none guessed; add [[stage]] to exp.toml".to_owned(),
        stages => stages.join(", "),
    };
    let wrote = match (report.wrote_config, dry_run) {
        (true, false) => "wrote exp.toml with stages",
        (true, true) => "would write exp.toml with stages",
        (false, _) => "exp.toml has stages",
    };
    let _ = writeln!(page, "Evaluation: {wrote}: {stages}");
    page.push_str(&section.unwrap_or_default());
    if let Some(snapshot) = &report.snapshot {
        let _ = writeln!(page, "First snapshot: {}", id(snapshot));
        let next = "Next: look at exp.toml, then `exp eval`, then `exp try 'NAME=COMMAND' …`.";
        let _ = writeln!(page, "{}", paint(FAINT, next));
        if offer_section {
            let offer = "Agents learn of it from a section of AGENTS.md: `exp init --agents`.";
            let _ = writeln!(page, "{}", paint(FAINT, offer));
        }
    }
    page
}

/// What is captured besides the largest folders.
fn others(report: &init::Report) -> String {
    let (mut files, mut size) = (report.files, report.bytes);
    for (_, in_folder, bytes) in &report.largest {
        files = files.saturating_sub(*in_folder);
        size = size.saturating_sub(*bytes);
    }
    if report.largest.is_empty() || files == 0 {
        return String::new();
    }
    let text = format!("… and {}, {}", count(files, "more file"), bytes(size));
    format!("  {}\n", paint(FAINT, text))
}

/// The section for agents of `exp init --agents`.
pub fn section(change: &Change, dry_run: bool) -> String {
    let what = match (change.change, dry_run) {
        ("created", false) => "made, with the section about exp",
        ("created", true) => "would be made, with the section about exp",
        ("added", false) => "the section about exp was added at the end",
        ("added", true) => "the section about exp would be added at the end",
        ("replaced", false) => "the section about exp was brought up to date",
        ("replaced", true) => "the section about exp would be brought up to date",
        _ => "the section about exp is up to date",
    };
    format!("{}: {what}\n", change.path.display())
}

/// `exp deinit`.
pub fn deinit(report: &deinit::Report) -> String {
    let mut page = String::new();
    let head = if report.removed { "Removed" } else { "Would be lost with" };
    let _ = writeln!(page, "{head} {}:", paint(STRONG, report.store.display()));
    let _ = writeln!(
        page,
        "  {}, {}, {}, {}",
        count(report.snapshots, "snapshot"),
        count(report.branches, "branch"),
        count(report.experiments, "experiment"),
        bytes(report.bytes),
    );
    for other in &report.other_workspaces {
        let _ = writeln!(page, "  {} it also serves {other}", paint(WARN, "note:"));
    }
    if !report.removed {
        let _ = writeln!(page, "Your files stay. `exp deinit --yes` removes the store.");
    }
    page
}

/// `exp fsck`.
pub fn fsck(report: &fsck::Report) -> String {
    let mut page = String::new();
    for problem in &report.problems {
        let _ = writeln!(page, "{} {problem}", paint(BAD, "damaged:"));
    }
    let (packs, objects) = (count(report.packs, "pack"), count(report.objects, "object"));
    let _ = writeln!(page, "Read {objects} in {packs}.");
    if report.unreferenced > 0 && report.is_history_whole {
        let left = count(report.unreferenced, "object");
        let note = format!("{left} of no use any more; that is no damage.");
        let _ = writeln!(page, "{}", paint(FAINT, note));
    }
    if report.segments > 0 {
        let segments = count(report.segments, "segment");
        let frames = count(report.frames, "frame");
        let _ = writeln!(page, "Read {frames} in {segments} of the journal.");
    }
    for sentence in &report.unfinished {
        let note = format!("{sentence}, as a crash leaves it.");
        let _ = writeln!(page, "{}", paint(FAINT, note));
    }
    for sentence in &report.catalogue {
        let _ = writeln!(page, "{sentence}.");
    }
    if report.problems.is_empty() {
        let _ = writeln!(page, "{}", paint(GOOD, "All is well."));
    } else {
        page.push_str(&mending(report));
    }
    page
}

/// What can be done about damage.
fn mending(report: &fsck::Report) -> String {
    let mut page = String::new();
    if let Some(operation) = report.newest_operations.first() {
        let place = report.heads.join(operation);
        let _ = writeln!(
            page,
            "Which operation is current is lost. An empty file makes one current again: {}",
            paint(STRONG, format!("touch '{}'", place.display())),
        );
        if report.newest_operations.len() > 1 {
            let other = "If it is not the one that you mean, remove the file and take another id.";
            let _ = writeln!(page, "{other}");
        }
    }
    page.push_str(
        "What the workspace still has is stored again by `exp snapshot --reread`, and `exp gc` lets a \
         damaged pack go\nonce nothing that is kept is only in it. A file of the store that a backup has can \
         go back to its place. What is\nnot damaged can be read and taken elsewhere: `exp log --all`, \
         `exp export -o FILE`.\n",
    );
    page
}

/// `exp doctor`.
pub fn doctor(report: &doctor::Report) -> String {
    let mut page = String::new();
    for check in &report.checks {
        let mark = match check.well {
            true => paint(GOOD, "ok  "),
            false => paint(WARN, "no  "),
        };
        let _ = writeln!(page, "{mark} {:<12} {}", check.what, check.found);
        if let Some(advice) = &check.advice {
            let _ = writeln!(page, "     {}", paint(FAINT, advice));
        }
    }
    page
}

/// `exp stats`.
pub fn stats(report: &stats::Report) -> String {
    let mut page = String::new();
    for notice in &report.notices {
        let _ = writeln!(page, "{} {notice}", paint(WARN, "note:"));
    }
    let snapshots = count(report.snapshots, "snapshot");
    let _ = writeln!(page, "{snapshots}, {}", count(report.operations, "operation"));
    let lists = [
        ("by origin", &report.origins),
        ("by session", &report.sessions),
        ("by verdict", &report.verdicts),
        ("objects", &report.objects),
    ];
    for (title, list) in lists {
        let parts: Vec<_> = list.iter().map(|(name, count)| format!("{name} {count}")).collect();
        if !parts.is_empty() {
            let _ = writeln!(page, "  {} {}", paint(FAINT, format!("{title}:")), parts.join(", "));
        }
    }
    let (disk, raw) = (bytes(report.disk_bytes), bytes(report.raw_bytes));
    let ratio =
        report.ratio.map_or_else(String::new, |ratio| format!(", {ratio:.1} times as much"));
    let packs = count(report.packs, "pack");
    let _ = writeln!(page, "{disk} on disk in {packs} ({raw} uncompressed{ratio})");
    if let Some(quota) = report.quota_bytes {
        let _ = writeln!(page, "  {} {}", paint(FAINT, "quota:"), bytes(quota));
    }
    if let Some(alone) = &report.alone {
        page.push_str(&held("branch", &alone.branches));
        page.push_str(&held("session", &alone.sessions));
    }
    page.push_str(&states(&report.states, report.journal_bytes));
    page
}

/// What branches or sessions hold alone, a table.
fn held(title: &str, all: &[HeldAlone]) -> String {
    let mut rows = vec![titles(&["", title, "alone on disk", "uncompressed", "objects"])];
    for one in all {
        let sizes = [one.stored_bytes, one.bytes].map(|size| plain(bytes(size)));
        let mut row = vec![plain(""), (NAME, one.name.clone())];
        row.extend(sizes);
        row.push(plain(one.objects.to_string()));
        rows.push(row);
    }
    table(rows, &[2, 3, 4], usize::MAX)
}

/// What is said of a quota that is nearly used, beside what any verb prints.
pub fn usage(usage: Usage) -> String {
    let of = bytes(usage.quota.unwrap_or_default());
    let (percent, used) = (usage.percent().unwrap_or_default(), bytes(usage.bytes));
    let what = match usage.level() {
        Level::Full => "nothing more is written",
        Level::Short => "hooks record nothing more",
        Level::Said | Level::Free => "at 95 % hooks record nothing more",
    };
    format!(
        "note: the store uses {percent} % of its quota ({used} of {of}): {what}; `exp gc` makes room\n"
    )
}
