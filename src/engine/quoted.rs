//! Where content that is to be forgotten is quoted: lines of it, and values that stand behind `=` or
//! `:` in it, in logs of commands and in recorded evaluations.
//!
//! Finds what stands there word by word; what was encoded, cut or joined otherwise is not found.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::base::disk::Disk;
use crate::base::limits::{FORGET_LOG_BYTES_MAX, FORGET_NEEDLE_BYTES_MIN};
use crate::engine::EngineError;

/// What takes the place of a quotation.
const INSTEAD: &[u8] = b"[forgotten]";

/// How the name of a log ends while it is written anew, beside its place.
const HALF: &str = "log-new";

/// What of some content would be recognised elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Needles(BTreeSet<Vec<u8>>);

impl Needles {
    /// Adds the lines of a text, and their values. Content that is no text has none.
    pub fn add(&mut self, content: &[u8]) {
        let Ok(text) = std::str::from_utf8(content) else { return };
        for line in text.lines() {
            let value = line.split_once(['=', ':']).map_or("", |(_, value)| value);
            for part in [line, value] {
                let part = part.trim().trim_matches(['"', '\'', ',', ';']);
                if part.len() >= FORGET_NEEDLE_BYTES_MIN {
                    self.0.insert(part.as_bytes().to_vec());
                }
            }
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of them stands in these bytes.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|needle| find(bytes, needle).is_some())
    }

    /// The bytes without them; none where none of them stands there.
    fn without(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut changed = None;
        // The longest first: a line goes as a whole before its value does.
        let mut longest_first: Vec<_> = self.0.iter().collect();
        longest_first.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        for needle in longest_first {
            let mut rest: &[u8] = changed.as_deref().unwrap_or(bytes);
            let mut made = Vec::new();
            while let Some(at) = find(rest, needle) {
                made.extend_from_slice(&rest[..at]);
                made.extend_from_slice(INSTEAD);
                rest = &rest[at + needle.len()..];
            }
            if !made.is_empty() {
                made.extend_from_slice(rest);
                changed = Some(made);
            }
        }
        changed
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// What became of the logs.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    /// Those that quote it.
    pub quoting: Vec<PathBuf>,
    /// Those that are too long to be looked through.
    pub unread: Vec<PathBuf>,
}

/// Looks through all logs below a folder, and with a disk takes the quotations out of them: then
/// nobody else may do the same there. What one that was killed left half written goes.
///
/// # Errors
/// The disk's, while one is written anew, with its path. What cannot be read is among the unread.
pub(super) fn in_logs(
    runs: &Path,
    needles: &Needles,
    disk: Option<&dyn Disk>,
) -> Result<Logs, EngineError> {
    let mut logs = Logs::default();
    if needles.is_empty() {
        return Ok(logs);
    }
    for folder in fs::read_dir(runs).into_iter().flatten().flatten() {
        // All names first: below, the folder changes.
        let all = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        let is_half = |log: &fs::DirEntry| log.path().extension().is_some_and(|end| end == HALF);
        let (halves, logs_there): (Vec<_>, Vec<_>) = all.partition(is_half);
        for half in halves {
            remove_half(disk, &half.path())?;
        }
        for log in logs_there {
            let path = log.path();
            let is_short = log.metadata().is_ok_and(|facts| facts.len() <= FORGET_LOG_BYTES_MAX);
            let Some(bytes) = is_short.then(|| fs::read(&path).ok()).flatten() else {
                logs.unread.push(path);
                continue;
            };
            let Some(without) = needles.without(&bytes) else { continue };
            if let Some(disk) = disk {
                write_anew(disk, &path, &without).map_err(failed("write", &path))?;
            }
            logs.quoting.push(path);
        }
    }
    Ok(logs)
}

/// Removes a log that was half written, durably: it may hold what is to be forgotten now.
fn remove_half(disk: Option<&dyn Disk>, path: &Path) -> Result<(), EngineError> {
    let Some(disk) = disk else { return Ok(()) };
    let removed = disk.remove_file(path).and_then(|()| sync_folder_of(disk, path));
    removed.map_err(failed("remove", path))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::File { what, path, source }
}

fn sync_folder_of(disk: &dyn Disk, path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| disk.sync_dir(folder))
}

/// Durably, so that the old bytes do not come back.
fn write_anew(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension(HALF);
    let mut file = disk.create(&beside, 0o600)?;
    file.write_all(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&beside, path)?;
    sync_folder_of(disk, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::RealDisk;

    #[test]
    fn lines_and_values_are_found_and_short_ones_are_not() {
        let mut needles = Needles::default();
        needles.add(b"TOKEN=\"abcdef123456\"\nA=1\n\nplain words here\n\xc3\xa4 = 'umlauts-too'\n");
        let logged =
            b"> curl -H abcdef123456 x\nplain words here, A=1, umlauts-too TOKEN=\"abcdef123456\"";
        let without = needles.without(logged).unwrap();
        let expected: &[u8] = b"> curl -H [forgotten] x\n[forgotten], A=1, [forgotten] [forgotten]";
        let (without, expected) = (text(&without), text(expected));
        assert_eq!(without.trim_end_matches('"'), expected);
        assert!(needles.without(b"nothing of it: TOKEN=, A=1").is_none());
        needles = Needles::default();
        needles.add(b"\xff\xfe binary content of some length");
        assert!(needles.is_empty());
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_plan_changes_no_log() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("e1%a");
        fs::create_dir(&run).unwrap();
        fs::write(run.join("build.log"), "the secret-value-1 was used\n").unwrap();
        fs::write(run.join("test.log"), "all is well\n").unwrap();
        let mut needles = Needles::default();
        needles.add(b"KEY=secret-value-1\n");
        let planned = in_logs(folder.path(), &needles, None).unwrap();
        assert_eq!(planned.quoting, [run.join("build.log")]);
        assert!(fs::read_to_string(run.join("build.log")).unwrap().contains("secret-value-1"));
        in_logs(folder.path(), &needles, Some(&RealDisk)).unwrap();
        let left = fs::read_to_string(run.join("build.log")).unwrap();
        assert_eq!(left, "the [forgotten] was used\n");
        assert!(in_logs(folder.path(), &needles, None).unwrap().quoting.is_empty());
        assert_eq!(fs::read_dir(&run).unwrap().count(), 2);
    }
}
