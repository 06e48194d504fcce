//! The caller's side of a start: spawns, reads, waits, stops.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{self, Child};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::command::{Cancel, Command, Finished, Outcome, Program, RunError, Stdio};
use super::ending::{enter_error, exit_without_start, name_of, outcome_of};
use super::enter;
use super::handover::{REPORT_BYTES, Report};
use super::output::Output;
use super::prepare::{Prepared, prepare};
use super::stray;
use crate::base::limits::{CANCEL_LOOK_MS, OUTPUT_LOG_BYTES_MAX};

/// Runs a command to its end and leaves nothing of it running.
///
/// `watch` gets each piece of output as it comes. Must be called on a thread that lives until it
/// returns (it does), because the child is bound to the life of the thread that started it.
///
/// # Errors
/// [`RunError::Enter`] names the step that failed before the command could start; a command that
/// does not exist is no error but [`Outcome::DidNotStart`].
pub fn run(
    command: &Command,
    cancel: &Cancel,
    watch: &mut dyn FnMut(&[u8]),
) -> Result<Finished, RunError> {
    let log = open_log(command)?;
    let mut output = Output::new(log, OUTPUT_LOG_BYTES_MAX);
    let started = Instant::now();
    let mut running = match spawn(command)? {
        Spawned::Running(running) => running,
        Spawned::NotStarted(outcome) => return not_started(outcome, started, output, command),
    };
    let stopped = running.follow(command, cancel, started, &mut |piece, is_stdout| {
        watch(piece);
        output.take(piece, is_stdout)
    });
    // Whatever went wrong while reading, the processes are ended before anything is returned.
    running.end()?;
    let report = running.read_report();
    if report.is_none() {
        stray::end_all(&running.mark);
    }
    let stopped = stopped.map_err(|source| log_error(command, source))?;
    let duration = started.elapsed();
    let collected = output.finish().map_err(|source| log_error(command, source))?;
    let (ended, memory_kib_max) = match report {
        Some(Report::Fault { step, index, errno }) => {
            return Err(enter_error(command, step, index, errno));
        }
        Some(Report::Ended { status, memory_kib }) => {
            (Some(status), u64::try_from(memory_kib).ok())
        }
        None => (None, None),
    };
    let outcome = match (stopped, ended) {
        (Some(outcome), _) => outcome,
        (None, Some(status)) => outcome_of(command, status, &collected.tail),
        // What it kept was killed with it, by us.
        (None, None) => Outcome::Signalled(Signal::KILL.as_raw()),
    };
    Ok(Finished {
        outcome,
        duration,
        tail: collected.tail,
        stdout: collected.stdout,
        stdout_truncated: collected.stdout_truncated,
        output_bytes: collected.total,
        log_truncated: collected.log_truncated,
        memory_kib_max,
        is_keeper_lost: report.is_none(),
    })
}

/// The processes of one command.
struct Running {
    child: Child,
    /// Readable when the child has ended; none on kernels without.
    ended: Option<OwnedFd>,
    report: PipeReader,
    pipes: Vec<(PipeReader, bool)>,
    /// What all that the command starts inherits.
    mark: String,
}

enum Spawned {
    Running(Running),
    NotStarted(Outcome),
}

fn spawn(command: &Command) -> Result<Spawned, RunError> {
    let prepared: Prepared = prepare(command)?;
    let mut builder = builder_of(command)?;
    let mark = stray::mark();
    builder.env(stray::VARIABLE, &mark);
    let (report, report_writer) = io::pipe().map_err(RunError::system("make a pipe"))?;
    attach_input(&mut builder, command)?;
    let pipes = attach_pipes(&mut builder, command.stdio)?;
    enter::enter(&mut builder, prepared, report_writer.as_raw_fd());
    let spawned = builder.spawn();
    // The builder holds our copies of the pipes' other ends.
    drop(builder);
    drop(report_writer);
    match spawned {
        Ok(child) => {
            let pid = Pid::from_child(&child);
            let ended = pidfd_open(pid, PidfdFlags::empty()).ok();
            Ok(Spawned::Running(Running { child, ended, report, pipes, mark }))
        }
        Err(error) => match exit_without_start(&error) {
            Some(exit) => {
                let reason = format!("could not start `{}`: {error}", name_of(command).display());
                Ok(Spawned::NotStarted(Outcome::DidNotStart { reason, exit }))
            }
            None => Err(RunError::System { action: "start a process", source: error }),
        },
    }
}

