//! The project of the demo: a Rust library without dependencies, with a function worth speeding
//! up, tests, a program that times it, and five ways to write it.

use std::io;
use std::path::Path;

/// Where each file goes, and what is in it.
const FILES: [(&str, &str); 11] = [
    ("Cargo.toml", include_str!("Cargo.toml.txt")),
    ("exp.toml", include_str!("exp.toml.txt")),
    (".gitignore", "/target\n"),
    ("src/lib.rs", include_str!("start.rs.txt")),
    ("src/bin/timing.rs", include_str!("timing.rs.txt")),
    ("tests/pairs.rs", include_str!("tests.rs.txt")),
    ("approaches/hash.rs", include_str!("hash.rs.txt")),
    ("approaches/filter.rs", include_str!("filter.rs.txt")),
    ("approaches/typo.rs", include_str!("typo.rs.txt")),
    ("approaches/set.rs", include_str!("set.rs.txt")),
    ("README", "A function to speed up. `approaches/` has four ways to write it.\n"),
];

/// Writes the project into an empty or new folder.
///
/// # Errors
/// `AlreadyExists` for a folder that holds something; else the system's.
pub fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if std::fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty"));
    }
    for (path, content) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}
