//! From the command line to the verbs of states, and back.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::args::{
    AuditArgs, GetArgs, KindWord, PutArgs, SearchArgs, SideWord, SortWord, StateArgs, StateVerb,
    WhichArgs,
};
use super::dispatch::{Outcome, Shell};
use super::output::{columns, print, print_error, print_json, print_json_text, print_with_value};
use super::{exit, interrupt, text, values, world};
use crate::base::limits::DOCUMENT_READ_BYTES_MAX;
use crate::base::name::Label;
use crate::document::Json;
use crate::engine::verb::audit;
use crate::engine::verb::state::{
    Change, Input, Which, branch, diff, get, log, mark, merge, put, rollback, search, watch,
};
use crate::engine::{Engine, EngineError};
use crate::session::state::{Favour, PutKind, Sort};

/// How long a check of one state may take where nothing else is said.
const CHECK_SECONDS: u64 = 60;

impl Shell {
    /// `exp state …`.
    pub(super) fn state(mut self, args: StateArgs) -> Outcome {
        if let Some(session) = args.session {
            world::act_as(&mut self.world, session);
        }
        let engine = match args.verb.only_looks() {
            true => self.engine_to_look()?,
            false => self.engine_to_work()?,
        };
        self.state_verb(&engine, args.verb)
    }

    fn state_verb(&self, engine: &Engine, verb: StateVerb) -> Outcome {
        let now = self.world.now();
        match verb {
            StateVerb::Put(args) => return self.put(engine, args),
            StateVerb::Get(args) => return self.get(engine, args),
            StateVerb::Watch { stop: true, .. } => {
                let report = watch::stop(engine)?;
                self.give("state watch", &report, || text::state_stopped(&report));
                return Ok(if report.ended { exit::DONE } else { exit::BUSY });
            }
            StateVerb::Watch { file, every, branch, stop: false } => {
                let file = file.unwrap_or_default();
                let (every, branch) = (values::time(every.as_ref())?, label(branch)?);
                return self.watch_file(engine, &watch::Options { file, every, branch });
            }
            StateVerb::Log { branch, limit } => {
                let report = log::run(engine, &log::Options { branch: label(branch)?, limit })?;
                self.give("state log", &report, || text::state_log(&report, now, columns()));
            }
            StateVerb::Diff { from, to, patch, merge_patch } => {
                self.diff_states(engine, from, to, (patch, merge_patch))?;
            }
            StateVerb::Search(args) => {
                let report = search::run(engine, &self.query(args)?)?;
                self.give("state search", &report, || text::state_found(&report, now, columns()));
            }
            other => return self.change_states(engine, other),
        }
        Ok(exit::DONE)
    }

    /// The verbs that go, begin, bring in, or say something of a state; and the list of sessions.
    fn change_states(&self, engine: &Engine, verb: StateVerb) -> Outcome {
        let now = self.world.now();
        match verb {
            StateVerb::Rollback { which, files, across_head, message } => {
                let which = self.which(which)?;
                let options = rollback::Options { which, files, across_head, message };
                let report = rollback::run(engine, &options)?;
                self.give("state rollback", &report, || text::state_rolled_back(&report));
            }
            StateVerb::Branch { name, at, message } => {
                let options = match label(name)? {
                    None => branch::Options::List,
                    Some(name) => {
                        let at = at.map_or_else(Which::default, Which::named);
                        branch::Options::Create { name, at, message }
                    }
                };
                let report = branch::run(engine, &options)?;
                self.give("state branch", &report, || text::state_branches(&report, now));
            }
            StateVerb::Merge { from, into, favour, message } => {
                let (from, into) = (Label::new(from)?, label(into)?);
                let favour = favour.map(|side| match side {
                    SideWord::Ours => Favour::Ours,
                    SideWord::Theirs => Favour::Theirs,
                });
                let options = merge::Options { from, into, favour, message };
                let report = merge::run(engine, &options)?;
                self.give("state merge", &report, || text::state_merged(&report));
                return Ok(if report.conflicts.is_empty() { exit::DONE } else { exit::CONFLICT });
            }
            StateVerb::Tag { name, what, delete } => {
                let tag = Label::new(name)?;
                let which = match (what, delete) {
                    (Some(what), _) => Which::named(what),
                    (None, true) => Which::named(tag.as_str()),
                    (None, false) => Which::default(),
                };
                let said = if delete { mark::Said::Untag(tag) } else { mark::Said::Tag(tag) };
                self.mark("state tag", engine, &mark::Options { which, said })?;
            }
            StateVerb::Mark { what, invalid: _, valid, message } => {
                let said = mark::Said::Mark { valid, why: message };
                let which = Which::named(what);
                self.mark("state mark", engine, &mark::Options { which, said })?;
            }
            _ => {
                let report = log::sessions(engine)?;
                self.give("state sessions", &report, || text::state_sessions(&report, now));
            }
        }
        Ok(exit::DONE)
    }

