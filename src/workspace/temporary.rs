//! The names of files that a restore is writing: made from the name that they will have, so that
//! whoever comes after a crash finds them without a list.

use crate::base::codec;
use crate::base::path::TreePath;

const PREFIX: &[u8] = b".exp-tmp-";
const DIGITS: usize = 16;

/// Whether a name is of that kind. Such a file is never captured.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Where the content for a path is written first: in the same folder.
pub(super) fn beside(path: &TreePath) -> TreePath {
    let (folder, name) = path.split().unwrap_or_default();
    let digits = codec::digest("temporary name", name).hex();
    folder.join(&[PREFIX, &digits.as_bytes()[..DIGITS]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_is_known_again() {
        let path = TreePath::new(b"src/main.rs").unwrap();
        let (folder, name) = path.split().unwrap();
        let beside = beside(&path);
        assert_eq!(beside.split().unwrap().0, folder);
        assert!(is_name(beside.split().unwrap().1));
        assert!(!is_name(name) && !is_name(b".exp-tmp-notes"));
    }
}