fn builder_of(command: &Command) -> Result<process::Command, RunError> {
    let mut builder = match &command.program {
        Program::Shell(text) => {
            let mut builder = process::Command::new("/bin/sh");
            builder.arg("-c").arg(text);
            builder
        }
        Program::Argv(words) => {
            let Some((program, arguments)) = words.split_first() else {
                return Err(RunError::Plan("a command without words".to_owned()));
            };
            let mut builder = process::Command::new(program);
            builder.args(arguments);
            builder
        }
    };
    for (name, value) in &command.environment {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        };
    }
    Ok(builder)
}

fn attach_input(builder: &mut process::Command, command: &Command) -> Result<(), RunError> {
    match (&command.input, command.stdio) {
        (_, Stdio::Inherited) => {}
        (None, _) => {
            builder.stdin(process::Stdio::null());
        }
        (Some(file), _) => {
            builder.stdin(file.try_clone().map_err(RunError::system("hand over the input"))?);
        }
    }
    Ok(())
}

fn attach_pipes(
    builder: &mut process::Command,
    stdio: Stdio,
) -> Result<Vec<(PipeReader, bool)>, RunError> {
    if stdio == Stdio::Inherited {
        return Ok(Vec::new());
    }
    let (out, out_writer) = io::pipe().map_err(RunError::system("make a pipe"))?;
    let mut pipes = vec![(out, true)];
    if stdio == Stdio::Joined {
        let copy = out_writer.try_clone().map_err(RunError::system("copy a pipe"))?;
        builder.stderr(copy);
    } else {
        let (err, err_writer) = io::pipe().map_err(RunError::system("make a pipe"))?;
        builder.stderr(err_writer);
        pipes.push((err, false));
    }
    builder.stdout(out_writer);
    for (pipe, _) in &pipes {
        rustix::io::ioctl_fionbio(pipe, true)
            .map_err(|error| RunError::System { action: "prepare a pipe", source: error.into() })?;
    }
    Ok(pipes)
}

/// How far stopping has come.
enum Stopping {
    Not,
    Asked { kill_at: Instant },
    Killed { give_up_at: Instant },
}

impl Running {
    /// Reads until the child has ended; stops it at the limit or when cancelled, and says so.
    fn follow(
        &mut self,
        command: &Command,
        cancel: &Cancel,
        started: Instant,
        take: &mut dyn FnMut(&[u8], bool) -> io::Result<()>,
    ) -> io::Result<Option<Outcome>> {
        let limit_at = command.limit.and_then(|limit| started.checked_add(limit));
        let mut stopping = Stopping::Not;
        let mut reason = None;
        loop {
            self.wait_a_little(limit_at.filter(|_| reason.is_none()));
            self.read_what_is_there(take)?;
            if self.child.try_wait()?.is_some() {
                // What processes wrote before they ended is in the pipes by now.
                self.read_what_is_there(take)?;
                return Ok(reason);
            }
            // A command may have stopped its keeper, which would never tell its end.
            self.signal(Signal::CONT);
            let now = Instant::now();
            if reason.is_none() {
                if cancel.is_cancelled() {
                    reason = Some(Outcome::Cancelled);
                } else if limit_at.is_some_and(|at| now >= at) {
                    reason = Some(Outcome::TimedOut);
                }
            }
            if reason.is_some() {
                stopping = self.stop(stopping, now, command.grace);
                if let Stopping::Killed { give_up_at } = stopping
                    && now >= give_up_at
                {
                    return Ok(reason);
                }
            }
        }
    }

    fn stop(&self, stopping: Stopping, now: Instant, grace: Duration) -> Stopping {
        match stopping {
            Stopping::Not => {
                self.signal(Signal::TERM);
                Stopping::Asked { kill_at: now + grace }
            }
            Stopping::Asked { kill_at } if now >= kill_at => {
                self.signal(Signal::USR1);
                Stopping::Killed { give_up_at: now + Duration::from_secs(2) }
            }
            other => other,
        }
    }

