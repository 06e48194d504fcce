//! The part of the file about the states of sessions.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::error::ConfigError;
use super::model::States;
use super::raw::{Duration, Place};
use crate::document::{ListKeys, PointerPattern};

/// The table `[state]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RawState {
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    quick: Option<bool>,
    verify: Option<bool>,
    identity: Option<Spanned<RawIdentity>>,
    interval: Option<Duration>,
    cache: Option<Spanned<i64>>,
}

/// One field for all lists, or fields by patterns.
enum RawIdentity {
    Field(String),
    At(BTreeMap<Spanned<String>, Spanned<String>>),
}

impl<'de> Deserialize<'de> for RawIdentity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdentityVisitor)
    }
}

struct IdentityVisitor;

impl<'de> Visitor<'de> for IdentityVisitor {
    type Value = RawIdentity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field, or a table of patterns and fields")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawIdentity, E> {
        Ok(RawIdentity::Field(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawIdentity, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((pattern, field)) = map.next_entry()? {
            fields.insert(pattern, field);
        }
        Ok(RawIdentity::At(fields))
    }
}

impl RawState {
    /// Checks what the parser cannot see.
    pub fn check(self, place: Place<'_>) -> Result<States, ConfigError> {
        let default = States::default();
        let pattern = |raw: &Spanned<String>| pattern(place, "ignore", raw);
        let cache = match &self.cache {
            Some(count) => usize::try_from(*count.get_ref()).map_err(|_| {
                place.fault(count.span(), "cache", "`cache` is a number of states, 0 or more")
            })?,
            None => default.cache,
        };
        Ok(States {
            ignore: self.ignore.iter().map(pattern).collect::<Result<_, _>>()?,
            quick: self.quick.unwrap_or(default.quick),
            verify: self.verify.unwrap_or(default.verify),
            identity: identity(place, self.identity)?,
            interval_ms: self.interval.map_or(default.interval_ms, |interval| interval.0),
            cache,
        })
    }
}

fn pattern(
    place: Place<'_>,
    key: &str,
    raw: &Spanned<String>,
) -> Result<PointerPattern, ConfigError> {
    raw.get_ref().parse().map_err(|error: crate::document::DocumentError| {
        place.fault(raw.span(), key, error.to_string())
    })
}

fn identity(place: Place<'_>, raw: Option<Spanned<RawIdentity>>) -> Result<ListKeys, ConfigError> {
    let Some(raw) = raw else {
        return Ok(ListKeys::default());
    };
    let empty = |span| place.fault(span, "identity", "the name of a field is not empty");
    let span = raw.span();
    match raw.into_inner() {
        RawIdentity::Field(field) if field.is_empty() => Err(empty(span)),
        RawIdentity::Field(field) => Ok(ListKeys::everywhere(field)),
        RawIdentity::At(fields) => {
            // In the order of the file: of several patterns that match, the first counts.
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by_key(|(pattern, _)| pattern.span().start);
            fields.into_iter().try_fold(ListKeys::by_position(), |keys, (at, field)| {
                if field.get_ref().is_empty() {
                    return Err(empty(field.span()));
                }
                Ok(keys.with(pattern(place, "identity", &at)?, field.into_inner()))
            })
        }
    }
}
