//! Which store this is, for other stores: an id and a name, made when first asked for.
//!
//! **Format**: the file `source` in the store's folder, one line: the id in hexadecimal, a space,
//! the name. A copy of the folder is the same source.

use std::path::Path;

use super::super::error::StoreError;
use super::super::layout::FILE_MODE;
use super::super::lock::Sharing;
use super::super::open::Store;
use super::manifest::Source;
use crate::base::codec;
use crate::base::disk::write_new;
use crate::base::id::Hash;
use crate::base::limits::LOCK_TRIES_MAX;
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::name::Label;
use crate::base::regular;

const SOURCE_FILE: &str = "source";
/// Not in `tmp/`, where a writer takes what nobody locks for left behind.
const HALF_FILE: &str = "source.new";

impl Store {
    /// Which store this is; none before anybody asked for it to be named.
    ///
    /// # Errors
    /// The disk's; [`StoreError::Corrupt`].
    pub fn source(&self) -> Result<Option<Source>, StoreError> {
        let path = self.root().join(SOURCE_FILE);
        let text = match regular::read_text(&path, SETTINGS_BYTES_MAX) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::from_io(&path, e)),
        };
        let parts = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
        let read = parts.and_then(|(id, name)| {
            let name = Label::new(name).ok().filter(|name| !name.as_str().contains('/'))?;
            Some(Source { store: Hash::from_hex(id)?, name })
        });
        let what = "it names no source".to_owned();
        read.map(Some).ok_or(StoreError::Corrupt { path, what })
    }

    /// Which store this is; names it where that was not done. `seed` is what no other store was made
    /// with: where, when, by whom.
    ///
    /// **Durability**: durable when it returns.
    ///
    /// # Errors
    /// As [`Store::source`]; [`StoreError::ReadOnly`], [`StoreError::Busy`].
    pub fn named_source(&self, name: &Label, seed: &[u8]) -> Result<Source, StoreError> {
        if let Some(source) = self.source()? {
            return Ok(source);
        }
        // Two that name it at once: the second one finds it named.
        let _alone = self.lock_file("create").lock(Sharing::Exclusive, LOCK_TRIES_MAX)?;
        if let Some(source) = self.source()? {
            return Ok(source);
        }
        let source = Source { store: codec::digest("source", seed), name: name.clone() };
        let text = format!("{} {}\n", source.store.hex(), source.name);
        let (made, path) = (self.root().join(HALF_FILE), self.root().join(SOURCE_FILE));
        // What a crash left of another attempt.
        let _ = self.disk.remove_file(&made);
        write_new(self.disk.as_ref(), &made, FILE_MODE, text.as_bytes())
            .map_err(|e| StoreError::from_io(&made, e))?;
        self.disk.rename(&made, &path).map_err(|e| StoreError::from_io(&path, e))?;
        let root: &Path = self.root();
        self.disk.sync_dir(root).map_err(|e| StoreError::from_io(root, e))?;
        Ok(source)
    }
}
