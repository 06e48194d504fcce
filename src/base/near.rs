//! The names that somebody may have meant.

use super::limits::NEAR_NAMES_MAX;

/// The known names that are nearest to what was written, nearest first.
pub fn near(name: &str, known: Vec<String>) -> Vec<String> {
    let mut rated: Vec<(usize, String)> =
        known.into_iter().map(|known| (distance(name, &known), known)).collect();
    rated.retain(|(distance, known)| *distance <= 1 + known.chars().count() / 3);
    rated.sort();
    rated.into_iter().take(NEAR_NAMES_MAX).map(|(_, known)| known).collect()
}

/// Levenshtein's distance in characters; names are at most 200 bytes.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = || ["main", "maple", "release"].map(str::to_owned).to_vec();
        assert_eq!(near("mian", known()), ["main"]);
        assert_eq!(near("zzzzzz", known()), Vec::<String>::new());
    }
}
