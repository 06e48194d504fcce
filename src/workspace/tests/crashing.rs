//! A restore that is cut short after any number of changes to the disk.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::random::{nodes, tree_of};
use super::*;
use crate::base::codec::Bytes;
use crate::base::disk::{Disk, DiskFile};
use crate::base::id::{Hash, SnapshotId};
use crate::base::time::Timestamp;
use crate::object::names::NameValue;

/// Does what it is told until its life is over; then every change fails, as for a killed process.
#[derive(Debug)]
struct Mortal {
    left: AtomicUsize,
}

impl Mortal {
    fn new(changes: usize) -> Self {
        Self { left: AtomicUsize::new(changes) }
    }

    fn spend(&self) -> io::Result<()> {
        let spent =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        spent.map(|_| ()).map_err(|_| io::Error::other("killed"))
    }
}

impl Disk for Mortal {
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        self.spend()?;
        RealDisk.create(path, mode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.spend()?;
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        RealDisk.remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.spend()?;
        RealDisk.create_dir(path, mode)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.spend()?;
        RealDisk.symlink(target, path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.spend()?;
        RealDisk.set_mode(path, mode)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        self.spend()
    }

    fn sync_all(&self, _root: &Path) -> io::Result<()> {
        self.spend()
    }
}

fn intent(from: TreeId, to: TreeId) -> Intent {
    Intent {
        workspace: "w".to_owned(),
        root: Bytes::default(),
        from,
        to,
        before: None,
        after: NameValue::Branch(SnapshotId(Hash([0; 32]))),
        verb: "switch".to_owned(),
        when: Timestamp(0),
    }
}

/// A folder at `from` in which a restore to `to` died after some changes; whether it did die.
fn killed(from: TreeId, to: TreeId, bench: &mut Bench, changes: usize) -> bool {
    let plan = plan_restore(&bench.objects, from, to).unwrap();
    let (root, cache) = (bench.folder.path(), &mut bench.cache);
    let disk = Mortal::new(changes);
    apply_restore(&disk, &bench.objects, root, &plan, cache, Durability::Durable).is_err()
}

type Settle = fn(
    &dyn Disk,
    &MemoryObjects,
    &Path,
    &Intent,
    &mut StatCache,
) -> Result<RestoreReport, RestoreError>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    #[test]
    fn after_any_crash_the_old_files_come_back_or_the_new_ones_come(
        first in nodes(), second in nodes(),
    ) {
        let mut bench = Bench::new();
        let (from, to) = (tree_of(&bench.objects, &first), tree_of(&bench.objects, &second));
        let empty = bench.empty();
        bench.restore(empty, from);
        let ways: [(Settle, TreeId); 2] = [(take_back, from), (finish, to)];
        for changes in 0.. {
            for (settle, end) in ways {
                let died = killed(from, to, &mut bench, changes);
                bench.cache = StatCache::empty(SystemClock.now());
                let (root, intent) = (bench.folder.path().to_owned(), intent(from, to));
                // The one who settles it may die, too.
                for life in [changes / 2, usize::MAX] {
                    let disk = Mortal::new(life);
                    let report = settle(&disk, &bench.objects, &root, &intent, &mut bench.cache);
                    prop_assert!(life < usize::MAX || report.unwrap().left.is_empty());
                }
                prop_assert_eq!(bench.capture(Some(end)).tree, end, "after {} changes", changes);
                let leftover = bench.capture(None).skipped;
                prop_assert!(leftover.is_empty(), "{:?}", leftover);
                bench.restore(end, from);
                if !died {
                    return Ok(());
                }
            }
        }
    }
}

#[test]
fn the_users_later_work_is_left_alone_when_a_restore_is_taken_back() {
    let mut bench = Bench::new();
    bench.write("a", "old");
    bench.write("b", "old");
    bench.write("c/x", "old");
    let from = bench.capture(None).tree;
    bench.write("a", "new");
    bench.write("b", "new");
    fs::remove_dir_all(bench.at("c")).unwrap();
    bench.write("c", "a file now");
    let to = bench.capture(Some(from)).tree;
    bench.write("b", "later");
    fs::remove_file(bench.at("c")).unwrap();
    bench.write("c/mine", "later");
    let (root, intent) = (bench.folder.path(), intent(from, to));
    let report = take_back(&RealDisk, &bench.objects, root, &intent, &mut bench.cache).unwrap();
    assert_eq!(paths(&report.left), ["b"]);
    assert_eq!(bench.read("a"), "old");
    assert_eq!(bench.read("b"), "later");
    assert_eq!(bench.read("c/mine"), "later");
    assert_eq!(bench.read("c/x"), "old");
}
