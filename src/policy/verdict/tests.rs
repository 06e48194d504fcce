//! Verdicts of small evaluations, and the laws that hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::base::codec::Bytes;
use crate::base::id::Hash;
use crate::object::evaluation::{TestCase, TestStatus};
use crate::policy::sample::{evaluation, guarded};

/// Judges `now` against `base` (`-` for none) and checks word and reason.
#[track_caller]
fn check(base: &str, now: &str, word: VerdictWord, reason: &str) {
    let base = (base != "-").then(|| evaluation(base));
    let verdict = judge(&evaluation(now), base.as_ref(), &guarded());
    assert_eq!((verdict.word, verdict.reason.as_str()), (word, reason), "{verdict:?}");
    assert_eq!(verdict.trigger.is_some(), word == VerdictWord::Bad);
}

use VerdictWord::{Bad, Good, Inconclusive};

const TEN: &str = "gate test=a+b+c+d+e+f+g+h+i+j+";

#[test]
fn without_a_base_all_has_to_pass() {
    check("-", TEN, Good, "every stage passed");
    check("-", "gate:101 test:left", Bad, "the gate `gate` failed with exit code 101");
    let one = "1 of 2 tests fail in `test`, and there is no base to compare with";
    check("-", "gate test:1=a+b-", Inconclusive, one);
    let exit = "`test` exited with 2, and there is no base to compare with";
    check("-", "gate test:2", Inconclusive, exit);
    check("-", "", Inconclusive, "there are no stages, so nothing was measured");
}

#[test]
fn nothing_worse_than_the_base_is_good() {
    let good = "every stage ran and nothing got worse than in the base";
    check(TEN, TEN, Good, good);
    check("gate test:1=a+b-", "gate test:1=a+b-", Good, good);
    check("gate test:1=a+b-", "gate test:1=a+", Good, good);
    check(
        "test:1=a+b-c-",
        "test=a+b+c+",
        Good,
        "nothing got worse than in the base, and 2 tests are fixed",
    );
}

#[test]
fn a_failure_that_the_base_does_not_know_is_not_good() {
    check("test:1=a-", "test:1=a-b-", Inconclusive, "the test `b` is new and fails");
    let two = "2 tests are new and fail, such as `b`";
    check("test:1=a-", "test:1=a+b-c-", Inconclusive, two);
}

#[test]
fn lost_tests_are_bad_past_the_limit_and_inconclusive_up_to_it() {
    check(
        TEN,
        "gate test:1=a-b-c-d-e+f+g+h+i+j+",
        Bad,
        "4 of 10 tests newly fail (40 %, limit 30 %)",
    );
    check(
        TEN,
        "gate test:1=a-b-c-d+e+f+g+h+i+j+",
        Inconclusive,
        "3 of 10 tests newly fail (30 %, limit 30 %)",
    );
    check(
        TEN,
        "gate test:1=a-b-d?e+f+g+h+i+j+",
        Bad,
        "of 10 tests 2 newly fail and 2 no longer run (40 %, limit 30 %)",
    );
    check(TEN, "gate test=", Bad, "10 of 10 tests no longer run (100 %, limit 30 %)");
    check(
        "test=a+b+c+d+e+f+g+h-i?",
        "test=a+b+c+d+e+f+g?h-i-",
        Inconclusive,
        "1 of 8 tests no longer run (12.5 %, limit 30 %)",
    );
}

#[test]
fn did_not_run_is_never_bad() {
    check(TEN, "gate:lost test:left", Inconclusive, "`gate` did not run: no such command");
    check(TEN, "gate test:lost", Inconclusive, "`test` did not run: no such command");
    check(
        TEN,
        "gate test:late=a-b-c-d-e-",
        Inconclusive,
        "`test` was stopped at its time limit of 1.5 s",
    );
    check(TEN, "gate:killed test:left", Inconclusive, "signal 9 ended `gate`");
    check(TEN, "setup:1 gate:1 test:1", Inconclusive, "the setup `setup` exited with 1");
    check(TEN, "gate test:101", Inconclusive, "`test` failed and reported no tests");
    check("metric=1", "metric:1", Inconclusive, "`metric` exited with 1, so it measured nothing");
    check("gate test", "gate", Inconclusive, "the stage `test` of the base is gone");
}

#[test]
fn a_trigger_fires_although_a_later_stage_did_not_run() {
    check(
        "test=a+ metric=1",
        "test:1=a- metric:lost",
        Bad,
        "1 of 1 tests newly fail (100 %, limit 30 %)",
    );
}

#[test]
fn a_stage_without_single_tests_counts_as_one() {
    check("gate test", "gate test:2", Bad, "1 of 1 tests newly fail (100 %, limit 30 %)");
    check(
        "gate test:2",
        "gate test:2",
        Good,
        "every stage ran and nothing got worse than in the base",
    );
    let fixed = "nothing got worse than in the base, and 1 test is fixed";
    check("gate test:2", "gate test", Good, fixed);
    check("test=a+", "test:1=a+", Inconclusive, "`test` passed in the base and fails now");
    check("test=a+", "test:1=a+b-", Inconclusive, "the test `b` is new and fails");
}

