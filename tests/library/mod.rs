//! A workspace in a folder of memory, worked on through the library: no command, no environment.
//! Shared by the tests of crashes, of failing writes and of the model.
#![allow(dead_code, reason = "each test program uses its own part")]

pub mod random;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expdag::base::disk::Disk;
use expdag::base::fault::RecordingDisk;
use expdag::base::id::NamesId;
use expdag::base::name::Label;
use expdag::engine::verb::{branch, init, merge, redo, rollback, snapshot, switch, undo};
use expdag::engine::{Engine, EngineError, Surroundings};
use expdag::run::Cancel;

/// A file, link or folder of a workspace, as far as a snapshot knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Content, and whether it can be executed.
    File(Vec<u8>, bool),
    /// Where it leads.
    Link(PathBuf),
    /// Told apart, so that one that is left behind is seen.
    Folder,
}

/// All that stands in a workspace, less its store.
pub type Files = BTreeMap<String, Node>;

/// A file that cannot be executed.
pub fn plain(content: &str) -> Node {
    Node::File(content.as_bytes().to_vec(), false)
}

/// A workspace and a folder for what lies outside it.
pub struct Bed {
    home: tempfile::TempDir,
}

impl Bed {
    /// An empty folder that is no workspace yet.
    pub fn empty() -> Self {
        let home = in_memory();
        fs::create_dir(home.path().join("work")).expect("a new folder");
        Self { home }
    }

    /// A workspace with those files, and nothing more recorded than its first snapshot.
    pub fn with(files: &Files) -> Self {
        let bed = Self::empty();
        bed.make(files);
        init::run(bed.surroundings(), &init::Options::default()).expect("a workspace");
        bed
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().join("work")
    }

    pub fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    pub fn surroundings(&self) -> Surroundings {
        surroundings(&self.root(), &self.state(), quick(&self.root()))
    }

    /// Opens it for one session.
    pub fn open(&self, session: &str) -> Engine {
        let session = session.to_owned();
        Engine::open(Surroundings { session, ..self.surroundings() }).expect("a workspace")
    }

    pub fn files(&self) -> Files {
        files_of(&self.root())
    }

    /// Makes the workspace's files those, past `exp`.
    pub fn make(&self, files: &Files) {
        make(&self.root(), files);
    }
}

/// A folder in memory where the system has one: these tests write thousands of small states.
pub fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// The real disk, less the waiting: nobody pulls the plug of the machine that runs the tests.
pub fn quick(root: &Path) -> Arc<dyn Disk> {
    Arc::new(RecordingDisk::new(root))
}

pub fn surroundings(root: &Path, state: &Path, disk: Arc<dyn Disk>) -> Surroundings {
    let plain = Surroundings::plain(root.to_owned(), state.to_owned(), "one");
    Surroundings { disk, ..plain }
}

/// What stands in a folder, less the store.
pub fn files_of(root: &Path) -> Files {
    let mut files = Files::new();
    list(root, "", &mut files);
    files
}

fn list(root: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(root.join(below)).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("plain names").to_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if path == ".exp" {
            continue;
        }
        let place = root.join(&path);
        let facts = fs::symlink_metadata(&place).expect("it was listed");
        let node = if facts.is_symlink() {
            Node::Link(fs::read_link(&place).expect("a link"))
        } else if facts.is_dir() {
            list(root, &path, files);
            Node::Folder
        } else {
            let content = fs::read(&place).expect("a file");
            Node::File(content, facts.permissions().mode() & 0o100 != 0)
        };
        files.insert(path, node);
    }
}

/// Makes a folder hold those files and no others; what is right already is not touched.
pub fn make(root: &Path, files: &Files) {
    let now = files_of(root);
    for (path, node) in now.iter().rev() {
        let is_parent = || files.keys().any(|other| other.starts_with(&format!("{path}/")));
        if files.get(path) != Some(node) && !(*node == Node::Folder && is_parent()) {
            let place = root.join(path);
            let gone = match node {
                Node::Folder => fs::remove_dir(&place),
                _ => fs::remove_file(&place),
            };
            gone.expect("it stood there");
        }
    }
    for (path, node) in files {
        if now.get(path) == Some(node) {
            continue;
        }
        let place = root.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).expect("a folder");
        }
        match node {
            Node::Folder => fs::create_dir_all(&place).expect("a folder"),
            Node::Link(target) => std::os::unix::fs::symlink(target, &place).expect("a link"),
            Node::File(content, executable) => {
                fs::write(&place, content).expect("a file");
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(&place, fs::Permissions::from_mode(mode)).expect("a mode");
            }
        }
    }
}

