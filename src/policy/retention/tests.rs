//! What stays and what goes, case by case, and that wider limits never let go of more.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000_000_000;
const NOW: Timestamp = Timestamp(1_000 * HOUR);

fn old(hours: i64) -> SnapshotFacts {
    let when = Timestamp(NOW.0 - hours * HOUR);
    SnapshotFacts { when, session: "one".to_owned(), ..SnapshotFacts::default() }
}

fn decide_one(facts: SnapshotFacts, limits: &RetentionLimits) -> Decision {
    decide(&[facts], limits, NOW)[0]
}

#[test]
fn a_day_is_kept_and_what_is_older_goes() {
    let limits = RetentionLimits::default();
    assert_eq!(decide_one(old(23), &limits), Decision::Recent);
    assert_eq!(decide_one(old(24), &limits), Decision::Recent);
    assert_eq!(decide_one(old(25), &limits), Decision::TooOld);
    // A clock that went back makes nothing old.
    assert_eq!(decide_one(old(-5), &limits), Decision::Recent);
    let ageless = RetentionLimits { age_ms: None, ..limits };
    assert_eq!(decide_one(old(900), &ageless), Decision::Recent);
}

#[test]
fn what_is_needed_stays_whatever_its_age() {
    let limits = RetentionLimits::default();
    let with = |set: fn(&mut SnapshotFacts)| {
        let mut facts = old(500);
        set(&mut facts);
        facts
    };
    let cases = [
        (with(|facts| facts.is_in_use = true), Decision::InUse),
        (with(|facts| facts.is_named = true), Decision::Named),
        (with(|facts| facts.is_tagged = true), Decision::Tagged),
        (with(|facts| facts.is_milestone = true), Decision::Milestone),
        (with(|facts| facts.is_fork = true), Decision::Fork),
        (with(|facts| facts.is_last_good = true), Decision::LastGood),
        (with(|facts| facts.is_before_head = true), Decision::BeforeHead),
        (with(|facts| facts.is_manual = true), Decision::Manual),
    ];
    let tagged_only = RetentionLimits { tagged_only: true, ..limits.clone() };
    for (facts, decision) in cases {
        assert_eq!(decide_one(facts.clone(), &limits), decision);
        let expected = if decision == Decision::Manual { Decision::Untagged } else { decision };
        assert_eq!(decide_one(facts, &tagged_only), expected);
    }
    let unasked = RetentionLimits { manual: false, ..limits };
    assert_eq!(decide_one(with(|facts| facts.is_manual = true), &unasked), Decision::TooOld);
}

#[test]
fn the_newest_of_a_session_and_of_all_are_counted() {
    let of = |session: &str, hours| SnapshotFacts { session: session.to_owned(), ..old(hours) };
    let all = [of("a", 3), of("a", 1), of("b", 4), of("a", 2), of("b", 5)];
    let limits = RetentionLimits { per_session: Some(2), overall: None, ..Default::default() };
    use Decision::{Recent, TooMany, TooManyOfSession};
    let found = decide(&all, &limits, NOW);
    assert_eq!(found, [TooManyOfSession, Recent, Recent, Recent, Recent]);
    let limits = RetentionLimits { per_session: None, overall: Some(3), ..Default::default() };
    assert_eq!(decide(&all, &limits, NOW), [Recent, Recent, TooMany, Recent, TooMany]);
}

#[test]
fn the_log_keeps_what_is_young_and_at_least_some() {
    let limits =
        RetentionLimits { operations: 5, operations_least: 2, ..RetentionLimits::default() };
    let kept = |hours: &[i64]| operations_kept(hours.iter().map(|h| old(*h).when), &limits, NOW);
    assert_eq!(kept(&[]), 0);
    assert_eq!(kept(&[1, 2, 3]), 3);
    assert_eq!(kept(&[1, 2, 3, 4, 5, 6, 7]), 5);
    assert_eq!(kept(&[1, 30, 31, 32]), 2);
    assert_eq!(kept(&[100, 200, 300]), 2);
    let none = RetentionLimits { operations: 0, operations_least: 0, ..limits };
    assert_eq!(operations_kept([NOW, NOW], &none, NOW), 1);
}

proptest! {
    /// What is decided of a snapshot depends on what is newer, never on the order in which the
    /// facts are given; and a wider limit never lets go of more.
    #[test]
    fn wider_limits_keep_more(
        raw in prop::collection::vec((0_i64..60, 0_usize..3, 0_u8..8), 0..40),
        age in 0_u64..60, session in 0_usize..20, all in 0_usize..40, turn in 0_usize..40,
    ) {
        let facts: Vec<_> = raw.iter().enumerate().map(|(at, (hours, session, flag))| {
            let when = Timestamp(NOW.0 - hours * HOUR - at as i64);
            let session = format!("s{session}");
            SnapshotFacts { when, session, is_tagged: *flag == 1, ..SnapshotFacts::default() }
        }).collect();
        let limits = RetentionLimits {
            age_ms: Some(age * 3_600_000), per_session: Some(session), overall: Some(all),
            ..RetentionLimits::default()
        };
        let narrow = decide(&facts, &limits, NOW);
        let mut turned = facts.clone();
        let middle = turn.min(turned.len());
        turned.rotate_left(middle);
        let mut found = decide(&turned, &limits, NOW);
        found.rotate_right(middle);
        prop_assert_eq!(&narrow, &found);
        let wide = RetentionLimits {
            age_ms: Some((age + 5) * 3_600_000), per_session: Some(session + 2),
            overall: Some(all + 2), ..limits
        };
        let wider = decide(&facts, &wide, NOW);
        for (narrow, wide) in narrow.iter().zip(wider) {
            prop_assert!(!narrow.is_kept() || wide.is_kept());
        }
    }
}
