//! A pool of threads that may wait for commands.
//!
//! **Invariant**: a thread of the pool works on one item at a time, whatever that item does. Items
//! are handed out from a counter, not queued as rayon jobs: else a thread that waits inside one
//! item for a parallel walk would begin another item meanwhile, and wait for its command.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::command::{Cancel, RunError};

/// A rayon pool of its own, apart from the global one, which never waits for a child.
pub struct Pool {
    threads: rayon::ThreadPool,
}

impl Pool {
    /// As many threads as jobs that shall run at once; at least one.
    ///
    /// # Errors
    /// [`RunError::System`] when the threads cannot be made.
    pub fn new(jobs: usize) -> Result<Self, RunError> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1));
        let threads = builder
            .thread_name(|at| format!("run-{at}"))
            .build()
            .map_err(|error| RunError::system("start threads")(std::io::Error::other(error)))?;
        Ok(Self { threads })
    }

    /// Works on each item and gives the results in the order of the items. When cancelled, items
    /// that have not begun are left out as `None`; those that run must watch the same [`Cancel`].
    pub fn run<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        cancel: &Cancel,
        work: impl Fn(T) -> R + Sync,
    ) -> Vec<Option<R>> {
        let cells: Vec<_> =
            items.into_iter().map(|item| (Mutex::new(Some(item)), Mutex::new(None))).collect();
        let next = AtomicUsize::new(0);
        self.threads.broadcast(|_| {
            while !cancel.is_cancelled() {
                let Some((item, result)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                let item = item.lock().expect("taken once").take();
                let found = item.map(&work);
                *result.lock().expect("set once") = found;
            }
        });
        let results = cells.into_iter().map(|(_, result)| result.into_inner());
        results.map(|result| result.expect("a panic of `work` was passed on by the pool")).collect()
    }
}

/// Does something with the global rayon pool from a thread of a [`Pool`], where rayon would else
/// use the pool of that thread.
pub fn on_global_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let done = scope.spawn(work).join();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_items() {
        let pool = Pool::new(3).unwrap();
        let items: Vec<u32> = (0..50).collect();
        let results = pool.run(items, &Cancel::new(), |item| item * 2);
        let wanted: Vec<_> = (0..50).map(|item| Some(item * 2)).collect();
        assert_eq!(results, wanted);
    }

    #[test]
    fn cancelling_leaves_out_what_has_not_begun() {
        let pool = Pool::new(1).unwrap();
        let cancel = Cancel::new();
        let results = pool.run(vec![1, 2, 3], &cancel, |item| {
            if item == 2 {
                cancel.cancel();
            }
            item
        });
        assert_eq!(results, [Some(1), Some(2), None]);
    }

    #[test]
    fn a_thread_that_waits_in_parallel_work_begins_no_second_item() {
        let pool = Pool::new(2).unwrap();
        let inside = AtomicUsize::new(0);
        let busiest = AtomicUsize::new(0);
        pool.run((0..16).collect(), &Cancel::new(), |_: u32| {
            busiest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            rayon::join(std::thread::yield_now, std::thread::yield_now);
            inside.fetch_sub(1, Ordering::SeqCst);
        });
        assert!(busiest.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn the_global_pool_can_be_reached_from_inside() {
        let pool = Pool::new(1).unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        let names = pool.run(vec![()], &Cancel::new(), |()| {
            (rayon::join(name, name).0, on_global_pool(|| rayon::join(name, name).0))
        });
        assert_eq!(names, [Some((Some("run-0".to_owned()), None))]);
    }
}
