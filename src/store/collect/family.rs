//! Families: the versions of what stood at one path, which are alike and belong together.
//!
//! The path of an object is the one at which the marking walk met it first. Paths are kept as a tree
//! of names, so that a million of them share their folders.

use std::collections::HashMap;

/// The number of a family.
pub type Family = u32;

/// What lies at the root of a directory.
pub const ROOT: Family = 0;
/// States of agents.
pub const STATE: Family = 1;
/// Everything that has no path: operations, names, snapshots, results.
pub const RECORD: Family = 2;

/// All families that were met.
#[derive(Debug)]
pub struct Families {
    /// For each family the one of its folder, and its name there.
    members: Vec<(Family, Box<[u8]>)>,
    known: HashMap<(Family, Box<[u8]>), Family>,
}

impl Default for Families {
    fn default() -> Self {
        let members = [ROOT, STATE, RECORD].map(|itself| (itself, Box::default())).to_vec();
        Self { members, known: HashMap::new() }
    }
}

impl Families {
    /// The family of that name in a folder. Beyond four billion of them all are of the folder's.
    pub fn below(&mut self, folder: Family, name: &[u8]) -> Family {
        let key = (folder, Box::from(name));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let Ok(number) = Family::try_from(self.members.len()) else { return folder };
        self.members.push(key.clone());
        self.known.insert(key, number);
        number
    }

    /// For each family its place when folders come one after another, and in a folder files of
    /// one extension, then of similar names.
    pub fn ranks(&self) -> Vec<u32> {
        let mut keys: Vec<(Vec<u8>, u32)> = Vec::with_capacity(self.members.len());
        for (number, (folder, name)) in self.members.iter().enumerate() {
            // A folder is numbered before what lies in it.
            let mut key = match number as u32 {
                ROOT | STATE | RECORD => vec![number as u8],
                _ => self.folder_key(*folder),
            };
            let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
            let (stem, extension) = name.split_at(dot);
            key.extend([extension, b"\0", stem].concat());
            keys.push((key, number as u32));
        }
        keys.sort_unstable();
        let mut ranks = vec![0; keys.len()];
        for (rank, (_, number)) in keys.into_iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        ranks
    }

    fn folder_key(&self, folder: Family) -> Vec<u8> {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = folder;
        while at > RECORD {
            let (above, name) = &self.members[at as usize];
            names.push(name);
            at = *above;
        }
        let mut key = vec![at as u8];
        for name in names.iter().rev() {
            key.extend_from_slice(name);
            key.push(b'/');
        }
        key.push(0);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_folder_and_extension_are_neighbours() {
        let mut families = Families::default();
        let folder = families.below(ROOT, b"src");
        let names: [(Family, &[u8]); 6] = [
            (folder, b"b.rs"),
            (ROOT, b"README"),
            (folder, b"a.toml"),
            (folder, b"a.rs"),
            (ROOT, b"b.rs"),
            (folder, b"a.rs"),
        ];
        let numbers: Vec<_> =
            names.iter().map(|(folder, name)| families.below(*folder, name)).collect();
        assert_eq!(numbers[3], numbers[5], "one path is one family");
        let ranks = families.ranks();
        let mut order: Vec<_> = (0..5).collect();
        order.sort_by_key(|at: &usize| ranks[numbers[*at] as usize]);
        assert_eq!(order, [1, 4, 3, 0, 2]);
    }
}
