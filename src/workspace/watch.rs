//! Watching a workspace for writes of others, so that its standing still need not be proved by
//! walking it again and again.
//!
//! Guarantees that "nothing was seen" is said only where the kernel tells of every write through the
//! watched folders: on file systems of this machine, with no event lost. A write through another name
//! of the same file (a hard link elsewhere) is not told. Does not know which paths count: ignored
//! files that lie in watched folders are told as well.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::base::path::TreePath;

/// What was seen since it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Files and folders that came, went, or were written; and whether each is a folder.
    pub changed: Vec<(TreePath, bool)>,
    /// Whether something was open for writing and is closed: it may have been written through
    /// memory, which no event tells.
    pub doubt: bool,
    /// Whether events were lost. The watcher is of no use any more.
    pub lost: bool,
}

/// Watches folders until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    inotify: system::Inotify,
    folders: HashMap<i32, TreePath>,
}

impl Watcher {
    /// Watches these folders of a workspace. None where it could not be relied on: a file system of
    /// another machine, too many folders for the kernel's limit, one that is gone.
    pub fn start(root: &Path, folders: impl Iterator<Item = TreePath>) -> Option<Self> {
        if !system::tells_all(root) {
            return None;
        }
        let inotify = system::Inotify::new()?;
        let mut watched = HashMap::new();
        for folder in folders {
            watched.insert(inotify.add(&folder.under(root))?, folder);
        }
        Some(Self { inotify, folders: watched })
    }

    /// Whether it watches just these folders.
    pub fn watches(&self, folders: impl Iterator<Item = TreePath>) -> bool {
        let watched: HashSet<&TreePath> = self.folders.values().collect();
        let mut count = 0;
        let all = folders.inspect(|_| count += 1).all(|folder| watched.contains(&folder));
        all && count == watched.len()
    }

