//! The terminal's side: draws lines over those of before, and prints above them what stays.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anstream::ColorChoice;

use super::board::Board;
use crate::engine::Event;
use crate::surface::cli::line::Line;
use crate::surface::cli::output::rendered;

/// How often it is looked whether something has changed.
const LOOK: Duration = Duration::from_millis(100);

/// The size that is taken where the terminal says none.
const SIZE: (usize, usize) = (80, 24);

/// Set when this process panics: its message must not be drawn over.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Nothing is drawn any more.
pub fn give_up() {
    GIVEN_UP.store(true, Ordering::SeqCst);
}

/// A terminal on standard error that shows what works. Dropped, it takes its lines away; what
/// stays was printed above them.
pub struct Screen {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    drawn: Mutex<Drawn>,
    has_ended: Condvar,
    started: Instant,
    with_colour: bool,
}

#[derive(Default)]
struct Drawn {
    board: Board,
    /// The lines that stand there, as they were sent.
    lines: Vec<String>,
    /// Their columns.
    columns: Vec<usize>,
    is_over: bool,
}

impl Screen {
    /// One on standard error; none where that is no terminal, or one that cannot move its cursor.
    pub fn new() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if dumb || !io::stderr().is_terminal() {
            return None;
        }
        let choice = anstream::AutoStream::choice(&io::stderr());
        let shared = Arc::new(Shared {
            drawn: Mutex::default(),
            has_ended: Condvar::new(),
            started: Instant::now(),
            with_colour: choice != ColorChoice::Never,
        });
        let of_ticker = shared.clone();
        let ticker = std::thread::Builder::new().name("live".to_owned());
        // Without it the lines change with the events alone.
        let ticker = ticker.spawn(move || of_ticker.tick()).ok();
        Some(Self { shared, ticker })
    }

    /// Takes what happened. What stays is printed at once, the rest is drawn in a moment.
    pub fn take(&self, event: &Event) {
        let shared = &*self.shared;
        let mut drawn = shared.lock();
        let stays = drawn.board.take(event, shared.now());
        if stays.is_some() || self.ticker.is_none() {
            shared.draw(&mut drawn, stays.as_deref());
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.has_ended.notify_all();
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
        let mut drawn = self.shared.lock();
        drawn.board = Board::default();
        self.shared.draw(&mut drawn, None);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Drawn> {
        // A panic elsewhere must not become a second one here.
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tick(&self) {
        let mut drawn = self.lock();
        while !drawn.is_over {
            self.draw(&mut drawn, None);
            let waited = self.has_ended.wait_timeout(drawn, LOOK);
            drawn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn draw(&self, drawn: &mut Drawn, stays: Option<&str>) {
        if GIVEN_UP.load(Ordering::SeqCst) {
            return;
        }
        let (columns, rows) = size();
        // The cursor stands below the lines, and the last column is left free: terminals differ in
        // what they do at it.
        let lines =
            drawn.board.lines(self.now(), columns.saturating_sub(1), rows.saturating_sub(1));
        let sent: Vec<String> = lines.iter().map(|line| self.line(line)).collect();
        if stays.is_none() && sent == drawn.lines {
            return;
        }
        let stays = stays.map(|text| self.text(text));
        let text = frame(&drawn.columns, columns, stays.as_deref(), &sent);
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        drawn.columns = lines.iter().map(Line::width).collect();
        drawn.lines = sent;
    }

    fn line(&self, line: &Line) -> String {
        if self.with_colour { rendered(&line.painted()) } else { line.plain() }
    }

    fn text(&self, text: &str) -> String {
        let text = rendered(text);
        match self.with_colour {
            true => text,
            false => anstream::adapter::strip_str(&text).to_string(),
        }
    }
}

/// What is sent: up to the first of the lines before, what stays, the lines anew, and nothing below.
/// A terminal that was made narrower has broken the lines before into several.
fn frame(before: &[usize], columns: usize, stays: Option<&str>, lines: &[String]) -> String {
    let broken = |width: &usize| width.div_ceil(columns.max(1)).max(1);
    let up: usize = before.iter().map(broken).sum();
    let mut text = String::from("\r");
    if up > 0 {
        text.push_str(&format!("\u{1b}[{up}A"));
    }
    if let Some(stays) = stays {
        // It may be longer than a line, so what stood there is cleared first.
        text.push_str("\u{1b}[J");
        text.push_str(stays);
        text.push('\n');
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\u{1b}[K\n");
    }
    text.push_str("\u{1b}[J");
    text
}

/// Columns and rows.
fn size() -> (usize, usize) {
    let Ok(size) = rustix::termios::tcgetwinsize(io::stderr()) else {
        return SIZE;
    };
    let or = |given: u16, else_: usize| if given == 0 { else_ } else { usize::from(given) };
    (or(size.ws_col, SIZE.0), or(size.ws_row, SIZE.1))
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn lines_are_drawn_over_those_of_before() {
        let lines = ["one".to_owned(), "two".to_owned()];
        assert_eq!(frame(&[], 80, None, &lines), "\rone\u{1b}[K\ntwo\u{1b}[K\n\u{1b}[J");
        let again = frame(&[3, 3], 80, Some("done"), &lines[..1]);
        assert_eq!(again, "\r\u{1b}[2A\u{1b}[Jdone\none\u{1b}[K\n\u{1b}[J");
        assert_eq!(frame(&[3], 80, None, &[]), "\r\u{1b}[1A\u{1b}[J");
    }

    #[test]
    fn a_terminal_that_was_made_narrower_has_more_lines_than_were_drawn() {
        assert!(frame(&[70, 10, 0], 40, None, &[]).starts_with("\r\u{1b}[4A"));
        assert!(frame(&[70], 0, None, &[]).starts_with("\r\u{1b}[70A"));
    }
}
