//! States in memory alone: a step costs its edit and one shared reference.
//!
//! For who needs to go back and to branch, but nothing durable. Guarantees that going back is exact. Keeps
//! the newest `HISTORY_STEPS_MAX` steps, and where each branch is. Knows nothing of stores.

use std::collections::{HashMap, VecDeque};

use crate::base::limits::HISTORY_STEPS_MAX;
use crate::base::name::Label;
use crate::document::Document;

/// Why a history cannot go there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// There are not so many steps, or they are older than what is kept.
    #[error("there are only {steps} steps to go back")]
    TooFar {
        /// How many there are.
        steps: usize,
    },
    /// No such branch.
    #[error("there is no branch `{name}`")]
    UnknownBranch {
        /// What was asked for.
        name: Label,
    },
    /// There is a branch of that name already.
    #[error("there is a branch `{name}` already")]
    BranchExists {
        /// The branch.
        name: Label,
    },
}

/// A step: numbers ascend from 0 and are never used again.
pub type Step = u64;

/// The states of one run in memory, with branches.
#[derive(Clone, Debug)]
pub struct History {
    /// The newest steps; the first of them has the number `first`.
    steps: VecDeque<Node>,
    first: Step,
    at: Head,
    /// Where the other branches are.
    branches: HashMap<Label, Head>,
    current: Option<Label>,
}

#[derive(Clone, Debug)]
struct Node {
    parent: Option<Step>,
    document: Document,
}

/// Where a branch is: its document stays although its step is no longer kept.
#[derive(Clone, Debug)]
struct Head {
    step: Step,
    document: Document,
}

impl History {
    /// Begins with a state as step 0, on a branch without a name.
    pub fn new(document: &Document) -> Self {
        let node = Node { parent: None, document: document.clone() };
        Self {
            steps: VecDeque::from([node]),
            first: 0,
            at: Head { step: 0, document: document.clone() },
            branches: HashMap::new(),
            current: None,
        }
    }

    /// Notes a state as the next step.
    pub fn checkpoint(&mut self, document: &Document) -> Step {
        if self.steps.len() >= HISTORY_STEPS_MAX {
            self.steps.pop_front();
            self.first += 1;
        }
        let step = self.first + self.steps.len() as u64;
        self.steps.push_back(Node { parent: Some(self.at.step), document: document.clone() });
        self.at = Head { step, document: document.clone() };
        step
    }

    /// The state where it is.
    pub fn document(&self) -> &Document {
        &self.at.document
    }

    /// The step where it is.
    pub fn step(&self) -> Step {
        self.at.step
    }

    /// The state of a step, while that is kept.
    pub fn get(&self, step: Step) -> Option<&Document> {
        self.node(step).map(|node| &node.document)
    }

    fn node(&self, step: Step) -> Option<&Node> {
        self.steps.get(usize::try_from(step.checked_sub(self.first)?).ok()?)
    }

    /// Goes back so many steps, exactly, and gives the state there. The steps that are left are kept
    /// as long as others.
    ///
    /// # Errors
    /// [`HistoryError::TooFar`]; then it stays where it is.
    pub fn rollback(&mut self, steps: usize) -> Result<&Document, HistoryError> {
        let mut step = self.at.step;
        for done in 0..steps {
            let parent = self.node(step).and_then(|node| node.parent);
            match parent.filter(|parent| *parent >= self.first) {
                Some(parent) => step = parent,
                None => return Err(HistoryError::TooFar { steps: done }),
            }
        }
        if let Some(node) = self.node(step).filter(|_| steps > 0) {
            self.at = Head { step, document: node.document.clone() };
        }
        Ok(&self.at.document)
    }

    /// Begins a branch where it is. It stays on the branch that it is on.
    ///
    /// # Errors
    /// [`HistoryError::BranchExists`].
    pub fn branch(&mut self, name: Label) -> Result<(), HistoryError> {
        if self.current.as_ref() == Some(&name) || self.branches.contains_key(&name) {
            return Err(HistoryError::BranchExists { name });
        }
        self.branches.insert(name, self.at.clone());
        Ok(())
    }

    /// Goes on with another branch, and gives its state.
    ///
    /// # Errors
    /// [`HistoryError::UnknownBranch`].
    pub fn switch(&mut self, name: &Label) -> Result<&Document, HistoryError> {
        if self.current.as_ref() != Some(name) {
            let Some(head) = self.branches.remove(name) else {
                return Err(HistoryError::UnknownBranch { name: name.clone() });
            };
            let left = std::mem::replace(&mut self.at, head);
            if let Some(current) = self.current.replace(name.clone()) {
                self.branches.insert(current, left);
            }
        }
        Ok(&self.at.document)
    }
}
