//! A git folder of its own for a folder that shows a workspace's files: git works there as in the
//! workspace and reaches nothing of it.
//!
//! Objects are borrowed (`objects/info/alternates`), which git only reads; all else is copied: HEAD,
//! references, HEAD's log, index, the state of a merge or rebase that goes on, hooks, ignore rules. The
//! repository's configuration is included, so that identity, filters and remotes are the user's; what
//! would lead git back to the user's files is set anew after it.
//!
//! Not there: the logs of branches, the stash, the repositories of submodules. Starts nothing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::refs::{GitHead, head, is_reference, loose, packed};
use super::{GitPlace, is_absence};
use crate::base::limits::SETTINGS_BYTES_MAX;
use crate::base::regular;

/// Folders in each other that are copied at most: hooks and states of git have one or two.
const FOLDERS_MAX: usize = 16;

/// What is copied when it is there: of the repository, and of its working tree.
const OF_REPOSITORY: [&str; 4] = ["hooks", "info/exclude", "info/attributes", "shallow"];
const OF_TREE: [&str; 6] =
    ["info/sparse-checkout", "logs/HEAD", "rebase-merge", "rebase-apply", "sequencer", "index"];

/// Makes `top/.git`, which must not be there. Gives the references that it has; none where the
/// repository keeps its own in a way that we do not read (`reftable`), and then nothing is made.
///
/// # Errors
/// Those of reading and writing. What was made until then is left.
pub fn make_own(place: &GitPlace, top: &Path) -> io::Result<Option<BTreeMap<String, String>>> {
    let Some(head) = head(place)? else { return Ok(None) };
    let git = top.join(".git");
    for folder in
        ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "info", "logs"]
    {
        fs::create_dir(git.join(folder))?;
    }
    write_alternates(place, &git)?;
    // In git's own order: one that is packed meanwhile is found in one place or in both, never in none.
    let loose = loose(&place.common_dir.join("refs"), "refs")?;
    let mut references = packed(place, &|path| Ok(Some(path.to_owned())))?;
    references.extend(loose);
    references.remove("refs/stash");
    write_references(&git, &references)?;
    fs::write(git.join("config"), config(place)?)?;
    for name in OF_REPOSITORY {
        copy(&place.common_dir.join(name), &git.join(name), 0)?;
    }
    for name in OF_TREE {
        copy(&place.git_dir.join(name), &git.join(name), 0)?;
    }
    for item in fs::read_dir(&place.git_dir)? {
        let name = item?.file_name();
        if is_state(&name.to_string_lossy()) {
            copy(&place.git_dir.join(&name), &git.join(&name), 0)?;
        }
    }
    // Last: without it the folder is no repository.
    let text = match head {
        GitHead::Branch { reference, .. } => format!("ref: {reference}\n"),
        GitHead::Detached { commit } => format!("{commit}\n"),
    };
    fs::write(git.join("HEAD"), text)?;
    Ok(Some(references))
}

/// Files that say what git is in the middle of, and those of a split index.
fn is_state(name: &str) -> bool {
    let begins = ["MERGE_", "BISECT_", "sharedindex."].iter().any(|begin| name.starts_with(begin));
    begins || name.ends_with("_HEAD") || name == "SQUASH_MSG" || name == "AUTO_MERGE"
}

