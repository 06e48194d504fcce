//! Scenarios of undo and redo as text, and the law that both together lead back.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::base::id::{EvaluationId, Hash, NamesId, SnapshotId, TreeId};
use crate::base::time::Timestamp;
use crate::object::memory::MemoryObjects;
use crate::object::names::{self, NameEdits};

fn id(number: usize) -> OperationId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    OperationId(Hash(bytes))
}

fn operation(session: &str, kind: OperationKind) -> Operation {
    let names = NamesId(Hash([0; 32]));
    Operation {
        parents: Vec::new(),
        before: names,
        after: names,
        kind,
        verb: String::new(),
        summary: String::new(),
        who: String::new(),
        session: session.to_owned(),
        workspace: None,
        when: Timestamp(0),
    }
}

/// A log that grows; operations are numbered by their place in it.
#[derive(Default)]
struct Log(Vec<Operation>);

impl Log {
    fn newest_first(&self) -> impl Iterator<Item = Result<(OperationId, Operation), Infallible>> {
        self.0.iter().enumerate().rev().map(|(at, operation)| Ok((id(at), operation.clone())))
    }

    fn undo(&self, session: &str) -> Option<OperationId> {
        let Ok(found) = next_undo(self.newest_first(), |o| o.session == session);
        found
    }

    fn redo(&self, session: &str) -> Option<OperationId> {
        let Ok(found) = next_redo(self.newest_first(), |o| o.session == session);
        found
    }

    fn push(&mut self, session: &str, kind: OperationKind) {
        self.0.push(operation(session, kind));
    }
}

/// Plays a scenario and gives what each undo and redo took.
///
/// A word is a session and what it does: `a.v` a verb, `a.c` a capture, `a.e` an evaluation, `a.m`
/// a reconciliation, `a.u` undo, `a.r` redo, `a.u3` undo of entry 3 by its id. Entries are counted
/// from 0.
#[track_caller]
fn check(scenario: &str, expected: &str) {
    let mut log = Log::default();
    let mut taken = Vec::new();
    for word in scenario.split_whitespace() {
        let (session, what) = word.split_once('.').unwrap();
        let show = |found: Option<OperationId>, log: &Log| {
            let place = (0..log.0.len()).find(|at| Some(id(*at)) == found);
            place.map_or("-".to_owned(), |at| at.to_string())
        };
        let kind = match what {
            "v" => OperationKind::Verb,
            "c" => OperationKind::Capture,
            "e" => OperationKind::Evaluation,
            "m" => OperationKind::Reconcile,
            "u" => {
                let found = log.undo(session);
                taken.push(show(found, &log));
                let Some(of) = found else { continue };
                OperationKind::Undo { of }
            }
            "r" => {
                let found = log.redo(session);
                taken.push(show(found, &log));
                let Some(of) = found else { continue };
                OperationKind::Redo { of }
            }
            by_id => OperationKind::Undo { of: id(by_id[1..].parse().unwrap()) },
        };
        log.push(session, kind);
    }
    assert_eq!(taken.join(" "), expected, "{scenario}");
}

#[test]
fn undo_takes_the_newest_verb_and_then_one_further() {
    check("a.v a.v a.u a.u a.u", "1 0 -");
    check("a.u", "-");
    check("a.v a.c a.e a.m a.u a.u", "0 -");
}

#[test]
fn redo_goes_the_other_way() {
    check("a.v a.v a.u a.u a.r a.r a.r", "1 0 3 2 -");
    check("a.v a.u a.r a.u a.r a.u", "0 1 0 3 0");
    check("a.v a.v a.u a.r a.u a.u", "1 2 1 0");
    check("a.v a.r", "-");
}

#[test]
fn a_new_verb_ends_redo_but_not_undo() {
    check("a.v a.v a.u a.v a.r a.u a.u a.u", "1 - 3 0 -");
    check("a.v a.u a.c a.e a.r", "0 1");
    check("a.v a.v a.u a.v a.u a.r a.r", "1 3 4 -");
}

