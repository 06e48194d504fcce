//! Where the values of a JSON text stand, so that one can be put in or taken out of a person's file
//! and every other byte stays as it was: order, indentation, ends of lines.
//!
//! Knows nothing of what the text means. Wants text that `serde_json` took, which bounds its depth.

use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// A value's place.
pub struct Spot {
    /// From its first byte to behind its last.
    pub range: Range<usize>,
    /// What it holds: members with their key, elements without.
    children: Vec<Child>,
}

struct Child {
    key: Option<String>,
    /// Where it begins: its key, if it has one.
    start: usize,
    value: Spot,
}

impl Spot {
    /// The places in a text; none where it is not JSON.
    pub fn of(text: &str) -> Option<Self> {
        Scan { text, at: 0, depth: 0 }.value()
    }

    /// The value of a key, the last one if there are several, as readers of JSON take it.
    pub fn member(&self, key: &str) -> Option<&Self> {
        let child = self.children.iter().rev().find(|child| child.key.as_deref() == Some(key));
        child.map(|child| &child.value)
    }

    /// The number of that member.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.children.iter().rposition(|child| child.key.as_deref() == Some(key))
    }

    /// The elements or the members' values.
    pub fn values(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().map(|child| &child.value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.children.len()
    }
}

/// The text with a value put in last, under a key if the place is an object: on a line of its own
/// where what stands there already does.
pub fn with(text: &str, place: &Spot, key: Option<&str>, value: &impl Serialize) -> String {
    let Range { start, end } = place.range;
    let key = key.map(|key| format!("{}: ", serde_json::Value::from(key))).unwrap_or_default();
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (first, last) = (place.children.first(), place.children.last());
    let in_one_line = first.is_some_and(|first| !text[start..first.start].contains('\n'));
    if let (true, Some(last)) = (in_one_line, last) {
        let (before, after) = text.split_at(last.value.range.end);
        return format!("{before}, {key}{}{after}", serde_json::json!(value));
    }
    let unit = unit(text);
    let outer = indent(text, start);
    let inner = first.map_or_else(|| format!("{outer}{unit}"), |c| indent(text, c.start).into());
    let value = pretty(value, unit).replace('\n', &format!("{newline}{inner}"));
    match last {
        Some(last) => {
            let (before, after) = text.split_at(last.value.range.end);
            format!("{before},{newline}{inner}{key}{value}{after}")
        }
        None => {
            let (before, after) = (&text[..=start], &text[end - 1..]);
            format!("{before}{newline}{inner}{key}{value}{newline}{outer}{after}")
        }
    }
}

/// The text without one of the children of a place.
pub fn without(text: &str, place: &Spot, number: usize) -> String {
    let children = &place.children;
    let gone = match (number.checked_sub(1).and_then(|n| children.get(n)), children.get(number + 1))
    {
        (Some(before), _) => before.value.range.end..children[number].value.range.end,
        (None, Some(after)) => children[number].start..after.start,
        (None, None) => place.range.start + 1..place.range.end - 1,
    };
    format!("{}{}", &text[..gone.start], &text[gone.end..])
}

/// What the line at that place begins with.
fn indent(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    &line[..line.len() - line.trim_start().len()]
}

/// What one level is indented with: that of the first line that is.
fn unit(text: &str) -> &str {
    let indents = text.lines().map(|line| &line[..line.len() - line.trim_start().len()]);
    indents
        .filter(|indent| !indent.is_empty())
        .find(|i| !i.trim_end_matches('\r').is_empty())
        .unwrap_or("  ")
}

fn pretty(value: &impl Serialize, unit: &str) -> String {
    let mut bytes = Vec::new();
    let format = PrettyFormatter::with_indent(unit.as_bytes());
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, format));
    written.ok().and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// How deep values may lie in each other, as for other readers of JSON.
const DEPTH_MAX: usize = 128;

struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Scan<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self) -> Option<Spot> {
        let first = self.peek()?;
        let start = self.at;
        let children = match first {
            b'{' => self.children(b'}', true)?,
            b'[' => self.children(b']', false)?,
            b'"' => {
                self.string()?;
                Vec::new()
            }
            _ => {
                let rest = &self.text[start..];
                let ends = [',', ']', '}', ' ', '\t', '\n', '\r'];
                let length = rest.find(ends).unwrap_or(rest.len());
                // Nothing stands where something must: without this the scan would not move on.
                (length > 0).then_some(())?;
                self.at += length;
                Vec::new()
            }
        };
        Some(Spot { range: start..self.at, children })
    }

    fn children(&mut self, end: u8, keyed: bool) -> Option<Vec<Child>> {
        let mut children = Vec::new();
        self.at += 1;
        self.depth += 1;
        (self.depth < DEPTH_MAX).then_some(())?;
        while self.peek()? != end {
            let start = self.at;
            let mut key = None;
            if keyed {
                key = Some(self.string()?);
                (self.peek()? == b':').then_some(())?;
                self.at += 1;
            }
            children.push(Child { key, start, value: self.value()? });
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(children)
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += 1;
        while *bytes.get(self.at)? != b'"' {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;

    #[track_caller]
    fn check(before: &str, after: &str) {
        let spot = Spot::of(before).unwrap();
        assert_eq!(with(before, &spot, Some("new"), &[1]), after);
        let back = Spot::of(after).unwrap();
        let number = back.position("new").unwrap();
        let cut: serde_json::Value = serde_json::from_str(&without(after, &back, number)).unwrap();
        assert_eq!(cut, serde_json::from_str::<serde_json::Value>(before).unwrap());
    }

    #[test]
    fn a_member_is_put_in_as_the_others_stand() {
        check(r#"{"z":1,"a":"},\"{"}"#, r#"{"z":1,"a":"},\"{", "new": [1]}"#);
        check("{}\n", "{\n  \"new\": [\n    1\n  ]\n}\n");
        check("{\n\t\"z\" : 1\n}", "{\n\t\"z\" : 1,\n\t\"new\": [\n\t\t1\n\t]\n}");
        check(
            "{\r\n    \"z\": [1, 2]\r\n}\r\n",
            "{\r\n    \"z\": [1, 2],\r\n    \"new\": [\r\n        1\r\n    ]\r\n}\r\n",
        );
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest() {
        let text = "[1, {\"a\": [true]}, 3]";
        let spot = Spot::of(text).unwrap();
        assert_eq!(without(text, &spot, 0), "[{\"a\": [true]}, 3]");
        assert_eq!(without(text, &spot, 1), "[1, 3]");
        assert_eq!(spot.values().nth(1).unwrap().member("a").unwrap().len(), 1);
        assert!(Spot::of("{\"a\"").is_none() && Spot::of("").is_none());
    }

    /// A text is JSON for this as for others, and stays it when a member is put in.
    #[test]
    fn fuzzed_texts_are_none_or_stay_json() {
        let sample = r#"{"hooks": {"a": [1, {"b": "x\u00e4\n"}], "c": null}, "d": -1.5e3}"#;
        fuzz("settings", &[sample.as_bytes().to_vec()], (0, 3_000), |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let Some(spot) = Spot::of(&text) else { return false };
            let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            if is_json && text.trim_start().starts_with('{') {
                let after = with(&text, &spot, Some("new"), &[1]);
                serde_json::from_str::<serde_json::Value>(&after).unwrap();
            }
            true
        });
        assert!(Spot::of(&"[".repeat(1_000_000)).is_none());
        assert!(Spot::of(&"{\"a\":".repeat(1_000_000)).is_none());
    }
}
