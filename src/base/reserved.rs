//! Names that no file of a tree may have, because a file system, git or this program would take
//! them for something of their own.
//!
//! Guarantees that a tree can never write into a repository's git folder or into a store, on any
//! file system that a workspace may stand on. A capture leaves such names out and says so; every
//! decoded tree that has one is refused. Does not touch the disk.
//!
//! The forms are those that git refuses in its own index, from the same causes: NTFS ignores dots
//! and blanks at the end of a name, has a short name for each long one and opens `name:stream` as
//! `name`, and takes `\` for `/`; HFS+ ignores some code points; both ignore case.

/// What a reserved name would be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The folder of a git repository.
    Git,
    /// The store of a workspace.
    Store,
    /// A file that a restore is writing.
    Temporary,
}

impl Reserved {
    /// The rule that a name breaks, for a message.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Git => "a name in it is one that file systems take for git's folder `.git`",
            Self::Store => "a name in it is one that file systems take for the store `.exp`",
            Self::Temporary => "a name in it is one that restores use for what they are writing",
        }
    }
}

/// How the name of a file begins that a restore is writing; [`TEMPORARY_DIGITS`] follow.
pub const TEMPORARY_PREFIX: &[u8] = b".exp-tmp-";

/// Hexadecimal digits at the end of such a name.
pub const TEMPORARY_DIGITS: usize = 16;

/// What a name would be taken for; none for a name that a file may have.
pub fn reserved(name: &[u8]) -> Option<Reserved> {
    if is_temporary(name) {
        return Some(Reserved::Temporary);
    }
    // Nearly every name ends here: each reserved one has one of these bytes or begins with `g`, `e`.
    if !matches!(name.first(), Some(b'.' | b'g' | b'G' | b'e' | b'E' | 0xe2 | 0xef))
        && !name.contains(&b'\\')
    {
        return None;
    }
    let is = |folder: &[u8]| {
        is_without_ignorable(name, folder)
            || name.split(|byte| *byte == b'\\').any(|part| is_on_ntfs(part, folder))
    };
    if is(b"git") {
        Some(Reserved::Git)
    } else if is(b"exp") {
        Some(Reserved::Store)
    } else {
        None
    }
}

fn is_temporary(name: &[u8]) -> bool {
    let Some((prefix, digits)) = name.split_at_checked(TEMPORARY_PREFIX.len()) else {
        return false;
    };
    prefix.eq_ignore_ascii_case(TEMPORARY_PREFIX)
        && digits.len() == TEMPORARY_DIGITS
        && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `.GIT`, `.git. .`, `.git::$INDEX_ALLOCATION`, `GIT~1`.
fn is_on_ntfs(name: &[u8], folder: &[u8]) -> bool {
    let stream = name.iter().position(|byte| *byte == b':').unwrap_or(name.len());
    let kept = name[..stream].iter().rposition(|byte| !matches!(byte, b'.' | b' '));
    let name = &name[..kept.map_or(0, |last| last + 1)];
    if let Some(long) = name.strip_prefix(b".") {
        return long.eq_ignore_ascii_case(folder);
    }
    match name.split_at_checked(folder.len()) {
        Some((short, [b'~', b'1'..=b'9'])) => short.eq_ignore_ascii_case(folder),
        _ => false,
    }
}

/// `.g\u{200c}it`.
fn is_without_ignorable(name: &[u8], folder: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let seen = name.chars().filter(|c| !ignored(c)).map(|c| c.to_ascii_lowercase());
    seen.eq(std::iter::once('.').chain(folder.iter().copied().map(char::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_two_folders_is_known() {
        for (folder, wanted) in [("git", Reserved::Git), ("exp", Reserved::Store)] {
            let upper = folder.to_uppercase();
            let forms = [
                format!(".{folder}"),
                format!(".{upper}"),
                format!(".{folder}."),
                format!(".{folder} . ."),
                format!(".{folder}:x"),
                format!(".{folder}::$INDEX_ALLOCATION"),
                format!(".{folder} :x"),
                format!("{folder}~1"),
                format!("{upper}~2"),
                format!("{folder}~1."),
                format!("a\\.{folder}\\config"),
                format!(".{folder}\\hooks"),
                format!("\u{200c}.{folder}"),
                format!(".\u{feff}{}\u{202e}{}", &upper[..1], &folder[1..]),
                format!(".{folder}\u{206f}"),
            ];
            for form in forms {
                assert_eq!(reserved(form.as_bytes()), Some(wanted), "{form:?}");
            }
        }
        for name in [".exp-tmp-0123456789abcdef", ".EXP-tmp-0123456789ABCDEF"] {
            assert_eq!(reserved(name.as_bytes()), Some(Reserved::Temporary));
        }
    }

    #[test]
    fn names_beside_them_are_free() {
        let free = [
            ".gitignore",
            ".gitmodules",
            ".gitattributes",
            ".github",
            ".expignore",
            "exp.toml",
            "git",
            "exp",
            "git~",
            "git~10",
            "git~0",
            ".git2",
            "a.git",
            "exp~",
            "expert~1x",
            ".exp-tmp-notes",
            ".exp-tmp-0123456789abcdefg",
            "...",
            ". ",
            "été",
            "a\\b",
            "x:.git",
            "\u{200c}git",
            "e",
        ];
        for name in free {
            assert_eq!(reserved(name.as_bytes()), None, "{name:?}");
        }
        assert_eq!(reserved(b".gi\xfft"), None);
    }
}