#[test]
fn sessions_do_not_take_each_other_s_work() {
    check("a.v b.v a.v b.v a.u b.u a.u b.u a.u", "2 3 0 1 -");
    check("a.v b.v a.u b.v a.r b.u b.r", "0 2 3 5");
    check("b.v a.u a.r", "- -");
}

#[test]
fn what_another_undid_by_its_id_is_undone() {
    check("a.v a.v b.u1 a.u a.u", "0 -");
    check("a.v b.u0 a.r b.r a.u", "- 1 0");
}

fn snapshot(number: u8) -> NameValue {
    NameValue::Branch(SnapshotId(Hash([number; 32])))
}

fn branch(name: &str) -> NameKey {
    NameKey::Branch(crate::base::name::Label::new(name).unwrap())
}

fn apply(
    objects: &MemoryObjects,
    names: NamesId,
    edits: &[(NameKey, Option<NameValue>)],
) -> NamesId {
    let edits: NameEdits = edits.iter().cloned().collect();
    names::edit(objects, names, &edits).unwrap()
}

fn inverse_of(
    objects: &MemoryObjects,
    before: NamesId,
    after: NamesId,
    present: NamesId,
) -> Result<Vec<Move>, Vec<Conflict>> {
    let changes = names::diff(objects, before, after).unwrap();
    inverse(&changes, &[], false, |key| names::get(objects, present, key).unwrap())
}

#[test]
fn the_inverse_keeps_what_others_did_and_refuses_what_they_moved() {
    let objects = MemoryObjects::new();
    let empty = names::empty(&objects).unwrap();
    let before = apply(&objects, empty, &[(branch("main"), Some(snapshot(1)))]);
    let mine = [(branch("main"), Some(snapshot(2))), (branch("new"), Some(snapshot(3)))];
    let after = apply(&objects, before, &mine);
    let theirs = apply(&objects, after, &[(branch("other"), Some(snapshot(4)))]);
    let moves = inverse_of(&objects, before, after, theirs).unwrap();
    let edits: Vec<_> = moves.into_iter().map(|m| (m.key, m.new)).collect();
    let undone = apply(&objects, theirs, &edits);
    assert_eq!(undone, apply(&objects, before, &[(branch("other"), Some(snapshot(4)))]));

    let moved = apply(&objects, theirs, &[(branch("main"), Some(snapshot(9)))]);
    let conflicts = inverse_of(&objects, before, after, moved).unwrap_err();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].key, "branch/main");
    assert_eq!(conflicts[0].found, Some(snapshot(9)));
    assert_eq!(conflicts[0].wanted, Some(snapshot(1)));

    let gone = apply(&objects, theirs, &[(branch("new"), None)]);
    let moves = inverse_of(&objects, before, after, gone).unwrap();
    assert_eq!(moves.len(), 1, "what is gone already need not go");
}

#[test]
fn edits_that_were_captured_since_are_no_conflict() {
    let objects = MemoryObjects::new();
    let at = |number| [(branch("main"), Some(snapshot(number)))];
    let mut states = vec![names::empty(&objects).unwrap()];
    // A verb, a capture, a verb, and its undo; then a second capture.
    for number in [1, 2, 3, 4, 3, 5] {
        states.push(apply(&objects, states[states.len() - 1], &at(number)));
    }
    let diff = |from: usize, to: usize| names::diff(&objects, states[from], states[to]).unwrap();
    let captures = [diff(5, 6), diff(2, 3)];
    let present = |key: &NameKey| names::get(&objects, states[6], key).unwrap();
    let moves = inverse(&diff(1, 2), &captures, false, present).unwrap();
    let expected =
        Move { key: branch("main"), expected: Some(snapshot(5)), new: Some(snapshot(1)) };
    assert_eq!(moves, [expected]);
    let without = inverse(&diff(1, 2), &captures[..1], false, present);
    assert_eq!(without.unwrap_err()[0].found, Some(snapshot(5)));
}