    /// What was seen since the last call. Never waits.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        self.inotify.read(&mut |event| match event {
            system::Event::Changed { watch, name, is_folder } => match self.folders.get(&watch) {
                Some(folder) => {
                    let is_folder = is_folder || name.is_none();
                    let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
                    seen.changed.push((path, is_folder));
                }
                None => seen.lost = true,
            },
            system::Event::Closed => seen.doubt = true,
            system::Event::Lost => seen.lost = true,
        });
        seen
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! The kernel's side: inotify(7).

    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

    /// Magic numbers (statfs(2)) of file systems on which every write passes through this kernel:
    /// ext2 to ext4, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS, bcachefs.
    const LOCAL: [u64; 8] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0x794C_7630,
        0xF2F5_2010,
        0x2FC1_2FC1,
        0xCA45_1A4E,
    ];

    const EVENT_BYTES: usize = 64 << 10;

    #[derive(Debug)]
    pub(super) struct Inotify(OwnedFd);

    pub(super) enum Event<'a> {
        Changed { watch: i32, name: Option<&'a [u8]>, is_folder: bool },
        Closed,
        Lost,
    }

    #[allow(clippy::unnecessary_cast, reason = "its width differs between processors")]
    pub(super) fn tells_all(root: &Path) -> bool {
        rustix::fs::statfs(root).is_ok_and(|found| LOCAL.contains(&(found.f_type as u64)))
    }

    impl Inotify {
        pub(super) fn new() -> Option<Self> {
            init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok().map(Self)
        }

        pub(super) fn add(&self, folder: &Path) -> Option<i32> {
            let flags = WatchFlags::MODIFY
                | WatchFlags::ATTRIB
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MOVE_SELF
                | WatchFlags::DELETE_SELF
                | WatchFlags::ONLYDIR
                | WatchFlags::DONT_FOLLOW;
            add_watch(&self.0, folder, flags).ok()
        }

        pub(super) fn read(&self, tell: &mut dyn FnMut(Event<'_>)) {
            let mut buffer = vec![MaybeUninit::uninit(); EVENT_BYTES];
            let mut reader = Reader::new(&self.0, &mut buffer);
            // Ends when nothing is waiting: each event that is read was made by somebody's call.
            while let Some(event) = next(&mut reader, tell) {
                let flags = event.events();
                if flags.intersects(ReadFlags::QUEUE_OVERFLOW | ReadFlags::UNMOUNT) {
                    tell(Event::Lost);
                } else if flags.contains(ReadFlags::CLOSE_WRITE) {
                    tell(Event::Closed);
                } else if !flags.contains(ReadFlags::IGNORED) {
                    let name = event.file_name().map(std::ffi::CStr::to_bytes);
                    let is_folder = flags.contains(ReadFlags::ISDIR);
                    tell(Event::Changed { watch: event.wd(), name, is_folder });
                }
            }
        }
    }

    fn next<'a>(
        reader: &'a mut Reader<'_, &OwnedFd>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Option<rustix::fs::inotify::Event<'a>> {
        match reader.next() {
            Ok(event) => Some(event),
            Err(rustix::io::Errno::AGAIN) => None,
            Err(_) => {
                tell(Event::Lost);
                None
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Not written for this system: every proof is a walk.

    use std::path::Path;

    #[derive(Debug)]
    pub(super) struct Inotify;

    #[allow(dead_code, reason = "named by the part that all systems share")]
    pub(super) enum Event<'a> {
        Changed { watch: i32, name: Option<&'a [u8]>, is_folder: bool },
        Closed,
        Lost,
    }

    pub(super) fn tells_all(_: &Path) -> bool {
        false
    }

    impl Inotify {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn add(&self, _: &Path) -> Option<i32> {
            None
        }

        pub(super) fn read(&self, _: &mut dyn FnMut(Event<'_>)) {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).expect("a plain name")
    }

    fn watched(root: &Path) -> Watcher {
        let folders = [TreePath::root(), path("sub")];
        Watcher::start(root, folders.into_iter()).expect("the tests' disk is a local one")
    }

    #[test]
    fn every_kind_of_write_is_seen_and_reading_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/a"), "a").unwrap();
        let watcher = watched(root);
        assert!(watcher.watches([path("sub"), TreePath::root()].into_iter()));
        assert!(!watcher.watches([path("other"), TreePath::root()].into_iter()));
        assert!(!watcher.watches(std::iter::once(path("sub"))));
        fs::read(root.join("sub/a")).unwrap();
        fs::read_dir(root).unwrap().count();
        assert_eq!(watcher.seen(), Seen::default());
        let steps: [(&str, &dyn Fn()); 6] = [
            ("sub/a", &|| fs::write(root.join("sub/a"), "b").unwrap()),
            ("sub/new", &|| fs::write(root.join("sub/new"), "").unwrap()),
            ("sub/new", &|| fs::remove_file(root.join("sub/new")).unwrap()),
            ("b", &|| fs::rename(root.join("sub/a"), root.join("b")).unwrap()),
            ("folder", &|| fs::create_dir(root.join("folder")).unwrap()),
            ("b", &|| {
                let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                fs::set_permissions(root.join("b"), permissions).unwrap();
            }),
        ];
        for (changed, step) in steps {
            step();
            let seen = watcher.seen();
            assert!(seen.changed.iter().any(|(at, _)| *at == path(changed)), "{changed}: {seen:?}");
            let is_folder = seen.changed.iter().all(|(_, is_folder)| *is_folder);
            assert_eq!(is_folder, changed == "folder", "{seen:?}");
            assert!(!seen.lost);
            assert_eq!(watcher.seen(), Seen::default(), "told once");
        }
    }

    #[test]
    fn a_write_through_memory_leaves_a_doubt() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        let watcher = watched(folder.path());
        // Opened for writing and closed: what a mapped file looks like from here.
        drop(fs::OpenOptions::new().write(true).open(folder.path().join("a")).unwrap());
        let seen = watcher.seen();
        assert!(seen.doubt && seen.changed.is_empty(), "{seen:?}");
    }

    #[test]
    fn a_folder_that_is_gone_is_not_watched_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Watcher::start(folder.path(), std::iter::once(path("sub"))).is_none());
    }
}