    fn mark(
        &self,
        verb: &str,
        engine: &Engine,
        options: &mark::Options,
    ) -> Result<(), EngineError> {
        let report = mark::run(engine, options)?;
        self.give(verb, &report, || text::state_done(&report));
        Ok(())
    }

    fn put(&self, engine: &Engine, args: PutArgs) -> Outcome {
        let input = match (&args.file, &args.patch) {
            (Some(file), _) => {
                let (name, text) = self.read_state(file)?;
                Input::Value { name, text }
            }
            (None, Some(file)) => {
                let (name, text) = self.read_state(file)?;
                Input::Patch { name, text }
            }
            (None, None) => {
                let set = args.set.into_iter().map(Change::Set);
                let append = args.append.into_iter().map(Change::Append);
                let remove = args.remove.into_iter().map(Change::Remove);
                Input::Changes(set.chain(append).chain(remove).collect())
            }
        };
        let options = put::Options {
            input,
            kind: kind(args.kind),
            branch: label(args.branch)?,
            message: args.message,
            tags: args.tags.into_iter().map(Label::new).collect::<Result<_, _>>()?,
            expect: args.expect,
            files: args.files,
            explain: args.explain,
        };
        let report = put::run(engine, &options)?;
        self.give("state put", &report, || text::state_put(&report));
        Ok(exit::DONE)
    }

