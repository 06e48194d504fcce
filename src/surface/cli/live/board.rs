//! What is shown of a verb that works: from events to lines. Pure: the time is handed in.

use anstyle::Style;

use crate::engine::Event;
use crate::engine::report::count;
use crate::surface::cli::line::{Line, width};
use crate::surface::cli::output::{FAINT, NAME, WARN, paint};
use crate::surface::cli::progress;
use crate::surface::cli::text::{duration_ms, verdict};

/// Columns that names take at most before they push the rest aside.
const NAME_COLUMNS_MAX: usize = 28;

/// What one thing does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Its command has not begun.
    Waiting,
    /// Its command runs.
    Running,
    /// Its command has ended; it is about to be measured.
    Left,
    /// A stage runs; of tests how many have ended, and how many there are.
    Stage { name: String, tests: Option<(usize, Option<usize>)> },
}

/// One line: an approach, or `base`.
#[derive(Clone, Debug)]
struct Row {
    of: String,
    state: State,
    /// When that began, in milliseconds.
    since: u64,
    /// How its command ended, where it has one.
    left: Option<String>,
}

/// All that is shown.
#[derive(Debug, Default)]
pub struct Board {
    rows: Vec<Row>,
    /// Columns that names take, so that what comes after them stands in one column.
    names: usize,
}

impl Board {
    /// Takes what happened at a moment. What is to stay for good is given back.
    pub fn take(&mut self, event: &Event, now: u64) -> Option<String> {
        match event {
            Event::ExperimentOpened { branches, .. } => {
                for branch in branches {
                    self.row(branch, State::Waiting, now);
                }
                progress::line(event)
            }
            Event::ApproachStarted { branch } => {
                self.row(branch, State::Running, now);
                None
            }
            Event::ApproachEnded {
                branch,
                outcome,
                changed_files,
                duration_ms: ms,
                is_evaluated,
            } => {
                let changes = count(*changed_files, "changed file");
                let left = format!("{outcome}, {changes} {}", duration_ms(*ms));
                if *is_evaluated {
                    self.row(branch, State::Left, now).left = Some(left);
                    return None;
                }
                self.rows.retain(|row| row.of != *branch);
                Some(self.stays(branch, &left))
            }
            Event::StageStarted { of, stage } => {
                self.row(of, State::Stage { name: stage.clone(), tests: None }, now);
                None
            }
            Event::StageProgress { of, stage, done, total } => {
                let state = State::Stage { name: stage.clone(), tests: Some((*done, *total)) };
                let since = self.rows.iter().find(|row| row.of == *of).map(|row| row.since);
                self.row(of, state, since.unwrap_or(now));
                None
            }
            // The next stage, or the verdict, comes at once.
            Event::StageEnded { .. } => None,
            Event::Evaluated { of, evaluation, verdict: word } => {
                let row = self.rows.iter().find(|row| row.of == *of);
                let left = row.and_then(|row| row.left.as_ref());
                let mut text = verdict(word);
                if evaluation.from_memo {
                    text.push_str(" (remembered)");
                }
                // That nothing is wrong needs no reason where there is more to say.
                if left.is_none() || word.word != "good" {
                    text.push_str(&format!(": {}", word.reason));
                }
                if let Some(left) = left {
                    text.push_str(&paint(FAINT, format!("  · {left}")));
                }
                self.rows.retain(|row| row.of != *of);
                Some(self.stays(of, &text))
            }
            Event::CommitKept { .. } | Event::Notice(_) => progress::line(event),
        }
    }

