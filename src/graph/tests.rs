//! Small DAGs as text: `a; b<a; m<b,c; d@5<m`, oldest first, with the time after `@` (else one
//! more than the snapshot before).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::base::id::{Hash, ObjectId, SnapshotId, TreeId};
use crate::base::name::Label;
use crate::base::time::Timestamp;
use crate::object::memory::MemoryObjects;
use crate::object::snapshot::{Origin, Snapshot, Tier};
use crate::object::traits::{Fetch, ObjectError};

/// What lies beyond what is shown is read for the order alone: if it cannot be had, the rest is shown.
#[test]
fn a_past_that_cannot_be_read_does_not_hide_the_present() {
    let dag = Scenario::new("a; b<a; c<b; d<c; e<d");
    let start = [dag.ids["e"]];
    let present = MemoryObjects::new();
    for name in ["c", "d", "e"] {
        Snapshot::fetch(&dag, dag.ids[name]).unwrap().put(&present).unwrap();
    }
    let found = newest_first(&present, &start, 2).unwrap();
    let shown: Vec<_> = found.iter().map(|(_, snapshot)| snapshot.message.as_str()).collect();
    assert_eq!(shown, ["e", "d"]);
    assert!(newest_first(&present, &start, 4).is_err(), "nothing is passed over");
}

/// A DAG in memory that counts what is fetched of it.
struct Scenario {
    objects: MemoryObjects,
    ids: BTreeMap<String, SnapshotId>,
    fetched: AtomicUsize,
}

impl Fetch for Scenario {
    fn fetch(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, ObjectError> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        self.objects.fetch(id)
    }

    fn contains(&self, id: ObjectId) -> Result<bool, ObjectError> {
        self.objects.contains(id)
    }
}

impl Scenario {
    fn new(text: &str) -> Self {
        let (objects, mut ids, mut now) = (MemoryObjects::new(), BTreeMap::new(), 0);
        for part in text.split(';') {
            let (name, parents) = part.trim().split_once('<').unwrap_or((part.trim(), ""));
            let (name, when) = match name.split_once('@') {
                Some((name, when)) => (name, when.parse().unwrap()),
                None => (name, now + 1),
            };
            now = when;
            let parents = parents.split(',').filter(|p| !p.is_empty());
            let snapshot = Snapshot {
                parents: parents.map(|parent| ids[parent]).collect(),
                tree: TreeId(Hash([0; 32])),
                state: None,
                git_head: None,
                branch: Label::new("main").unwrap(),
                origin: Origin::Manual,
                tier: Tier::Checkpoint,
                who: String::new(),
                session: String::new(),
                when: Timestamp(when),
                message: name.to_owned(),
            };
            ids.insert(name.to_owned(), snapshot.put(&objects).unwrap());
        }
        Self { objects, ids, fetched: AtomicUsize::new(0) }
    }

    fn id(&self, name: &str) -> SnapshotId {
        self.ids[name]
    }

    fn name(&self, id: SnapshotId) -> &str {
        self.ids.iter().find(|(_, known)| **known == id).unwrap().0
    }

    fn base(&self, a: &str, b: &str) -> Option<&str> {
        merge_base(self, self.id(a), self.id(b)).unwrap().map(|id| self.name(id))
    }

    fn log(&self, starts: &str, max: usize) -> String {
        let starts: Vec<_> = starts.split_whitespace().map(|name| self.id(name)).collect();
        let log = newest_first(self, &starts, max).unwrap();
        log.iter().map(|(id, _)| self.name(*id)).collect::<Vec<_>>().join(" ")
    }

    fn fetches(&self) -> usize {
        self.fetched.swap(0, Ordering::Relaxed)
    }
}

fn chain(length: usize) -> String {
    let links = (1..length).map(|at| format!("; n{at}<n{}", at - 1));
    format!("n0{}", links.collect::<String>())
}

