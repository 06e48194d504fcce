//! The verbs within a verb: `experiment`, `hook`, `op`.

use std::path::PathBuf;

use clap::Subcommand;

use super::flags::DryRun;

/// What can be asked about an experiment.
#[derive(Debug, Subcommand)]
pub enum ExperimentVerb {
    /// Show it whole: table, selection, commands; as a page with graph and bars with --html
    #[command(after_help = "Example:\n  exp experiment show e7 --html e7.html")]
    Show {
        /// Which one; the last one if none is given
        experiment: Option<String>,
        /// Write a page of its own to this file
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
}

/// The calls of a hook.
#[derive(Debug, Subcommand)]
pub enum HookVerb {
    /// Add the entries to the agent's settings for this project
    #[command(after_help = "Example:\n  exp hook install --dry-run")]
    Install {
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Take the entries out again; everything else in the file stays as it is
    #[command(after_help = "Example:\n  exp hook uninstall")]
    Uninstall {
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Before a tool: record what stands there. Reads JSON from standard input; never blocks
    #[command(after_help = "Example:\n  exp hook pre < input.json")]
    Pre,
    /// After a tool: record what it changed. Reads JSON from standard input; never blocks
    #[command(after_help = "Example:\n  exp hook post < input.json")]
    Post,
}

impl HookVerb {
    /// Whether this is a call of an agent, which must go on whatever happens here.
    pub fn never_fails(&self) -> bool {
        matches!(self, Self::Pre | Self::Post)
    }
}

/// What can be asked of the operation log.
#[derive(Debug, Subcommand)]
pub enum OpVerb {
    /// Show what was done, newest first
    #[command(after_help = "Example:\n  exp op log -n 5\n  exp op log --mine")]
    Log {
        /// How many at most
        #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
        limit: usize,
        /// Only this session's
        #[arg(long)]
        mine: bool,
    },
}
