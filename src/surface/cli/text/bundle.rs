//! Pages about what travels between stores: export, import, and what other stores say.

use std::fmt::Write;

use super::shape::{bytes, count, id, moment};
use crate::engine::report::{ForeignVerdict, ShownSnapshot};
use crate::engine::verb::{export, import};
use crate::surface::cli::output::{FAINT, GOOD, NAME, STRONG, WARN, paint};

/// Names of one kind that a page lists.
const NAMES_SHOWN: usize = 20;

/// `exp export`.
pub fn exported(report: &export::Report) -> String {
    let mut page = String::new();
    let objects = count(report.objects, "object");
    let _ = match (&report.file, report.written, report.bundle_bytes) {
        (Some(file), true, Some(size)) => {
            writeln!(page, "Wrote {}: {objects}, {}", paint(STRONG, file), bytes(size))
        }
        (None, true, Some(size)) => writeln!(page, "Wrote {objects}, {}", bytes(size)),
        _ => writeln!(page, "Would write {objects}"),
    };
    let rooms = [
        ("branches", &report.branches),
        ("tags", &report.tags),
        ("experiments", &report.experiments),
    ];
    for (word, names) in rooms {
        if !names.is_empty() {
            let shown: Vec<_> = names.iter().take(NAMES_SHOWN).map(|n| paint(NAME, n)).collect();
            let more = match names.len().saturating_sub(NAMES_SHOWN) {
                0 => String::new(),
                more => format!(", … and {more} more"),
            };
            let _ = writeln!(page, "  {word}: {}{more}", shown.join(", "));
        }
    }
    if report.verdicts + report.evaluations > 0 {
        let verdicts = count(report.verdicts, "verdict");
        let _ = writeln!(page, "  {verdicts}, {}", count(report.evaluations, "evaluation"));
    }
    if !report.since.is_empty() {
        let names = report.since.join(", ");
        let _ = writeln!(page, "  whoever imports it must have {}", paint(NAME, names));
    }
    if let Some(source) = &report.source {
        let _ = writeln!(page, "  source: {}", paint(NAME, source));
    }
    for notice in &report.notices {
        let _ = writeln!(page, "{} {notice}", paint(WARN, "note:"));
    }
    page
}

/// `exp import`.
pub fn imported(report: &import::Report, dry_run: bool) -> String {
    let mut page = String::new();
    let by = paint(FAINT, format!("made by {} {}", report.who, moment(report.when)));
    let head = if dry_run { "Would import from" } else { "Imported from" };
    let _ = writeln!(page, "{head} {} {by}", paint(STRONG, &report.source));
    for item in &report.items {
        let word = match item.outcome.word() {
            word @ "there already" => paint(FAINT, word),
            word @ "kept beside" => paint(WARN, word),
            word => paint(GOOD, word),
        };
        let kept = item.kept_as.as_ref().map(|name| format!(" as {}", paint(NAME, name)));
        let mut notes: Vec<String> = item.why.iter().cloned().collect();
        notes.extend(item.foreign.as_ref().map(|_| "foreign".to_owned()));
        let notes = match notes.as_slice() {
            [] => String::new(),
            notes => format!(" {}", paint(FAINT, format!("({})", notes.join("; ")))),
        };
        let (kind, name) = (item.kind, paint(NAME, &item.name));
        let _ = writeln!(page, "  {kind:<10} {name}: {word}{}{notes}", kept.unwrap_or_default());
    }
    let known = count(report.known_objects, "object");
    let new = count(report.new_objects, "new object");
    let _ = writeln!(page, "{new}, {known} there already");
    if report.left_out > 0 {
        let left = count(report.left_out, "object");
        let note = format!("{left} left out that {} forgotten here", was(report.left_out));
        let _ = writeln!(page, "{} {note}", paint(WARN, "note:"));
    }
    if !report.without.is_empty() {
        let came = count(report.without.len(), "snapshot");
        let ids: Vec<_> = report.without.iter().take(NAMES_SHOWN).map(|hex| id(hex)).collect();
        let more = if report.without.len() > NAMES_SHOWN { ", …" } else { "" };
        let note = format!("{came} came without files, let go of there: {}{more}", ids.join(", "));
        let _ = writeln!(page, "{} {note}", paint(WARN, "note:"));
    }
    if report.items.iter().any(|item| item.foreign.is_some()) {
        let source = &report.source;
        let note = format!(
            "what was found there is shown and counts for nothing here; `--trust {source}` lets it count"
        );
        let _ = writeln!(page, "{}", paint(FAINT, note));
    }
    if report.operation.is_none() && !dry_run {
        let _ = writeln!(page, "Nothing was new.");
    }
    page
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// What other stores say of a snapshot, for the end of a line; empty where none says anything.
pub fn foreign_words(snapshot: &ShownSnapshot) -> String {
    let word = |one: &ForeignVerdict| format!("{} in {}", one.word, one.source);
    let words: Vec<_> = snapshot.foreign.iter().map(word).collect();
    match words.as_slice() {
        [] => String::new(),
        words => format!(" {}", paint(FAINT, format!("(foreign: {})", words.join(", ")))),
    }
}
