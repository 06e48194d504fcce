//! A mount plan turned into what the child can use between fork and exec: C strings and numbers,
//! nothing that allocates.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::command::{Command, RunError, Stdio};
use crate::base::limits::MOUNT_OPTION_BYTES_MAX;
use crate::base::mount::{MountPlan, Overlay};

/// Everything that the child does before the command, ready made.
pub(super) struct Prepared {
    /// The mounts; none for a command on the files as they are.
    pub(super) view: Option<PreparedView>,
    /// Where the command starts.
    pub(super) folder: CString,
    /// Whether it gets a session of its own, away from the terminal.
    pub(super) own_session: bool,
    /// This process, so that the child sees when it is gone.
    pub(super) parent: i32,
}

/// A mount plan, ready made.
pub(super) struct PreparedView {
    /// The lines for `uid_map` and `gid_map`; none as root, who needs no user namespace.
    pub(super) identity: Option<(CString, CString)>,
    /// Options and target of each, in order.
    pub(super) overlays: Vec<(CString, CString)>,
    /// In order.
    pub(super) binds: Vec<PreparedBind>,
}

/// One bind, ready made.
pub(super) struct PreparedBind {
    pub(super) source: CString,
    pub(super) target: CString,
    pub(super) read_only: bool,
    /// Filled by the child when it has opened the source.
    pub(super) opened: i32,
}

/// Makes a command ready.
pub(super) fn prepare(command: &Command) -> Result<Prepared, RunError> {
    let view = command.mount.as_ref().map(prepare_view).transpose()?;
    let pid = rustix::process::getpid();
    Ok(Prepared {
        view,
        folder: c_string(&command.folder)?,
        own_session: command.stdio != Stdio::Inherited,
        parent: pid.as_raw_nonzero().get(),
    })
}

fn prepare_view(plan: &MountPlan) -> Result<PreparedView, RunError> {
    let user = rustix::process::geteuid();
    let group = rustix::process::getegid();
    let identity = (!user.is_root()).then(|| {
        // Mapped to themselves, never to 0: as a false root `tar` and `cp -a` try to change
        // owners, and fail.
        let line = |id: u32| CString::new(format!("{id} {id} 1")).expect("digits hold no NUL");
        (line(user.as_raw()), line(group.as_raw()))
    });
    let mut overlays = Vec::with_capacity(plan.overlays.len());
    for overlay in &plan.overlays {
        let options = overlay_options(overlay, identity.is_some())?;
        overlays.push((options, c_string(&overlay.target)?));
    }
    let mut binds = Vec::with_capacity(plan.binds.len());
    for bind in &plan.binds {
        let (source, target) = (c_string(&bind.source)?, c_string(&bind.target)?);
        binds.push(PreparedBind { source, target, read_only: bind.read_only, opened: -1 });
    }
    Ok(PreparedView { identity, overlays, binds })
}

/// The options of an overlay mount, paths escaped as the kernel wants them.
///
/// Without `redirect_dir=nofollow` a prepared upper could show other folders of the layer below;
/// without `index=off` and `xino=off` some file systems refuse or log; copying only metadata would
/// leave an upper that cannot be captured alone.
fn overlay_options(overlay: &Overlay, unprivileged: bool) -> Result<CString, RunError> {
    let mut options = b"lowerdir=".to_vec();
    for (at, lower) in overlay.lowers.iter().enumerate() {
        if at > 0 {
            options.push(b':');
        }
        escape(lower, b"\\:,", &mut options);
    }
    options.extend_from_slice(b",upperdir=");
    escape(&overlay.upper, b"\\,", &mut options);
    options.extend_from_slice(b",workdir=");
    escape(&overlay.work, b"\\,", &mut options);
    options.extend_from_slice(b",redirect_dir=nofollow,index=off,metacopy=off,xino=off");
    if unprivileged {
        options.extend_from_slice(b",userxattr");
    }
    if options.len() > MOUNT_OPTION_BYTES_MAX {
        let most = MOUNT_OPTION_BYTES_MAX;
        let text = format!("the paths of the overlay's layers need more than {most} bytes");
        return Err(RunError::Plan(text));
    }
    CString::new(options).map_err(|_| RunError::Plan("a path holds a NUL".to_owned()))
}

fn escape(path: &Path, special: &[u8], into: &mut Vec<u8>) {
    for byte in path.as_os_str().as_bytes() {
        if special.contains(byte) {
            into.push(b'\\');
        }
        into.push(*byte);
    }
}

fn c_string(path: &Path) -> Result<CString, RunError> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| RunError::Plan(format!("`{}` holds a NUL", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_escaped() {
        let overlay = Overlay {
            lowers: vec!["/a:b".into(), "/c,d\\e".into()],
            upper: "/u,p:".into(),
            work: "/w".into(),
            target: "/t".into(),
        };
        let text = overlay_options(&overlay, true).unwrap().into_string().unwrap();
        let wanted = "lowerdir=/a\\:b:/c\\,d\\\\e,upperdir=/u\\,p:,workdir=/w,";
        assert!(text.starts_with(wanted), "{text}");
        assert!(text.ends_with(",userxattr"));
    }

    #[test]
    fn too_long_options_are_refused_before_the_kernel_cuts_them() {
        let overlay = Overlay {
            lowers: vec!["/x".repeat(2100).into()],
            upper: "/u".into(),
            work: "/w".into(),
            target: "/t".into(),
        };
        assert!(matches!(overlay_options(&overlay, false), Err(RunError::Plan(_))));
    }
}
