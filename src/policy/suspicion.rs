//! What makes a result suspicious: shown beside it, never a reason to decide alone.

use super::comparison::{MetricChange, TestComparison};
use super::limits::Limits;
use super::text::number;
use crate::base::path::TreePath;
use crate::object::evaluation::Better;

/// Suspicions that lie in an evaluation and its base.
pub fn of_evaluation(
    tests: &TestComparison,
    changes: &[MetricChange],
    limits: &Limits,
) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(first) = tests.vanished.first() {
        let count = tests.vanished.len();
        found.push(format!("{count} tests of the base no longer run, such as `{first}`"));
    }
    if let Some(first) = tests.new_and_failing.first() {
        let count = tests.new_and_failing.len();
        found.push(format!("{count} tests fail that the base does not have, such as `{first}`"));
    }
    for change in changes {
        let vanished_cost = change.better == Better::Lower
            && change.value <= 0.0
            && change.base.is_some_and(|base| base > 0.0);
        if vanished_cost || change.gain().is_some_and(|gain| gain >= limits.belief) {
            let (name, value) = (&change.name, number(change.value));
            let base = number(change.base.unwrap_or_default());
            found.push(format!("`{name}` went from {base} to {value}, which is beyond belief"));
        }
    }
    found
}

/// Suspicions that lie in what was changed: the tests, what runs them, or the evaluator itself.
pub fn of_changed_paths<'a>(paths: impl IntoIterator<Item = &'a TreePath>) -> Vec<String> {
    let mut found = Vec::new();
    let mut tests = Vec::new();
    for path in paths {
        if path.as_bytes() == b"exp.toml" {
            found.push("it changes `exp.toml`; it was measured by the one of the base".to_owned());
        } else if is_test_or_harness(path) {
            tests.push(path);
        }
    }
    if let Some(first) = tests.first() {
        let more = match tests.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        found.push(format!("it changes tests or what runs them: `{}`{more}", first.display()));
    }
    found
}

/// Whether a path is, by the habits of the common languages, a test or part of what runs tests.
pub fn is_test_or_harness(path: &TreePath) -> bool {
    const FOLDERS: [&[u8]; 8] =
        [b"test", b"tests", b"__tests__", b"spec", b"testdata", b"benches", b"bench", b"fixtures"];
    const FILES: [&str; 9] = [
        "conftest.py",
        "pytest.ini",
        "tox.ini",
        "tests.rs",
        "test.rs",
        "jest.config.js",
        "vitest.config.ts",
        "nextest.toml",
        "build.rs",
    ];
    let Some((folder, name)) = path.split() else { return false };
    if folder.parts().any(|part| FOLDERS.contains(&part)) {
        return true;
    }
    let name = String::from_utf8_lossy(name);
    let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
    FILES.contains(&&*name)
        || stem.starts_with("test_")
        || [".test", ".spec", "_test", "_tests", "_spec"].iter().any(|end| stem.ends_with(end))
}

/// Tests that newly fail in every one of several candidates: the test may be wrong, or depend on
/// something that no candidate has. `failing` has one list for each candidate that was measured.
pub fn failing_everywhere(failing: &[&[String]]) -> Vec<String> {
    let [first, others @ ..] = failing else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let everywhere = |test: &&String| others.iter().all(|tests| tests.contains(test));
    first.iter().filter(everywhere).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<TreePath> {
        texts.iter().map(|text| TreePath::new(text.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn tests_and_what_runs_them_are_known_by_habit() {
        for path in [
            "tests/a.rs",
            "src/x/tests.rs",
            "pkg/a_test.go",
            "test_a.py",
            "src/a.test.ts",
            "web/__tests__/b.js",
            "conftest.py",
            "benches/b.rs",
        ] {
            assert!(is_test_or_harness(&paths(&[path])[0]), "{path}");
        }
        for path in ["src/latest.rs", "src/contest.py", "README.md", "src/testing.rs"] {
            assert!(!is_test_or_harness(&paths(&[path])[0]), "{path}");
        }
    }

    #[test]
    fn changed_tests_and_evaluators_are_said() {
        let said = of_changed_paths(&paths(&["exp.toml", "src/a.rs", "tests/a.rs", "tests/b.rs"]));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[1].contains("`tests/a.rs` and 1 more"), "{said:?}");
        assert!(of_changed_paths(&paths(&["src/a.rs", "sub/exp.toml"])).is_empty());
    }

    #[test]
    fn the_same_failure_everywhere_accuses_the_test() {
        let [a, b] = [vec!["x".to_owned(), "y".to_owned()], vec!["y".to_owned()]];
        assert_eq!(failing_everywhere(&[&a, &b]), ["y"]);
        assert!(failing_everywhere(&[&a]).is_empty());
        assert!(failing_everywhere(&[&a, &b, &[]]).is_empty());
    }
}
