//! Whether this machine lets us enter a view, tried for real.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::command::{Cancel, Command, Outcome};
use super::process::run;
use crate::base::mount::{Bind, MountPlan, Overlay};

/// Mounts a small overlay in new folders inside `scratch` and writes through it.
///
/// `scratch` must exist and be on the file system that layers will lie on; the folders are left
/// for the caller to remove (the kernel gives one of them mode 000).
///
/// # Errors
/// The reason, as a sentence for people.
pub fn probe(scratch: &Path) -> Result<(), String> {
    let [lower, upper, work, target] =
        ["lower", "upper", "work", "target"].map(|name| scratch.join(name));
    for folder in [&lower, &upper, &work, &target] {
        fs::create_dir(folder)
            .map_err(|e| format!("could not create `{}`: {e}", folder.display()))?;
    }
    for file in ["below", "locked"] {
        fs::write(lower.join(file), file).map_err(|e| format!("could not write a file: {e}"))?;
    }
    let locked = lower.join("locked");
    let overlay = Overlay { lowers: vec![lower.clone()], upper, work, target: target.clone() };
    let bind = Bind { source: locked, target: target.join("locked"), read_only: true };
    // Writing to a file from below, and removing it, must work; what is bound must stay.
    let text = "echo more >> below && cat below && rm below && ! echo x 2>/dev/null >> locked";
    let mut command = Command::shell(text, target);
    command.mount = Some(MountPlan { overlays: vec![overlay], binds: vec![bind] });
    command.limit = Some(Duration::from_secs(10));
    let finished = run(&command, &Cancel::new(), &mut |_| {}).map_err(|error| error.to_string())?;
    if finished.outcome != Outcome::Exited(0) {
        let text = String::from_utf8_lossy(&finished.tail);
        return Err(format!("a trial view did not work: {:?}, {}", finished.outcome, text.trim()));
    }
    if fs::read(lower.join("below")).ok().as_deref() != Some(b"below") {
        return Err("a trial view let a write through to the folder below".to_owned());
    }
    Ok(())
}
