//! Logs as they are, and as they grow.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use super::output::{FAINT, paint, print, print_bytes};
use crate::engine::EngineError;
use crate::engine::verb::logs::{Log, Report, is_written};

/// Milliseconds between two looks at a log that grows.
const LOOK_MS: u64 = 100;

/// Bytes that are passed on at once.
const PIECE_BYTES: u64 = 1 << 20;

/// What there is to follow: of an approach that has not begun, once it has, as long as something
/// runs that may begin it.
///
/// # Errors
/// Those of the look.
pub fn begun(
    follow: bool,
    look: impl Fn() -> Result<Report, EngineError>,
) -> Result<Report, EngineError> {
    loop {
        match look() {
            Err(EngineError::NotBegun { is_racing: true, .. }) if follow => {
                std::thread::sleep(Duration::from_millis(LOOK_MS));
            }
            seen => return seen,
        }
    }
}

/// Prints each log under its stage; when followed, what still runs until it has ended.
pub fn print_logs(report: &Report, follow: bool) {
    let with_heads = report.logs.len() > 1 || report.logs.iter().any(|log| log.cut_off);
    for log in &report.logs {
        if with_heads {
            let state = match (log.running, log.cut_off) {
                (true, _) => ", running",
                (_, true) => ", cut off: it was killed from outside",
                _ => "",
            };
            print(&format!("{}\n", paint(FAINT, format!("== {}{state}", log.stage))));
        }
        print_log(log, follow && log.running);
    }
}

/// The file gets another name when what writes it ends: then the rest is read through the open
/// file, and that was all. Where the writer was killed the name stays; a writer that is just
/// beginning or ending is not taken for that, because it is looked at twice.
fn print_log(log: &Log, follow: bool) {
    let Ok(mut file) = File::open(&log.path) else {
        return;
    };
    let mut was_free = false;
    loop {
        let has_ended = !follow || !log.path.exists();
        let is_free = follow && !is_written(&file);
        while pass_on(&mut file) {}
        if has_ended {
            return;
        }
        if is_free && was_free {
            print(&format!("{}\n", paint(FAINT, "== cut off: it was killed from outside")));
            return;
        }
        was_free = is_free;
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
}

fn pass_on(file: &mut File) -> bool {
    let mut piece = Vec::new();
    let read = file.take(PIECE_BYTES).read_to_end(&mut piece);
    print_bytes(&piece);
    read.is_ok_and(|count| count > 0)
}
