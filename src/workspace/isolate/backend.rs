//! Which way of making views fits a workspace, and why.
//!
//! Pure: the facts are given. Whether the kernel mounts an overlay at all is tried by `run::probe`
//! and handed in as a fact.

use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::base::codec::digest;

/// A way of making views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A layer mounted over the workspace's own path.
    Overlay,
    /// A slot from a pool, with blocks shared where the file system can.
    Copy,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlay => "overlay",
            Self::Copy => "copy",
        })
    }
}

/// What rules the overlay backend out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The kernel or the container refuses it.
    Refused {
        /// What the probe said.
        reason: String,
    },
    /// Something is mounted inside the workspace: in a view it would appear empty.
    MountsInside {
        /// Where, in order.
        at: Vec<PathBuf>,
    },
    /// The layers would lie on an overlay, which cannot hold an upper.
    StateOnOverlay,
    /// The layers would lie inside the workspace, which is refused as a loop.
    StateInside,
    /// This process runs in a view itself, where nothing can be mounted.
    InsideView,
    /// Without being root, files of others cannot be written in a view.
    ForeignOwner {
        /// One of them.
        example: PathBuf,
    },
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason } => write!(f, "the system refuses it: {reason}"),
            Self::MountsInside { at } => {
                let first = at.first().map(|path| path.display().to_string()).unwrap_or_default();
                write!(f, "{} mounts lie inside the workspace, such as `{first}`", at.len())
            }
            Self::InsideView => f.write_str("this is a view already, in which none can be mounted"),
            Self::StateOnOverlay => f.write_str("the state folder lies on an overlay itself"),
            Self::StateInside => f.write_str("the state folder lies inside the workspace"),
            Self::ForeignOwner { example } => {
                write!(f, "`{}` belongs to another user or group", example.display())
            }
        }
    }
}

/// What the choice is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The workspace, absolute and without links.
    pub workspace: &'a Path,
    /// The folder for layers, absolute and without links.
    pub state: &'a Path,
    /// The content of `/proc/self/mountinfo`; none where there is none.
    pub mounts: Option<&'a [u8]>,
    /// What the trial view said.
    pub probed: &'a Result<(), String>,
    /// A file of another owner in the workspace, if the caller found one.
    pub foreign: Option<&'a Path>,
    /// Whether this process is root.
    pub is_root: bool,
    /// Whether this process runs in a view.
    pub inside: bool,
}

/// The choice, and what ruled the better one out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The backend.
    pub backend: Backend,
    /// All that speaks against overlay; empty when it was chosen.
    pub hindrances: Vec<Hindrance>,
}

/// Chooses: overlay unless something rules it out.
pub fn choose(facts: &Facts<'_>) -> Choice {
    if facts.inside {
        return Choice { backend: Backend::Copy, hindrances: vec![Hindrance::InsideView] };
    }
    let mut hindrances = Vec::new();
    if facts.state.starts_with(facts.workspace) {
        hindrances.push(Hindrance::StateInside);
    }
    if let Some(mounts) = facts.mounts {
        let at = mounts_inside(mounts, facts.workspace);
        if !at.is_empty() {
            hindrances.push(Hindrance::MountsInside { at });
        }
        if file_system_of(mounts, facts.state).as_deref() == Some("overlay") {
            hindrances.push(Hindrance::StateOnOverlay);
        }
    }
    if let (Some(example), false) = (facts.foreign, facts.is_root) {
        hindrances.push(Hindrance::ForeignOwner { example: example.to_owned() });
    }
    // Last: the reasons before it say more, and may be why the trial failed.
    if let Err(reason) = facts.probed {
        hindrances.push(Hindrance::Refused { reason: reason.clone() });
    }
    let backend = if hindrances.is_empty() { Backend::Overlay } else { Backend::Copy };
    Choice { backend, hindrances }
}

/// Names the conditions under which a probe's answer holds: it is asked again when they change.
pub fn probe_key(kernel: &str, user: u32, path: &Path) -> String {
    let mut text = format!("{kernel}\0{user}\0").into_bytes();
    text.extend_from_slice(path.as_os_str().as_bytes());
    digest("probe", &text).hex()[..16].to_owned()
}

