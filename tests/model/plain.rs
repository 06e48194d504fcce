//! The model: maps, a list of snapshots, a list of operations.

use std::collections::{BTreeMap, BTreeSet};

use expdag::engine::Category;

use crate::library::{Files, Node};

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Step {
    /// A file gets one of a few contents, or goes. Past `exp`.
    Edit(&'static str, Option<usize>),
    Snapshot,
    Branch(String),
    Switch(String),
    Merge(String),
    /// To the snapshot of that number.
    Rollback(usize),
    Undo,
    Redo,
    Tag(String),
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done { made: usize },
    Refused(Category),
}

/// A snapshot: its parents and its files.
#[derive(Clone, Debug)]
pub struct Recorded {
    parents: Vec<usize>,
    files: Files,
}

/// All names at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub branches: BTreeMap<String, usize>,
    pub tags: BTreeMap<String, usize>,
    pub position: (String, usize),
}

/// Where one name stands.
type Value = Option<(String, usize)>;

impl Names {
    /// Each name with where it stands.
    fn all(&self) -> BTreeMap<String, (String, usize)> {
        let plain = |kind: &'static str| {
            move |(name, at): (&String, &usize)| (format!("{kind}/{name}"), (String::new(), *at))
        };
        let mut all: BTreeMap<_, _> = self.branches.iter().map(plain("branch")).collect();
        all.extend(self.tags.iter().map(plain("tag")));
        all.insert("position".to_owned(), self.position.clone());
        all
    }

    fn set(&mut self, name: &str, value: Value) {
        let Some((kind, name)) = name.split_once('/') else {
            self.position = value.expect("a workspace has a position");
            return;
        };
        let map = if kind == "branch" { &mut self.branches } else { &mut self.tags };
        match value {
            Some((_, at)) => map.insert(name.to_owned(), at),
            None => map.remove(name),
        };
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Verb,
    Capture,
    Undo(usize),
    Redo(usize),
}

#[derive(Clone, Debug)]
struct Operation {
    session: usize,
    kind: Kind,
    before: Names,
    after: Names,
    /// Whether the files changed with the names.
    moves_files: bool,
}

pub struct Model {
    pub names: Names,
    pub files: Files,
    pub snapshots: Vec<Recorded>,
    operations: Vec<Operation>,
    /// Merges that were not possible.
    pub conflicts: usize,
    /// Undos and redos that were not possible since a name had moved.
    pub refused: usize,
    /// Times that a branch had gone on, and a new one was begun.
    pub aside: usize,
}

impl Model {
    /// One snapshot of those files on `main`.
    pub fn new(files: Files) -> Self {
        let main = "main".to_owned();
        let branches = BTreeMap::from([(main.clone(), 0)]);
        let names = Names { branches, tags: BTreeMap::new(), position: (main, 0) };
        let snapshots = vec![Recorded { parents: Vec::new(), files: files.clone() }];
        let operations = Vec::new();
        Self { names, files, snapshots, operations, conflicts: 0, refused: 0, aside: 0 }
    }

    pub fn edit(&mut self, path: &str, content: Option<usize>) {
        match content {
            Some(number) => {
                // Each path has its own: a file that goes while another comes is no rename.
                let content = format!("content {number} of {path}\n").into_bytes();
                self.files.insert(path.to_owned(), Node::File(content, path == "run"))
            }
            None => self.files.remove(path),
        };
    }

    pub fn take(&mut self, session: usize, step: &Step) -> Answer {
        let known = self.snapshots.len();
        let refused = match step {
            Step::Edit(..) => None,
            Step::Snapshot => {
                self.capture(session, Kind::Verb);
                None
            }
            Step::Branch(name) => self.branch(session, name),
            Step::Tag(name) => self.tag(session, name),
            Step::Switch(name) => self.switch(session, name),
            Step::Merge(name) => self.merge(session, name),
            Step::Rollback(to) => {
                self.capture(session, Kind::Capture);
                self.go(session, *to);
                None
            }
            Step::Undo => self.undo(session),
            Step::Redo => self.redo(session),
        };
        match refused {
            Some(category) => Answer::Refused(category),
            None => Answer::Done { made: self.snapshots.len() - known },
        }
    }

    fn commit(&mut self, session: usize, kind: Kind, after: Names, moves_files: bool) {
        let before = std::mem::replace(&mut self.names, after.clone());
        self.operations.push(Operation { session, kind, before, after, moves_files });
    }

