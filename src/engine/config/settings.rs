//! `config.toml` of a store: how much it may hold, and what a collection lets go of.
//!
//! Guarantees that an empty file is the defaults, and that what is not understood is refused with its
//! place: a limit that was meant and misspelt must not let go of what it should have kept.

use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::raw::Place;
use super::units;
use crate::policy::retention::RetentionLimits;

/// The settings of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes that packs and journal may take together; none: as many as the disk has.
    pub quota_bytes: Option<u64>,
    /// What stays of what nobody asked to keep.
    pub retention: RetentionLimits,
    /// What stays of the states of sessions.
    pub states: StateRetention,
}

/// What stays of the states of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRetention {
    /// Milliseconds after which an entry may go; none: none goes for its age.
    pub age_ms: Option<u64>,
    /// Entries of one session that stay, the newest; none: age alone counts.
    pub per_session: Option<usize>,
    /// Whether states that somebody asked for stay.
    pub manual: bool,
}

impl Default for StateRetention {
    fn default() -> Self {
        let RetentionLimits { age_ms, per_session, manual, .. } = RetentionLimits::default();
        Self { age_ms, per_session, manual }
    }
}

/// What a new store says of itself: every setting, with the value that holds.
pub const DEFAULT_SETTINGS: &str = "\
# Settings of this store. What is commented out holds as it is written.

# Bytes that objects and states may take together, such as \"20GiB\". At 80 % every command says so, at
# 95 % hooks record nothing more, at 100 % nothing is written; `exp gc` lets go of what may go.
# quota = \"none\"

# What `exp gc` keeps of snapshots that no branch, tag, workspace or experiment names, and that no
# operation in the log leads back to. Milestones, the last good snapshot of a branch and the places
# where histories part always stay. What is let go of loses its files; it stays in the graph.
[retention]
# age = \"24h\"           # older ones go; \"none\": age does not count
# per_session = 1000    # so many of each session stay; 0: any number
# overall = 10000       # so many of all sessions stay; 0: any number
# tagged_only = false   # true: only what is tagged stays
# manual = true         # what somebody asked for (`exp snapshot`) stays
# operations = 1000     # so much of the operation log stays at most,
# operations_least = 100  # and so much whatever its age

# What it keeps of the states of sessions (`exp state`). Tagged ones and recovery points always stay.
[retention.states]
# age = \"24h\"
# per_session = 1000
# manual = true
";

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    quota: Option<Spanned<String>>,
    #[serde(default)]
    retention: RawRetention,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawRetention {
    age: Option<Spanned<String>>,
    per_session: Option<Spanned<i64>>,
    overall: Option<Spanned<i64>>,
    tagged_only: Option<bool>,
    manual: Option<bool>,
    operations: Option<Spanned<i64>>,
    operations_least: Option<Spanned<i64>>,
    #[serde(default)]
    states: RawStates,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawStates {
    age: Option<Spanned<String>>,
    per_session: Option<Spanned<i64>>,
    manual: Option<bool>,
}

impl Settings {
    /// Reads the text of a `config.toml`.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let read = || {
            let raw: RawSettings =
                toml::from_str(text).map_err(|error| ConfigError::of_parser(text, &error))?;
            raw.check(Place::of(text))
        };
        read().map_err(|error| error.in_file("the store's config.toml"))
    }
}

