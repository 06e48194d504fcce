//! From the command line to `export` and `import`, and back.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::Path;

use super::args::{ExportArgs, ImportArgs};
use super::dispatch::{Outcome, Shell};
use super::output::print_error;
use super::{exit, interrupt, text};
use crate::engine::verb::{export, import};
use crate::engine::{Engine, EngineError};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

impl Shell {
    /// `exp export`.
    pub(super) fn export(&self, engine: &Engine, args: ExportArgs) -> Outcome {
        let options = export::Options {
            what: args.what,
            since: args.since,
            json_lines: args.json_lines,
            dry_run: args.dry_run.dry_run,
        };
        let is_stream = args.output.as_os_str() == "-" && !options.dry_run;
        if is_stream {
            self.refuse_stream()?;
        }
        let mut out = io::stdout();
        let target = match is_stream {
            true => export::Target::Stream(&mut out),
            false => export::Target::File(self.world.folder.join(&args.output)),
        };
        let mut report = export::run(engine, &options, target, &interrupt::cancel())?;
        report.file = report.file.map(|_| args.output.display().to_string());
        match is_stream {
            // What goes to standard output is the bundle.
            true => print_error(&text::exported(&report)),
            false => self.give("export", &report, || text::exported(&report)),
        }
        Ok(exit::DONE)
    }

    /// Refuses to write a bundle to a terminal, or together with a report.
    fn refuse_stream(&self) -> Result<(), EngineError> {
        let why = match (io::stdout().is_terminal(), self.json) {
            (true, _) => "standard output is a terminal; name a file",
            (_, true) => "the report of --json would stand in it; name a file",
            _ => return Ok(()),
        };
        let what = "the bundle cannot go to standard output".to_owned();
        Err(EngineError::Refused { what, why: why.to_owned() })
    }

    /// `exp import`.
    pub(super) fn import(&self, engine: &Engine, args: ImportArgs) -> Outcome {
        let options = import::Options { trust: args.trust, dry_run: args.dry_run.dry_run };
        let from = BufReader::with_capacity(READ_BYTES, self.open_input(&args.file)?);
        let report = import::run(engine, &options, from, &interrupt::cancel())?;
        self.give("import", &report, || text::imported(&report, options.dry_run));
        Ok(exit::DONE)
    }

    /// A file that was named on the line, or standard input.
    fn open_input(&self, path: &Path) -> Result<Box<dyn Read>, EngineError> {
        if path.as_os_str() == "-" {
            return Ok(Box::new(io::stdin()));
        }
        let failed = |source| EngineError::File { what: "read", path: path.to_owned(), source };
        Ok(Box::new(File::open(self.world.folder.join(path)).map_err(failed)?))
    }
}
