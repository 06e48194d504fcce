//! Rankings of small candidates, and the laws that hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::base::id::{Hash, TreeId};
use crate::base::path::TreePath;
use crate::base::time::Timestamp;
use crate::object::evaluation::Evaluation;
use crate::policy::limits::Limits;
use crate::policy::sample::evaluation;
use crate::policy::verdict::{Verdict, judge};

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    tree: u8,
    facts: Option<(Evaluation, Verdict)>,
    lines: u64,
    when: i64,
    paths: Vec<TreePath>,
}

impl Sample {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            approach: &self.name,
            tree: TreeId(Hash([self.tree; 32])),
            evaluation: self.facts.as_ref().map(|facts| &facts.0),
            verdict: self.facts.as_ref().map(|facts| &facts.1),
            change: ChangeSize { lines: self.lines, bytes: 10 * self.lines, files: 1 },
            changed_paths: &self.paths,
            when: Timestamp(self.when),
        }
    }
}

const BASE: &str = "gate test:1=a+b+c+d+e+f- metric=10";
const BASE_TREE: u8 = 100;

fn sample(name: &str, tree: u8, lines: u64, when: i64, now: &str) -> Sample {
    let facts = (now != "-").then(|| {
        let now = evaluation(now);
        let verdict = judge(&now, Some(&evaluation(BASE)), &Limits::default());
        (now, verdict)
    });
    Sample { name: name.to_owned(), tree, facts, lines, when, paths: Vec::new() }
}

/// One candidate a line: `name tree lines when evaluation…`.
fn samples(text: &str) -> Vec<Sample> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap();
        let (name, tree, lines, when) = (word(), word(), word(), word());
        let rest = words.collect::<Vec<_>>().join(" ");
        let (tree, lines) = (tree.parse().unwrap(), lines.parse().unwrap());
        sample(name, tree, lines, when.parse().unwrap(), &rest)
    };
    text.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

fn ranking(samples: &[Sample]) -> Ranking {
    let candidates: Vec<_> = samples.iter().map(Sample::candidate).collect();
    let order = Order { metrics: vec!["time".to_owned()], tolerance: 0.05 };
    rank(&candidates, Some(TreeId(Hash([BASE_TREE; 32]))), &order)
}

/// Ranks and checks the table: place, approach, first reason.
#[track_caller]
fn check(candidates: &str, table: &str) {
    let ranking = ranking(&samples(candidates));
    let line = |row: &Row| {
        let place = row.place.map_or("-".to_owned(), |place| place.to_string());
        format!("{place} {} {}", row.approach, row.reasons.join("; "))
    };
    let found: Vec<_> = ranking.rows.iter().map(line).collect();
    let expected: Vec<_> = table.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(found, expected, "{}", ranking.explanation);
}

#[test]
fn feasible_then_tests_then_metric() {
    check(
        "broken 1 1 1 gate:101 test:left metric:left
         slow 2 1 2 gate test:1=a+b+c+d+e+f- metric=9
         fast 3 9 3 gate test:1=a+b+c+d+e+f- metric=2
         fixes 4 1 4 gate test=a+b+c+d+e+f+ metric=20
         loses 5 1 5 gate test:1=a-b+c+d+e+f- metric=1
         unmeasured 6 1 6 -
         ill 7 1 7 gate test:lost metric=1",
        "1 fixes leads
         2 fast behind `fixes`: 1 tests fail against 0
         3 slow behind `fast`: time 9 s against 2 s
         4 loses behind `slow`, for it is inconclusive: 1 of 6 tests newly fail (16.7 %, limit 30 %)
         - ill cannot be chosen: `test` did not run: no such command
         - broken cannot be chosen: the gate `gate` failed with exit code 101
         - unmeasured cannot be chosen: it was not evaluated",
    );
}

