//! From the command line to the verbs around experiments and agents, and back.

use std::io::{IsTerminal, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::args::{ExperimentVerb, HookVerb, Verb};
use super::dispatch::{Outcome, Shell, backend_of};
use super::output::{columns, print, print_error, print_json};
use super::{exit, hook, interrupt, section, settings, text, world};
use crate::engine::verb::{exec, experiment, experiments, hook as hook_verb, init};
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
        // As a shell says it: 128 and the signal.
        let code = report.exit.or_else(|| report.signal.map(|signal| 128 + signal));
        let code = code.unwrap_or(i32::from(exit::INTERRUPTED));
        Ok(u8::try_from(code).unwrap_or(exit::EXEC_FAILED))
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
            HookVerb::Install { dry_run } => return self.hook_entries(true, dry_run.dry_run),
            HookVerb::Uninstall { dry_run } => return self.hook_entries(false, dry_run.dry_run),
            HookVerb::Pre => hook_verb::Phase::Pre,
            HookVerb::Post => hook_verb::Phase::Post,
        };
        let mut input = Vec::new();
        let mut stdin = std::io::stdin().lock();
        let _ = stdin.by_ref().take(HOOK_BYTES_MAX).read_to_end(&mut input);
        // An agent that still writes when we have gone might take that for a failure.
        let _ = std::io::copy(&mut stdin, &mut std::io::sink());
        let said = hook::read(&input);
        let mut world = self.world.clone();
        if let Some(folder) = said.folder.and_then(|folder| folder.canonicalize().ok()) {
            world.folder = folder;
        }
        if let Some(session) = said.session {
            world.session = world::plain_session(&session);
        }
        let recorded = Engine::open_in_passing(world).and_then(|engine| {
            walk_alone_if_small(&engine);
            hook_verb::run(&engine, phase, &said.options)
        });
        match recorded {
            Ok(report) if self.json => print_json("hook", &report),
            Ok(_) | Err(EngineError::NotAWorkspace(_)) => {}
            Err(error) => print_error(&format!("exp hook: nothing was recorded: {error}\n")),
        }
        Ok(exit::DONE)
    }

    fn hook_entries(&self, install: bool, dry_run: bool) -> Outcome {
        let engine = Engine::open(self.world.clone())?;
        let change = if install { settings::install } else { settings::uninstall };
        let (path, changed) = change(engine.root(), dry_run)?;
        let done = match (install, changed, dry_run) {
            (true, true, false) => "added the hooks to",
            (true, true, true) => "would add the hooks to",
            (true, false, _) => "the hooks stand already in",
            (false, true, false) => "took the hooks out of",
            (false, true, true) => "would take the hooks out of",
            (false, false, _) => "there are no hooks of exp in",
        };
        match self.json {
            true => print_json("hook", &json!({ "path": path, "changed": changed })),
            false => print(&format!("{done} {}\n", path.display())),
        }
        Ok(exit::DONE)
    }

    /// Makes a workspace, and with `agents` writes the section for agents, before the first
    /// snapshot. With that flag alone it may be given again in a workspace.
    pub(super) fn init(&self, options: init::Options, agents: bool) -> Outcome {
        #[derive(Serialize)]
        struct Both<'a> {
            #[serde(flatten)]
            report: &'a init::Report,
            agents: Option<&'a section::Change>,
        }
        let dry_run = options.dry_run;
        let folder = self.world.folder.join(options.folder.clone().unwrap_or_default());
        let change = agents.then(|| section::plan(&folder)).transpose()?;
        let done = self.init_or_ask(options, change.as_ref());
        let report = match (done, &change) {
            (Ok(report), _) => report,
            (Err(EngineError::AlreadyAWorkspace(_)), Some(change)) => {
                if !dry_run {
                    change.write()?;
                }
                self.give("init", &json!({ "agents": change }), || text::section(change, dry_run));
                return Ok(exit::DONE);
            }
            (Err(error), _) => return Err(error),
        };
        let offer = change.is_none() && !section::is_in(&report.workspace);
        let both = Both { report: &report, agents: change.as_ref() };
        self.give("init", &both, || {
            let section = change.as_ref().map(|change| text::section(change, dry_run));
            text::init(&report, dry_run, section, offer)
        });
        Ok(exit::DONE)
    }

    /// Where much would be captured a person at a terminal is shown what, and asked; anybody else
    /// must give `--yes`.
    fn init_or_ask(
        &self,
        mut options: init::Options,
        change: Option<&section::Change>,
    ) -> Result<init::Report, EngineError> {
        let write = || change.map_or(Ok(()), section::Change::write);
        let done = init::run_with(self.world.clone(), &options, write);
        let may_ask = !self.json && std::io::stdin().is_terminal();
        match done {
            Err(EngineError::NeedsConsent(question)) if may_ask => {
                let plan = init::Options { dry_run: true, ..options.clone() };
                print(&text::init(&init::run(self.world.clone(), &plan)?, true, None, false));
                print_error(&format!("{question}. Go ahead? [y/N] "));
                let mut answer = String::new();
                let _ = std::io::stdin().read_line(&mut answer);
                options.yes = matches!(answer.trim(), "y" | "Y" | "yes");
                init::run_with(self.world.clone(), &options, write)
            }
            done => done,
        }
    }
}

/// Makes this thread the only one that walks and hashes, where there is little to walk: threads that
/// have to be started and waited for cost more than they do, most of all on a busy machine. Only for
/// a process in which no other thread needs that pool: it would wait for this one for ever.
fn walk_alone_if_small(engine: &Engine) {
    if engine.was_small() {
        // It fails where the pool is there already; then that is used.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
}