#[test]
fn only_own_captures_since_an_operation_are_gone_through() {
    let mut log = Log::default();
    for (session, kind) in [
        ("a", OperationKind::Capture),
        ("a", OperationKind::Verb),
        ("b", OperationKind::Capture),
        ("a", OperationKind::Capture),
        ("a", OperationKind::Evaluation),
        ("a", OperationKind::Capture),
    ] {
        log.push(session, kind);
    }
    let is_capture = |o: &Operation| o.session == "a" && o.kind == OperationKind::Capture;
    let Ok(captures) = captures_since(log.newest_first(), is_capture, id(1));
    assert_eq!(captures.into_iter().map(|(at, _)| at).collect::<Vec<_>>(), [id(5), id(3)]);
}

#[test]
fn what_was_found_is_not_taken_back() {
    let objects = MemoryObjects::new();
    let before = names::empty(&objects).unwrap();
    let hash = Hash([5; 32]);
    let key = NameKey::memo(TreeId(hash), hash, hash);
    let found = (key, Some(NameValue::Evaluation(EvaluationId(hash))));
    let after = apply(&objects, before, &[found, (branch("main"), Some(snapshot(1)))]);
    let moves = inverse_of(&objects, before, after, after).unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0].key, branch("main"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undo_all_then_redo_all_ends_where_it_began(
        verbs in proptest::collection::vec(("[a-d]", proptest::option::of(1_u8..5)), 0..8),
    ) {
        let objects = MemoryObjects::new();
        let mut names = names::empty(&objects).unwrap();
        let first = names;
        let mut log = Log::default();
        let commit = |log: &mut Log, kind: OperationKind, names: &mut NamesId, after: NamesId| {
            let before = std::mem::replace(names, after);
            log.0.push(Operation { before, after, ..operation("a", kind) });
        };
        for (name, value) in &verbs {
            let after = apply(&objects, names, &[(branch(name), value.map(snapshot))]);
            commit(&mut log, OperationKind::Verb, &mut names, after);
        }
        let last = names;
        let find = |log: &Log, wanted: OperationId| {
            let at = (0..log.0.len()).find(|at| id(*at) == wanted).unwrap();
            (log.0[at].before, log.0[at].after)
        };
        let back = |names: NamesId, (before, after): (NamesId, NamesId)| {
            let moves = inverse_of(&objects, before, after, names).unwrap();
            let edits: BTreeMap<_, _> = moves.into_iter().map(|m| (m.key, m.new)).collect();
            names::edit(&objects, names, &edits).unwrap()
        };
        while let Some(of) = log.undo("a") {
            let after = back(names, find(&log, of));
            commit(&mut log, OperationKind::Undo { of }, &mut names, after);
        }
        prop_assert_eq!(names, first);
        while let Some(of) = log.redo("a") {
            let after = back(names, find(&log, of));
            commit(&mut log, OperationKind::Redo { of }, &mut names, after);
        }
        prop_assert_eq!(names, last);
        prop_assert_eq!(log.0.len(), 3 * verbs.len());
    }
}

#[test]
fn what_was_taken_on_trust_goes_back_unless_it_was_found_since() {
    let objects = MemoryObjects::new();
    let finding = |of: u8, found: u8| {
        let key = NameKey::Evaluation(Hash([of; 32]));
        (key, Some(NameValue::Evaluation(EvaluationId(Hash([found; 32])))))
    };
    let before = names::empty(&objects).unwrap();
    let after = apply(&objects, before, &[finding(1, 1), finding(2, 1)]);
    let present = apply(&objects, after, &[finding(2, 2)]);
    let changes = names::diff(&objects, before, after).unwrap();
    let moves = inverse(&changes, &[], true, |key| names::get(&objects, present, key).unwrap());
    let (key, expected) = finding(1, 1);
    assert_eq!(moves.unwrap(), [Move { key, expected, new: None }]);
    assert_eq!(inverse_of(&objects, before, after, present).unwrap(), []);
}
