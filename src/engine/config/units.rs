//! Durations, sizes and shares as people write them. Whole numbers throughout, checked for
//! overflow; a number without a unit is refused, because the reader would have to guess one.

/// Reads `90s`, `10m`, `1h30m`, `250ms` as milliseconds. More than zero.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let wanted = || format!("`{text}` is no duration; write such as `90s`, `10m` or `1h30m`");
    let (mut rest, mut total, mut last) = (text.trim(), 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(wanted)?;
        let length = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match &after[..length] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wanted()),
        };
        if unit >= last {
            return Err(wanted());
        }
        last = unit;
        total = number.checked_mul(unit).and_then(|n| n.checked_add(total)).ok_or_else(wanted)?;
        rest = after[length..].trim_start();
    }
    if total == 0 { Err(wanted()) } else { Ok(total) }
}

/// Reads `2GiB`, `500 MB`, `64KiB`, `100B` as bytes.
pub fn size_bytes(text: &str) -> Result<u64, String> {
    let wanted = || format!("`{text}` is no size; write such as `2GiB` or `500MB`");
    let (number, unit) = leading_number(text.trim()).ok_or_else(wanted)?;
    let factor = match unit.trim_start() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(wanted()),
    };
    number.checked_mul(factor).ok_or_else(wanted)
}

/// Reads `30%` or `0.3` as a share.
pub fn share(text: &str) -> Result<f64, String> {
    let wanted = || format!("`{text}` is no share; write such as 0.30 or \"30%\"");
    let (number, scale) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| wanted())?;
    if number.is_finite() && number >= 0.0 { Ok(number / scale) } else { Err(wanted()) }
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let length = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..length].parse().ok()?, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1h 5s", 3_605_000),
        ] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        for bad in ["", "10", "s", "1x", "30m1h", "1s1s", "-1s", "1.5s", "0s", "99999999999999999d"]
        {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_shares() {
        assert_eq!(size_bytes("2GiB"), Ok(2 << 30));
        assert_eq!(size_bytes("500 MB"), Ok(500_000_000));
        for bad in ["", "10", "10 gib", "GiB", "1.5GiB", "99999999TiB"] {
            assert!(size_bytes(bad).is_err(), "{bad}");
        }
        assert_eq!(share("30%"), Ok(0.3));
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["", "x", "-1", "nan", "30 percent"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
