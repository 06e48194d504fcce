//! What the engine is told about the world around it: folder, user, session, environment, clock.
//!
//! Filled in on the top floor, so that nothing below reads the environment or the clock.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::disk::{Disk, RealDisk};
use crate::base::time::{Clock, SystemClock, Timestamp};

/// Who asks, where, and with what.
#[derive(Clone)]
pub struct Surroundings {
    /// The folder in which the command was given; absolute.
    pub folder: PathBuf,
    /// The user's home, which is never made a workspace.
    pub home: Option<PathBuf>,
    /// `EXP_STORE`: where the store lies, whatever the rule says.
    pub store: Option<PathBuf>,
    /// Where layers, slots and logs of views lie (`$XDG_STATE_HOME/exp`); outside any workspace.
    pub state: PathBuf,
    /// The user's global ignore file of git, where there is one.
    pub global_excludes: Option<PathBuf>,
    /// The user's name.
    pub who: String,
    /// The session: `EXP_SESSION`, or one per terminal.
    pub session: String,
    /// The machine's name.
    pub machine: String,
    /// The operating system and processor, such as `linux x86_64`.
    pub system: String,
    /// The variables that commands get.
    pub environment: Vec<(OsString, OsString)>,
    /// `EXP_VIEW`: the view in which this process believes to run (`e7/map`). What counts is the
    /// identity that is found there; this only has to agree.
    pub inside_view: Option<String>,
    /// `EXP_BRANCH`: the same.
    pub inside_branch: Option<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
}

impl Surroundings {
    /// Plain surroundings for a library user or a test: the real disk and clock, no home, the
    /// given folder, state folder and session.
    pub fn plain(folder: PathBuf, state: PathBuf, session: &str) -> Self {
        Self {
            folder,
            home: None,
            store: None,
            state,
            global_excludes: None,
            who: "somebody".to_owned(),
            session: session.to_owned(),
            machine: "this machine".to_owned(),
            system: String::new(),
            environment: Vec::new(),
            inside_view: None,
            inside_branch: None,
            clock: Arc::new(SystemClock),
            disk: Arc::new(RealDisk),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A variable of the environment that commands get.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}
