//! Tells code from comments, strings and characters, as the reference of the language defines them.

use super::scan::is_word;

/// Blanks comments, strings and characters; keeps lengths and lines.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        match other_than_code(bytes, at) {
            Some(end) => {
                let part = out[at..end].iter_mut();
                part.filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
                at = end;
            }
            None if is_word(bytes[at]) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
            }
            None => at += 1,
        }
    }
    String::from_utf8(out).expect("whole characters were kept or blanked")
}

/// The end of the comment, string or character that begins there, if one does.
fn other_than_code(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return Some(at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()));
    }
    if rest.starts_with(b"/*") {
        return Some(end_of_block_comment(bytes, at));
    }
    if rest[0] == b'\'' {
        return end_of_character(bytes, at);
    }
    let prefix = rest.iter().take_while(|b| matches!(b, b'b' | b'c' | b'r')).count();
    if prefix > 2 {
        return None;
    }
    let raw = rest[..prefix].contains(&b'r');
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    let quote = rest.get(prefix + hashes) == Some(&b'"');
    match (raw, quote) {
        (true, true) => Some(end_of_raw_string(bytes, at + prefix + hashes + 1, hashes)),
        (false, true) if hashes == 0 => Some(end_of_string(bytes, at + prefix + 1)),
        _ if rest.starts_with(b"b'") => end_of_character(bytes, at + 1),
        _ => None,
    }
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_raw_string(bytes: &[u8], mut at: usize, hashes: usize) -> usize {
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    while at < bytes.len() && !bytes[at..].starts_with(&close) {
        at += 1;
    }
    (at + close.len()).min(bytes.len())
}

/// A character ends with a quote; what does not is a lifetime, which is code.
fn end_of_character(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        let close = bytes[at + 3..].iter().position(|b| *b == b'\'')?;
        return Some(at + 3 + close + 1);
    }
    let length = match first {
        0..0x80 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str) {
        assert_eq!(blank(text).split_whitespace().collect::<Vec<_>>().join(" "), code);
        assert_eq!(blank(text).len(), text.len());
    }

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check(r#"a("b \" c", d)"#, "a( , d)");
        check(r###"a(r#"b " c"#, br"d\", c"e")"###, "a( , , )");
        check(r"a('x', '\'', '\u{1F600}', b'\n', 'ä', '😀', '\\')", "a( , , , , , , )");
        check("fn a<'x>(b: &'x str, c: &'static str)", "fn a<'x>(b: &'x str, c: &'static str)");
        check("r#type bar\"x\" // \"", "r#type bar");
        check("// it's\nlet a = \"// no\"; b", "let a = ; b");
    }
}
