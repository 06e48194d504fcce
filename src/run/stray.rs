//! Ends what a command had started when the process that keeps it was killed.
//!
//! Outside of a namespace a command can do that to its parent, or the system when memory is short. Then
//! nobody knows its processes any more but by what they inherited: a variable with a value that no other
//! command has. Guarantees that a process which has it, and was there at the last look, is killed. One that
//! took it from its environment is not found.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that tells one command's processes from all others.
pub(super) const VARIABLE: &str = "EXP_RUN";

/// Looks at most: what is found starts nothing more, so the last ones find what was started meanwhile.
const LOOKS_MAX: usize = 200;

/// Bytes of a process's environment that are read.
const ENVIRONMENT_BYTES_MAX: u64 = 8 << 20;

/// A value for one more command. Drawn, since the numbers of processes repeat: in each namespace they
/// begin anew, and processes of others must never be taken for ours.
pub(super) fn mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let drawn = RandomState::new().hash_one(NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}-{drawn:016x}", std::process::id())
}

/// Kills every process that has the mark, until there is none.
pub(super) fn end_all(mark: &str) {
    let wanted = format!("{VARIABLE}={mark}");
    for _ in 0..LOOKS_MAX {
        if !end_some(wanted.as_bytes()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether one was found.
fn end_some(wanted: &[u8]) -> bool {
    let mut found = false;
    for item in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = item.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        // Opened before it is looked at: its number may be another's by then.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let mut bytes = Vec::new();
        let read = File::open(item.path().join("environ"))
            .and_then(|file| file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut bytes));
        if read.is_ok() && bytes.split(|byte| *byte == 0).any(|variable| variable == wanted) {
            found |= pidfd_send_signal(&process, Signal::KILL).is_ok();
        }
    }
    found
}
