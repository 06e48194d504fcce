//! The states that a crash may leave, by the model in the head of this folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{FileChange, FileContent};
use super::image::{Image, Node};
use super::recording::Mutation;

/// What a folder may hold after a crash at which `done` had been made on top of `initial`.
///
/// The first state is that in which nothing unsynced survived, the second that in which all of it
/// did; then come up to `variants` drawn at random from `seed`. No state stands twice.
pub fn crash_states(initial: &Image, done: &[Mutation], seed: u64, variants: usize) -> Vec<Image> {
    let mut world = World::of(initial);
    for mutation in done {
        world.apply(mutation);
    }
    let mut states = vec![world.show(&mut Choice::Nothing)];
    let mut add = |state: Image| {
        if !states.contains(&state) {
            states.push(state);
        }
    };
    add(world.show(&mut Choice::Everything));
    let mut random = Choice::Random(seed);
    (0..variants).for_each(|_| add(world.show(&mut random)));
    states
}

/// Which of what is not synced survives.
pub(super) enum Choice {
    Nothing,
    Everything,
    Random(u64),
}

impl Choice {
    /// A number below `bound`: 0 for nothing, the last for everything.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Everything => bound.saturating_sub(1),
            Self::Random(state) => {
                // SplitMix64 (Steele, Lea, Flood 2014).
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
            }
        }
    }
}

/// The place of a file, folder or link in [`World`], whatever its names.
type Place = usize;

struct World {
    things: Vec<Thing>,
    /// What the numbers of a recording stand for.
    files: BTreeMap<usize, Place>,
    renames: usize,
}

struct Thing {
    content: Content,
    mode: u32,
    durable_mode: u32,
}

enum Content {
    File(FileContent),
    Link(PathBuf),
    Folder(Folder),
}

#[derive(Default)]
struct Folder {
    live: BTreeMap<OsString, Place>,
    durable: BTreeMap<OsString, Place>,
    /// Since the last sync, in order.
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Set(OsString, Place),
    Remove(OsString),
    Rename(OsString, OsString, Place),
    /// The two sides of a rename between folders, by its number.
    Arrive(OsString, Place, usize),
    Leave(OsString, usize),
}

const ROOT: Place = 0;

impl World {
    fn of(image: &Image) -> Self {
        let mut world = Self { things: Vec::new(), files: BTreeMap::new(), renames: 0 };
        world.add_durable(&image.0);
        world
    }

    fn add_durable(&mut self, node: &Node) -> Place {
        let place = match node {
            Node::File(content, mode) => {
                self.add(Content::File(FileContent::durable(content)), *mode)
            }
            Node::Link(target) => self.add(Content::Link(target.clone()), 0o777),
            Node::Folder(mode, _) => self.add(Content::Folder(Folder::default()), *mode),
        };
        if let Node::Folder(_, names) = node {
            let places = names.iter().map(|(name, node)| (name.clone(), self.add_durable(node)));
            let names: BTreeMap<_, _> = places.collect();
            let live = names.clone();
            self.things[place].content =
                Content::Folder(Folder { live, durable: names, pending: Vec::new() });
        }
        place
    }

    fn add(&mut self, content: Content, mode: u32) -> Place {
        self.things.push(Thing { content, mode, durable_mode: mode });
        self.things.len() - 1
    }

    fn find(&self, path: &Path) -> Place {
        path.iter().fold(ROOT, |at, name| match &self.things[at].content {
            Content::Folder(folder) => folder.live[name],
            _ => panic!("the recording names a path below a file"),
        })
    }

    fn folder(&mut self, place: Place) -> &mut Folder {
        match &mut self.things[place].content {
            Content::Folder(folder) => folder,
            _ => panic!("the recording takes a file for a folder"),
        }
    }

    /// The folder that holds a path, and its name there.
    fn split(&self, path: &Path) -> (Place, OsString) {
        let parent = path.parent().expect("the root itself is never created or removed");
        (self.find(parent), path.file_name().unwrap_or_default().to_owned())
    }

    fn set(&mut self, path: &Path, place: Place) {
        let (folder, name) = self.split(path);
        let folder = self.folder(folder);
        folder.live.insert(name.clone(), place);
        folder.pending.push(Pending::Set(name, place));
    }

