//! Ctrl-C: the first one asks what runs to stop and keeps what is finished; a second one ends the
//! process at once, as the shell expects.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::exit::INTERRUPTED;
use crate::run::Cancel;

/// A wish to stop that Ctrl-C and `SIGTERM` set.
pub fn cancel() -> Cancel {
    let flag = Arc::new(AtomicBool::new(false));
    // Without the handlers an interrupt ends the process: what was committed is safe all the same.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // The order matters: the first signal finds the flag down, so only the second one ends us.
        let _ = flag::register_conditional_shutdown(signal, INTERRUPTED.into(), flag.clone());
        let _ = flag::register(signal, flag.clone());
    }
    Cancel::watching(flag)
}
