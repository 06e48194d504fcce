//! The names in a folder, in one piece of memory: a large workspace has many.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::FileType;

/// Where a name lies in a listing's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameAt {
    start: u32,
    length: u32,
}

impl NameAt {
    /// The name.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        // Both come from `Listing::add`, so they lie within the bytes of their listing.
        let start = self.start as usize;
        &bytes[start..start + self.length as usize]
    }
}

/// The names in a folder in the order of their bytes, with what the listing says they are
/// (`Unknown` where the file system does not say).
#[derive(Default)]
pub(super) struct Listing {
    pub(super) bytes: Vec<u8>,
    pub(super) names: Vec<(NameAt, FileType)>,
}

impl Listing {
    /// Reads an open folder.
    pub(super) fn read(folder: &OwnedFd) -> io::Result<Self> {
        // Room for an ordinary folder.
        let mut listing = Self { bytes: Vec::with_capacity(1024), names: Vec::with_capacity(64) };
        listing.read_all(folder)?;
        let Self { bytes, names } = &mut listing;
        names.sort_unstable_by(|a, b| a.0.of(bytes).cmp(b.0.of(bytes)));
        Ok(listing)
    }

    /// The place of a name in the order.
    pub(super) fn find(&self, name: &[u8]) -> Option<FileType> {
        let found = self.names.binary_search_by(|(at, _)| at.of(&self.bytes).cmp(name));
        found.ok().map(|at| self.names[at].1)
    }

    fn add(&mut self, name: &[u8], kind: FileType) {
        if name == b"." || name == b".." {
            return;
        }
        // 4 GiB of names in one folder are 16 million files of the longest names.
        let Ok(start) = u32::try_from(self.bytes.len()) else { return };
        let Ok(length) = u32::try_from(name.len()) else { return };
        self.bytes.extend_from_slice(name);
        self.names.push((NameAt { start, length }, kind));
    }

    #[cfg(target_os = "linux")]
    fn read_all(&mut self, folder: &OwnedFd) -> io::Result<()> {
        const BUFFER_BYTES: usize = 32 << 10;
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; BUFFER_BYTES];
        let mut dir = rustix::fs::RawDir::new(folder, &mut buffer);
        while let Some(entry) = dir.next() {
            let entry = entry?;
            self.add(entry.file_name().to_bytes(), entry.file_type());
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn read_all(&mut self, folder: &OwnedFd) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(folder)? {
            let entry = entry?;
            self.add(entry.file_name().to_bytes(), entry.file_type());
        }
        Ok(())
    }
}