    /// Records the files on the branch, if they differ.
    fn capture(&mut self, session: usize, kind: Kind) {
        let at = self.names.position.1;
        if self.files == self.snapshots[at].files {
            return;
        }
        let branch = self.own_branch();
        let made = self.record(vec![at], self.files.clone());
        let mut names = self.names.clone();
        names.branches.insert(branch.clone(), made);
        names.position = (branch, made);
        self.commit(session, kind, names, false);
    }

    /// The branch that moves: a new one where an undo has left the workspace behind it, or beside it, so
    /// that nothing falls off it. The engine has the id of the snapshot in its name, for its number.
    fn own_branch(&mut self) -> String {
        let (branch, at) = self.names.position.clone();
        let head = self.names.branches.get(&branch);
        if head.is_none_or(|head| self.ancestors(at).contains(head)) {
            return branch;
        }
        self.aside += 1;
        let first = format!("{branch}-#{at}#");
        let is_free = |name: &String| !self.names.branches.contains_key(name);
        let next = || (2..).map(|number| format!("{first}-{number}")).find(is_free);
        if is_free(&first) { first } else { next().expect("there are numbers enough") }
    }

    fn record(&mut self, parents: Vec<usize>, files: Files) -> usize {
        self.snapshots.push(Recorded { parents, files });
        self.snapshots.len() - 1
    }

    fn branch(&mut self, session: usize, name: &str) -> Option<Category> {
        if self.names.branches.contains_key(name) {
            return Some(Category::Conflict);
        }
        let mut names = self.names.clone();
        names.branches.insert(name.to_owned(), names.position.1);
        self.commit(session, Kind::Verb, names, false);
        None
    }

    fn tag(&mut self, session: usize, name: &str) -> Option<Category> {
        if self.names.tags.contains_key(name) {
            return Some(Category::Conflict);
        }
        let mut names = self.names.clone();
        names.tags.insert(name.to_owned(), names.position.1);
        self.commit(session, Kind::Verb, names, false);
        None
    }

    fn switch(&mut self, session: usize, name: &str) -> Option<Category> {
        let Some(head) = self.names.branches.get(name).copied() else {
            return Some(Category::NotFound);
        };
        if self.names.position == (name.to_owned(), head) {
            return None;
        }
        self.capture(session, Kind::Capture);
        let mut names = self.names.clone();
        // Capturing may have moved that very branch.
        let to = names.branches.get(name).copied().unwrap_or(head);
        names.position = (name.to_owned(), to);
        self.place(session, names);
        None
    }

    /// The branch and the position go to a snapshot.
    fn go(&mut self, session: usize, to: usize) {
        let branch = self.own_branch();
        let mut names = self.names.clone();
        names.branches.insert(branch.clone(), to);
        names.position = (branch, to);
        self.place(session, names);
    }

    /// Names and files move together.
    fn place(&mut self, session: usize, names: Names) {
        let files = self.snapshots[names.position.1].files.clone();
        let moves_files = files != self.files;
        self.files = files;
        self.commit(session, Kind::Verb, names, moves_files);
    }

    fn merge(&mut self, session: usize, name: &str) -> Option<Category> {
        let Some(theirs) = self.names.branches.get(name).copied() else {
            return Some(Category::NotFound);
        };
        self.capture(session, Kind::Capture);
        let ours = self.names.position.1;
        let bases = self.merge_bases(ours, theirs);
        let [base] = bases[..] else { panic!("an ambiguous merge") };
        if base == theirs {
            return None;
        }
        if base == ours {
            self.go(session, theirs);
            return None;
        }
        match self.merged(base, ours, theirs) {
            Some(files) => {
                let made = self.record(vec![ours, theirs], files);
                self.go(session, made);
            }
            None => self.conflicts += 1,
        }
        None
    }

    /// File by file; none where both changed one differently.
    fn merged(&self, base: usize, ours: usize, theirs: usize) -> Option<Files> {
        let [base, ours, theirs] = [base, ours, theirs].map(|at| &self.snapshots[at].files);
        let paths: BTreeSet<_> = [base, ours, theirs].iter().flat_map(|f| f.keys()).collect();
        let mut files = Files::new();
        for path in paths {
            let (was, our, their) = (base.get(path), ours.get(path), theirs.get(path));
            let now = match () {
                () if our == their || their == was => our,
                () if our == was => their,
                () => return None,
            };
            files.extend(now.map(|node| (path.clone(), node.clone())));
        }
        Some(files)
    }

