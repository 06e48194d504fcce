//! The files that hold what commands wrote, and whether somebody still writes them.
//!
//! **Invariant**: a log that is being written has a name of its own, `STAGE.PROCESS-NUMBER.log`,
//! and is locked by its writer; the lock ends with the writer, however that ends. The whole text of
//! the newest run that ended by itself is `STAGE.log`.

use std::fs::{self, File, TryLockError};
use std::path::Path;

/// A stage as a part of a file name.
pub(super) fn stem(stage: &str) -> String {
    stage.replace(|c: char| !c.is_alphanumeric() && c != '-', "_")
}

/// The stage of a log, and what tells its writer from others while it is written; none for what
/// is no log.
pub(in crate::engine) fn parts(name: &str) -> Option<(&str, Option<&str>)> {
    let name = name.strip_suffix(".log")?;
    Some(match name.split_once('.') {
        Some((stage, writer)) => (stage, Some(writer)),
        None => (name, None),
    })
}

/// Whether somebody still writes a log. One that was just made is not locked for a moment, and so
/// is one that ends: who wants to be sure looks again.
pub fn is_written(log: &File) -> bool {
    // The lock is given back at once: a writer waits for it.
    let free = log.try_lock_shared();
    if free.is_ok() {
        let _ = log.unlock();
    }
    matches!(free, Err(TryLockError::WouldBlock))
}

/// Removes what runs left that were killed from outside: a newer run of the same label has ended.
pub(super) fn tidy(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((_, Some(writer))) = name.to_str().and_then(parts) else { continue };
        // A living process may have made it just now, and lock it in a moment.
        let process = writer.split('-').next().unwrap_or_default();
        let is_alive = Path::new("/proc").join(process).exists();
        if !is_alive && File::open(entry.path()).is_ok_and(|log| !is_written(&log)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_any_more_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let log = |name: &str| File::create(folder.path().join(name)).unwrap();
        // No process has number 0 or one beyond the system's largest.
        let held = log("test.4194305-1.log");
        held.lock().unwrap();
        log("test.4194305-2.log");
        log(&format!("test.{}-3.log", std::process::id()));
        log("test.log");
        log("build.4194306-0.log");
        tidy(folder.path());
        let mut left: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let own = format!("test.{}-3.log", std::process::id());
        let mut wanted = vec!["test.4194305-1.log".to_owned(), own, "test.log".to_owned()];
        wanted.sort();
        assert_eq!(left, wanted);
        assert!(is_written(&File::open(folder.path().join("test.4194305-1.log")).unwrap()));
        drop(held);
        assert!(!is_written(&File::open(folder.path().join("test.4194305-1.log")).unwrap()));
    }

    #[test]
    fn names_say_what_and_by_whom() {
        assert_eq!(parts("test.log"), Some(("test", None)));
        assert_eq!(parts("test.17-2.log"), Some(("test", Some("17-2"))));
        assert_eq!(parts("test.txt"), None);
        assert_eq!(stem("a b.c"), "a_b_c");
    }
}
