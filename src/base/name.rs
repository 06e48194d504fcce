//! Labels that people choose: branches, tags, sessions.
//!
//! Guarantees that a label is printable, cannot be mistaken for an option, an id expression or a
//! path that climbs, and fits a file name. Does not know what a label points at.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::LABEL_BYTES_MAX;

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name: {reason}")]
pub struct BadLabel {
    /// What was given.
    pub text: String,
    /// The rule that it breaks.
    pub reason: &'static str,
}

/// The name of a branch, tag or session: `main`, `e7/map`, `release-1.2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// Checks a text: letters, digits, `-`, `_`, `.`, `+` and `/` between parts; no part empty or
    /// starting with `.` or `-`; at most 200 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, BadLabel> {
        let text = text.into();
        match label_fault(&text) {
            None => Ok(Self(text)),
            Some(reason) => Err(BadLabel { text, reason }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name beside this one, for work that cannot go by it: `main-0123456789ab`. `mark` is letters and
    /// digits, with `-` between; where both are too long together, this one is cut.
    pub fn beside(&self, mark: &str) -> Self {
        let room = LABEL_BYTES_MAX.saturating_sub(mark.len() + 1);
        let cut = (0..=room.min(self.0.len())).rfind(|at| self.0.is_char_boundary(*at));
        let kept = self.0[..cut.unwrap_or(0)].trim_end_matches('/');
        Self(format!("{kept}-{mark}"))
    }

    /// The part after the last `/`: the short name of an experiment's branch.
    pub fn last_part(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn label_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > LABEL_BYTES_MAX {
        return Some("it is longer than 200 bytes");
    }
    if text.ends_with(".lock") {
        return Some("it ends in `.lock`");
    }
    for part in text.split('/') {
        if part.is_empty() {
            return Some("a part between `/` is empty");
        }
        if part.starts_with(['.', '-']) {
            return Some("a part starts with `.` or `-`");
        }
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if !part.chars().all(allowed) {
            return Some("only letters, digits, `-`, `_`, `.`, `+` and `/` may stand in it");
        }
    }
    None
}

impl TryFrom<String> for Label {
    type Error = BadLabel;

    fn try_from(text: String) -> Result<Self, BadLabel> {
        Self::new(text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl std::str::FromStr for Label {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, BadLabel> {
        Self::new(text)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beside_a_name_is_one_however_long_that_is() {
        assert_eq!(Label::new("main").unwrap().beside("0a-2").as_str(), "main-0a-2");
        let longest = ["é", "a/"].map(|part| part.repeat(LABEL_BYTES_MAX).to_owned());
        for text in longest {
            for length in 1..=LABEL_BYTES_MAX {
                let Ok(label) = Label::new(text.get(..length).unwrap_or("")) else { continue };
                let beside = label.beside("0123456789ab-2");
                assert_eq!(Label::new(beside.as_str()), Ok(beside), "{label}");
            }
        }
    }

    #[test]
    fn accepts_what_people_use_and_refuses_what_confuses() {
        for good in ["main", "e7/map", "v1.2.0", "größer", "a_b-c+d"] {
            assert!(Label::new(good).is_ok(), "{good}");
        }
        for bad in
            ["", "-x", "a//b", "/a", "a/", "..", "a/../b", "a b", "@", "a~2", "x.lock", "a\n"]
        {
            assert!(Label::new(bad).is_err(), "{bad:?}");
        }
        assert!(Label::new("x".repeat(201)).is_err());
        assert_eq!(Label::new("e7/map").unwrap().last_part(), "map");
    }
}
