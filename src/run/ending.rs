//! How an end is read: statuses, codes of shells, steps that failed.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use super::command::{Command, Outcome, Program, RunError};
use super::handover::Step;

/// The code that a shell would give for an error of exec; none when it is another kind of error.
pub(super) fn exit_without_start(error: &io::Error) -> Option<i32> {
    match error.kind() {
        io::ErrorKind::NotFound => Some(127),
        io::ErrorKind::PermissionDenied => Some(126),
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => Some(126),
        _ => None,
    }
}

/// The program, for messages.
pub(super) fn name_of(command: &Command) -> &Path {
    Path::new(match &command.program {
        Program::Shell(_) => OsStr::new("/bin/sh"),
        Program::Argv(words) => words.first().map_or(OsStr::new(""), |word| word.as_os_str()),
    })
}

/// Reads a status as `waitpid` gives it. From a shell, 126 and 127 mean that there was nothing to
/// run, which must not be taken for a failure of what would have run.
pub(super) fn outcome_of(command: &Command, status: i32, tail: &[u8]) -> Outcome {
    let status = ExitStatus::from_raw(status);
    let Some(exit) = status.code() else {
        return Outcome::Signalled(status.signal().unwrap_or(0));
    };
    let is_shell = matches!(command.program, Program::Shell(_));
    if !is_shell || !matches!(exit, 126 | 127) {
        return Outcome::Exited(exit);
    }
    let text = String::from_utf8_lossy(tail);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let why = if exit == 127 { "command not found" } else { "command cannot be executed" };
    let reason = last.map_or_else(|| why.to_owned(), |line| line.chars().take(500).collect());
    Outcome::DidNotStart { reason, exit }
}

/// A step of the child's that failed, with what it was done to.
pub(super) fn enter_error(command: &Command, step: Step, index: u8, errno: i32) -> RunError {
    let plan = command.mount.as_ref();
    let bind = plan.and_then(|plan| plan.binds.get(usize::from(index)));
    let overlay = plan.and_then(|plan| plan.overlays.get(usize::from(index)));
    let at = match step {
        Step::Folder => Some(command.folder.clone()),
        Step::Overlay => overlay.map(|overlay| overlay.target.clone()),
        Step::OpenBind => bind.map(|bind| bind.source.clone()),
        Step::Bind => bind.map(|bind| bind.target.clone()),
        _ => None,
    };
    RunError::Enter { step: step.words(), at, source: io::Error::from_raw_os_error(errno) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_line_that_says_something() {
        let command = Command::shell("x", "/");
        let outcome = outcome_of(&command, 127 << 8, b"before\nsh: x: not found\n \n");
        let reason = "sh: x: not found".to_owned();
        assert_eq!(outcome, Outcome::DidNotStart { reason, exit: 127 });
        let Outcome::DidNotStart { reason, .. } = outcome_of(&command, 126 << 8, b"") else {
            panic!("126 of a shell is no failure")
        };
        assert_eq!(reason, "command cannot be executed");
        assert_eq!(outcome_of(&command, 15, b""), Outcome::Signalled(15));
    }
}
