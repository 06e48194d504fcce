//! Patterns over JSON pointers: which places of a document are meant.
//!
//! Guarantees that a match costs at most the parts of the pattern times those of the pointer.
//! Knows nothing of values, so that a list's position is a part like any key.

use std::fmt;
use std::str::FromStr;

use super::error::DocumentError;
use super::pointer::Pointer;

/// A pattern over JSON pointers, such as `/meta/*/seen`: `*` stands for one part, whatever it is,
/// `**` for any number of parts, also none. Every other part stands for itself, with `~0` for `~`,
/// `~1` for `/` and, beyond RFC 6901, `~2` for `*`: an asterisk inside a part is refused otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointerPattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Piece {
    Part(String),
    One,
    Any,
}

impl PointerPattern {
    /// Whether it means this place.
    pub fn matches(&self, pointer: &Pointer) -> bool {
        self.matches_parts(pointer.parts())
    }

    /// Whether it means this place or one that it stands in: what is below an ignored place is
    /// ignored, too.
    pub fn covers(&self, pointer: &Pointer) -> bool {
        let parts = pointer.parts();
        (0..=parts.len()).any(|depth| self.matches_parts(&parts[..depth]))
    }

    /// Goes back only to the last `**`: what an earlier one could take instead, that one can, too.
    fn matches_parts(&self, parts: &[String]) -> bool {
        let (mut at, mut piece_at) = (0, 0);
        let mut last_any: Option<(usize, usize)> = None;
        while at < parts.len() {
            match (self.0.get(piece_at), &mut last_any) {
                (Some(Piece::Any), _) => {
                    last_any = Some((piece_at + 1, at));
                    piece_at += 1;
                }
                (Some(Piece::One), _) => (at, piece_at) = (at + 1, piece_at + 1),
                (Some(Piece::Part(part)), _) if *part == parts[at] => {
                    (at, piece_at) = (at + 1, piece_at + 1);
                }
                (_, Some((after, from))) => {
                    *from += 1;
                    (at, piece_at) = (*from, *after);
                }
                _ => return false,
            }
        }
        self.0[piece_at..].iter().all(|piece| *piece == Piece::Any)
    }
}

impl FromStr for PointerPattern {
    type Err = DocumentError;

    fn from_str(text: &str) -> Result<Self, DocumentError> {
        let bad = |reason| DocumentError::BadPattern { pattern: text.to_owned(), reason };
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or_else(|| bad("it does not begin with `/`"))?;
        rest.split('/').map(|part| piece(part).map_err(bad)).collect::<Result<_, _>>().map(Self)
    }
}

fn piece(text: &str) -> Result<Piece, &'static str> {
    match text {
        "*" => return Ok(Piece::One),
        "**" => return Ok(Piece::Any),
        _ if text.contains('*') => {
            return Err("`*` and `**` stand for whole parts (`~2` is an asterisk in a key)");
        }
        _ => {}
    }
    let mut pieces = text.split('~');
    let mut part = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        part.push(match piece.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            Some(b'2') => '*',
            _ => return Err("`~` is only in `~0`, `~1` and `~2`"),
        });
        part.push_str(&piece[1..]);
    }
    Ok(Piece::Part(part))
}

impl fmt::Display for PointerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::One => f.write_str("/*"),
            Piece::Any => f.write_str("/**"),
            Piece::Part(part) => {
                let part = part.replace('~', "~0").replace('/', "~1").replace('*', "~2");
                write!(f, "/{part}")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> PointerPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_means_places() {
        for (text, places, others) in [
            ("", &[""][..], &["/", "/a"][..]),
            ("/updated_at", &["/updated_at"], &["", "/a/updated_at", "/updated_at/x"]),
            ("/meta/*/seen", &["/meta/a/seen", "/meta//seen", "/meta/0/seen"], &["/meta/seen"]),
            ("/**/counter", &["/counter", "/a/counter", "/a/b/counter"], &["", "/counter/a"]),
            ("/a/**", &["/a", "/a/b/c"], &["", "/b", "/aa"]),
            ("/a/**/b/**/c", &["/a/b/c", "/a/x/b/b/y/c", "/a/b/c/b/c"], &["/a/c", "/a/b/c/d"]),
            ("/**/*/x", &["/a/x", "/x/x", "/a/b/x"], &["/x", "/x/x/y"]),
            ("/**", &["", "/a", "/a/b"], &[]),
            ("/a~1b/m~0n/~2", &["/a~1b/m~0n/*"], &["/a~1b/m~0n/x"]),
        ] {
            for place in places {
                assert!(pattern(text).matches(&place.parse().unwrap()), "{text} {place}");
            }
            for place in others {
                assert!(!pattern(text).matches(&place.parse().unwrap()), "{text} {place}");
            }
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_below_a_place_is_covered() {
        let covers = |text: &str, place: &str| pattern(text).covers(&place.parse().unwrap());
        assert!(covers("/meta/*/seen", "/meta/a/seen/at/0"));
        assert!(covers("/meta/*/seen", "/meta/a/seen"));
        assert!(!covers("/meta/*/seen", "/meta/a"));
        assert!(covers("", "/a"));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for (text, reason) in [
            ("a", "it does not begin with `/`"),
            ("/a*", "`*` and `**` stand for whole parts (`~2` is an asterisk in a key)"),
            ("/***", "`*` and `**` stand for whole parts (`~2` is an asterisk in a key)"),
            ("/~", "`~` is only in `~0`, `~1` and `~2`"),
            ("/~ä", "`~` is only in `~0`, `~1` and `~2`"),
        ] {
            let error = text.parse::<PointerPattern>().unwrap_err().to_string();
            assert_eq!(error, format!("could not read `{text}` as a pattern of places: {reason}"));
        }
    }

    /// Many `**` that cannot match end soon.
    #[test]
    fn matching_is_not_exponential() {
        let text = "/**/a".repeat(60) + "/b";
        assert!(!pattern(&text).matches(&Pointer::of(vec!["a"; 2_000])));
    }

    fn plainly(pieces: &[Piece], parts: &[String]) -> bool {
        match pieces.split_first() {
            None => parts.is_empty(),
            Some((Piece::Any, rest)) => (0..=parts.len()).any(|at| plainly(rest, &parts[at..])),
            Some((piece, rest)) => parts.split_first().is_some_and(|(first, after)| {
                (*piece == Piece::One || *piece == Piece::Part(first.clone()))
                    && plainly(rest, after)
            }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn matching_is_what_it_plainly_means(
            text in "(/(a|b|\\*|\\*\\*)){0,6}",
            place in "(/(a|b|c)){0,6}",
        ) {
            let (pattern, place) = (pattern(&text), place.parse::<Pointer>().unwrap());
            prop_assert_eq!(pattern.matches(&place), plainly(&pattern.0, place.parts()));
        }
    }
}
