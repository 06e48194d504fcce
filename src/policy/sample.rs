//! Small evaluations for the tests of this room, written as text.
//!
//! One stage a word: `gate:ok test:ok=a+b-c? metric=1.0,1.1`. After the `:` comes how the stage
//! ended (`ok`, an exit code, `lost` for "did not run", `late`, `killed`, `left` for skipped);
//! after the `=` the tests, each followed by `+` passed, `-` failed or `?` skipped, or the samples.

use crate::base::id::{Hash, TreeId};
use crate::base::time::Timestamp;
use crate::object::evaluation::{
    Better, Evaluation, Metric, StageKind, StageOutcome, StageRecord, TestCase, TestStatus,
};

/// Reads an evaluation. The metric is `time`, less is better.
pub fn evaluation(text: &str) -> Evaluation {
    Evaluation {
        tree: TreeId(Hash([7; 32])),
        evaluator: Hash([1; 32]),
        environment: Hash([2; 32]),
        stages: text.split_whitespace().map(stage).collect(),
        new_files: Vec::new(),
        changed_files: Vec::new(),
        view: "copy".to_owned(),
        machine: "m".to_owned(),
        when: Timestamp(0),
        duration_ms: 1,
    }
}

fn stage(word: &str) -> StageRecord {
    let (head, results) = word.split_once('=').unwrap_or((word, ""));
    let (name, outcome) = head.split_once(':').unwrap_or((head, "ok"));
    let kind = match name {
        "setup" => StageKind::Setup,
        "gate" => StageKind::Gate,
        "metric" => StageKind::Metric,
        _ => StageKind::Test,
    };
    let is_metric = kind == StageKind::Metric;
    StageRecord {
        name: name.to_owned(),
        kind,
        command: name.to_owned(),
        outcome: self::outcome(outcome),
        duration_ms: 1,
        tests: if is_metric { Vec::new() } else { tests(results) },
        metrics: if is_metric && !results.is_empty() { vec![time(results)] } else { Vec::new() },
        excerpt: Vec::new(),
    }
}

fn outcome(text: &str) -> StageOutcome {
    match text {
        "ok" => StageOutcome::Passed,
        "lost" => StageOutcome::DidNotRun { reason: "no such command".to_owned() },
        "late" => StageOutcome::TimedOut { limit_ms: 1500 },
        "killed" => StageOutcome::Killed { signal: 9 },
        "left" => StageOutcome::Skipped,
        exit => StageOutcome::Failed { exit: exit.parse().unwrap() },
    }
}

fn tests(text: &str) -> Vec<TestCase> {
    let cases = text.split_inclusive(['+', '-', '?']).map(|part| {
        let (name, sign) = part.split_at(part.len() - 1);
        let status = match sign {
            "+" => TestStatus::Passed,
            "-" => TestStatus::Failed,
            _ => TestStatus::Skipped,
        };
        TestCase { name: name.to_owned(), status }
    });
    cases.collect()
}

fn time(samples: &str) -> Metric {
    let samples = samples.split(',').map(str::to_owned).collect();
    Metric { name: "time".to_owned(), unit: "s".to_owned(), better: Better::Lower, samples }
}

/// Limits under which `time` is guarded.
pub fn guarded() -> super::limits::Limits {
    super::limits::Limits { guarded: ["time".to_owned()].into(), ..Default::default() }
}