#[test]
fn ties_share_a_place_and_go_by_change_and_age() {
    check(
        "z 1 3 9 gate test:1=a+b+c+d+e+f- metric=1.00
         a 2 5 1 gate test:1=a+b+c+d+e+f- metric=1.04
         m 3 3 2 gate test:1=a+b+c+d+e+f- metric=1.05
         far 4 1 1 gate test:1=a+b+c+d+e+f- metric=1.06",
        "1 m leads
         1 z ties with `m`, which is older
         1 a ties with `z`, which changes fewer lines (3 against 5)
         4 far behind `a`: time 1.06 s against 1.04 s",
    );
}

#[test]
fn the_same_files_are_one_candidate() {
    check(
        "a 1 3 1 gate test:1=a+b+c+d+e+f- metric=5
         b 2 3 2 gate test:1=a+b+c+d+e+f- metric=3
         c 1 3 3 gate test:1=a+b+c+d+e+f- metric=1",
        "1 b leads
         2 a behind `b`: time 5 s against 3 s
         2 c left the very same files as `a`",
    );
    // One whose command failed was not measured, and takes nothing from its twin.
    check(
        "a 1 3 1 gate test:1=a+b+c+d+e+f+ metric=5
         b 2 3 2 gate test:1=a+b+c+d+e+f+ metric=3
         c 2 3 3 -",
        "1 b leads
         2 a behind `b`: time 5 s against 3 s
         - c cannot be chosen: it was not evaluated",
    );
    let ranking = ranking(&samples("a 1 1 1 gate\nb 1 1 2 gate"));
    assert_eq!(ranking.rows[0].identical_to, ["b"]);
    assert_eq!((ranking.rows[0].place, ranking.rows[1].place), (Some(1), Some(1)));
}

#[test]
fn no_change_loses_ties_and_wins_only_against_what_is_worse() {
    check(
        "idle 100 0 1 gate test:1=a+b+c+d+e+f- metric=10
         same 1 50 2 gate test:1=a+b+c+d+e+f- metric=10.3
         worse 2 1 3 gate test:1=a+b+c+d+e+f- metric=11",
        "1 same leads
         2 idle behind `same`, which is as good and does change something; its files are those of the base: it changes nothing
         3 worse behind `idle`: time 11 s against 10 s",
    );
}

#[test]
fn suspicions_stand_beside_the_row_and_the_ranking() {
    let mut samples = samples(
        "a 1 1 1 gate test:1=a-b+c+d+e+f- metric=0.01
         b 2 1 2 gate test:1=a-b+c+d+e+f- metric=9
         broken 3 1 3 gate:101 test:left metric:left",
    );
    samples[0].paths = vec![TreePath::new(b"tests/a.rs").unwrap()];
    let ranking = ranking(&samples);
    assert_eq!(ranking.warnings.len(), 1, "{:?}", ranking.warnings);
    assert!(ranking.warnings[0].starts_with("`a` newly fails in every candidate"));
    assert_eq!(ranking.rows[0].warnings.len(), 2, "{:?}", ranking.rows[0].warnings);
    assert!(ranking.rows[1].warnings.is_empty());
    let one = super::rank(&[samples[0].candidate()], None, &Order::default());
    assert!(one.warnings.is_empty(), "one candidate proves nothing about a test");
}

#[test]
fn nothing_to_choose_has_no_winner() {
    let none = ranking(&samples("a 1 1 1 gate:1\nb 2 1 1 -"));
    assert!(none.winner().is_none());
    assert!(none.explanation.ends_with("Nothing can be chosen."));
    assert!(ranking(&[]).winner().is_none());
}

