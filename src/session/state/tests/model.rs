//! The engine against plain deep copies: random puts, rollbacks and branches must agree.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::id::SnapshotId;
use crate::session::state::*;

#[derive(Clone, Debug)]
enum Step {
    /// Changes one field of a branch's state and puts it.
    Put {
        branch: usize,
        field: u8,
        value: u8,
        kind: usize,
    },
    /// Takes a field away.
    Remove {
        branch: usize,
        field: u8,
    },
    Rollback {
        branch: usize,
        steps: usize,
    },
    Branch {
        from: usize,
    },
    /// Another process goes on.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_usize, 0..12_u8, 0..6_u8, 0..3_usize)
            .prop_map(|(branch, field, value, kind)| Step::Put { branch, field, value, kind }),
        2 => (0..4_usize, 0..12_u8).prop_map(|(branch, field)| Step::Remove { branch, field }),
        2 => (0..4_usize, 0..6_usize).prop_map(|(branch, steps)| Step::Rollback { branch, steps }),
        1 => (0..4_usize).prop_map(|from| Step::Branch { from }),
        1 => Just(Step::Reopen),
    ]
}

/// A branch as deep copies: each state with its id, oldest first.
type Copies = Vec<(SnapshotId, Json)>;

struct Model {
    log: Arc<MemoryLog>,
    settings: StateSettings,
    session: Session,
    branches: Vec<Copies>,
    all: BTreeMap<SnapshotId, Json>,
}

impl Model {
    fn new(settings: StateSettings) -> Self {
        let log = Arc::new(MemoryLog::default());
        let session = over(&log, settings.clone()).session("s").unwrap();
        let (branches, all) = (vec![Vec::new()], BTreeMap::new());
        Self { log, settings, session, branches, all }
    }

    fn name(at: usize) -> crate::base::name::Label {
        label(&if at == 0 { "main".to_owned() } else { format!("b{at}") })
    }

    fn put(&mut self, at: usize, value: Json, kind: PutKind) {
        let put = Put::new(kind, What::Value(value.clone())).on(Self::name(at));
        let last = self.branches[at].last().cloned();
        match self.session.put(&put).unwrap().outcome {
            Outcome::Saved { id, .. } => {
                self.branches[at].push((id, value.clone()));
                self.all.insert(id, value);
            }
            Outcome::Skipped { last: skipped_for, reason } => {
                let (id, stands) = last.unwrap();
                assert_eq!(skipped_for, id);
                assert_eq!(kind, PutKind::Automatic);
                match reason {
                    SkipReason::Same => assert_eq!(stands, value),
                    SkipReason::OnlyIgnored => assert_eq!(counted(&stands), counted(&value)),
                }
            }
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Put { branch, field, value, kind } => {
                let at = branch % self.branches.len();
                let mut fields = fields(self.branches[at].last().map(|(_, value)| value));
                let long = "x".repeat(usize::from(*value) * 40);
                let value =
                    if value % 2 == 0 { Json::from(i64::from(*value)) } else { Json::String(long) };
                fields.insert(format!("f{field}"), value);
                self.put(at, Json::Map(fields), PutKind::ALL[*kind]);
            }
            Step::Remove { branch, field } => {
                let at = branch % self.branches.len();
                let mut fields = fields(self.branches[at].last().map(|(_, value)| value));
                fields.remove(&format!("f{field}"));
                self.put(at, Json::Map(fields), PutKind::Automatic);
            }
            Step::Rollback { branch, steps } => {
                let at = branch % self.branches.len();
                let states = &mut self.branches[at];
                let to = At::Back { branch: Some(Self::name(at)), steps: *steps as u64 };
                let moved = self.session.rollback(Some(&Self::name(at)), &to, "");
                if *steps < states.len() {
                    states.truncate(states.len() - steps);
                    assert_eq!(moved.unwrap().to, states.last().unwrap().0);
                } else {
                    assert!(moved.is_err());
                }
            }
            Step::Branch { from } => {
                let from = from % self.branches.len();
                if let Some((id, _)) =
                    self.branches[from].last().filter(|_| self.branches.len() < 4)
                {
                    let at = self.branches.len();
                    self.session.branch(&Self::name(at), &At::Id(*id), "").unwrap();
                    self.branches.push(self.branches[from].clone());
                }
            }
            Step::Reopen => {
                self.session = over(&self.log, self.settings.clone()).session("s").unwrap();
            }
        }
    }

    fn check(&self) {
        for (at, states) in self.branches.iter().enumerate() {
            let branch = Some(Self::name(at));
            for (steps, (id, value)) in states.iter().rev().enumerate() {
                let at = At::Back { branch: branch.clone(), steps: steps as u64 };
                let found = self.session.get(&at).unwrap();
                assert_eq!((found.id, &found.document.to_json()), (*id, value));
            }
        }
        for (id, value) in &self.all {
            assert_eq!(&self.session.get(&At::Id(*id)).unwrap().document.to_json(), value);
        }
    }
}

fn fields(value: Option<&Json>) -> BTreeMap<String, Json> {
    match value {
        Some(Json::Map(fields)) => fields.clone(),
        _ => BTreeMap::new(),
    }
}

/// Without what is ignored.
fn counted(value: &Json) -> BTreeMap<String, Json> {
    let mut fields = fields(Some(value));
    fields.remove("f0");
    fields
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn states_are_exactly_what_deep_copies_are(
        steps in proptest::collection::vec(step(), 1..80),
        quick in any::<bool>(),
        cache in prop_oneof![Just((1_000, 1 << 20)), Just((2, 1 << 20)), Just((0, 0))],
    ) {
        let settings = StateSettings { quick, cache, ..ignoring(&["/f0"]) };
        let mut model = Model::new(settings.clone());
        for step in &steps {
            model.run(step);
        }
        model.check();
        model.session = over(&model.log, settings).session("s").unwrap();
        model.check();
    }
}
