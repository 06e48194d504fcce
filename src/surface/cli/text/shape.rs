//! Small shapes that all pages share: ids, times, sizes, verdicts, lists of changes.

use std::fmt::Write;

use anstyle::Style;

use crate::base::time::Timestamp;
pub use crate::engine::report::count;
use crate::engine::report::{ChangeWord, ShownChange, ShownPath, ShownTime, ShownVerdict};
use crate::surface::cli::output::{BAD, FAINT, GOOD, NAME, WARN, paint};

/// How many changed files a page lists before it only counts.
const CHANGES_SHOWN: usize = 20;

/// The first 12 digits of an id.
pub fn short(id: &str) -> &str {
    &id[..id.len().min(12)]
}

/// A test's name for the page. That of an example in a crate's own documentation names no item and
/// ends in a dash; it is recorded so, because results of all times are compared by it.
pub fn test_name(name: &str) -> String {
    let (named, number) = match name.rsplit_once('#') {
        Some((named, number)) if number.parse::<u32>().is_ok() => (named, format!("#{number}")),
        _ => (name, String::new()),
    };
    match named.strip_suffix(" -") {
        Some(file) if name.starts_with("doc ") => format!("{file}{number}"),
        _ => name.to_owned(),
    }
}

/// An id for the page.
pub fn id(id: &str) -> String {
    paint(NAME, short(id))
}

/// How long ago, roughly: `now`, `5 min`, `3 h`, `2 d`; older moments as a date (UTC).
pub fn ago(when: ShownTime, now: Timestamp) -> String {
    let seconds = now.seconds_since(Timestamp(when.0));
    match seconds {
        s if s < 5.0 => "now".to_owned(),
        s if s < 60.0 => format!("{s:.0} s ago"),
        s if s < 3600.0 => format!("{:.0} min ago", (s / 60.0).floor()),
        s if s < 86_400.0 => format!("{:.0} h ago", (s / 3600.0).floor()),
        s if s < 30.0 * 86_400.0 => format!("{:.0} d ago", (s / 86_400.0).floor()),
        _ => match jiff::Timestamp::from_nanosecond(i128::from(when.0)) {
            Ok(moment) => moment.to_string().chars().take(10).collect(),
            Err(_) => "long ago".to_owned(),
        },
    }
}

/// The moment in full, UTC.
pub fn moment(when: ShownTime) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(when.0)) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{} ns", when.0),
    }
}

/// Bytes with a unit: `812 B`, `4.2 KiB`, `1.3 GiB`.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// A duration: `340 ms`, `2.4 s`, `3 min 05 s`.
pub fn duration_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// The style of a verdict's word.
pub fn verdict_style(word: &str) -> Style {
    match word {
        "good" => GOOD,
        "bad" => BAD,
        "inconclusive" => WARN,
        _ => FAINT,
    }
}

/// A verdict as a word in its colour.
pub fn verdict(verdict: &ShownVerdict) -> String {
    paint(verdict_style(verdict.word), verdict.word)
}

/// Adds changed files, one a line, the first ones only.
pub fn add_changes(page: &mut String, changes: &[ShownChange]) {
    for change in changes.iter().take(CHANGES_SHOWN) {
        let (sign, style) = match change.change {
            ChangeWord::Added => ("+", GOOD),
            ChangeWord::Removed => ("-", BAD),
            ChangeWord::Modified => ("~", WARN),
            ChangeWord::Retyped => ("!", WARN),
            ChangeWord::Forgotten => ("?", WARN),
        };
        let why = match change.change {
            ChangeWord::Forgotten => " was forgotten, and stays as it is here",
            _ => "",
        };
        let _ = writeln!(page, "  {} {}{why}", paint(style, sign), change.path.0.display());
    }
    if changes.len() > CHANGES_SHOWN {
        let _ = writeln!(page, "  … and {} more", changes.len() - CHANGES_SHOWN);
    }
}

/// Adds files that were left out, with what to do.
pub fn add_left_out(page: &mut String, secrets: &[ShownPath], skipped: &[(ShownPath, String)]) {
    if !secrets.is_empty() {
        let names: Vec<_> = secrets.iter().take(5).map(|path| path.0.display()).collect();
        let more = if secrets.len() > 5 { ", …" } else { "" };
        let count = count(secrets.len(), "file");
        let _ = writeln!(
            page,
            "{} {count} that may hold secrets not captured: {}{more}",
            paint(WARN, "note:"),
            names.join(", "),
        );
    }
    for (path, why) in skipped.iter().take(5) {
        let note = paint(WARN, "note:");
        let _ = writeln!(page, "{note} `{}` not captured: {why}", path.0.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_end_in_no_dash() {
        assert_eq!(test_name("doc itoa::src/lib.rs -"), "doc itoa::src/lib.rs");
        assert_eq!(test_name("doc itoa::src/lib.rs -#2"), "doc itoa::src/lib.rs#2");
        for name in ["doc itoa::src/lib.rs - f#2", "tests/a.rs::one", "odd -"] {
            assert_eq!(test_name(name), name);
        }
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(4_301), "4.2 KiB");
        assert_eq!(duration_ms(2_350), "2.4 s");
        assert_eq!(duration_ms(185_000), "3 min 05 s");
        let now = Timestamp(1_000_000_000_000);
        assert_eq!(ago(ShownTime(now.0 - 300_000_000_000), now), "5 min ago");
    }
}
