//! Equality as the operation `test` means it.
//!
//! Everywhere else numbers are equal when their texts are, so that no digit is lost. RFC 6902
//! demands equal values here: `1`, `1.0` and `10e-1`. Compared exactly, without rounding.

use crate::document::{Json, Number};

/// Whether two values are equal when numbers are compared by value.
pub fn is_numerically_equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || same_number(a, b),
        (Json::List(a), Json::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_numerically_equal(a, b))
        }
        (Json::Map(a), Json::Map(b)) => {
            let same = |(a, b): ((&String, &Json), (&String, &Json))| {
                a.0 == b.0 && is_numerically_equal(a.1, b.1)
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    match (Decimal::of(a.as_str()), Decimal::of(b.as_str())) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// A number in the one form that its value has: no zeros at either end of its digits.
#[derive(PartialEq)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// Of ten, times the digits as a whole number.
    exponent: i128,
}

impl Decimal {
    /// None where the exponent has more than 30 digits: such numbers are equal when their texts are.
    fn of(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let magnitude = exponent.trim_start_matches(['+', '-']).trim_start_matches('0');
        if magnitude.len() > 30 {
            return None;
        }
        let magnitude = if magnitude.is_empty() { 0 } else { magnitude.parse::<i128>().ok()? };
        let mut exponent = if exponent.starts_with('-') { -magnitude } else { magnitude };
        exponent -= fraction.len() as i128;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        Some(Self { is_negative, digits, exponent })
    }
}