    fn signal(&self, signal: Signal) {
        // That it has ended meanwhile is no fault: it is not yet reaped, so the number is still its.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Sleeps until there is output, the child has ended, or it is time to look around.
    fn wait_a_little(&self, limit_at: Option<Instant>) {
        let look = Duration::from_millis(CANCEL_LOOK_MS);
        let left = limit_at.map(|at| at.saturating_duration_since(Instant::now()));
        let wait = left.map_or(look, |left| left.min(look));
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.as_nanos() as _ };
        let mut wanted: Vec<PollFd<'_>> = Vec::with_capacity(3);
        wanted.extend(self.pipes.iter().map(|(pipe, _)| PollFd::new(pipe, PollFlags::IN)));
        wanted.extend(self.ended.iter().map(|ended| PollFd::new(ended, PollFlags::IN)));
        // An interrupted sleep is a short one.
        let _ = poll(&mut wanted, Some(&timeout));
    }

    /// Reads each pipe until it is empty or ended; an ended one is closed. One that is filled
    /// faster than it is read is left after some time, so that the limit is looked at.
    fn read_what_is_there(
        &mut self,
        take: &mut dyn FnMut(&[u8], bool) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = [0; 64 << 10];
        let mut at = 0;
        while at < self.pipes.len() {
            let (pipe, is_stdout) = &mut self.pipes[at];
            let mut has_ended = false;
            for _ in 0..64 {
                match pipe.read(&mut buffer) {
                    Ok(0) => has_ended = true,
                    Ok(count) => {
                        take(&buffer[..count], *is_stdout)?;
                        continue;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
                break;
            }
            if has_ended {
                self.pipes.remove(at);
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Makes sure that the child has ended, and reaps it.
    fn end(&mut self) -> Result<(), RunError> {
        let wait = RunError::system("wait for a process");
        match self.child.try_wait() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {}
            Err(error) => return Err(wait(error)),
        }
        // Kill what it keeps, and give it a moment to do so before it goes itself.
        self.signal(Signal::USR1);
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            self.pipes.clear();
            self.wait_a_little(Some(until));
            if let Ok(Some(_)) = self.child.try_wait() {
                return Ok(());
            }
        }
        let _ = self.child.kill();
        self.child.wait().map(|_| ()).map_err(wait)
    }

    fn read_report(&mut self) -> Option<Report> {
        rustix::io::ioctl_fionbio(self.report.as_fd(), true).ok()?;
        let mut bytes = [0; REPORT_BYTES];
        self.report.read_exact(&mut bytes).ok()?;
        Report::from_bytes(bytes)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after a panic of a watcher: `run` ends it otherwise.
        let _ = self.end();
    }
}

fn open_log(command: &Command) -> Result<Option<File>, RunError> {
    match &command.log {
        None => Ok(None),
        Some(path) => {
            let log = File::create(path).map_err(|source| log_error(command, source))?;
            // Whoever reads it while it grows sees by the lock whether somebody still writes. A file
            // system without locks loses no more than that.
            let _ = log.lock();
            Ok(Some(log))
        }
    }
}

fn log_error(command: &Command, source: io::Error) -> RunError {
    match &command.log {
        Some(path) => RunError::Log { path: path.clone(), source },
        None => RunError::System { action: "read the command's output", source },
    }
}

fn not_started(
    outcome: Outcome,
    started: Instant,
    mut output: Output,
    command: &Command,
) -> Result<Finished, RunError> {
    if let Outcome::DidNotStart { reason, .. } = &outcome {
        let line = format!("{reason}\n");
        output.take(line.as_bytes(), false).map_err(|source| log_error(command, source))?;
    }
    let collected = output.finish().map_err(|source| log_error(command, source))?;
    Ok(Finished {
        outcome,
        duration: started.elapsed(),
        tail: collected.tail,
        stdout: Vec::new(),
        stdout_truncated: false,
        output_bytes: 0,
        log_truncated: false,
        memory_kib_max: None,
        is_keeper_lost: false,
    })
}

/// Starts a command on a thread that ends at once, and returns the number of its keeper: what the
/// death of the caller looks like from the child.
#[cfg(test)]
pub(super) fn start_and_abandon(command: &Command) -> String {
    let thread = std::thread::scope(|scope| {
        scope
            .spawn(|| match spawn(command) {
                Ok(Spawned::Running(running)) => running,
                _ => panic!("the command must start"),
            })
            .join()
    });
    let running = std::mem::ManuallyDrop::new(thread.unwrap());
    running.child.id().to_string()
}
