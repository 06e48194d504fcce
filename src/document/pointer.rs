//! JSON pointers (RFC 6901): where something stands in a document.

use std::fmt;
use std::str::FromStr;

use super::error::DocumentError;

/// A place in a document; the empty one is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A place from its parts, unescaped.
    pub fn of(parts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// The place of a key or position below this one.
    pub fn join(&self, part: impl Into<String>) -> Self {
        let mut parts = self.0.clone();
        parts.push(part.into());
        Self(parts)
    }

    /// The parts, unescaped.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Pointer {
    type Err = DocumentError;

    /// Reads `/a/0/b~1c`; the empty text is the root.
    fn from_str(text: &str) -> Result<Self, DocumentError> {
        let bad = |reason| DocumentError::BadPointer { pointer: text.to_owned(), reason };
        if text.is_empty() {
            return Ok(Self::root());
        }
        let rest = text.strip_prefix('/').ok_or_else(|| bad("it does not begin with `/`"))?;
        let part = |part: &str| unescape(part).ok_or_else(|| bad("`~` is only in `~0` and `~1`"));
        rest.split('/').map(part).collect::<Result<_, _>>().map(Self)
    }
}

fn unescape(part: &str) -> Option<String> {
    let mut pieces = part.split('~');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (escaped, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', &piece[1..]),
            b'1' => ('/', &piece[1..]),
            _ => return None,
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Some(text)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|part| write!(f, "/{}", part.replace('~', "~0").replace('/', "~1")))
    }
}

/// A position in a list: digits without a leading zero.
pub(super) fn position(part: &str) -> Option<u64> {
    let canonical = part == "0" || !part.starts_with('0');
    let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if canonical && digits { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_those_of_the_rfc() {
        for text in ["", "/", "/a/0", "/a~1b/m~0n/~01", "//", "/ä/\""] {
            assert_eq!(text.parse::<Pointer>().unwrap().to_string(), text);
        }
        assert_eq!("/a~1b/~01".parse::<Pointer>().unwrap().parts(), ["a/b", "~1"]);
        for text in ["a", "/~", "/~2", "/a~"] {
            assert!(text.parse::<Pointer>().is_err(), "{text}");
        }
        assert_eq!(position("10"), Some(10));
        for text in ["", "01", "+1", "-", "1a", "99999999999999999999"] {
            assert_eq!(position(text), None, "{text}");
        }
    }
}
