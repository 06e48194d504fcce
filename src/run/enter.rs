//! The child's side of a start: keeper, namespaces, mounts, and the command itself.
//!
//! Between fork and exec. A threaded process cannot unshare, and after a fork only one of its
//! threads exists; so everything here uses system calls alone, on values made before
//! (`prepare.rs`), and allocates nothing.
//!
//! The processes, each the parent of the next:
//! - *without a view*: **keeper** (adopts orphans, kills what is left when the command ends) →
//!   command;
//! - *with a view*: **relay** (outside) → **keeper** (process 1 of its own PID namespace: when it
//!   ends, the kernel ends all) → command.
//!
//! Keeper and relay hold no descriptor but the report pipe, ignore the terminal's signals, and
//! understand two of ours: `SIGTERM` (ask everything to stop) and `SIGUSR1` (kill everything).
//! They end when the caller's process ends. What happened goes through the report pipe as
//! [`Report`]s, written whole because they are short.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use super::handover::{Report, Step};
use super::prepare::{Prepared, PreparedBind, PreparedView};

/// A step that failed.
struct Fault {
    step: Step,
    index: u8,
    errno: i32,
}

/// Makes the command start as prepared. `report` must stay open until it has been spawned.
pub(super) fn enter(command: &mut Command, mut prepared: Prepared, report: RawFd) {
    let child = move || match start(&mut prepared, report) {
        Ok(()) => Ok(()),
        Err(Fault { step, index, errno }) => {
            send(report, Report::Fault { step, index, errno });
            exit_now(125)
        }
    };
    // Safety: the closure runs in the child after fork. It and all that it calls make system calls
    // on values that exist already; nothing allocates, takes a lock or unwinds.
    unsafe {
        command.pre_exec(child);
    }
}

/// Returns in the process that becomes the command; relay and keeper never return.
fn start(prepared: &mut Prepared, report: RawFd) -> Result<(), Fault> {
    take_signals();
    let mut keeper_parent = prepared.parent;
    if let Some(view) = &mut prepared.view {
        die_with_parent(libc::SIGKILL)?;
        if parent_id() != prepared.parent {
            exit_now(125);
        }
        unshare_view(view)?;
        // Changing credentials may forget the parent's death signal, so it is set once more.
        die_with_parent(libc::SIGKILL)?;
        enter_namespace(report)?;
        make_mounts(view)?;
        keeper_parent = 0;
    } else {
        // The keeper must outlive the caller for a moment, to kill what is left: it is asked.
        die_with_parent(libc::SIGTERM)?;
        adopt_orphans()?;
    }
    match fork()? {
        0 => become_command(prepared),
        main => keep(main, keeper_parent, prepared.own_session, report),
    }
}

/// Forks the keeper into the new PID namespace; the relay stays behind.
fn enter_namespace(report: RawFd) -> Result<(), Fault> {
    // In the new namespace the parent's number is 0, alive or dead: this descriptor tells which.
    // Safety: no pointers.
    let relay = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) } as RawFd;
    match fork()? {
        0 => {
            die_with_parent(libc::SIGKILL)?;
            if relay >= 0 && is_readable(relay) {
                exit_now(125);
            }
            Ok(())
        }
        keeper => {
            close_others(report);
            pass_on(keeper)
        }
    }
}

/// The last steps of the process that becomes the command.
fn become_command(prepared: &Prepared) -> Result<(), Fault> {
    // Safety: plain calls on constants and on a set that `empty_set` filled.
    unsafe {
        let taken = [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGPIPE];
        for signal in taken.into_iter().chain([libc::SIGTERM, libc::SIGUSR1]) {
            libc::signal(signal, libc::SIG_DFL);
        }
        let none = empty_set();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        if prepared.own_session {
            check(libc::setsid(), Step::Session)?;
        }
        check(libc::chdir(prepared.folder.as_ptr()), Step::Folder)?;
    }
    close_on_exec();
    Ok(())
}