/// All names of a workspace's store as they are now.
pub fn names(engine: &Engine) -> NamesId {
    engine.store().names().expect("names")
}

pub fn take_snapshot(engine: &Engine) -> Result<snapshot::Report, EngineError> {
    snapshot::run(engine, &snapshot::Options::default())
}

pub fn new_branch(engine: &Engine, name: &str) -> Result<branch::Report, EngineError> {
    let name = Label::new(name).expect("a label");
    branch::run(engine, &branch::Options::Create { name, from: None, dry_run: false })
}

pub fn switch_to(engine: &Engine, branch: &str) -> Result<switch::Report, EngineError> {
    switch::run(engine, &switch::Options { branch: branch.to_owned(), dry_run: false })
}

pub fn merge_in(engine: &Engine, branch: &str) -> Result<merge::Report, EngineError> {
    let what = merge::What::Name(branch.to_owned());
    let options = merge::Options {
        what,
        message: String::new(),
        no_eval: true,
        dry_run: false,
        state_of: None,
    };
    merge::run(engine, &options, &Cancel::new(), &|_| ())
}

pub fn undo_one(engine: &Engine) -> Result<undo::Report, EngineError> {
    undo::run(engine, &undo::Options::default())
}

pub fn redo_one(engine: &Engine) -> Result<undo::Report, EngineError> {
    redo::run(engine, &undo::Options::default())
}

pub fn roll_back(engine: &Engine, to: &str) -> Result<rollback::Report, EngineError> {
    let to = Some(to.to_owned());
    rollback::run(engine, &rollback::Options { to, dry_run: false, across_head: false })
}

/// Files of each kind that a verb may meet.
pub fn one() -> Files {
    let node = |path: &str, node: Node| (path.to_owned(), node);
    Files::from([
        node("exp.toml", plain("# nothing is evaluated\n")),
        node("run.sh", Node::File(b"echo one\n".to_vec(), true)),
        node("link", Node::Link("run.sh".into())),
        node("gone", Node::Folder),
        node("gone/a", plain("a")),
        node("gone/deep", Node::Folder),
        node("gone/deep/b", plain("b")),
        node("swap", plain("a file")),
        node("turn", Node::Folder),
        node("turn/inner", plain("inner")),
        node("same", plain("same on both")),
        node("plain", plain("1\n2\n3\n4\n5\n")),
    ])
}

/// The same workspace after a change of each kind: a sub folder disappears, a file and a folder
/// change places, a link leads elsewhere, a program is no program any more.
pub fn other() -> Files {
    let mut files = one();
    for path in ["gone", "gone/a", "gone/deep", "gone/deep/b", "turn/inner"] {
        files.remove(path);
    }
    files.insert("run.sh".to_owned(), plain("echo other\n"));
    files.insert("link".to_owned(), Node::Link("same".into()));
    files.insert("swap".to_owned(), Node::Folder);
    files.insert("swap/now".to_owned(), plain("in a folder"));
    files.insert("turn".to_owned(), plain("a file now"));
    files.insert("fresh".to_owned(), Node::Folder);
    files.insert("fresh/new".to_owned(), Node::File(b"echo new\n".to_vec(), true));
    files
}

/// A workspace on `main` with the files [`one`], beside a branch `other` with the files [`other`].
pub fn two_branches() -> Bed {
    let bed = Bed::with(&one());
    let engine = bed.open("one");
    new_branch(&engine, "other").expect("a branch");
    switch_to(&engine, "other").expect("another branch");
    bed.make(&other());
    take_snapshot(&engine).expect("a snapshot");
    switch_to(&engine, "main").expect("the first branch");
    bed
}

/// Changes one file, past `exp`.
pub fn edit(bed: &Bed, path: &str, content: &str) {
    let mut files = bed.files();
    files.insert(path.to_owned(), plain(content));
    bed.make(&files);
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let mode = fs::metadata(from).expect("a folder").permissions();
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            let target = fs::read_link(&from).expect("a link");
            std::os::unix::fs::symlink(target, &to).expect("a link");
        } else {
            fs::copy(&from, &to).expect("a file");
            // Logs are listed by their times.
            let times = entry.metadata().and_then(|facts| facts.modified()).expect("a time");
            fs::File::options()
                .write(true)
                .open(&to)
                .and_then(|file| file.set_modified(times))
                .expect("a file");
        }
    }
    fs::set_permissions(to, mode).expect("a mode");
}
