//! A restore that is cut short after any number of changes to the disk.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::random::{nodes, tree_of};
use super::*;
use crate::base::codec::Bytes;
use crate::base::disk::{Disk, DiskFile, PlacedFile};
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

    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        self.spend()?;
        RealDisk.place(path, mode)
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
    for name in ["d/1", "d/2", "d/kept"] {
        bench.write(name, "old");
    }
    let from = bench.capture(None).tree;
    bench.write("a", "new");
    bench.write("b", "new");
    fs::remove_dir_all(bench.at("c")).unwrap();
    bench.write("c", "a file now");
    for name in ["d/1", "d/2"] {
        fs::remove_file(bench.at(name)).unwrap();
    }
    let to = bench.capture(Some(from)).tree;
    bench.write("b", "later");
    fs::remove_file(bench.at("c")).unwrap();
    bench.write("c/mine", "later");
    fs::remove_dir_all(bench.at("d")).unwrap();
    let (root, intent) = (bench.folder.path(), intent(from, to));
    let report = take_back(&RealDisk, &bench.objects, root, &intent, &mut bench.cache).unwrap();
    assert_eq!(paths(&report.left), ["b", "d/1", "d/2"]);
    assert!(!bench.at("d").exists());
    assert_eq!(bench.read("a"), "old");
    assert_eq!(bench.read("b"), "later");
    assert_eq!(bench.read("c/mine"), "later");
    assert_eq!(bench.read("c/x"), "old");
}

#[test]
fn a_restore_of_many_files_that_is_cut_short_can_be_taken_back_and_finished() {
    let mut bench = Bench::new();
    let fill = |bench: &Bench, content: &str| {
        for at in 0..90 {
            bench.write(&format!("f{}/{at}", at % 3), format!("{content} {at}"));
        }
    };
    fill(&bench, "old");
    let from = bench.capture(None).tree;
    fill(&bench, "newer");
    fs::remove_file(bench.at("f1/1")).unwrap();
    let to = bench.capture(Some(from)).tree;
    bench.restore(to, from);
    for changes in (0..400).step_by(37) {
        for (settle, end) in [(take_back as Settle, from), (finish, to)] {
            killed(from, to, &mut bench, changes);
            let root = bench.folder.path().to_owned();
            let intent = intent(from, to);
            settle(&RealDisk, &bench.objects, &root, &intent, &mut bench.cache).unwrap();
            assert_eq!(bench.capture(Some(end)).tree, end, "after {changes} changes");
            bench.restore(end, from);
        }
    }
}

/// Does everything and writes down in which order.
#[derive(Debug, Default)]
struct Recorder(Arc<Mutex<Vec<(&'static str, PathBuf)>>>);

struct Recorded(Box<dyn DiskFile>, PathBuf, Arc<Mutex<Vec<(&'static str, PathBuf)>>>);

impl io::Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl DiskFile for Recorded {
    fn sync(&mut self) -> io::Result<()> {
        self.2.lock().unwrap().push(("sync", self.1.clone()));
        Ok(())
    }
}

impl Recorder {
    fn note(&self, what: &'static str, path: &Path) {
        self.0.lock().unwrap().push((what, path.to_owned()));
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        self.note("create", path);
        let file = RealDisk.create(path, mode)?;
        Ok(Box::new(Recorded(file, path.to_owned(), Arc::clone(&self.0))))
    }

    fn place(&self, path: &Path, _: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        unreachable!("a restore writes no file at places: {}", path.display())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename", from);
        self.note("named", to);
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.note("named", path);
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.note("named", path);
        RealDisk.remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.note("named", path);
        RealDisk.create_dir(path, mode)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        RealDisk.symlink(target, path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        RealDisk.set_mode(path, mode)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note("sync_dir", path);
        Ok(())
    }

    fn sync_all(&self, root: &Path) -> io::Result<()> {
        self.note("sync_all", root);
        Ok(())
    }
}

#[test]
fn content_is_durable_before_its_name_and_every_name_in_the_end() {
    for files in [5, 90] {
        let mut bench = Bench::new();
        bench.write("gone/x", "1");
        let from = bench.capture(None).tree;
        for at in 0..files {
            bench.write(&format!("f{}/{at}", at % 3), at.to_string());
        }
        fs::remove_dir_all(bench.at("gone")).unwrap();
        let to = bench.capture(Some(from)).tree;
        bench.restore(to, from);
        let plan = plan_restore(&bench.objects, from, to).unwrap();
        let (disk, durable) = (Recorder::default(), Durability::Durable);
        let (root, cache) = (bench.folder.path(), &mut bench.cache);
        apply_restore(&disk, &bench.objects, root, &plan, cache, durable).unwrap();
        let log = disk.0.lock().unwrap();
        let mut named = 0;
        for (at, (what, path)) in log.iter().enumerate() {
            let is_synced = |all: &[(&str, PathBuf)], word: &str, path: &Path| {
                all.iter().any(|(what, at)| *what == "sync_all" || (*what == word && at == path))
            };
            match *what {
                "rename" => {
                    let created = log.iter().position(|entry| *entry == ("create", path.clone()));
                    assert!(is_synced(&log[created.unwrap()..at], "sync", path), "{path:?}");
                }
                "named" if path.parent().unwrap().exists() => {
                    assert!(is_synced(&log[at..], "sync_dir", path.parent().unwrap()), "{path:?}");
                    named += 1;
                }
                _ => {}
            }
        }
        assert!(named > files);
    }
}
