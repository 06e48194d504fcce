//! Values on the command line: times, approaches.

use std::time::Duration;

use crate::engine::EngineError;
use crate::engine::config::duration_ms;

/// Reads a time such as `90s`, `10m`, `1h30m`.
///
/// # Errors
/// [`EngineError::Refused`] that says what is right.
pub fn time(text: Option<&String>) -> Result<Option<Duration>, EngineError> {
    let Some(text) = text else {
        return Ok(None);
    };
    match duration_ms(text) {
        Ok(ms) if ms > 0 => Ok(Some(Duration::from_millis(ms))),
        _ => Err(EngineError::Refused {
            what: format!("`{text}` is no time"),
            why: "write it as `90s`, `10m` or `1h30m`".to_owned(),
        }),
    }
}

/// Reads how many may run at once.
///
/// # Errors
/// [`EngineError::Refused`] for none.
pub fn jobs(count: Option<usize>) -> Result<Option<usize>, EngineError> {
    match count {
        Some(0) => Err(EngineError::Refused {
            what: "`--jobs 0` runs nothing".to_owned(),
            why: "give at least 1".to_owned(),
        }),
        count => Ok(count),
    }
}

/// Reads `NAME=COMMAND`.
///
/// # Errors
/// [`EngineError::Refused`] without a `=`.
pub fn approach(text: &String) -> Result<(String, String), EngineError> {
    match text.split_once('=') {
        Some((name, command)) => Ok((name.trim().to_owned(), command.to_owned())),
        None => Err(EngineError::Refused {
            what: format!("`{text}` is no approach"),
            why: "write NAME=COMMAND, such as 'map=./agent.sh \"use a hash map\"'".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approach_keeps_every_later_equals_sign() {
        let read = approach(&"a=X=1 make".to_owned()).unwrap();
        assert_eq!(read, ("a".to_owned(), "X=1 make".to_owned()));
        assert!(approach(&"make".to_owned()).is_err());
    }

    #[test]
    fn times_need_a_unit() {
        assert_eq!(time(Some(&"90s".to_owned())).unwrap(), Some(Duration::from_secs(90)));
        assert!(time(Some(&"90".to_owned())).is_err());
        assert!(time(Some(&"0s".to_owned())).is_err());
    }
}
