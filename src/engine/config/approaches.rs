//! A file of approaches, for `exp try --file`: who tries what, and how long each may take.
//!
//! Knows nothing of experiments; names of two files, or of a file and the line, are compared by
//! the verb.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::error::ConfigError;
use super::raw;
use crate::base::name::Label;

/// What a file of approaches says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approaches {
    /// Where all start; the workspace's files if nothing is said.
    pub from: Option<String>,
    /// The approaches, in the order of the file. Their names differ.
    pub approaches: Vec<ListedApproach>,
}

/// One approach of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedApproach {
    /// Its name.
    pub name: String,
    /// The shell command.
    pub command: String,
    /// When it is stopped.
    pub timeout: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    from: Option<Spanned<String>>,
    #[serde(default, rename = "approach")]
    approaches: Vec<RawApproach>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApproach {
    name: Spanned<String>,
    command: Spanned<String>,
    timeout: Option<raw::Duration>,
}

impl Approaches {
    /// Reads the text of a file that goes by that name.
    ///
    /// # Errors
    /// [`ConfigError`] with line and column: what is no TOML, a key that is not known, a name that
    /// is none or stands there twice, an empty command, no approach at all.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let parsed = toml::from_str::<Raw>(text)
            .map_err(|error| ConfigError::of_parser(text, &error))
            .and_then(|raw| raw.check(text));
        parsed.map_err(|error| error.in_file(file))
    }
}

impl Raw {
    fn check(self, text: &str) -> Result<Approaches, ConfigError> {
        if self.approaches.is_empty() {
            let message = "it lists no [[approach]]".to_owned();
            return Err(ConfigError::at(text, text.len()..text.len(), "approach", message));
        }
        let mut names = BTreeSet::new();
        for RawApproach { name, command, .. } in &self.approaches {
            let fault = |at: &Spanned<String>, key, message| {
                Err(ConfigError::at(text, at.span(), key, message))
            };
            let given = name.get_ref();
            if let Err(error) = Label::new(given.as_str()) {
                return fault(name, "name", error.to_string());
            }
            if given.contains('/') {
                return fault(
                    name,
                    "name",
                    format!("`{given}` cannot name an approach: it has a `/`"),
                );
            }
            if !names.insert(given.as_str()) {
                return fault(name, "name", format!("an approach `{given}` stands above already"));
            }
            if command.get_ref().trim().is_empty() || command.get_ref().contains('\0') {
                let message = "the command is empty, or has a zero byte".to_owned();
                return fault(command, "command", message);
            }
        }
        let listed = |raw: RawApproach| ListedApproach {
            name: raw.name.into_inner(),
            command: raw.command.into_inner(),
            timeout: raw.timeout.map(|timeout| Duration::from_millis(timeout.0)),
        };
        Ok(Approaches {
            from: self.from.map(Spanned::into_inner),
            approaches: self.approaches.into_iter().map(listed).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approaches_keep_their_order_their_lines_and_their_limits() {
        let text = "from = '@-'\n[[approach]]\nname = 'b'\ncommand = '''\nmake\nmake check'''\n\
                    [[approach]]\nname = 'a'\ncommand = 'X=1 true'\ntimeout = '90s'\n";
        let read = Approaches::parse(text, "x").unwrap();
        assert_eq!(read.from.as_deref(), Some("@-"));
        let names: Vec<_> = read.approaches.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(read.approaches[0].command, "make\nmake check");
        assert_eq!(read.approaches[0].timeout, None);
        assert_eq!(read.approaches[1].timeout, Some(Duration::from_secs(90)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let one = "[[approach]]\nname = 'a'\ncommand = 'true'\n";
        for (text, wanted) in [
            ("", "line 1, column 1: it lists no [[approach]]"),
            ("[[approach]]\nname = 'a'\ncomand = 'x'\n", "line 3, column 1: `comand` is not known"),
            ("[[approach]]\nname = 'a/b'\ncommand = 'x'\n", "line 2, column 8: `a/b` cannot name"),
            ("[[approach]]\nname = '-x'\ncommand = 'x'\n", "line 2, column 8: `-x` is no name"),
            (
                "[[approach]]\nname = 'a'\ncommand = ' '\n",
                "line 3, column 11: the command is empty",
            ),
            ("[[approach]]\nname = 'a'\n", "line 1, column 1: missing field `command`"),
            (&one.repeat(2), "line 5, column 8: an approach `a` stands above already"),
            (&format!("{one}timeout = '9'\n"), "line 4, column 11: `9` is no duration"),
            (&format!("jobs = 2\n{one}"), "line 1, column 1: `jobs` is not known"),
            ("[[approach]\n", "line 1, column "),
        ] {
            let error = Approaches::parse(text, "ideas.toml").unwrap_err().to_string();
            let wanted = format!("could not read ideas.toml: {wanted}");
            assert!(error.starts_with(&wanted), "{error}\n{wanted}");
        }
        let error = Approaches::parse("[[approach]]\ncomand = 'x'", "x").unwrap_err().to_string();
        assert!(error.ends_with("did you mean `command`?"), "{error}");
    }
}