impl RawSettings {
    fn check(self, place: Place<'_>) -> Result<Settings, ConfigError> {
        let quota_bytes = match self.quota {
            None => None,
            Some(text) if text.get_ref() == "none" => None,
            Some(text) => Some(
                units::size_bytes(text.get_ref())
                    .map_err(|message| place.fault(text.span(), "quota", message))?,
            ),
        };
        let default = RetentionLimits::default();
        let raw = self.retention;
        let retention = RetentionLimits {
            age_ms: age(place, raw.age, default.age_ms)?,
            per_session: most(place, "per_session", raw.per_session, default.per_session)?,
            overall: most(place, "overall", raw.overall, default.overall)?,
            tagged_only: raw.tagged_only.unwrap_or(default.tagged_only),
            manual: raw.manual.unwrap_or(default.manual),
            operations: number(place, "operations", raw.operations)?.unwrap_or(default.operations),
            operations_least: number(place, "operations_least", raw.operations_least)?
                .unwrap_or(default.operations_least),
        };
        let default = StateRetention::default();
        let states = StateRetention {
            age_ms: age(place, raw.states.age, default.age_ms)?,
            per_session: most(place, "per_session", raw.states.per_session, default.per_session)?,
            manual: raw.states.manual.unwrap_or(default.manual),
        };
        Ok(Settings { quota_bytes, retention, states })
    }
}

fn age(
    place: Place<'_>,
    text: Option<Spanned<String>>,
    default: Option<u64>,
) -> Result<Option<u64>, ConfigError> {
    match text {
        None => Ok(default),
        Some(text) if text.get_ref() == "none" => Ok(None),
        Some(text) => units::duration_ms(text.get_ref())
            .map(Some)
            .map_err(|message| place.fault(text.span(), "age", message)),
    }
}

/// How many at most; 0 stands for any number.
fn most(
    place: Place<'_>,
    key: &str,
    raw: Option<Spanned<i64>>,
    default: Option<usize>,
) -> Result<Option<usize>, ConfigError> {
    Ok(number(place, key, raw)?.map_or(default, |number| (number > 0).then_some(number)))
}

fn number(
    place: Place<'_>,
    key: &str,
    raw: Option<Spanned<i64>>,
) -> Result<Option<usize>, ConfigError> {
    let Some(raw) = raw else { return Ok(None) };
    let count = usize::try_from(*raw.get_ref());
    count
        .map(Some)
        .map_err(|_| place.fault(raw.span(), key, format!("`{key}` is a number, 0 or more")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with what is commented out written out.
    fn written_out() -> String {
        let is_setting = |line: &str| line.starts_with("# ") && line.contains(" = ");
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(setting) if is_setting(line) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        };
        DEFAULT_SETTINGS.lines().map(line).collect()
    }

    #[test]
    fn the_text_of_a_new_store_says_what_holds() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        assert_eq!(Settings::parse(DEFAULT_SETTINGS).unwrap(), Settings::default());
        assert_eq!(Settings::parse(&written_out()).unwrap(), Settings::default());
        assert_eq!(
            written_out().matches("# ").count(),
            DEFAULT_SETTINGS.matches("# ").count() - 11
        );
    }

    #[test]
    fn every_setting_is_read() {
        let text = "quota = \"20GiB\"\n[retention]\nage = \"7d\"\nper_session = 0\noverall = 5\n\
             tagged_only = true\nmanual = false\noperations = 9\noperations_least = 3\n\
             [retention.states]\nage = \"none\"\nper_session = 7\nmanual = false\n";
        let expected = Settings {
            quota_bytes: Some(20 << 30),
            retention: RetentionLimits {
                age_ms: Some(7 * 86_400_000),
                per_session: None,
                overall: Some(5),
                tagged_only: true,
                manual: false,
                operations: 9,
                operations_least: 3,
            },
            states: StateRetention { age_ms: None, per_session: Some(7), manual: false },
        };
        assert_eq!(Settings::parse(text).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_place() {
        for (text, said) in [
            ("quota = \"much\"", "line 1, column 9: `much` is no size"),
            ("[retention]\nage = \"1\"", "line 2, column 7: `1` is no duration"),
            ("[retention]\noverall = -1", "line 2, column 11: `overall` is a number"),
            ("[retention]\nper_sesion = 1", "did you mean `per_session`?"),
            ("[retention.states]\nages = \"1h\"", "did you mean `age`?"),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("the store's config.toml"), "{error}");
        }
    }
}
