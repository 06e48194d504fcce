//! The output of a command, bounded: its end and its start in memory, all of it in a log.
//!
//! **Invariant**: memory stays under `OUTPUT_TAIL_BYTES` + `OUTPUT_STDOUT_BYTES_MAX` and some,
//! whatever a command writes. Of a log beyond its bound the middle is dropped, and the log says so.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};

use crate::base::limits::{OUTPUT_STDOUT_BYTES_MAX, OUTPUT_TAIL_BYTES};

/// Collects the output of one command.
pub(super) struct Output {
    tail: VecDeque<u8>,
    stdout: Vec<u8>,
    stdout_truncated: bool,
    total: u64,
    log: Option<Log>,
}

/// What was collected.
pub(super) struct Collected {
    pub(super) tail: Vec<u8>,
    pub(super) stdout: Vec<u8>,
    pub(super) stdout_truncated: bool,
    pub(super) total: u64,
    pub(super) log_truncated: bool,
}

struct Log {
    file: File,
    written: u64,
    limit: u64,
    left_out: u64,
}

impl Output {
    /// Collects into memory and, where there is one, into a log of at most `log_limit` bytes.
    pub(super) fn new(log: Option<File>, log_limit: u64) -> Self {
        // The end of an overlong log is written from the tail, so that much is set aside.
        let limit = log_limit.saturating_sub(OUTPUT_TAIL_BYTES as u64);
        Self {
            tail: VecDeque::new(),
            stdout: Vec::new(),
            stdout_truncated: false,
            total: 0,
            log: log.map(|file| Log { file, written: 0, limit, left_out: 0 }),
        }
    }

    /// Takes the next piece; `is_stdout` says whether it belongs to the part kept from the start.
    pub(super) fn take(&mut self, piece: &[u8], is_stdout: bool) -> io::Result<()> {
        self.total += piece.len() as u64;
        self.tail.extend(piece);
        let over = self.tail.len().saturating_sub(OUTPUT_TAIL_BYTES);
        self.tail.drain(..over);
        if is_stdout {
            let room = OUTPUT_STDOUT_BYTES_MAX - self.stdout.len();
            self.stdout.extend_from_slice(&piece[..piece.len().min(room)]);
            self.stdout_truncated |= piece.len() > room;
        }
        match &mut self.log {
            Some(log) => log.write(piece),
            None => Ok(()),
        }
    }

    /// Ends the log and hands over what was collected.
    pub(super) fn finish(self) -> io::Result<Collected> {
        let tail: Vec<u8> = self.tail.into();
        let mut log_truncated = false;
        if let Some(mut log) = self.log {
            log_truncated = log.finish(&tail)?;
        }
        let (stdout, stdout_truncated) = (self.stdout, self.stdout_truncated);
        Ok(Collected { tail, stdout, stdout_truncated, total: self.total, log_truncated })
    }
}

impl Log {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX);
        let kept = piece.len().min(room);
        self.file.write_all(&piece[..kept])?;
        self.written += kept as u64;
        self.left_out += (piece.len() - kept) as u64;
        Ok(())
    }

    fn finish(&mut self, tail: &[u8]) -> io::Result<bool> {
        let kept = usize::try_from(self.left_out).unwrap_or(usize::MAX).min(tail.len());
        let dropped = self.left_out - kept as u64;
        if dropped > 0 {
            writeln!(self.file, "\n[{dropped} bytes of output left out here]")?;
        }
        self.file.write_all(&tail[tail.len() - kept..])?;
        Ok(dropped > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(pieces: &[&[u8]], limit: u64) -> (Vec<u8>, Collected) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut output = Output::new(Some(File::create(&path).unwrap()), limit);
        for piece in pieces {
            output.take(piece, true).unwrap();
        }
        let collected = output.finish().unwrap();
        (std::fs::read(path).unwrap(), collected)
    }

    #[test]
    fn a_log_within_its_bound_is_whole() {
        let tail = OUTPUT_TAIL_BYTES as u64;
        let (log, collected) = log_of(&[b"abc", b"defg"], tail + 4);
        assert_eq!(log, b"abcdefg");
        assert!(!collected.log_truncated);
    }

    #[test]
    fn an_overlong_log_keeps_both_ends_and_says_what_is_missing() {
        let many = vec![b'x'; OUTPUT_TAIL_BYTES];
        let (log, collected) = log_of(&[b"start", &many, b"end"], OUTPUT_TAIL_BYTES as u64 + 5);
        let text = String::from_utf8(log).unwrap();
        assert!(text.starts_with("start\n[3 bytes of output left out here]\n"), "{}", &text[..60]);
        assert!(text.ends_with("xend"));
        assert!(collected.log_truncated);
        assert_eq!(collected.tail.len(), OUTPUT_TAIL_BYTES);
    }

    #[test]
    fn memory_is_bounded() {
        let piece = vec![b'y'; 1 << 20];
        let (_, collected) = log_of(&[&piece, &piece, &piece], 0);
        assert_eq!(collected.stdout.len(), OUTPUT_STDOUT_BYTES_MAX);
        assert!(collected.stdout_truncated);
        assert_eq!(collected.total, 3 << 20);
    }
}