fn write_alternates(place: &GitPlace, git: &Path) -> io::Result<()> {
    let objects = place.common_dir.join("objects");
    let mut line = objects.as_os_str().as_bytes().to_vec();
    if line.contains(&b'\n') {
        let reason = "a line break in the path of the repository";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    line.push(b'\n');
    fs::write(git.join("objects/info/alternates"), line)
}

/// One file for all that name an object. Without git's heading, so that git sorts it itself.
fn write_references(git: &Path, references: &BTreeMap<String, String>) -> io::Result<()> {
    let mut packed = io::BufWriter::new(File::create_new(git.join("packed-refs"))?);
    for (name, text) in references {
        if text.starts_with("ref:") {
            let file = git.join(name);
            fs::create_dir_all(file.parent().unwrap_or(git))?;
            fs::write(file, format!("{text}\n"))?;
        } else if is_reference(name) {
            writeln!(packed, "{text} {name}")?;
        }
    }
    packed.flush()
}

/// The user's configuration, included. Git does not look there for the format, so that stands here;
/// and what leads to the user's folder, or trusts what was seen there, is set after it.
fn config(place: &GitPlace) -> io::Result<Vec<u8>> {
    let theirs = place.common_dir.join("config");
    let formats = match regular::read(&theirs, SETTINGS_BYTES_MAX) {
        Ok(bytes) => extensions(&String::from_utf8_lossy(&bytes)),
        Err(error) if is_absence(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    for file in [theirs, place.git_dir.join("config.worktree")] {
        text.extend_from_slice(b"[include]\n\tpath = \"");
        for byte in file.as_os_str().as_bytes() {
            match byte {
                b'\n' => text.extend_from_slice(b"\\n"),
                b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
                _ => text.push(*byte),
            }
        }
        text.extend_from_slice(b"\"\n");
    }
    let version = u8::from(!formats.is_empty());
    write!(
        text,
        "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n\tworktree = ..\n\
         \tfsmonitor = false\n\tuntrackedCache = false\n"
    )?;
    for (key, value) in formats {
        write!(text, "[extensions]\n\t{key} = {value}\n")?;
    }
    Ok(text)
}

/// The extensions of the format that a repository which borrows its objects must have, too.
fn extensions(config: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.to_ascii_lowercase().starts_with("[extensions]");
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        let needed = ["objectformat", "compatobjectformat", "partialclone"];
        let plain = value.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c));
        if inside && plain && needed.contains(&key.as_str()) {
            found.push((key, value.to_owned()));
        }
    }
    found
}

/// Copies a file, or a folder and what is in it. What is absent, and git's samples of hooks, are
/// passed over. Times are kept: git compares the index's with those of files.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let facts = match fs::symlink_metadata(from) {
        Ok(facts) => facts,
        Err(error) if is_absence(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    if facts.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if facts.is_dir() && depth < FOLDERS_MAX {
        fs::create_dir_all(to)?;
        for item in fs::read_dir(from)? {
            let name = item?.file_name();
            copy(&from.join(&name), &to.join(&name), depth + 1)?;
        }
        return Ok(());
    }
    if !facts.is_file() || from.extension() == Some(OsStr::new("sample")) {
        return Ok(());
    }
    match fs::copy(from, to) {
        // Git removes what it is done with.
        Err(error) if is_absence(&error) && !from.exists() => return Ok(()),
        copied => copied?,
    };
    File::open(to)?.set_times(FileTimes::new().set_modified(facts.modified()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz::fuzz;

    #[test]
    fn extensions_of_the_format_are_found() {
        let config = "[core]\n\tobjectformat = no\n[Extensions]\n\tobjectFormat = sha256\n\
                      \tworktreeConfig = true\n\tpartialClone = origin\n[user]\n\tname = n\n";
        let wanted = [("objectformat", "sha256"), ("partialclone", "origin")];
        assert_eq!(extensions(config), wanted.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    /// What is found is written into a configuration: nothing of it may end a line there.
    #[test]
    fn fuzzed_configurations_give_plain_extensions() {
        let config = "[core]\n\tbare = no\n[extensions]\n\tobjectFormat = sha256\n\
                      \tpartialClone = origin\n[user]\n\tname = n\n";
        fuzz("git config", &[config.as_bytes().to_vec()], (0, 3_000), |bytes| {
            let found = extensions(&String::from_utf8_lossy(bytes));
            let is_plain =
                |text: &str| !text.contains(|c: char| c.is_control() || "[]=#;\"".contains(c));
            assert!(found.iter().all(|(key, value)| is_plain(key) && is_plain(value)));
            !found.is_empty()
        });
    }
}