    fn row(&mut self, of: &str, state: State, since: u64) -> &mut Row {
        let at = match self.rows.iter().position(|row| row.of == of) {
            Some(at) => at,
            None => {
                self.names = self.names.max(width(of).min(NAME_COLUMNS_MAX));
                let row = Row { of: of.to_owned(), state: State::Waiting, since, left: None };
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        let row = &mut self.rows[at];
        (row.state, row.since) = (state, since);
        row
    }

    /// What is said of one for good.
    fn stays(&self, of: &str, text: &str) -> String {
        let mut name = Line::default();
        name.add_padded(NAME, of, self.names).add(Style::new(), "  ");
        format!("{}{text}", name.painted())
    }

    /// The lines that stand there at a moment, none wider or more than there is room for: first
    /// what works, then what waits; what has no room is counted.
    pub fn lines(&self, now: u64, columns: usize, lines: usize) -> Vec<Line> {
        let (waiting, working): (Vec<&Row>, Vec<&Row>) =
            self.rows.iter().partition(|row| row.state == State::Waiting);
        let all = working.len() + waiting.len();
        let room = if all > lines { lines.saturating_sub(1) } else { lines };
        // What it does matters more than the end of a long name.
        let names = (self.names.min(columns / 2), columns / 2);
        let rows = working.iter().chain(&waiting).take(room);
        let mut shown: Vec<Line> = rows.map(|row| row.line(now, names).cut(columns)).collect();
        if all > room && lines > 0 {
            let hidden_working = working.len().saturating_sub(room);
            let hidden_waiting = all - room - hidden_working;
            let parts = [(hidden_working, "more at work"), (hidden_waiting, "waiting")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<_> = parts.map(|(count, what)| format!("{count} {what}")).collect();
            let mut line = Line::default();
            line.add(FAINT, format!("… {}", parts.join(", ")));
            shown.push(line.cut(columns));
        }
        shown
    }
}

impl Row {
    /// Its line; its name takes `least` columns, and is cut to `most`.
    fn line(&self, now: u64, (least, most): (usize, usize)) -> Line {
        let mut name = Line::default();
        name.add_padded(NAME, &self.of, least);
        let mut line = name.cut(most);
        line.add(Style::new(), "  ");
        let text = match &self.state {
            State::Waiting => {
                line.add(FAINT, "waiting");
                return line;
            }
            State::Running => "running".to_owned(),
            State::Left => "captured".to_owned(),
            State::Stage { name, tests: None } => format!("{name} …"),
            State::Stage { name, tests: Some((done, total)) } => {
                let total = total.map_or_else(|| "?".to_owned(), |total| total.to_string());
                format!("{name} {done}/{total}")
            }
        };
        let style = if self.state == State::Running { WARN } else { Style::new() };
        line.add_padded(style, &text, 16);
        line.add(FAINT, format!(" {}", so_far(now.saturating_sub(self.since))));
        if let Some(left) = &self.left {
            line.add(FAINT, format!("  · {left}"));
        }
        line
    }
}

/// A time that is still going on, in whole seconds: it would flicker otherwise.
fn so_far(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::report::{ShownEvaluation, ShownVerdict};

    fn opened(count: usize) -> Board {
        let mut board = Board::default();
        let branches = (1..=count).map(|at| format!("e1/a{at}")).collect();
        let event =
            Event::ExperimentOpened { experiment: "e1".to_owned(), approaches: count, branches };
        board.take(&event, 0);
        board
    }

    fn text(board: &Board, now: u64, columns: usize, lines: usize) -> Vec<String> {
        board.lines(now, columns, lines).iter().map(|line| line.plain()).collect()
    }

    fn evaluated(of: &str) -> Event {
        let evaluation = ShownEvaluation { from_memo: true, ..ShownEvaluation::default() };
        let verdict = ShownVerdict { word: "good", trigger: None, reason: "all passed".to_owned() };
        Event::Evaluated { of: of.to_owned(), evaluation, verdict }
    }

    fn ended(branch: &str, is_evaluated: bool) -> Event {
        let (branch, outcome) = (branch.to_owned(), "done".to_owned());
        Event::ApproachEnded { branch, outcome, changed_files: 2, duration_ms: 1_500, is_evaluated }
    }

    #[test]
    fn an_approach_waits_runs_is_measured_and_stays_as_text() {
        let mut board = opened(2);
        let branch = || "e1/a2".to_owned();
        assert_eq!(text(&board, 0, 80, 24), ["e1/a1  waiting", "e1/a2  waiting"]);
        assert_eq!(board.take(&Event::ApproachStarted { branch: branch() }, 1_000), None);
        let lines = text(&board, 63_500, 80, 24);
        assert_eq!(lines, ["e1/a2  running          1 min 02 s", "e1/a1  waiting"]);
        assert_eq!(board.take(&ended("e1/a2", true), 70_000), None);
        let stage = |stage: &str| Event::StageStarted { of: branch(), stage: stage.to_owned() };
        board.take(&stage("build"), 70_000);
        let lines = text(&board, 72_000, 80, 24);
        assert_eq!(lines[0], "e1/a2  build …          2 s  · done, 2 changed files 1.5 s");
        board.take(&stage("test"), 80_000);
        let (of, stage) = (branch(), "test".to_owned());
        board.take(&Event::StageProgress { of, stage, done: 34, total: Some(120) }, 85_000);
        let lines = text(&board, 90_000, 80, 24);
        assert_eq!(lines[0], "e1/a2  test 34/120      10 s  · done, 2 changed files 1.5 s");
        let stays = board.take(&evaluated("e1/a2"), 95_000).unwrap();
        let stays = anstream::adapter::strip_str(&crate::surface::cli::output::rendered(&stays))
            .to_string();
        assert_eq!(stays, "e1/a2  good (remembered)  · done, 2 changed files 1.5 s");
        assert_eq!(text(&board, 95_000, 80, 24), ["e1/a1  waiting"]);
        let stays = board.take(&ended("e1/a1", false), 96_000).unwrap();
        assert!(stays.ends_with("  done, 2 changed files 1.5 s"), "{stays}");
        assert_eq!(text(&board, 96_000, 80, 24), [""; 0]);
    }

    #[test]
    fn the_base_has_a_line_of_its_own_and_notices_stand_above() {
        let mut board = Board::default();
        let event = Event::StageStarted { of: "base".to_owned(), stage: "test".to_owned() };
        board.take(&event, 0);
        assert_eq!(text(&board, 500, 80, 24), ["base  test …           0 s"]);
        let notice = board.take(&Event::Notice("look".to_owned()), 0).unwrap();
        assert!(notice.contains("note:") && notice.contains("look"));
        assert!(board.take(&evaluated("base"), 0).is_some());
        assert_eq!(text(&board, 0, 80, 24).len(), 0);
    }

    #[test]
    fn there_are_never_more_lines_or_columns_than_there_is_room() {
        let mut board = opened(1_000);
        for at in [900, 7, 8] {
            board.take(&Event::ApproachStarted { branch: format!("e1/a{at}") }, 0);
        }
        let lines = text(&board, 0, 80, 5);
        assert_eq!(lines[4], "… 996 waiting");
        assert!(lines[0].starts_with("e1/a7 ") && lines[2].starts_with("e1/a900 "), "{lines:?}");
        assert!(lines[3].ends_with("waiting"));
        assert_eq!(text(&board, 0, 80, 3)[2], "… 1 more at work, 997 waiting");
        let names: Vec<_> = text(&board, 0, 30, 3);
        assert_eq!(names[0], "e1/a7     running          0 s");
        let long = "e1/a-name-that-says-very-much".to_owned();
        board.take(&Event::ApproachStarted { branch: long }, 0);
        let lines = text(&board, 0, 30, 9);
        assert_eq!(lines[3], "e1/a-name-that…  running     …");
        for (columns, room) in [(0, 3), (1, 1), (9, 2), (20, 0), (3, 2_000)] {
            let lines = board.lines(0, columns, room);
            assert!(lines.len() <= room);
            assert!(lines.iter().all(|line| line.width() <= columns), "{columns}");
        }
    }
}
