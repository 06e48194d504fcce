//! Trees that are being measured at this moment: who asks for an equal one waits for its answer.
//!
//! Guarantees that one process measures a tree once, whatever comes of it. Knows nothing of what
//! other processes measure: they meet in the memo.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard};

use super::EngineError;
use super::finding::Found;
use crate::base::id::TreeId;

/// What is measured now, and what was.
#[derive(Default)]
pub(super) struct Flights {
    trees: Mutex<HashMap<TreeId, Option<Found>>>,
    landed: Condvar,
}

impl Flights {
    /// The answer for a tree: of whoever measures or measured it, else of `measure`. A measurement
    /// that ended with an error is none, and the next one begins.
    pub fn once(
        &self,
        tree: TreeId,
        measure: impl FnOnce() -> Result<Found, EngineError>,
    ) -> Result<Found, EngineError> {
        let mut trees = self.lock();
        loop {
            match trees.get(&tree) {
                Some(Some(found)) => return Ok(Found { from_memo: true, ..found.clone() }),
                // Ends when the measurement does, which has limits of its own.
                Some(None) => {
                    trees = self.landed.wait(trees).expect("no thread panics with the lock held");
                }
                None => break,
            }
        }
        trees.insert(tree, None);
        drop(trees);
        let landing = Landing { flights: self, tree, found: None };
        measure().inspect(|found| landing.with(found))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TreeId, Option<Found>>> {
        self.trees.lock().expect("no thread panics with the lock held")
    }
}

/// Tells the others that a measurement has ended, be it by a panic.
struct Landing<'a> {
    flights: &'a Flights,
    tree: TreeId,
    found: Option<Found>,
}

impl Landing<'_> {
    fn with(mut self, found: &Found) {
        self.found = Some(found.clone());
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut trees = self.flights.lock();
        match self.found.take() {
            Some(found) => trees.insert(self.tree, Some(found)),
            None => trees.remove(&self.tree),
        };
        self.flights.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::id::{EvaluationId, Hash};
    use crate::base::time::Timestamp;
    use crate::object::evaluation::Evaluation;

    fn tree(number: u8) -> TreeId {
        TreeId(Hash([number; 32]))
    }

    fn found(tree: TreeId) -> Found {
        let evaluation = Evaluation {
            tree,
            evaluator: tree.0,
            environment: tree.0,
            stages: Vec::new(),
            new_files: Vec::new(),
            changed_files: Vec::new(),
            view: String::new(),
            machine: String::new(),
            when: Timestamp(0),
            duration_ms: 0,
        };
        Found { id: EvaluationId(tree.0), evaluation, from_memo: false }
    }

    #[test]
    fn equal_trees_at_the_same_moment_are_measured_once() {
        let (flights, begun, let_go) = (Flights::default(), Barrier::new(2), Barrier::new(2));
        let measured = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                flights.once(tree(1), || {
                    measured.fetch_add(1, Ordering::Relaxed);
                    begun.wait();
                    let_go.wait();
                    Ok(found(tree(1)))
                })
            });
            begun.wait();
            let second = scope.spawn(|| {
                flights.once(tree(1), || {
                    measured.fetch_add(1, Ordering::Relaxed);
                    Ok(found(tree(1)))
                })
            });
            // Another tree does not wait.
            assert!(!flights.once(tree(2), || Ok(found(tree(2)))).unwrap().from_memo);
            let_go.wait();
            assert!(!first.join().unwrap().unwrap().from_memo);
            assert!(second.join().unwrap().unwrap().from_memo);
        });
        assert_eq!(measured.into_inner(), 1);
    }

    #[test]
    fn one_that_failed_lets_the_next_one_try() {
        let flights = Flights::default();
        assert!(flights.once(tree(1), || Err(EngineError::Interrupted)).is_err());
        assert!(flights.once(tree(1), || Ok(found(tree(1)))).is_ok());
    }
}
