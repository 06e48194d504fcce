//! The section about `exp` in the instructions of agents (`AGENTS.md`), between two marks.
//!
//! Guarantees that nothing outside of the marks changes, and that a second call changes nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::own_file;
use crate::engine::EngineError;

/// The section, with its marks.
pub const SECTION: &str = include_str!("agents.md");

/// The file that agents read, in the workspace's folder.
const FILE: &str = "AGENTS.md";

const BEGIN: &str = "<!-- exp:begin -->";
const END: &str = "<!-- exp:end -->";

/// What became of the section, or would.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// `created` (the file), `added`, `replaced` (an older text of the section), or `unchanged`.
    pub change: &'static str,
    #[serde(skip)]
    text: String,
}

/// Whether the file of a workspace has the section.
pub fn is_in(root: &Path) -> bool {
    own_file::read(&root.join(FILE)).is_ok_and(|text| text.is_some_and(|text| marks(&text).0 == 1))
}

/// What there is to do. Nothing is written.
///
/// # Errors
/// [`EngineError::Refused`] for marks that are no pair, and for a file that may not be changed.
pub fn plan(root: &Path) -> Result<Change, EngineError> {
    let path = root.join(FILE);
    let before = own_file::read(&path)?;
    own_file::target(&path, root)?;
    let Some(text) = with_section(before.as_deref().unwrap_or_default()) else {
        let what = format!("`{}` cannot be changed", path.display());
        let why =
            format!("it must have one line `{BEGIN}` and after it one line `{END}`, or neither");
        return Err(EngineError::Refused { what, why });
    };
    let change = match &before {
        None => "created",
        Some(before) if *before == text => "unchanged",
        Some(before) if marks(before).0 == 1 => "replaced",
        Some(_) => "added",
    };
    Ok(Change { path, change, text })
}

impl Change {
    /// Writes it.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write(&self) -> Result<(), EngineError> {
        if self.change == "unchanged" {
            return Ok(());
        }
        own_file::replace(&self.path, self.path.parent().unwrap_or(&self.path), &self.text)
    }
}

/// How many lines are the first mark, and how many the second.
fn marks(text: &str) -> (usize, usize) {
    let count = |mark| text.lines().filter(|line| line.trim() == mark).count();
    (count(BEGIN), count(END))
}

/// The text with the present section: in the place of an older one, or at the end. None where the
/// marks are no pair.
fn with_section(text: &str) -> Option<String> {
    let crlf = text.contains("\r\n");
    let newline = if crlf { "\r\n" } else { "\n" };
    let section = SECTION.replace('\n', newline);
    match marks(text) {
        (0, 0) => {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
            let gap = if text.trim().is_empty() { "" } else { newline };
            Some(format!("{text}{end}{gap}{section}"))
        }
        (1, 1) => {
            let mut at = 0;
            let (mut start, mut end) = (None, None);
            for line in text.split_inclusive('\n') {
                match line.trim() {
                    BEGIN => start = Some(at),
                    END => end = Some(at + line.trim_end_matches(['\r', '\n']).len()),
                    _ => {}
                }
                at += line.len();
            }
            let (start, end) = (start?, end?);
            (start < end)
                .then(|| format!("{}{}{}", &text[..start], section.trim_end(), &text[end..]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_section_changes() {
        let old = format!("# Rules\n\n{BEGIN}\nold words\n{END}\n\nNo tabs.");
        let new = with_section(&old).unwrap();
        assert_eq!(new, format!("# Rules\n\n{}\n\nNo tabs.", SECTION.trim_end()));
        assert_eq!(with_section(&new).unwrap(), new);
        assert_eq!(with_section("").unwrap(), SECTION);
        assert_eq!(with_section("no end").unwrap(), format!("no end\n\n{SECTION}"));
        assert_eq!(with_section("end\n").unwrap(), format!("end\n\n{SECTION}"));
    }

    #[test]
    fn ends_of_lines_stay() {
        let new = with_section("# Rules\r\n").unwrap();
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
        assert_eq!(with_section(&new).unwrap(), new);
    }

    #[test]
    fn marks_that_are_no_pair_are_not_guessed_at() {
        for text in
            [format!("{BEGIN}\n"), format!("{END}\n{BEGIN}\n"), format!("{BEGIN}\n{BEGIN}\n{END}")]
        {
            assert!(with_section(&text).is_none(), "{text}");
        }
        let prose = format!("The section stands between `{BEGIN}` and `{END}`.\n");
        assert!(with_section(&prose).unwrap().ends_with(SECTION));
    }
}
