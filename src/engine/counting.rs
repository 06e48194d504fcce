//! A stage that runs while its tests are counted, for whoever watches.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::EngineError;
use super::config::{Report, Stage};
use super::events::{Event, Watch};
use super::view::View;
use crate::object::evaluation::{Evaluation, StageRecord};
use crate::run::report::{Count, Counter};
use crate::run::{Cancel, Command, Finished};

/// How many tests each stage had in the base: as many are expected of all others.
#[derive(Default)]
pub(super) struct Expected(OnceLock<BTreeMap<String, usize>>);

impl Expected {
    /// Learns it from what was found for the base.
    pub fn learn(&self, base: &Evaluation) {
        let count = |stage: &StageRecord| (stage.name.clone(), stage.tests.len());
        let _ = self.0.set(base.stages.iter().map(count).collect());
    }

    /// What is to be counted for a stage.
    pub fn counting<'a>(&self, of: &'a str, stage: &'a Stage) -> Counting<'a> {
        let expected = self.0.get().and_then(|known| known.get(&stage.name).copied());
        Counting { of, stage, expected }
    }
}

/// What is counted.
pub(super) struct Counting<'a> {
    /// What is evaluated.
    of: &'a str,
    stage: &'a Stage,
    expected: Option<usize>,
}

impl Counting<'_> {
    /// Runs the command of the stage. Only a report in text can be counted as it comes.
    pub fn run(
        self,
        view: &mut View<'_>,
        command: Command,
        cancel: &Cancel,
        watch: Watch<'_>,
    ) -> Result<Finished, EngineError> {
        if self.stage.report != Report::Cargo {
            return view.run(command, &self.stage.name, cancel);
        }
        let mut counter = Counter::expecting(self.expected);
        view.run_watched(command, &self.stage.name, cancel, &mut |piece| {
            if let Some(Count { done, total }) = counter.take(piece) {
                let (of, stage) = (self.of.to_owned(), self.stage.name.clone());
                watch(Event::StageProgress { of, stage, done, total });
            }
        })
    }
}