    fn apply(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::Create { path, mode, file } => {
                let place = self.add(Content::File(FileContent::default()), *mode);
                self.files.insert(*file, place);
                self.set(path, place);
            }
            Mutation::Open { path, file } => {
                let place = self.find(path);
                self.files.insert(*file, place);
            }
            Mutation::Write { file, bytes } => self.file(*file).append(bytes),
            Mutation::WriteAt { file, offset, bytes } => {
                self.file(*file).change(FileChange::Write(*offset as usize, bytes.clone()));
            }
            Mutation::Cut { file, length } => {
                self.file(*file).change(FileChange::Cut(*length as usize));
            }
            Mutation::SyncFile { file } => self.sync(self.files[file]),
            Mutation::Rename { from, to } => self.rename(from, to),
            Mutation::Remove { path } => {
                let (folder, name) = self.split(path);
                let folder = self.folder(folder);
                folder.live.remove(&name);
                folder.pending.push(Pending::Remove(name));
            }
            Mutation::CreateDir { path, mode } => {
                let place = self.add(Content::Folder(Folder::default()), *mode);
                self.set(path, place);
            }
            Mutation::Symlink { target, path } => {
                let place = self.add(Content::Link(target.clone()), 0o777);
                self.set(path, place);
            }
            Mutation::SetMode { path, mode } => {
                let place = self.find(path);
                self.things[place].mode = *mode;
            }
            Mutation::SyncDir { path } => self.sync(self.find(path)),
            Mutation::SyncAll { path } => self.sync_below(self.find(path)),
            Mutation::Mark { .. } => {}
        }
    }

    fn file(&mut self, number: usize) -> &mut FileContent {
        match &mut self.things[self.files[&number]].content {
            Content::File(content) => content,
            _ => panic!("the recording writes to what is no file"),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let place = self.find(from);
        let ((old_folder, old), (new_folder, new)) = (self.split(from), self.split(to));
        self.folder(old_folder).live.remove(&old);
        self.folder(new_folder).live.insert(new.clone(), place);
        if old_folder == new_folder {
            self.folder(new_folder).pending.push(Pending::Rename(old, new, place));
            return;
        }
        let number = self.renames;
        self.renames += 1;
        self.folder(new_folder).pending.push(Pending::Arrive(new, place, number));
        self.folder(old_folder).pending.push(Pending::Leave(old, number));
    }

    fn sync(&mut self, place: Place) {
        let thing = &mut self.things[place];
        thing.durable_mode = thing.mode;
        match &mut thing.content {
            Content::File(content) => content.sync(),
            Content::Folder(folder) => {
                folder.durable = folder.live.clone();
                folder.pending.clear();
            }
            Content::Link(_) => {}
        }
    }

    fn sync_below(&mut self, place: Place) {
        self.sync(place);
        if let Content::Folder(folder) = &self.things[place].content {
            let below: Vec<_> = folder.live.values().copied().collect();
            below.into_iter().for_each(|place| self.sync_below(place));
        }
    }

    fn show(&self, choice: &mut Choice) -> Image {
        // A rename whose new side is durable, or survives here, may have its old side gone.
        let mut arrived: BTreeSet<usize> = (0..self.renames).collect();
        let mut survives: BTreeMap<Place, Vec<bool>> = BTreeMap::new();
        for (place, thing) in self.things.iter().enumerate() {
            let Content::Folder(folder) = &thing.content else { continue };
            let kept: Vec<bool> = folder.pending.iter().map(|_| choice.below(2) == 1).collect();
            for (pending, kept) in folder.pending.iter().zip(&kept) {
                if let (Pending::Arrive(_, _, number), false) = (pending, kept) {
                    arrived.remove(number);
                }
            }
            survives.insert(place, kept);
        }
        Image(self.show_thing(ROOT, &survives, &arrived, choice))
    }

    fn show_thing(
        &self,
        place: Place,
        survives: &BTreeMap<Place, Vec<bool>>,
        arrived: &BTreeSet<usize>,
        choice: &mut Choice,
    ) -> Node {
        let thing = &self.things[place];
        let mode = if choice.below(2) == 1 { thing.mode } else { thing.durable_mode };
        match &thing.content {
            Content::Link(target) => Node::Link(target.clone()),
            Content::File(content) => Node::File(Arc::new(content.surviving(choice)), mode),
            Content::Folder(folder) => {
                let names = surviving_names(folder, &survives[&place], arrived);
                let show =
                    |(name, place)| (name, self.show_thing(place, survives, arrived, choice));
                Node::Folder(mode, names.into_iter().map(show).collect())
            }
        }
    }
}

fn surviving_names(
    folder: &Folder,
    survives: &[bool],
    arrived: &BTreeSet<usize>,
) -> BTreeMap<OsString, Place> {
    let mut names = folder.durable.clone();
    let kept = folder.pending.iter().zip(survives).filter(|(_, kept)| **kept);
    for (pending, _) in kept {
        match pending {
            Pending::Set(name, place) | Pending::Arrive(name, place, _) => {
                names.insert(name.clone(), *place);
            }
            Pending::Remove(name) => {
                names.remove(name);
            }
            Pending::Rename(old, new, place) => {
                names.remove(old);
                names.insert(new.clone(), *place);
            }
            Pending::Leave(name, number) if arrived.contains(number) => {
                names.remove(name);
            }
            Pending::Leave(..) => {}
        }
    }
    names
}
