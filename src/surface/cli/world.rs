//! The one place that reads the environment: who asks, where, in which session.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::codec::digest;
use crate::base::disk::RealDisk;
use crate::base::time::SystemClock;
use crate::engine::Surroundings;

/// The variable that names the session.
pub const SESSION: &str = "EXP_SESSION";

/// The variable that names the store's folder.
pub const STORE: &str = "EXP_STORE";

/// The variable that a view sets to its own name.
pub const VIEW: &str = "EXP_VIEW";

/// The variable that a view sets to its branch.
pub const BRANCH: &str = "EXP_BRANCH";

/// Reads the surroundings of this process.
///
/// # Errors
/// That of the present folder, or of `directory` where one is given.
pub fn surroundings(directory: Option<&Path>) -> std::io::Result<Surroundings> {
    let present = std::env::current_dir()?;
    let folder = match directory {
        Some(directory) => present.join(directory).canonicalize()?,
        None => present,
    };
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let who = text("USER").or_else(|| text("LOGNAME")).unwrap_or_else(|| "unknown".to_owned());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(Surroundings {
        folder,
        store: std::env::var_os(STORE).filter(|store| !store.is_empty()).map(PathBuf::from),
        state: state(home.as_deref()),
        global_excludes: global_excludes(home.as_deref()),
        home,
        who,
        session: session(),
        machine,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        environment: std::env::vars_os().collect(),
        inside_view: text(VIEW),
        inside_branch: text(BRANCH),
        clock: Arc::new(SystemClock),
        disk: Arc::new(RealDisk),
    })
}

/// Acts in a session that was named on the command line, as if the environment said so.
pub fn act_as(world: &mut Surroundings, session: String) {
    world.environment.retain(|(name, _)| name != SESSION);
    world.environment.push((SESSION.into(), session.clone().into()));
    world.session = session;
}

fn text(name: &str) -> Option<String> {
    std::env::var_os(name).map(lossy).filter(|value| !value.is_empty())
}

fn lossy(value: OsString) -> String {
    value.to_string_lossy().into_owned()
}

fn state(home: Option<&Path>) -> PathBuf {
    let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let given = given.filter(|path| path.is_absolute());
    let fallback = || match home {
        Some(home) => home.join(".local/state"),
        None => std::env::temp_dir(),
    };
    given.unwrap_or_else(fallback).join("exp")
}

/// git's global ignore file at its usual place, which `core.excludesFile` may replace.
fn global_excludes(home: Option<&Path>) -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|path| path.is_absolute());
    let file = config.or_else(|| Some(home?.join(".config")))?.join("git/ignore");
    file.exists().then_some(file)
}

/// A session's name as it was given, without what a terminal would obey, and of bounded length.
pub fn plain_session(given: &str) -> String {
    given.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// `EXP_SESSION`, or one for each terminal. Without a terminal all share one: an agent's shell often
/// starts each command in a process session of its own, and `undo` must find the step before.
fn session() -> String {
    if let Some(given) = text(SESSION) {
        return plain_session(&given);
    }
    let terminal = std::fs::read_link("/proc/self/fd/0").ok();
    let is_terminal = |path: &PathBuf| path.starts_with("/dev/pts") || path.starts_with("/dev/tty");
    match terminal.filter(is_terminal) {
        Some(path) => {
            let key = format!("{} {}", path.display(), leader().unwrap_or_default());
            format!("terminal-{}", &digest("session", key.as_bytes()).hex()[..8])
        }
        None => "default".to_owned(),
    }
}

/// The process that leads the terminal's session, so that a new shell on an old terminal is a new
/// session. Read from the system's page about us: in a view the leader is outside of the namespace
/// and has no number, which the call for it does not allow.
fn leader() -> Option<String> {
    let page = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = page.rsplit(')').next()?;
    after_name.split_whitespace().nth(3).map(str::to_owned)
}