/// The relay: passes signals on to the keeper and ends when the keeper has ended.
fn pass_on(keeper: libc::pid_t) -> ! {
    leave_folder();
    loop {
        match next_signal() {
            libc::SIGTERM => kill(keeper, libc::SIGTERM),
            libc::SIGUSR1 => kill(keeper, libc::SIGKILL),
            _ => {}
        }
        if reap_one(keeper).is_some() {
            exit_now(0);
        }
    }
}

/// The keeper: waits for the command and for every orphan; leaves nothing behind.
fn keep(main: libc::pid_t, parent: libc::pid_t, own_session: bool, report: RawFd) -> ! {
    let report = close_others(report);
    leave_folder();
    let is_first = parent == 0;
    loop {
        let signal = next_signal();
        let orphaned = !is_first && parent_id() != parent;
        if signal == libc::SIGUSR1 || orphaned {
            kill(main, libc::SIGKILL);
            let mut status = 0;
            // Safety: the status is ours.
            unsafe { libc::waitpid(main, &raw mut status, 0) };
            conclude(main, status, is_first, own_session, report);
        }
        if signal == libc::SIGTERM {
            ask_all(main, is_first, own_session);
        }
        while let Some((child, status)) = reap_one(-1) {
            if child == main {
                conclude(main, status, is_first, own_session, report);
            }
        }
    }
}

/// Tells how the command ended, first, and then leaves nothing of it behind.
fn conclude(main: libc::pid_t, status: i32, is_first: bool, own_session: bool, report: RawFd) -> ! {
    send(report, Report::Ended { status, memory_kib: memory_of_children() });
    if !is_first {
        sweep(main, own_session);
    }
    exit_now(0)
}

/// Asks everything below to stop. A stopped process is woken, or it would never hear.
fn ask_all(main: libc::pid_t, is_first: bool, own_session: bool) {
    for signal in [libc::SIGTERM, libc::SIGCONT] {
        if is_first {
            // As process 1 this reaches all of the namespace but the caller of it.
            kill(-1, signal);
        } else {
            kill(if own_session { -main } else { main }, signal);
            for_each_child(&mut |child| kill(child, signal));
        }
    }
}

/// Kills what is left: children of children become ours when their parent dies, so that repeating
/// it reaches everything. The command itself is reaped already.
fn sweep(main: libc::pid_t, own_session: bool) {
    // Each turn reaps one process, so the bound is the number of processes that there can be.
    for _ in 0..1 << 22 {
        if own_session {
            kill(-main, libc::SIGKILL);
        }
        let mut left = 0;
        for_each_child(&mut |child| {
            kill(child, libc::SIGKILL);
            left += 1;
        });
        // Without a list (no such file in this kernel) we wait only for what has ended.
        let options = if left == 0 { libc::WNOHANG } else { 0 };
        // Safety: no place for the status is given.
        if unsafe { libc::waitpid(-1, ptr::null_mut(), options) } <= 0 {
            return;
        }
    }
}

/// Visits the numbers of this process's children.
fn for_each_child(visit: &mut dyn FnMut(libc::pid_t)) {
    // Safety: the path ends in NUL, the buffer is ours and its length is given.
    unsafe {
        let file = libc::open(c"/proc/thread-self/children".as_ptr(), libc::O_RDONLY);
        if file < 0 {
            return;
        }
        let mut buffer = [0_u8; 4096];
        let mut number: libc::pid_t = 0;
        loop {
            let count = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
            let Ok(count @ 1..) = usize::try_from(count) else { break };
            for byte in buffer.iter().take(count) {
                match byte {
                    b'0'..=b'9' => {
                        let digit = libc::pid_t::from(byte - b'0');
                        number = number.wrapping_mul(10).wrapping_add(digit);
                    }
                    _ if number > 0 => {
                        visit(number);
                        number = 0;
                    }
                    _ => {}
                }
            }
        }
        libc::close(file);
    }
}

