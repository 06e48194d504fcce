//! From the command line to a verb and back: the only place that knows all of them.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde::Serialize;

use super::args::{BackendWord, Cli, DryRun, OpVerb, StepArgs, Verb};
use super::bug::guarded;
use super::output::{
    BAD, FAINT, columns, failure, paint, print, print_bytes, print_error, print_failure,
    print_json, print_json_text, print_misuse, wrote,
};
use super::progress::Progress;
use super::{demo, exit, interrupt, section, text, values, world};
use crate::base::name::Label;
use crate::base::visible::visible;
use crate::engine::verb::{
    branch, deinit, diff, doctor, exec, forget, fsck, gc, guard, init, log, merge, op_log, redo,
    rollback, show, snapshot, stats, status, switch, tag, undo,
};
use crate::engine::{Backend, Engine, EngineError, Surroundings, Watch};

/// The page for agents.
const GUIDE: &str = include_str!("guide.md");

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    ExitCode::from(guarded(answer))
}

/// The answer, unless nobody could be given it.
fn answer() -> u8 {
    let code = answered();
    let Some(error) = failure() else { return code };
    print_error(&format!(
        "{} could not write standard output: {error}\n",
        paint(BAD.bold(), "error:")
    ));
    let hint = "what the command did is done; only what it had to say is lost";
    print_error(&format!("{}  {hint}\n", paint(FAINT, "hint:")));
    if matches!(code, exit::DONE | exit::NO) { exit::OUTPUT } else { code }
}

fn answered() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            if usage && json_is_asked_for(std::env::args_os()) {
                return print_misuse(&error.to_string());
            }
            let text = error.render().to_string();
            match (usage, visible(&text) == text) {
                // With an argument that a terminal would obey.
                (true, false) => print_error(&text),
                (true, true) => drop(error.print()),
                (false, _) => wrote(error.print()),
            }
            return if usage { exit::USAGE } else { exit::DONE };
        }
    };
    let is_exec = matches!(cli.verb, Verb::Exec { .. } | Verb::Shell { .. });
    let json = cli.json;
    let is_hook = matches!(&cli.verb, Verb::Hook { verb } if verb.never_fails());
    match Shell::new(cli) {
        Ok((shell, verb)) => match shell.verb(verb) {
            Ok(code) => code,
            Err(error) => {
                let code = if is_exec { exit::EXEC_FAILED } else { exit::code(&error) };
                print_failure(&error, code, json)
            }
        },
        Err(error) if is_hook => {
            print_error(&format!("exp hook: nothing was recorded: {error}\n"));
            exit::DONE
        }
        Err(error) => print_failure(&error, exit::code(&error), json),
    }
}

/// Whether a command line that could not be read asks for JSON: what follows `--` is not ours.
fn json_is_asked_for(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    arguments.take_while(|word| word != "--").any(|word| word == "--json")
}

/// What all verbs share on this surface.
pub(super) struct Shell {
    pub(super) json: bool,
    pub(super) world: Surroundings,
}

pub(super) type Outcome = Result<u8, EngineError>;

impl Shell {
    fn new(cli: Cli) -> Result<(Self, Verb), EngineError> {
        let world = world::surroundings(cli.directory.as_deref()).map_err(|source| {
            let path = cli.directory.clone().unwrap_or_else(|| ".".into());
            EngineError::File { what: "enter", path, source }
        })?;
        Ok((Self { json: cli.json, world }, cli.verb))
    }

    fn engine(&self, verb: &Verb) -> Result<Engine, EngineError> {
        let only_looks = matches!(
            verb,
            Verb::Status
                | Verb::Log { .. }
                | Verb::Show { .. }
                | Verb::Diff { .. }
                | Verb::Op { .. }
                | Verb::Stats { .. }
                | Verb::Export(_)
                | Verb::Rank(_)
                | Verb::Logs(_)
                | Verb::Compare(_)
                | Verb::Experiment { .. }
                | Verb::Experiments { .. }
        );
        match verb {
            // Proves what there is, and puts nothing right: neither a restore that was cut short nor
            // the work of a process that died.
            Verb::Fsck { .. } => Engine::open_read_only(self.world.clone()),
            _ if only_looks => self.engine_to_look(),
            _ => self.engine_to_work(),
        }
    }

    /// The workspace for a verb that only looks.
    pub(super) fn engine_to_look(&self) -> Result<Engine, EngineError> {
        Ok(said(Engine::open_to_look(self.world.clone())?))
    }

