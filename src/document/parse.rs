//! The reader of JSON text: RFC 8259 and nothing beside it.
//!
//! Stricter than the RFC where it leaves a choice that would lose something: a key that stands
//! twice, half of a surrogate pair and a byte order mark are refused, unless the caller takes texts as
//! programs write them: [`Json::parse_mended`] says what it put right. Depth is bounded by
//! `DOCUMENT_DEPTH_MAX`, so that no input overflows the stack.

use std::collections::BTreeMap;

use super::json::{Json, Number};
use crate::base::limits::DOCUMENT_DEPTH_MAX;

/// Why a text is no JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read the JSON text: {reason} (line {line}, column {column}, byte {offset})")]
pub struct JsonError {
    /// What is wrong.
    pub reason: &'static str,
    /// Where, in bytes from the start.
    pub offset: usize,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Json {
    /// Reads one JSON value, with white space around it.
    ///
    /// # Errors
    /// [`JsonError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        Self::parse_within(bytes, DOCUMENT_DEPTH_MAX)
    }

    /// As [`Json::parse`], with so many nested levels at most.
    pub(super) fn parse_within(bytes: &[u8], depth_max: usize) -> Result<Self, JsonError> {
        let error = |(offset, reason)| located(bytes, offset, reason);
        let text = std::str::from_utf8(bytes)
            .map_err(|fault| error((fault.valid_up_to(), "it is not UTF-8")))?;
        let mut reader = Reader { text, at: 0, depth_max, halves: None };
        reader.document().map_err(error)
    }

    /// As [`Json::parse`], for texts as programs write them: a byte order mark is passed over, and half of a
    /// surrogate pair (a string that was cut within a character, as JavaScript and Python write it) becomes
    /// U+FFFD. How many halves there were.
    ///
    /// # Errors
    /// As [`Json::parse`], for anything else.
    pub fn parse_mended(bytes: &[u8]) -> Result<(Self, usize), JsonError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match (Self::parse(bytes), std::str::from_utf8(bytes)) {
            (Err(error), Ok(text)) if error.reason == HALF => {
                let (depth_max, halves) = (DOCUMENT_DEPTH_MAX, Some(0));
                let mut reader = Reader { text, at: 0, depth_max, halves };
                let value = reader.document();
                // What else is wrong with it stands further behind.
                let value = value.map_err(|(offset, reason)| located(bytes, offset, reason))?;
                Ok((value, reader.halves.unwrap_or(0)))
            }
            (parsed, _) => parsed.map(|value| (value, 0)),
        }
    }
}

/// The rule that half of a surrogate pair breaks.
const HALF: &str = "half of a surrogate pair stands alone";

fn located(bytes: &[u8], offset: usize, reason: &'static str) -> JsonError {
    let before = String::from_utf8_lossy(&bytes[..offset]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    JsonError { reason, offset, line, column }
}

type Fault = (usize, &'static str);

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth_max: usize,
    /// Halves of surrogate pairs that were replaced; none where they are refused.
    halves: Option<usize>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Json, Fault> {
        let value = self.value(0)?;
        self.space();
        if self.at < self.text.len() {
            self.fault("something follows the value")
        } else {
            Ok(value)
        }
    }

    fn fault<T>(&self, reason: &'static str) -> Result<T, Fault> {
        Err((self.at, reason))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes the byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        self.space();
        match self.peek() {
            None => self.fault("a value is missing"),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[' | b'{') if depth >= self.depth_max => {
                self.fault("it is nested too deeply (128 levels at most)")
            }
            Some(b'[') => self.list(depth),
            Some(b'{') => self.map(depth),
            Some(_) => self.fault("no value begins so"),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Fault> {
        if !self.text[self.at..].starts_with(word) {
            return self.fault("only `null`, `true` and `false` are words");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let rest = &self.text[self.at..];
        let belongs = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(|b| belongs(*b)).count();
        match Number::new(&rest[..length]) {
            None => self.fault("it is no JSON number"),
            Some(number) => {
                self.at += length;
                Ok(Json::Number(number))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::List(items));
            }
            if !self.take(b',') {
                return self.fault("`,` or `]` is missing");
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Map(entries));
        }
        loop {
            self.space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return self.fault("a key (a string) is missing");
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return self.fault("`:` is missing");
            }
            let value = self.value(depth + 1)?;
            if entries.insert(key, value).is_some() {
                return Err((key_at, "the key stands twice in its map"));
            }
            self.space();
            if self.take(b'}') {
                return Ok(Json::Map(entries));
            }
            if !self.take(b',') {
                return self.fault("`,` or `}` is missing");
            }
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut content = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().take_while(|b| !matches!(b, b'"' | b'\\' | 0..0x20)).count();
            content.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => content.push(self.escape()?),
                Some(_) => return self.fault("a control character stands in a string unescaped"),
                None => return self.fault("a string does not end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let begin = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(begin),
            _ => return Err((begin, "there is no such escape")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self, begin: usize) -> Result<char, Fault> {
        let half = (begin, HALF);
        let first = self.four_digits(begin)?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(half);
        }
        let next_is_escape = self.text.as_bytes()[self.at..].starts_with(b"\\u");
        if first >= 0xdc00 || !next_is_escape {
            return self.replaced(half);
        }
        let before = self.at;
        self.at += 1;
        let second = self.four_digits(begin)?;
        if !(0xdc00..0xe000).contains(&second) {
            // It is read again, for itself.
            self.at = before;
            return self.replaced(half);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(half)
    }

    fn replaced(&mut self, half: Fault) -> Result<char, Fault> {
        let halves = self.halves.as_mut().ok_or(half)?;
        *halves += 1;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// Reads `uXXXX`.
    fn four_digits(&mut self, begin: usize) -> Result<u32, Fault> {
        let fault = (begin, "`\\u` needs four hexadecimal digits");
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).ok_or(fault)?;
        let digit = |b: &u8| char::from(*b).to_digit(16);
        let number = digits.iter().try_fold(0, |sum, b| Some(sum * 16 + digit(b)?)).ok_or(fault)?;
        self.at += 5;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_as_programs_write_them_are_put_right() {
        for (text, value, halves) in [
            (r#""cut \ud83d""#, "cut \u{fffd}", 1),
            (r#""\ude00\ud83d\ud83d\ude00x""#, "\u{fffd}\u{fffd}\u{1f600}x", 2),
            (r#""\ud83dA""#, "\u{fffd}A", 1),
            ("\u{feff}\"a\"", "a", 0),
        ] {
            let parsed = Json::parse_mended(text.as_bytes()).unwrap();
            assert_eq!(parsed, (Json::String(value.to_owned()), halves), "{text}");
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        // What else is wrong is refused, at its own place.
        let error = Json::parse_mended(br#"["\ud83d", NaN]"#).unwrap_err();
        assert_eq!((error.column, error.reason), (12, "no value begins so"));
    }
}