    fn ancestors(&self, of: usize) -> BTreeSet<usize> {
        let (mut seen, mut next) = (BTreeSet::new(), vec![of]);
        while let Some(at) = next.pop() {
            if seen.insert(at) {
                next.extend(&self.snapshots[at].parents);
            }
        }
        seen
    }

    fn merge_bases(&self, ours: usize, theirs: usize) -> Vec<usize> {
        let common: Vec<_> =
            self.ancestors(ours).intersection(&self.ancestors(theirs)).copied().collect();
        let below = |at: usize| common.iter().any(|o| *o != at && self.ancestors(*o).contains(&at));
        common.iter().copied().filter(|at| !below(*at)).collect()
    }

    /// Whether a merge has several bases, of which any may be taken.
    pub fn is_ambiguous(&self, step: &Step) -> bool {
        let Step::Merge(name) = step else { return false };
        let head = self.names.branches.get(name);
        head.is_some_and(|head| self.merge_bases(self.names.position.1, *head).len() > 1)
    }

    fn undo(&mut self, session: usize) -> Option<Category> {
        let is_undone = |at: usize| self.taken_back(|kind| kind == Kind::Undo(at));
        let mut own = self.operations.iter().enumerate().rev();
        let found = own.find(|(at, operation)| {
            operation.session == session && operation.kind == Kind::Verb && !is_undone(*at)
        });
        let Some((at, _)) = found else { return Some(Category::NotFound) };
        self.step(session, at, Kind::Undo(at))
    }

    fn redo(&mut self, session: usize) -> Option<Category> {
        for (at, operation) in self.operations.iter().enumerate().rev() {
            match operation.kind {
                _ if operation.session != session => {}
                Kind::Verb => break,
                Kind::Undo(_) if !self.is_redone(at) => {
                    return self.step(session, at, Kind::Redo(at));
                }
                _ => {}
            }
        }
        Some(Category::NotFound)
    }

    fn is_redone(&self, undo: usize) -> bool {
        self.operations.iter().any(|operation| operation.kind == Kind::Redo(undo))
    }

    /// Whether there is such an undo that was not redone.
    fn taken_back(&self, is: impl Fn(Kind) -> bool) -> bool {
        let all = self.operations.iter().enumerate();
        all.into_iter().any(|(at, operation)| is(operation.kind) && !self.is_redone(at))
    }

    /// The inverse of an operation, name by name: each must stand where the operation, or later
    /// captures of this session, had left it.
    fn step(&mut self, session: usize, at: usize, kind: Kind) -> Option<Category> {
        let operation = self.operations[at].clone();
        let (before, after) = (operation.before.all(), operation.after.all());
        let now = self.names.all();
        let names: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
        let mut moves = Vec::new();
        for name in names {
            let (wanted, left) = (before.get(&name).cloned(), after.get(&name).cloned());
            let found = now.get(&name).cloned();
            if wanted == left || found == wanted {
                continue;
            }
            if self.before_captures(session, at, &name, found, &left) != left {
                self.refused += 1;
                return Some(Category::Conflict);
            }
            moves.push((name, wanted));
        }
        // Somebody took this very step already.
        if moves.is_empty() && before != after {
            self.refused += 1;
            return Some(Category::Conflict);
        }
        let moves_files = operation.moves_files && moves.iter().any(|(name, _)| name == "position");
        if moves_files {
            self.capture(session, Kind::Capture);
        }
        let mut names = self.names.clone();
        moves.into_iter().for_each(|(name, value)| names.set(&name, value));
        if moves_files {
            self.files = self.snapshots[names.position.1].files.clone();
        }
        self.commit(session, kind, names, operation.moves_files);
        None
    }

    fn before_captures(
        &self,
        session: usize,
        since: usize,
        name: &str,
        mut found: Value,
        left: &Value,
    ) -> Value {
        for later in self.operations[since + 1..].iter().rev() {
            if found == *left {
                break;
            }
            if later.kind == Kind::Capture && later.session == session {
                let (before, after) = (later.before.all(), later.after.all());
                if after.get(name).cloned() == found {
                    found = before.get(name).cloned();
                }
            }
        }
        found
    }
}
