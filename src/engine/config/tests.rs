//! Texts in, values or messages out.

use super::guess::{stages, warm};
use super::*;
use crate::object::evaluation::{Better, StageKind};

const STAGE: &str = "[[stage]]\nname = \"test\"\nkind = \"test\"\nrun = \"x\"\n";

/// Reads a text that is wrong and checks the message after the common beginning.
#[track_caller]
fn check(text: &str, message: &str) {
    let error = Config::parse(text).unwrap_err();
    assert_eq!(error.to_string(), format!("could not read exp.toml: {message}"), "{error:?}");
}

#[test]
fn all_keys_are_read() {
    let text = r#"
environment = ["RUSTFLAGS", "CC"]
[workspace]
warm = ["target", "web/node_modules"]
keep = []
secrets = ["*.key"]
not_secrets = [".env.example"]
[[stage]]
name = "install"
kind = "setup"
run = "npm ci"
inputs = ["package-lock.json"]
timeout = "1h30m"
[[stage]]
name = "test"
kind = "test"
run = "pytest"
report = "junit:out/junit.xml"
[[stage]]
name = "bench"
kind = "metric"
run = "./bench"
report = "number"
metric = "throughput"
unit = "MB/s"
better = "higher"
samples = 5
guard = true
limit = 100
[limits]
failure_ratio = "25%"
slowdown = 1
belief = 9.5
[rank]
order = ["throughput"]
tolerance = 0.1
[state]
ignore = ["/updated_at", "/**/counter"]
quick = false
verify = false
identity = { "/parts" = "name", "/**" = "id" }
interval = "5s"
cache = 10
"#;
    let config = Config::parse(text).unwrap();
    assert_eq!(config.environment, ["CC", "RUSTFLAGS"]);
    assert_eq!(config.workspace.warm, ["target", "web/node_modules"]);
    assert!(config.workspace.keep.is_empty());
    let [install, test, bench] = config.stages.as_slice() else { panic!("three stages") };
    assert_eq!((install.kind, install.timeout_ms), (StageKind::Setup, 5_400_000));
    assert_eq!(test.report, Report::Junit("out/junit.xml".to_owned()));
    let metric = bench.metric.as_ref().unwrap();
    assert_eq!((metric.better, metric.samples), (Better::Higher, 5));
    assert_eq!(bench.report, Report::Number);
    assert_eq!((config.limits.failure_ratio, config.limits.slowdown), (0.25, 1.0));
    assert!(config.limits.guarded.contains("throughput"));
    assert_eq!(config.limits.quality["throughput"], 100.0);
    assert_eq!(config.order.metrics, ["throughput"]);
    let state = &config.state;
    assert_eq!(
        (state.quick, state.verify, state.interval_ms, state.cache),
        (false, false, 5_000, 10)
    );
    assert!(state.ignore[1].covers(&"/a/b/counter".parse().unwrap()));
    let field = |list: &str| state.identity.field(&list.parse().unwrap());
    assert_eq!((field("/parts"), field("/others")), (Some("name"), Some("id")));
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn unknown_keys_are_refused_with_their_place_and_a_hint() {
    check(
        &format!("{STAGE}timout = \"1m\"\n"),
        "line 5, column 1: `timout` is not known here (known: name, kind, run, timeout, report, \
         inputs, metric, unit, better, samples, guard, limit); did you mean `timeout`?",
    );
    check(
        "[limit]\nslowdown = 0.2\n",
        "line 1, column 2: `limit` is not known here (known: environment, workspace, stage, \
         limits, rank, state); did you mean `limits`?",
    );
    check(
        &STAGE.replace("\"test\"\nrun", "\"tests\"\nrun"),
        "line 3, column 8: `tests` is not known here (known: setup, gate, test, metric); \
         did you mean `test`?",
    );
    let error = Config::parse("[rank]\ncolour = 1\n").unwrap_err();
    assert_eq!((error.line, error.column, error.hint), (2, 1, None));
    assert_eq!(error.key.as_deref(), Some("colour"));
}

#[test]
fn bad_units_are_refused_where_they_stand() {
    check(
        &format!("{STAGE}timeout = \"10\"\n"),
        "line 5, column 11: `10` is no duration; write such as `90s`, `10m` or `1h30m`",
    );
    check(
        "[limits]\nslowdown = \"a lot\"\n",
        "line 2, column 12: `a lot` is no share; write such as 0.30 or \"30%\"",
    );
    let error = Config::parse(&format!("{STAGE}timeout = 10\n")).unwrap_err();
    assert_eq!((error.line, error.column, error.key.as_deref()), (5, 11, Some("timeout")));
    check(
        &format!("{STAGE}report = \"xml\"\n"),
        "line 5, column 10: `xml` is no report; known: cargo, junit:PATH, none",
    );
    check(
        &format!("{STAGE}report = \"junit:../x\"\n"),
        "line 5, column 10: `../x` is no path below the workspace",
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    check(&format!("{STAGE}{STAGE}"), "line 6, column 8: a stage `test` stands above already");
    check(
        &format!("{STAGE}samples = 3\n"),
        "line 5, column 11: `samples` is for stages of kind metric",
    );
    check(
        &format!("{STAGE}inputs = [\"a\"]\n"),
        "line 5, column 10: `inputs` is for stages of kind setup",
    );
    check("[rank]\norder = [\"time\"]\n", "line 2, column 10: no stage measures `time`");
    check(
        "[workspace]\nwarm = [\"../x\"]\n",
        "line 2, column 9: a pattern is not empty and does not leave the workspace",
    );
    check(&STAGE.replace("\"x\"", "\" \""), "line 4, column 7: the command is empty");
    check("[limits]\nbelief = 1.0\n", "line 2, column 10: `belief` is more than 1");
    let metric = STAGE.replace("kind = \"test\"", "kind = \"metric\"");
    check(&format!("{metric}samples = 0\n"), "line 5, column 11: `samples` is between 1 and 10000");
    check(
        &format!("{metric}unit = \"ms\"\n"),
        "line 5, column 8: the time that a stage takes is measured in `s`",
    );
    check(
        "[state]\nignore = [\"/a\", \"b\"]\n",
        "line 2, column 17: could not read `b` as a pattern of places: it does not begin with `/`",
    );
    check(
        "[state]\nidentity = { \"/*x\" = \"id\" }\n",
        "line 2, column 14: could not read `/*x` as a pattern of places: `*` and `**` stand for \
         whole parts (`~2` is an asterisk in a key)",
    );
    check("[state]\nidentity = \"\"\n", "line 2, column 12: the name of a field is not empty");
    check(
        "[state]\nidentity = 1\n",
        "line 2, column 12: invalid type: integer `1`, expected the name of a field, or a table \
         of patterns and fields",
    );
    check("[state]\ncache = -1\n", "line 2, column 9: `cache` is a number of states, 0 or more");
    check(
        "[state]\ninterval = \"often\"\n",
        "line 2, column 12: `often` is no duration; write such as `90s`, `10m` or `1h30m`",
    );
    assert!(Config::parse("a = [").is_err());
    assert!(Config::parse("[[stage]]\nname = \"x\"\n").is_err());
}

#[test]
fn the_evaluator_is_named_by_its_stages_alone() {
    let digest = |text: &str| Config::parse(text).unwrap().evaluator_digest();
    let one = digest(STAGE);
    assert_eq!(one, digest(&format!("# note\n[limits]\nslowdown = 0.5\n{STAGE}")));
    assert_eq!(one, digest(&format!("{STAGE}timeout = \"30m\"\nreport = \"none\"\n")));
    let others = [
        String::new(),
        STAGE.replace("\"x\"", "\"y\""),
        format!("{STAGE}timeout = \"1m\"\n"),
        format!("{STAGE}report = \"cargo\"\n"),
        STAGE.replace("kind = \"test\"", "kind = \"gate\""),
    ];
    for other in others {
        assert_ne!(one, digest(&other), "{other}");
    }
}

#[test]
fn projects_are_known_by_their_files() {
    let none = |_: &str| None;
    assert_eq!(guess(&["README.md"], none), []);
    assert_eq!(guess(&["Cargo.toml", "Makefile"], none), [ProjectKind::Cargo]);
    assert_eq!(guess(&["Makefile"], none), [ProjectKind::Make { has_test: false }]);
    let make = |_: &str| Some("all:\n\tcc\ntest: all\n\t./t\n".to_owned());
    assert_eq!(guess(&["Makefile"], make), [ProjectKind::Make { has_test: true }]);
    let package = |_: &str| Some(r#"{"scripts": {"test": "jest"}}"#.to_owned());
    assert_eq!(
        guess(&["go.mod", "package.json", "pyproject.toml"], package),
        [
            ProjectKind::Node { has_lock: false, has_build: false, has_test: true },
            ProjectKind::Python,
            ProjectKind::Go
        ]
    );
    let fresh = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#;
    for text in [fresh, "{}", "not JSON", r#"{"scripts": 3}"#] {
        let kinds = guess(&["package.json"], |_| Some(text.to_owned()));
        assert!(matches!(kinds[..], [ProjectKind::Node { has_test: false, .. }]), "{text}");
    }
}

#[test]
fn the_first_file_says_what_was_guessed() {
    let node = ProjectKind::Node { has_lock: true, has_build: true, has_test: true };
    let all = [
        ProjectKind::Cargo,
        node,
        ProjectKind::Python,
        ProjectKind::Go,
        ProjectKind::CMake,
        ProjectKind::Make { has_test: true },
    ];
    let single = all.iter().map(std::slice::from_ref);
    for kinds in single.chain([&all[..], &all[..2], &[]]) {
        let text = default_text(kinds);
        let config = Config::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(config.stages, stages(kinds), "{text}");
        assert_eq!(config.workspace.warm, warm(kinds), "{text}");
        assert_eq!(config.workspace.keep, [".env"]);
        assert_eq!(config.limits, crate::policy::limits::Limits::default());
        assert_eq!(config.order, crate::policy::rank::Order::default());
    }
    assert!(stages(&[ProjectKind::Cargo]).iter().any(|stage| stage.report == Report::Cargo));
}

#[test]
fn the_example_in_the_first_file_can_be_used_as_it_is() {
    let text = default_text(&[]);
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[[") || rest.contains(" = ") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("Files with") && !line.starts_with("must pass"))
        .collect();
    let uncommented = uncommented.join("\n");
    let config = Config::parse(&uncommented).unwrap_or_else(|e| panic!("{e}\n{uncommented}"));
    assert_eq!(config.stages.len(), 2);
    assert!(config.limits.guarded.contains("time"));
}
