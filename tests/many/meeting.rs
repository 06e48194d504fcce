//! Two that commit at once, forced: while the one makes its pack durable, and before it takes the
//! lock of the commit, the other one does all of its work.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use expdag::base::disk::{Disk, DiskFile, PlacedFile};
use expdag::base::id::{Hash, SnapshotId};
use expdag::base::name::Label;
use expdag::engine::verb::{branch, snapshot, tag};
use expdag::engine::{Category, Engine, EngineError, Surroundings};
use expdag::object::operation::Operation;
use expdag::object::snapshot::Snapshot;
use expdag::store::Store;

use super::chain;
use super::library::{Bed, edit, one, quick};

type Work = Box<dyn FnOnce() + Send>;

/// A disk on which something else is done just before the first pack gets its name.
struct Meeting {
    disk: Arc<dyn Disk>,
    work: Mutex<Option<Work>>,
}

impl std::fmt::Debug for Meeting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meeting")
    }
}

impl Disk for Meeting {
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if to.extension().is_some_and(|end| end == "pack") {
            let work = self.work.lock().unwrap().take();
            work.into_iter().for_each(|work| work());
        }
        self.disk.rename(from, to)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(path, mode)
    }

    fn place(&self, path: &Path, mode: Option<u32>) -> io::Result<Arc<dyn PlacedFile>> {
        self.disk.place(path, mode)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.disk.create_dir(path, mode)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.disk.symlink(target, path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.disk.set_mode(path, mode)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn sync_all(&self, root: &Path) -> io::Result<()> {
        self.disk.sync_all(root)
    }
}

/// An engine in whose first commit the work is done.
fn meeting(bed: &Bed, work: impl FnOnce() + Send + 'static) -> Engine {
    let disk = quick(&bed.root());
    let disk = Arc::new(Meeting { disk, work: Mutex::new(Some(Box::new(work))) });
    let around = Surroundings { disk, session: "late".to_owned(), ..bed.surroundings() };
    Engine::open(around).unwrap()
}

fn new_branch(engine: &Engine, name: &str) -> Result<branch::Report, EngineError> {
    let name = Label::new(name)?;
    branch::run(engine, &branch::Options::Create { name, from: None, dry_run: false })
}

fn new_tag(engine: &Engine, name: &str) -> Result<tag::Report, EngineError> {
    let options = tag::Options::Create {
        name: Label::new(name)?,
        what: None,
        note: String::new(),
        dry_run: false,
    };
    tag::run(engine, &options)
}

fn verbs(store: &Store) -> Vec<(String, String)> {
    let pair = |operation: Operation| (operation.session, operation.verb);
    chain(store).into_iter().map(pair).collect()
}

fn pair(session: &str, verb: &str) -> (String, String) {
    (session.to_owned(), verb.to_owned())
}

#[test]
fn who_was_overtaken_by_another_name_plans_again_and_both_stand() {
    let bed = Bed::with(&one());
    let early = bed.open("early");
    let late = meeting(&bed, move || drop(new_tag(&early, "early").unwrap()));
    new_branch(&late, "late").unwrap();
    let expected = [pair("late", "branch"), pair("early", "tag"), pair("one", "init")];
    assert_eq!(verbs(late.store()), expected);
    assert!(late.store().check(&|_| ()).unwrap().is_sound());
}

/// The second one is refused, hears who was first, and has changed nothing.
#[test]
fn who_was_overtaken_in_the_same_name_hears_who_was_first() {
    type Verb = fn(&Engine) -> Result<(), EngineError>;
    let verbs_of: [(&str, Verb); 2] = [
        ("branch", |engine| new_branch(engine, "same").map(drop)),
        ("tag", |engine| new_tag(engine, "same").map(drop)),
    ];
    for (word, verb) in verbs_of {
        let bed = Bed::with(&one());
        let early = bed.open("early");
        let late = meeting(&bed, move || verb(&early).unwrap());
        let refused = verb(&late).unwrap_err();
        assert_eq!(refused.category(), Category::Conflict, "{word}: {refused}");
        let said = refused.to_string();
        assert!(said.contains("was moved by") && said.contains("early"), "{word}: {said}");
        assert_eq!(verbs(late.store()), [pair("early", word), pair("one", "init")]);
        assert!(late.store().check(&|_| ()).unwrap().is_sound());
        assert!(verb(&late).is_err(), "it is taken");
    }
}

/// Whoever records the files of one workspace follows who was quicker.
#[test]
fn a_snapshot_that_was_overtaken_by_another_one_follows_it() {
    let bed = Bed::with(&one());
    edit(&bed, "plain", "changed\n");
    let take = |engine: &Engine, message: &str| {
        let options = snapshot::Options { message: message.to_owned(), ..Default::default() };
        let id = snapshot::run(engine, &options).unwrap().snapshot.unwrap();
        SnapshotId(Hash::from_hex(&id).unwrap())
    };
    let early = bed.open("early");
    let first = Arc::new(Mutex::new(None));
    let told = first.clone();
    let late = meeting(&bed, move || *told.lock().unwrap() = Some(take(&early, "early")));
    let second = take(&late, "late");
    let parents = Snapshot::fetch(late.store(), second).unwrap().parents;
    assert_eq!(parents, [first.lock().unwrap().unwrap()]);
    let expected = [pair("late", "snapshot"), pair("early", "snapshot"), pair("one", "init")];
    assert_eq!(verbs(late.store()), expected);
}
