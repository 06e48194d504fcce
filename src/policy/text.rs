//! Numbers in the sentences of this room: as exact as a reader needs, no more.

/// A share as a percentage with at most one decimal.
pub fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A number with four digits that count, without zeros at the end.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor().clamp(-12.0, 12.0) as i32;
    let decimals = usize::try_from(3 - magnitude).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let cases = [
            (0.1 + 0.2, "0.3"),
            (1.05, "1.05"),
            (12.34567, "12.35"),
            (123_456.7, "123457"),
            (0.000_123_456, "0.0001235"),
            (-2.5, "-2.5"),
            (100.0, "100"),
            (0.0, "0"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(
            (percent(0.3), percent(0.125), percent(1.0)),
            ("30 %".into(), "12.5 %".into(), "100 %".into())
        );
    }
}
