//! Why a node is bad: what a rollback leaves with it, so that nobody has to look again.
//!
//! The ranking of files is a guess from names and says so by giving its evidence. Knows nothing of
//! file content.

use super::comparison::ran;
use super::verdict::Verdict;
use crate::base::path::TreePath;
use crate::object::evaluation::{Evaluation, StageOutcome, StageRecord};

/// Errors kept in an analysis: more is in the logs, and nobody reads more at first.
pub const ERRORS_MAX: usize = 20;

/// What is known about a bad node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// The verdict's reason.
    pub reason: String,
    /// Tests that newly fail.
    pub newly_failing: Vec<String>,
    /// Tests that no longer run.
    pub vanished: Vec<String>,
    /// Lines that failed stages left, those that say "error" first, at most [`ERRORS_MAX`].
    pub errors: Vec<String>,
    /// Files changed since the good node, the likeliest cause first.
    pub files: Vec<SuspectFile>,
}

/// A changed file, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspectFile {
    /// Where it is.
    pub path: TreePath,
    /// Lines of failed stages that name its path.
    pub named_by_path: usize,
    /// Lines that have its file name without the path.
    pub named_by_file: usize,
    /// Lost tests whose name has its stem as a part, as `parser::tests::empty` has `parser`.
    pub named_by_tests: usize,
}

/// Brings together what is known. `changed` are the paths that differ from the good node.
pub fn analyse(verdict: &Verdict, evaluation: &Evaluation, changed: &[TreePath]) -> Analysis {
    let failed = |stage: &&StageRecord| ran(stage) && stage.outcome != StageOutcome::Passed;
    let lines: Vec<&str> = evaluation
        .stages
        .iter()
        .filter(failed)
        .flat_map(|stage| stage.excerpt.iter().map(String::as_str))
        .collect();
    let lost: Vec<&str> =
        verdict.newly_failing.iter().chain(&verdict.vanished).map(String::as_str).collect();
    let mut files: Vec<_> = changed.iter().map(|path| suspect(path, &lines, &lost)).collect();
    files.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.path.cmp(&b.path)));
    Analysis {
        reason: verdict.reason.clone(),
        newly_failing: verdict.newly_failing.clone(),
        vanished: verdict.vanished.clone(),
        errors: errors(&lines),
        files,
    }
}

impl SuspectFile {
    fn weight(&self) -> (usize, usize, usize) {
        (self.named_by_path, self.named_by_file, self.named_by_tests)
    }
}

fn errors(lines: &[&str]) -> Vec<String> {
    let is_error = |line: &&&str| line.to_ascii_lowercase().contains("error");
    let (first, then): (Vec<&&str>, Vec<&&str>) = lines.iter().partition(is_error);
    let mut kept: Vec<String> = Vec::new();
    for line in first.into_iter().chain(then) {
        let line = line.trim_end();
        if kept.len() < ERRORS_MAX && !line.is_empty() && !kept.iter().any(|old| old == line) {
            kept.push(line.to_owned());
        }
    }
    kept
}

fn suspect(path: &TreePath, lines: &[&str], lost: &[&str]) -> SuspectFile {
    let whole = path.display();
    let name = whole.rsplit('/').next().unwrap_or(&whole);
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    let by_path = |line: &&&str| names(line, &whole);
    let by_file = |line: &&&str| !names(line, &whole) && names(line, name);
    let by_test = |test: &&&str| test.split(|c: char| !is_part_of_name(c)).any(|p| p == stem);
    SuspectFile {
        named_by_path: lines.iter().filter(by_path).count(),
        named_by_file: lines.iter().filter(by_file).count(),
        named_by_tests: lost.iter().filter(by_test).count(),
        path: path.clone(),
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// Whether a line has a name that is not part of a longer one. `./` or a folder before it may
/// stand there: tools print paths from where they run.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(|c| is_part_of_name(c) || c == '.')
            && !after.is_some_and(is_part_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::Limits;
    use crate::policy::sample::evaluation;
    use crate::policy::verdict::judge;

    #[test]
    fn the_file_that_errors_name_comes_first() {
        let mut bad = evaluation("gate:101 test:left");
        bad.stages[0].excerpt = [
            "warning: unused variable",
            "error[E0308]: mismatched types",
            "  --> src/parser/mod.rs:10:5",
            "  --> crates/src/parser/mod.rs:12:5",
            "error[E0308]: mismatched types",
            "note: see lexer.rs",
        ]
        .map(str::to_owned)
        .to_vec();
        let changed = ["a/mod.rs", "README.md", "src/lexer.rs", "src/parser/mod.rs", "x.rs"]
            .map(|path| TreePath::new(path.as_bytes()).unwrap());
        let verdict = judge(&bad, None, &Limits::default());
        let analysis = analyse(&verdict, &bad, &changed);
        let order: Vec<_> = analysis.files.iter().map(|file| file.path.display()).collect();
        assert_eq!(order[..3], ["src/parser/mod.rs", "a/mod.rs", "src/lexer.rs"]);
        assert_eq!(analysis.files[0].named_by_path, 2);
        assert_eq!(analysis.files[4].weight(), (0, 0, 0));
        assert_eq!(analysis.errors[0], "error[E0308]: mismatched types");
        assert_eq!(analysis.errors.len(), 5, "the same line is kept once");
    }

    #[test]
    fn lost_tests_point_at_files_by_name() {
        let (base, now) = (evaluation("test=parser::t+b+c+"), evaluation("test:1=parser::t-b+c+"));
        let verdict = judge(&now, Some(&base), &Limits::default());
        let changed = ["a.rs", "src/parser.rs"].map(|p| TreePath::new(p.as_bytes()).unwrap());
        let analysis = analyse(&verdict, &now, &changed);
        assert_eq!(analysis.files[0].path.as_bytes(), b"src/parser.rs");
        assert_eq!(analysis.newly_failing, ["parser::t"]);
    }
}
