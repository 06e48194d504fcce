//! Trying a verb at every moment at which the power may fail.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::image::Image;
use super::recording::{Mutation, RecordingDisk};
use super::states::crash_states;

/// States drawn at random for one moment, besides "nothing" and "everything" that was not synced.
const VARIANTS: usize = 12;

/// The moment of a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// So many changes had been made.
    pub at: usize,
    /// Of so many.
    pub all: usize,
    /// What had been acknowledged by `RecordingDisk::mark`, in order.
    pub marks: Vec<String>,
    /// The last change before the crash, for the message of a test that fails.
    pub last: String,
}

impl CrashPoint {
    /// Whether that was acknowledged before the crash.
    pub fn has(&self, mark: &str) -> bool {
        self.marks.iter().any(|text| text == mark)
    }

    /// Whether the verb had returned.
    pub fn is_end(&self) -> bool {
        self.at == self.all
    }
}

/// Runs a verb that works below `root` and calls `check` with each state that a crash may leave
/// there, written to `scratch/state`. Returns how many states were checked; states that are equal
/// in content and acknowledgements are checked once.
///
/// # Errors
/// Those of the system while states are written.
pub fn crash_points(
    root: &Path,
    scratch: &Path,
    run: impl FnOnce(Arc<RecordingDisk>),
    mut check: impl FnMut(&Path, &CrashPoint),
) -> io::Result<usize> {
    let disk = Arc::new(RecordingDisk::new(root));
    crash_points_of(disk, root, scratch, run, |state, point| {
        check(state, point);
        ControlFlow::Continue(())
    })
}

/// The same with a disk that was made by the caller, such as one that forgets a sync, and with a
/// check that may have seen enough.
///
/// # Errors
/// Those of the system while states are written.
pub fn crash_points_of(
    disk: Arc<RecordingDisk>,
    root: &Path,
    scratch: &Path,
    run: impl FnOnce(Arc<RecordingDisk>),
    mut check: impl FnMut(&Path, &CrashPoint) -> ControlFlow<()>,
) -> io::Result<usize> {
    let initial = Image::read(root)?;
    run(disk.clone());
    let recorded = disk.recorded();
    let place = scratch.join("state");
    let mut seen: HashSet<(Image, usize, bool)> = HashSet::new();
    let mut marks = Vec::new();
    for at in 0..=recorded.len() {
        let (done, last) = (&recorded[..at], at.checked_sub(1).map(|at| &recorded[at]));
        if let Some(Mutation::Mark { text }) = last {
            marks.push(text.clone());
        }
        let last = last.map_or_else(String::new, describe);
        let point = CrashPoint { at, all: recorded.len(), marks: marks.clone(), last };
        for state in crash_states(&initial, done, at as u64, VARIANTS) {
            if seen.insert((state.clone(), marks.len(), point.is_end())) {
                state.write(&place)?;
                let seen_enough = check(&place, &point).is_break();
                std::fs::remove_dir_all(&place)?;
                if seen_enough {
                    return Ok(seen.len());
                }
            }
        }
    }
    Ok(seen.len())
}

fn describe(mutation: &Mutation) -> String {
    match mutation {
        Mutation::Write { file, bytes } => format!("{} bytes to file {file}", bytes.len()),
        Mutation::WriteAt { file, offset, bytes } => {
            format!("{} bytes to file {file} at {offset}", bytes.len())
        }
        other => format!("{other:?}"),
    }
}