fn unshare_view(view: &PreparedView) -> Result<(), Fault> {
    let user = if view.identity.is_some() { libc::CLONE_NEWUSER } else { 0 };
    // Safety: no pointers; the process has one thread.
    check(unsafe { libc::unshare(user | libc::CLONE_NEWNS | libc::CLONE_NEWPID) }, Step::Unshare)?;
    if let Some((user, group)) = &view.identity {
        write_file(c"/proc/self/setgroups", c"deny")?;
        write_file(c"/proc/self/uid_map", user)?;
        write_file(c"/proc/self/gid_map", group)?;
    }
    Ok(())
}

fn make_mounts(view: &mut PreparedView) -> Result<(), Fault> {
    // Safety: every pointer is to a C string that lives longer than the call.
    unsafe {
        let flags = libc::MS_REC | libc::MS_PRIVATE;
        let root = c"/".as_ptr();
        check(libc::mount(c"none".as_ptr(), root, ptr::null(), flags, ptr::null()), Step::Private)?;
        for (index, bind) in view.binds.iter_mut().enumerate() {
            open_bind(bind).map_err(|fault| Fault { index: index as u8, ..fault })?;
        }
        for (index, (options, target)) in view.overlays.iter().enumerate() {
            let name = c"overlay".as_ptr();
            let options = options.as_ptr().cast();
            check(libc::mount(name, target.as_ptr(), name, 0, options), Step::Overlay)
                .map_err(|fault| Fault { index: index as u8, ..fault })?;
        }
        // A fresh view of processes where the kernel allows it; a container that hides parts of
        // its own refuses. Then the old one stays, in which our processes have other numbers.
        // Before the binds, of which one lies in it.
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let name = c"proc".as_ptr();
        libc::mount(name, c"/proc".as_ptr(), name, flags, ptr::null());
        for (index, bind) in view.binds.iter().enumerate() {
            place_bind(bind).map_err(|fault| Fault { index: index as u8, ..fault })?;
        }
    }
    Ok(())
}

/// Takes a copy of the mount at the source, before an overlay can hide it. Making the copy
/// read-only this way keeps flags that a parent namespace has locked.
fn open_bind(bind: &mut PreparedBind) -> Result<(), Fault> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    // Safety: the path is a C string, the attributes are plain data of the size that is given.
    unsafe {
        let source = bind.source.as_ptr();
        let opened = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source, flags) as i32;
        check(opened, Step::OpenBind)?;
        bind.opened = opened;
        if bind.read_only {
            let mut attributes: libc::mount_attr = std::mem::zeroed();
            attributes.attr_set = libc::MOUNT_ATTR_RDONLY;
            let size = size_of::<libc::mount_attr>();
            let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
            let number = libc::SYS_mount_setattr;
            let empty = c"".as_ptr();
            let done = libc::syscall(number, opened, empty, flags, &raw mut attributes, size);
            check(done as i32, Step::OpenBind)?;
        }
    }
    Ok(())
}

fn place_bind(bind: &PreparedBind) -> Result<(), Fault> {
    let (empty, target) = (c"".as_ptr(), bind.target.as_ptr());
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    // Safety: both paths are C strings that live longer than the call.
    let done = unsafe {
        libc::syscall(libc::SYS_move_mount, bind.opened, empty, libc::AT_FDCWD, target, flags)
    };
    check(done as i32, Step::Bind)
}

fn write_file(path: &std::ffi::CStr, text: &std::ffi::CStr) -> Result<(), Fault> {
    // Safety: both are C strings, and the length is that of the text.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(file, Step::Identity)?;
        let written = libc::write(file, text.as_ptr().cast(), text.to_bytes().len());
        let result = check(written as i32, Step::Identity);
        libc::close(file);
        result
    }
}