/// The mount points strictly below a folder, in order.
pub fn mounts_inside(mountinfo: &[u8], folder: &Path) -> Vec<PathBuf> {
    let mut inside: Vec<PathBuf> = mounts(mountinfo)
        .map(|(point, _)| point)
        .filter(|point| point != folder && point.starts_with(folder))
        .collect();
    inside.sort();
    inside.dedup();
    inside
}

/// The type of the file system that a path lies on: that of the longest mount point above it, the
/// latest where one is mounted over another.
pub fn file_system_of(mountinfo: &[u8], path: &Path) -> Option<String> {
    let above = mounts(mountinfo).filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.as_os_str().len()).map(|(_, kind)| kind)
}

/// Mount point and type of each line: `36 35 98:0 /root /point options tags... - type source ...`.
fn mounts(mountinfo: &[u8]) -> impl Iterator<Item = (PathBuf, String)> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        let point = words.by_ref().nth(4)?;
        let kind = words.skip_while(|word| *word != b"-").nth(1)?;
        let point = std::ffi::OsString::from_vec(unescape(point));
        Some((PathBuf::from(point), String::from_utf8_lossy(kind).into_owned()))
    })
}

/// Spaces, tabs, line ends and backslashes are written as a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let code = (*first == b'\\').then(|| after.get(..3)).flatten();
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => bytes.push(*first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;

    const MOUNTS: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:5 / /home/u/my\\040work/node_modules rw - tmpfs tmpfs rw\n\
        31 22 0:6 / /home/u/other rw master:2 - overlay overlay rw\n\
        32 22 0:7 / /home/u/my\\040workshop rw - tmpfs tmpfs rw\n";

    fn facts<'a>(state: &'a Path, probed: &'a Result<(), String>) -> Facts<'a> {
        let workspace = Path::new("/home/u/my work");
        Facts {
            workspace,
            state,
            mounts: Some(MOUNTS),
            probed,
            foreign: None,
            is_root: false,
            inside: false,
        }
    }

    #[test]
    fn mounts_are_read() {
        let inside = mounts_inside(MOUNTS, Path::new("/home/u/my work"));
        assert_eq!(inside, [Path::new("/home/u/my work/node_modules")]);
        let of = |path: &str| file_system_of(MOUNTS, Path::new(path)).unwrap();
        assert_eq!(of("/home/u/other/x"), "overlay");
        assert_eq!(of("/home/u/others"), "ext4");
    }

    #[test]
    fn each_hindrance_is_named() {
        let state = Path::new("/home/u/other/state");
        let refused = Err("no".to_owned());
        let mut facts = facts(state, &refused);
        facts.foreign = Some(Path::new("f"));
        let choice = choose(&facts);
        assert_eq!(choice.backend, Backend::Copy);
        let words: Vec<String> = choice.hindrances.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), 4, "{words:?}");
        assert!(words[0].contains("node_modules"));
    }

    #[test]
    fn without_hindrance_it_is_overlay() {
        let state = Path::new("/home/u/state");
        let mut facts = facts(state, &Ok(()));
        facts.workspace = Path::new("/home/u/free");
        assert_eq!(choose(&facts), Choice { backend: Backend::Overlay, hindrances: vec![] });
        facts.state = Path::new("/home/u/free/.state");
        assert_eq!(choose(&facts).hindrances, [Hindrance::StateInside]);
        facts.inside = true;
        assert_eq!(choose(&facts).hindrances, [Hindrance::InsideView]);
    }

    #[test]
    fn the_probe_is_asked_again_when_something_changed() {
        let keys = [
            probe_key("6.1", 0, Path::new("/a")),
            probe_key("6.2", 0, Path::new("/a")),
            probe_key("6.1", 1, Path::new("/a")),
            probe_key("6.1", 0, Path::new("/b")),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn fuzzed_mounts_lead_nowhere_else() {
        let folder = Path::new("/home/u/my work");
        fuzz("mounts", &[MOUNTS.to_vec()], (0, 3_000), |bytes| {
            let inside = mounts_inside(bytes, folder);
            assert!(inside.iter().all(|point| point != folder && point.starts_with(folder)));
            assert!(inside.is_sorted());
            file_system_of(bytes, folder).is_some()
        });
    }
}
