//! The content of one file in the model: what is durable, what was done since, and what a crash
//! may leave of it.
//!
//! Knows nothing of names and folders.

use std::sync::Arc;

use super::states::Choice;

/// The content of a file.
#[derive(Default)]
pub struct FileContent {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order; none while the file was only appended to.
    placed: Option<Vec<FileChange>>,
}

/// A change at a place.
#[derive(Clone)]
pub enum FileChange {
    /// Bytes from there on.
    Write(usize, Arc<Vec<u8>>),
    /// The file was cut to that length.
    Cut(usize),
}

impl FileChange {
    /// Makes the change, or what survives of it: of bytes none, a first part, a last part or all;
    /// and the file may have grown without them. A cut is there or not.
    fn make(&self, content: &mut Vec<u8>, choice: &mut Choice) {
        match self {
            Self::Cut(length) => {
                if choice.below(2) == 1 {
                    content.truncate(*length);
                }
            }
            Self::Write(at, bytes) => {
                let part = match choice.below(5) {
                    0 => return,
                    1 => 0..0,
                    2 => 0..choice.below(bytes.len() + 1),
                    3 => choice.below(bytes.len() + 1)..bytes.len(),
                    _ => 0..bytes.len(),
                };
                let end = content.len().max(at + bytes.len());
                content.resize(end, 0);
                content[at + part.start..at + part.end].copy_from_slice(&bytes[part]);
            }
        }
    }
}

impl FileContent {
    /// One that was there from the start.
    pub fn durable(content: &[u8]) -> Self {
        Self { live: content.to_vec(), durable: content.to_vec(), placed: None }
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &Arc<Vec<u8>>) {
        if self.placed.is_some() {
            return self.change(FileChange::Write(self.live.len(), bytes.clone()));
        }
        self.live.extend_from_slice(bytes);
    }

    /// Changes it at a place.
    pub fn change(&mut self, change: FileChange) {
        let appended = self.live.get(self.durable.len()..).unwrap_or_default();
        let placed = self.placed.get_or_insert_with(|| match appended {
            [] => Vec::new(),
            _ => vec![FileChange::Write(self.durable.len(), Arc::new(appended.to_vec()))],
        });
        placed.push(change.clone());
        change.make(&mut self.live, &mut Choice::Everything);
    }

    /// All of it is durable now.
    pub fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.placed = None;
    }

    /// What a crash leaves.
    pub fn surviving(&self, choice: &mut Choice) -> Vec<u8> {
        if let Some(placed) = &self.placed {
            let mut content = self.durable.clone();
            placed.iter().for_each(|change| change.make(&mut content, choice));
            return content;
        }
        let (content, durable) = (&self.live, self.durable.len());
        if durable == content.len() {
            return content.clone();
        }
        match choice.below(4) {
            0 => self.durable.clone(),
            1 => content[..durable + choice.below(content.len() - durable)].to_vec(),
            2 => {
                let mut zeros = content.clone();
                let from = durable + choice.below(content.len() - durable);
                zeros[from..].fill(0);
                zeros
            }
            _ => content.clone(),
        }
    }
}