/// Blocks the signals that keeper and relay wait for, and ignores those of a terminal.
fn take_signals() {
    // Safety: plain calls on constants and on a set that is filled first.
    unsafe {
        let mut set = empty_set();
        for signal in [libc::SIGTERM, libc::SIGUSR1, libc::SIGCHLD] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
        // A report that nobody reads any more must not end the keeper before it has killed all.
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
}

fn next_signal() -> i32 {
    // Safety: the set is filled before it is used, and no information is asked for.
    unsafe {
        let mut set = empty_set();
        for signal in [libc::SIGTERM, libc::SIGUSR1, libc::SIGCHLD] {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigwaitinfo(&raw const set, ptr::null_mut())
    }
}

fn empty_set() -> libc::sigset_t {
    // Safety: a signal set is plain data, and `sigemptyset` fills all of it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

fn reap_one(child: libc::pid_t) -> Option<(libc::pid_t, i32)> {
    let mut status = 0;
    // Safety: the status is ours.
    let reaped = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
    (reaped > 0).then_some((reaped, status))
}

fn memory_of_children() -> i64 {
    // Safety: the usage is plain data that the call fills.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage.ru_maxrss
    }
}

fn die_with_parent(signal: i32) -> Result<(), Fault> {
    // Safety: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) }, Step::Keep)
}

fn adopt_orphans() -> Result<(), Fault> {
    // Safety: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, Step::Keep)
}

fn parent_id() -> libc::pid_t {
    // Safety: no arguments.
    unsafe { libc::getppid() }
}

fn fork() -> Result<libc::pid_t, Fault> {
    // Safety: the process has one thread, and both sides keep to system calls.
    let child = unsafe { libc::fork() };
    check(child, Step::Fork)?;
    Ok(child)
}

fn kill(process: libc::pid_t, signal: i32) {
    // Safety: no pointers. That it is gone already is no fault.
    unsafe {
        libc::kill(process, signal);
    }
}

fn leave_folder() {
    // Safety: the path is a C string. Not to hold a folder busy is all that this is for.
    unsafe {
        libc::chdir(c"/".as_ptr());
    }
}

fn is_readable(descriptor: RawFd) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // Safety: one element, ours.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 }
}

/// Closes all descriptors but the report pipe, which gets the number 3. Standard input and output
/// go, too: a pipe shall be seen to end when the command has closed it.
fn close_others(report: RawFd) -> RawFd {
    // Safety: numbers only. Descriptors that the caller's code believes to own are never used
    // again, because this process never returns to it.
    unsafe {
        if report != 3 {
            libc::dup2(report, 3);
        }
        for descriptor in 0..3 {
            libc::close(descriptor);
        }
        if libc::syscall(libc::SYS_close_range, 4_u32, u32::MAX, 0_u32) < 0 {
            for descriptor in 4..descriptors_max() {
                libc::close(descriptor);
            }
        }
    }
    3
}

/// Lets exec close all descriptors but the standard three.
fn close_on_exec() {
    let flag = libc::CLOSE_RANGE_CLOEXEC;
    // Safety: numbers only.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, flag) < 0 {
            for descriptor in 3..descriptors_max() {
                libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

/// One more than the highest descriptor that may be open, for kernels without `close_range`.
fn descriptors_max() -> RawFd {
    // Safety: no pointers.
    let most = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    RawFd::try_from(most).unwrap_or(RawFd::MAX).clamp(256, 1 << 20)
}

fn send(report: RawFd, what: Report) {
    let bytes = what.to_bytes();
    // Safety: the buffer is ours and its length is given; the write is under `PIPE_BUF`.
    unsafe {
        libc::write(report, bytes.as_ptr().cast(), bytes.len());
    }
}

fn exit_now(code: i32) -> ! {
    // Safety: ends the process without running what the caller's process registered.
    unsafe { libc::_exit(code) }
}

fn check(result: i32, step: Step) -> Result<(), Fault> {
    if result >= 0 {
        return Ok(());
    }
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    Err(Fault { step, index: 0, errno })
}
