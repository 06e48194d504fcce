//! A file as a view showed it, found without a view: in its upper layer, else underneath.
//!
//! For single files of a view that has ended, such as git's HEAD. Follows no link: a layer holds
//! what a command left, and a link in it may lead anywhere.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::capture::{is_opaque, is_whiteout};
use super::error::IsolateError;

/// Where the file lies that a view of `lower` under `upper` shows at a relative path; none where it
/// shows no plain file. Without `lower` the upper is all there is.
///
/// # Errors
/// The disk's.
pub fn merged_file(
    upper: &Path,
    lower: Option<&Path>,
    path: &Path,
) -> Result<Option<PathBuf>, IsolateError> {
    let (mut above, mut under) = (Some(upper.to_owned()), lower.map(Path::to_owned));
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(part) = part else { return Ok(None) };
        under = under.map(|folder| folder.join(part));
        let Some(folder) = above.take() else { continue };
        let place = folder.join(part);
        match facts(&place)? {
            None => {}
            Some(facts) if is_whiteout(&facts) => return Ok(None),
            // No folder, so nothing below it; a link is not followed.
            Some(facts) if !facts.is_dir() && parts.peek().is_some() => return Ok(None),
            Some(facts) => {
                if !facts.is_dir() || is_opaque(&place)? {
                    under = None;
                }
                above = Some(place);
            }
        }
    }
    let Some(place) = above.or(under) else { return Ok(None) };
    Ok(facts(&place)?.filter(fs::Metadata::is_file).map(|_| place))
}

fn facts(place: &Path) -> Result<Option<fs::Metadata>, IsolateError> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match fs::symlink_metadata(place) {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(IsolateError::disk("read", place)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_upper_hides_what_is_underneath() {
        let folder = tempfile::tempdir().unwrap();
        let (upper, lower) = (folder.path().join("upper"), folder.path().join("lower"));
        for (side, path) in [(&lower, "a/b"), (&lower, "c"), (&lower, "a/d"), (&upper, "a/b")] {
            fs::create_dir_all(side.join("a")).unwrap();
            fs::write(side.join(path), "x").unwrap();
        }
        // Links, also on the way, and a file where a folder was.
        symlink(&lower, upper.join("link")).unwrap();
        symlink(lower.join("c"), upper.join("c")).unwrap();
        fs::write(upper.join("e"), "x").unwrap();
        let seen = |path: &str| merged_file(&upper, Some(&lower), Path::new(path)).unwrap();
        assert_eq!(seen("a/b"), Some(upper.join("a/b")));
        assert_eq!(seen("a/d"), Some(lower.join("a/d")));
        for none in ["c", "link/c", "e/f", "a", "../lower/c", "nothing"] {
            assert_eq!(seen(none), None, "{none}");
        }
        let alone = |path: &str| merged_file(&upper, None, Path::new(path)).unwrap();
        assert_eq!((alone("a/b"), alone("a/d")), (Some(upper.join("a/b")), None));
    }
}