#[test]
fn the_best_common_ancestor() {
    let dag = Scenario::new("a; b<a; c<a; m<b,c; d<m; e<c");
    assert_eq!(dag.base("b", "c"), Some("a"));
    assert_eq!(dag.base("d", "e"), Some("c"));
    assert_eq!(dag.base("e", "d"), Some("c"));
    assert_eq!(dag.base("m", "d"), Some("m"));
    assert_eq!(dag.base("d", "d"), Some("d"));
    assert_eq!(Scenario::new("a; b; c<a").base("c", "b"), None);
    // Criss-cross: two are equally good, and the newer one is taken from either side.
    let dag = Scenario::new("a; b<a; c<a; x<b,c; y<c,b");
    assert_eq!(dag.base("x", "y"), Some("c"));
    assert_eq!(dag.base("y", "x"), Some("c"));
}

#[test]
fn clocks_that_went_back_change_no_answer() {
    // `a` claims to be newer than all that came from it.
    let dag = Scenario::new("a@90; b@5<a; c@6<a; d@7<c; e@8<d,a");
    assert_eq!(dag.base("b", "e"), Some("a"));
    // From both sides `p` is met directly, and as an ancestor of `q` through a detour that claims
    // to be older than both.
    let dag = Scenario::new("p@50; u@2<p; q@40<u; x@70<q,p; y@71<q,p");
    assert_eq!(dag.base("x", "y"), Some("q"));
    assert!(is_ancestor(&dag, dag.id("p"), dag.id("x")).unwrap());
}

#[test]
fn random_dags_agree_with_the_definition() {
    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for _ in 0..500 {
        let count = 3 + below(9);
        let mut text = "n0".to_owned();
        for at in 1..count {
            let parents: HashSet<_> = (0..below(3)).map(|_| format!("n{}", below(at))).collect();
            let parents: Vec<_> = parents.into_iter().collect();
            text.push_str(&format!("; n{at}@{}<{}", below(20), parents.join(",")));
        }
        let dag = Scenario::new(&text);
        let all: Vec<_> = dag.ids.values().copied().collect();
        let whole = Region::load(&dag, &all, usize::MAX).unwrap();
        let (a, b) = (all[below(all.len())], all[below(all.len())]);
        let common = |id: &SnapshotId| whole.is_ancestor(*id, a) && whole.is_ancestor(*id, b);
        let common: Vec<_> = all.iter().copied().filter(common).collect();
        let best = |id: &SnapshotId| {
            !common.iter().any(|other| other != id && whole.is_ancestor(*id, *other))
        };
        let best = common.iter().copied().filter(best);
        let best = best.max_by_key(|id| (whole.snapshot(*id).unwrap().when, *id));
        assert_eq!(merge_base(&dag, a, b).unwrap(), best, "{text}");
        assert_eq!(is_ancestor(&dag, a, b).unwrap(), whole.is_ancestor(a, b), "{text}");
        let order = whole.newest_first();
        assert_eq!(order.len(), all.len());
        for (at, id) in order.iter().enumerate() {
            let parents = &whole.snapshot(*id).unwrap().parents;
            assert!(!order[..at].iter().any(|earlier| parents.contains(earlier)), "{text}");
        }
    }
}

#[test]
fn a_region_knows_its_bound_and_its_children() {
    let dag = Scenario::new("a; b<a; c<a; m<b,c");
    let all = Region::load(&dag, &[dag.id("m")], 10).unwrap();
    assert!(all.is_complete());
    let mut expected = vec![dag.id("b"), dag.id("c")];
    expected.sort_unstable();
    assert_eq!(all.children(dag.id("a")), expected);
    let part = Region::load(&dag, &[dag.id("m")], 2).unwrap();
    assert_eq!((part.count(), part.is_complete()), (2, false));
    assert!(part.snapshot(dag.id("c")).is_some() && part.snapshot(dag.id("a")).is_none());
}

#[test]
fn the_log_has_children_before_parents() {
    let dag = Scenario::new("a; b<a; c<a; m<b,c; x<c");
    assert_eq!(dag.log("m x", 9), "x m c b a");
    assert_eq!(dag.log("m", 2), "m c");
    assert_eq!(dag.log("b m", 9), "m c b a");
    // Of one time: the edges alone decide.
    let dag = Scenario::new("a@1; b@1<a; c@1<b; d@1<c");
    assert_eq!(dag.log("a b c d", 2), "d c");
    let dag = Scenario::new("a@9; b@1<a; c@2<b");
    assert_eq!(dag.log("a c", 9), "c b a");
}

