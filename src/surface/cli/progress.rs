//! What happens while a verb works, one line each on standard error. Silent with `--json`.

use crate::engine::Event;
use crate::engine::report::count;

use super::output::{FAINT, NAME, WARN, paint, print_error};
use super::text::{duration_ms, verdict};

/// Says what happened.
pub fn say(event: &Event) {
    let line = match event {
        Event::ExperimentOpened { experiment, approaches } => {
            let name = paint(NAME.bold(), experiment);
            format!("experiment {name}: {}", count(*approaches, "approach"))
        }
        Event::ApproachStarted { branch } => format!("{} running", paint(NAME, branch)),
        Event::ApproachEnded { branch, outcome, changed_files, duration_ms: ms } => {
            let (name, time) = (paint(NAME, branch), paint(FAINT, duration_ms(*ms)));
            format!("{name} {outcome}, {} {time}", count(*changed_files, "changed file"))
        }
        Event::StageStarted { of, stage } => {
            format!("{} {}", paint(NAME, of), paint(FAINT, format!("{stage} …")))
        }
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
    };
    print_error(&format!("{line}\n"));
}

/// Says nothing.
pub fn silent(_: &Event) {}
