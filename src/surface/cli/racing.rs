//! From the command line to the verbs of a race, and back: trying, measuring, ranking, choosing.

use std::path::Path;

use serde::Serialize;

use super::args::{CompareArgs, EvalArgs, LogsArgs, RankArgs, SelectArgs, TryArgs};
use super::dispatch::{Outcome, Shell, backend_of};
use super::output::{columns, print_json};
use super::{exit, follow, interrupt, text, values};
use crate::engine::config::{Approaches, ListedApproach};
use crate::engine::verb::{compare, eval, logs, rank, select, r#try};
use crate::engine::{Engine, EngineError};

impl Shell {
    /// `exp try`.
    pub(super) fn race(&self, engine: &Engine, args: TryArgs) -> Outcome {
        let listed = args.file.map(|file| self.approaches(&file)).transpose()?.unwrap_or_default();
        let limit = |one: &ListedApproach| Some((one.name.clone(), one.timeout?));
        let limits = listed.approaches.iter().filter_map(limit).collect();
        let from_file = listed.approaches.into_iter().map(|one| Ok((one.name, one.command)));
        let approaches = from_file.chain(args.approaches.iter().map(values::approach));
        let options = r#try::Options {
            approaches: approaches.collect::<Result<_, _>>()?,
            resume: args.resume,
            from: args.from.or(listed.from),
            limits,
            jobs: values::jobs(args.jobs)?,
            timeout: values::time(args.timeout.as_ref())?,
            no_eval: args.no_eval,
            stop_on_error: args.stop_on_error,
            eval_failed: args.eval_failed,
            backend: args.backend.backend.map(backend_of),
            dry_run: args.dry_run.dry_run,
        };
        let report =
            self.watched(|watch| r#try::run(engine, &options, &interrupt::cancel(), watch))?;
        let table = match options.dry_run || options.no_eval {
            true => None,
            false => {
                let experiment = Some(report.experiment.clone());
                Some(rank::run(engine, &rank::Options { experiment })?)
            }
        };
        #[derive(Serialize)]
        struct Both<'a> {
            #[serde(flatten)]
            report: &'a r#try::Report,
            ranking: Option<&'a rank::Report>,
        }
        let both = Both { report: &report, ranking: table.as_ref() };
        self.give("try", &both, || {
            text::tried(&report, table.as_ref(), options.dry_run, columns())
        });
        Ok(match (report.interrupted, &report.stopped_by) {
            (true, _) => exit::INTERRUPTED,
            (false, Some(_)) => exit::NO,
            (false, None) => exit::DONE,
        })
    }

    /// Reads a file of approaches, named from the folder in which the command was given.
    fn approaches(&self, file: &Path) -> Result<Approaches, EngineError> {
        let shown = match file.as_os_str() == "-" {
            true => "standard input".to_owned(),
            false => file.display().to_string(),
        };
        let bytes = self.read_input(file)?;
        let text = String::from_utf8(bytes).map_err(|_| EngineError::Refused {
            what: format!("could not read {shown}"),
            why: "it is not UTF-8, so it is no TOML".to_owned(),
        })?;
        Ok(Approaches::parse(&text, &shown)?)
    }

    /// `exp eval`.
    pub(super) fn eval(&self, engine: &Engine, args: EvalArgs) -> Outcome {
        let EvalArgs { what, again, backend, dry_run } = args;
        let backend = backend.backend.map(backend_of);
        let options = eval::Options { what, again, backend, dry_run: dry_run.dry_run };
        let report =
            self.watched(|watch| eval::run(engine, &options, &interrupt::cancel(), watch))?;
        self.give("eval", &report, || text::evaluation(&report));
        Ok(if report.is_bad() { exit::NO } else { exit::DONE })
    }

    /// `exp rank`.
    pub(super) fn rank(&self, engine: &Engine, args: RankArgs) -> Outcome {
        let report = rank::run(engine, &rank::Options { experiment: args.experiment })?;
        self.give("rank", &report, || text::rank(&report, columns()));
        Ok(if report.winner.is_some() { exit::DONE } else { exit::NO })
    }

    /// `exp select`.
    pub(super) fn select(&self, engine: &Engine, args: SelectArgs) -> Outcome {
        let dry_run = args.dry_run.dry_run;
        let options =
            select::Options { experiment: args.experiment, approach: args.approach, dry_run };
        let report = select::run(engine, &options)?;
        self.give("select", &report, || text::select(&report, dry_run, columns()));
        Ok(if report.selected.is_some() { exit::DONE } else { exit::NO })
    }

    /// `exp compare`.
    pub(super) fn compare(&self, engine: &Engine, args: CompareArgs) -> Outcome {
        let report = compare::run(engine, &compare::Options { a: args.a, b: args.b })?;
        self.give("compare", &report, || text::compare(&report));
        Ok(exit::DONE)
    }

    /// `exp logs`.
    pub(super) fn logs(&self, engine: &Engine, args: LogsArgs) -> Outcome {
        let options = logs::Options { of: args.of, stage: args.stage };
        let report = follow::begun(args.follow, || logs::run(engine, &options))?;
        match self.json {
            true => print_json("logs", &report),
            false => follow::print_logs(&report, args.follow),
        }
        Ok(exit::DONE)
    }
}