#[test]
fn slowdown_needs_proof() {
    let base = "metric=1.0,1.05,1.1,1.15,1.2";
    check(
        base,
        "metric=1.5,1.55,1.6,1.65,1.7",
        Bad,
        "`time` is 45.5 % worse than in the base (limit 20 %)",
    );
    check(
        base,
        "metric=1.6",
        Inconclusive,
        "`time` seems 45.5 % worse than in the base, which is not proved (1 of 5 samples)",
    );
    check(
        base,
        "metric=1.5,1.6,1.7,1.8",
        Inconclusive,
        "`time` seems 50 % worse than in the base, which is not proved (4 of 5 samples)",
    );
    check(
        base,
        "metric=1.1,1.5,1.6,1.7,1.8",
        Inconclusive,
        "`time` seems 45.5 % worse than in the base, which is not proved (the samples overlap)",
    );
    check(base, "metric=1.2", Good, "every stage ran and nothing got worse than in the base");
    let free = judge(&evaluation("metric=9,9,9"), Some(&evaluation(base)), &Limits::default());
    assert_eq!(free.word, Good);
    assert!(free.metric_changes[0].worsening().is_some_and(|share| share > 7.0));
}

#[test]
fn quality_suggests() {
    let limits = Limits { quality: [("time".to_owned(), 10.0)].into(), ..Limits::default() };
    let verdict = judge(&evaluation("metric=12"), None, &limits);
    assert_eq!((verdict.word, verdict.suggestions.len()), (Inconclusive, 1));
    assert_eq!(judge(&evaluation("metric=10"), None, &limits).word, Good);
}

#[test]
fn another_evaluator_and_changed_files_prove_nothing() {
    let (now, mut base) = (evaluation(TEN), evaluation(TEN));
    base.evaluator = Hash([9; 32]);
    assert_eq!(judge(&now, Some(&base), &Limits::default()).word, Inconclusive);
    let mut now = evaluation("gate:1 test:left");
    now.changed_files.push(Bytes(b"src/a.rs".to_vec()));
    let verdict = judge(&now, Some(&evaluation(TEN)), &Limits::default());
    assert_eq!(verdict.word, Inconclusive);
    assert_eq!(verdict.reason, "the stages changed the tracked file `src/a.rs`");
}

#[test]
fn what_is_too_good_is_said() {
    let verdict = judge(
        &evaluation("test=a+ metric=0.001"),
        Some(&evaluation("test=a+b+c+d+ metric=1")),
        &Limits::default(),
    );
    assert_eq!(verdict.suspicions.len(), 2, "{:?}", verdict.suspicions);
    assert_eq!(verdict.vanished, ["b", "c", "d"]);
}

fn rank_of(word: VerdictWord) -> u8 {
    match word {
        Good => 2,
        Inconclusive => 1,
        Bad => 0,
    }
}

fn tests() -> impl Strategy<Value = String> {
    proptest::collection::vec(("[a-f]", prop::sample::select(vec!["+", "-", "?"])), 0..8)
        .prop_map(|tests| tests.into_iter().map(|(name, sign)| name + sign).collect())
}

fn evaluations() -> impl Strategy<Value = Evaluation> {
    let outcome = || prop::sample::select(vec!["ok", "ok", "ok", "1", "lost"]);
    let stages = (outcome(), outcome(), tests(), outcome(), tests());
    stages.prop_map(|(gate, first, a, second, b)| {
        evaluation(&format!("gate:{gate} test:{first}={a} more:{second}={b}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_passed_is_good_against_itself(tests in tests()) {
        let text = format!("gate test={}", tests.replace('-', "+"));
        let evaluation = evaluation(&text);
        prop_assert_eq!(judge(&evaluation, Some(&evaluation), &Limits::default()).word, Good);
        prop_assert_eq!(judge(&evaluation, None, &Limits::default()).word, Good);
    }

    #[test]
    fn a_failing_test_more_never_improves_the_word(
        now in evaluations(),
        base in proptest::option::of(evaluations()),
        name in "[a-h]",
        stage in 1_usize..3,
    ) {
        // A stage without a single test has no report, which is doubt, not a better result.
        prop_assume!(!now.stages[stage].tests.is_empty());
        let before = judge(&now, base.as_ref(), &Limits::default());
        let mut worse = now;
        let tests = &mut worse.stages[stage].tests;
        tests.retain(|test| test.name != name);
        tests.push(TestCase { name, status: TestStatus::Failed });
        let after = judge(&worse, base.as_ref(), &Limits::default());
        prop_assert!(rank_of(after.word) <= rank_of(before.word), "{before:?}\n{after:?}");
        if base.is_some() && before.trigger.is_none() {
            prop_assert!(after.newly_failing.len() >= before.newly_failing.len());
        }
    }

    #[test]
    fn the_order_of_tests_does_not_matter(now in evaluations(), base in evaluations()) {
        let mut turned = now.clone();
        turned.stages.iter_mut().for_each(|stage| stage.tests.reverse());
        let limits = Limits::default();
        prop_assert_eq!(judge(&now, Some(&base), &limits), judge(&turned, Some(&base), &limits));
    }
}
