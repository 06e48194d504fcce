//! Globs as git compares them with names and paths (gitignore(5), fnmatch(3)).
//!
//! Bytes, not characters. Each `*` is tried from left to right; an outcome that no longer text could
//! change ends all tries, so that `a*a*a*a*b` costs no more than the product of both lengths.

/// What a slash in a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slash {
    /// A byte like any other.
    Plain,
    /// It parts folders: only `**` and a slash fit it.
    Apart,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Fits,
    /// Not here; a `*` before may take more.
    Not,
    /// Nor if a single `*` takes more: it would have to take a slash.
    NotInFolder,
    /// Nor if anything takes more: the text is too short, or the glob makes no sense.
    Never,
}

/// Whether a byte means something in a glob.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// Whether a glob fits a whole text.
pub(super) fn fits(glob: &[u8], text: &[u8], slash: Slash) -> bool {
    compare(Place { glob, at: 0 }, text, slash) == Outcome::Fits
}

/// A place in a glob: what stands before it counts, too.
#[derive(Clone, Copy)]
struct Place<'a> {
    glob: &'a [u8],
    at: usize,
}

impl Place<'_> {
    fn peek(self) -> Option<u8> {
        self.glob.get(self.at).copied()
    }

    fn after(self, count: usize) -> Self {
        Self { at: self.at + count, ..self }
    }
}

fn compare(mut place: Place<'_>, mut text: &[u8], slash: Slash) -> Outcome {
    while let Some(byte) = place.peek() {
        if byte == b'*' {
            match stars(place, text, slash) {
                Stars::Ended(outcome) => return outcome,
                Stars::Folder(rest, after) => {
                    (place, text) = (rest, after);
                    continue;
                }
            }
        }
        let Some((first, rest)) = text.split_first() else { return Outcome::Never };
        match byte {
            b'?' if slash == Slash::Apart && *first == b'/' => return Outcome::Not,
            b'?' => place = place.after(1),
            b'[' => match class(place, *first) {
                None => return Outcome::Never,
                Some((_, false)) => return Outcome::Not,
                Some(_) if slash == Slash::Apart && *first == b'/' => return Outcome::Not,
                Some((after, true)) => place = after,
            },
            b'\\' => match place.after(1).peek() {
                Some(byte) if byte == *first => place = place.after(2),
                _ => return Outcome::Not,
            },
            byte if byte == *first => place = place.after(1),
            _ => return Outcome::Not,
        }
        text = rest;
    }
    if text.is_empty() { Outcome::Fits } else { Outcome::Not }
}

enum Stars<'g, 't> {
    Ended(Outcome),
    /// A single star took the rest of a folder's name: it goes on behind the slash of both.
    Folder(Place<'g>, &'t [u8]),
}

/// From a star on.
fn stars<'g, 't>(place: Place<'g>, text: &'t [u8], slash: Slash) -> Stars<'g, 't> {
    let count = place.glob[place.at..].iter().take_while(|byte| **byte == b'*').count();
    let rest = place.after(count);
    let takes_slashes = match slash {
        Slash::Plain => true,
        Slash::Apart => count > 1 && is_alone(place, rest),
    };
    if slash == Slash::Apart && takes_slashes && rest.peek() == Some(b'/') {
        // Between slashes it may stand for no folder at all.
        if compare(rest.after(1), text, slash) == Outcome::Fits {
            return Stars::Ended(Outcome::Fits);
        }
    }
    let next_slash = text.iter().position(|byte| *byte == b'/');
    if rest.peek().is_none() {
        let fits = takes_slashes || next_slash.is_none();
        return Stars::Ended(if fits { Outcome::Fits } else { Outcome::NotInFolder });
    }
    if !takes_slashes && rest.peek() == Some(b'/') {
        return match next_slash {
            Some(at) => Stars::Folder(rest.after(1), &text[at + 1..]),
            None => Stars::Ended(Outcome::Never),
        };
    }
    for at in 0..text.len() {
        match compare(rest, &text[at..], slash) {
            Outcome::Not => {}
            Outcome::NotInFolder if takes_slashes => {}
            outcome => return Stars::Ended(outcome),
        }
        if !takes_slashes && text[at] == b'/' {
            return Stars::Ended(Outcome::NotInFolder);
        }
    }
    Stars::Ended(Outcome::Never)
}

