//! Values on the command line: times, approaches.

use std::time::Duration;

use crate::base::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::config::duration_ms;

/// Digits from which on a number is nanoseconds since 1970: fewer would be that day.
const NANOSECOND_DIGITS_MIN: usize = 15;

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

/// Reads a moment: so long ago (`10m`), a date or date and time in UTC (`2026-01-31`,
/// `2026-01-31T12:00:00Z`), or nanoseconds since 1970 as in JSON.
///
/// # Errors
/// [`EngineError::Refused`] that says what is right.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, EngineError> {
    let ago = text.strip_suffix("ago").unwrap_or(text).trim();
    if let Ok(ms) = duration_ms(ago) {
        let nanos = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        return Ok(Timestamp(now.0.saturating_sub(nanos)));
    }
    let nanos = |moment: jiff::Timestamp| i64::try_from(moment.as_nanosecond()).ok();
    let date = |text: &str| {
        let date: jiff::civil::Date = text.parse().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = match is_plain {
        true => text.parse().ok().filter(|_| text.len() >= NANOSECOND_DIGITS_MIN),
        false if text.contains(['T', ' ']) => text.parse().ok().and_then(nanos),
        false => date(text).and_then(nanos),
    };
    read.map(Timestamp).ok_or_else(|| EngineError::Refused {
        what: format!("`{text}` is no moment"),
        why: "write how long ago, such as `10m`, or `2026-01-31T12:00:00Z`".to_owned(),
    })
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

    #[test]
    fn moments_are_ago_or_in_utc() {
        let now = Timestamp(1_800_000_000_000_000_000);
        let read = |text: &str| moment(text, now).unwrap().0;
        assert_eq!(read("10m"), now.0 - 600_000_000_000);
        assert_eq!(read("1h30m ago"), now.0 - 5_400_000_000_000);
        assert_eq!(read("2026-01-31"), 1_769_817_600_000_000_000);
        assert_eq!(read("2026-01-31T00:00:01Z"), 1_769_817_601_000_000_000);
        assert_eq!(read("1769817601000000000"), 1_769_817_601_000_000_000);
        for bad in ["", "10", "2026", "2026-13-01", "yesterday", "2026-01-31T00:00:01", "12345678"]
        {
            assert!(moment(bad, now).is_err(), "{bad}");
        }
    }
}
