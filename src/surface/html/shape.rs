//! How numbers and sentences look on a page.

use super::escape::escape;

/// A number with four significant digits, thousands apart: what a person compares at a glance.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}").replace("-0", "0");
    }
    let magnitude = value.abs().log10().floor();
    let decimals = (3.0 - magnitude).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

/// A change against the base, in per cent.
pub fn change(ratio: f64) -> String {
    let percent = (ratio - 1.0) * 100.0;
    match percent {
        p if p.abs() < 0.05 => "±0 %".to_owned(),
        p if p.abs() < 10.0 => format!("{p:+.1} %").replace('-', "−"),
        p => format!("{p:+.0} %").replace('-', "−"),
    }
}

/// Bytes with a unit.
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

/// A sentence; what stands between backticks as code.
pub fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A name of at most that many characters; the page gives the whole one elsewhere.
pub fn short_name(name: &str, characters: usize) -> String {
    match name.chars().count() > characters {
        true => name.chars().take(characters - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_right() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (100.0, "100"),
            (-20.0, "−20"),
            (0.000_290_04, "0.00029"),
            (123_456_789.0, "123\u{202f}456\u{202f}789"),
            (1234.56, "1\u{202f}235"),
            (2.345_67, "2.346"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(change(1.0), "±0 %");
        assert_eq!(change(0.5), "−50 %");
        assert_eq!(change(1.083), "+8.3 %");
    }

    #[test]
    fn code_in_sentences_is_marked_and_nothing_else() {
        assert_eq!(prose("`<a>` leads"), "<code>&lt;a&gt;</code> leads");
        assert_eq!(prose("an odd ` <b>"), "an odd ` &lt;b&gt;");
        assert_eq!(short_name("abcdef", 4), "abc…");
    }
}