/// Whether stars stand between slashes, or at an end.
fn is_alone(first: Place<'_>, rest: Place<'_>) -> bool {
    let before = first.at.checked_sub(1).map(|at| first.glob[at]);
    let after = &rest.glob[rest.at..];
    before.is_none_or(|byte| byte == b'/')
        && (after.is_empty() || after[0] == b'/' || after.starts_with(b"\\/"))
}

/// A class such as `[!a-z[:digit:]]`: the place behind it, and whether a byte is of it. None for one
/// that does not end, or names no kind.
fn class(place: Place<'_>, byte: u8) -> Option<(Place<'_>, bool)> {
    let mut at = place.after(1);
    let is_negated = matches!(at.peek()?, b'!' | b'^');
    if is_negated {
        at = at.after(1);
    }
    let mut is_in = false;
    let mut low: Option<u8> = None;
    let mut is_first = true;
    loop {
        let found = at.peek()?;
        if found == b']' && !is_first {
            return Some((at.after(1), is_in != is_negated));
        }
        is_first = false;
        let high_follows = || at.after(1).peek().filter(|next| *next != b']');
        match (found, low) {
            (b'-', Some(from)) if high_follows().is_some() => {
                at = at.after(1);
                if at.peek() == Some(b'\\') {
                    at = at.after(1);
                }
                is_in |= (from..=at.peek()?).contains(&byte);
                low = None;
            }
            (b'[', _) if at.after(1).peek() == Some(b':') => match kind(at)? {
                Kind::Named(after, test) => {
                    is_in |= test(&byte);
                    low = None;
                    at = after;
                    continue;
                }
                Kind::Not => {
                    is_in |= byte == b'[';
                    low = Some(b'[');
                }
            },
            _ => {
                if found == b'\\' {
                    at = at.after(1);
                }
                let member = at.peek()?;
                is_in |= member == byte;
                low = Some(member);
            }
        }
        at = at.after(1);
    }
}

enum Kind<'a> {
    /// The place behind it, and what it asks.
    Named(Place<'a>, fn(&u8) -> bool),
    /// A `[` like any other.
    Not,
}

/// `[:alpha:]`; none for a name that is not known, or where nothing closes.
fn kind(place: Place<'_>) -> Option<Kind<'_>> {
    let name = &place.glob[place.at + 2..];
    let end = name.iter().position(|byte| *byte == b']')?;
    let Some(name) = name[..end].strip_suffix(b":") else { return Some(Kind::Not) };
    let test: fn(&u8) -> bool = match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some(Kind::Named(place.after(2 + end + 1), test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_slashes() {
        for (glob, text, apart, plain) in [
            ("*", "a/b", false, true),
            ("a/*", "a/b", true, true),
            ("a/*", "a/b/c", false, true),
            ("a/**", "a/b/c", true, true),
            ("**/c", "c", true, false),
            ("**/c", "a/b/c", true, true),
            ("a/**/c", "a/c", true, false),
            ("a/**/c", "a/b/b/c", true, true),
            ("a**/c", "ab/c", true, true),
            ("a**/c", "ab/d/c", false, true),
            ("*/c", "ab/c", true, true),
            ("a?c", "a/c", false, true),
            ("[!a]", "/", false, true),
            ("**", "", true, true),
        ] {
            let found = [Slash::Apart, Slash::Plain]
                .map(|slash| fits(glob.as_bytes(), text.as_bytes(), slash));
            assert_eq!(found, [apart, plain], "{glob} {text}");
        }
        // No try costs more than both lengths together, many times over.
        let (glob, text) = (b"*a".repeat(60), b"a".repeat(4_000));
        assert!(!fits(&[&glob[..], b"b"].concat(), &text, Slash::Apart));
    }
}
