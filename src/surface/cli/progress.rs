//! What happens while a verb works, on standard error: live on a terminal, else one line each.
//! Silent with `--json`.

use crate::engine::Event;
use crate::engine::report::count;

use super::live::Screen;
use super::output::{FAINT, NAME, WARN, paint, print_error};
use super::text::{self, duration_ms, verdict};

/// Where events are shown while a verb works.
pub enum Progress {
    /// Nowhere.
    Silent,
    /// A line each.
    Plain,
    /// On a terminal.
    Live(Screen),
}

impl Progress {
    /// What fits the place where standard error goes.
    pub fn new(is_silent: bool) -> Self {
        match is_silent {
            true => Self::Silent,
            false => Screen::new().map_or(Self::Plain, Self::Live),
        }
    }

    /// Shows what happened.
    pub fn take(&self, event: &Event) {
        match self {
            Self::Silent => {}
            Self::Plain => {
                if let Some(line) = line(event) {
                    print_error(&format!("{line}\n"));
                }
            }
            Self::Live(screen) => screen.take(event),
        }
    }
}

/// What happened, in a line; none for what would bury the others.
pub fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ExperimentOpened { experiment, approaches, .. } => {
            let name = paint(NAME.bold(), experiment);
            format!("experiment {name}: {}", count(*approaches, "approach"))
        }
        Event::ApproachStarted { branch } => format!("{} running", paint(NAME, branch)),
        Event::ApproachEnded { branch, outcome, changed_files, duration_ms: ms, .. } => {
            let (name, time) = (paint(NAME, branch), paint(FAINT, duration_ms(*ms)));
            format!("{name} {outcome}, {} {time}", count(*changed_files, "changed file"))
        }
        Event::CommitKept { branch, kept } => {
            format!("{} {}", paint(NAME, branch), text::kept_commit(kept))
        }
        Event::StageStarted { of, stage } => {
            format!("{} {}", paint(NAME, of), paint(FAINT, format!("{stage} …")))
        }
        Event::StageProgress { .. } => return None,
        Event::StageEnded { of, stage, outcome, duration_ms: ms } => {
            let (name, time) = (paint(NAME, of), paint(FAINT, duration_ms(*ms)));
            format!("{name} {stage}: {outcome} {time}")
        }
        Event::Evaluated { of, evaluation, verdict: word } => {
            let name = paint(NAME, of);
            let memo = if evaluation.from_memo { " (remembered)" } else { "" };
            format!("{name} {}{memo}: {}", verdict(word), word.reason)
        }
        Event::Notice(text) => format!("{} {text}", paint(WARN, "note:")),
    })
}