#[test]
fn walks_read_what_they_need() {
    let mut text = chain(1_000);
    text.push_str("; x<n990; y<n995");
    let dag = Scenario::new(&text);
    assert_eq!(dag.log("n999", 20).split(' ').count(), 20);
    assert!(dag.fetches() < 120);
    assert_eq!(dag.base("x", "y"), Some("n990"));
    assert!(dag.fetches() < 20);
    assert_eq!(ancestor_at(&dag, dag.id("y"), 6).unwrap(), Some(dag.id("n990")));
    assert_eq!(ancestor_at(&dag, dag.id("y"), 0).unwrap(), Some(dag.id("y")));
    assert!(dag.fetches() < 10);
    assert_eq!(ancestor_at(&dag, dag.id("y"), 997).unwrap(), None);
}

#[test]
fn the_walk_to_the_last_good_one() {
    let dag = Scenario::new("a; b<a; c<b; d<a; m<c,d; e<m");
    let walk = |good: &str, older: &str| {
        let mut judge = |id, _: &Snapshot| -> Result<Judgement, GraphError> {
            let name = dag.name(id);
            Ok(if good.contains(name) {
                Judgement::Good
            } else if older.contains(name) {
                Judgement::GoodOlderEvaluator
            } else {
                Judgement::Other
            })
        };
        let walk = last_good(&dag, dag.id("e"), &mut judge).unwrap();
        (walk.found.map(|f| (dag.name(f.snapshot), f.judgement, f.passed)), walk.visited)
    };
    assert_eq!(walk("", ""), (None, 6));
    assert_eq!(walk("e", ""), (Some(("e", Judgement::Good, 0)), 1));
    assert_eq!(walk("cb", ""), (Some(("c", Judgement::Good, 3)), 4));
    // The present evaluator goes before an older one, however far away.
    assert_eq!(walk("a", "d"), (Some(("a", Judgement::Good, 5)), 6));
    assert_eq!(walk("", "db"), (Some(("d", Judgement::GoodOlderEvaluator, 2)), 6));
}

#[test]
fn of_one_time_the_first_parent_is_first() {
    let dag = Scenario::new("b@5; c@5; m@6<b,c; n@6<c,b");
    for (from, first) in [("m", "b"), ("n", "c")] {
        let mut judge = |id, _: &Snapshot| -> Result<Judgement, GraphError> {
            let is_good = id == dag.id("b") || id == dag.id("c");
            Ok(if is_good { Judgement::Good } else { Judgement::Other })
        };
        let found = last_good(&dag, dag.id(from), &mut judge).unwrap().found.unwrap();
        assert_eq!(dag.name(found.snapshot), first);
    }
}

/// Draws the rows with plain characters: `*` a snapshot, `|` a line, then the lines to the next
/// row that change their column.
fn drawing(dag: &Scenario, starts: &str) -> String {
    let starts: Vec<_> = starts.split_whitespace().map(|name| dag.id(name)).collect();
    let log = newest_first(dag, &starts, 99).unwrap();
    let rows = lanes(&log.into_iter().map(|(id, s)| (id, s.parents)).collect::<Vec<_>>());
    let mut text = String::new();
    for row in rows {
        let width = row.passing.iter().copied().max().unwrap_or(0).max(row.column) + 1;
        for at in 0..width {
            let passes = row.passing.contains(&at);
            text.push(if at == row.column { '*' } else { if passes { '|' } else { ' ' } });
        }
        text.push_str(&format!(" {}", dag.name(row.snapshot)));
        for link in row.links.iter().filter(|link| link.from != link.to) {
            text.push_str(&format!(" {}>{}", link.from, link.to));
        }
        text.push('\n');
    }
    text
}

#[test]
fn lanes_of_small_graphs() {
    let draw = |text: &str, starts: &str| drawing(&Scenario::new(text), starts);
    assert_eq!(draw("a; b<a; c<b", "c"), "* c\n* b\n* a\n");
    assert_eq!(draw("a; b<a; c<a; m<b,c", "m"), "* m 0>1\n|* c\n*| b 0>1\n * a\n");
    assert_eq!(draw("a; b<a; c<a; d<a", "b c d"), "* d\n|* c 1>0\n|* b 1>0\n* a\n");
    assert_eq!(draw("a; b<a; x; c<b; y<x", "c y"), "* y\n|* c\n*| x\n * b\n * a\n");
}
