//! What only a store knows: identities of views are sealed with it, so that a file that somebody put
//! into a folder cannot make exp act for a store.
//!
//! **Format**: `secret` in the store's folder, 32 bytes from the system's source of randomness, mode
//! 0600. Made with the first view. Where it is lost the identities that it sealed are none: their
//! views are made anew.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::disk::Disk;
use crate::base::regular;

const FILE: &str = "secret";
const FILE_MODE: u32 = 0o600;
const BYTES: usize = 32;

/// The system's source of randomness.
const RANDOM: &str = "/dev/urandom";

/// The secret of a store; none where it has none, or a damaged one.
///
/// # Errors
/// The disk's.
pub fn of(store: &Path) -> io::Result<Option<Vec<u8>>> {
    match regular::read(&store.join(FILE), BYTES as u64) {
        Ok(secret) => Ok(Some(secret).filter(|secret| secret.len() == BYTES)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

/// The secret of a store, made where it has none.
///
/// # Errors
/// The disk's.
pub fn made(disk: &dyn Disk, store: &Path) -> io::Result<Vec<u8>> {
    if let Some(secret) = of(store)? {
        return Ok(secret);
    }
    let mut secret = vec![0; BYTES];
    std::fs::File::open(RANDOM)?.read_exact(&mut secret)?;
    // Several views of one process may begin at once.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let beside = store.join(format!("{FILE}.{}-{number}.new", std::process::id()));
    let write = || {
        let mut file = disk.create(&beside, FILE_MODE)?;
        file.write_all(&secret)?;
        file.sync()?;
        // Of several that make one, the first wins, and all take that one.
        std::fs::hard_link(&beside, store.join(FILE))
    };
    let written = write();
    disk.remove_file(&beside)?;
    match written {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => {
            of(store)?.ok_or_else(|| io::Error::other("the store's `secret` is damaged; remove it"))
        }
    }
}