    /// The workspace for a verb that may write.
    pub(super) fn engine_to_work(&self) -> Result<Engine, EngineError> {
        Ok(said(Engine::open(self.world.clone())?))
    }

    /// Prints a report as JSON, or the page that is made of it.
    pub(super) fn give(&self, verb: &str, report: &impl Serialize, page: impl FnOnce() -> String) {
        if self.json { print_json(verb, report) } else { print(&page()) }
    }

    /// Does something whose events are shown; when it returns, nothing is drawn any more.
    pub(super) fn watched<R>(&self, work: impl FnOnce(Watch<'_>) -> R) -> R {
        let progress = Progress::new(self.json);
        work(&|event| progress.take(&event))
    }

    fn verb(self, verb: Verb) -> Outcome {
        match verb {
            Verb::Init { folder, yes, agents, dry_run: DryRun { dry_run } } => {
                self.init(init::Options { folder, yes, dry_run }, agents)
            }
            Verb::Doctor => {
                let report = doctor::run(self.world.clone(), &doctor::Options::default())?;
                self.give("doctor", &report, || text::doctor(&report));
                Ok(exit::DONE)
            }
            Verb::Demo { folder } => self.demo(folder),
            Verb::Guide { agents } => {
                print(if agents { section::SECTION } else { GUIDE });
                Ok(exit::DONE)
            }
            Verb::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "exp", &mut script);
                print_bytes(&script);
                Ok(exit::DONE)
            }
            Verb::Hook { verb } => self.hook(&verb),
            Verb::State(args) => self.state(args),
            Verb::Audit(args) => self.audit(args),
            verb => {
                let engine = self.engine(&verb)?;
                match self.agents(&engine, &verb) {
                    Some(outcome) => outcome,
                    None => self.in_workspace(&engine, verb),
                }
            }
        }
    }

    fn demo(&self, folder: Option<std::path::PathBuf>) -> Outcome {
        let file = |what, path: &str| {
            let path = path.into();
            move |source| EngineError::File { what, path, source }
        };
        let program = std::env::current_exe().map_err(file("find", "exp"))?;
        let folder = match folder {
            Some(folder) => self.world.folder.join(folder),
            None => std::env::temp_dir().join(format!("exp-demo-{}", std::process::id())),
        };
        let search = self.world.environment.iter().find(|(name, _)| name == "PATH");
        let mut places = search.iter().flat_map(|(_, paths)| std::env::split_paths(paths));
        let first = places.find_map(|place| place.join("exp").canonicalize().ok());
        let is_found = first.is_some() && first == program.canonicalize().ok();
        demo::run(&program, is_found, folder, &interrupt::cancel())?;
        Ok(exit::DONE)
    }

    fn in_workspace(&self, engine: &Engine, verb: Verb) -> Outcome {
        match verb {
            Verb::Snapshot { message, state, tag, reread, dry_run } => {
                let dry_run = dry_run.dry_run;
                let options = snapshot::Options { message, reread, dry_run, ..Default::default() };
                self.snapshot(engine, options, state, tag)
            }
            Verb::Branch { name, from, delete, rename, dry_run } => {
                self.branch(engine, name, from, delete, rename, dry_run.dry_run)
            }
            Verb::Tag { name, what, message, delete, dry_run } => {
                self.tag(engine, name, what, message, delete, dry_run.dry_run)
            }
            Verb::Status | Verb::Log { .. } | Verb::Show { .. } | Verb::Diff { .. } => {
                self.look(engine, verb)
            }
            Verb::Try(args) => self.race(engine, args),
            Verb::Eval(args) => self.eval(engine, args),
            Verb::Rank(args) => self.rank(engine, args),
            Verb::Select(args) => self.select(engine, args),
            Verb::Compare(args) => self.compare(engine, args),
            Verb::Logs(args) => self.logs(engine, args),
            Verb::Export(args) => self.export(engine, args),
            Verb::Import(args) => self.import(engine, args),
            Verb::Exec { .. } | Verb::Guard { .. } | Verb::Merge { .. } => self.run(engine, verb),
            other => self.rest(engine, other),
        }
    }

    fn look(&self, engine: &Engine, verb: Verb) -> Outcome {
        let now = self.world.now();
        match verb {
            Verb::Log { from, all, limit } => {
                let report = log::run(engine, &log::Options { from, all, limit })?;
                self.give("log", &report, || text::log(&report, now, columns()));
            }
            Verb::Show { what, state, pointer } => {
                let only_state = state || pointer.is_some();
                let shown = show::find(engine, &show::Options { what, state, pointer })?;
                match &shown {
                    show::Shown::Snapshot(report) => match (&report.state_text, only_state) {
                        (Some(json), true) => print_json_text(&format!("{json}\n")),
                        _ => self.give("show", &shown, || text::show(report)),
                    },
                    show::Shown::State(state) => {
                        self.give("show", &shown, || text::state_only(state));
                    }
                }
            }
            Verb::Diff { from, to, names, state, context } => {
                // Elsewhere than on a terminal it is a patch, to the byte.
                let as_patch = !self.json && !names && !std::io::stdout().is_terminal();
                let options =
                    diff::Options { from, to, context, names_only: names, as_patch, state };
                let report = diff::run(engine, &options)?;
                match as_patch {
                    true => print_bytes(&text::patch(&report)),
                    false => self.give("diff", &report, || text::diff(&report)),
                }
            }
            _ => {
                let report = status::run(engine, &status::Options::default())?;
                self.give("status", &report, || text::status(&report, now));
            }
        }
        Ok(exit::DONE)
    }

    fn snapshot(
        &self,
        engine: &Engine,
        mut options: snapshot::Options,
        state: Option<std::path::PathBuf>,
        tag: Option<String>,
    ) -> Outcome {
        options.state = match state {
            Some(path) => Some(self.read_input(&path)?),
            None => None,
        };
        options.tag = tag.map(Label::new).transpose()?;
        let report = snapshot::run(engine, &options)?;
        self.give("snapshot", &report, || text::snapshot(&report));
        Ok(exit::DONE)
    }

    /// A file that was named on the line, or standard input.
    pub(super) fn read_input(&self, path: &Path) -> Result<Vec<u8>, EngineError> {
        use std::io::Read;
        let read = if path.as_os_str() == "-" {
            let mut text = Vec::new();
            std::io::stdin().lock().read_to_end(&mut text).map(|_| text)
        } else {
            std::fs::read(self.world.folder.join(path))
        };
        read.map_err(|source| EngineError::File { what: "read", path: path.to_owned(), source })
    }

    fn branch(
        &self,
        engine: &Engine,
        name: Option<String>,
        from: Option<String>,
        delete: Option<String>,
        rename: Option<Vec<String>>,
        dry_run: bool,
    ) -> Outcome {
        let options = match (name, delete, rename.as_deref()) {
            (Some(name), ..) => branch::Options::Create { name: Label::new(name)?, from, dry_run },
            (_, Some(name), _) => branch::Options::Delete { name, dry_run },
            (_, _, Some([old, new])) => {
                let to = Label::new(new.as_str())?;
                branch::Options::Rename { from: old.clone(), to, dry_run }
            }
            _ => branch::Options::List,
        };
        let report = branch::run(engine, &options)?;
        let now = self.world.now();
        self.give("branch", &report, || text::branches(&report, now));
        Ok(exit::DONE)
    }

    fn tag(
        &self,
        engine: &Engine,
        name: Option<String>,
        what: Option<String>,
        note: String,
        delete: Option<String>,
        dry_run: bool,
    ) -> Outcome {
        let options = match (name, delete) {
            (Some(name), _) => {
                tag::Options::Create { name: Label::new(name)?, what, note, dry_run }
            }
            (None, Some(name)) => tag::Options::Delete { name: Label::new(name)?, dry_run },
            (None, None) => tag::Options::List,
        };
        let report = tag::run(engine, &options)?;
        self.give("tag", &report, || text::tags(&report));
        Ok(exit::DONE)
    }

    fn run(&self, engine: &Engine, verb: Verb) -> Outcome {
        let cancel = interrupt::cancel();
        match verb {
            Verb::Exec { branch, command, timeout, no_capture, backend, dry_run } => {
                let options = exec::Options {
                    branch,
                    command,
                    timeout: values::time(timeout.as_ref())?,
                    no_capture,
                    dry_run: dry_run.dry_run,
                    inherit: !self.json,
                    backend: backend.backend.map(backend_of),
                };
                self.in_branch(engine, &options)
            }
            Verb::Guard { command, keep, across_head, timeout, dry_run: DryRun { dry_run } } => {
                let timeout = values::time(timeout.as_ref())?;
                let options = guard::Options { command, timeout, keep, across_head, dry_run };
                let report = self.watched(|watch| guard::run(engine, &options, &cancel, watch))?;
                self.give("guard", &report, || text::guard(&report, dry_run));
                Ok(if report.is_bad() { exit::NO } else { exit::DONE })
            }
            Verb::Merge {
                name,
                selected,
                message,
                no_eval,
                state,
                dry_run: DryRun { dry_run },
            } => {
                let what = match (name, selected) {
                    (Some(name), _) => merge::What::Name(name),
                    (None, selected) => {
                        merge::What::Selected(selected.filter(|name| !name.is_empty()))
                    }
                };
                let state_of = state.map(|side| match side.as_str() {
                    "ours" => merge::StateOf::Ours,
                    _ => merge::StateOf::Theirs,
                });
                let options = merge::Options { what, message, no_eval, dry_run, state_of };
                let report = self.watched(|watch| merge::run(engine, &options, &cancel, watch))?;
                self.give("merge", &report, || text::merge(&report, dry_run));
                Ok(match report.outcome {
                    "conflicts" => exit::CONFLICT,
                    "refused" => exit::NO,
                    _ => exit::DONE,
                })
            }
            other => self.rest(engine, other),
        }
    }

    fn rest(&self, engine: &Engine, verb: Verb) -> Outcome {
        match verb {
            Verb::Deinit { yes, dry_run } => {
                let options = deinit::Options { yes: yes && !dry_run.dry_run };
                let report = deinit::run(engine, &options)?;
                self.give("deinit", &report, || text::deinit(&report));
            }
            Verb::Switch { branch, dry_run: DryRun { dry_run } } => {
                let report = switch::run(engine, &switch::Options { branch, dry_run })?;
                self.give("switch", &report, || text::switch(&report, dry_run));
            }
            Verb::Rollback { to, across_head, dry_run: DryRun { dry_run } } => {
                let options = rollback::Options { to, across_head, dry_run };
                let report = rollback::run(engine, &options)?;
                self.give("rollback", &report, || text::rollback(&report, dry_run));
            }
            Verb::Undo(args) => self.step(engine, args, false)?,
            Verb::Redo(args) => self.step(engine, args, true)?,
            Verb::Op { verb: OpVerb::Log { limit, mine } } => {
                let report = op_log::run(engine, &op_log::Options { limit, mine })?;
                let now = self.world.now();
                self.give("op log", &report, || text::op_log(&report, now));
            }
            Verb::Fsck { rebuild } => {
                let report = fsck::run(engine, &fsck::Options { rebuild })?;
                self.give("fsck", &report, || text::fsck(&report));
                let well = report.problems.is_empty();
                return Ok(if well { exit::DONE } else { exit::CORRUPT });
            }
            Verb::Forget { what, bundles, yes, dry_run: DryRun { dry_run } } => {
                let yes = yes && !dry_run;
                let options = forget::Options { what, bundles, yes };
                let report = forget::run(engine, &options, &interrupt::cancel())?;
                self.give("forget", &report, || text::forget(&report));
            }
            Verb::Gc { repack, dry_run: DryRun { dry_run } } => {
                let report = gc::run(engine, &gc::Options { dry_run, repack })?;
                self.give("gc", &report, || text::gc(&report));
            }
            other => {
                let alone = matches!(other, Verb::Stats { alone: true });
                let report = stats::run(engine, &stats::Options { alone })?;
                self.give("stats", &report, || text::stats(&report));
            }
        }
        Ok(exit::DONE)
    }

    fn step(&self, engine: &Engine, args: StepArgs, redo: bool) -> Result<(), EngineError> {
        let DryRun { dry_run } = args.dry_run;
        let (operation, across_head) = (args.operation, args.across_head);
        let options = undo::Options { operation, dry_run, across_head };
        let report = match redo {
            false => undo::run(engine, &options)?,
            true => redo::run(engine, &options)?,
        };
        let verb = if redo { "redo" } else { "undo" };
        self.give(verb, &report, || text::step(&report, redo, dry_run));
        Ok(())
    }
}

/// Says what opening put right.
fn said(engine: Engine) -> Engine {
    for sentence in &engine.recovered {
        print_error(&format!("recovered: {sentence}\n"));
    }
    if let Some(usage) = engine.usage_to_say() {
        print_error(&text::usage(usage));
    }
    engine
}

pub(super) fn backend_of(word: BackendWord) -> Backend {
    match word {
        BackendWord::Overlay => Backend::Overlay,
        BackendWord::Copy => Backend::Copy,
    }
}