fn random_sample() -> impl Strategy<Value = Sample> {
    let outcome = prop::sample::select(vec!["ok", "ok", "ok", "ok", "1", "lost"]);
    let signs = || prop::sample::select(vec!["+", "+", "-", "?"]);
    let time = prop::sample::select(vec!["1", "1.04", "1.08", "2", "5", "-1", "x", "0"]);
    let tree = prop::sample::select(vec![1_u8, 2, 3, 4, 5, 6, BASE_TREE]);
    (outcome, signs(), signs(), time, tree, 0_u64..3, 0_i64..3, any::<bool>()).prop_map(
        |(gate, a, f, time, tree, lines, when, measured)| {
            let text = format!("gate:{gate} test=a{a}b+c+d+e+f{f} metric={time}");
            let text = if measured || tree > 3 { text } else { "-".to_owned() };
            sample("", tree, lines, when, &text)
        },
    )
}

/// All that a ranking says about facts: who is where, without names.
fn shape(samples: &[Sample]) -> Vec<(u8, Option<usize>, bool, i64)> {
    let rows = ranking(samples).rows;
    let fact = |row: &Row| {
        let sample = &samples[row.index];
        (sample.tree, row.place, row.feasible, sample.when)
    };
    rows.iter().map(fact).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_and_the_order_of_input_do_not_matter(
        samples in proptest::collection::vec(random_sample(), 0..7),
        turn in 0_usize..7,
    ) {
        let expected = shape(&samples);
        let mut other = samples;
        let turn = turn % other.len().max(1);
        other.rotate_left(turn);
        other.reverse();
        for (at, sample) in other.iter_mut().enumerate() {
            sample.name = format!("n{}", 97 * at % 7);
        }
        prop_assert_eq!(shape(&other), expected);
    }

    #[test]
    fn places_ascend_and_count_what_is_before(
        samples in proptest::collection::vec(random_sample(), 0..7),
    ) {
        let rows = ranking(&samples).rows;
        prop_assert_eq!(rows.len(), samples.len());
        prop_assert!(rows.is_sorted_by_key(|row| (!row.feasible, row.place)));
        for (at, row) in rows.iter().enumerate() {
            prop_assert_eq!(row.place.is_some(), row.feasible);
            prop_assert!(!row.reasons.is_empty());
            if let Some(place) = row.place {
                let first = rows.iter().position(|other| other.place == row.place);
                prop_assert_eq!(first, Some(place - 1));
                prop_assert!(place <= at + 1);
            }
        }
    }

    #[test]
    fn one_more_candidate_never_turns_two_others_around(
        samples in proptest::collection::vec(random_sample(), 2..6),
        more in random_sample(),
    ) {
        // Only groups of equal values may change; with distinct trees and no tolerance none do.
        let order = Order { metrics: vec!["time".to_owned()], tolerance: 0.0 };
        let mut trees = 0;
        let mut all: Vec<Sample> = samples.into_iter().chain([more]).collect();
        all.iter_mut().for_each(|sample| { trees += 1; sample.tree = trees; });
        let candidates: Vec<_> = all.iter().map(Sample::candidate).collect();
        let with = rank(&candidates, None, &order).rows;
        let without = rank(&candidates[..candidates.len() - 1], None, &order).rows;
        let kept: Vec<_> = with.iter().map(|row| row.index).filter(|at| *at + 1 < all.len()).collect();
        prop_assert_eq!(kept, without.iter().map(|row| row.index).collect::<Vec<_>>());
    }
}

/// Nobody can say of a change that is gone that it is the smaller one.
#[test]
fn a_change_that_is_not_known_is_not_the_smallest() {
    let all = [sample("gone", 1, 0, 1, BASE), sample("large", 2, 500, 2, BASE)];
    let mut candidates: Vec<Candidate<'_>> = all.iter().map(Sample::candidate).collect();
    candidates[0].change = ChangeSize::UNKNOWN;
    let ranking = rank(&candidates, Some(TreeId(Hash([BASE_TREE; 32]))), &Order::default());
    let shown: Vec<_> = ranking.rows.iter().map(|row| row.approach.as_str()).collect();
    assert_eq!(shown, ["large", "gone"]);
    assert_eq!(
        ranking.rows[1].reasons,
        ["ties with `large`, of which it is known what it changes"]
    );
}
