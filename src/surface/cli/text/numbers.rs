//! Measured numbers for people: a few digits, a unit, a change.

/// A measured number with its unit.
pub fn value(value: f64, unit: &str) -> String {
    let number = significant(value);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// A ratio as a change: `-50 %`, `±0 %`, `×12`; none for what is no ratio of two measured things.
pub fn change(ratio: f64) -> Option<String> {
    if !ratio.is_finite() || ratio <= 0.0 {
        return None;
    }
    let percent = ((ratio - 1.0) * 100.0).round();
    Some(match percent {
        0.0 => "±0 %".to_owned(),
        900.0.. => format!("×{ratio:.0}"),
        percent => format!("{percent:+.0} %"),
    })
}

/// A number with four significant digits; a whole one as it is.
fn significant(value: f64) -> String {
    if !value.is_finite() || (value.fract() == 0.0 && value.abs() < 1e15) {
        return value.to_string();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    format!("{value:.*}", usize::try_from(digits.clamp(0, 9)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        assert_eq!(significant(12.3456), "12.35");
        assert_eq!(significant(0.001_234_56), "0.001235");
        assert_eq!(significant(123_456.7), "123457");
        assert_eq!(significant(0.0), "0");
        assert_eq!((significant(5.0), significant(-120.0)), ("5".to_owned(), "-120".to_owned()));
        assert_eq!((value(5.5, "ms"), value(5.5, "")), ("5.500 ms".to_owned(), "5.500".to_owned()));
    }

    #[test]
    fn changes_are_short() {
        let shown = |ratio| change(ratio).unwrap_or_default();
        assert_eq!([0.5, 1.812, 1.001, 0.999].map(shown), ["-50 %", "+81 %", "±0 %", "±0 %"]);
        assert_eq!([12.3, 0.0, -1.0, f64::NAN].map(shown), ["×12", "", "", ""]);
    }
}
