//! From the command line to the verbs around experiments and agents, and back.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::args::{ExperimentVerb, HookVerb, Verb};
use super::dispatch::{Outcome, Shell, backend_of};
use super::output::{columns, print, print_error, print_json};
use super::{exit, hook, interrupt, text};
use crate::engine::verb::{exec, experiment, experiments, hook as hook_verb};
use crate::engine::{Engine, EngineError};
use crate::surface::html;

/// Bytes of a hook's input that are read: an agent may send whole files along.
const HOOK_BYTES_MAX: u64 = 64 << 20;

impl Shell {
    /// The verbs of this file; none for the others.
    pub(super) fn agents(&self, engine: &Engine, verb: &Verb) -> Option<Outcome> {
        Some(match verb {
            Verb::Experiments { limit } => self.experiments(engine, *limit),
            Verb::Experiment { verb: ExperimentVerb::Show { experiment, html } } => {
                self.experiment(engine, experiment.clone(), html.as_deref())
            }
            Verb::Shell { branch, no_capture, backend } => {
                let options = exec::Options {
                    branch: branch.clone(),
                    command: vec![std::env::var_os("SHELL").unwrap_or_else(|| "sh".into())],
                    timeout: None,
                    no_capture: *no_capture,
                    inherit: true,
                    dry_run: false,
                    backend: backend.backend.map(backend_of),
                };
                self.in_branch(engine, &options)
            }
            _ => return None,
        })
    }

    /// Runs a command in a branch; its exit code is ours.
    pub(super) fn in_branch(&self, engine: &Engine, options: &exec::Options) -> Outcome {
        let report = exec::run(engine, options, &interrupt::cancel())?;
        match self.json {
            true => print_json("exec", &report),
            false => print_error(&text::exec(&report)),
        }
        let killed = i32::from(exit::INTERRUPTED);
        Ok(u8::try_from(report.exit.unwrap_or(killed)).unwrap_or(exit::EXEC_FAILED))
    }

    fn experiments(&self, engine: &Engine, limit: usize) -> Outcome {
        let report = experiments::run(engine, &experiments::Options { limit })?;
        let now = self.world.now();
        self.give("experiments", &report, || text::experiments(&report, now));
        Ok(exit::DONE)
    }

    fn experiment(
        &self,
        engine: &Engine,
        experiment: Option<String>,
        page: Option<&Path>,
    ) -> Outcome {
        let report = experiment::run(engine, &experiment::Options { experiment })?;
        let now = self.world.now();
        self.give("experiment show", &report, || text::experiment(&report, now, columns()));
        if let Some(page) = page {
            let path = self.world.folder.join(page);
            std::fs::write(&path, html::experiment(&report))
                .map_err(|source| EngineError::File { what: "write", path, source })?;
        }
        Ok(exit::DONE)
    }

    /// A hook. `pre` and `post` always succeed: an agent must not be blocked because a record of
    /// its work could not be made; what went wrong is said on standard error.
    pub(super) fn hook(&self, verb: &HookVerb) -> Outcome {
        let phase = match verb {
            HookVerb::Install { dry_run } => return self.hook_install(dry_run.dry_run),
            HookVerb::Pre => hook_verb::Phase::Pre,
            HookVerb::Post => hook_verb::Phase::Post,
        };
        let mut input = String::new();
        let _ = std::io::stdin().lock().take(HOOK_BYTES_MAX).read_to_string(&mut input);
        let said = hook::read(&input);
        let mut world = self.world.clone();
        if let Some(folder) = said.folder.and_then(|folder| folder.canonicalize().ok()) {
            world.folder = folder;
        }
        world.session = said.session.unwrap_or(world.session);
        let recorded =
            Engine::open(world).and_then(|engine| hook_verb::run(&engine, phase, &said.options));
        match recorded {
            Ok(report) if self.json => print_json("hook", &report),
            Ok(_) | Err(EngineError::NotAWorkspace(_)) => {}
            Err(error) => print_error(&format!("exp hook: nothing was recorded: {error}\n")),
        }
        Ok(exit::DONE)
    }

    fn hook_install(&self, dry_run: bool) -> Outcome {
        let engine = Engine::open(self.world.clone())?;
        let (path, changed) = hook::install(engine.root(), dry_run)?;
        let done = match (changed, dry_run) {
            (true, false) => "added the hooks to",
            (true, true) => "would add the hooks to",
            (false, _) => "the hooks stand already in",
        };
        match self.json {
            true => print_json("hook", &json!({ "path": path, "changed": changed })),
            false => print(&format!("{done} {}\n", path.display())),
        }
        Ok(exit::DONE)
    }
}