    /// A text from a file or standard input, and what it is called. Of bounded length: what is
    /// longer is refused, not held in memory.
    fn read_state(&self, path: &Path) -> Result<(String, Vec<u8>), EngineError> {
        let is_input = path.as_os_str() == "-";
        let name = match is_input {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        let mut text = Vec::new();
        let bound = DOCUMENT_READ_BYTES_MAX + 1;
        let read = match is_input {
            true => std::io::stdin().lock().take(bound).read_to_end(&mut text),
            false => std::fs::File::open(self.world.folder.join(path))
                .and_then(|file| file.take(bound).read_to_end(&mut text)),
        };
        read.map_err(|source| EngineError::File { what: "read", path: path.to_owned(), source })?;
        if text.len() as u64 > DOCUMENT_READ_BYTES_MAX {
            return Err(EngineError::Refused {
                what: format!("`{name}` is too large for a state"),
                why: format!("a state has at most {DOCUMENT_READ_BYTES_MAX} bytes"),
            });
        }
        Ok((name, text))
    }

    fn get(&self, engine: &Engine, args: GetArgs) -> Outcome {
        let check = match args.check {
            Some(command) => {
                let limit = values::time(args.timeout.as_ref())?;
                let limit = limit.unwrap_or(Duration::from_secs(CHECK_SECONDS));
                Some(get::Check { command, limit })
            }
            None => None,
        };
        let which = self.which(args.which)?;
        let options = get::Options { which, pointer: args.pointer, check };
        let report = get::run(engine, &options, &interrupt::cancel())?;
        let Some(value) = &report.value else {
            self.give("state get", &report, || text::state_get(&report));
            return Ok(exit::NO);
        };
        if let Some(file) = args.output {
            let path = self.world.folder.join(&file);
            let written = std::fs::write(path, format!("{}\n", value.pretty()));
            written.map_err(|source| EngineError::File { what: "write", path: file, source })?;
            self.give("state get", &report, || text::state_get(&report));
        } else {
            self.give_value("state get", &report, "value", value);
        }
        Ok(exit::DONE)
    }

    /// Prints a value as it is, or with its report as one JSON value. Its numbers stay as they were
    /// put, which a report's would not.
    fn give_value(&self, verb: &str, report: &impl Serialize, key: &str, value: &Json) {
        match self.json {
            true => print_with_value(verb, report, key, value),
            false => print_json_text(&format!("{}\n", value.pretty())),
        }
    }

    fn diff_states(
        &self,
        engine: &Engine,
        from: String,
        to: Option<String>,
        (patch, merge_patch): (bool, bool),
    ) -> Result<(), EngineError> {
        let form = match (patch, merge_patch) {
            (true, _) => diff::Form::Patch,
            (_, true) => diff::Form::MergePatch,
            _ => diff::Form::Places,
        };
        let to = to.map_or_else(Which::default, Which::named);
        let report = diff::run(engine, &diff::Options { from: Which::named(from), to, form })?;
        match &report.patch {
            Some(patch) => self.give_value("state diff", &report, "patch", patch),
            None => self.give("state diff", &report, || text::state_diff(&report)),
        }
        Ok(())
    }

    fn watch_file(&self, engine: &Engine, options: &watch::Options) -> Outcome {
        let session = &engine.surroundings().session;
        // The answer is the summary; what happens on the way is for whoever looks on.
        let tell = |seen| print_error(&text::state_seen(&seen, &options.file, session));
        let report = watch::run(engine, options, &interrupt::cancel(), &tell)?;
        match self.json {
            true => print_json("state watch", &report),
            false => print(&text::state_watched(&report)),
        }
        Ok(exit::DONE)
    }

    fn query(&self, args: SearchArgs) -> Result<search::Options, EngineError> {
        let now = self.world.now();
        let moment = |text: Option<String>| text.map(|text| values::moment(&text, now)).transpose();
        Ok(search::Options {
            sessions: args.session,
            tags: args.tags.into_iter().map(Label::new).collect::<Result<_, _>>()?,
            branch: label(args.branch)?,
            kind: args.kind.map(kind),
            from: moment(args.since)?,
            until: moment(args.until)?,
            text: args.text,
            sort: match args.sort {
                SortWord::Time => Sort::Time,
                SortWord::Size => Sort::Size,
                SortWord::Changes => Sort::Changes,
            },
            is_ascending: args.reverse,
            limit: args.limit,
        })
    }

    /// `exp audit`.
    pub(super) fn audit(&self, args: AuditArgs) -> Outcome {
        let AuditArgs { session, expect, limit } = args;
        let engine = self.engine_to_look()?;
        let report = audit::run(&engine, &audit::Options { session, expect, limit })?;
        let now = self.world.now();
        self.give("audit", &report, || text::audit(&report, now, columns()));
        Ok(if report.is_sound() { exit::DONE } else { exit::CORRUPT })
    }

    fn which(&self, args: WhichArgs) -> Result<Which, EngineError> {
        let time = args.at.map(|text| values::moment(&text, self.world.now())).transpose()?;
        let WhichArgs { what, back, valid, .. } = args;
        Ok(Which { what, branch: label(args.branch)?, time, back, valid })
    }
}

impl StateVerb {
    /// Whether it only reads.
    fn only_looks(&self) -> bool {
        match self {
            Self::Get(_)
            | Self::Log { .. }
            | Self::Diff { .. }
            | Self::Search(_)
            | Self::Sessions => true,
            Self::Branch { name, .. } => name.is_none(),
            _ => false,
        }
    }
}

fn label(name: Option<String>) -> Result<Option<Label>, EngineError> {
    Ok(name.map(Label::new).transpose()?)
}

fn kind(word: KindWord) -> PutKind {
    match word {
        KindWord::Automatic => PutKind::Automatic,
        KindWord::Manual => PutKind::Manual,
        KindWord::Recovery => PutKind::Recovery,
    }
}
