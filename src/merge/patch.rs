//! A change of one file as a patch that `git apply` takes to the byte: any encoding, any name, modes,
//! links, and binary files in git's own form.
//!
//! **Format**: that of `git diff --full-index --binary` (git-diff(1), "Generating patch text with -p"; for binary
//! files `base85.c` of git: lines of up to 52 bytes, compressed by zlib). Ids are git's for SHA-1: a
//! repository with SHA-256 does not take binary files.

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::unified::{TextDiff, quoted, unified};

/// A file or link on one side of a change.
#[derive(Clone, Copy, Debug)]
pub struct PatchSide<'a> {
    /// git's word for what it is: `100644`, `100755`, `120000`.
    pub mode: &'static str,
    /// Its bytes; the target of a link.
    pub content: &'a [u8],
}

/// How hard zlib tries: git's own default.
const ZLIB_LEVEL: u8 = 6;

/// Bytes that stand in one line of base 85.
const LINE_BYTES: usize = 52;

/// How git says that there is no file on one side.
const NO_ID: &str = "0000000000000000000000000000000000000000";

/// The patch of a file between two sides, of which at least one is there, with so many lines around
/// each change. A file that becomes a link, or the other way, goes and comes.
pub fn file_patch(
    path: &[u8],
    old: Option<PatchSide<'_>>,
    new: Option<PatchSide<'_>>,
    context: usize,
) -> Vec<u8> {
    if let (Some(before), Some(after)) = (old, new)
        && before.mode[..2] != after.mode[..2]
    {
        let gone = file_patch(path, old, None, context);
        return [gone, file_patch(path, None, new, context)].concat();
    }
    let name = |prefix: &str| quoted(&[prefix.as_bytes(), path].concat());
    let mut patch = [&b"diff --git "[..], &name("a/"), b" ", &name("b/"), b"\n"].concat();
    let modes = match (old, new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            format!("old mode {}\nnew mode {}\n", old.mode, new.mode)
        }
        (None, Some(new)) => format!("new file mode {}\n", new.mode),
        (Some(old), None) => format!("deleted file mode {}\n", old.mode),
        _ => String::new(),
    };
    patch.extend_from_slice(modes.as_bytes());
    let content =
        |side: Option<PatchSide<'_>>| side.map_or(Vec::new(), |side| side.content.to_vec());
    let (before, after) = (content(old), content(new));
    if old.is_some() == new.is_some() && before == after {
        return patch;
    }
    let id =
        |side: Option<PatchSide<'_>>| side.map_or(NO_ID.to_owned(), |side| git_id(side.content));
    let same_mode = old.zip(new).filter(|(old, new)| old.mode == new.mode);
    let mode = same_mode.map_or(String::new(), |(_, new)| format!(" {}", new.mode));
    patch.extend_from_slice(format!("index {}..{}{mode}\n", id(old), id(new)).as_bytes());
    match unified(&before, &after, context) {
        TextDiff::Lines(lines) => {
            let side = |is_there: bool, prefix: &str| match is_there {
                true => [prefix.as_bytes(), path].concat(),
                false => b"/dev/null".to_vec(),
            };
            patch.extend(lines.to_text(&side(old.is_some(), "a/"), &side(new.is_some(), "b/")));
        }
        TextDiff::Binary | TextDiff::TooLarge => {
            patch.extend_from_slice(b"GIT binary patch\n");
            push_literal(&mut patch, &after);
            push_literal(&mut patch, &before);
        }
    }
    patch
}

/// The id that git gives a file.
fn git_id(content: &[u8]) -> String {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(format!("blob {}\0", content.len()).as_bytes());
    hash.update(content);
    hash.digest().to_string()
}

fn push_literal(patch: &mut Vec<u8>, content: &[u8]) {
    patch.extend_from_slice(format!("literal {}\n", content.len()).as_bytes());
    for line in compress_to_vec_zlib(content, ZLIB_LEVEL).chunks(LINE_BYTES) {
        // At most 52, so it is a letter.
        let length = line.len() as u8;
        patch.push(if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 });
        line.chunks(4).for_each(|bytes| push_base85(patch, bytes));
        patch.push(b'\n');
    }
    patch.push(b'\n');
}

/// Up to four bytes, the highest first, as five letters.
fn push_base85(patch: &mut Vec<u8>, bytes: &[u8]) {
    const LETTERS: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut four = [0; 4];
    four[..bytes.len()].copy_from_slice(bytes);
    let mut number = u32::from_be_bytes(four);
    let mut letters = [0; 5];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS[(number % 85) as usize];
        number /= 85;
    }
    patch.extend_from_slice(&letters);
}
